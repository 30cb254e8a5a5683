"""What was promised of a service and what was kept, from the load records of a run."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kimi_conformance.load.judging.ending import words_of
from kimi_conformance.reporting.charts.geometry import Chart
from kimi_conformance.reporting.charts.of_load import load_charts
from kimi_conformance.reporting.views.error_budget import Budget, budgets
from kimi_conformance.reporting.views.load_tables import Table, load_facts, load_tables
from kimi_conformance.reporting.wording.quantity import (
    TARGETS,
    called,
    duration,
    formatter,
    moment,
    plain,
    seconds,
    share,
)
from kimi_conformance.reporting.wording.states import STATES, State, worst
from kimi_conformance.reporting.wording.visible import one_line

__all__ = [
    "Bar",
    "Gauge",
    "Load",
    "Objective",
    "Target",
    "is_loopback",
    "kept",
    "load",
    "targets",
]

_LOOPBACK = re.compile(r"\w+://(localhost|127\.|0\.0\.0\.0|\[::1?\])")
_ATTAINED = ("met", "missed", "undecided")
_SIGNS = {"at_least": "≥", "at_most": "≤"}
_TIMINGS = {
    "ttft_s": "TTFT",
    "first_answer_s": "First of the answer",
    "itl_s": "ITL",
    "tpot_s": "Time per token",
    "stall_s": "Longest stall",
    "response_s": "Response time",
}
_OWNERS = {"host": "the machine", "load": "the load processes", "target": "the target"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """An interval against its target, and the promised side, in percent of the width."""

    value: float
    low: float
    high: float
    target: float
    good_from: float
    good_width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """One promise of one scenario; texts are ready to be printed."""

    name: str
    label: str
    target: str
    value: str
    interval: str
    state: State
    definition: str
    gauge: Gauge | None


@dataclass(frozen=True, slots=True)
class Bar:
    """A count with its share, in percent of the width, and why it counts, or ""."""

    label: str
    count: str
    share: str
    width: float
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One scenario as it is shown.

    Attributes:
        warm_up: What is shown but not judged, or "".
        target: What was loaded, named for what it is.
        warnings: Why the numbers do not count, loudest first; empty where they do.
        timings: Rows of n, mean, p50, p90, p95, p99, max.
        failures: Rows of class, what was said, how often.
        resources: Rows of whose, what, mean, peak.
        facts: How much was done a second: label, value, explanation.
        answer: What a search for the highest rate found, or "".
        notes: What a reader should know beside the numbers.
    """

    anchor: str
    scenario: str
    question: str
    workload: str
    warm_up: str
    target: str
    started: str
    lasted: str
    requests: str
    warnings: tuple[str, ...]
    objectives: tuple[Objective, ...]
    timings: tuple[tuple[str, ...], ...]
    errors: tuple[Bar, ...]
    failures: tuple[tuple[str, ...], ...]
    resources: tuple[tuple[str, ...], ...]
    charts: tuple[Chart, ...]
    budgets: tuple[Budget, ...]
    facts: tuple[tuple[str, str, str], ...]
    tables: tuple[Table, ...]
    answer: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One of the four targets at a glance: the worst of all scenarios."""

    label: str
    target: str
    value: str
    state: State
    note: str


def load(number: int, record: Mapping[str, Any]) -> Load:
    """A load record, ready to be shown."""
    objectives = tuple(_objective(entry, record) for entry in record["objectives"])
    return Load(
        anchor=f"load-{number}",
        scenario=record["scenario"],
        question=record.get("question", ""),
        workload=record.get("workload", ""),
        warm_up=_warm_up(record.get("warm_up_s") or 0),
        target=_target(record["target"]),
        started=moment(record["started"]),
        lasted=duration(record["duration_s"]),
        requests=f"{record['requests']:,}",
        warnings=_warnings(record),
        objectives=objectives,
        timings=tuple(
            _timing(label, record["timing"][key])
            for key, label in _TIMINGS.items()
            if (record["timing"].get(key) or {}).get("n")
        ),
        errors=_errors(record),
        failures=tuple(
            (entry["class"], one_line(str(entry["detail"] or "–")), f"{entry['count']:,}")
            for entry in record.get("failures", ())
        ),
        resources=tuple(_resources(record["resources"])),
        charts=load_charts(record),
        budgets=budgets(record),
        facts=load_facts(record),
        tables=load_tables(record),
        answer=str((record.get("saturation") or {}).get("words", "")),
        notes=_notes(record),
    )


def targets(records: Sequence[Mapping[str, Any]]) -> tuple[Target, ...]:
    """The four targets, each as the scenario that kept it worst shows it."""
    return tuple(_glance(name, label, records) for name, label in TARGETS.items())


def kept(loads: Sequence[Load]) -> str:
    """How many of all objectives were kept, or "" where nothing was promised."""
    keys = [objective.state.key for load in loads for objective in load.objectives]
    counts = [f"{keys.count(key)} {STATES[key].word}" for key in _ATTAINED if key in keys]
    plural = "" if len(keys) == 1 else "s"
    return f"{len(keys)} objective{plural}: {', '.join(counts)}" if keys else ""


def _glance(name: str, label: str, records: Sequence[Mapping[str, Any]]) -> Target:
    found = [
        (_objective(entry, record), record["scenario"])
        for record in records
        for entry in record["objectives"]
        if entry["name"] == name
    ]
    state = worst((objective.state.key for objective, _ in found), "not_measured")
    if not found:
        return Target(label=label, target="", value="–", state=state, note="not measured")
    objective, scenario = next(pair for pair in found if pair[0].state is state)
    return Target(
        label=label, target=objective.target, value=objective.value, state=state, note=scenario
    )


def is_loopback(url: str) -> bool:
    """Whether a base URL leads to this machine, where no live API is."""
    return bool(_LOOPBACK.match(url))


def _target(target: Mapping[str, Any]) -> str:
    kind, place = str(target.get("kind", "")), str(target.get("base_url") or "")
    model = f", model {target['model']}" if target.get("model") else ""
    if kind == "simulator":
        return f"the embedded simulator, not the real API{model}"
    what = "an endpoint on this machine" if is_loopback(place) else f"a {kind} endpoint"
    return f"{what}{f' at {place}' if place else ''}{model}"


def _warm_up(length: float) -> str:
    return f"The first {duration(length)} are warm-up: drawn, but not judged." if length else ""


def _warnings(record: Mapping[str, Any]) -> tuple[str, ...]:
    found = []
    if not record.get("valid", False):
        reasons = "; ".join(record.get("invalid_because", ())) or "no reason was recorded"
        found.append(f"This measurement is not valid: {reasons}.")
    if not record.get("complete", False):
        because = f", since {record['ended_because']}" if record.get("ended_because") else ""
        found.append(
            f"This measurement was cut short{because}: its numbers cover only what was sampled."
        )
    if not record["requests"]:
        found.append("No request was measured: no objective can be kept.")
    return tuple(found)


def _notes(record: Mapping[str, Any]) -> tuple[str, ...]:
    distrusted = (record.get("distrusted") or {}).items()
    return (
        *(f"{called(metric)} decides nothing: {why}." for metric, why in distrusted),
        *(str(note) for note in record.get("notes") or ()),
        *words_of(record),
    )


def _objective(entry: Mapping[str, Any], record: Mapping[str, Any]) -> Objective:
    name, target = entry["name"], entry["target"]
    write = _writer(entry)
    value, low, high = (entry.get(key) for key in ("value", "low", "high"))
    return Objective(
        name=name,
        label=called(name),
        target=f"{_SIGNS[entry['comparison']]} {write(target)}",
        value="–" if value is None else write(value),
        interval=_interval(low, high, write),
        state=STATES[_verdict(entry, record)],
        definition=_definition(entry),
        gauge=_gauge(value, low, high, target, above=entry["comparison"] == "at_least"),
    )


def _writer(entry: Mapping[str, Any]) -> Callable[[float], str]:
    """By what is measured, or by the objective's own name where that tells no unit."""
    by_metric = formatter(entry["metric"])
    return formatter(entry["name"]) if by_metric is plain else by_metric


