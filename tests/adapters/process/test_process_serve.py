"""A Python adapter at the other end of the protocol."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kimi_conformance.adapters.process import adapter as adapter_module
from kimi_conformance.adapters.process.adapter import ProcessAdapter
from kimi_conformance.adapters.process.answering import Answering
from kimi_conformance.adapters.process.command import Command
from kimi_conformance.adapters.protocol import Binding, ChatRequest
from kimi_conformance.checks.upstream import FakeClock
from kimi_conformance.errors import AdapterError

HERE = Path(__file__).parent
REQUEST = ChatRequest(model="kimi-latest", messages=[])

pytestmark = pytest.mark.heavy  # each starts an interpreter with the package in it


@contextmanager
def served(monkeypatch: pytest.MonkeyPatch, **binding: Any) -> Iterator[Any]:
    """The adapter of `served_adapter.py`, open in another process."""
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    answering = Answering()
    serve = "kimi_conformance.adapters.process.serve"
    command = Command(f"{sys.executable} -m {serve} served_adapter:open_adapter", answering)
    try:
        yield ProcessAdapter(*command.running(), answering, Binding(**binding))
    finally:
        command.end()


async def test_what_is_served_answers_as_it_would_here(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock(now=1000.0)
    with served(monkeypatch, clock=clock, environment={"A": "1"}) as client:
        told = (await client.chat(REQUEST)).body
        called = (await client.chat_with_tools(REQUEST, lambda name, _: f"{name}!")).body

        assert told == {"environment": {"A": "1"}, "before": 1000.0, "after": 1002.0}
        assert called == {"said": "search!"}
        assert client.session("a") is client.session("a")
        assert client.session("a") is not client.session("b")
        assert client.session("b").cache_id == "cache of b"
        await client.aclose()


async def test_an_error_crosses_with_all_that_is_read_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with served(monkeypatch) as client:
        with pytest.raises(ValueError, match="no such handle") as raised:
            await client.resolve("x")

        assert str(raised.value.__cause__) == "'x'"


async def test_a_result_that_has_no_form_in_json_is_an_error_of_the_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with served(monkeypatch) as client:
        with pytest.raises(TypeError, match="object has no form in JSON"):
            await client.fetch_models()

        await client.aclose()  # it is a call that failed, not the process


async def test_what_the_adapter_prints_is_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(monkeypatch) as client:
        assert client.get_handle("a") == "kimi/a"
        until = time.monotonic() + 10  # what is printed comes by another pipe than the answer
        while not client._connection.last_words() and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert "printed by the adapter" in client._connection.last_words()


async def test_an_adapter_that_blocks_for_ever_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter_module, "OPEN_LIMIT", 0.5)
    with (
        served(monkeypatch) as client,
        pytest.raises(AdapterError, match="did not answer 'events'"),
    ):
        client.events()


def test_what_serves_an_adapter_needs_the_standard_library_only() -> None:
    code = (
        "import sys; before = set(sys.modules); import kimi_conformance.adapters.process.serve; "
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))"
    )

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert set(said.stdout.split()) - sys.stdlib_module_names == {"kimi_conformance"}


def test_a_call_that_is_cancelled_before_it_began_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    spoken: list[dict[str, Any]] = [
        {"id": 1, "method": "open", "client": 1, "params": {}},
        {"id": 2, "method": "resolve", "client": 1, "params": {"handle": "x"}},
        {"cancel": 2},
        {"cancel": 99},
        {"id": 3, "method": "close", "client": 1},
    ]

    said = subprocess.run(
        [
            *(sys.executable, "-m", "kimi_conformance.adapters.process.serve"),
            "served_adapter:open_adapter",
        ],
        input="".join(json.dumps(message) + "\n" for message in spoken),
        capture_output=True,
        text=True,
        timeout=20,
    )

    answers = [json.loads(line) for line in said.stdout.splitlines()]
    assert said.returncode == 0
    assert sorted(answer["id"] for answer in answers) == [1, 2, 3]
