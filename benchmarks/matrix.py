"""
What a cell of the mutation matrix costs, as a multiple of an empty pytest test.

A cell is one check on one SUT. The matrix of both planes and editions is run, of every n-th
mutant, fault, benign variant and vacuum, and the CPU seconds of all its processes are divided
by its cells: by all, most of which a replay decides, and by those that had to be run. An empty
test is measured before and after, by the CPU seconds of a pytest with many of them less those
of one with a single one. "busy" is the share of the processors that the matrix kept at work;
on a machine with other work it says nothing.

    python benchmarks/matrix.py [--every 20] [--edition 2025-09]
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from kimi_conformance import suite
from kimi_conformance.cli.checking.every_sut import PLANES, run_matrix
from kimi_conformance.cli.keeping.proof import Suts

EMPTY_TESTS = 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a matrix took.

    Attributes:
        cells: All of them.
        run: Those that no replay decided.
        cpu_s: Of all processes.
        wall_s: From beginning to end.
    """

    cells: int
    run: int
    cpu_s: float
    wall_s: float


def cpu_of_children() -> float:
    """Seconds of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def empty_test_s() -> float:
    """CPU seconds of an empty test in a pytest like that of the matrix."""
    many, one = (_empty_run_s(tests) for tests in (EMPTY_TESTS, 1))
    return (many - one) / (EMPTY_TESTS - 1)


def _empty_run_s(tests: int) -> float:
    before = cpu_of_children()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "test_empty.py"
        file.write_text(
            "import pytest\n\n\n"
            f"@pytest.mark.parametrize('number', range({tests}))\n"
            "def test_empty(number):\n    pass\n"
        )
        subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-p", "pytest_asyncio.plugin"),
                *("-p", "kimi_conformance.plugin", "-p", "no:cacheprovider"),
                *("-o", "asyncio_default_fixture_loop_scope=function"),
                *("-c", os.devnull, "--rootdir", folder, str(file)),
            ],
            env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            stdout=subprocess.DEVNULL,
            check=True,
        )
    return cpu_of_children() - before


def measured(every: int, editions: list[str]) -> Measured:
    """A matrix of every n-th SUT."""
    before, started = cpu_of_children(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        planes = {name: _thinned(suts, every) for name, suts in PLANES.items()}
        outcomes = run_matrix(suite.find(), editions, Path(folder), planes)
    cells = [outcome for outcome in outcomes if "/wire/" not in outcome.id]
    return Measured(
        cells=len(cells),
        run=sum(cell.seconds > 0 for cell in cells),
        cpu_s=cpu_of_children() - before,
        wall_s=time.perf_counter() - started,
    )


def _thinned(suts: Suts, every: int) -> Suts:
    return replace(
        suts,
        mutants=suts.mutants[::every],
        benign=suts.benign[::every],
        vacuums=suts.vacuums[::every],
    )


def table(found: Measured, empty_s: float) -> list[str]:
    """A line for each kind of cell, and one for the whole."""
    kinds = {"a cell, decided by replay or run": found.cells, "a cell that is run": found.run}
    share = found.cpu_s / found.wall_s / (os.cpu_count() or 1)
    return [
        f"{'':<34} {'number':>8} {'CPU ms':>8}   times an empty test ({empty_s * 1000:.2f} ms)",
        *(
            f"{kind:<34} {number:>8} {found.cpu_s / number * 1000:>8.2f}"
            f" {found.cpu_s / number / empty_s:>7.1f}"
            for kind, number in kinds.items()
        ),
        f"in all {found.cpu_s:.0f} s of CPU in {found.wall_s:.0f} s: {share:.0%} busy",
    ]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[1])
    parser.add_argument("--every", type=int, default=20, help="1: the whole matrix")
    parser.add_argument("--edition", action="append", help="all, unless some are named")
    options = parser.parse_args()
    editions = options.edition or list(suite.find().editions())
    before = empty_test_s()
    found = measured(options.every, editions)
    print("\n".join(table(found, (before + empty_test_s()) / 2)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
