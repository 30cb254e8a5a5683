"""
Start a load run in a process of its own, and make its record.

Locust patches the standard library of the process it is imported in; this module does not
import it, so it can be called from anywhere.
"""

import hashlib
import itertools
import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Thread
from typing import IO, Any

from kimi_conformance import suite
from kimi_conformance.errors import RunError, UsageError
from kimi_conformance.load.kept import conformance, kept_beside
from kimi_conformance.load.result import load_record
from kimi_conformance.load.sample_file import read_samples
from kimi_conformance.slo import Objectives
from kimi_conformance.slo import parse as parse_objectives

__all__ = ["KEY", "judge_samples", "run_scenario"]

KEY = "KIMI_API_KEY"  # of the environment of the process that runs the load
_MARGIN_S = 60.0  # start-up, grace for what is under way, and its own limit when it hangs
_STOP_S = 15.0  # after being asked to stop
_TAIL = 20  # lines of its stderr that are shown when it could not start


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
    on_line: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Run a scenario, wait for it, and judge what it sampled by the slo.toml beside it.

    A run that is killed, or interrupted with Ctrl-C, still has its record: of what was
    sampled until then, marked as not complete.

    Args:
        scenario: Its file.
        base_url: "https://api.moonshot.ai/v1".
        api_key: Given to the child in its environment only.
        model: Which model is asked.
        duration_s: How long it lasts, warm-up included.
        out: The folder where the samples are kept; it is made.
        target_pid: The process id of the target where it runs on this machine.
        target_kind: "simulator" or "live".
        on_line: Called with each line of progress and complaint, from other threads.

    Raises:
        UsageError: The scenario, its slo.toml, or an argument is wrong.
        RunError: The run could not start, or its samples cannot be read.
    """
    objectives = _objectives(scenario)
    samples = _free_name(out, scenario.stem)
    command = [
        *(sys.executable, "-m", "kimi_conformance.load", str(scenario)),
        *("--base-url", base_url, "--model", model, "--duration", f"{duration_s:.6f}s"),
        *("--samples", str(samples), "--target-kind", target_kind),
        *(() if target_pid is None else ("--target-pid", str(target_pid))),
        *itertools.chain.from_iterable(("--fixtures", str(one)) for one in _fixtures(scenario)),
    ]
    code, complaint = _watch(command, {**os.environ, KEY: api_key}, duration_s + _MARGIN_S, on_line)
    if not samples.exists():
        failure = complaint or f"The load run ended with code {code} and said nothing."
        raise UsageError(failure) if code == 2 else RunError(failure)
    return judge_samples(samples, objectives)


def judge_samples(samples: Path, objectives: Objectives) -> dict[str, Any]:
    """The load record of a samples file that is there already.

    Raises:
        RunError: The file cannot be read, or holds no samples.
    """
    try:
        content = samples.read_bytes()
    except OSError as error:
        raise RunError(f"The samples {samples} cannot be read: {error.strerror}.") from error
    file = read_samples(content, samples.name)
    digest = hashlib.sha256(content).hexdigest()
    record = load_record(file, objectives, name=samples.name, sha256=digest)
    return {**record, "conformance": conformance(kept_beside(samples), file.count)}


def _objectives(scenario: Path) -> Objectives:
    file = scenario.parent / "slo.toml"
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise UsageError(
            f"The scenario {scenario.name} has no slo.toml beside it: {error.strerror}. "
            "It says what is promised; begin with a copy of loadtests/slo.toml."
        ) from error
    return parse_objectives(text, f"{file.parent.name}/{file.name}")


def _fixtures(scenario: Path) -> list[Path]:
    """Where its request bodies may be: beside its own folder, then in the suite."""
    own = scenario.resolve().parent.parent / "fixtures"
    return [folder for folder in dict.fromkeys((own, suite.find().fixtures)) if folder.is_dir()]


def _free_name(out: Path, scenario: str) -> Path:
    """A file that is not there yet, so that no earlier run is lost."""
    out.mkdir(parents=True, exist_ok=True)
    names = itertools.chain([scenario], (f"{scenario}-{n}" for n in itertools.count(2)))
    files = (out / f"{name}.samples" for name in names)
    return next(file for file in files if not file.exists())


def _watch(
    command: list[str],
    environment: Mapping[str, str],
    limit_s: float,
    on_line: Callable[[str], None] | None,
) -> tuple[int, str]:
    """Run to the end, or stop it at the limit; its exit code, and the end of its stderr."""
    child = subprocess.Popen(  # noqa: S603 - this interpreter, this package
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    tail: deque[str] = deque(maxlen=_TAIL)
    say = on_line or (lambda _: None)

    def complain(line: str) -> None:
        tail.append(line)
        say(line)

    readers = [
        _relay(child.stdout, say),
        _relay(child.stderr, complain),
    ]
    try:
        child.wait(limit_s)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        _end(child)
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        for reader in readers:
            reader.join()
    return child.returncode, "\n".join(tail)


def _end(child: "subprocess.Popen[str]") -> None:
    child.terminate()
    try:
        child.wait(_STOP_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        child.kill()
        child.wait()


def _relay(stream: IO[str] | None, take: Callable[[str], object]) -> Thread:
    assert stream is not None, "both streams are piped"

    def read(stream: IO[str]) -> None:
        with stream:
            for line in stream:
                take(line.rstrip("\n"))

    thread = Thread(target=read, args=(stream,), daemon=True)
    thread.start()
    return thread
