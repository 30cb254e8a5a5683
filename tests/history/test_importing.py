"""From the evidence of a run to what is remembered of it."""

from typing import Any

import pytest

from kimi_conformance.errors import RunError
from kimi_conformance.history.importing import past_run
from kimi_conformance.history.past import Kind, PastRun
from kimi_conformance.requirements import Catalogue
from kimi_conformance.runs import Run

HEADER: dict[str, Any] = {
    "record": "header",
    "run": "r",
    "job": "load",
    "started": "2026-08-01T02:00:00+00:00",
    "suite": {"version": "0.1.0"},
    "lane": "live",
    "source": "live",
    "edition": "2025-09",
}
FOOTER = {"ended": "2026-08-01T02:01:00+00:00", "verdict": "CONFORMANT", "because": "kept"}


def objective(name: str, metric: str, value: float | None) -> dict[str, Any]:
    return {
        "name": name,
        "metric": metric,
        "target": 0.99,
        "comparison": "at_least",
        "value": value,
        "low": None,
        "high": None,
        "verdict": "met",
    }


LOAD: dict[str, Any] = {
    "scenario": "steady_chat",
    "target": {"kind": "live", "base_url": "u", "model": "m"},
    "started": "2026-08-01T02:00:05+00:00",
    "duration_s": 30.0,
    "valid": True,
    "complete": True,
    "requests": 300,
    "errors": {"server": 1},
    "objectives": [
        objective("success_rate", "success_share", 299 / 300),
        objective("ttft", "ttft_share", 0.5),
        objective("mean_response_s", "response_s", 1.25),
        objective("p99_response_s", "response_s", 3.0),
        objective("cpu_percent", "cpu_percent", 40.0),
        objective("nothing", "itl_share", None),
    ],
    "timing": {
        "ttft_s": {"n": 298, "mean": 0.4},
        "response_s": {"n": 299, "mean": 1.25},
        "itl_s": {"n": 0, "mean": None},
    },
    "samples": {"file": "steady_chat.samples"},
}


def remembered(*, footer: dict[str, Any] | None = FOOTER, **load: Any) -> PastRun:
    run = Run(header=HEADER, exchanges={}, loads=[{**LOAD, **load}], footer=footer)
    return past_run(run, Catalogue.parse({}, ()), folder="f", digest="d")


def test_shares_are_counted_and_means_are_known_by_their_value() -> None:
    (load,) = remembered().loads

    kinds = {each.name: (each.kind, each.good, each.total) for each in load.objectives}

    assert kinds == {
        "success_rate": (Kind.SHARE, 299, 300),
        "ttft": (Kind.SHARE, 149, 298),
        "mean_response_s": (Kind.MEAN, None, 299),
        "p99_response_s": (Kind.OTHER, None, None),
        "cpu_percent": (Kind.OTHER, None, None),
        "nothing": (Kind.SHARE, 0, 0),
    }


def test_recorded_counts_go_before_what_can_be_told_from_the_value() -> None:
    budget = {"name": "success_rate", "values": 250, "bad": 1}

    (load,) = remembered(error_budgets=[budget]).loads

    first = load.objectives[0]
    assert (first.good, first.total) == (249, 250)


@pytest.mark.parametrize("flaw", [{"valid": False}, {"complete": False}, {"requests": 0}])
def test_a_load_counts_only_if_it_is_whole_and_valid(flaw: dict[str, Any]) -> None:
    assert remembered().loads[0].counts is True
    assert remembered(**flaw).loads[0].counts is False


def test_a_run_without_a_footer_was_cut_short() -> None:
    run = remembered(footer=None)

    assert (run.verdict, run.ended, run.complete) == (None, None, False)


def test_a_verdict_that_is_none_is_refused() -> None:
    with pytest.raises(RunError, match="MAYBE"):
        remembered(footer={**FOOTER, "verdict": "MAYBE"})


@pytest.mark.parametrize(
    "flaw", [{"started": "2026-08-01T02:00:00"}, {"target": {}}, {"requests": "many"}]
)
def test_what_lacks_something_is_refused(flaw: dict[str, Any]) -> None:
    with pytest.raises(RunError, match="lacks what every run has"):
        remembered(**flaw)
