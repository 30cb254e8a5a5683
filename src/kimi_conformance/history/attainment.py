"""
How much of a promise was kept over a window, and what is left of its error budget.

A share is that of all calls of the window together, with Wilson's interval. Its error budget
is the number of bad calls that the objective allows among so many; what nobody measured adds
nothing to it. A mean is that of all calls: of probes, each of which is one call, with Student's
t interval; of loads, each weighted by its calls, with the interval of a stratified sample. Any
other statistic (a percentile, a percentage of the machine) cannot be added up: of it the median
of the loads is judged, by order statistics.

Sources: Beyer et al., The Site Reliability Workbook (2018), chapters 2 and 5; Cochran,
Sampling Techniques, 3rd edition, section 5.3, for the stratified mean.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import NormalDist

from kimi_conformance.history.past import Kind, ObjectiveResult
from kimi_conformance.history.significance import student_quantile
from kimi_conformance.slo import Attained, Comparison
from kimi_conformance.statistics import (
    CONFIDENCE,
    Interval,
    mean_interval,
    percentile,
    percentile_interval,
    wilson,
)

__all__ = [
    "BURN_WINDOWS",
    "Budget",
    "Burn",
    "Event",
    "Level",
    "between",
    "budget_of",
    "burns",
    "level",
]


@dataclass(frozen=True, slots=True)
class Event:
    """What was measured at one moment: a probe, or all calls of a load.

    Attributes:
        at: When it was over.
        result: Of one objective.
    """

    at: float
    result: ObjectiveResult


@dataclass(frozen=True, slots=True)
class Budget:
    """How many bad calls were allowed, and how many there were.

    Attributes:
        total: Allowed, as a number that need not be whole.
        spent: Bad calls.
    """

    total: float
    spent: int

    @property
    def left(self) -> float:
        """What may still go wrong; below 0 the budget is overspent."""
        return self.total - self.spent

    @property
    def share_spent(self) -> float | None:
        """1.0 is all of it; None of an empty budget."""
        return self.spent / self.total if self.total else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Burn:
    """How fast the error budget goes: 1.0 uses up exactly all of it over the SLO's period.

    Attributes:
        long_s, short_s: The two windows before the end, in seconds.
        threshold: The rate from which the workbook wakes somebody.
        rate, short_rate: Of the two windows; None where nothing was measured in them.
        worst: The highest rate of any long window, or None: nothing was measured.
    """

    long_s: float
    short_s: float
    threshold: float
    rate: float | None
    short_rate: float | None
    worst: float | None

    @property
    def alerts(self) -> bool:
        """Whether both windows burn at the threshold or faster."""
        rates = (self.rate, self.short_rate)
        return all(rate is not None and rate >= self.threshold for rate in rates)


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """An objective over a window.

    Attributes:
        source: "probe", or the load scenario.
        model: Which model was asked.
        verdict: None where nothing was measured: unknown, which is not met.
        measured: How many calls, or where those cannot be added up, loads.
        method: What `value` and its interval are.
        budget: Of shares; None for other objectives.
        burns: Of shares, where that was asked for; else empty.
    """

    source: str
    model: str
    name: str
    metric: str
    target: float
    comparison: str
    value: float | None
    low: float | None
    high: float | None
    verdict: Attained | None
    measured: int
    method: str
    budget: Budget | None
    burns: tuple[Burn, ...]


# The Site Reliability Workbook, table 5-8: long window, short window, rate.
BURN_WINDOWS = ((3_600.0, 300.0, 14.4), (21_600.0, 1_800.0, 6.0), (259_200.0, 21_600.0, 1.0))

_METHODS = {
    Kind.SHARE: "share of all calls, Wilson's interval",
    Kind.MEAN: "mean of all calls, stratified by load; Student's t of probes",
    Kind.OTHER: "median of the loads, interval by order statistics; of one load its own",
}


def level(source: str, model: str, events: Sequence[Event], end: float | None) -> Level:
    """One objective over a window.

    Args:
        source: "probe", or the load scenario.
        model: Which model was asked.
        events: What was measured of this objective, oldest first; at least one. If the target
            was changed in between, the last one is held against all.
        end: Of the window, in seconds since 1970; None: how fast the budget went is not asked.
    """
    last = events[-1].result
    results = [event.result for event in events if event.result.value is not None]
    kinds = {result.kind for result in results}
    kind = next(iter(kinds)) if len(kinds) == 1 else Kind.OTHER
    value, interval, measured = _JOINED[kind](results)
    is_share = kind is Kind.SHARE
    return Level(
        source=source,
        model=model,
        name=last.name,
        metric=last.metric,
        target=last.target,
        comparison=last.comparison,
        value=value,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        verdict=_verdict(last, interval) if measured else None,
        measured=measured,
        method=_METHODS[kind],
        budget=budget_of(results, last.target) if is_share else None,
        burns=burns(events, last.target, end) if is_share and end is not None else (),
    )


def budget_of(results: Sequence[ObjectiveResult], target: float) -> Budget:
    """The error budget of a share: of 1,000 calls under 0.99, ten may be bad.

    Source: Beyer et al., The Site Reliability Workbook, chapter 2.
    """
    good, total = _sums(results)
    # In floating point 1000 calls allow 10.000000000000009 bad ones.
    return Budget(round(total * (1 - target), 9), total - good)


def burns(events: Sequence[Event], target: float, end: float) -> tuple[Burn, ...]:
    """How fast the budget of a share went, over the workbook's windows.

    Source: Beyer et al., The Site Reliability Workbook, chapter 5, "Multiwindow, Multi-Burn-Rate
    Alerts".
    """
    moments = [event.at for event in events]
    total = [0, *accumulate(event.result.total or 0 for event in events)]
    good = [0, *accumulate(event.result.good or 0 for event in events)]

    def rate(first: int, last: int) -> float | None:
        """Of the events from one place to before another."""
        calls = total[last] - total[first]
        return (calls - good[last] + good[first]) / calls / (1 - target) if calls else None

    def ending(length: float) -> float | None:
        return rate(bisect_right(moments, end - length), bisect_right(moments, end))

    def worst(length: float) -> float | None:
        rates, first = [], 0
        for last, at in enumerate(moments, start=1):
            while moments[first] <= at - length:
                first += 1
            rates.append(rate(first, last))
        return max((each for each in rates if each is not None), default=None)

    return tuple(
        Burn(
            long_s=long_s,
            short_s=short_s,
            threshold=threshold,
            rate=ending(long_s),
            short_rate=ending(short_s),
            worst=worst(long_s),
        )
        for long_s, short_s, threshold in BURN_WINDOWS
    )


def between(events: Sequence[Event], start: float, end: float) -> Sequence[Event]:
    """Those from a moment on and before another; `events` are in order."""
    moments = [event.at for event in events]
    return events[bisect_left(moments, start) : bisect_left(moments, end)]


_Joined = tuple[float | None, Interval | None, int]


def _share(results: Sequence[ObjectiveResult]) -> _Joined:
    good, total = _sums(results)
    return (good / total if total else None), wilson(good, total), total


def _mean(results: Sequence[ObjectiveResult]) -> _Joined:
    weights = [each.total or 0 for each in results]
    total = sum(weights)
    if not total:
        return None, None, 0
    shares = [weight / total for weight in weights]
    value = math.fsum(s * (each.value or 0.0) for s, each in zip(shares, results, strict=True))
    if total == len(results):  # probes: each is one call
        return value, mean_interval([each.value or 0.0 for each in results], CONFIDENCE), total
    errors = [_standard_error(each) for each in results]
    if any(error is None for error in errors):
        return value, None, total
    error = math.hypot(*(s * (e or 0.0) for s, e in zip(shares, errors, strict=True)))
    reach = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * error
    return value, Interval(value - reach, value + reach), total


def _median(results: Sequence[ObjectiveResult]) -> _Joined:
    if len(results) == 1:
        (only,) = results
        return only.value, Interval(only.low, only.high), 1
    values = [each.value for each in results if each.value is not None]
    return percentile(values, 50), percentile_interval(values, 50, CONFIDENCE), len(values)


_JOINED = {Kind.SHARE: _share, Kind.MEAN: _mean, Kind.OTHER: _median}


def _sums(results: Sequence[ObjectiveResult]) -> tuple[int, int]:
    return sum(each.good or 0 for each in results), sum(each.total or 0 for each in results)


def _standard_error(result: ObjectiveResult) -> float | None:
    """Of a mean, from its t interval; None where it has none."""
    if result.low is None or result.high is None or not result.total or result.total < 2:
        return None
    return (result.high - result.low) / 2 / student_quantile(result.total - 1)


def _verdict(result: ObjectiveResult, interval: Interval | None) -> Attained:
    """By the interval, as `slo.judge` does."""
    low, high = (interval.low, interval.high) if interval else (None, None)
    if result.comparison == Comparison.AT_LEAST:
        met = low is not None and low >= result.target
        missed = high is not None and high < result.target
    else:
        met = high is not None and high <= result.target
        missed = low is not None and low > result.target
    return Attained.MET if met else Attained.MISSED if missed else Attained.UNDECIDED
