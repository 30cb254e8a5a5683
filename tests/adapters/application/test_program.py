"""A program is run apart from everything else, and nothing of it is left."""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import pytest

from kimi_conformance.adapters.application.program import LONGEST, environment_of, run_program
from kimi_conformance.adapters.protocol import ApplicationRun, Binding

PROGRAM = str(Path(__file__).with_name("odd_program.py"))
TOLD = Binding(base_url="http://127.0.0.1:9/v1", api_key="sk-none")


def run(*arguments: str, seconds: float = 20.0) -> ApplicationRun:
    argv = [sys.executable, "-I", "-S", PROGRAM, *arguments]
    return asyncio.run(run_program(argv, environment_of(TOLD), seconds))


def is_alive(process: int) -> bool:
    """Whether it runs; one that has ended and that nobody asked about does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_it_is_told_base_url_and_key_by_both_makers_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIMI_API_KEY", "sk-of-the-tester")
    monkeypatch.setenv("GITHUB_TOKEN", "sk-of-the-tester")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:8")
    monkeypatch.setenv("EDITOR", "ed")

    told = json.loads(run("tell").output)["environment"]

    assert [told[f"{maker}_BASE_URL"] for maker in ("KIMI", "OPENAI")] == [TOLD.base_url] * 2
    assert [told[f"{maker}_API_KEY"] for maker in ("KIMI", "OPENAI")] == [TOLD.api_key] * 2
    assert "sk-of-the-tester" not in told.values()
    assert "HTTPS_PROXY" not in told
    assert told["EDITOR"] == "ed"


def test_what_is_not_given_is_not_told() -> None:
    told = environment_of(Binding(environment={"LETTA_DEBUG": "1"}))

    assert told["LETTA_DEBUG"] == "1"
    assert not {"KIMI_BASE_URL", "KIMI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_KEY"} & told.keys()


def test_it_runs_in_a_folder_that_is_gone_afterwards_and_nobody_types() -> None:
    told = json.loads(run("tell", "a b", "$HOME").output)

    assert told["arguments"] == ["a b", "$HOME"]
    assert told["stdin"] == ""
    assert Path(told["folder"]) != Path.cwd()
    assert not Path(told["folder"]).exists()


def test_its_end_is_told_as_it_was() -> None:
    assert run("exit", "3") == ApplicationRun(exit_code=3, output="", errors="out of order")
    assert run("kill").exit_code == -9


def test_its_time_ends_and_what_it_said_is_kept() -> None:
    """However long a busy machine takes to start it."""
    ends = (run("hang", seconds=seconds) for seconds in (0.2, 1.0, 5.0, 15.0))

    found = next(each for each in ends if each.output)

    assert (found.exit_code, found.output) == (None, "began")


def test_it_may_say_as_much_as_it_likes_and_whatever_it_likes() -> None:
    assert run("flood") == ApplicationRun(exit_code=0, output="x" * LONGEST, errors="")
    assert run("bytes").output == "a\ufffdb"


def test_what_it_has_started_ends_with_it(tmp_path: Path) -> None:
    note = tmp_path / "child"

    found = run("leave", str(note))

    assert found.exit_code == 0
    assert not is_alive(int(note.read_text()))


def test_it_ends_where_nobody_waits_for_it_any_more() -> None:
    async def cancelled() -> float:
        argv = [sys.executable, "-I", "-S", PROGRAM, "hang"]
        running = asyncio.ensure_future(run_program(argv, dict(os.environ)))
        await asyncio.sleep(0.1)
        began = time.monotonic()
        running.cancel()
        await asyncio.wait({running})
        return time.monotonic() - began

    assert asyncio.run(cancelled()) < 10
