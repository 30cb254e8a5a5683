"""
How sure a measurement is: shares, means and percentiles, each with its interval.

Everything here is a pure function of the values. Where there are no values there is no
number: the answer is None, never NaN or zero. An interval is two-sided; its sides may be
unbounded (None) where so few values cannot bound them.

The values are taken as independent. Neighbouring requests of a load test are not quite, so
that the true intervals are somewhat wider than those given here.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, repeat
from statistics import NormalDist, fmean
from typing import overload

__all__ = [
    "CONFIDENCE",
    "Histogram",
    "Interval",
    "Pooled",
    "Summary",
    "histogram",
    "mean",
    "mean_interval",
    "percentile",
    "percentile_interval",
    "summary",
    "wilson",
]

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """Where the true value lies with the given confidence.

    Attributes:
        low: The lower end, or None: unbounded.
        high: The upper end, or None: unbounded.
    """

    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Values in a few numbers, in their unit; all but `n` are None where `n` is 0."""

    n: int
    mean: float | None
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    max: float | None


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many values lie between neighbouring edges.

    Attributes:
        edges: Ascending.
        counts: `len(counts) == len(edges) + 1`: the first is of values below the first edge,
            number i of those from `edges[i - 1]` to below `edges[i]`, the last of the rest.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]


class Pooled(Sequence[float]):
    """Many values, of which many are the same, in ascending order.

    A sequence like any other, but it takes the room of the different values only, and the
    functions of this module take their time only.

    >>> list(Pooled({0.5: 2, 0.25: 1}))
    [0.25, 0.5, 0.5]
    """

    def __init__(self, counts: Mapping[float, int]) -> None:
        self._values = sorted(counts)
        self._counts = [counts[value] for value in self._values]
        self._ends = list(accumulate(self._counts))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, place: int) -> float: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[float]: ...

    def __getitem__(self, place: int | slice) -> float | Sequence[float]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        return self._values[bisect_right(self._ends, place % len(self))]

    def __iter__(self) -> Iterator[float]:
        return chain.from_iterable(map(repeat, self._values, self._counts))

    def mean(self) -> float | None:
        """The arithmetic mean, or None of nothing."""
        return self.total(lambda value: value) / len(self) if self._ends else None

    def total(self, of: Callable[[float], float]) -> float:
        """The sum of a function of each value."""
        return math.fsum(map(lambda value, count: of(value) * count, self._values, self._counts))

    def at_most(self, bound: float) -> int:
        """How many values are at or under a bound."""
        place = bisect_right(self._values, bound)
        return self._ends[place - 1] if place else 0


def wilson(good: int, total: int, confidence: float = CONFIDENCE) -> Interval | None:
    """The score interval of a share; None where `total` is 0.

    It stays within 0 and 1 and is sound for shares near 1 and few values: 10 good of 10 do
    not show a share of 1, only one above 0.72.

    Source: Wilson (1927), Journal of the American Statistical Association 22.
    """
    if not total:
        return None
    z = _normal(confidence)
    share = good / total
    centre = share + z * z / (2 * total)
    reach = z * math.sqrt(share * (1 - share) / total + (z / (2 * total)) ** 2)
    scale = 1 + z * z / total
    low = 0.0 if good == 0 else (centre - reach) / scale
    high = 1.0 if good == total else (centre + reach) / scale
    return Interval(low, high)


def mean(values: Sequence[float]) -> float | None:
    """The arithmetic mean, or None of nothing. The order of the values makes no difference."""
    if isinstance(values, Pooled):
        return values.mean()
    return fmean(values) if values else None


