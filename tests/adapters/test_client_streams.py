"""Streams as the reference clients read them: to their end, and no further."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import respx
from tests.adapters.kimi_api import (
    CHAT,
    EVENTS,
    GREETING,
    Endless,
    collected,
)

from kimi_conformance.adapters.failures import failing
from kimi_conformance.adapters.reference import (
    KimiClient,
    LLMConnectionError,
    SyncKimiClient,
    drivers,
)
from kimi_conformance.http import httpx

STREAM = b'data: {"n":1}\n\ndata: {"n":2}\n\ndata: [DONE]\n\ndata: {"n":3}\n\n'


async def test_a_stream_is_given_chunk_by_chunk_up_to_done(
    api: respx.MockRouter, client: KimiClient, sync_client: SyncKimiClient
) -> None:
    route = api.post(CHAT).respond(content=STREAM, headers=EVENTS)

    bodies = await collected(client.stream(GREETING))

    assert bodies == [chunk.body for chunk in sync_client.stream(GREETING)] == [{"n": 1}, {"n": 2}]
    assert all(json.loads(call.request.content)["stream"] is True for call in route.calls)


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (
            {"json": {"error": {"type": "rate_limit_reached_error"}}, "status_code": 429},
            "rate_limit",
        ),
        ({"json": {"error": {"type": "rate_limit_reached_error"}}}, "rate_limit"),
        ({"json": {"choices": []}}, "other"),
        ({"html": "<html></html>"}, "other"),
        ({"content": b"data: {}\n\n", "headers": EVENTS}, "connection"),
        ({"content": b"", "status_code": 204}, "other"),
    ],
)
async def test_what_is_no_complete_stream_is_an_error(
    api: respx.MockRouter,
    client: KimiClient,
    sync_client: SyncKimiClient,
    response: dict[str, Any],
    kind: str,
) -> None:
    api.post(CHAT).respond(**response)

    failure = await failing(collected(client.stream(GREETING)))

    assert (failure.kind, failure.is_llm_error) == (kind, True)
    with pytest.raises(type(failure.error)):
        list(sync_client.stream(GREETING))


async def test_a_stream_that_breaks_off_gives_what_came_before(
    api: respx.MockRouter, client: KimiClient
) -> None:
    class Breaking(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b'data: {"n":1}\n\n'
            raise httpx.RemoteProtocolError("peer closed connection")

    api.post(CHAT).mock(return_value=httpx.Response(200, headers=EVENTS, stream=Breaking()))
    chunks = client.stream(GREETING)

    assert (await anext(chunks)).body == {"n": 1}
    with pytest.raises(LLMConnectionError, match="peer closed connection"):
        await anext(chunks)


async def test_a_stream_that_is_left_is_closed(api: respx.MockRouter, client: KimiClient) -> None:
    body = Endless(b'data: {"n":1}\n\n', lambda: asyncio.sleep(0))
    api.post(CHAT).mock(return_value=httpx.Response(200, headers=EVENTS, stream=body))

    async with contextlib.aclosing(client.stream(GREETING)) as chunks:
        await anext(chunks)

    assert body.closed


async def test_what_follows_done_for_ever_keeps_nobody_waiting(
    api: respx.MockRouter, client: KimiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drivers, "DRAIN_S", 0.001)
    body = Endless(b'data: {"n":1}\n\ndata: [DONE]\n\n', asyncio.Event().wait)
    api.post(CHAT).mock(return_value=httpx.Response(200, headers=EVENTS, stream=body))

    assert await collected(client.stream(GREETING)) == [{"n": 1}]
    assert body.closed


async def test_no_more_than_a_little_of_what_follows_done_is_read(
    api: respx.MockRouter, client: KimiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drivers, "DRAIN_BYTES", 100)
    body = Endless(b"data: [DONE]\n\n", lambda: asyncio.sleep(0))
    api.post(CHAT).mock(return_value=httpx.Response(200, headers=EVENTS, stream=body))

    assert await collected(client.stream(GREETING)) == []
    assert body.pieces * len(b"data: [DONE]\n\n") < 200


async def test_a_stream_is_read_to_its_end_so_that_its_connection_serves_again(
    api: respx.MockRouter, client: KimiClient
) -> None:
    class Whole(httpx.AsyncByteStream):
        ended = False

        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"data: [DONE]\n\n"
            self.ended = True

    body = Whole()
    api.post(CHAT).mock(return_value=httpx.Response(200, headers=EVENTS, stream=body))

    assert await collected(client.stream(GREETING)) == []
    assert body.ended
