"""Many values in few numbers: mean, spread, percentiles and histogram."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from kimi_conformance.statistics.values import Ascending, Pooled, ascending

__all__ = [
    "Histogram",
    "Summary",
    "at_rank",
    "histogram",
    "mean",
    "percentile",
    "spread",
    "summary",
]


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


def mean(values: Sequence[float]) -> float | None:
    """The arithmetic mean, or None of nothing. The order of the values makes no difference."""
    if isinstance(values, Ascending | Pooled):
        return values.mean
    return math.fsum(values) / len(values) if values else None


def spread(values: Sequence[float]) -> float | None:
    """The standard deviation of what the values are a sample of; None for less than two."""
    n, centre = len(values), mean(values)
    if centre is None or n < 2:
        return None
    return math.sqrt(ascending(values).squares(centre) / (n - 1))


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The nearest rank: the least value that at least `percent` % of the values do not exceed.

    Always a value that was measured, none interpolated. None of nothing.

    >>> percentile([15, 20, 35, 40, 50], 30)
    20
    """
    return at_rank(ascending(values), percent)


def summary(values: Sequence[float]) -> Summary:
    """Mean, percentiles by nearest rank, and maximum."""
    ordered = ascending(values)
    return Summary(
        n=len(ordered),
        mean=mean(ordered),
        p50=at_rank(ordered, 50),
        p90=at_rank(ordered, 90),
        p95=at_rank(ordered, 95),
        p99=at_rank(ordered, 99),
        max=ordered[-1] if len(ordered) else None,
    )


def histogram(values: Sequence[float], edges: Sequence[float]) -> Histogram:
    """Count the values between ascending edges.

    >>> histogram([0.5, 1.0, 1.5, 9.0], [1.0, 2.0]).counts
    (1, 2, 1)
    """
    ordered = ascending(values)
    below = [bisect_left(ordered, edge) for edge in edges]
    counts = map(int.__sub__, (*below, len(ordered)), (0, *below))
    return Histogram(tuple(edges), tuple(counts))


def at_rank(ordered: Sequence[float], percent: float) -> float | None:
    """The nearest rank of values in ascending order."""
    if not len(ordered):
        return None
    # 95 % of 20 is 19; in floating point 19.000000000000004 or less must not become 20.
    rank = math.ceil(round(percent * len(ordered) / 100, 9))
    return ordered[max(rank, 1) - 1]
