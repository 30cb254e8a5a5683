"""One quantity over runs, ready to be shown."""

from dataclasses import dataclass

from kimi_conformance.history.trend import Trend
from kimi_conformance.reporting.charts.geometry import Across, Chart, Series, line_chart
from kimi_conformance.reporting.views.compared import how_sure
from kimi_conformance.reporting.wording.intervals import interval, minute
from kimi_conformance.reporting.wording.quantity import formatter
from kimi_conformance.reporting.wording.states import STATES, State

__all__ = ["TrendPage", "trended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendPage:
    """One quantity over runs.

    Attributes:
        rows: State (None where there is none), run, when, value, interval.
    """

    subject: str
    note: str
    chart: Chart | None
    rows: tuple[tuple[State | None, str, str, str, str], ...]


def trended(found: Trend) -> TrendPage:
    """The page of a trend."""
    write = formatter(found.metric)
    values = [None if p.value is None else _drawn(p.value, found.metric) for p in found.points]
    draw = formatter("_percent" if found.metric.endswith("_share") else found.metric)
    numbers = [float(number) for number in range(1, len(values) + 1)]
    target = {} if found.target is None else {found.subject: _drawn(found.target, found.metric)}
    runs = len(found.points)
    notes = [f"{runs} run{'' if runs == 1 else 's'}"]
    if found.target is not None:
        notes.append(f"target {write(found.target)}")
    if found.steadiness is not None:
        notes.append(how_sure(found.steadiness))
    return TrendPage(
        subject=found.subject,
        note=", ".join(notes),
        chart=line_chart(
            f"{found.subject}, run by run",
            numbers,
            [Series(name=found.subject, values=values)],
            draw,
            target,
            across=Across("run", "{:g}".format, _step),
        ),
        rows=tuple(
            (
                STATES.get(point.state),
                point.run,
                minute(point.started),
                "unknown" if point.value is None else write(point.value),
                interval(point.low, point.high, write),
            )
            for point in found.points
        ),
    )


def _drawn(value: float, metric: str) -> float:
    return 100 * value if metric.endswith("_share") else value


def _step(span: float) -> float:
    """Marks of the axis of runs: whole, and not too many."""
    return float(max(1, -(-int(span) // 6)))
