"""The charts of a load record: what it was like over time, how times are spread, what it bore."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import fmean
from typing import Any

from kimi_conformance.reporting.charts.geometry import (
    POINTS,
    Chart,
    Series,
    line_chart,
    numbers_across,
    thinned,
)
from kimi_conformance.reporting.charts.spreads import bar_chart
from kimi_conformance.reporting.wording.quantity import called, percent, seconds

__all__ = ["load_charts"]

_MOST = 4  # lines of one chart: as many as there are colours and dash patterns
_QUANTILES = ("p50", "p95", "p99")
_SPREADS = {
    "ttft_s": "Time to the first token",
    "itl_s": "Gaps between chunks",
    "response_s": "Response times",
}

_Pick = Callable[[Sequence[float]], float]
_Record = Mapping[str, Any]


def load_charts(record: _Record) -> tuple[Chart, ...]:
    """Every chart for which the record has numbers."""
    drawn = chain(_over_time(record), _budgets(record), _spreads(record), _steps(record))
    return tuple(chart for chart in drawn if chart is not None)


def _count(value: float) -> str:
    return f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"


def _times(value: float) -> str:
    return f"{value:.3g} ×"


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A line: its key in the series, its name, and what stands for several steps at once.

    Attributes:
        promised: An objective's key and its value there, whose bound the line is held against.
    """

    key: str
    name: str
    pick: _Pick = fmean
    promised: tuple[str, str] | None = None


