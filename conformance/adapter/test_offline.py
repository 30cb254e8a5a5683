"""What a client does while it is to send nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kimi_conformance.checks import (
    ChatRequest,
    Chunk,
    ListsModels,
    StreamsChat,
    Upstream,
    WorksOffline,
    failing,
    ids,
    replies,
    requirement,
)

GREETING = ChatRequest(model="moonshot-v1-8k", messages=[{"role": "user", "content": "Hello"}])


async def stream(adapter: StreamsChat) -> list[Chunk]:
    """A stream to its end."""
    return [chunk async for chunk in adapter.stream(GREETING)]


class Client(WorksOffline, ListsModels):
    """What these checks ask of a client."""


@requirement("OFFLINE-02")
async def test_offline_the_last_list_is_shown(adapter: Client, upstream: Upstream) -> None:
    """A user on a train can still choose a model."""
    upstream.replies(replies.model_list(["moonshot-v1-own", "kimi-own"]))

    online = await adapter.list_models()
    adapter.go_offline()
    offline = await adapter.list_models()

    assert {"moonshot-v1-own", "kimi-own"} & set(ids(online))
    assert set(ids(offline)) >= set(ids(online))


@requirement("OFFLINE-02")
async def test_a_failure_does_not_spoil_the_last_list(adapter: Client, upstream: Upstream) -> None:
    """What was seen once is not forgotten because the API was down before the train left."""
    upstream.replies(replies.model_list(["moonshot-v1-own", "kimi-own"]), replies.server_error())

    online = await adapter.list_models()
    await adapter.list_models()
    adapter.go_offline()
    offline = await adapter.list_models()

    assert {"moonshot-v1-own", "kimi-own"} & set(ids(online))
    assert set(ids(offline)) >= set(ids(online))


@requirement("OFFLINE-03")
@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda adapter: adapter.list_models(), id="list_models"),
        pytest.param(lambda adapter: adapter.chat(GREETING), id="chat"),
        pytest.param(stream, id="stream"),
        pytest.param(lambda adapter: adapter.check_key(), id="check_key"),
    ],
)
async def test_offline_nothing_is_sent(
    call: Callable[[Any], Awaitable[object]], adapter: Any, upstream: Upstream
) -> None:
    """A machine that must not talk does not."""
    upstream.replies(replies.model_list(["kimi-k2.5"]))
    await adapter.list_models()
    before = len(upstream.requests)
    adapter.go_offline()

    await asyncio.gather(call(adapter), return_exceptions=True)

    assert before > 0
    assert len(upstream.requests) == before


@requirement("OFFLINE-03")
async def test_offline_a_chat_fails_with_an_llm_error(adapter: Any, upstream: Upstream) -> None:
    """A program that handles an API that is down handles this too."""
    upstream.replies(replies.completion())
    adapter.go_offline()

    failure = await failing(adapter.chat(GREETING))

    assert failure.is_llm_error
    assert upstream.requests == ()


@requirement("OFFLINE-03")
async def test_back_online_the_api_is_asked_again(adapter: Client, upstream: Upstream) -> None:
    """A user who arrives sees what is new."""
    upstream.answers(
        "GET /v1/models",
        replies.model_list(["moonshot-v1-old", "kimi-old"]),
        replies.model_list(["moonshot-v1-new", "kimi-new"]),
    )
    await adapter.list_models()
    adapter.go_offline()
    await adapter.list_models()

    adapter.go_online()
    models = await adapter.list_models()

    assert {"moonshot-v1-new", "kimi-new"} & set(ids(models))
