"""
Whether two measurements differ by more than chance: tests, intervals, corrections.

A p-value is the chance of a difference at least so large where nothing has changed; None
where there is too little to tell. All tests are two-sided.
"""

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from statistics import NormalDist, fmean, variance

from kimi_conformance.statistics import CONFIDENCE, Interval, wilson

__all__ = [
    "Moments",
    "fisher",
    "holm",
    "mann_whitney",
    "moments",
    "newcombe",
    "student_quantile",
    "welch",
    "welch_interval",
]

_TIE = 1 + 1e-7  # tables as improbable as the one found, in floating point


@dataclass(frozen=True, slots=True)
class Moments:
    """A sample in three numbers.

    Attributes:
        n: How many values.
        mean: Their mean.
        error: The standard error of it.
    """

    n: int
    mean: float
    error: float


def moments(values: Sequence[float]) -> Moments | None:
    """The sample in three numbers; None for less than two values."""
    if len(values) < 2:
        return None
    return Moments(len(values), fmean(values), math.sqrt(variance(values) / len(values)))


def newcombe(good: tuple[int, int], total: tuple[int, int]) -> Interval | None:
    """The interval of second share minus first; None where a total is 0.

    Source: Newcombe (1998), Statistics in Medicine 17, method 10: square-and-add of the two
    Wilson intervals.
    """
    first, second = (wilson(g, t, CONFIDENCE) for g, t in zip(good, total, strict=True))
    if first is None or second is None:
        return None
    before, after = good[0] / total[0], good[1] / total[1]
    low0, high0 = first.low or 0.0, 1.0 if first.high is None else first.high
    low1, high1 = second.low or 0.0, 1.0 if second.high is None else second.high
    difference = after - before
    return Interval(
        difference - math.hypot(after - low1, high0 - before),
        difference + math.hypot(high1 - after, before - low0),
    )


def fisher(good: tuple[int, int], total: tuple[int, int]) -> float | None:
    """The p-value of Fisher's exact test that two shares are the same; None where a total is 0.

    The sum over all tables with these margins that are no likelier than the one found.

    Source: Fisher (1935), Journal of the Royal Statistical Society 98.
    """
    if not all(total):
        return None
    goods, everything = sum(good), sum(total)
    least, most = max(0, goods - total[1]), min(goods, total[0])

    def log_chance(first: int) -> float:
        return (
            _log_ways(total[0], first)
            + _log_ways(total[1], goods - first)
            - _log_ways(everything, goods)
        )

    found = log_chance(good[0]) + math.log(_TIE)
    chances = (log_chance(first) for first in range(least, most + 1))
    return min(1.0, math.fsum(math.exp(chance) for chance in chances if chance <= found))


def welch(first: Moments, second: Moments) -> float | None:
    """The p-value of Welch's t test that two means are the same; None where nothing varies.

    Source: Welch (1947), Biometrika 34; degrees of freedom by Satterthwaite (1946).
    """
    error = math.hypot(first.error, second.error)
    if error == 0:
        return None
    t = (second.mean - first.mean) / error
    return _beyond(abs(t), _freedom(first, second))


def welch_interval(first: Moments, second: Moments) -> Interval:
    """The interval of second mean minus first. Source: as `welch`."""
    difference = second.mean - first.mean
    error = math.hypot(first.error, second.error)
    reach = error * student_quantile(_freedom(first, second)) if error else 0.0
    return Interval(difference - reach, difference + reach)


def mann_whitney(first: Sequence[float], second: Sequence[float]) -> float | None:
    """The p-value of the rank-sum test that neither sample tends to larger values.

    By the normal approximation with ties and continuity corrected, which is good from eight
    values in each on; None below that, and where all values are the same.

    Source: Mann and Whitney (1947), Annals of Mathematical Statistics 18; ties by Lehmann,
    Nonparametrics (1975), section 1.4.
    """
    n, m = len(first), len(second)
    if min(n, m) < 8:
        return None
    ordered, everything = sorted(first), n + m
    wins = math.fsum(
        bisect_left(ordered, value)
        + (bisect_right(ordered, value) - bisect_left(ordered, value)) / 2
        for value in second
    )  # how often a value of the second lies above one of the first
    ties = sum(count**3 - count for count in Counter([*first, *second]).values())
    spread = n * m / 12 * (everything + 1 - ties / (everything * (everything - 1)))
    if spread <= 0:
        return None
    z = max(abs(wins - n * m / 2) - 0.5, 0.0) / math.sqrt(spread)
    return 2 * NormalDist().cdf(-z)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """The same p-values, corrected for there being several: the chance that any is by chance.

    Source: Holm (1979), Scandinavian Journal of Statistics 6.

    >>> holm([0.01, None, 0.04])
    [0.02, None, 0.04]
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    scaled = ((len(known) - rank) * p for rank, (p, _) in enumerate(known))
    corrected: list[float | None] = [None] * len(p_values)
    for (_, place), value in zip(known, accumulate(scaled, max), strict=True):
        corrected[place] = min(1.0, value)
    return corrected


@cache
def student_quantile(freedom: float, confidence: float = CONFIDENCE) -> float:
    """How many standard errors to each side hold this share of Student's t distribution."""
    low, high = 0.0, 2.0
    while _beyond(high, freedom) > 1 - confidence:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _beyond(middle, freedom) > 1 - confidence else (low, middle)
    return high


def _freedom(first: Moments, second: Moments) -> float:
    squares = [each.error**2 for each in (first, second)]
    parts = (s**2 / (each.n - 1) for s, each in zip(squares, (first, second), strict=True))
    return sum(squares) ** 2 / math.fsum(parts)


def _log_ways(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _beyond(t: float, freedom: float) -> float:
    """The chance that Student's t lies farther from 0 than `t`.

    Source: DLMF 8.17: the regularized incomplete beta function at freedom / (freedom + t²).
    """
    return _beta(freedom / (freedom + t * t), freedom / 2, 0.5)


def _beta(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function, by its continued fraction.

    Source: DLMF 8.17.22, evaluated by the modified Lentz method.
    """
    if x in {0.0, 1.0}:
        return x
    if x > (a + 1) / (a + b + 2):  # where the fraction converges slowly
        return 1 - _beta(1 - x, b, a)
    front = math.exp(
        a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    )
    tiny = 1e-300
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1) or tiny)
    result = d
    for m in range(1, 1000):
        for factor in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / (1 + factor * d or tiny)
            c = 1 + factor / c or tiny
            result *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return front * result / a
