"""The service level: promised, measured, kept."""

from collections.abc import Callable
from typing import Any

import pytest

from kimi_conformance.editions.models import Price
from kimi_conformance.reporting.charts.geometry import HEIGHT, Chart, Series, line_chart, thinned
from kimi_conformance.reporting.views.comparison import side_by_side
from kimi_conformance.reporting.views.service import load, targets
from kimi_conformance.reporting.wording.quantity import percent, seconds

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


def chart_of(record: dict[str, Any], title: str) -> Chart:
    return next(chart for chart in load(1, record).charts if chart.title == title)


def test_a_bound_is_drawn_on_the_line_that_it_is_of(load_record: Make, objective: Make) -> None:
    entry = objective("cpu_percent", 70.0, 60.0, metric="host_cpu_percent")

    chart = chart_of(load_record(objectives=[entry]), "CPU")

    assert [tick.text for tick in chart.targets] == ["CPU of the machine: target 70 %"]


def test_a_bound_without_its_line_is_not_drawn(load_record: Make, objective: Make) -> None:
    entry = objective("memory_percent", 80.0, 41.0)  # of the load processes: not in the series

    assert chart_of(load_record(objectives=[entry]), "Memory").targets == ()


def test_errors_are_ordered_by_how_often_they_came(load_record: Make) -> None:
    bars = load(1, load_record(errors={"a": 1, "b": 10, "none": 0})).errors

    assert [(bar.label, bar.count, bar.width) for bar in bars] == [
        ("b", "10", 100.0),
        ("a", "1", 10.0),
    ]


def test_an_error_class_says_why_it_counts(load_record: Make) -> None:
    classes = [{"class": "server", "count": 3, "share": 0.01, "counts": "the service failed"}]

    (bar,) = load(1, load_record(errors={"server": 3}, error_classes=classes)).errors

    assert bar.why == "the service failed"


def test_the_charts_have_lines_words_and_numbers(load_record: Make) -> None:
    latency = chart_of(load_record(), "Response time")
    cpu = chart_of(load_record(), "CPU")

    assert [line.name for line in latency.lines] == ["mean response", "p95 response"]
    assert "above the target of 2.00 s at 0 of 30 points" in latency.words
    assert latency.columns == ("time", "mean response", "p95 response")
    assert latency.rows[12][2] == "–"
    assert [tick.text for tick in cpu.targets] == ["CPU of the load processes: target 70 %"]


def test_the_warm_up_is_set_apart(load_record: Make) -> None:
    (band,) = chart_of(load_record(), "Response time").bands

    assert (band.text, band.begin, band.end) == ("warm-up", 0.0, 5.0)
    assert band.width == pytest.approx(100 * 5 / 29, abs=0.01)


def test_every_chart_carries_the_numbers_that_it_shows(load_record: Make) -> None:
    for chart in load(1, load_record()).charts:
        assert len(chart.plot.x) == len(chart.rows)
        assert [len(values) for values in chart.plot.values] == [len(chart.rows)] * len(chart.lines)
        known = [v for values in chart.plot.values for v in values if v is not None]
        assert 0 <= max(known) <= chart.plot.top


def test_how_times_are_spread_is_drawn_with_percentiles(load_record: Make) -> None:
    chart = chart_of(load_record(), "Time to the first token, spread")

    assert chart.shape == "bars"
    assert [row[0] for row in chart.rows][1:3] == ["100 ms to 200 ms", "200 ms to 400 ms"]
    assert sum(float(row[1].removesuffix(" %")) for row in chart.rows) == pytest.approx(100, abs=1)
    assert [tick.text for tick in chart.marks] == ["p50 380 ms", "p95 790 ms", "p99 1.12 s"]
    assert [tick.at for tick in chart.marks] == sorted(tick.at for tick in chart.marks)


def test_a_spread_of_nothing_is_not_drawn(load_record: Make) -> None:
    nothing = {"edges": [0.1, 0.2], "counts": [0, 0, 0]}

    titles = [chart.title for chart in load(1, load_record(histogram={"ttft_s": nothing})).charts]

    assert not [title for title in titles if "spread" in title]


def test_goodput_is_drawn_by_rate_with_the_rate_that_broke(load_record: Make) -> None:
    chart = chart_of(load_record(), "Goodput by requests/s asked")

    assert list(chart.plot.x) == [2, 4, 8, 11, 16]
    assert list(chart.plot.values[0]) == [2, 4, 8, 9, 9]
    assert [tick.text for tick in chart.marks] == ["kept up to", "broke"]
    assert load(1, load_record()).answer == "8 requests/s; at 11 requests/s ttft broke."


