"""
Finds the highest rate of requests that still meets the objectives.

First the rate grows by a factor from step to step, until one step breaks an objective; then
the gap between the last good rate and the first bad one is halved, as a ratio, until it is as
narrow as was asked for. Pure: it is told how the steps went and gives the next rate, or the
answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kimi_conformance.slo import Comparison, Measured, Objective, judge

__all__ = ["GENERATOR", "Saturation", "Search", "Tried", "broken_by", "saturation"]

_METRICS = ("success", "response_s", "ttft_s")
GENERATOR = "generator"  # what broke where the load itself could not keep up


@dataclass(frozen=True, slots=True)
class Tried:
    """A step that is over.

    Attributes:
        rate: Requests a second that were offered.
        broke: The name of the first objective that was not kept, or "": all were.
    """

    rate: float
    broke: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Saturation:
    """What the steps of a search say, all of them or those until it was stopped.

    Attributes:
        rate: The highest rate that kept every objective, with no lower one that did not; None:
            there was none.
        broke: What the lowest bad rate above it broke, or "": no step broke anything.
        broke_at: That rate, or None.
        tried: The highest rate that was tried, or None: none was.
        answered: Whether the question is answered: not where the load generator could not keep
            up before the target could not.
    """

    rate: float | None
    broke: str
    broke_at: float | None
    tried: float | None
    answered: bool

    @property
    def words(self) -> str:
        """The answer as a sentence."""
        if self.tried is None:
            return "No step came to its end."
        if self.broke == GENERATOR:
            return (
                f"The load generator was saturated first, at {self.broke_at:.4g} requests/s: that "
                "says nothing of the target."
            )
        if self.rate is None:
            return f"No rate was kept: at {self.broke_at:.4g} requests/s {self.broke} broke."
        if self.broke_at is None:
            return f"Not reached up to {self.tried:.4g} requests/s."
        return f"{self.rate:.4g} requests/s; at {self.broke_at:.4g} requests/s {self.broke} broke."


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How a rate is looked for.

    Attributes:
        first: The rate of the first step, in requests a second.
        factor: By which it grows until a step is bad, and shrinks while none was good.
        most: No step has a higher rate.
        least: No step has a lower rate.
        ratio: It is over when the first bad rate is at most so many times the last good one.
    """

    first: float
    factor: float = 2.0
    most: float = 1000.0
    least: float = 0.5
    ratio: float = 1.1

    def next(self, tried: Sequence[Tried]) -> float | None:
        """The rate of the next step, or None: there is nothing more to find out."""
        if not tried:
            return min(self.first, self.most)
        if any(each.broke == GENERATOR for each in tried):
            return None
        good, bad = _gap(tried)
        if bad is None:
            return None if good is None or good >= self.most else min(good * self.factor, self.most)
        if good is None:
            return None if bad.rate <= self.least else max(bad.rate / self.factor, self.least)
        if bad.rate <= good * self.ratio:
            return None
        return float((good * bad.rate) ** 0.5)


def saturation(tried: Sequence[Tried]) -> Saturation:
    """What these steps say."""
    good, bad = _gap(tried)
    return Saturation(
        rate=good,
        broke=bad.broke if bad else "",
        broke_at=bad.rate if bad else None,
        tried=max((each.rate for each in tried), default=None),
        answered=bool(tried) and (bad is None or bad.broke != GENERATOR),
    )


def broken_by(
    objectives: Sequence[Objective], calls: Sequence[tuple[bool, float, float | None]]
) -> str:
    """The first objective about calls that these do not keep, or "": all are kept.

    The measured value decides, not its interval: a step is short, and the next ones repair what
    chance did. A step without a call keeps nothing.

    Args:
        objectives: In the order in which they are named.
        calls: Of each whether it brought a usable reply, its response time and its TTFT.
    """
    good = [call for call in calls if call[0]]
    values = {
        "success": [float(call[0]) for call in calls],
        "response_s": sorted(call[1] for call in good),
        "ttft_s": sorted(call[2] for call in good if call[2] is not None),
    }
    for objective in objectives:
        if objective.metric not in _METRICS:
            continue
        attained = judge(objective, Measured(values=values))
        if attained.value is None:
            if objective.metric == "success":
                return objective.name
        elif attained.comparison is Comparison.AT_LEAST:
            if attained.value < attained.target:
                return objective.name
        elif attained.value > attained.target:
            return objective.name
    return ""


def _gap(tried: Sequence[Tried]) -> tuple[float | None, Tried | None]:
    """The highest good rate below every bad one, and the lowest bad step."""
    bad = min((each for each in tried if each.broke), key=lambda each: each.rate, default=None)
    good = (each.rate for each in tried if not each.broke and (not bad or each.rate < bad.rate))
    return max(good, default=None), bad
