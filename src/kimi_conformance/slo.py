"""
What was promised of a scenario, and whether a run kept it.

An objective is a table of slo.toml, below its scenario or below `[all]`, which holds for
every scenario that has no objective of that name itself. It has one of three forms:

    [all.success_rate]             a share of good calls
    metric = "success"
    objective = 0.99

    [steady_chat.ttft]             a share of the values at or under a bound
    metric = "ttft_s"
    at_most = 0.8
    objective = 0.99

    [all.mean_response_s]          a statistic of the values: mean, p50, p90, p95 or p99
    metric = "response_s"
    statistic = "mean"
    at_most = 2.0

An objective that decides a requirement of the catalogue names it: requirement = "PERF-01".

A verdict looks at the 95 % interval, not at the value: met only if all of it lies on the
good side, missed only if all of it lies on the bad side. Between the two the run was too
short to tell.
"""

import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kimi_conformance.errors import UsageError, nearest
from kimi_conformance.statistics import (
    CONFIDENCE,
    Interval,
    mean,
    mean_interval,
    percentile,
    percentile_interval,
    wilson,
)

__all__ = [
    "METRICS",
    "Attained",
    "Attainment",
    "Comparison",
    "Measured",
    "Objective",
    "Objectives",
    "judge",
    "needed",
    "parse",
]

_EVERY_SCENARIO = "all"


class Comparison(StrEnum):
    """Which side of the target is the good one; the target itself is good."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"


class Attained(StrEnum):
    """What a run says of an objective."""

    MET = "met"
    MISSED = "missed"
    UNDECIDED = "undecided"


# What each metric is a list of; the words go into every report, beside the number.
METRICS: Mapping[str, str] = {
    "success": (
        "logical calls, each one intended to be valid, that brought a usable and complete "
        "body after whatever retries the client itself makes"
    ),
    "response_s": "wall time of a logical call from its intended start to its last byte, "
    "successful calls only",
    "ttft_s": "time from the intended start of a streamed call to the first chunk with generated "
    "content, successful calls only",
    "itl_s": "gap between one chunk with generated content and the next in a stream (a chunk may "
    "hold several tokens), successful calls only",
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """One promise.

    Attributes:
        name: "mean_response_s": unique in its scenario.
        metric: A key of `METRICS`.
        bound: A value is good at or under it; None where values are good or bad already.
        objective: The share of good values that is promised, or None: `statistic` is judged.
        statistic: "mean", "p50", "p90", "p95" or "p99"; None where a share is judged.
        requirement: The id of the requirement that it decides, or None: it decides none.
    """

    name: str
    metric: str
    bound: float | None = None
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
    def unit(self) -> str:
        """Of target and value: "share", "s" or "percent"."""
        return "share" if self.statistic is None else self.metric.rpartition("_")[2]

    @property
    def definition(self) -> str:
        """What is measured, as a phrase for people."""
        what = METRICS[self.metric]
        if self.statistic is not None:
            return f"{_STATISTICS[self.statistic].words} of: {what}"
        if self.bound is None:
            return f"share of {what}"
        return f"share at or under {self.bound:g} of: {what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a run brought, warm-up left out.

    Attributes:
        values: By metric; of `success` 1.0 for each good call and 0.0 for each bad one.
        complete: Whether the run came to its own end. One that did not keeps no promise.
        valid: Whether the generator could keep up. If not, nothing is decided.
    """

    values: Mapping[str, Sequence[float]]
    complete: bool = True
    valid: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Attainment:
    """An objective with what was measured against it.

    Attributes:
        metric: What `value` is: "success_share" and "ttft_share" for shares, else as in the
            objective.
        value: None where nothing was measured.
        low: Lower end of the 95 % interval of `value`, or None: unbounded or not known.
        high: Upper end, likewise.
        needed: How many more values, all of them good, would show a share to be met; None
            for statistics, and where the interval decides already.
    """

    name: str
    metric: str
    unit: str
    target: float
    comparison: Comparison
    value: float | None
    low: float | None
    high: float | None
    verdict: Attained
    needed: int | None
    definition: str


