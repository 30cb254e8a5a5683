"""`kimi-conformance matrix`: every installed client against every requirement, side by side."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from typing import Any

import click

from kimi_conformance import suite as suites
from kimi_conformance.adapters.clients.catalogue import clients
from kimi_conformance.adapters.clients.environments import Environments
from kimi_conformance.adapters.registry import factory_of
from kimi_conformance.cli.asking import options
from kimi_conformance.cli.asking.helping import command
from kimi_conformance.cli.asking.target import DEFAULT_EDITION
from kimi_conformance.cli.checking.pytest_child import CheckRun, run_checks
from kimi_conformance.cli.keeping.run_folder import RunFolder, read_run
from kimi_conformance.cli.showing import show
from kimi_conformance.errors import UsageError
from kimi_conformance.requirements import Catalogue
from kimi_conformance.runs import Record, Run
from kimi_conformance.suite import Suite
from kimi_conformance.verdicts import Outcome, Verdict, conclude

__all__ = ["matrix", "matrix_of"]

LANES = {"simulator": "embedded simulator", "cassette": "recordings"}
AT_A_TIME = 3  # processes; a client that was answered with silence waits
_COLUMNS = {
    Verdict.PASSED: "passed",
    Verdict.FAILED: "failed",
    Verdict.KNOWN_FAILURE: "known",
    Verdict.NOT_CLAIMED: "not claimed",
    Verdict.INCONCLUSIVE: "inconclusive",
    Verdict.ERROR: "error",
}


@command("matrix --edition 2026-09")
@options.adapters
@options.edition
@click.option(
    "--lane",
    type=click.Choice(list(LANES)),
    default="simulator",
    show_default=True,
    help="What answers where no check writes the answer itself.",
)
@options.out
@options.json_file
def matrix(
    adapters: tuple[str, ...], edition: str | None, lane: str, out: Path, json_file: str | None
) -> int:
    """Judge all installed clients, offline, and show them side by side.

    Each runs in its own environment and reaches this machine only through the suite's stage.
    The embedded simulator answers all of them alike; a recording answers only the request that
    was recorded, which one client words otherwise than another.
    """
    suite = suites.find()
    name = suite.edition(edition or DEFAULT_EDITION).name
    chosen = adapters or _installed(name)
    for spec in chosen:
        factory_of(spec)
    folder = RunFolder.begin(
        out,
        "matrix",
        lane=lane,
        source=LANES[lane],
        edition=name,
        configuration={"lane": lane, "adapters": list(chosen)},
    )
    plan = CheckRun(lane=lane, edition=name, plane="adapter")
    with show.progress("clients") as progress:
        for record in _judged(suite, plan, chosen, folder.folder, progress):
            folder.append(record)
    conclusion = folder.conclude(suite.catalogue(), read_run(folder.evidence))
    run = read_run(folder.evidence)  # with its footer
    files = folder.report(suite, run)
    answer = matrix_of(run, suite.catalogue(), chosen)
    for line in _table(answer["adapters"]):
        show.say(line, json_file)
    left_out = {} if adapters else _not_judged()
    for client, reason in left_out.items():
        show.say(f"{client:<20} not judged: {reason}", json_file)
    show.say(f"\n{conclusion.verdict.value}: {conclusion.because}", json_file)
    show.say(f"Report: {files['html']}", json_file)
    not_judged = [{"name": client, "reason": reason} for client, reason in left_out.items()]
    show.answer(
        {"verdict": conclusion.verdict.value, **answer, "not_judged": not_judged}, json_file
    )
    return conclusion.verdict.exit_code


def _judged(
    suite: Suite,
    plan: CheckRun,
    adapters: Sequence[str],
    folder: Path,
    progress: Callable[[int, int], None],
) -> Iterator[Record]:
    """What the checks say of each adapter, in the order of these.

    Each has a process for itself, some at a time: most of what the checks do is to wait.
    """
    plans = [replace(plan, adapters=(name,)) for name in adapters]
    folders = [folder / f"part-{number}" for number in range(len(adapters))]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        parts = pool.map(lambda each: _evidence(suite, *each), zip(plans, folders, strict=True))
        for number, part in enumerate(parts):
            progress(number + 1, len(adapters))
            for record in part:
                if record.get("plane") != "endpoint":  # told of by each, and judged by none
                    yield _renumbered(record, number)


def _evidence(suite: Suite, plan: CheckRun, folder: Path) -> list[Record]:
    """What one process has said; its folder is gone afterwards, unless it broke."""
    folder.mkdir()
    file = folder / "run.jsonl"
    run_checks(plan, suite, file)
    records = [json.loads(line) for line in file.read_bytes().splitlines()]
    rmtree(folder)
    return records


def _renumbered(record: Record, number: int) -> Record:
    """The record with numbers of exchanges that no other process has given."""
    if record["record"] == "exchange":
        return {**record, "id": f"{number}-{record['id']}"}
    if record["record"] in {"check", "law"}:
        return {**record, "exchanges": [f"{number}-{id}" for id in record["exchanges"]]}
    return record


def matrix_of(run: Run, catalogue: Catalogue, adapters: Sequence[str]) -> dict[str, Any]:
    """What a run says of each adapter, and of each adapter in each check."""
    outcomes = run.outcomes(catalogue)
    by_name = {name: [each for each in outcomes if each.sut == name] for name in adapters}
    versions = {sut["name"]: sut["version"] for sut in run.header["suts"]}
    return {
        "edition": run.header.get("edition"),
        "adapters": [_adapter(name, versions.get(name), found) for name, found in by_name.items()],
        "cells": [
            {
                "adapter": each.sut,
                "check": each.id,
                "requirement": each.requirement,
                "verdict": each.verdict.value,
                "reason": each.reason,
            }
            for each in outcomes
        ],
    }


def _adapter(name: str, version: str | None, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    conclusion = conclude(outcomes)
    counts = {verdict.value: count for verdict, count in conclusion.counts.items()}
    client = clients().get(name)
    return {
        "name": name,
        "version": version,
        "language": "python" if client is None else client.language,
        "verdict": conclusion.verdict.value,
        "because": conclusion.because,
        "counts": counts,
        **counts,
    }


def _table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each adapter, below the names of the columns."""
    widths = {verdict: len(title) for verdict, title in _COLUMNS.items()}
    head = "  ".join(_COLUMNS.values())
    lines = [f"{'client':<20} {'version':<10} {'verdict':<14}  {head}"]
    for row in rows:
        counted = "  ".join(f"{row['counts'][v.value]:>{widths[v]}}" for v in _COLUMNS)
        lines.append(
            f"{row['name']:<20} {row['version'] or '-':<10} {row['verdict']:<14}  {counted}"
        )
    return lines


def _installed(edition: str) -> tuple[str, ...]:
    """The clients of this machine that are judged in an edition.

    Raises:
        UsageError: There is none.
    """
    found = tuple(
        name
        for name in Environments.of_user().installed()
        if not clients()[name].editions or edition in clients()[name].editions
    )
    if not found:
        raise UsageError("No client is installed. Type: kimi-conformance adapters install --all")
    return found


def _not_judged() -> dict[str, str]:
    """The clients that cannot be judged here, and why."""
    environments = Environments.of_user()
    problems = {name: environments.state(client).problem for name, client in clients().items()}
    return {name: problem for name, problem in problems.items() if problem}
