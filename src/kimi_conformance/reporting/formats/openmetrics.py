"""
The numbers of a run as OpenMetrics text, written so that the older text format takes it too.

So it can be scraped, and node_exporter can pick it up from its folder of text files. There are
only gauges and summaries therefore: the older format knows no info and no stateset.

Names and units are stable: whoever draws a board from them does not draw it anew. Every label
is made visible first; counts that then read alike are added up, since a reader refuses two.

Source: https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kimi_conformance.reporting.views.view import Report
from kimi_conformance.reporting.wording.visible import one_line, visible
from kimi_conformance.runs import Run
from kimi_conformance.verdicts import RunVerdict

__all__ = ["openmetrics"]

PREFIX = "kimi_conformance_"

_QUANTILES = {"p50": "0.5", "p90": "0.9", "p95": "0.95", "p99": "0.99", "max": "1.0"}
_ATTAINED = ("met", "missed", "undecided")

Labels = Mapping[str, str]


@dataclass(slots=True)
class _Family:
    """A metric with its samples, one for each set of labels."""

    name: str
    kind: str
    help: str
    unit: str = ""
    samples: dict[tuple[str, tuple[tuple[str, str], ...]], float] = field(default_factory=dict)

    def set(self, value: float | None, labels: Labels, suffix: str = "") -> None:
        """One sample; none for what is not known, which OpenMetrics has no word for."""
        if value is not None and not math.isnan(value):
            self.samples[_key(labels, suffix)] = value

    def count(self, value: float, labels: Labels) -> None:
        """Add to the sample with these labels."""
        key = _key(labels, "")
        self.samples[key] = self.samples.get(key, 0.0) + value

    def state(self, value: str, states: Iterable[str], labels: Labels) -> None:
        """A sample for each state: 1 for the one that is true."""
        for state in states:
            self.set(float(state == value), {**labels, "verdict": state})

    def lines(self) -> Iterator[str]:
        """Its text: metadata, then samples; nothing where there is none."""
        if not self.samples:
            return
        name = PREFIX + self.name
        yield f"# TYPE {name} {self.kind}"
        if self.unit:
            yield f"# UNIT {name} {self.unit}"
        yield f"# HELP {name} {self.help}"
        for (suffix, labels), value in self.samples.items():
            inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels)
            yield f"{name}{suffix}{f'{{{inside}}}' if inside else ''} {_number(value)}"


def _key(labels: Labels, suffix: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return suffix, tuple((name, visible(one_line(text))) for name, text in labels.items())


def openmetrics(run: Run, report: Report) -> bytes:
    """The numbers of a run as OpenMetrics text, `# EOF` included."""
    families = [*_of_run(run, report), *_of_loads(run, report)]
    lines = [line for family in families for line in family.lines()]
    return "\n".join([*lines, "# EOF"]).encode() + b"\n"


def _of_run(run: Run, report: Report) -> list[_Family]:
    about = _Family("run_info", "gauge", "What was run; always 1.")
    about.set(
        1.0,
        {
            "run": report.run,
            "job": report.job,
            "edition": report.edition,
            "lane": report.lane,
            "version": str((run.header.get("suite") or {}).get("version", "")),
        },
    )
    verdict = _Family("verdict", "gauge", "The verdict on the run: 1 for the one it is.")
    verdict.state(report.headline.word, RunVerdict, {})
    whole = _Family("complete", "gauge", "Whether the run came to its own end.")
    whole.set(float(report.complete), {})
    started = _Family("started_timestamp_seconds", "gauge", "When it began.", "seconds")
    started.set(_seconds(run.header.get("started")), {})
    lasted = _Family("lasted_seconds", "gauge", "How long it took.", "seconds")
    lasted.set(run.footer.get("seconds") if run.footer else None, {})
    checks = _Family("checks", "gauge", "Checks and wire laws by verdict.")
    for case in report.cases:
        one = case.outcome
        checks.count(1.0, {"plane": one.plane, "sut": one.sut, "verdict": one.verdict})
    musts = _Family("must_checks", "gauge", "Of applicable MUSTs: how many, how many decided.")
    musts.set(report.conclusion.applicable, {"of": "applicable"})
    musts.set(report.conclusion.decided, {"of": "decided"})
    return [about, verdict, whole, started, lasted, checks, musts]


def _of_loads(run: Run, report: Report) -> list[_Family]:
    families = {
        name: _Family(name, kind, help, unit)
        for name, kind, help, unit in (
            ("load_requests", "gauge", "Requests that were judged.", ""),
            ("load_valid", "gauge", "Whether the generator could keep up.", ""),
            ("load_errors", "gauge", "Failed requests by class.", ""),
            ("load_time_seconds", "summary", "Times of successful requests.", "seconds"),
            ("load_rate", "gauge", "Requests, replies and tokens a second.", ""),
            ("objective_value", "gauge", "What was measured.", ""),
            ("objective_low", "gauge", "Lower end of its 95 % interval.", ""),
            ("objective_high", "gauge", "Upper end of its 95 % interval.", ""),
            ("objective_target", "gauge", "What was promised.", ""),
            ("objective_verdict", "gauge", "Whether it was kept: 1 for what is so.", ""),
            ("error_budget_spent", "gauge", "Share of the error budget that was used up.", ""),
        )
    }
    for number, (record, shown) in enumerate(zip(run.loads, report.loads, strict=True), start=1):
        labels = {"scenario": shown.scenario, "load": str(number)}
        _of_load(families, record, labels)
        for entry, objective in zip(record["objectives"], shown.objectives, strict=True):
            _of_objective(
                families, entry, objective.state.key, {**labels, "objective": objective.name}
            )
    return list(families.values())


def _of_load(families: Mapping[str, _Family], record: Mapping[str, Any], labels: Labels) -> None:
    families["load_requests"].set(record["requests"], labels)
    families["load_valid"].set(float(record.get("valid", False)), labels)
    for error, count in record["errors"].items():
        families["load_errors"].count(count, {**labels, "class": str(error)})
    for metric, timing in record["timing"].items():
        if not metric.endswith("_per_s"):  # every other one is a time
            _add_summary(families["load_time_seconds"], timing, {**labels, "metric": metric})
    for of, rate in (record.get("throughput") or {}).items():
        if of.endswith("_per_s"):
            families["load_rate"].set(rate, {**labels, "of": of.removesuffix("_per_s")})
    for budget in record.get("error_budgets") or ():
        of_budget = {**labels, "objective": str(budget["name"])}
        families["error_budget_spent"].set(budget.get("spent"), of_budget)


def _of_objective(
    families: Mapping[str, _Family], entry: Mapping[str, Any], state: str, labels: Labels
) -> None:
    for key in ("value", "low", "high", "target"):
        families[f"objective_{key}"].set(entry.get(key), labels)
    families["objective_verdict"].state(state, _ATTAINED, labels)


def _add_summary(family: _Family, timing: Mapping[str, Any], labels: Labels) -> None:
    if not timing.get("n"):
        return
    for key, quantile in _QUANTILES.items():
        family.set(timing.get(key), {**labels, "quantile": quantile})
    family.set(timing["n"], labels, "_count")
    mean = timing.get("mean")
    family.set(None if mean is None else mean * timing["n"], labels, "_sum")


def _seconds(moment: object) -> float | None:
    try:
        at = datetime.fromisoformat(str(moment))
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return f"{value:.12g}" if value != int(value) else str(int(value))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