def test_a_budget_says_what_is_left_of_it(load_record: Make) -> None:
    success, ttft = load(1, load_record()).budgets

    assert (success.allowed, success.bad, success.spent, success.left, success.over) == (
        "1 %", "4 of 1,212", "33 %", "67 % left", False,
    )  # fmt: skip
    assert (ttft.left, ttft.width, ttft.over) == ("3.81 times what may go wrong", 100.0, True)


def test_what_was_done_a_second_is_told_with_what_counts_as_good(load_record: Make) -> None:
    facts = {label: (value, text) for label, value, text in load(1, load_record()).facts}

    assert facts["Goodput"] == ("38.7", "requests a second, good: TTFT at most 800 ms")
    assert facts["Tokens"][0] == "1,290"


def test_what_a_record_tells_beside_becomes_tables(load_record: Make) -> None:
    tables = {table.caption: table.rows for table in load(1, load_record()).tables}

    assert tables["Step by step"][3][0] == "step 3"
    assert tables["How long until it was well again"] == (("the fault", "3 s"),)
    assert tables["What creeps"][0][3] == "+7.20 s an hour"
    assert tables["Failures that do not count"][0][3] == "the scenario caused it"


OPTIONAL = (
    "error_budgets", "throughput", "histogram", "steps", "saturation", "by_name", "trend",
    "recovery", "not_counted", "distrusted", "notes", "tokens", "conformance", "warm_up_s",
    "failures", "question", "workload",
)  # fmt: skip


def test_a_record_of_an_older_suite_is_shown_as_far_as_it_goes(load_record: Make) -> None:
    older = {key: value for key, value in load_record().items() if key not in OPTIONAL}

    shown = load(1, older)

    assert (shown.budgets, shown.facts, shown.tables, shown.answer, shown.notes) == (
        (), (), (), "", (),
    )  # fmt: skip
    assert chart_of(older, "Response time").rows


def test_models_stand_side_by_side(load_record: Make) -> None:
    target = {"kind": "live", "base_url": "https://api.moonshot.cn/v1"}
    records = [load_record(target={**target, "model": model}) for model in ("k2.6", "k3")]

    comparison = side_by_side(records, {"k3": Price(input=0.6, output=2.5, source="")})

    assert comparison is not None
    assert [row.model for row in comparison.rows] == ["k2.6", "k3"]
    k3 = dict(zip(comparison.columns, comparison.rows[1].cells, strict=True))
    assert k3["Price in / out"] == "$0.6 / $2.5"
    assert k3["Tokens/s"] == "1,503"  # 37,572 in the 25 s that were judged
    assert k3["Laws broken"] == "2 of 66"
    assert comparison.rows[0].cells[-1] == "–"


def test_models_of_one_load_stand_side_by_side(load_record: Make) -> None:
    figures = {"success_share": 0.99, "tokens": {"prompt": 9, "completion": 2500}, "timing": {}}
    models = {name: {**figures, "requests": count} for name, count in (("a", 10), ("b", 20))}

    comparison = side_by_side([load_record(models=models)], {})

    assert comparison is not None
    assert [(row.model, row.cells[0], row.cells[7]) for row in comparison.rows] == [
        ("a", "10", "100"),
        ("b", "20", "100"),
    ]


def test_one_model_is_compared_with_nothing(load_record: Make) -> None:
    assert side_by_side([load_record(), load_record(scenario="spike")], {}) is None


def test_a_load_without_series_has_no_charts_over_time(load_record: Make) -> None:
    assert not [chart for chart in load(1, load_record(series={})).charts if chart.timed]


def test_a_long_run_is_thinned(load_record: Make) -> None:
    length = 3600
    series = {"second": list(range(length)), "mean_response_s": [1.0] * length}

    chart = chart_of(load_record(series=series), "Response time")

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


def test_numbers_that_are_none_are_not_drawn() -> None:
    values = [1.0, float("nan"), float("inf"), 2.0]

    chart = line_chart("t", [0, 1, 2, 3], [Series(name="a", values=values)], seconds)

    assert chart is not None
    assert chart.plot.values == ((1.0, None, None, 2.0),)


@pytest.mark.parametrize("values", [[], [None, None], [1.0]])
def test_a_line_needs_two_values(values: list[float | None]) -> None:
    moments = [float(n) for n in range(len(values))]

    assert line_chart("t", moments, [Series(name="a", values=values)], seconds) is None


def test_thinning_skips_what_is_not_known() -> None:
    assert thinned([1, None, 3, None, None, None, 8], 3, max) == [3, None, 8]
