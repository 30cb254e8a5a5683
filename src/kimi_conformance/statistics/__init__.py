"""
How sure a measurement is: shares, means and percentiles, each with its interval.

Everything here is a pure function of the values. Where there are no values there is no
number: the answer is None, never NaN or zero. An interval is two-sided; its sides may be
unbounded (None) where so few values cannot bound them.

The values are taken as independent. Neighbouring requests of a load test are not quite, so
that the true intervals are somewhat wider than those given here.
"""

from kimi_conformance.statistics.intervals import (
    CONFIDENCE,
    Interval,
    mean_interval,
    mean_reach,
    order_ranks,
    percentile_interval,
    wilson,
)
from kimi_conformance.statistics.summaries import (
    Histogram,
    Summary,
    at_rank,
    histogram,
    mean,
    percentile,
    spread,
    summary,
)
from kimi_conformance.statistics.values import Ascending, Pooled, ascending, at_most

__all__ = [
    "CONFIDENCE",
    "Ascending",
    "Histogram",
    "Interval",
    "Pooled",
    "Summary",
    "ascending",
    "at_most",
    "at_rank",
    "histogram",
    "mean",
    "mean_interval",
    "mean_reach",
    "order_ranks",
    "percentile",
    "percentile_interval",
    "spread",
    "summary",
    "wilson",
]
