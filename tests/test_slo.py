from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_conformance.slo import Attained, Comparison, Measured, Objective, judge, needed, parse
from kimi_conformance.statistics import wilson

SUCCESS = Objective(name="success_rate", metric="success", objective=0.99)
RESPONSE = Objective(name="mean_response_s", metric="response_s", statistic="mean", bound=2.0)
PROMPT = Objective(name="ttft", metric="ttft_s", bound=0.8, objective=0.9)
TAIL = Objective(name="p99", metric="response_s", statistic="p99", bound=2.0)
CPU = Objective(name="cpu_percent", metric="cpu_percent", statistic="mean", bound=70)


def calls(good: int, bad: int = 0) -> Sequence[float]:
    return [1.0] * good + [0.0] * bad


def verdict(
    objective: Objective, *, success: Sequence[float] = (1.0,), **values: Sequence[float]
) -> str:
    return judge(objective, Measured(values={"success": success, **values})).verdict


@pytest.mark.parametrize(
    ("good", "bad", "expected"),
    [
        (381, 0, "met"),
        (380, 0, "undecided"),
        (1, 0, "undecided"),
        (100, 1, "undecided"),
        (990, 10, "undecided"),
        (900, 100, "missed"),
        (0, 1, "missed"),
        (0, 0, "undecided"),
    ],
)
def test_a_share_is_judged_by_its_whole_interval(good: int, bad: int, expected: str) -> None:
    assert verdict(SUCCESS, success=calls(good, bad)) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0] * 50, "met"),
        ([2.0] * 50, "met"),
        ([3.0] * 50, "missed"),
        ([0.1, 3.8] * 5, "undecided"),
        ([0.1], "undecided"),
        ([], "undecided"),
    ],
)
def test_a_mean_is_judged_by_its_whole_interval(values: list[float], expected: str) -> None:
    assert verdict(RESPONSE, response_s=values) == expected


def test_a_tail_needs_enough_values_to_be_met_and_few_to_be_missed() -> None:
    assert verdict(TAIL, response_s=[1.0] * 367) == "undecided"
    assert verdict(TAIL, response_s=[1.0] * 368) == "met"
    assert verdict(TAIL, response_s=[3.0] * 10) == "missed"


def test_a_value_at_its_bound_is_good() -> None:
    at_bound = judge(PROMPT, Measured(values={"success": [1.0], "ttft_s": [0.8, 0.9]}))

    assert at_bound.value == 0.5


@pytest.mark.parametrize("objective", [SUCCESS, RESPONSE, TAIL, PROMPT, CPU])
def test_no_call_meets_nothing(objective: Objective) -> None:
    idle = {"success": (), "cpu_percent": [1.0] * 50, "memory_percent": [1.0] * 50}

    attained = judge(objective, Measured(values=idle))

    assert attained.verdict is Attained.UNDECIDED


def test_a_run_cut_short_keeps_no_promise_but_can_break_one() -> None:
    fast = {"success": calls(1000), "response_s": [0.1] * 1000}
    slow = {"success": calls(1000), "response_s": [9.0] * 1000}

    assert judge(RESPONSE, Measured(values=fast, complete=False)).verdict is Attained.UNDECIDED
    assert judge(RESPONSE, Measured(values=slow, complete=False)).verdict is Attained.MISSED


@pytest.mark.parametrize("seconds", [0.1, 9.0])
def test_a_run_that_is_not_valid_decides_nothing(seconds: float) -> None:
    values = {"success": calls(1000), "response_s": [seconds] * 1000}

    assert judge(RESPONSE, Measured(values=values, valid=False)).verdict is Attained.UNDECIDED


def test_an_attainment_tells_what_was_measured_and_how_sure_it_is() -> None:
    attained = judge(SUCCESS, Measured(values={"success": calls(98, 2)}))

    assert attained.value == 0.98
    assert attained.comparison is Comparison.AT_LEAST
    assert (attained.low, attained.high) == pytest.approx((0.9300, 0.9945), abs=1e-4)
    assert (attained.metric, attained.unit) == ("success_share", "share")
    assert "usable and complete body" in attained.definition


@given(st.integers(0, 3000), st.integers(0, 20), st.sampled_from([0.5, 0.9, 0.99, 0.999]))
def test_exactly_as_many_calls_as_needed_decide(good: int, bad: int, share: float) -> None:
    objective = Objective(name="share", metric="success", objective=share)

    more = needed(objective, calls(good, bad))

    enough = judge(objective, Measured(values={"success": calls(good + more, bad)}))
    assert enough.verdict is Attained.MET or not good + more
    if more:
        fewer = judge(objective, Measured(values={"success": calls(good + more - 1, bad)}))
        assert fewer.verdict is not Attained.MET


def test_an_undecided_share_says_how_many_more_it_needs() -> None:
    assert judge(SUCCESS, Measured(values={"success": calls(180)})).needed == 201
    assert judge(SUCCESS, Measured(values={"success": calls(381)})).needed is None
    assert judge(SUCCESS, Measured(values={"success": calls(0, 9)})).needed is None


def test_the_interval_of_a_mean_of_amounts_does_not_go_below_zero() -> None:
    """As that of two seconds of CPU time would."""
    found = judge(CPU, Measured(values={"cpu_percent": [1.0, 3.0]}))

    assert (found.low, found.value) == (0.0, 2.0)
    assert found.high == pytest.approx(2 + 12.706, abs=0.001)


def test_how_many_more_is_no_question_of_a_mean() -> None:
    with pytest.raises(ValueError, match="no share"):
        needed(RESPONSE, [1.0])


