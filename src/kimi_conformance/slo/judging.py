"""Holds what was measured against what was promised."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from kimi_conformance.slo.objective import STATISTICS, Comparison, Objective
from kimi_conformance.slo.planning import bad_values, met_with, more_to_decide
from kimi_conformance.statistics import Interval, wilson

__all__ = ["Attained", "Attainment", "Measured", "judge", "needed"]


class Attained(StrEnum):
    """What a run says of an objective."""

    MET = "met"
    MISSED = "missed"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a run brought, warm-up left out.

    Attributes:
        values: By metric; of `success` 1.0 for each good call and 0.0 for each bad one.
        goodput: The same of calls that were good in every respect, by the bounds they kept.
        complete: Whether the run came to its own end. One that did not keeps no promise.
        valid: Whether the generator could keep up. If not, nothing is decided.
        distrusted: Metrics whose figures are not to be trusted, and why: they decide nothing.
    """

    values: Mapping[str, Sequence[float]]
    goodput: Mapping[tuple[tuple[str, float], ...], Sequence[float]] = field(default_factory=dict)
    complete: bool = True
    valid: bool = True
    distrusted: Mapping[str, str] = field(default_factory=dict)

    def of(self, objective: Objective) -> Sequence[float]:
        """The values that an objective is about."""
        if objective.metric == "goodput":
            return self.goodput.get(objective.bounds, ())
        return self.values.get(objective.metric, ())


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
        more_to_decide: About how many more values, like those measured, would decide it either
            way; None where none would, and where the interval decides already.
        because: Why it is undecided, a sentence; "" where it is not.
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
    more_to_decide: int | None
    because: str
    definition: str


def judge(objective: Objective, measured: Measured) -> Attainment:
    """Hold what was measured against one objective.

    A run without a single call, and one that was cut short, meets nothing; one that is not
    valid decides nothing at all, and neither do figures that are not to be trusted.
    """
    values = measured.of(objective)
    value, interval = _measure(objective, values)
    found = _compare(objective, interval)
    is_open = found is Attained.UNDECIDED
    more = more_to_decide(objective, values) if is_open else None
    because = _withheld(objective, measured, found) or (_open(values, more) if is_open else "")
    return Attainment(
        name=objective.name,
        metric=_measured_name(objective),
        unit=objective.unit,
        target=objective.target,
        comparison=objective.comparison,
        value=value,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        verdict=Attained.UNDECIDED if because else found,
        needed=needed(objective, values) if is_open and objective.objective is not None else None,
        more_to_decide=more,
        because=because,
        definition=objective.definition,
    )


def needed(objective: Objective, values: Sequence[float]) -> int:
    """How many more values, all of them good, show a share to be met; 0: it is met already.

    Raises:
        ValueError: The objective is of a statistic, which no number of values must decide.
    """
    if objective.objective is None:
        raise ValueError(f"'{objective.name}' is no share: more values need not decide it")
    bad, total = bad_values(objective, values), len(values)
    if met_with(objective, bad, total):
        return 0
    many = 1
    while not met_with(objective, bad, total + many):
        many *= 2
    few = many // 2  # not enough; the interval only rises with each good value
    while many - few > 1:
        middle = (few + many) // 2
        enough = met_with(objective, bad, total + middle)
        few, many = (few, middle) if enough else (middle, many)
    return many


def _measure(objective: Objective, values: Sequence[float]) -> tuple[float | None, Interval | None]:
    if objective.statistic is not None:
        statistic = STATISTICS[objective.statistic]
        return statistic.value(values), statistic.interval(values)
    total = len(values)
    good = total - bad_values(objective, values)
    return (good / total if total else None), wilson(good, total)


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


def _withheld(objective: Objective, measured: Measured, found: Attained) -> str:
    """Why the verdict that the values give does not stand, or ""."""
    if not measured.valid:
        return "The run is not valid, so it decides nothing."
    for metric in (objective.metric, *(metric for metric, _ in objective.bounds)):
        if why := measured.distrusted.get(metric):
            return f"The figures of {metric} are not to be trusted: {why}"
    if found is not Attained.MET:
        return ""
    if not measured.complete:
        return "The run was cut short, and half a run keeps no promise."
    if not len(measured.values.get("success", ())):
        return "No call was measured, and no promise is kept by doing nothing."
    return ""


def _open(values: Sequence[float], more: int | None) -> str:
    if not len(values):
        return "Nothing was measured that it could be decided by."
    if more is None:
        return "The value is at its target, or too few values say where: more need not decide it."
    return (
        "The target lies within the 95 % interval. "
        f"About {more:,} more values like these would decide it: let the load last longer."
    )


def _measured_name(objective: Objective) -> str:
    if objective.statistic is not None:
        return objective.metric
    return f"{objective.metric.removesuffix('_s').removesuffix('_percent')}_share"
