"""A client in another process that hangs, crashes or is stopped: nothing of it is left."""

import asyncio
import contextlib
import os
import re
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from tests.adapters.process.talk import HELLO, OpenOdd, broken, chunks_of, said

from kimi_conformance.adapters.process import adapter as adapter_module
from kimi_conformance.adapters.process import connection as connection_module
from kimi_conformance.adapters.protocol import ChatRequest
from kimi_conformance.errors import AdapterError


def is_there(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def gone_within(pid: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while is_there(pid) and time.monotonic() < until:
        time.sleep(0.01)
    return not is_there(pid)


@pytest.mark.parametrize("fault", ["hangs", "closes-its-output"])
async def test_a_process_that_hangs_is_named_and_ended(
    fault: str, open_odd: OpenOdd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter_module, "MARGIN", 0.1)
    monkeypatch.setattr(connection_module, "END_LIMIT", 0.1)
    adapter = open_odd(fault, patience=0.1)
    pid = adapter._connection._process.pid

    text = await broken(adapter.list_models())

    assert (
        "did not answer 'list_models' within 0.2 s" in text or "closed its standard output" in text
    )
    assert gone_within(pid, 20)


async def test_a_process_that_reads_nothing_does_not_hold_up_who_writes(
    open_odd: OpenOdd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter_module, "MARGIN", 0.1)
    adapter = open_odd("hangs", patience=0.1)
    long = ChatRequest(model="kimi-latest", messages=[{"role": "user", "content": "x" * 1_000_000}])

    both = await asyncio.gather(adapter.list_models(), adapter.chat(long), return_exceptions=True)

    assert [type(error) for error in both] == [AdapterError] * 2


async def test_a_call_that_is_cancelled_is_stopped_in_the_process(open_odd: OpenOdd) -> None:
    adapter = open_odd("stalls")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await chunks_of(adapter)

    assert await said(adapter) == ""
    await adapter.aclose()


async def test_a_stream_that_is_left_early_is_stopped(open_odd: OpenOdd) -> None:
    adapter = open_odd("stalls")

    async with contextlib.aclosing(adapter.stream(HELLO)) as stream:
        await anext(stream)

    await adapter.aclose()


async def test_a_stream_that_goes_on_after_it_was_left_is_the_adapters_fault(
    open_odd: OpenOdd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter_module, "CANCEL_LIMIT", 0.1)
    adapter = open_odd("endless")

    async with contextlib.aclosing(adapter.stream(HELLO)) as stream:
        await anext(stream)

    text = await broken(adapter.aclose())
    assert re.search("goes on with 'stream', which was cancelled|did not answer 'stream'", text), (
        "a busy machine may say the second"
    )


async def test_a_call_that_cannot_be_stopped_is_the_adapters_fault(
    open_odd: OpenOdd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter_module, "CANCEL_LIMIT", 0.1)
    adapter = open_odd("hangs")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await adapter.list_models()

    assert "did not answer 'list_models' within 0.1 s" in await broken(adapter.aclose())


async def test_after_a_crash_the_next_client_gets_a_new_process(
    new_command: Callable[[str], Any],
) -> None:
    command, _ = new_command("crash")
    first, _ = command.running()
    with pytest.raises(AdapterError):
        first.reply_now(first.begin("list_models"), 5)

    second, hello = command.running()

    assert second is not first
    assert hello.name == "odd"


@pytest.mark.parametrize("fault", ["has-children", "stays"])
async def test_nothing_is_left_of_a_process_that_was_ended(
    fault: str, new_command: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "END_LIMIT", 0.1)
    command, _ = new_command(fault)
    connection, hello = command.running()
    pids = [connection._process.pid, *([int(hello.version)] if fault == "has-children" else [])]
    assert all(map(is_there, pids))

    command.end()

    assert all(gone_within(pid, 20) for pid in pids)


async def test_nothing_is_left_of_a_process_that_crashed(
    new_command: Callable[[str], Any],
) -> None:
    command, _ = new_command("has-children")
    connection, hello = command.running()

    os.kill(connection._process.pid, 9)

    assert gone_within(int(hello.version), 2)