def test_a_scenario_has_the_objectives_of_all_and_its_own() -> None:
    text = """
        [all.success_rate]
        metric = "success"
        objective = 0.99
        [all.mean_response_s]
        metric = "response_s"
        statistic = "mean"
        at_most = 2
        [storm.success_rate]
        metric = "success"
        objective = 0.5
    """
    objectives = parse(text)

    assert [(o.name, o.target) for o in objectives.of("storm")] == [
        ("success_rate", 0.5),
        ("mean_response_s", 2.0),
    ]
    assert [o.target for o in objectives.of("anything")] == [0.99, 2.0]


GOODPUT = '[a.b]\nmetric = "goodput"\nobjective = 0.9\n'


@pytest.mark.parametrize(
    ("objective", "metric", "target"),
    [
        (SUCCESS, "success_share", 0.99),
        (PROMPT, "ttft_share", 0.9),
        (
            Objective(name="n", metric="host_cpu_percent", bound=9, objective=0.5),
            "host_cpu_share",
            0.5,
        ),
        (RESPONSE, "response_s", 2.0),
    ],
)
def test_an_attainment_names_what_was_promised(
    objective: Objective, metric: str, target: float
) -> None:
    attained = judge(objective, Measured(values={}))

    assert (attained.name, attained.metric, attained.target) == (objective.name, metric, target)


def test_goodput_that_nobody_measured_is_open() -> None:
    (objective,) = parse(GOODPUT + "bounds = { ttft_s = 1 }").of("a")

    assert judge(objective, Measured(values={"success": [1.0]})).verdict is Attained.UNDECIDED


def test_an_interval_that_ends_at_the_target_lies_on_the_good_side() -> None:
    low, high = wilson(30, 30), wilson(15, 30)
    assert low is not None
    assert high is not None
    reached = Objective(name="o", metric="success", objective=low.low)
    touched = Objective(name="o", metric="success", objective=high.high)
    median = Objective(name="o", metric="response_s", statistic="p50", bound=2.0)

    assert verdict(reached, success=calls(30)) == "met"
    assert needed(reached, calls(30)) == 0
    assert verdict(touched, success=calls(15, 15)) == "undecided"
    assert verdict(median, response_s=[2.0] * 12 + [3.0] * 12) == "undecided"


def test_a_percentile_says_what_it_is_and_what_it_was() -> None:
    values = [float(value) for value in range(1, 1001)]
    attained = judge(TAIL, Measured(values={"success": [1.0], "response_s": values}))

    assert (attained.value, attained.unit) == (990.0, "s")
    assert attained.definition.startswith(
        "99th percentile (nearest rank, interval by order statistics) of: wall time"
    )


def test_one_more_call_may_be_enough() -> None:
    half = Objective(name="o", metric="success", objective=0.5)

    assert needed(half, calls(3)) == 1


def test_goodput_counts_calls_that_keep_every_bound() -> None:
    text = GOODPUT + "bounds = { ttft_s = 1.5, response_s = 10 }"
    (objective,) = parse(text).of("a")
    good = {objective.bounds: calls(97, 3)}

    attained = judge(objective, Measured(values={"success": calls(100)}, goodput=good))

    assert objective.bounds == (("response_s", 10.0), ("ttft_s", 1.5))
    assert (attained.value, attained.metric, attained.unit) == (0.97, "goodput_share", "share")
    assert "response_s at or under 10 and ttft_s at or under 1.5" in attained.definition


@pytest.mark.parametrize("metric", ["goodput", "ttft_s"])
def test_figures_that_are_not_trusted_decide_nothing_and_say_so(metric: str) -> None:
    goodput = Objective(name="goodput", metric="goodput", objective=0.9, bounds=(("ttft_s", 1.5),))
    objective = {"goodput": goodput, "ttft_s": PROMPT}[metric]
    measured = Measured(
        values={"success": calls(1000), "ttft_s": [0.1] * 1000},
        goodput={goodput.bounds: calls(1000)},
        distrusted={"ttft_s": "the clock stood still."},
    )

    attained = judge(objective, measured)

    assert attained.verdict is Attained.UNDECIDED
    assert attained.because == "The figures of ttft_s are not to be trusted: the clock stood still."
    assert judge(SUCCESS, measured).verdict is Attained.MET


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"valid": False}, "The run is not valid, so it decides nothing."),
        ({"complete": False}, "The run was cut short, and half a run keeps no promise."),
        (
            {"values": {"response_s": [0.1] * 50}},
            "No call was measured, and no promise is kept by doing nothing.",
        ),
        ({"values": {"success": [1.0]}}, "Nothing was measured that it could be decided by."),
        (
            {"values": {"success": [1.0], "response_s": [2.5]}},
            "The value is at its target, or too few values say where: more need not decide it.",
        ),
        (
            {"values": {"success": [1.0], "response_s": [1.0, 2.0, 2.6]}},
            "The target lies within the 95 % interval. "
            "About 141 more values like these would decide it: let the load last longer.",
        ),
    ],
)
def test_an_undecided_objective_says_why(changes: dict[str, Any], because: str) -> None:
    sound = {"values": {"success": [1.0], "response_s": [0.1] * 50}}

    attained = judge(RESPONSE, Measured(**{**sound, **changes}))

    assert attained.verdict is Attained.UNDECIDED
    assert attained.because == because


def test_the_four_targets_hold_for_every_scenario_of_the_suite() -> None:
    text = (Path(__file__).parents[1] / "loadtests" / "slo.toml").read_text("utf-8")

    targets = {o.name: (o.comparison, o.target) for o in parse(text).of("any")}

    assert targets == {
        "success_rate": (Comparison.AT_LEAST, 0.99),
        "mean_response_s": (Comparison.AT_MOST, 2.0),
        "memory_percent": (Comparison.AT_MOST, 80.0),
        "cpu_percent": (Comparison.AT_MOST, 70.0),
    }
