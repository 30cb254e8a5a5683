"""Sessions at their edges: another key in their midst, a refused id, ten thousand turns."""

import gc
import tracemalloc
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest

from kimi_conformance.adapters.protocol import ChatRequest
from kimi_conformance.adapters.reference import (
    KimiPlatform,
    KimiSettings,
    LLMBadRequestError,
    SyncKimiClient,
)
from kimi_conformance.http import httpx
from kimi_conformance.stage import replies

OFFICIAL = "https://api.moonshot.cn/v1"
ASKED = ChatRequest(
    model="moonshot-v1-8k",
    messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
)


class Api:
    """Notes who asked for what, and refuses a chat where `refuses` says so."""

    def __init__(self) -> None:
        self.log: list[tuple[str, str, str | None]] = []
        self.refuses: Callable[[str | None], bool] = lambda _: False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        key = request.headers["authorization"].removeprefix("Bearer ")
        id = request.headers.get("x-msh-context-cache")
        if request.url.path.endswith("/chat/completions"):
            self.log.append((key, "chat", id))
            if self.refuses(id):
                return answer(replies.refusal(400, "invalid_request_error", "no such cache"))
            return answer(replies.completion())
        if request.method == "DELETE":
            self.log.append((key, "delete", request.url.path.rpartition("/")[2]))
            return answer(replies.cache_deleted())
        made = f"cache-of-{key}"
        self.log.append((key, "create", made))
        return answer(replies.cache_created(made))

    async def handle(self, request: httpx.Request) -> httpx.Response:
        return self(request)


def answer(reply: Any) -> httpx.Response:
    return httpx.Response(reply.status, content=reply.body, headers=list(reply.headers))


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
async def platform(api: Api) -> AsyncIterator[KimiPlatform]:
    read = partial(KimiSettings.from_environment, base_url=None)
    settings = read({"KIMI_API_KEY": "one"})
    platform = KimiPlatform(
        settings, {}, read_settings=read, transport=httpx.MockTransport(api.handle)
    )
    yield platform
    await platform.aclose()


async def test_a_session_goes_on_with_the_new_key_and_a_new_cache(
    api: Api, platform: KimiPlatform
) -> None:
    session = platform.session("s")
    await session.chat(ASKED)

    platform.reload({"KIMI_API_KEY": "two"})
    await session.chat(ASKED)
    await session.chat(ASKED)

    assert api.log == [
        ("one", "create", "cache-of-one"),
        ("one", "chat", "cache-of-one"),
        ("one", "delete", "cache-of-one"),
        ("two", "create", "cache-of-two"),
        ("two", "chat", "cache-of-two"),
        ("two", "chat", "cache-of-two"),
    ]


async def test_a_cache_that_is_left_after_a_change_of_keys_is_deleted_with_its_own(
    api: Api, platform: KimiPlatform
) -> None:
    await platform.session("s").chat(ASKED)
    platform.reload({"KIMI_API_KEY": "two"})

    await platform.session("s").leave()

    assert api.log[-1] == ("one", "delete", "cache-of-one")


async def test_sessions_make_no_caches_at_another_base_url_that_was_loaded(
    api: Api, platform: KimiPlatform
) -> None:
    old = platform.session("old")
    await old.chat(ASKED)

    platform.reload({"KIMI_API_KEY": "two", "KIMI_BASE_URL": "https://proxy.invalid/v1"})
    await old.chat(ASKED)
    await platform.session("new").chat(ASKED)

    assert api.log[2:] == [
        ("one", "delete", "cache-of-one"),
        ("two", "chat", None),
        ("two", "chat", None),
    ]


async def test_sessions_make_caches_once_the_official_base_url_is_loaded(
    api: Api, platform: KimiPlatform
) -> None:
    platform.reload({"KIMI_API_KEY": "one", "KIMI_BASE_URL": "https://proxy.invalid/v1"})
    await platform.session("s").chat(ASKED)

    platform.reload({"KIMI_API_KEY": "one"})
    await platform.session("s").chat(ASKED)

    assert [what for _, what, _ in api.log] == ["chat", "create", "chat"]


async def test_a_session_that_was_left_makes_no_cache_with_another_key_either(
    api: Api, platform: KimiPlatform
) -> None:
    await platform.session("s").leave()
    platform.reload({"KIMI_API_KEY": "two"})

    await platform.session("s").chat(ASKED)

    assert api.log == [("two", "chat", None)]


def test_a_chat_that_is_refused_with_its_cache_is_told_and_not_repeated(api: Api) -> None:
    """The documents answer a cache that does not fit with a miss, never with a refusal.

    So a 400 is about the request, and a second one without the cache would only hide it.
    """
    with SyncKimiClient(KimiSettings(api_key="one"), transport=httpx.MockTransport(api)) as client:
        session = client.session("s")
        session.chat(ASKED)
        api.refuses = lambda named: named is not None

        with pytest.raises(LLMBadRequestError, match="no such cache"):
            session.chat(ASKED)
        api.refuses = lambda _: False
        session.chat(ASKED)

    assert [what for _, what, _ in api.log] == ["create", "chat", "chat", "chat", "delete"]


@pytest.mark.heavy
def test_a_session_of_ten_thousand_turns_neither_grows_nor_asks_more(api: Api) -> None:
    client = SyncKimiClient(KimiSettings(api_key="one"), transport=httpx.MockTransport(api))
    session = client.session("s")

    def turns(count: int) -> int:
        for _ in range(count):
            session.chat(ASKED)
        chats = len(api.log)
        api.log.clear()
        gc.collect()
        return chats

    first = turns(1000)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        later = turns(9000)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert (first, later) == (1001, 9000)
    assert grown < 100_000  # bytes: eleven a turn would be seen
