"""
What got worse between two runs, and how sure that is.

    a share                  Fisher's exact test; Newcombe's interval of the difference
    a mean                   Welch's t test and interval, from the samples or their summary
    any other time           the rank-sum test of Mann and Whitney, where there are samples
    a verdict on a check     how often it flipped in the earlier runs of its kind

Several objectives are compared at once, so their p-values are corrected by Holm's method: a
change is shown only if even then less than 5 % of runs without a change would look like it.
The tests take requests as independent; those of one load run are not quite, so a p-value near
the limit proves little.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from kimi_conformance.history.past import Kind, LoadResult, ObjectiveResult
from kimi_conformance.history.significance import (
    Moments,
    fisher,
    holm,
    mann_whitney,
    moments,
    newcombe,
    student_quantile,
    welch,
    welch_interval,
)
from kimi_conformance.slo import Comparison
from kimi_conformance.statistics import CONFIDENCE, Interval, wilson
from kimi_conformance.verdicts import Verdict

__all__ = [
    "Direction",
    "Samples",
    "Shift",
    "Steadiness",
    "Sure",
    "shifts",
    "steadiness",
]

FEWEST = 5  # earlier runs from which on a check can be called steady
DECIDED = (Verdict.PASSED, Verdict.FAILED, Verdict.ERROR)

Samples = Mapping[tuple[str, str], Mapping[str, Sequence[float]]]  # scenario, model; metric


class Sure(StrEnum):
    """What the earlier runs say of a change of verdict."""

    STEADY = "steady"  # it does not flip by itself: the change has a cause
    FLAKY = "flaky"  # it has flipped back and forth before
    UNSURE = "unsure"  # too few earlier runs


class Direction(StrEnum):
    """What two measurements show."""

    WORSE = "worse"
    BETTER = "better"
    NOT_SHOWN = "no change shown"
    NOT_COMPARED = "not compared"


@dataclass(frozen=True, slots=True)
class Steadiness:
    """How a check behaved in earlier runs.

    Attributes:
        runs: In how many it was decided.
        flips: How often it said another thing than in the run before.
        at_most: The share of runs in which it may flip, with 95 % confidence (Wilson); None
            where there were less than two.
    """

    sure: Sure
    runs: int
    flips: int
    at_most: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """An objective in two runs.

    Attributes:
        low, high: The 95 % interval of after minus before; None where it is not known.
        p: The p-value, corrected for all objectives of the comparison; None: not compared.
        method: Which test it was, or why there was none.
    """

    scenario: str
    model: str
    name: str
    before: ObjectiveResult
    after: ObjectiveResult
    direction: Direction
    low: float | None
    high: float | None
    p: float | None
    method: str


def steadiness(earlier: Sequence[Verdict]) -> Steadiness:
    """What the verdicts of earlier runs, oldest first, say of a check.

    A steady check has flipped once at most: broken and mended, or never. A flaky one has gone
    there and back.
    """
    decided = [verdict is Verdict.PASSED for verdict in earlier if verdict in DECIDED]
    flips = sum(before != after for before, after in pairwise(decided))
    interval = wilson(flips, len(decided) - 1) if len(decided) > 1 else None
    steady = Sure.STEADY if len(decided) >= FEWEST else Sure.UNSURE
    sure = Sure.FLAKY if flips >= 2 else steady
    return Steadiness(sure, len(decided), flips, interval.high if interval else None)


def shifts(
    before: Sequence[LoadResult],
    after: Sequence[LoadResult],
    samples: tuple[Samples, Samples],
    *,
    across_models: bool = False,
) -> tuple[Shift, ...]:
    """Every objective that both runs measured, with p-values corrected for all of them.

    Args:
        before: The loads of the first run.
        after: Those of the second.
        samples: Of both runs, the values of each metric by scenario and model, where the
            samples files are still there.
        across_models: Whether models are compared with each other; else each with itself.
    """
    loads = {_key(load, across_models): load for load in before}
    pairs = [
        (loads[_key(load, across_models)], load)
        for load in after
        if _key(load, across_models) in loads
    ]
    found = [shift for pair in pairs for shift in _of_loads(*pair, samples)]
    corrected = holm([shift.p for shift in found])
    return tuple(
        replace(shift, p=p, direction=_direction(shift, p))
        for shift, p in zip(found, corrected, strict=True)
    )


def _key(load: LoadResult, across_models: bool) -> tuple[str, str]:
    return load.scenario, "" if across_models else load.model


def _of_loads(
    before: LoadResult, after: LoadResult, samples: tuple[Samples, Samples]
) -> list[Shift]:
    values = [
        of.get((load.scenario, load.model), {})
        for of, load in zip(samples, (before, after), strict=True)
    ]
    counts = before.counts and after.counts
    earlier = {objective.name: objective for objective in before.objectives}
    found = []
    for objective in after.objectives:
        if (other := earlier.get(objective.name)) is None:
            continue
        metric = objective.metric
        pair = (values[0].get(metric, ()), values[1].get(metric, ()))
        p, interval, method = (
            _tested(other, objective, pair) if counts else (None, None, "a load does not count")
        )
        found.append(
            Shift(
                scenario=after.scenario,
                model=after.model,
                name=objective.name,
                before=other,
                after=objective,
                direction=Direction.NOT_COMPARED,
                low=interval.low if interval else None,
                high=interval.high if interval else None,
                p=p,
                method=method,
            )
        )
    return found


_Test = tuple[float | None, Interval | None, str]


def _tested(
    before: ObjectiveResult,
    after: ObjectiveResult,
    samples: tuple[Sequence[float], Sequence[float]],
) -> _Test:
    if before.kind is Kind.SHARE and after.kind is Kind.SHARE:
        good, total = (before.good or 0, after.good or 0), (before.total or 0, after.total or 0)
        return fisher(good, total), newcombe(good, total), "Fisher's exact test"
    if before.kind is Kind.MEAN and after.kind is Kind.MEAN:
        first = moments(samples[0]) or _summary(before)
        second = moments(samples[1]) or _summary(after)
        if first and second:
            return welch(first, second), welch_interval(first, second), "Welch's t test"
        return None, None, "too few values"
    if all(samples):
        return mann_whitney(*samples), None, "Mann-Whitney test"
    return None, None, "no samples"


def _summary(result: ObjectiveResult) -> Moments | None:
    """A mean as it was recorded, its standard error from the t interval."""
    n = result.total or 0
    if n < 2 or result.value is None or result.low is None or result.high is None:
        return None
    return Moments(n, result.value, (result.high - result.low) / 2 / student_quantile(n - 1))


def _direction(shift: Shift, p: float | None) -> Direction:
    before, after = shift.before.value, shift.after.value
    if p is None or before is None or after is None:
        return Direction.NOT_COMPARED
    if p >= 1 - CONFIDENCE or before == after:
        return Direction.NOT_SHOWN
    rises_are_good = shift.after.comparison == Comparison.AT_LEAST
    return Direction.BETTER if (after > before) is rises_are_good else Direction.WORSE
