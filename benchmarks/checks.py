"""
What a check costs beyond an empty pytest test.

One pytest run with the plugins of a real one holds an empty test, an empty asynchronous test,
and checks of the reference adapter: some whose answers the check wrote down (script), some
that replay a recording (cassette). They take turns many times over, and each turn is timed
from pytest's first hook for it to its last. Several runs are made, each in a process of its own.
Figures are multiples of the empty test of the same run: "least" compares the shortest turns,
which a busy machine disturbs least, "median" the median turns, and of both the median over the
runs is given.

    python benchmarks/checks.py [--rounds 5] [--turns 100]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path

import pytest

from kimi_conformance import suite

EMPTY_FILE = "def test_empty():\n    pass\n\n\nasync def test_empty_asynchronous():\n    pass\n"
KINDS: Mapping[str, str] = {
    "test_empty": "an empty test",
    "test_empty_asynchronous": "an empty asynchronous test",
    "test_one_listing_sends_one_request": "script: list the models",
    "test_a_401_is_an_authentication_error": "script: a chat that is refused",
    "test_a_stream_is_asked_for": "script: a stream",
    "test_the_entries_of_the_api_itself_arrive_complete": "cassette: list the models",
    "test_a_chat_with_the_api_itself_arrives_as_chunks": "cassette: a stream",
    "test_function_calling_works_with_the_api_itself": "cassette: a chat with tools",
}
Timings = Mapping[str, Sequence[float]]  # the seconds of each turn, by the test's name
TOPICS = ("listing", "errors", "streaming", "tools")


class Turns:
    """Lets the chosen tests take turns, and times each turn."""

    def __init__(self, turns: int) -> None:
        self._turns = turns
        self.seconds: dict[str, list[float]] = defaultdict(list)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """One of each kind, over and over."""
        first = {_name(item): item for item in reversed(items) if _name(item) in KINDS}
        items[:] = [first[name] for name in KINDS if name in first] * self._turns

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Time everything that belongs to one turn."""
        started = time.perf_counter()
        try:
            return (yield)
        finally:
            self.seconds[_name(item)].append(time.perf_counter() - started)


def _name(item: pytest.Item) -> str:
    return str(getattr(item, "originalname", item.name))


def run_once(turns: int, timings: Path) -> int:
    """One pytest run in this process; writes the seconds of each turn of each kind."""
    conformance = suite.find().conformance
    counted = Turns(turns)
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "test_empty.py"
        empty.write_text(EMPTY_FILE)
        code = pytest.main(
            [
                *("-p", "pytest_asyncio.plugin", "-p", "kimi_conformance.plugin"),
                *("-p", "no:cacheprovider", "-c", str(conformance / "pytest.ini"), "-q"),
                *("--rootdir", str(conformance), "--kimi-lane=cassette"),
                f"--kimi-evidence={Path(folder) / 'run.jsonl'}",
                str(empty),
                *(str(conformance / "adapter" / f"test_{topic}.py") for topic in TOPICS),
            ],
            plugins=[counted],
        )
    timings.write_text(json.dumps(counted.seconds))
    return int(code)


def seconds_of(turns: int) -> Timings:
    """The seconds of each turn of each kind, from a run in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        timings = Path(folder) / "timings.json"
        done = subprocess.run(
            [sys.executable, __file__, "--turns", str(turns), "--timings", str(timings)],
            env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(f"A test did not pass:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        seconds: Timings = json.loads(timings.read_text())
    if missing := KINDS.keys() - seconds.keys():
        sys.exit(f"There is no check of this name any more: {', '.join(sorted(missing))}")
    return seconds


def ratio(
    name: str, rounds: Sequence[Timings], typical: Callable[[Sequence[float]], float]
) -> float:
    """How many empty tests a turn of this kind takes, by a typical turn of each run."""
    return statistics.median(typical(each[name]) / typical(each["test_empty"]) for each in rounds)


def table(rounds: Sequence[Timings]) -> list[str]:
    """A line for each kind."""
    lines = [f"{'':<30} {'least':>7} {'median':>7}   times an empty test"]
    for name, kind in KINDS.items():
        least, median = (ratio(name, rounds, each) for each in (min, statistics.median))
        own = min(min(each[name]) for each in rounds)
        lines.append(f"{kind:<30} {least:>7.1f} {median:>7.1f}   ({own * 1000:.2f} ms at best)")
    return lines


def main() -> int:
    """Measure, or be one of the runs that are measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[1])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--turns", type=int, default=100)
    parser.add_argument("--timings", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.timings:
        return run_once(options.turns, options.timings)
    print("\n".join(table([seconds_of(options.turns) for _ in range(options.rounds)])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
