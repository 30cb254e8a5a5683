"""
Every check on every SUT of its plane: the matrix that a selfcheck is read off.

Each plane begins with its basis: what becomes of a check there tells which faults cannot
change it, and those are not asked. What is left is dealt to processes, a SUT as a whole to one
of them, about equally long by what the checks took on the sound SUT; of all planes and editions
together as many run at a time as keep the machine busy. A fault strikes in the edition that it
names, so both planes are judged in each edition. What was left undecided because the machine
was too busy is judged once more at the end, when nothing else of the matrix runs.
"""

import heapq
import json
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

from kimi_conformance.checks.standstill import is_untimely
from kimi_conformance.cli.checking.pytest_child import CheckRun, run_checks
from kimi_conformance.cli.keeping.proof import ADAPTERS, ENDPOINTS, Suts
from kimi_conformance.cli.keeping.run_folder import RunFolder, read_run
from kimi_conformance.runs import Run
from kimi_conformance.suite import Suite
from kimi_conformance.verdicts import Outcome

__all__ = ["PLANES", "Progress", "deal", "run_matrix"]

PLANES: Mapping[str, Suts] = {"adapter": ADAPTERS, "endpoint": ENDPOINTS}
AT_A_TIME = (os.cpu_count() or 1) + 1  # processes: a check of silence waits, another one works
TIME_LIMIT = 10.0  # seconds a check; a busy machine may need them, and few stall on purpose
SHARE = 4000  # cells that a process is worth starting for, most of a minute's work
OVERHEAD = 0.004  # seconds that a check takes besides its own

Cells = Mapping[str, Sequence[str]]  # the checks of each SUT
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Task:
    """What one process does.

    Attributes:
        suts: All of the plane.
        checks: The checks of each SUT that it judges; None: every check, on the basis.
    """

    plane: str
    suts: Suts
    edition: str
    checks: Cells | None = None


def run_matrix(
    suite: Suite,
    editions: Sequence[str],
    folder: Path,
    planes: Mapping[str, Suts] = PLANES,
    progress: Progress | None = None,
) -> list[Outcome]:
    """The outcomes of every check on every SUT of these planes, the sound SUT's once an edition.

    Args:
        suite: What is run.
        editions: In which editions, the oldest first, `len(editions) >= 1`.
        folder: Where the evidence goes.
        planes: The SUTs of each plane that is judged.
        progress: Called with the number of cells that are judged, and of those known to come.
    """
    counted = _Counted(progress)
    found: dict[_Task, list[Outcome]] = {}
    pool = ThreadPoolExecutor(AT_A_TIME)
    try:
        tasks = [
            _Task(plane=plane, suts=suts, edition=edition)
            for plane, suts in planes.items()
            for edition in editions
        ]
        pending = {pool.submit(_run, suite, folder, task, counted): task for task in tasks}
        while pending:
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                task, run = pending.pop(future), future.result()
                found[task] = run.outcomes(suite.catalogue())
                for left in _left(task, run):
                    pending[pool.submit(_run, suite, folder, left, counted)] = left
    finally:
        pool.shutdown(cancel_futures=True)
    for task, outcomes in found.items():
        if undecided := _undecided(outcomes):
            again = _run(suite, folder, replace(task, checks=undecided), counted)
            found[task] = _renewed(outcomes, again.outcomes(suite.catalogue()))
    return [outcome for outcomes in found.values() for outcome in outcomes]


def _undecided(outcomes: Sequence[Outcome]) -> Cells:
    """The cells that decided nothing since time was lost in them."""
    cells: dict[str, list[str]] = defaultdict(list)
    for outcome in outcomes:
        if is_untimely(outcome.verdict, outcome.reason):
            cells[outcome.sut].append(outcome.id)
    return cells


def _renewed(outcomes: Sequence[Outcome], again: Sequence[Outcome]) -> list[Outcome]:
    """These, with what was judged again in place of what decided nothing."""
    new = {(each.sut, each.id): each for each in again}
    return [new.get((o.sut, o.id), o) if is_untimely(o.verdict, o.reason) else o for o in outcomes]


