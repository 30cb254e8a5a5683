"""
Runs the checks in a child process: pytest with exactly the plugins it needs.

Plugin autoload is off, so that what else is installed in the environment neither slows the
run down nor takes part in it. The key reaches the child by its environment only.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kimi_conformance.adapters.clients.environments import VARIABLE as CLIENTS
from kimi_conformance.cli.checking.counted import Counted
from kimi_conformance.errors import KimiConformanceError, UsageError, nearest
from kimi_conformance.suite import Suite

__all__ = [
    "CheckRun",
    "SuiteBrokenError",
    "files_of",
    "paths_of",
    "run_checks",
    "run_side_by_side",
]

_CHECKS = "test_*.py"
POLL = 0.1  # seconds between two looks at the evidence file
LEAVING = 15.0  # seconds that pytest may take to leave before it is killed


class SuiteBrokenError(KimiConformanceError):
    """pytest itself came to no end; its output is in the run's folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRun:
    """Which checks to run on whom; see the plugin's options.

    Attributes:
        sent: Requests that were sent before; they count against `max_requests`, too.
        share: Which of the parts this is of a run that several processes do, from 1.
    """

    lane: str
    edition: str
    adapters: Sequence[str] = ()
    endpoints: Sequence[str] = ("endpoint",)
    plane: str | None = None
    requirements: Sequence[str] = ()
    topics: Sequence[str] = ()
    base_url: str | None = None
    api_key: str | None = None
    model: str | None = None
    model_is: str | None = None
    without: Sequence[str] = ()
    samples: int | None = None
    max_requests: int | None = None
    sent: int = 0
    max_tokens: int | None = None
    max_cost: float | None = None
    price_in: float | None = None
    price_out: float | None = None
    time_limit: float = 30.0
    rpm: int | None = None
    concurrency: int | None = None
    tpm: int | None = None
    time_total: float | None = None
    record_into: Path | None = None
    cassettes: Path | None = None
    baseline: Path | None = None
    matrix: bool = False
    despite: Sequence[str] = ()
    cells: Path | None = None
    share: int = 1

    def for_plane(self, plane: str) -> "CheckRun":
        """The same for one plane."""
        return replace(self, plane=plane)


