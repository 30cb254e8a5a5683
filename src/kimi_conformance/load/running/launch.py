"""
Start a load run in a process of its own, and make its record.

Locust patches the standard library of the process it is imported in; this module does not
import it, so it can be called from anywhere.
"""

import hashlib
import itertools
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kimi_conformance import suite
from kimi_conformance.errors import RunError, UsageError
from kimi_conformance.load.judging.ending import account_of
from kimi_conformance.load.judging.result import load_record
from kimi_conformance.load.running.watching import watch
from kimi_conformance.load.samples.file import read_samples
from kimi_conformance.load.samples.kept import conformance, kept_beside
from kimi_conformance.load.samples.merge import collected
from kimi_conformance.load.users.spending import Spending
from kimi_conformance.slo import Objectives
from kimi_conformance.slo import parse as parse_objectives

__all__ = [
    "KEY",
    "Crew",
    "foresee_scenario",
    "judge_samples",
    "objectives_of",
    "run_scenario",
    "serve_master",
]

KEY = "KIMI_API_KEY"  # of the environment of the process that runs the load
_MARGIN_S = 60.0  # start-up, grace for what is under way, and its own limit when it hangs
_NOWHERE = "http://plan.invalid/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Which processes put the load on.

    Attributes:
        processes: How many workers there are on this machine; 1: one process does it all.
        bind: Where workers of other machines come to: "0.0.0.0:5557"; None: there are none.
        expect: How many of those come.
        wait_s: How long they may take to come.
    """

    processes: int = 1
    bind: str | None = None
    expect: int = 0
    wait_s: float = 60.0

    def arguments(self) -> list[str]:
        """Of the process that runs the load."""
        if self.bind is not None:
            where = ["--master", self.bind, "--expect-workers", str(self.expect)]
        elif self.processes > 1:
            where = ["--processes", str(self.processes)]
        else:
            return []
        return [*where, "--wait", f"{self.wait_s:g}"]


def run_scenario(
    scenario: Path,
    *,
    base_url: str,
    api_key: str,
    model: str,
    duration_s: float,
    out: Path,
    target_pid: int | None = None,
    target_kind: str = "live",
    spending: Spending | None = None,
    crew: Crew | None = None,
    on_line: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Run a scenario, wait for it, and judge what it sampled by the slo.toml beside it.

    A run that is killed, or interrupted with Ctrl-C, still has its record: of what
    was sampled until then, marked as not complete.

    Args:
        scenario: Its file.
        base_url: "https://api.moonshot.ai/v1".
        api_key: Given to the child in its environment only.
        model: Which model is asked.
        duration_s: How long it lasts, warm-up included.
        out: The folder where the samples are kept; it is made.
        target_pid: The process id of the target where it runs on this machine.
        target_kind: "simulator" or "live".
        spending: What it may spend; None: whatever it takes.
        crew: Who puts the load on; None: one process.
        on_line: Called with each line of progress and complaint, from other threads.

    Raises:
        UsageError: The scenario, its slo.toml, or an argument is wrong.
        RunError: The run could not start, or its samples cannot be read.
    """
    promised = _promised(scenario)
    objectives = parse_objectives(promised, f"{scenario.parent.name}/slo.toml")
    samples = _claim(out, scenario.stem, promised)
    crew = crew or Crew()
    command = [
        *_command(scenario, base_url=base_url, model=model, duration_s=duration_s),
        *("--samples", str(samples), "--target-kind", target_kind, "--with-parent"),
        *(() if target_pid is None else ("--target-pid", str(target_pid))),
        *_told(spending),
        *crew.arguments(),
    ]
    limit = duration_s + _MARGIN_S + crew.wait_s
    code, complaint = watch(command, {**os.environ, KEY: api_key}, limit, on_line)
    if not samples.exists():
        objectives_of(samples).unlink()
        failure = complaint or f"The load run ended with code {code} and said nothing."
        raise UsageError(failure) if code == 2 else RunError(failure)
    record = judge_samples(samples, objectives)
    if code > 0 and complaint:  # it could not note itself why, as when the disk is full
        record["ended_because"] = complaint.splitlines()[-1]
    return record


