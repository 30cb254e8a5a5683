"""`load` that is stopped, killed or at the end of its budget, and what is left of it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

COMMAND = (sys.executable, "-m", "kimi_conformance")


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[dict[str, Any]]:
    log = tmp_path / "send.log"
    child = subprocess.Popen(
        [
            *(*COMMAND, "simulate", "--edition", "2026-09", "--tier", "none"),
            *("--send-log", str(log), "--json"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    with child.stdout:
        yield {**json.loads(child.stdout.readline()), "log": log}
    child.send_signal(signal.SIGTERM)
    assert child.wait(10) == 0


def command(simulator: dict[str, Any], *more: str) -> tuple[list[str], dict[str, str]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KIMI_")}
    line = [*COMMAND, "load", "steady_chat", "--base-url", simulator["base_url"], *more]
    return line, {**kept, "KIMI_API_KEY": simulator["api_key"]}


def answered(log: Path) -> int:
    """How many chats the simulator has answered."""
    return sum('"/v1/chat/completions"' in line for line in log.read_text("utf-8").splitlines())


@pytest.mark.heavy
def test_a_simulator_that_was_started_for_a_load_ends_with_who_started_it() -> None:
    program = (
        "import os; from kimi_conformance.cli.loading.run import simulator_process\n"
        "with simulator_process('2026-09') as served:\n"
        "    print(served.pid, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )

    killed = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)

    assert killed.returncode == -signal.SIGKILL
    limit = time.monotonic() + 10
    while _lives(int(killed.stdout)):
        assert time.monotonic() < limit, "it serves on, for nobody"
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.heavy
def test_a_budget_holds_and_the_report_names_it(tmp_path: Path, simulator: dict[str, Any]) -> None:
    line, environment = command(
        simulator, "--duration", "20s", "--max-requests", "30", "--processes", "2", "--json", "-"
    )

    result = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True)

    answer = json.loads(result.stdout)
    assert result.returncode == 3, result.stderr
    assert (answer["verdict"], answer["ended"]) == ("INCONCLUSIVE", "budget")
    assert answer["samples"]["count"] + 1 == answer["spent"]["requests"] <= 30  # 1: GET /models
    assert answered(simulator["log"]) == answer["samples"]["count"]
    assert "CUT SHORT: the budget of --max-requests 30 did not cover" in result.stderr
    (folder,) = (tmp_path / "reports" / "out").iterdir()
    page = (folder / "report.html").read_text("utf-8")
    assert "The load came from 2 workers" in page
    assert "the budget of --max-requests 30 did not cover another request" in page


@pytest.mark.heavy
def test_what_a_killed_command_measured_can_still_be_reported(
    tmp_path: Path, simulator: dict[str, Any]
) -> None:
    line, environment = command(simulator, "--duration", "60s")
    child = subprocess.Popen(line, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL)
    try:
        samples = _grown(tmp_path, 5_000)
    finally:
        child.kill()
        child.wait()
    _at_rest(samples)

    said = subprocess.run(
        [*COMMAND, "report", str(samples.parent)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert said.returncode == 0, said.stderr
    assert "was cut short" in said.stderr
    summary = (samples.parent / "summary.md").read_text("utf-8")
    assert "Service level: steady" in summary
    assert "undecided" in summary
    page = (samples.parent / "report.html").read_text("utf-8")
    assert "This measurement was cut short, since it was stopped before its time" in page


@pytest.mark.heavy
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_is_told_to_stop_reports_what_it_has(
    tmp_path: Path, simulator: dict[str, Any], number: signal.Signals
) -> None:
    line, environment = command(simulator, "--duration", "60s", "--json", "answer.json")
    child = subprocess.Popen(
        line, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        _grown(tmp_path, 3_000)
        child.send_signal(number)
        _, said = child.communicate(timeout=30)
    finally:
        child.kill()
        child.wait()

    answer = json.loads((tmp_path / "answer.json").read_bytes())
    assert child.returncode == 3, said
    assert (answer["verdict"], answer["ended"]) == ("INCONCLUSIVE", "interrupted")
    assert answer["samples"]["count"] > 0


def _grown(folder: Path, size: int) -> Path:
    """The samples file of the only run below, once it has grown."""
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        for samples in folder.glob("reports/out/*/*.samples"):
            if samples.stat().st_size > size:
                return samples
        time.sleep(0.1)
    raise AssertionError("no samples were written")


def _at_rest(samples: Path) -> None:
    """Wait until nobody writes any more."""
    limit = time.monotonic() + 20
    size = -1
    while size != (size := samples.stat().st_size):
        assert time.monotonic() < limit, "whoever was left behind goes on"
        time.sleep(1.5)
