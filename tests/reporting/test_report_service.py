"""The service level: promised, measured, kept."""

from collections.abc import Callable
from typing import Any

import pytest

from kimi_conformance.reporting.charts import HEIGHT, Series, line_chart, thinned
from kimi_conformance.reporting.quantity import percent, seconds
from kimi_conformance.reporting.service import load, targets

Make = Callable[..., dict[str, Any]]


def states(record: dict[str, Any]) -> dict[str, str]:
    return {one.name: one.state.key for one in load(1, record).objectives}


def test_an_objective_is_shown_with_target_value_interval_and_definition(load_record: Make) -> None:
    first, second, *_ = load(1, load_record()).objectives

    assert (first.target, first.value, first.interval) == (
        "≥ 99 %",
        "99.67 %",
        "99.16 % to 99.87 %",
    )
    assert (second.label, second.target, second.value) == (
        "Mean response time",
        "≤ 2.00 s",
        "1.21 s",
    )
    assert first.definition.startswith("share of logical calls")


@pytest.mark.parametrize(
    "change", [{"valid": False}, {"complete": False}, {"requests": 0}], ids=lambda c: next(iter(c))
)
def test_a_measurement_that_does_not_count_keeps_no_promise(
    load_record: Make, change: dict[str, Any]
) -> None:
    record = load_record(**change)

    assert "met" not in states(record).values()
    assert load(1, record).warnings


def test_an_invalid_measurement_breaks_no_promise_either(load_record: Make) -> None:
    record = load_record(valid=False, invalid_because=["the generator used 97 % of its CPU"])

    assert states(record)["ttft"] == "undecided"
    assert load(1, record).warnings[0].endswith("the generator used 97 % of its CPU.")


def test_each_target_shows_the_scenario_that_kept_it_worst(
    load_record: Make, objective: Make
) -> None:
    worse = load_record(
        scenario="spike",
        objectives=[objective("mean_response_s", 2.0, 3.1, verdict="missed")],
    )

    shown = {target.label: target for target in targets([load_record(), worse])}

    assert shown["Mean response time"].note == "spike"
    assert shown["Mean response time"].state.key == "missed"
    assert shown["Memory"].state.key == "met"


def test_targets_that_were_not_measured_say_so() -> None:
    assert [target.state.key for target in targets([])] == ["not_measured"] * 4


def test_nothing_measured_is_shown_as_nothing(load_record: Make, objective: Make) -> None:
    nothing = objective("mean_response_s", 2.0, None, low=None, high=None, verdict="undecided")

    (shown,) = load(1, load_record(objectives=[nothing], requests=0)).objectives

    assert (shown.value, shown.interval, shown.gauge) == ("–", "–", None)


def test_an_interval_may_be_open_at_one_end(load_record: Make, objective: Make) -> None:
    open_end = objective("p99", 4.0, 3.0, metric="response_s", low=2.5, high=None)

    (shown,) = load(1, load_record(objectives=[open_end])).objectives

    assert shown.interval == "from 2.50 s"
    assert shown.gauge is not None
    assert shown.gauge.high == 100.0


@pytest.mark.parametrize(
    ("value", "low", "high", "target"),
    [(1.2, 1.1, 1.3, 2.0), (0.9967, 0.9916, 0.9987, 0.99), (9.0, 8.0, 10.0, 2.0), (0, 0, 0, 0)],
)
def test_a_gauge_keeps_everything_on_its_scale(
    load_record: Make, objective: Make, value: float, low: float, high: float, target: float
) -> None:
    entry = objective("x", target, value, low=low, high=high)

    gauge = load(1, load_record(objectives=[entry])).objectives[0].gauge

    assert gauge is not None
    assert 0 <= gauge.low <= gauge.value <= gauge.high <= 100
    assert 0 <= gauge.target <= 100


@pytest.mark.parametrize(
    ("kind", "url", "words"),
    [
        ("simulator", "http://127.0.0.1:1/v1", "the embedded simulator, not the real API"),
        ("live", "http://localhost:1/v1", "an endpoint on this machine at http://localhost:1/v1"),
        ("live", "https://api.moonshot.cn/v1", "a live endpoint at https://api.moonshot.cn/v1"),
    ],
)
def test_what_was_loaded_is_named_for_what_it_is(
    load_record: Make, kind: str, url: str, words: str
) -> None:
    record = load_record(target={"kind": kind, "base_url": url, "model": None})

    assert load(1, record).target == words


def test_an_undecided_share_says_what_it_lacks(load_record: Make, objective: Make) -> None:
    entry = objective("success_rate", 0.99, 1.0, metric="success_share", needed=381)

    (shown,) = load(1, load_record(objectives=[entry])).objectives

    assert shown.definition.endswith("; 381 more good ones would show it met")


def test_a_bound_is_drawn_on_the_line_that_it_is_of(load_record: Make, objective: Make) -> None:
    entry = objective("cpu_percent", 70.0, 60.0, metric="host_cpu_percent")

    *_, resources = load(1, load_record(objectives=[entry])).charts

    assert [tick.text for tick in resources.targets] == ["CPU of the machine: target 70 %"]


def test_errors_are_ordered_by_how_often_they_came(load_record: Make) -> None:
    bars = load(1, load_record(errors={"a": 1, "b": 10, "none": 0})).errors

    assert [(bar.label, bar.count, bar.width) for bar in bars] == [
        ("b", "10", 100.0),
        ("a", "1", 10.0),
    ]


def test_the_charts_have_lines_words_and_numbers(load_record: Make) -> None:
    latency, _, resources = load(1, load_record()).charts

    assert [line.name for line in latency.lines] == ["mean response", "p95 response", "mean TTFT"]
    assert "above the target of 2.00 s at 0 of 30 points" in latency.words
    assert latency.columns == ("time", "mean response", "p95 response", "mean TTFT")
    assert latency.rows[12][2] == "–"
    assert [tick.text for tick in resources.targets] == ["CPU of the load processes: target 70 %"]


def test_a_load_without_series_has_no_charts(load_record: Make) -> None:
    assert load(1, load_record(series={})).charts == ()


def test_a_long_run_is_thinned(load_record: Make) -> None:
    length = 3600
    series = {"second": list(range(length)), "mean_response_s": [1.0] * length}

    (chart,) = load(1, load_record(series=series)).charts

    assert len(chart.rows) == 120


def test_a_line_has_a_gap_where_nothing_was_measured() -> None:
    chart = line_chart("t", [0, 1, 2, 3], [Series(name="a", values=[1, None, 1, 2])], seconds)

    assert chart is not None
    assert chart.lines[0].path.count("M") == 2


def test_a_line_stays_inside_its_plot() -> None:
    chart = line_chart("t", [5, 6], [Series(name="a", values=[0.0, 99.7])], percent, {"a": 70.0})

    assert chart is not None
    assert chart.lines[0].path == f"M0.00 {HEIGHT}L100.00 0.54"
    assert [tick.text for tick in chart.down][-1] == "100 %"
    assert 0 < chart.targets[0].at < HEIGHT


@pytest.mark.parametrize("values", [[], [None, None], [1.0]])
def test_a_line_needs_two_values(values: list[float | None]) -> None:
    moments = [float(n) for n in range(len(values))]

    assert line_chart("t", moments, [Series(name="a", values=values)], seconds) is None


def test_thinning_skips_what_is_not_known() -> None:
    assert thinned([1, None, 3, None, None, None, 8], 3, max) == [3, None, 8]