def serve_master(
    scenario: Path,
    master: str,
    *,
    base_url: str,
    api_key: str,
    model: str,
    duration_s: float,
    out: Path,
    wait_s: float,
    on_line: Callable[[str], None] | None = None,
) -> None:
    """Be a worker of a master on another machine, to the end of its run.

    The scenario must be the master's, to the byte, and so must whom and how long it loads.

    Args:
        scenario: Its file.
        master: "192.0.2.7:5557".
        base_url: As in `run_scenario`.
        api_key: Likewise; the master does not send it.
        model: Likewise.
        duration_s: Likewise.
        out: Where samples are kept until the master has them.
        wait_s: How long the master may take to answer.
        on_line: As in `run_scenario`.

    Raises:
        UsageError: Nobody answers there, or the master runs something else.
        RunError: The run was cut short.
    """
    samples = _claim(out, scenario.stem, _promised(scenario))
    command = [
        *_command(scenario, base_url=base_url, model=model, duration_s=duration_s),
        *("--samples", str(samples), "--with-parent"),
        *("--worker", master, "--wait", f"{wait_s:g}"),
    ]
    limit = duration_s + _MARGIN_S + 2 * wait_s
    code, complaint = watch(command, {**os.environ, KEY: api_key}, limit, on_line)
    objectives_of(samples).unlink()
    if code:
        failure = complaint or f"The worker ended with code {code} and said nothing."
        raise UsageError(failure) if code == 2 else RunError(failure)


def foresee_scenario(
    scenario: Path, *, model: str, duration_s: float, spending: Spending | None = None
) -> dict[str, Any]:
    """What a run would send, as `foresee` says; nothing is sent.

    Raises:
        UsageError: The scenario is wrong.
        RunError: It could not be found out.
    """
    command = [
        *_command(scenario, base_url=_NOWHERE, model=model, duration_s=duration_s),
        *_told(spending),
        "--plan",
    ]
    lines: list[str] = []
    code, complaint = watch(command, os.environ, _MARGIN_S, lines.append)
    if code:
        failure = complaint or f"Planning the load ended with code {code} and said nothing."
        raise UsageError(failure) if code == 2 else RunError(failure)
    plan: dict[str, Any] = json.loads(next(line for line in lines if line.startswith("{")))
    return plan


def judge_samples(samples: Path, objectives: Objectives | None = None) -> dict[str, Any]:
    """The load record of a samples file that is there already, of whatever became of its run.

    Args:
        samples: The run's own file; those of workers beside it are read too.
        objectives: What was promised; None: as it was written down when the run began.

    Raises:
        RunError: The file cannot be read, or holds no samples.
    """
    promised = objectives or _written_down(samples)
    found = collected(samples)
    file = read_samples(found.content, samples.name)
    digest = hashlib.sha256(samples.read_bytes()).hexdigest()
    record = load_record(file, promised, name=samples.name, sha256=digest)
    kept = conformance(kept_beside(samples), file.count)
    return {**record, "conformance": kept, **account_of(found, file)}


def objectives_of(samples: Path) -> Path:
    """Where it is written down what was promised when a run began."""
    return samples.with_suffix(".slo.toml")


def _written_down(samples: Path) -> Objectives:
    try:
        return parse_objectives(objectives_of(samples).read_text("utf-8"))
    except OSError as error:
        raise RunError(
            f"What {samples.name} is to be judged by is not beside it: {error.strerror}."
        ) from error


def _command(scenario: Path, *, base_url: str, model: str, duration_s: float) -> list[str]:
    return [
        *(sys.executable, "-m", "kimi_conformance.load", str(scenario)),
        *("--base-url", base_url, "--model", model, "--duration", f"{duration_s:.6f}s"),
        *itertools.chain.from_iterable(("--fixtures", str(one)) for one in _fixtures(scenario)),
    ]


def _told(spending: Spending | None) -> tuple[str, ...]:
    return () if spending is None else ("--spending", json.dumps(asdict(spending)))


def _promised(scenario: Path) -> str:
    """The text of the slo.toml beside it."""
    file = scenario.parent / "slo.toml"
    try:
        return file.read_text("utf-8")
    except OSError as error:
        raise UsageError(
            f"The scenario {scenario.name} has no slo.toml beside it: {error.strerror}. "
            "It says what is promised; begin with a copy of loadtests/slo.toml."
        ) from error


def _fixtures(scenario: Path) -> list[Path]:
    """Where its request bodies may be: beside its own folder, then in the suite."""
    own = scenario.resolve().parent.parent / "fixtures"
    return [folder for folder in dict.fromkeys((own, suite.find().fixtures)) if folder.is_dir()]


def _claim(out: Path, scenario: str, promised: str) -> Path:
    """A samples file that is not there yet, claimed for this run by writing down its promises.

    Raises:
        RunError: The folder cannot be written.
    """
    names = itertools.chain([scenario], (f"{scenario}-{n}" for n in itertools.count(2)))
    for samples in (out / f"{name}.samples" for name in names):
        try:
            out.mkdir(parents=True, exist_ok=True)
            with objectives_of(samples).open("x", encoding="utf-8") as file:
                file.write(promised)
        except FileExistsError:
            continue
        except OSError as error:
            raise RunError(f"Cannot write to {out}: {error.strerror}.") from error
        return samples
    raise AssertionError("there is no end to the names")
