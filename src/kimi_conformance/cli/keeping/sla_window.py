"""`kimi-conformance sla --from --to`: the service level over a window, from the history."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from kimi_conformance.cli.asking.days import FORMATS, Days
from kimi_conformance.cli.asking.load_options import Wanted
from kimi_conformance.cli.keeping.history_file import DEFAULT, chosen
from kimi_conformance.cli.keeping.one_endpoint import bare, only_endpoint
from kimi_conformance.cli.showing import show
from kimi_conformance.cli.showing.tables import cell, console
from kimi_conformance.errors import UsageError, nearest
from kimi_conformance.history.past import LoadResult, PastRun, Probe
from kimi_conformance.history.service_level import (
    ServiceLevel,
    probed_objectives,
    service_level,
)
from kimi_conformance.history.store import History
from kimi_conformance.history.window import parse_window
from kimi_conformance.reporting.formats.pdf import pdf
from kimi_conformance.reporting.formats.printing import page, summary, write_files
from kimi_conformance.reporting.views.answers import service_answer
from kimi_conformance.reporting.views.attained import ServicePage, attained
from kimi_conformance.slo import parse
from kimi_conformance.suite import Suite

__all__ = ["report"]

SHOWN = 12  # incidents on a terminal


def report(suite: Suite, days: Days, wanted: Wanted, *, out: Path, json_file: str | None) -> int:
    """Report the service level over a window; the exit code.

    Raises:
        UsageError: The days make no sense, a format is unknown, there is no history, or it
            knows several endpoints and none was named.
        RunError: The history is damaged, or the report cannot be written.
    """
    formats = _formats(days.formats)
    window = parse_window(days.since or "", days.until, time.time())
    with History(chosen() or DEFAULT) as opened:
        loads = opened.loads(window.start, window.end)
        probes = opened.probes(window.start, window.end)
        runs = opened.runs(since=window.start, until=window.end)
    nights = _without_load(runs, loads) if wanted.live.model is None else []
    loads, probes, nights, about = _of_target(loads, probes, nights, wanted)
    promised = probed_objectives(
        parse((suite.loadtests / "slo.toml").read_text("utf-8")).of("probe")
    )
    found = service_level(window, loads, probes, promised, nights)
    shown, machine = attained(found, about), service_answer(found, about)
    files = _render(shown, machine, formats, suite.reports / "templates")
    folder = out / f"sla-{window.first}-{window.last}"
    paths = write_files(files, folder)
    _print(found, shown, json_file)
    for path in paths:
        show.say(f"Report: {path}", json_file)
    show.answer(machine, json_file)
    return found.verdict.exit_code


def _formats(text: str | None) -> list[str]:
    names = list(dict.fromkeys((text or "html,md").replace(" ", "").split(",")))
    for name in names:
        if name not in FORMATS:
            raise UsageError(f"There is no report format '{name}'. {nearest(name, FORMATS)}")
    return names


def _without_load(runs: Sequence[PastRun], loads: Sequence[LoadResult]) -> list[PastRun]:
    """The nights that had no load test of their own."""
    return [
        run
        for run in runs
        if run.job == "nightly"
        and not any(run.started <= load.started <= (run.ended or run.started) for load in loads)
    ]


def _of_target(
    loads: Sequence[LoadResult], probes: Sequence[Probe], nights: Sequence[PastRun], wanted: Wanted
) -> tuple[list[LoadResult], list[Probe], list[PastRun], str]:
    """What is of one endpoint, and which it is: different ones are never added up."""
    model = wanted.live.model
    loads = [load for load in loads if model in {None, load.model}]
    probes = [probe for probe in probes if model in {None, probe.model}]
    kinds = {*(load.kind for load in loads), *(night.lane for night in nights)}
    target = wanted.target or ("simulator" if kinds == {"simulator"} and not probes else "live")
    loads = [load for load in loads if load.kind == target]
    nights = [night for night in nights if night.lane == target]
    if target == "simulator":
        return loads, [], nights, "Of the embedded simulator, not of the real API."
    known = [
        *(load.base_url for load in loads),
        *(probe.base_url for probe in probes),
        *map(_asked_by, nights),
    ]
    url = only_endpoint(known, wanted.live.base_url)
    loads = [load for load in loads if bare(load.base_url) == url]
    probes = [probe for probe in probes if bare(probe.base_url) == url]
    nights = [night for night in nights if _asked_by(night) == url]
    return loads, probes, nights, f"Of {url or 'any live endpoint'}."


def _asked_by(night: PastRun) -> str:
    """The base URL of a live run, which its source names in brackets."""
    return bare(night.source.removeprefix("live (").removesuffix(")"))


def _render(
    shown: ServicePage, machine: Mapping[str, Any], formats: Sequence[str], templates: Path
) -> dict[str, bytes]:
    files = {}
    made = page("sla.html.j2", templates, shown) if {"html", "pdf"} & set(formats) else b""
    for name in formats:
        if name == "html":
            files["sla.html"] = made
        elif name == "md":
            files["sla.md"] = summary("sla.md.j2", templates, shown)
        elif name == "json":
            text = json.dumps(machine, ensure_ascii=False, indent=2)
            files["sla.json"] = f"{text}\n".encode("utf-8", "backslashreplace")
        else:
            files["sla.pdf"] = pdf(made)
    return files


def _print(found: ServiceLevel, shown: ServicePage, json_file: str | None) -> None:
    screen = console(stderr=json_file == "-")
    for service in shown.services:
        facts = ", ".join(f"{label} {value}" for label, value, _ in service.facts)
        show.say(f"\n{service.source}, {service.model}: {facts}", json_file)
        table = Table(box=None, pad_edge=False)
        for name in ("Verdict", "Objective"):
            table.add_column(name)
        for name in ("Target", "Value", "Interval", "Budget left"):
            table.add_column(name, justify="right")
        for row in service.levels:
            left = row.left if row.budget == "–" else f"{row.left} of {row.budget}"
            texts = (row.state.word, row.label, row.target, row.value, row.interval, left)
            table.add_row(*map(cell, texts))
        if service.levels:
            screen.print(table)
    _print_incidents(shown, json_file)
    show.say(f"\n{shown.headline.word}: {found.because}", json_file)


def _print_incidents(shown: ServicePage, json_file: str | None) -> None:
    """The longest ones, in the order of time; the report has them all."""
    longest = sorted(shown.incidents, key=lambda each: -each.length_s)[:SHOWN]
    for each in shown.incidents:
        if each in longest:
            show.say(f"\nIncident: {each.start} to {each.end}, {each.length}", json_file)
            show.say(f"  {each.cause}: {each.what} ({each.where}, {each.seen})", json_file)
    if (more := len(shown.incidents) - len(longest)) > 0:
        show.say(f"\n… and {more} shorter incidents, all in the report", json_file)