@dataclass(frozen=True, slots=True)
class Objectives:
    """The objectives of all scenarios: by scenario, then by name."""

    tables: Mapping[str, Mapping[str, Objective]]

    def of(self, scenario: str) -> tuple[Objective, ...]:
        """Those of one scenario: of `[all]` first, each replaced by its own of that name."""
        merged = {**self.tables.get(_EVERY_SCENARIO, {}), **self.tables.get(scenario, {})}
        return tuple(merged.values())


@dataclass(frozen=True, slots=True)
class _Statistic:
    words: str
    value: Callable[[Sequence[float]], float | None]
    interval: Callable[[Sequence[float]], Interval | None]


def _percentile(percent: float) -> _Statistic:
    return _Statistic(
        words=f"{percent:g}th percentile (nearest rank, interval by order statistics)",
        value=lambda values: percentile(values, percent),
        interval=lambda values: percentile_interval(values, percent, CONFIDENCE),
    )


_STATISTICS: Mapping[str, _Statistic] = {
    "mean": _Statistic(
        words="mean (Student's t interval)",
        value=mean,
        interval=lambda values: mean_interval(values, CONFIDENCE),
    ),
    "p50": _percentile(50),
    "p90": _percentile(90),
    "p95": _percentile(95),
    "p99": _percentile(99),
}


def judge(objective: Objective, measured: Measured) -> Attainment:
    """Hold what was measured against one objective.

    A run without a single call, and one that was cut short, meets nothing; one that is not
    valid decides nothing at all.
    """
    values = measured.values.get(objective.metric, ())
    value, interval = _measure(objective, values)
    verdict = _compare(objective, interval)
    open_share = objective.objective is not None and verdict is Attained.UNDECIDED
    kept = measured.complete and len(measured.values.get("success", ())) > 0
    if not measured.valid or (verdict is Attained.MET and not kept):
        verdict = Attained.UNDECIDED
    return Attainment(
        name=objective.name,
        metric=_measured_name(objective),
        unit=objective.unit,
        target=objective.target,
        comparison=objective.comparison,
        value=value,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        verdict=verdict,
        needed=needed(objective, values) if open_share else None,
        definition=objective.definition,
    )


def needed(objective: Objective, values: Sequence[float]) -> int:
    """How many more values, all of them good, show a share to be met; 0: it is met already.

    Raises:
        ValueError: The objective is of a statistic, which no number of values must decide.
    """
    if objective.objective is None:
        raise ValueError(f"'{objective.name}' is no share: more values need not decide it")
    good, total = _good(objective, values), len(values)

    def shown(more: int) -> bool:
        interval = wilson(good + more, total + more)
        return interval is not None and (interval.low or 0.0) >= objective.target

    if shown(0):
        return 0
    many = 1
    while not shown(many):
        many *= 2
    few = many // 2  # not enough; the interval only rises with each good value
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if shown(middle) else (middle, many)
    return many


def _measure(objective: Objective, values: Sequence[float]) -> tuple[float | None, Interval | None]:
    if objective.statistic is not None:
        statistic = _STATISTICS[objective.statistic]
        return statistic.value(values), statistic.interval(values)
    good = _good(objective, values)
    return (good / len(values) if values else None), wilson(good, len(values))


def _good(objective: Objective, values: Sequence[float]) -> int:
    if objective.bound is None:
        return sum(value > 0 for value in values)
    return sum(value <= objective.bound for value in values)


def _compare(objective: Objective, interval: Interval | None) -> Attained:
    if interval is None:
        return Attained.UNDECIDED
    low, high, target = interval.low, interval.high, objective.target
    if objective.comparison is Comparison.AT_LEAST:
        met = low is not None and low >= target
        missed = high is not None and high < target
    else:
        met = high is not None and high <= target
        missed = low is not None and low > target
    return Attained.MET if met else Attained.MISSED if missed else Attained.UNDECIDED