def _interval(low: float | None, high: float | None, write: Callable[[float], str]) -> str:
    if low is None:
        return "–" if high is None else f"up to {write(high)}"
    return f"from {write(low)}" if high is None else f"{write(low)} to {write(high)}"


def _verdict(entry: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """As recorded; but what does not count is undecided, and half a run keeps no promise."""
    verdict = str(entry["verdict"])
    counts = record.get("valid", False)
    kept = counts and record.get("complete", False) and record["requests"] > 0
    if not counts or (verdict == "met" and not kept):
        return "undecided"
    return verdict if verdict in STATES else "undecided"


def _definition(entry: Mapping[str, Any]) -> str:
    definition, needed = entry.get("definition", ""), entry.get("needed")
    return f"{definition}; {needed:,} more good ones would show it met" if needed else definition


def _gauge(
    value: float | None, low: float | None, high: float | None, target: float, *, above: bool
) -> Gauge | None:
    """The numbers on one scale, which begins at zero unless they lie close together."""
    if value is None:
        return None
    ends = [number for number in (value, low, high, target) if number is not None]
    least, most = min(ends), max(ends)
    margin = (most - least) * 0.25 or abs(most) * 0.05 or 1.0
    start = 0.0 if least < 0.6 * most else least - margin
    end = most + margin

    def place(number: float) -> float:
        return round(100 * (number - start) / (end - start), 2)

    bound = place(target)
    good_from, good_width = (bound, round(100 - bound, 2)) if above else (0.0, bound)
    return Gauge(
        value=place(value),
        low=0.0 if low is None else place(low),
        high=100.0 if high is None else place(high),
        target=bound,
        good_from=good_from,
        good_width=good_width,
    )


def _timing(label: str, timing: Mapping[str, Any]) -> tuple[str, ...]:
    places = ("mean", "p50", "p90", "p95", "p99", "max")
    texts = [seconds(timing[key]) if timing.get(key) is not None else "–" for key in places]
    return (label, f"{timing['n']:,}", *texts)


def _errors(record: Mapping[str, Any]) -> tuple[Bar, ...]:
    counts = sorted(record["errors"].items(), key=lambda pair: (-pair[1], pair[0]))
    most = max((count for _, count in counts), default=0)
    why = {entry["class"]: str(entry["counts"]) for entry in record.get("error_classes") or ()}
    return tuple(
        Bar(
            label=name,
            count=f"{count:,}",
            share=share(count / record["requests"]) if record["requests"] else "–",
            width=round(100 * count / most, 1),
            why=why.get(name, ""),
        )
        for name, count in counts
        if count
    )


def _resources(resources: Mapping[str, Any]) -> list[tuple[str, ...]]:
    rows = []
    for owner, label in _OWNERS.items():
        for metric, numbers in (resources.get(owner) or {}).items():
            if isinstance(numbers, Mapping):
                write = formatter(metric)
                texts = [_or_dash(numbers.get(key), write) for key in ("mean", "peak")]
                rows.append((label, called(metric.removesuffix("_percent")), *texts))
    return rows


def _or_dash(value: float | None, write: Callable[[float], str]) -> str:
    return "–" if value is None else write(value)
