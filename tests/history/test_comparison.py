"""Two runs side by side: what is different, and how sure that is."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.history.memories import load, mean_of, outcome, past, share

from kimi_conformance.history.comparison import Comparison, Side, compare
from kimi_conformance.history.past import Kind, ObjectiveResult
from kimi_conformance.history.regression import Direction, Sure, shifts, steadiness
from kimi_conformance.verdicts import Outcome, Verdict

P, F, E, I = (Verdict.PASSED, Verdict.FAILED, Verdict.ERROR, Verdict.INCONCLUSIVE)  # noqa: E741


def never(_check: str, _sut: str) -> Sequence[Verdict]:
    return ()


def compared(before: Sequence[Outcome], after: Sequence[Outcome], **sides: Any) -> Comparison:
    first = Side(run=past("a", outcomes=tuple(before)), sut=sides.get("first"), samples={})
    second = Side(run=past("b", outcomes=tuple(after)), sut=sides.get("second"), samples={})
    return compare(first, second, sides.get("earlier", never))


def ids(changes: Sequence[Any]) -> list[str]:
    return [change.outcome.id for change in changes]


def test_each_check_is_where_it_belongs() -> None:
    before = [
        outcome("fails"),
        outcome("passes", "failed"),
        outcome("lost"),
        outcome("other", "failed", reason="one"),
        outcome("same", "failed", reason="one"),
        outcome("gone"),
        outcome("mended", "error"),
        outcome("claimed", "not_claimed"),
    ]
    after = [
        outcome("fails", "failed", seconds=3.0),
        outcome("passes"),
        outcome("lost", "inconclusive"),
        outcome("other", "failed", reason="two"),
        outcome("same", "failed", reason="one"),
        outcome("new", seconds=9.0),
        outcome("mended"),
        outcome("claimed", "error"),
    ]

    found = compared(before, after)

    assert ids(found.newly_failing) == ["fails", "claimed"]
    assert ids(found.newly_passing) == ["passes", "mended"]
    assert ids(found.undecided) == ["lost"]
    assert ids(found.changed_reason) == ["other"]
    assert (ids(found.gone), ids(found.new)) == (["gone"], ["new"])
    assert ids(found.slowest)[:2] == ["new", "fails"]
    assert found.worse
    assert found.because == "2 checks newly failing; 1 check not decided any more"


def test_a_run_against_itself_is_no_change() -> None:
    found = compared([outcome("a"), outcome("b", "failed")], [outcome("a"), outcome("b", "failed")])

    assert (found.worse, found.decided, found.because) == (False, True, "nothing got worse")


def test_two_suts_of_one_run_are_compared_check_by_check() -> None:
    outcomes = [outcome("a", sut="reference"), outcome("a", "failed", sut="openai")]

    found = compared(outcomes, outcomes, first="reference", second="openai")

    assert ids(found.newly_failing) == ["a"]
    assert (found.gone, found.new) == ((), ())
    assert found.second.label == "b:openai"


def test_a_run_that_was_cut_short_decides_nothing() -> None:
    first = Side(run=past("a", verdict=None, ended=None), samples={})

    found = compare(first, Side(run=past("b"), samples={}), never)

    assert (found.worse, found.decided) == (False, False)
    assert found.because == "a was cut short"


def test_a_flaky_check_is_called_so() -> None:
    found = compared(
        [outcome("a")], [outcome("a", "failed")], earlier=lambda *_: [P, F, P, P, E, P]
    )

    (change,) = found.newly_failing
    assert change.steadiness is not None
    assert change.steadiness.sure is Sure.FLAKY
    assert found.because == "1 check newly failing (1 of them flaky)"


@pytest.mark.parametrize(
    ("earlier", "sure", "runs", "flips"),
    [
        ([], Sure.UNSURE, 0, 0),
        ([P] * 4, Sure.UNSURE, 4, 0),
        ([P] * 5, Sure.STEADY, 5, 0),
        ([F, F, P, P, P], Sure.STEADY, 5, 1),
        ([P, F, P], Sure.FLAKY, 3, 2),
        ([P, I, I, I, I, P], Sure.UNSURE, 2, 0),
    ],
)
def test_steadiness_is_how_often_it_flipped(
    earlier: list[Verdict], sure: Sure, runs: int, flips: int
) -> None:
    found = steadiness(earlier)

    assert (found.sure, found.runs, found.flips) == (sure, runs, flips)


def test_how_often_a_check_may_flip_is_an_interval() -> None:
    # Wilson: 0 of 19 changes are compatible with up to 16.8 %.
    assert steadiness([P] * 20).at_most == pytest.approx(0.1682, abs=1e-4)
    assert steadiness([P]).at_most is None


def test_a_share_that_fell_is_worse_and_one_that_rose_is_better() -> None:
    before = [load(0.0, share(995, 1000))]
    after = [load(1.0, share(900, 1000))]

    (fell,) = shifts(before, after, ({}, {}))
    (rose,) = shifts(after, before, ({}, {}))

    assert (fell.direction, rose.direction) == (Direction.WORSE, Direction.BETTER)
    assert fell.method == "Fisher's exact test"
    assert fell.low is not None
    assert fell.high is not None
    assert -0.12 < fell.low < -0.095 < fell.high < -0.07


def test_a_small_difference_is_not_shown() -> None:
    (shift,) = shifts([load(0, share(99, 100))], [load(1, share(98, 100))], ({}, {}))

    assert shift.direction is Direction.NOT_SHOWN


def test_a_mean_is_tested_by_its_summary_or_by_the_samples() -> None:
    before, after = [load(0, mean_of(1.0))], [load(1, mean_of(1.2))]
    key = ("steady_chat", "kimi-k2")
    noisy = ({key: {"response_s": [0.1, 4.0] * 5}}, {key: {"response_s": [0.2, 4.4] * 5}})

    (by_summary,) = shifts(before, after, ({}, {}))
    (by_samples,) = shifts(before, after, noisy)

    assert by_summary.direction is Direction.WORSE
    assert by_samples.direction is Direction.NOT_SHOWN
    assert by_summary.method == by_samples.method == "Welch's t test"


def p99(value: float) -> ObjectiveResult:
    return replace(mean_of(value), name="p99_response_s", kind=Kind.OTHER)


def test_a_percentile_is_compared_by_ranks_where_there_are_samples() -> None:
    before, after = [load(0, p99(1.0))], [load(1, p99(2.0))]
    key = ("steady_chat", "kimi-k2")
    samples = tuple({key: {"response_s": [base + n / 100 for n in range(30)]}} for base in (1, 2))

    (with_samples,) = shifts(before, after, (samples[0], samples[1]))
    (without,) = shifts(before, after, ({}, {}))

    assert with_samples.direction is Direction.WORSE
    assert (without.direction, without.method) == (Direction.NOT_COMPARED, "no samples")


def test_several_objectives_are_corrected_for() -> None:
    # 990 against 978 of 1000 has p = 0.048: alone a change, among four no more.
    pair = (share(990, 1000), share(978, 1000))
    others = [share(50, 100, name=f"n{number}") for number in range(3)]

    (alone,) = shifts([load(0, pair[0])], [load(1, pair[1])], ({}, {}))
    among = shifts([load(0, pair[0], *others)], [load(1, pair[1], *others)], ({}, {}))

    assert alone.p == pytest.approx(0.0483, abs=1e-4)
    assert alone.direction is Direction.WORSE
    assert among[0].direction is Direction.NOT_SHOWN


def test_a_load_that_does_not_count_is_not_compared() -> None:
    (shift,) = shifts(
        [load(0, share(999, 1000))], [load(1, share(1, 1000), counts=False)], ({}, {})
    )

    assert shift.direction is Direction.NOT_COMPARED


def test_models_are_compared_only_if_asked() -> None:
    one, two = [load(0, share(999, 1000))], [load(0, share(900, 1000), model="kimi-k3")]

    assert shifts(one, two, ({}, {})) == ()
    (shift,) = shifts(one, two, ({}, {}), across_models=True)
    assert shift.direction is Direction.WORSE
