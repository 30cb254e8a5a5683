"""Objectives: what is measured, and what it must be."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from kimi_conformance.statistics import (
    CONFIDENCE,
    Interval,
    mean,
    mean_interval,
    percentile,
    percentile_interval,
)

__all__ = [
    "BOUNDABLE",
    "EVERY_SCENARIO",
    "METRICS",
    "STATISTICS",
    "Comparison",
    "Objective",
    "Objectives",
    "Statistic",
]

EVERY_SCENARIO = "all"


class Comparison(StrEnum):
    """Which side of the target is the good one; the target itself is good."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"


_LOGICAL = "logical calls, each one intended to be valid, that brought a usable and complete body"

METRICS: Mapping[str, str] = {
    "success": f"{_LOGICAL} after whatever retries the client itself makes",
    "goodput": _LOGICAL,
    "response_s": "wall time of a logical call from its intended start to its last byte, "
    "successful calls only",
    "ttft_s": "time from the intended start of a streamed call to the first chunk with generated "
    "content, successful calls only",
    "first_answer_s": "time from the intended start of a streamed call to the first chunk of the "
    "answer itself, what it reasons before not counted, successful calls only",
    "itl_s": "gap between one chunk with generated content and the next in a stream (a chunk may "
    "hold several tokens), successful calls only",
    "tpot_s": "time per output token: from the first generated content of a streamed call to its "
    "end, divided by its completion tokens less one, successful calls only",
    "stall_s": "longest time in a streamed call without generated content once there was some, "
    "successful calls only",
    "memory_percent": (
        "resident memory of the load process tree in percent of the host's, each second; "
        "peak, host and target are shown beside it"
    ),
    "cpu_percent": (
        "CPU time of the load process tree in percent of all cores of the host, each second; "
        "peak, host and target are shown beside it"
    ),
    "host_memory_percent": "memory in use on the host in percent of all it has, each second",
    "host_cpu_percent": "CPU time spent on the host in percent of all its cores, each second",
    "target_memory_percent": (
        "resident memory of the target's process tree in percent of the host's, each second"
    ),
    "target_cpu_percent": (
        "CPU time of the target's process tree in percent of all cores of the host, each second"
    ),
}
"""What each metric is a list of; the words go into every report, beside the number."""

BOUNDABLE = ("response_s", "ttft_s", "first_answer_s", "tpot_s", "stall_s")
"""What a call of its own has, so that goodput can bound it; gaps are kept of all calls together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """One promise.

    Attributes:
        name: "mean_response_s": unique in its scenario.
        metric: A key of `METRICS`.
        bound: A value is good at or under it; None where values are good or bad already.
        bounds: Of goodput, what a successful call must keep besides, by metric. A call that is
            not streamed has only a response time to keep.
        objective: The share of good values that is promised, or None: `statistic` is judged.
        statistic: "mean", "p50", "p90", "p95" or "p99"; None where a share is judged.
        requirement: The id of the requirement that it decides, or None: it decides none.
    """

    name: str
    metric: str
    bound: float | None = None
    bounds: tuple[tuple[str, float], ...] = ()
    objective: float | None = None
    statistic: str | None = None
    requirement: str | None = None

    @property
    def target(self) -> float:
        """The number that the measured value is held against."""
        target = self.bound if self.objective is None else self.objective
        assert target is not None, "parse() gives one of the two"
        return target

    @property
    def comparison(self) -> Comparison:
        """A share must reach its target, a statistic must not pass it."""
        return Comparison.AT_MOST if self.objective is None else Comparison.AT_LEAST

    @property
    def tolerated(self) -> float | None:
        """The share of values that may be bad; None for a mean, which has no such share."""
        if self.objective is not None:
            return round(1 - self.objective, 12)  # 0.01, not 0.010000000000000009
        percent = STATISTICS[self.statistic or "mean"].percent
        return None if percent is None else round(1 - percent / 100, 12)

    @property
    def unit(self) -> str:
        """Of target and value: "share", "s" or "percent"."""
        return "share" if self.statistic is None else self.metric.rpartition("_")[2]

    @property
    def definition(self) -> str:
        """What is measured, as a phrase for people."""
        what = METRICS[self.metric]
        if self.statistic is not None:
            return f"{STATISTICS[self.statistic].words} of: {what}"
        if self.bounds:
            kept = " and ".join(f"{metric} at or under {bound:g}" for metric, bound in self.bounds)
            return f"share of {what}, each of them with {kept}"
        if self.bound is None:
            return f"share of {what}"
        return f"share at or under {self.bound:g} of: {what}"


@dataclass(frozen=True, slots=True)
class Objectives:
    """The objectives of all scenarios: by scenario, then by name."""

    tables: Mapping[str, Mapping[str, Objective]]

    def of(self, scenario: str) -> tuple[Objective, ...]:
        """Those of one scenario: of `[all]` first, each replaced by its own of that name."""
        merged = {**self.tables.get(EVERY_SCENARIO, {}), **self.tables.get(scenario, {})}
        return tuple(merged.values())


@dataclass(frozen=True, slots=True)
class Statistic:
    """A number that stands for many.

    Attributes:
        words: What it is, for people.
        value: It, or None of no values.
        interval: How sure it is.
        percent: Of a percentile; None: it is none.
    """

    words: str
    value: Callable[[Sequence[float]], float | None]
    interval: Callable[[Sequence[float]], Interval | None]
    percent: float | None = None


def _percentile(percent: float) -> Statistic:
    return Statistic(
        words=f"{percent:g}th percentile (nearest rank, interval by order statistics)",
        value=lambda values: percentile(values, percent),
        interval=lambda values: percentile_interval(values, percent, CONFIDENCE),
        percent=percent,
    )


def _mean_interval(values: Sequence[float]) -> Interval | None:
    """That of the mean of amounts, of which none is below 0."""
    interval = mean_interval(values)
    if interval is None or interval.low is None:
        return interval
    return replace(interval, low=max(interval.low, 0.0))


STATISTICS: Mapping[str, Statistic] = {
    "mean": Statistic(
        words="mean (Student's t interval)",
        value=mean,
        interval=_mean_interval,
    ),
    "p50": _percentile(50),
    "p90": _percentile(90),
    "p95": _percentile(95),
    "p99": _percentile(99),
}
