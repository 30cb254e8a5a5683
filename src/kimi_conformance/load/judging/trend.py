"""Whether something creeps: the straight line through points, and how sure its slope is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kimi_conformance.statistics import mean

__all__ = ["Trend", "trend_of"]

HOUR = 3600.0
_FEWEST = 10  # points; through fewer any line goes
_BOTH_SIDES = 1.96  # standard errors of a 95 % interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A straight line through points, by least squares.

    Attributes:
        n: How many points there were.
        begin: Its value at the first of them, in the unit of the values.
        end: At the last one.
        per_hour: Its slope.
        low: Lower end of the 95 % interval of the slope. Neighbouring points of a load run are
            not quite independent: the true interval is somewhat wider.
        high: Its upper end.
    """

    n: int
    begin: float
    end: float
    per_hour: float
    low: float
    high: float


def trend_of(points: Sequence[tuple[float, float]]) -> Trend | None:
    """The trend of values by their seconds; None: there are too few of them."""
    middle, level = mean([at for at, _ in points]), mean([value for _, value in points])
    if len(points) < _FEWEST or middle is None or level is None:
        return None
    spread = math.fsum((at - middle) ** 2 for at, _ in points)
    if not spread:
        return None
    slope = math.fsum((at - middle) * (value - level) for at, value in points) / spread
    left = math.fsum((value - level - slope * (at - middle)) ** 2 for at, value in points)
    error = math.sqrt(left / (len(points) - 2) / spread)
    first, last = min(at for at, _ in points), max(at for at, _ in points)
    return Trend(
        n=len(points),
        begin=level + slope * (first - middle),
        end=level + slope * (last - middle),
        per_hour=slope * HOUR,
        low=(slope - _BOTH_SIDES * error) * HOUR,
        high=(slope + _BOTH_SIDES * error) * HOUR,
    )
