"""A command that is stopped, or killed, leaves nothing at work: a live endpoint would bill it."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

GATE = (sys.executable, "-m", "kimi_conformance", "gate", "--adapter", "reference")
LIMIT = 60.0  # seconds that a starved machine may take for what is over in one or two


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (signal.SIGINT, 130, "Stopped. What was found until then is in "),
        (signal.SIGTERM, 130, "Stopped. What was found until then is in "),
        (signal.SIGKILL, -signal.SIGKILL, ""),
    ],
)
def test_the_checks_end_with_their_command(
    number: signal.Signals, code: int, said: str, tmp_path: Path
) -> None:
    command = subprocess.Popen(
        [*GATE, "--edition", "2025-09", "--out", str(tmp_path)], stderr=subprocess.PIPE, text=True
    )
    children = _at_work(command.pid, tmp_path)

    command.send_signal(number)
    _, complaint = command.communicate(timeout=LIMIT)
    _, left = psutil.wait_procs(children, LIMIT)

    assert (command.returncode, left) == (code, [])
    assert said in complaint
    logs = [log.read_text("utf-8") for log in tmp_path.glob("**/pytest-*.log")]
    assert logs
    assert all("KeyboardInterrupt" in log for log in logs)  # what a check had open was closed


def _at_work(pid: int, folder: Path) -> list[psutil.Process]:
    """The processes below this one, once a check has left evidence."""
    limit = time.monotonic() + LIMIT
    while not any(b'"record":"check"' in run.read_bytes() for run in folder.glob("**/run.jsonl")):
        assert time.monotonic() < limit, "no check was run"
        time.sleep(0.05)
    return psutil.Process(pid).children(recursive=True)
