"""Nothing outlives a tester that was killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ODD_CLIENT = Path(__file__).with_name("odd_client.py")
TESTER = """
import sys, time
from kimi_conformance.adapters.process import process_factory
from kimi_conformance.adapters.protocol import Binding

client = process_factory(sys.argv[1])(Binding())
print(client._connection._process.pid, client.version, flush=True)
if sys.argv[2] == "stays":
    time.sleep(60)
"""


def gone_within(pids: list[int], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while any(map(_is_there, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    return not any(map(_is_there, pids))


def _is_there(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.heavy
@pytest.mark.parametrize(
    "fault",
    [
        "has-children",
        "hangs-and-has-children",
        pytest.param(
            "has-strays",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="they are found in /proc"),
        ),
    ],
)
def test_neither_a_process_nor_its_children_outlive_a_killed_tester(fault: str) -> None:
    command = f"{sys.executable} -I -S {ODD_CLIENT} {fault}"
    tester = subprocess.Popen(
        [sys.executable, "-c", TESTER, command, "stays"], stdout=subprocess.PIPE, text=True
    )
    assert tester.stdout is not None
    with tester:
        pids = [int(word) for word in tester.stdout.readline().split()]
        assert all(map(_is_there, pids))

        os.kill(tester.pid, signal.SIGKILL)

    assert len(pids) == 2
    assert gone_within(pids, 5)


@pytest.mark.heavy
def test_a_tester_that_ends_leaves_nothing_and_says_nothing() -> None:
    command = f"{sys.executable} -I -S {ODD_CLIENT} has-children"

    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", TESTER, command, "ends"],
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert gone_within([int(word) for word in ended.stdout.split()], 5)
