"""
What it takes until something happens: the plugin in every pytest run, and the command's words.

Each line is a pair of processes that differ in one thing, started in turn many times over, each
time in the other order: pytest on one empty test, with our plugin and without; the command,
and an interpreter that does nothing. What is given is the difference within a pair, in
milliseconds: its median, and the quartiles beside it. Processor time is the child's own, user and
system; time by the clock is what somebody waits, and on a busy machine mostly the neighbours'.

    python benchmarks/startup.py [--pairs 40]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

PYTHON = sys.executable
PYTEST = (PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_empty.py")
COMMAND = (PYTHON, "-m", "kimi_conformance")
NOTHING = (PYTHON, "-c", "pass")
ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # pytest with no plugins but those that are named


class Spent(NamedTuple):
    """Seconds of one process."""

    processor: float
    clock: float


class Pair(NamedTuple):
    """Two commands that differ in what is measured."""

    what: str
    with_it: Sequence[str]
    without: Sequence[str]
    environment: Mapping[str, str] = {}


PAIRS = (
    Pair("the plugin", (*PYTEST, "-p", "kimi_conformance.plugin"), PYTEST, ALONE),
    Pair(
        "the plugin beside all others that are here",
        PYTEST,
        (*PYTEST, "-p", "no:kimi_conformance"),
    ),
    Pair("kimi-conformance --help", (*COMMAND, "--help"), NOTHING),
    Pair("kimi-conformance gate --help", (*COMMAND, "gate", "--help"), NOTHING),
    Pair("a command that does not exist", (*COMMAND, "gaet"), NOTHING),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--pairs", type=int, default=40, help="how often each pair is started")
    pairs = parser.parse_args().pairs
    print(f"{'more than without, ms':<44} {'processor (quartiles)':>24} {'clock (quartiles)':>24}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pytest.ini").write_text("[pytest]\n")
        (folder / "test_empty.py").write_text("def test_empty():\n    pass\n")
        for pair in PAIRS:
            found = differences(pair, pairs, folder)
            print(
                f"{pair.what:<44} {shown([each.processor for each in found]):>24} "
                f"{shown([each.clock for each in found]):>24}"
            )


def differences(pair: Pair, count: int, folder: Path) -> list[Spent]:
    """What the one took more than the other, pair by pair; the first of each is not counted."""
    found = []
    for number in range(count + 1):
        commands = [pair.with_it, pair.without]
        if number % 2:
            commands.reverse()
        spent = [run(command, pair.environment, folder) for command in commands]
        if number % 2:
            spent.reverse()
        more, less = spent
        found.append(Spent(more.processor - less.processor, more.clock - less.clock))
    return found[1:]


def run(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Spent:
    """Start it, wait for its end, and tell what it took."""
    began = time.perf_counter()
    child = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(child.pid, 0)
    ended = time.perf_counter()
    child.returncode = os.waitstatus_to_exitcode(status)
    return Spent(usage.ru_utime + usage.ru_stime, ended - began)


def shown(seconds: Sequence[float]) -> str:
    """For a reader: "41.0 (38.1 to 45.2)"."""
    low, middle, high = (1000 * each for each in statistics.quantiles(seconds, n=4))
    return f"{middle:.1f} ({low:.1f} to {high:.1f})"


if __name__ == "__main__":
    main()
