"""Runs a load scenario against a target: the simulator in a process of its own, or live."""

import json
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kimi_conformance.cli.asking.load_options import Bounds
from kimi_conformance.cli.asking.target import Target
from kimi_conformance.cli.checking.judging import judged_load, source_name
from kimi_conformance.cli.keeping.run_folder import RunFolder, read_run
from kimi_conformance.cli.loading.plan import spending_of
from kimi_conformance.cli.showing import show
from kimi_conformance.errors import KimiConformanceError, UsageError
from kimi_conformance.load.running.launch import Crew, run_scenario
from kimi_conformance.load.samples.export import WRITERS, export
from kimi_conformance.load.samples.file import read_samples
from kimi_conformance.load.samples.merge import collected
from kimi_conformance.load.users.scenario import read_header
from kimi_conformance.suite import Suite
from kimi_conformance.verdicts import RunVerdict

__all__ = [
    "FORMATS",
    "Order",
    "export_samples",
    "load_with_rest",
    "measure",
    "passed_on",
    "run_load",
    "simulator_process",
]

FORMATS = tuple(WRITERS)
_PROGRESS = re.compile(r"\d+ s, \d+ users, ")
READY = 20.0  # seconds that the simulator may take to come up


@dataclass(frozen=True, slots=True)
class Served:
    """A simulator in a process of its own."""

    base_url: str
    api_key: str
    pid: int


class NotReadyError(KimiConformanceError):
    """The simulator's process did not come up."""


@contextmanager
def simulator_process(edition: str, *arguments: str) -> Iterator[Served]:
    """Serve the embedded API in another process, as if it were a live host.

    Args:
        edition: The edition to serve.
        arguments: Further options of `kimi-conformance simulate`.

    Raises:
        NotReadyError: It did not come up.
    """
    command = [sys.executable, "-m", "kimi_conformance", "simulate", "--edition", edition]
    child = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
        [*command, "--port", "0", "--json", "--until-eof", *arguments],
        stdin=subprocess.PIPE,  # it ends with this process, even where that is killed
        stdout=subprocess.PIPE,
    )
    try:
        assert child.stdout is not None
        ready, _, _ = select.select([child.stdout], [], [], READY)
        line = child.stdout.readline() if ready else b""
        if not line:
            raise NotReadyError(
                f"The simulator did not come up within {READY:g} s. Try it by hand: "
                "kimi-conformance simulate --json"
            )
        served = json.loads(line)
        yield Served(served["base_url"], served["api_key"], child.pid)
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What load is wanted.

    Attributes:
        scenario: Its name.
        duration_s: How long it is to last, warm-up included.
        bounds: What it may spend.
        sent: Requests that were sent before; they count against the bounds.
        crew: Which processes put it on.
    """

    scenario: str
    duration_s: float
    bounds: Bounds = field(default_factory=Bounds)
    sent: int = 0
    crew: Crew = field(default_factory=Crew)


def run_load(suite: Suite, order: Order, target: Target, folder: Path) -> Mapping[str, Any]:
    """Run a scenario and judge it; the load record.

    Raises:
        UsageError: There is no such scenario, or its file or objectives are wrong.
    """
    file = suite.scenario(order.scenario)
    show.say(f"{order.scenario}: {order.duration_s:g} s of load …", "-")
    how: dict[str, Any] = {
        "duration_s": order.duration_s,
        "spending": replace(
            spending_of(suite, target.edition, target.model, order.bounds), sent=order.sent
        ),
        "crew": order.crew,
        "on_line": passed_on,
    }
    if target.lane == "live":
        return run_scenario(
            file,
            base_url=str(target.base_url),
            api_key=str(target.api_key),
            model=str(target.model),
            out=folder,
            target_kind="live",
            **how,
        )
    model = target.model or suite.edition(target.edition).default_model
    as_fast = ("--ttft", "0.15", "--itl", "0.01", "--tier", "none")
    with simulator_process(target.edition, *as_fast, *read_header(file).simulate) as served:
        return run_scenario(
            file,
            base_url=served.base_url,
            api_key=served.api_key,
            model=model,
            out=folder,
            target_pid=served.pid,
            target_kind="simulator",
            **how,
        )


def load_with_rest(
    suite: Suite, order: Order, target: Target, folder: RunFolder
) -> tuple[RunVerdict, str]:
    """As `run_load`, as a part of a run: its record is added, its verdict and sentence given."""
    bounds = order.bounds
    if any(limit is not None and limit <= 0 for limit in bounds[:3]):
        because = "the parts before it have used up the budget, so no load was put on"
        return RunVerdict.INCONCLUSIVE, because
    record = run_load(suite, order, target, folder.folder)
    folder.append(record)
    return judged_load(record)


def passed_on(line: str) -> None:
    """What the load process says; how far it is, only where somebody looks."""
    if sys.stderr.isatty() or not _PROGRESS.match(line):
        show.say(line, "-")


def measure(
    suite: Suite,
    job: str,
    target: Target,
    order: Order,
    *,
    out: Path,
    json_file: str | None,
) -> int:
    """Run a scenario as a run of its own, with its report; the exit code."""
    scenario = order.scenario
    suite.scenario(scenario)
    folder = RunFolder.begin(
        out,
        job,
        lane=target.lane,
        source=source_name(target),
        edition=target.edition,
        configuration={
            "scenario": scenario,
            "duration_s": order.duration_s,
            "base_url": target.base_url,
            "model": target.model,
            **order.bounds._asdict(),
            "processes": order.crew.processes,
            "workers": order.crew.expect,
        },
    )
    record = run_load(suite, replace(order, sent=target.requests), target, folder.folder)
    folder.append(record)
    verdict, because = judged_load(record)
    folder.end(verdict, because or f"{scenario} kept every objective")
    files = folder.report(suite, read_run(folder.evidence))
    for line in show.objectives(record):
        show.say(line, json_file)
    show.say(f"\n{_word(verdict)}: {because or 'every objective was kept'}", json_file)
    show.say(f"Report: {files['html']}", json_file)
    show.answer({"verdict": _word(verdict), **record}, json_file)
    return verdict.exit_code


def export_samples(run: Path, to: str, out: Path | None) -> list[Path]:
    """Write the samples of a run as CSV or Parquet; the files that were written.

    Raises:
        UsageError: There are no samples there, or what it takes is not installed.
        RunError: They cannot be read, or the files cannot be written.
    """
    # Samples of schema 1 end in .samples.jsonl: found, so that they are refused as what they are.
    of_run = [each for end in ("", ".jsonl") for each in sorted(run.glob(f"*.samples{end}"))]
    samples = of_run if run.is_dir() else [run]
    if not samples or not all(each.is_file() for each in samples):
        raise UsageError(
            f"There are no samples in {run}. Name the folder of a load run below reports/out, or "
            "its samples file."
        )
    folder = out or samples[0].parent
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for each in samples:
        path = folder / f"{each.stem}.{to}"
        export(read_samples(collected(each).content, each.name), path, to)
        written.append(path)
    return written


def _word(verdict: RunVerdict) -> str:
    return {
        RunVerdict.CONFORMANT: "KEPT",
        RunVerdict.NOT_CONFORMANT: "NOT KEPT",
        RunVerdict.INCONCLUSIVE: "INCONCLUSIVE",
    }[verdict]
