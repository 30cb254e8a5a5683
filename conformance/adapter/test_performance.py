"""How a client uses time."""

import asyncio
import contextlib
import gc
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from kimi_conformance.checks import (
    ChatRequest,
    Chats,
    Exchange,
    ListsModels,
    OpenAdapter,
    Upstream,
    ids,
    replies,
    requirement,
)

GREETING = ChatRequest(model="moonshot-v1-8k", messages=[{"role": "user", "content": "Hello"}])
CHAT = "POST /v1/chat/completions"
CALLS = 10
LISTINGS = 5
LARGEST_WINDOW = 262144  # tokens, and a Chinese character is about one
PAUSE = 0.25  # seconds that an answer is held back


def under_way_together(exchanges: list[Exchange]) -> bool:
    """Whether so many requests had arrived before the first answer went out."""
    whole = [each for each in exchanges if each.answer.frames]
    answered = [each.started + each.answer.frames[-1].at for each in whole]
    return sorted(each.started for each in exchanges)[LISTINGS - 1] < min(answered)


@requirement("PERF-05")
@pytest.mark.usefixtures("timed")
async def test_configurations_come_in_the_order_of_the_list(
    open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """A menu does not change its order from one day to the next."""
    names = ["gemini-slow", "gemini-medium", "gemini-fast"]
    models = [google_model(name) for name in names]
    upstream.answers("GET /v1/v1beta/models", replies.json_reply({"models": models}))
    for model, pause in zip(models, (2 * PAUSE, PAUSE, 0.0), strict=True):
        line = f"GET /v1/v1beta/{model['name']}"
        upstream.answers(line, replies.later(replies.json_reply(model), pause))
    adapter = open_adapter(
        environment={"GEMINI_API_KEY": "key-of-google", "GEMINI_BASE_URL": upstream.base_url}
    )

    listed = await adapter.models_of("google_ai")

    assert ids(listed) == names


def google_model(name: str) -> Mapping[str, Any]:
    """An entry of Google's list."""
    return {
        "name": f"models/{name}",
        "inputTokenLimit": 30720,
        "supportedGenerationMethods": ["generateContent"],
    }


@requirement("PERF-07")
@pytest.mark.usefixtures("timed")
async def test_listings_that_begin_together_are_under_way_together(
    adapter: ListsModels, upstream: Upstream
) -> None:
    """One slow answer does not make everybody wait in line."""
    upstream.replies(replies.later(replies.model_list(["kimi-latest"]), PAUSE))

    listed = await asyncio.gather(*(adapter.list_models() for _ in range(LISTINGS)))

    assert len([models for models in listed if "kimi-latest" in ids(models)]) == LISTINGS
    assert under_way_together(list(upstream.exchanges))


@requirement("PERF-06")
async def test_calls_in_a_row_share_a_connection(adapter: Chats, upstream: Upstream) -> None:
    """A user does not wait for a new handshake before every answer."""
    upstream.replies(replies.completion())

    for _ in range(CALLS):
        await adapter.chat(GREETING)

    assert len(upstream.connections) == CALLS
    assert len(set(upstream.connections)) <= 2  # one, and one more if the first was given up


@requirement("PERF-08")
async def test_a_conversation_looks_its_model_up_once(adapter: Any, upstream: Upstream) -> None:
    """A long conversation spends its requests on answers."""
    upstream.answers("GET /v1/models", replies.model_list(["kimi-latest"]))
    upstream.answers(CHAT, replies.completion())

    for _ in range(CALLS):
        model = await adapter.config_of("kimi/kimi-latest")
        await adapter.chat(ChatRequest(model=model.id, messages=GREETING.messages))

    assert len(upstream.sent(CHAT)) == CALLS
    assert len(upstream.sent("GET /v1/models")) == 1


@requirement("PERF-09")
async def test_the_largest_context_goes_out_whole_and_once(
    adapter: Chats, upstream: Upstream
) -> None:
    """A user who has a book to ask about can ask about all of it."""
    upstream.replies(replies.completion())
    book = "月" * LARGEST_WINDOW

    await adapter.chat(
        ChatRequest(model="kimi-k2-0905-preview", messages=[{"role": "user", "content": book}])
    )

    [sent] = upstream.requests
    arrived = len(sent.json["messages"][0]["content"])
    assert arrived == LARGEST_WINDOW


class Said(dict[str, Any]):
    """A message of which it can be told whether anybody still holds it."""


@contextlib.contextmanager
def collecting() -> Iterator[None]:
    """Collects, at its end, what has become garbage within it; the rest is left alone."""
    gc.freeze()
    try:
        yield
        gc.collect()
    finally:
        gc.unfreeze()


@requirement("PERF-09")
async def test_what_was_said_is_let_go_once_it_is_answered(
    adapter: Chats, upstream: Upstream
) -> None:
    """A service that has worked for weeks holds no more than one that has just begun."""
    upstream.replies(replies.completion())

    with collecting():
        message = Said(role="user", content="Hello")
        held = weakref.ref(message)
        await adapter.chat(ChatRequest(model="moonshot-v1-8k", messages=[message]))
        del message

    assert len(upstream.requests) == 1
    assert held() is None
