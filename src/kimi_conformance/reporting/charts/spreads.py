"""How values are spread, as bars over classes of equal width."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType

from kimi_conformance.reporting.charts.geometry import Chart, Line
from kimi_conformance.reporting.charts.scales import (
    HEIGHT,
    Tick,
    Write,
    downwards,
    mark,
    plot_of,
    rules,
    scale,
)

__all__ = ["bar_chart"]

_TICKS = 6  # at most, across
_CLOSE = 7  # percent of the width: two labels would overlap


def bar_chart(
    title: str,
    edges: Sequence[float],
    counts: Sequence[int],
    write: Write,
    marks: Mapping[str, float] = MappingProxyType({}),
) -> Chart | None:
    """Draw how values are spread over classes of equal width, or give None where there are none.

    Args:
        title: What it shows.
        edges: Ascending, above zero; `len(counts) == len(edges) + 1`, as in `Histogram`.
        counts: Of each class.
        write: How a value is written.
        marks: Values that are drawn as lines of their own, by what they are called.
    """
    total = sum(counts)
    if not total or len(counts) != len(edges) + 1:
        return None
    filled = [index for index, count in enumerate(counts) if count]
    begin, end = max(filled[0] - 1, 0), min(filled[-1] + 2, len(counts))
    bounds = [0.0, *edges, math.inf]
    shares = [100 * count / total for count in counts[begin:end]]
    top, parts = scale(max(shares), 0.0)
    down, size = downwards(top), end - begin
    names = [
        _class(bounds[index], bounds[index + 1], write) for index in range(begin, end)
    ]  # of the classes
    return Chart(
        title=title,
        words=_spread(names, shares, marks, write),
        shape="bars",
        timed=False,
        height=HEIGHT,
        outer=HEIGHT + 24,
        lines=(Line(name="share of values", number=1, path=_bars(shares, down)),),
        across=_edges(edges, begin, end, write),
        down=rules(top, parts, _percent),
        targets=(),
        marks=tuple(
            mark(100 * (place - begin) / size, f"{name} {write(value)}", place - begin, number)
            for number, (name, value) in enumerate(marks.items())
            if begin <= (place := _place(value, edges)) <= end
        ),
        bands=(),
        columns=("from, to", "share", "count"),
        rows=tuple(
            (name, _percent(share), f"{count:,}")
            for name, share, count in zip(names, shares, counts[begin:end], strict=True)
        ),
        plot=plot_of([index + 0.5 for index in range(size)], [shares], 0, size, top),
    )


def _bars(shares: Sequence[float], down: Callable[[float], float]) -> str:
    width = 100 / len(shares)
    return "".join(
        f"M{(index + 0.06) * width:.2f} {HEIGHT}V{down(share):g}"
        f"H{(index + 0.94) * width:.2f}V{HEIGHT}Z"
        for index, share in enumerate(shares)
        if share
    )


def _class(low: float, high: float, write: Write) -> str:
    if not low:
        return f"under {write(high)}"
    return f"{write(low)} or more" if math.isinf(high) else f"{write(low)} to {write(high)}"


def _edges(edges: Sequence[float], begin: int, end: int, write: Write) -> tuple[Tick, ...]:
    """Labels at as many edges as have room, evenly apart."""
    size = end - begin
    inner = [index for index in range(max(begin, 1), end) if index - begin]
    step = max(1, math.ceil(len(inner) / _TICKS), math.ceil(size * _CLOSE / 100))
    return tuple(
        Tick(
            round(100 * (index - begin) / size, 3),
            write(edges[index - 1]),
            "middle",
            value=index - begin,
        )
        for index in inner[::step]
    )


def _place(value: float, edges: Sequence[float]) -> float:
    """Where a value lies among the classes, counted in classes; within one by its logarithm."""
    if value <= edges[0]:
        return value / edges[0]
    for index, (low, high) in enumerate(pairwise(edges), start=1):
        if value <= high:
            return index + math.log(value / low) / math.log(high / low)
    return float(len(edges))


def _percent(value: float) -> str:
    return f"{value:.3g} %"


def _spread(
    names: Sequence[str], shares: Sequence[float], marks: Mapping[str, float], write: Write
) -> str:
    most = max(range(len(shares)), key=lambda index: shares[index])
    sentence = f"Most values, {_percent(shares[most])}, lie in the class {names[most]}."
    listed = ", ".join(f"{name} is {write(value)}" for name, value in marks.items())
    return f"{sentence} {listed}." if listed else sentence
