"""An endpoint, or a command, that means harm, and the finished application between them."""

import asyncio
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from tests.hostile.bodies import answer, redirect
from tests.hostile.conftest import Rude

from kimi_conformance.adapters.application import command_factory, program
from kimi_conformance.adapters.application.program import LONGEST, run_program
from kimi_conformance.adapters.protocol import ApplicationRun, Binding
from kimi_conformance.adapters.reference import application
from kimi_conformance.adapters.reference.adapter import APPLICATION

Open = Callable[..., Rude]
KEY = "sk-hostile-0123456789abcdef"


def asked(server: Rude) -> ApplicationRun:
    """What the reference application makes of its answers."""
    command = f"{shlex.quote(sys.executable)} -I -S {APPLICATION} --prompt {{prompt}}"
    adapter = command_factory(command)(Binding(base_url=server.base_url, api_key=KEY))
    return asyncio.run(adapter.run_application("How far?"))  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_reference_application_takes_its_key_to_no_other_host(rude: Open, status: int) -> None:
    other = rude(answer(b"{}"))
    server = rude(redirect(status, f"http://127.0.0.1:{other.port}/v1/chat/completions"))

    found = asked(server)

    assert (found.exit_code, other.asked) == (1, [])
    assert f"the API refuses: {status}" in found.errors


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("7", 7), ("9" * 9, 60), ("9" * 5000, 2), ("-1", 2), ("nan", 2), ("\xb2", 2), ("", 2)],
)
def test_the_reference_application_waits_for_no_other_time(told: str, seconds: float) -> None:
    assert application.wait(told, 2) == seconds


# ------------------------------------------------------------ a command that means harm

RUDE_PROGRAM = Path(__file__).with_name("rude_program.py")
linux = pytest.mark.skipif(sys.platform != "linux", reason="strays are found in /proc")


def run(harm: str, note: Path, seconds: float = 0.7) -> ApplicationRun:
    argv = [sys.executable, "-I", "-S", str(RUDE_PROGRAM), harm, str(note)]
    return asyncio.run(run_program(argv, {"PATH": os.environ["PATH"]}, seconds))


def is_there(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("harm", ["prints-without-end", "errs-without-end", "hears-no-signal"])
def test_a_command_has_an_end_and_so_has_what_it_says(tmp_path: Path, harm: str) -> None:
    began = time.monotonic()

    found = run(harm, tmp_path / "note")

    assert found.exit_code is None
    assert len(found.output) + len(found.errors) <= LONGEST
    assert time.monotonic() - began < 5


@linux
@pytest.mark.parametrize("harm", ["leaves-a-stray", "stays-with-a-stray"])
def test_what_has_left_the_session_of_a_command_ends_with_it(tmp_path: Path, harm: str) -> None:
    note = tmp_path / "note"

    run(harm, note)

    assert not is_there(int(note.read_text()))


def test_what_got_away_is_read_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has neither mark nor group: it lives, but holds no thread and no file of ours."""
    monkeypatch.setattr(program, "_LAST_WORDS", 0.1)
    note = tmp_path / "note"

    found = run("leaves-a-stray-without-mark", note, seconds=10)

    pid = int(note.read_text())
    try:
        until = time.monotonic() + 5
        while readers() and time.monotonic() < until:
            time.sleep(0.01)
        assert not readers()
        assert found.exit_code == 0
        assert len(found.output) <= LONGEST
    finally:
        with suppress(ProcessLookupError):  # its pipe was closed: mostly that has ended it
            os.kill(pid, signal.SIGKILL)


def readers() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "application output"]
