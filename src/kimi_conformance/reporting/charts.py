"""
Lines over time, as the geometry that an SVG template prints.

A chart fills the width that the page gives it, so positions across are percentages and
positions down are pixels: text keeps its size on a phone.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from kimi_conformance.reporting.quantity import duration

__all__ = ["Chart", "Hint", "Line", "Series", "Tick", "line_chart", "thinned"]

HEIGHT = 180  # pixels of the plot
POINTS = 120  # that a line has at most

Values = Sequence[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A quantity over time; None where there was nothing to measure."""

    name: str
    values: Values


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis.

    Attributes:
        at: Percent of the width, or pixels from the top.
        text: Its label.
        anchor: Of the label: "start", "middle" or "end".
        shift: Of the label, in pixels down from the mark.
    """

    at: float
    text: str
    anchor: str = "start"
    shift: int = -4


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A drawn series.

    Attributes:
        number: From 1: which colour and dash pattern.
        path: An SVG path in 100 units across and `Chart.height` down.
        last: The last value, written.
    """

    name: str
    number: int
    path: str
    last: str


@dataclass(frozen=True, slots=True)
class Hint:
    """What a pointer learns over a slice of the chart; `at` and `width` in percent."""

    at: float
    width: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A drawn chart.

    Attributes:
        title: What it shows.
        words: The same for those who do not see it.
        targets: Where the target lines are.
        height, outer: Of the plot, and with its labels, in pixels.
        columns, rows: The same numbers as a table: names, and values by moment.
    """

    title: str
    words: str
    height: int
    outer: int
    lines: tuple[Line, ...]
    across: tuple[Tick, ...]
    down: tuple[Tick, ...]
    targets: tuple[Tick, ...]
    hints: tuple[Hint, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def line_chart(
    title: str,
    moments: Sequence[float],
    series: Sequence[Series],
    write: Callable[[float], str],
    targets: Mapping[str, float] = MappingProxyType({}),
) -> Chart | None:
    """Draw the series, or give None where no series has two values.

    Args:
        title: What it shows.
        moments: Seconds since the start, rising; one a value.
        series: What is drawn; those without values are left out.
        write: How a value is written.
        targets: Values that are drawn as lines of their own, by the series they are of.
    """
    drawn = [line for line in series if sum(value is not None for value in line.values) > 1]
    if not drawn or len(moments) < 2:
        return None
    top, parts = _scale(max(_known(drawn)), max(targets.values(), default=0.0))
    span = moments[-1] - moments[0]
    places = [100 * (moment - moments[0]) / span for moment in moments]

    def down(value: float) -> float:
        return round(HEIGHT * (1 - min(value, top) / top), 2)

    rows = tuple(
        (
            duration(moment),
            *(_cell(line.values[index], write) for line in drawn),
        )
        for index, moment in enumerate(moments)
    )
    return Chart(
        title=title,
        words=_words(drawn, write, targets),
        height=HEIGHT,
        outer=HEIGHT + 24,
        lines=tuple(
            Line(
                name=line.name,
                number=number,
                path=_path(places, [None if v is None else down(v) for v in line.values]),
                last=_cell(next(v for v in reversed(line.values) if v is not None), write),
            )
            for number, line in enumerate(drawn, start=1)
        ),
        across=_time_ticks(moments[0], moments[-1]),
        down=tuple(
            Tick(down(top * part / parts), write(top * part / parts))
            for part in range(1, parts + 1)
        ),
        targets=tuple(
            Tick(down(value), f"{name}: target {write(value)}", "end", -4 if above else 14)
            for name, value in targets.items()
            for above in [value == max(targets.values())]
        ),
        hints=_hints(places, drawn, rows),
        columns=("time", *(line.name for line in drawn)),
        rows=rows,
    )


def thinned(
    values: Values, size: int, pick: Callable[[Sequence[float]], float]
) -> list[float | None]:
    """One value for every `size` of them, chosen by `pick`; None where none was known."""
    slices = [values[start : start + size] for start in range(0, len(values), size)]
    known = [[value for value in piece if value is not None] for piece in slices]
    return [pick(piece) if piece else None for piece in known]


def _known(series: Sequence[Series]) -> list[float]:
    return [value for line in series for value in line.values if value is not None]


# The top of an axis, as a multiple of a power of ten, and how many parts divide it well.
_TOPS = ((1, 5), (2, 4), (3, 3), (4, 4), (5, 5), (6, 3), (8, 4), (10, 5))
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200)  # seconds
_TICKS = 6  # at most, across


def _scale(highest: float, target: float) -> tuple[float, int]:
    """An axis from zero that all of it fits on."""
    needed = max(highest, target) or 1.0
    power = 10.0 ** math.floor(math.log10(needed))
    return next((top * power, parts) for top, parts in _TOPS if top * power >= needed)


def _time_ticks(first: float, last: float) -> tuple[Tick, ...]:
    """Marks at round times; labels at the edges stay inside."""
    span = last - first
    step = next((step for step in _STEPS if span / step <= _TICKS), math.ceil(span / _TICKS))
    times = [step * count for count in range(math.ceil(first / step), int(last // step) + 1)]
    places = [(time, round(100 * (time - first) / span, 3)) for time in times]
    return tuple(
        Tick(at, duration(time), "start" if at < 3 else "end" if at > 97 else "middle")
        for time, at in places
    )


def _path(across: Sequence[float], down: Sequence[float | None]) -> str:
    """Straight lines through the known points; a gap where nothing is known."""
    parts: list[str] = []
    pen_up = True
    for x, y in zip(across, down, strict=True):
        if y is not None:
            parts.append(f"{'M' if pen_up else 'L'}{x:.2f} {y:g}")
        pen_up = y is None
    return "".join(parts)


def _cell(value: float | None, write: Callable[[float], str]) -> str:
    return "–" if value is None else write(value)


def _hints(
    places: Sequence[float], series: Sequence[Series], rows: Sequence[tuple[str, ...]]
) -> tuple[Hint, ...]:
    width = 100 / len(places)
    return tuple(
        Hint(
            round(index * width, 3),
            round(width, 3),
            "\n".join([row[0], *(f"{s.name}: {v}" for s, v in zip(series, row[1:], strict=True))]),
        )
        for index, row in enumerate(rows)
    )


def _words(
    series: Sequence[Series], write: Callable[[float], str], targets: Mapping[str, float]
) -> str:
    sentences = []
    for line in series:
        known = [value for value in line.values if value is not None]
        sentence = f"{line.name} lies between {write(min(known))} and {write(max(known))}"
        if (target := targets.get(line.name)) is not None:
            over = sum(value > target for value in known)
            sentence += f", above the target of {write(target)} at {over} of {len(known)} points"
        sentences.append(sentence + ".")
    return " ".join(sentences)