def _left(task: _Task, run: Run) -> Iterator[_Task]:
    """What there is to do after a task: what the basis leaves open of its plane and edition."""
    if task.checks is not None:
        return
    suts = task.suts
    seconds = {each.id: each.seconds for each in run.checks if each.sut == suts.sound}
    known: dict[str, set[str]] = defaultdict(set)
    for outcome in run.checks:
        known[outcome.sut].add(outcome.id)
    unknown = {sut: seconds.keys() - known[sut] for sut in suts.of(task.edition)}
    for checks in deal(unknown, seconds):
        yield replace(task, checks=checks)


def deal(
    checks: Mapping[str, Collection[str]],
    seconds: Mapping[str, float],
    share: int = SHARE,
    at_a_time: int = AT_A_TIME,
) -> list[Cells]:
    """The SUTs in shares that take about equally long; of several, none is left to run alone.

    Args:
        checks: The checks that each SUT is to be judged by.
        seconds: How long each check takes.
        share: How many cells are worth a process.
        at_a_time: How many processes there are.
    """
    costs = {sut: sum(seconds[id] + OVERHEAD for id in ids) for sut, ids in checks.items() if ids}
    worth = ceil(sum(map(len, checks.values())) / share)
    number_of_shares = worth if worth <= 1 else ceil(worth / at_a_time) * at_a_time
    shares: list[tuple[float, int, dict[str, list[str]]]] = [
        (0.0, number, {}) for number in range(number_of_shares)
    ]
    for sut in sorted(costs, key=costs.__getitem__, reverse=True):
        cost, number, dealt = shares[0]
        dealt[sut] = sorted(checks[sut])
        heapq.heapreplace(shares, (cost + costs[sut], number, dealt))
    return [dealt for _, _, dealt in shares if dealt]


def _run(suite: Suite, folder: Path, task: _Task, counted: "_Counted") -> Run:
    run = RunFolder.begin(
        folder,
        f"{task.plane}-{task.edition}",
        lane="simulator",
        source="embedded simulator",
        edition=task.edition,
        configuration={},
    )
    run_checks(_plan(task, run.folder), suite, run.evidence, counted.of(task))
    found = read_run(run.evidence)
    counted.end(task, len(found.checks))
    return found


def _plan(task: _Task, folder: Path) -> CheckRun:
    suts = task.suts
    judged = suts.basis if task.checks is None else list(task.checks)
    plan = CheckRun(
        lane="simulator",
        edition=task.edition,
        plane=task.plane,
        adapters=judged if task.plane == "adapter" else (),
        endpoints=judged if task.plane == "endpoint" else (),
        time_limit=TIME_LIMIT,
        matrix=True,
    )
    if task.checks is None:
        others = [sut for sut in suts.of(task.edition) if sut not in suts.basis]
        return replace(plan, despite=[sut for sut in others if sut not in suts.vacuums])
    cells: dict[str, list[str]] = defaultdict(list)
    for sut, checks in task.checks.items():
        for check in checks:
            cells[check].append(sut)
    file = folder / "cells.json"
    file.write_text(json.dumps(cells), encoding="utf-8")
    return replace(plan, cells=file, topics=sorted({check.split("/")[1] for check in cells}))


class _Counted:
    """How much is done, of all that runs at a time.

    Args:
        progress: Is told.
    """

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._tasks: dict[_Task, tuple[int, int]] = {}

    def of(self, task: _Task) -> Progress:
        """What is told of one task; the basis has more to say than it runs."""
        return lambda done, planned: self._set(task, min(done, planned), planned)

    def end(self, task: _Task, done: int) -> None:
        """It is over, with so many outcomes."""
        self._set(task, done, done)

    def _set(self, task: _Task, done: int, planned: int) -> None:
        self._tasks[task] = done, planned
        if self._progress is not None:
            told = list(self._tasks.values())
            self._progress(sum(done for done, _ in told), sum(planned for _, planned in told))
