"""
What a gate costs, and what it gains by dealing its checks to several processes.

The checks of every edition are run in two ways, in turn: each edition in one process, and each
dealt to as many as `kimi-conformance gate` takes. Some checks wait, for silence above all; dealt,
others work meanwhile, for the price of more processes that begin. Then the whole command is run,
reports and all. CPU seconds are those of all processes; "busy" is the share of the processors
that was kept at work, which on a machine with other work says nothing.

    python benchmarks/gate.py [--rounds 3]
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from kimi_conformance import suite
from kimi_conformance.cli.checking.pytest_child import CheckRun, run_side_by_side
from kimi_conformance.cli.checking.shares import in_shares


class Spent(NamedTuple):
    """Seconds from beginning to end, and those of all processes."""

    wall: float
    cpu: float

    @property
    def busy(self) -> float:
        """The share of the processors that was at work."""
        return self.cpu / self.wall / (os.cpu_count() or 1)


def spent(work: Callable[[], object]) -> Spent:
    """What it takes; of this process little is counted, since it waits."""
    began, before = time.perf_counter(), _cpu()
    work()
    return Spent(time.perf_counter() - began, _cpu() - before)


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def checks(folder: Path, *, dealt: bool) -> None:
    """Run the checks of a gate, each edition in one process or dealt to several."""
    found = suite.find()
    runs: list[tuple[CheckRun, Path]] = []
    for edition in found.editions():
        evidence = folder / f"{edition}-{dealt}.jsonl"
        evidence.touch()
        run = CheckRun(lane="cassette", edition=edition, adapters=("reference",))
        runs.append((run, evidence))
    run_side_by_side(in_shares(runs, found) if dealt else runs, found)


def command(folder: Path) -> None:
    """The whole gate, as a user starts it."""
    subprocess.run(
        [sys.executable, "-m", "kimi_conformance", "gate", "--out", str(folder / "out")],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )


def row(what: str, found: list[Spent]) -> str:
    """The median of each figure."""
    middle = [statistics.median(each) for each in zip(*found, strict=True)]
    busy = statistics.median(each.busy for each in found)
    return f"{what:<40} {middle[0]:>8.1f} {middle[1]:>8.1f} {busy:>7.0%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[1])
    parser.add_argument("--rounds", type=int, default=3, help="how often each is run")
    rounds = parser.parse_args().rounds
    whole: list[Spent] = []
    undivided: list[Spent] = []
    dealt: list[Spent] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            undivided.append(spent(partial(checks, folder, dealt=False)))
            dealt.append(spent(partial(checks, folder, dealt=True)))
            whole.append(spent(partial(command, folder)))
    print(f"{'':<40} {'wall s':>8} {'CPU s':>8} {'busy':>7}")
    print(row("checks, a process an edition", undivided))
    print(row("checks, dealt", dealt))
    print(row("kimi-conformance gate", whole))


if __name__ == "__main__":
    main()
