"""
Charts as geometry that an SVG template prints, with the numbers for whoever draws them anew.

A chart fills the width that the page gives it, so positions across are percentages and
positions down are pixels: text keeps its size on a phone. The script draws the same numbers
again so that a pointer can read them; it has no numbers, words or scales of its own.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from kimi_conformance.reporting.charts.scales import (
    HEIGHT,
    Plot,
    Tick,
    Values,
    Write,
    downwards,
    mark,
    plot_of,
    rules,
    scale,
)
from kimi_conformance.reporting.wording.quantity import duration

__all__ = [
    "HEIGHT",
    "POINTS",
    "TIME",
    "Across",
    "Band",
    "Chart",
    "Line",
    "Plot",
    "Series",
    "Tick",
    "line_chart",
    "numbers_across",
    "thinned",
]

POINTS = 120  # that a line has at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A quantity at each place across; None where there was nothing to measure."""

    name: str
    values: Values


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of the chart that is set apart, in percent of the width and in its units."""

    at: float
    width: float
    text: str
    begin: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A drawn series.

    Attributes:
        number: From 1: which colour and dash pattern.
        path: An SVG path in 100 units across and `Chart.height` down.
        last: The last value, written; "" where no value is the last one.
    """

    name: str
    number: int
    path: str
    last: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A drawn chart.

    Attributes:
        title: What it shows.
        words: The same for those who do not see it.
        shape: "line" or "bars".
        timed: Whether it goes on in time from left to right.
        height, outer: Of the plot, and with its labels, in pixels.
        targets: Lines across, at what was promised.
        marks: Lines down, at places that have a name.
        bands: Stretches that are set apart.
        columns, rows: The same numbers as a table: names, and values by place.
        plot: The same numbers to be drawn anew.
    """

    title: str
    words: str
    shape: str
    timed: bool
    height: int
    outer: int
    lines: tuple[Line, ...]
    across: tuple[Tick, ...]
    down: tuple[Tick, ...]
    targets: tuple[Tick, ...]
    marks: tuple[Tick, ...]
    bands: tuple[Band, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    plot: Plot


@dataclass(frozen=True, slots=True)
class Across:
    """The axis across.

    Attributes:
        name: What is counted on it.
        write: How a place is written.
        step: How far apart two marks are, for a span.
        timed: Whether it is time.
    """

    name: str
    write: Write
    step: Callable[[float], float]
    timed: bool = False


def line_chart(
    title: str,
    places: Sequence[float],
    series: Sequence[Series],
    write: Write,
    targets: Mapping[str, float] = MappingProxyType({}),
    *,
    across: Across | None = None,
    marks: Mapping[str, float] = MappingProxyType({}),
    bands: Mapping[str, tuple[float, float]] = MappingProxyType({}),
) -> Chart | None:
    """Draw the series, or give None where no series has two values.

    Args:
        title: What it shows.
        places: Rising, one a value; seconds since the start unless `across` says otherwise.
        series: What is drawn; those without values are left out.
        write: How a value is written.
        targets: Values that are drawn as lines of their own, by the series they are of.
        across: The axis of the places.
        marks: Places that are drawn as lines of their own, by what they are called.
        bands: First and last place of what is set apart, by what it is called.
    """
    axis = across or TIME
    clean = [Series(name=line.name, values=[_finite(v) for v in line.values]) for line in series]
    drawn = [line for line in clean if sum(value is not None for value in line.values) > 1]
    if not drawn or len(places) < 2 or places[-1] <= places[0]:
        return None
    top, parts = scale(max(_known(drawn)), max(targets.values(), default=0.0))
    first, last = places[0], places[-1]
    at = [100 * (place - first) / (last - first) for place in places]
    down = downwards(top)
    return Chart(
        title=title,
        words=_words(drawn, write, targets),
        shape="line",
        timed=axis.timed,
        height=HEIGHT,
        outer=HEIGHT + 24,
        lines=tuple(
            Line(
                name=line.name,
                number=number,
                path=_path(at, [None if v is None else down(v) for v in line.values]),
                last=_last(line.values, write) if axis.timed else "",
            )
            for number, line in enumerate(drawn, start=1)
        ),
        across=_ticks(first, last, axis),
        down=rules(top, parts, write),
        targets=_targets(targets, down, write),
        marks=tuple(
            mark(100 * (place - first) / (last - first), name, place, number)
            for number, (name, place) in enumerate(marks.items())
            if first <= place <= last
        ),
        bands=tuple(
            _band(name, max(begin, first), min(end, last), first, last)
            for name, (begin, end) in bands.items()
            if end > first and begin < last
        ),
        columns=(axis.name, *(line.name for line in drawn)),
        rows=tuple(
            (axis.write(place), *(_cell(line.values[index], write) for line in drawn))
            for index, place in enumerate(places)
        ),
        plot=plot_of(places, [line.values for line in drawn], first, last, top),
    )


def thinned(
    values: Values, size: int, pick: Callable[[Sequence[float]], float]
) -> list[float | None]:
    """One value for every `size` of them, chosen by `pick`; None where none was known."""
    slices = [values[start : start + size] for start in range(0, len(values), size)]
    known = [[value for value in piece if value is not None] for piece in slices]
    return [pick(piece) if piece else None for piece in known]


def numbers_across(name: str, write: Write) -> Across:
    """An axis of numbers."""
    return Across(name, write, _number_step)


_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200)  # seconds
_TICKS = 6  # at most, across


def _time_step(span: float) -> float:
    return next((step for step in _STEPS if span / step <= _TICKS), math.ceil(span / _TICKS))


def _number_step(span: float) -> float:
    power = 10.0 ** math.floor(math.log10(span / _TICKS))
    return next(step * power for step in (1, 2, 5, 10) if span / (step * power) <= _TICKS)


TIME = Across("time", duration, _time_step, timed=True)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _known(series: Sequence[Series]) -> list[float]:
    return [value for line in series for value in line.values if value is not None]


def _targets(
    targets: Mapping[str, float], down: Callable[[float], float], write: Write
) -> tuple[Tick, ...]:
    highest = max(targets.values(), default=0.0)
    return tuple(
        Tick(
            down(value),
            f"{name}: target {write(value)}",
            "end",
            -4 if value == highest and down(value) > 14 else 14,
            value,
        )
        for name, value in targets.items()
    )


def _ticks(first: float, last: float, axis: Across) -> tuple[Tick, ...]:
    """Marks at round places; labels at the edges stay inside."""
    step = axis.step(last - first)
    counts = range(math.ceil(first / step - 1e-9), math.floor(last / step + 1e-9) + 1)
    places = [(step * count, 100 * (step * count - first) / (last - first)) for count in counts]
    return tuple(
        Tick(round(at, 3), axis.write(place), _anchor(at), value=place) for place, at in places
    )


def _anchor(at: float) -> str:
    return "start" if at < 3 else "end" if at > 97 else "middle"


def _band(name: str, begin: float, end: float, first: float, last: float) -> Band:
    span = last - first
    at, width = 100 * (begin - first) / span, 100 * (end - begin) / span
    return Band(round(at, 3), round(width, 3), name, begin, end)


def _path(across: Sequence[float], down: Sequence[float | None]) -> str:
    """Straight lines through the known points; a gap where nothing is known."""
    parts: list[str] = []
    pen_up = True
    for x, y in zip(across, down, strict=True):
        if y is not None:
            parts.append(f"{'M' if pen_up else 'L'}{x:.2f} {y:g}")
        pen_up = y is None
    return "".join(parts)


def _cell(value: float | None, write: Write) -> str:
    return "–" if value is None else write(value)


def _last(values: Values, write: Write) -> str:
    return write(next(value for value in reversed(values) if value is not None))


def _words(series: Sequence[Series], write: Write, targets: Mapping[str, float]) -> str:
    sentences = []
    for line in series:
        known = [value for value in line.values if value is not None]
        sentence = f"{line.name} lies between {write(min(known))} and {write(max(known))}"
        if (target := targets.get(line.name)) is not None:
            over = sum(value > target for value in known)
            sentence += f", above the target of {write(target)} at {over} of {len(known)} points"
        sentences.append(sentence + ".")
    return " ".join(sentences)