_CHARTS: tuple[tuple[str, Callable[[float], str], tuple[_Drawn, ...]], ...] = (
    (
        "Response time",
        seconds,
        (
            _Drawn("mean_response_s", "mean response", promised=("name", "mean_response_s")),
            _Drawn("p50_response_s", "p50 response"),
            _Drawn("p95_response_s", "p95 response", max),
            _Drawn("p99_response_s", "p99 response", max),
        ),
    ),
    (
        "Time to the first token",
        seconds,
        (
            _Drawn("mean_ttft_s", "mean TTFT"),
            _Drawn("p50_ttft_s", "p50 TTFT"),
            _Drawn("p95_ttft_s", "p95 TTFT", max),
            _Drawn("p99_ttft_s", "p99 TTFT", max),
        ),
    ),
    (
        "Requests a second",
        _count,
        (
            _Drawn("requests", "finished"),
            _Drawn("failures", "failed", max),
            _Drawn("offered", "offered"),
            _Drawn("good", "good in every respect"),
        ),
    ),
    (
        "Under way",
        _count,
        (
            _Drawn("in_flight", "requests under way", max),
            _Drawn("users", "users", max),
        ),
    ),
    (
        "CPU",
        percent,
        (
            _Drawn("cpu_percent", "CPU of the machine", promised=("metric", "host_cpu_percent")),
            _Drawn(
                "load_cpu_percent", "CPU of the load processes", promised=("metric", "cpu_percent")
            ),
            _Drawn(
                "target_cpu_percent", "CPU of the target", promised=("metric", "target_cpu_percent")
            ),
        ),
    ),
    (
        "Memory",
        percent,
        (
            _Drawn(
                "memory_percent",
                "memory of the machine",
                promised=("metric", "host_memory_percent"),
            ),
            _Drawn(
                "load_memory_percent",
                "memory of the load processes",
                promised=("metric", "memory_percent"),
            ),
            _Drawn(
                "target_memory_percent",
                "memory of the target",
                promised=("metric", "target_memory_percent"),
            ),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class _Timeline:
    """The steps of a record's series, taken together so that a chart has room for them."""

    moments: Sequence[float]
    bands: Mapping[str, tuple[float, float]]

    @property
    def size(self) -> int:
        """How many steps one point stands for."""
        return -(-len(self.moments) // POINTS) or 1

    def line(self, name: str, values: Sequence[float | None] | None, pick: _Pick) -> list[Series]:
        """A line, or none where its values do not belong to these moments."""
        if not values or len(values) != len(self.moments):
            return []
        return [Series(name=name, values=thinned(values, self.size, pick))]

    def chart(
        self,
        title: str,
        lines: Iterable[Sequence[Series]],
        write: Callable[[float], str],
        targets: Mapping[str, float],
    ) -> Chart | None:
        """The lines over time."""
        drawn = list(chain.from_iterable(lines))[:_MOST]
        return line_chart(
            title, self.moments[:: self.size], drawn, write, targets, bands=self.bands
        )


def _timeline(record: _Record) -> _Timeline:
    warm_up = record.get("warm_up_s") or 0
    return _Timeline(
        moments=(record.get("series") or {}).get("second") or (),
        bands={"warm-up": (0.0, float(warm_up))} if warm_up else {},
    )


def _over_time(record: _Record) -> Iterable[Chart | None]:
    series, timeline = record.get("series") or {}, _timeline(record)
    for title, write, lines in _CHARTS:
        yield timeline.chart(
            title,
            (timeline.line(line.name, series.get(line.key), line.pick) for line in lines),
            write,
            _bounds([line for line in lines if series.get(line.key)], record["objectives"]),
        )
    classes = sorted((series.get("errors") or {}).items(), key=lambda pair: -sum(pair[1]))
    yield timeline.chart(
        "Failures a second, by class",
        (timeline.line(called(name), values, max) for name, values in classes),
        _count,
        {},
    )


def _bounds(lines: Sequence[_Drawn], objectives: Sequence[_Record]) -> dict[str, float]:
    """For each line the bound that it must stay under, where one was promised."""
    return {
        line.name: entry["target"]
        for line in lines
        for entry in objectives
        if line.promised
        and entry[line.promised[0]] == line.promised[1]
        and entry["comparison"] == "at_most"
    }


def _budgets(record: _Record) -> Iterable[Chart | None]:
    """How fast each error budget goes, and how much of it is gone."""
    budgets, timeline = record.get("error_budgets") or (), _timeline(record)
    for title, key, write, limit in (
        ("Burn rate of the error budgets", "burn_rate", _times, 1.0),
        ("Error budgets spent so far", "spent_by", percent, 100.0),
    ):
        scale = 100 if limit == 100 else 1
        lines = [
            line
            for entry in budgets
            for line in timeline.line(
                called(str(entry["name"])),
                [None if value is None else scale * value for value in entry.get(key) or ()],
                fmean if key == "burn_rate" else max,
            )
        ]
        yield timeline.chart(title, [lines], write, {"all of it": limit} if lines else {})


def _spreads(record: _Record) -> Iterable[Chart | None]:
    found = record.get("histogram") or {}
    for metric, title in _SPREADS.items():
        if metric in found:
            timing = record["timing"].get(metric) or {}
            yield bar_chart(
                f"{title}, spread",
                found[metric]["edges"],
                found[metric]["counts"],
                seconds,
                {name: timing[name] for name in _QUANTILES if timing.get(name) is not None},
            )


def _steps(record: _Record) -> Iterable[Chart | None]:
    """What came back against what was asked, where the rate was raised step by step."""
    steps = {step["rate"]: step for step in record.get("steps") or () if step.get("rate")}
    rates = sorted(steps)
    ordered = [steps[rate] for rate in rates]
    across = numbers_across("requests/s asked", _count)
    marks = {
        name: (record.get("saturation") or {}).get(key)
        for name, key in (("kept up to", "rate"), ("broke", "broke_at"))
    }
    known = {name: value for name, value in marks.items() if value is not None}
    yield line_chart(
        "Goodput by requests/s asked",
        rates,
        [
            Series(
                name="good, ended within the step",
                values=[step.get("goodput_per_s") for step in ordered],
            ),
            Series(name="all of it", values=[float(rate) for rate in rates]),
        ],
        _count,
        across=across,
        marks=known,
    )
    yield line_chart(
        "Times by requests/s asked",
        rates,
        [
            Series(
                name=f"p95 {name}", values=[(step.get(key) or {}).get("p95") for step in ordered]
            )
            for name, key in (("response", "response_s"), ("TTFT", "ttft_s"))
        ],
        seconds,
        across=across,
        marks=known,
    )
