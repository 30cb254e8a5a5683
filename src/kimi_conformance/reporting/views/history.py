"""How runs of one kind went over time: the trend beside a run."""

from collections.abc import Sequence
from dataclasses import dataclass

from kimi_conformance.reporting.charts.geometry import Across, Chart, Series, line_chart
from kimi_conformance.reporting.wording.quantity import moment, percent
from kimi_conformance.reporting.wording.states import STATES, State

__all__ = ["Point", "Trend", "trend"]

_STATES = {"CONFORMANT": "passed", "NOT CONFORMANT": "failed", "INCONCLUSIVE": "inconclusive"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One earlier run.

    Attributes:
        run: Its name.
        started: As in its header.
        verdict: "CONFORMANT", "NOT CONFORMANT" or "INCONCLUSIVE".
        passed: Of its checks.
        failed: Of its checks.
        declared: How many checks it had.
        success: The share of good calls under load, or None: not measured.
    """

    run: str
    started: str
    verdict: str
    passed: int
    failed: int
    declared: int
    success: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Runs, oldest first; rows of run, when, passed, failed, success rate, each with a state."""

    rows: tuple[tuple[State, tuple[str, ...]], ...]
    chart: Chart | None


def trend(points: Sequence[Point]) -> Trend | None:
    """The trend, or None where there are fewer than two runs to speak of."""
    if len(points) < 2:
        return None
    ordered = sorted(points, key=lambda point: point.started)
    numbers = [float(number) for number in range(1, len(ordered) + 1)]
    return Trend(
        rows=tuple(
            (STATES[_STATES.get(point.verdict, "not_run")], _row(point)) for point in ordered
        ),
        chart=line_chart(
            "Passed, of all checks, and good calls, run by run",
            numbers,
            [
                Series(name="checks passed", values=[_passed(point) for point in ordered]),
                Series(
                    name="good calls",
                    values=[None if p.success is None else 100 * p.success for p in ordered],
                ),
            ],
            percent,
            across=Across("run", "{:g}".format, _whole_step),
        ),
    )


def _passed(point: Point) -> float | None:
    return 100 * point.passed / point.declared if point.declared else None


def _row(point: Point) -> tuple[str, ...]:
    return (
        point.run,
        moment(point.started),
        f"{point.passed:,} of {point.declared:,}",
        f"{point.failed:,}",
        "–" if point.success is None else percent(100 * point.success),
    )


def _whole_step(span: float) -> float:
    """Marks at whole numbers, at most seven."""
    return max(1, -(-span // 6))
