"""On a machine that stands still now and then, no sound SUT is said to be wrong."""

import contextlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.starving import starving

pytestmark = pytest.mark.heavy

COMMAND = (sys.executable, "-m", "kimi_conformance")
BY_TIME = ("errors", "fallback", "guidance", "performance", "retry", "switching")
SEED = 3


def begin(*arguments: str, cwd: Path, **more: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KIMI_")}
    return subprocess.Popen(
        [*COMMAND, *arguments], cwd=cwd, env={**kept, **more}, stdout=subprocess.PIPE, text=True
    )


@contextlib.contextmanager
def simulator(cwd: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """A simulator in a process of its own: which, and where it is."""
    with begin("simulate", "--tier", "none", "--json", cwd=cwd) as child:
        assert child.stdout is not None
        try:
            yield child.pid, json.loads(child.stdout.readline())
        finally:
            child.terminate()


def starved(*arguments: str, cwd: Path, beside: tuple[int, ...] = (), **more: str) -> Any:
    """Whether it was starved, its exit code, and how many checks had each verdict."""
    run = begin(*arguments, "--json", "answer.json", cwd=cwd, **more)
    with starving(run.pid, *beside, seed=SEED) as found:
        said, _ = run.communicate()
    answer = json.loads((cwd / "answer.json").read_text())
    verdicts = Counter(check["verdict"] for check in answer["checks"])
    return len(found.stops) >= 3, run.returncode, verdicts, said


def test_a_client_is_not_blamed_for_its_machine(tmp_path: Path) -> None:
    topics = [word for topic in BY_TIME for word in ("--topic", topic)]

    was_starved, code, verdicts, said = starved(
        "check", "--plane", "adapter", *topics, cwd=tmp_path
    )

    assert was_starved
    assert code in {0, 3}, said
    assert verdicts["passed"] > 100
    assert verdicts.keys() <= {"passed", "inconclusive"}, said


def test_an_endpoint_is_not_blamed_for_its_machine_or_ours(tmp_path: Path) -> None:
    with simulator(tmp_path) as (pid, told):
        was_starved, code, verdicts, said = starved(
            *("check", "--plane", "endpoint"),
            cwd=tmp_path,
            beside=(pid,),
            KIMI_BASE_URL=told["base_url"],
            KIMI_API_KEY=told["api_key"],
        )

    assert was_starved
    assert code in {0, 3}, said
    assert verdicts["passed"] > 200
    assert verdicts.keys() <= {"passed", "inconclusive"}, said
