"""
How many values it takes until an objective is decided.

Before a run from what is expected, after it from what was measured. What is found is where the
interval that judges (Wilson's for a share, order statistics for a percentile, Student's for a
mean) just comes off the target. That is a forecast: the values still to come may be others.
"""

import math
from collections.abc import Callable, Sequence

from kimi_conformance.slo.objective import STATISTICS, Objective
from kimi_conformance.statistics import at_most, mean, mean_reach, order_ranks, spread, wilson

__all__ = ["bad_values", "failures_allowed", "met_with", "more_to_decide", "requests_to_decide"]

_MOST = 10**9  # beyond, nobody waits for it: the value is at the target


def requests_to_decide(objective: Objective, expected: float | None = None) -> int | None:
    """How many requests decide an objective if the expected share of them is bad.

    Met where fewer are bad than it tolerates, missed where more are. None where no number
    does: just as many are bad as it tolerates; and for a mean, of which the share of bad values
    says nothing (`more_to_decide` takes the spread of what was measured).

    Args:
        objective: The promise.
        expected: The share of bad values to expect: failures of `success`, values above
            the bound of others. None: not one is bad, so the answer is the least there is.

    Raises:
        ValueError: No share can be so.
    """
    bad_share, tolerated = expected or 0.0, objective.tolerated
    if not 0 <= bad_share <= 1:
        raise ValueError(f"{bad_share} is no share: it must be from 0 to 1")
    if tolerated is None or math.isclose(bad_share, tolerated):
        return None
    meets = bad_share < tolerated

    def decided(total: int) -> bool:
        bad = round(total * bad_share, 6)
        if meets:
            return met_with(objective, math.ceil(bad), total)
        return _missed_with(objective, math.floor(bad), total)

    return _least(decided)


def failures_allowed(objective: Objective, requests: int) -> int | None:
    """How many of so many values may be bad so that they still show the objective to be met.

    None where they are too few even if none is, and for a mean.
    """
    if objective.tolerated is None or not met_with(objective, 0, requests):
        return None
    few, many = 0, requests
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (middle, many) if met_with(objective, middle, requests) else (few, middle)
    return few


def more_to_decide(objective: Objective, values: Sequence[float]) -> int | None:
    """About how many more values, like those there are, would decide an objective.

    An estimate, from the share of bad values or from the spread around the mean that was
    measured. None where no number would: the value is at its target; and where too little
    was measured to tell.
    """
    if objective.tolerated is not None:
        total = len(values)
        share = bad_values(objective, values) / total if total else None
        decided = requests_to_decide(objective, share)
    else:
        centre, deviation = mean(values), spread(values)
        if centre is None or deviation is None:
            return None
        distance = abs(objective.target - centre)
        decided = _least(lambda n: n > 1 and mean_reach(deviation, n) < distance)
    return None if decided is None else max(decided - len(values), 1)


def bad_values(objective: Objective, values: Sequence[float]) -> int:
    """How many values are bad: above the bound, or 0 where they are good or bad already."""
    if objective.bound is None:
        return at_most(values, 0.0)
    return len(values) - at_most(values, objective.bound)


def met_with(objective: Objective, bad: int, total: int) -> bool:
    """Whether so many bad values of so many leave no doubt that it is met; not of means."""
    if objective.objective is not None:
        interval = wilson(total - bad, total)
        return interval is not None and (interval.low or 0.0) >= objective.objective
    _, above = order_ranks(total, _percent(objective))
    return bad < above


def _missed_with(objective: Objective, bad: int, total: int) -> bool:
    if objective.objective is not None:
        interval = wilson(total - bad, total)
        return interval is not None and (interval.high or 0.0) < objective.objective
    below, _ = order_ranks(total, _percent(objective))
    return total - bad < below


def _percent(objective: Objective) -> float:
    percent = STATISTICS[objective.statistic or "mean"].percent
    assert percent is not None, "a mean tolerates no share"
    return percent


def _least(decided: Callable[[int], bool]) -> int | None:
    """The least number, or close to it, that decides; from there on they all nearly do."""
    many = 1
    while not decided(many):
        many *= 2
        if many > _MOST:
            return None
    few = many // 2
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if decided(middle) else (middle, many)
    return many
