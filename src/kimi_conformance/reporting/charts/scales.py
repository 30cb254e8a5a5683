"""The axes of a chart: where values lie on paper, and the marks along them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = [
    "HEIGHT",
    "Plot",
    "Tick",
    "Values",
    "Write",
    "downwards",
    "mark",
    "plot_of",
    "rules",
    "scale",
]

HEIGHT = 180  # pixels of the plot

Values = Sequence[float | None]
Write = Callable[[float], str]

# The top of an axis, as a multiple of a power of ten, and how many parts divide it well.
_TOPS = ((1, 5), (2, 4), (3, 3), (4, 4), (5, 5), (6, 3), (8, 4), (10, 5))


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis, or a line through the plot.

    Attributes:
        at: Percent of the width, or pixels from the top.
        text: Its label.
        anchor: Of the label: "start", "middle" or "end".
        shift: Of the label, in pixels down from the mark.
        value: The same place in the units of the axis.
    """

    at: float
    text: str
    anchor: str = "start"
    shift: int = -4
    value: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """The numbers of a chart, to be drawn anew: `values` holds a list for each line.

    Attributes:
        x: Places, rising.
        first, last, top: The ends of both scales; the lower end of the upright one is 0.
    """

    x: tuple[float, ...]
    values: tuple[tuple[float | None, ...], ...]
    first: float
    last: float
    top: float


def scale(highest: float, target: float) -> tuple[float, int]:
    """An axis from zero that all of it fits on."""
    needed = max(highest, target)
    if needed <= 0:
        return 1.0, 5
    power = 10.0 ** math.floor(math.log10(needed))
    return next((top * power, parts) for top, parts in _TOPS if top * power >= needed)


def downwards(top: float) -> Callable[[float], float]:
    """Where a value lies, in pixels from the top of the plot; what is beyond lies at its edge."""
    return lambda value: round(HEIGHT * (1 - min(max(value, 0.0), top) / top), 2)


def rules(top: float, parts: int, write: Write) -> tuple[Tick, ...]:
    """The marks of the upright axis, from the lowest but zero to the top."""
    down = downwards(top)
    values = [top * part / parts for part in range(1, parts + 1)]
    return tuple(Tick(down(value), write(value), value=value) for value in values)


def mark(at: float, text: str, value: float, number: int) -> Tick:
    """A line down; its label stands where there is room, each below the one before."""
    return Tick(round(at, 3), text, "end" if at > 60 else "start", 12 + 15 * number, value)


def plot_of(
    places: Sequence[float], lines: Sequence[Values], first: float, last: float, top: float
) -> Plot:
    """The numbers of a chart, each with five digits: more are not seen."""
    return Plot(
        x=tuple(places),
        values=tuple(
            tuple(None if v is None else float(f"{v:.5g}") for v in line) for line in lines
        ),
        first=first,
        last=last,
        top=top,
    )