def mean_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval | None:
    """Student's t interval of the mean; None for less than two values.

    Exact for normal values, and by the central limit theorem good for others from some
    dozens on; below that a long tail makes it a little narrow at its upper end.

    Source: Student (1908), Biometrika 6.
    """
    n = len(values)
    if n < 2:
        return None
    centre = mean(values) or 0.0
    if isinstance(values, Pooled):
        squares = values.total(lambda value: (value - centre) ** 2)
    else:
        squares = math.fsum((value - centre) ** 2 for value in values)
    deviation = math.sqrt(squares / (n - 1))
    reach = _student(confidence, n - 1) * deviation / math.sqrt(n)
    return Interval(centre - reach, centre + reach)


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The nearest rank: the least value that at least `percent` % of the values do not exceed.

    Always a value that was measured, none interpolated. None of nothing.

    >>> percentile([15, 20, 35, 40, 50], 30)
    20
    """
    return _at_rank(_ascending(values), percent)


def percentile_interval(
    values: Sequence[float], percent: float, confidence: float = CONFIDENCE
) -> Interval | None:
    """The interval between two order statistics; None of nothing.

    How many values lie below the true percentile is binomial, whatever the distribution, so
    the interval assumes no shape. It is unbounded above as long as the largest value may
    well lie below the percentile: for p99 up to 367 values.

    Source: David and Nagaraja, Order Statistics, 3rd edition, section 7.1.
    """
    ordered = _ascending(values)
    n = len(ordered)
    if not n:
        return None
    tail = (1 - confidence) / 2
    below = _binomial_rank(n, percent / 100, tail)
    above = _binomial_rank(n, 1 - percent / 100, tail)
    return Interval(
        low=ordered[below - 1] if below else None,
        high=ordered[n - above] if above else None,
    )


def summary(values: Sequence[float]) -> Summary:
    """Mean, percentiles by nearest rank, and maximum."""
    ordered = _ascending(values)
    return Summary(
        n=len(ordered),
        mean=mean(ordered),
        p50=_at_rank(ordered, 50),
        p90=_at_rank(ordered, 90),
        p95=_at_rank(ordered, 95),
        p99=_at_rank(ordered, 99),
        max=ordered[-1] if ordered else None,
    )


def histogram(values: Sequence[float], edges: Sequence[float]) -> Histogram:
    """Count the values between ascending edges.

    >>> histogram([0.5, 1.0, 1.5, 9.0], [1.0, 2.0]).counts
    (1, 2, 1)
    """
    ordered = _ascending(values)
    below = [bisect_left(ordered, edge) for edge in edges]
    counts = map(int.__sub__, (*below, len(ordered)), (0, *below))
    return Histogram(tuple(edges), tuple(counts))


def _ascending(values: Sequence[float]) -> Sequence[float]:
    return values if isinstance(values, Pooled) else sorted(values)


def _at_rank(ordered: Sequence[float], percent: float) -> float | None:
    if not ordered:
        return None
    # 95 % of 20 is 19; in floating point 19.000000000000004 or less must not become 20.
    rank = math.ceil(round(percent * len(ordered) / 100, 9))
    return ordered[max(rank, 1) - 1]


def _normal(confidence: float) -> float:
    """How many standard deviations to each side hold this share of a normal distribution."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def _student(confidence: float, freedom: int) -> float:
    """The same of Student's t: exact for one and two degrees of freedom, else a series.

    The series is off by 0.12 % for three degrees, by less than 0.04 % from four on.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5.
    """
    if exact := _FEW.get(freedom):
        return exact(confidence)
    z = _normal(confidence)
    return math.fsum(
        z * math.fsum(c * z ** (2 * i) for i, c in enumerate(factors)) / (over * freedom**power)
        for power, (over, factors) in enumerate(_SERIES)
    )


_FEW: dict[int, Callable[[float], float]] = {
    1: lambda confidence: math.tan(math.pi * confidence / 2),
    2: lambda confidence: confidence * math.sqrt(2 / (1 - confidence**2)),
}

# Of each power of 1/freedom: the divisor, and the factors of z, z³, z⁵, …
_SERIES: tuple[tuple[int, tuple[int, ...]], ...] = (
    (1, (1,)),
    (4, (1, 1)),
    (96, (3, 16, 5)),
    (384, (-15, 17, 19, 3)),
    (92160, (-945, -1920, 1482, 776, 79)),
)


def _binomial_rank(n: int, share: float, tail: float) -> int:
    """The largest k with P(B < k) <= tail for a binomial B; 0 where there is none.

    Then the k-th smallest value exceeds the percentile with at most that probability.
    """
    if not 0 < share < 1:
        return 0
    # Twelve deviations below the mean: nothing that matters lies before it.
    k = max(math.floor(n * share - 12 * math.sqrt(n * share * (1 - share))), 0)
    below = 0.0
    odds = math.log(share) - math.log1p(-share)
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    log_term = ways + k * math.log(share) + (n - k) * math.log1p(-share)  # of P(B = k)
    while k < n:
        below += math.exp(log_term)
        if below > tail:
            break
        log_term += math.log(n - k) - math.log(k + 1) + odds
        k += 1
    return k
