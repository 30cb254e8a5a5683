"""An adapter process that means harm: named, ended with all that it started, bounded meanwhile."""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from kimi_conformance.adapters.process import adapter as adapter_module
from kimi_conformance.adapters.process import answering as answering_module
from kimi_conformance.adapters.process import connection as connection_module
from kimi_conformance.adapters.process import lines
from kimi_conformance.adapters.process.adapter import ProcessAdapter
from kimi_conformance.adapters.process.answering import Answering
from kimi_conformance.adapters.process.command import Command
from kimi_conformance.adapters.protocol import Binding
from kimi_conformance.errors import AdapterError

RUDE_CLIENT = Path(__file__).with_name("rude_client.py")
KEY = "sk-of-a-user-0123456789"
SMALL = 2**20
Open = Callable[[str], Any]


@pytest.fixture
def open_rude(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens a client that does one harm; 1 MiB is a flood, and half a second an eternity."""
    for module in (lines, connection_module):
        monkeypatch.setattr(module, "LONGEST", SMALL)
    monkeypatch.setattr(connection_module, "END_LIMIT", 0.3)
    commands: list[Command] = []

    def open_client(harm: str) -> ProcessAdapter:
        answering = Answering()
        commands.append(Command(f"{sys.executable} -I -S {RUDE_CLIENT} {harm}", answering))
        binding = Binding(base_url="http://127.0.0.1:9/v1", api_key=KEY, patience=0.5)
        return ProcessAdapter(*commands[-1].running(), answering, binding)

    yield open_client
    for command in commands:
        command.end()


HARMS = {
    "asks-without-end": "does not read the answers|questions before one|did not answer",
    "logs-without-end": "logged over 1 MiB",
    "one-line-without-end": "wrote a line longer than 1 MiB",
    "chunks-nobody-asked-for": "with a chunk, which is for streams|sent over 1 MiB",
    "no-utf8": "wrote a line that is no JSON",
    "nesting": "wrote a line that is no JSON",
    "nested-question": "wrote a line that is no JSON",
    "digits": "wrote a line that is no JSON",
    "half-a-line": "wrote a line that is no JSON",
    "floods-its-errors": "ended with exit code 1",
    "stops-itself": "did not answer 'list_models' within",
}


SILENT = {"asks-without-end", "stops-itself"}  # of others something is heard, some time


@pytest.mark.parametrize("harm", HARMS)
async def test_harm_is_named_and_kept_small(
    open_rude: Open,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    harm: str,
) -> None:
    if harm in SILENT:
        monkeypatch.setattr(adapter_module, "MARGIN", 1.5)
    caplog.set_level(logging.CRITICAL)
    client = open_rude(harm)

    with pytest.raises(AdapterError, match=HARMS[harm]) as raised:
        await client.list_models()

    told = str(raised.value)
    assert len(told) < 10_000
    assert KEY not in told
    assert not {"\x1b", "\x07"} & {*told}


async def test_an_answer_that_nobody_asks_for_breaks_the_client_not_the_check(
    open_rude: Open,
) -> None:
    client = open_rude("answers-twice")

    assert await client.list_models() == []
    with pytest.raises(AdapterError, match="answered what nobody asks"):
        await client.aclose()


async def test_a_question_of_nobody_is_answered_with_an_error(open_rude: Open) -> None:
    client = open_rude("unhashable-client")

    assert await client.list_models() == []


async def test_what_is_logged_is_cut(open_rude: Open, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), suppress(AdapterError):
        await open_rude("logs-without-end").list_models()

    assert 0 < len(caplog.records) <= SMALL // 10_000
    assert max(len(record.getMessage()) for record in caplog.records) <= 10_000


async def test_many_processes_that_hear_no_signal_end_with_their_client(open_rude: Open) -> None:
    client = open_rude("forks")
    (model,) = await client.list_models()
    group = int(model.id if hasattr(model, "id") else model["id"])

    client._connection.end()

    assert gone_within(group, 20)


@pytest.mark.skipif(sys.platform != "linux", reason="strays are found in /proc")
async def test_what_has_left_the_session_of_a_client_ends_with_it(open_rude: Open) -> None:
    client = open_rude("leaves-its-session")
    (model,) = await client.list_models()
    group = int(model.id if hasattr(model, "id") else model["id"])

    client._connection.end()

    assert gone_within(group, 5)


def gone_within(group: int, seconds: float) -> bool:
    """Whether no process of the group is left but zombies that wait for their new parent."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not any(in_group(process, group) for process in psutil.process_iter()):
            return True
        time.sleep(0.02)
    return False


def in_group(process: psutil.Process, group: int) -> bool:
    try:
        return os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False


def test_what_is_remembered_of_wrong_questions_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering_module, "MOST_REFUSED", 3)
    answering = Answering()

    class Sink:
        def answer(self, message: object) -> None:
            assert "error" in str(message)

    for number in range(10):
        answering._answer(Sink(), {"ask": number, "method": "none"})  # type: ignore[arg-type]

    assert len(answering.refused) == 3