def run_checks(
    run: CheckRun,
    suite: Suite,
    evidence: Path,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Run the checks; what they say is appended to `evidence`.

    Args:
        run: Which, on whom.
        suite: Where they are.
        evidence: The run's evidence file; pytest's own output goes beside it.
        progress: Called with the number of checks done and planned.

    Raises:
        UsageError: pytest refused the call.
        SuiteBrokenError: pytest broke.
    """
    run_side_by_side([(run, evidence)], suite, progress)


def run_side_by_side(
    runs: Sequence[tuple[CheckRun, Path]],
    suite: Suite,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Do several runs at once, each in a process of its own.

    Those that are shares of one run have its evidence file together.

    Raises:
        UsageError, SuiteBrokenError: As for `run_checks`, of the first run that went wrong.
    """
    counters = [Counted(evidence) for evidence in dict.fromkeys(file for _, file in runs)]
    commands = [
        (_arguments(run, suite, evidence), _environment(run, suite), _log(run, evidence))
        for run, evidence in runs
    ]
    children: list[_Child] = []
    try:
        children.extend(_start(*command) for command in commands)
        while any(child.process.poll() is None for child in children):
            time.sleep(POLL)
            if progress is not None:
                counted = [counter.now() for counter in counters]
                progress(sum(done for done, _ in counted), sum(planned for _, planned in counted))
    finally:
        _end([child.process for child in children])
    for child in children:
        if child.process.returncode not in {0, 1, 5}:  # passed, failed, nothing collected
            _explain(child.process.returncode, child.log)


def _log(run: CheckRun, evidence: Path) -> Path:
    """Where pytest's own output goes."""
    return evidence.with_name(f"pytest-{run.plane or 'all'}{f'-{run.share}' * (run.share > 1)}.log")


@dataclass(frozen=True, slots=True)
class _Child:
    """pytest at work."""

    process: subprocess.Popen[bytes]
    log: Path


def _start(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> _Child:
    """Starts pytest with these arguments.

    It is in a process group of its own, so that Ctrl-C reaches it once: by way of us.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            process_group=0,
        )
    return _Child(process, log)


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Let checks close what they have open, on a live host too; end what does not leave."""
    for process in processes:
        process.send_signal(signal.SIGINT)
    limit = time.monotonic() + LEAVING
    for process in processes:
        try:
            process.wait(max(limit - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _arguments(run: CheckRun, suite: Suite, evidence: Path) -> list[str]:
    single = {
        "--kimi-lane": run.lane,
        "--kimi-edition": run.edition,
        "--kimi-evidence": str(evidence),
        "--kimi-time-limit": f"{run.time_limit:g}",
        "--kimi-plane": run.plane,
        "--kimi-base-url": run.base_url,
        "--kimi-model": run.model,
        "--kimi-model-is": run.model_is,
        "--kimi-samples": run.samples,
        "--kimi-max-requests": run.max_requests,
        "--kimi-sent": run.sent or None,
        "--kimi-max-tokens": run.max_tokens,
        "--kimi-max-cost": run.max_cost,
        "--kimi-price-in": run.price_in,
        "--kimi-price-out": run.price_out,
        "--kimi-rpm": run.rpm,
        "--kimi-concurrency": run.concurrency,
        "--kimi-tpm": run.tpm,
        "--kimi-time-total": run.time_total,
        "--kimi-record": run.record_into,
        "--kimi-cassettes": run.cassettes,
        "--kimi-baseline": run.baseline,
        "--kimi-cells": run.cells,
        "--kimi-share": run.share,
    }
    many = {
        "--kimi-adapter": run.adapters,
        "--kimi-endpoint": run.endpoints,
        "--kimi-requirement": run.requirements,
        "--kimi-without": run.without,
        "--kimi-despite": run.despite,
    }
    return [
        *("-m", "pytest", "-p", "pytest_asyncio.plugin", "-p", "kimi_conformance.plugin"),
        *("-p", "no:cacheprovider", "-c", str(suite.conformance / "pytest.ini")),
        *("--rootdir", str(suite.conformance), "-q", "--no-header", "--kimi-with-parent"),
        # A matrix has thousands of failures on purpose, and nobody reads their tracebacks.
        *(("--kimi-matrix", "--tb=native", "--no-summary") if run.matrix else ("--tb=short",)),
        *(f"{name}={value}" for name, value in single.items() if value is not None),
        *(f"{name}={value}" for name, values in many.items() for value in values),
        *paths_of(run, suite),
    ]


def paths_of(run: CheckRun, suite: Suite) -> list[str]:
    """The folders or files of the checks of a run.

    Raises:
        UsageError: It names a topic that no check of its planes is about.
    """
    if not run.topics:
        return [str(folder) for folder in _folders(run, suite)]
    known = {_topic(file) for file in files_of(replace(run, topics=()), suite)}
    for topic in run.topics:
        if topic not in known:
            raise UsageError(
                f"No checks are about {topic}. {nearest(topic, known)} What each is about, shows: "
                "kimi-conformance requirements"
            )
    return [str(file) for file in files_of(run, suite)]


def files_of(run: CheckRun, suite: Suite) -> list[Path]:
    """The files of the checks of a run, plane by plane."""
    return [
        file
        for folder in _folders(run, suite)
        for file in sorted(folder.glob(_CHECKS))
        if not run.topics or _topic(file) in run.topics
    ]


def _folders(run: CheckRun, suite: Suite) -> list[Path]:
    planes = [run.plane] if run.plane else ["adapter", "endpoint"]
    return [suite.conformance / plane for plane in planes]


def _topic(file: Path) -> str:
    return file.stem.removeprefix("test_")


def _environment(run: CheckRun, suite: Suite) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == CLIENTS or not name.startswith(("KIMI_", "OPENAI_", "LETTA_", "PYTEST_"))
    }
    kept["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    if suite.is_installed:
        kept["PYTHONDONTWRITEBYTECODE"] = "1"  # pip would leave behind what pytest compiled there
    if run.api_key:
        kept["KIMI_API_KEY"] = run.api_key
    return kept


def _explain(code: int, log: Path) -> None:
    lines = log.read_text("utf-8", "replace").strip().splitlines()
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    if code == 4 and errors:  # pytest's usage error
        raise UsageError(errors[0])
    last = "\n".join(lines[-8:])
    raise SuiteBrokenError(
        f"pytest ended with {code}; its output is in {log}. The end of it:\n{last}"
    )