def _measured_name(objective: Objective) -> str:
    if objective.statistic is not None:
        return objective.metric
    return f"{objective.metric.removesuffix('_s').removesuffix('_percent')}_share"


def parse(text: str, where: str = "slo.toml") -> Objectives:
    """Read the text of an slo.toml.

    Raises:
        UsageError: It is not TOML, a metric, statistic or key is not known, a key is
            missing, or an objective asks for what cannot be, such as a share above 1.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where} is not TOML: {error}") from error
    parsed: dict[str, dict[str, Objective]] = {}
    for scenario, entries in tables.items():
        if not isinstance(entries, dict):
            raise UsageError(
                f"{where} has a lone key '{scenario}'. "
                f"Put it into a table such as [{_EVERY_SCENARIO}.success_rate]."
            )
        parsed[scenario] = {
            name: _objective(f"{where}, [{scenario}.{name}]", name, entry)
            for name, entry in entries.items()
        }
    return Objectives(parsed)


def _objective(place: str, name: str, entry: Any) -> Objective:
    if not isinstance(entry, dict):
        raise UsageError(f"{place} is no table. An objective is: metric, and what it must be.")
    for key in entry:
        if key not in _READERS:
            raise UsageError(f"{place} has an unknown key '{key}'. {nearest(key, _READERS)}")
    if "metric" not in entry:
        raise UsageError(f"{place} lacks metric. {nearest('', METRICS)}")
    metric = _READERS["metric"](place, entry["metric"])
    wanted = _forms(metric)
    given_keys = [key for key in entry if key not in _OF_EVERY_FORM]
    if set(given_keys) not in [set(form) for form in wanted]:
        ways = " or ".join(" and ".join(form) for form in wanted)
        given = ", ".join(given_keys) or "nothing"
        raise UsageError(f"{place} of {metric} takes {ways}, but has {given}.")
    values = {key: _READERS[key](place, value) for key, value in entry.items()}
    bound = values.get("at_most")
    if bound is not None and metric.endswith("_percent") and bound > 100:
        raise UsageError(f"{place} allows {bound:g} %: nothing is above 100 %.")
    return Objective(
        name=name,
        metric=metric,
        bound=bound,
        objective=values.get("objective"),
        statistic=values.get("statistic"),
        requirement=values.get("requirement"),
    )


def _forms(metric: str) -> tuple[tuple[str, ...], ...]:
    """The keys that may stand beside this metric."""
    if metric == "success":
        return (("objective",),)
    return (("at_most", "objective"), ("statistic", "at_most"))


def _known(kind: str, known: Mapping[str, object]) -> Callable[[str, Any], Any]:
    def read(place: str, value: Any) -> str:
        if not isinstance(value, str) or value not in known:
            raise UsageError(f"{place} has the {kind} {value!r}. {nearest(str(value), known)}")
        return value

    return read


def _number(key: str) -> Callable[[str, Any], Any]:
    def read(place: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UsageError(f"{place}: {key} is {value!r}, which is no number.")
        if not (math.isfinite(value) and value > 0):
            raise UsageError(f"{place}: {key} is {value}; it must be a number above 0.")
        return float(value)

    return read


def _id(place: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise UsageError(f"{place}: requirement is {value!r}, which is the id of none.")
    return value


def _share(place: str, value: Any) -> float:
    share: float = _number("objective")(place, value)
    if share >= 1:
        hint = f" Is it meant as {share / 100:g}?" if 1 < share < 100 else ""
        raise UsageError(
            f"{place}: objective is {share:g}, but it is a share of good values and must be "
            f"below 1: no run can show that nothing ever fails.{hint}"
        )
    return share


_READERS: Mapping[str, Callable[[str, Any], Any]] = {
    "metric": _known("metric", METRICS),
    "statistic": _known("statistic", _STATISTICS),
    "at_most": _number("at_most"),
    "objective": _share,
    "requirement": _id,
}
_OF_EVERY_FORM = ("metric", "requirement")
