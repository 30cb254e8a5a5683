"""Sessions: one cache each, made once, used while it fits, and deleted at the end."""

import asyncio
import logging
import unicodedata

import pytest
from tests.adapters.caching_api import FAILED, SETTINGS, SYSTEM, TOOL, USER, FakeApi, ask

from kimi_conformance.adapters.protocol import ChatRequest
from kimi_conformance.adapters.reference import KimiClient, KimiSettings, SyncKimiClient, sessions
from kimi_conformance.http import httpx


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def client(api: FakeApi) -> SyncKimiClient:
    return SyncKimiClient(SETTINGS, transport=httpx.MockTransport(api))


def headers(api: FakeApi) -> list[str | None]:
    return [id for id, _ in api.chats]


def test_the_first_request_makes_the_cache_and_all_use_it(
    api: FakeApi, client: SyncKimiClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "kimi_conformance.adapters.reference")
    session = client.session("s")

    session.chat(ask(tools=[TOOL]))
    session.chat(ask(SYSTEM, USER, {"role": "assistant", "content": "Yes?"}, tools=[TOOL]))

    assert api.paths[:2] == ["POST /v1/caching", "POST /v1/chat/completions"]
    assert api.log == ["create", "chat", "chat"]
    assert api.caches["cache-1"] == {
        "model": "moonshot-v1",
        "messages": [SYSTEM],
        "tools": [TOOL],
        "ttl": 3600,
    }
    assert headers(api) == ["cache-1", "cache-1"]
    assert api.chats[0][1]["messages"] == [SYSTEM, USER]
    assert api.chats[0][1]["model"] == "moonshot-v1-8k"
    assert session.cache_id == "cache-1"
    assert caplog.messages[:4] == [
        "Created new Kimi cache for session s with cache ID: cache-1",
        "Prepared request for session s to use cache cache-1 via Headers",
        "Set cache header X-Msh-Context-Cache: cache-1",
        "Set cache header X-Msh-Context-Cache-Reset-TTL: 3600",
    ]


def test_all_system_messages_at_the_start_are_cached_and_no_tools_where_there_are_none(
    api: FakeApi, client: SyncKimiClient
) -> None:
    second = {"role": "system", "content": [{"type": "text", "text": "Be kind."}], "name": "n"}

    client.session("s").chat(ask(SYSTEM, second, USER, SYSTEM))

    assert api.caches["cache-1"]["messages"] == [SYSTEM, second]
    assert "tools" not in api.caches["cache-1"]


NAMED = {**SYSTEM, "name": "n"}
E1, E2 = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (ask(), ask({"role": "system", "content": "Be brief. "}, USER)),
        (ask(), ask(NAMED, USER)),
        (ask(), ask(SYSTEM, SYSTEM, USER)),
        (ask(SYSTEM, NAMED), ask(NAMED, SYSTEM)),
        (
            ask({"role": "system", "content": E1}),
            ask({"role": "system", "content": E2}),
        ),
        (ask(), ask(tools=[TOOL])),
        (ask(tools=[TOOL]), ask(tools=[{**TOOL, "strict": True}])),
        (ask(tools=[TOOL]), ask(tools=[{**TOOL, "function": {"name": "g"}}])),
        (ask(tools=[TOOL, {}]), ask(tools=[{}, TOOL])),
        (ask(tools=[{"n": 1}]), ask(tools=[{"n": True}])),
    ],
)
def test_changed_content_takes_another_cache(
    api: FakeApi, client: SyncKimiClient, one: ChatRequest, two: ChatRequest
) -> None:
    client.session("s").chat(one)
    client.session("s").chat(two)

    assert api.log == ["create", "chat", "delete", "create", "chat"]
    assert headers(api) == ["cache-1", "cache-2"]
    assert api.alive == {"cache-2"}


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (ask(), ask(tools=[])),
        (ask({"role": "system", "content": "x"}), ask({"content": "x", "role": "system"})),
        (
            ask(tools=[{"a": {"b": 1, "c": 2}}]),
            ask(tools=[{"a": {"c": 2, "b": 1}}]),
        ),
        (ask(), ask(model="moonshot-v1-128k")),
    ],
)
def test_content_that_is_the_same_keeps_its_cache(
    api: FakeApi, client: SyncKimiClient, one: ChatRequest, two: ChatRequest
) -> None:
    client.session("s").chat(one)
    client.session("s").chat(two)

    assert api.log == ["create", "chat", "chat"]


def test_content_that_the_user_changes_in_place_is_noticed(
    api: FakeApi, client: SyncKimiClient
) -> None:
    message = dict(SYSTEM)
    client.session("s").chat(ask(message, USER))

    message["content"] = "Be long."
    client.session("s").chat(ask(message, USER))

    assert [cache["messages"][0]["content"] for cache in api.caches.values()] == [
        "Be brief.",
        "Be long.",
    ]


@pytest.mark.parametrize(
    "request_",
    [
        ask(USER),
        ask(USER, SYSTEM),
        ask({"role": "system", "content": ""}, USER),
        ask({"role": "system"}, USER),
        ask(model="kimi-k2-0905-preview"),
        ask(model="moonshot-v1"),
        ChatRequest(model="moonshot-v1-8k", messages=[]),
    ],
)
def test_where_there_is_nothing_to_cache_the_request_goes_without_and_the_cache_stays(
    api: FakeApi, client: SyncKimiClient, request_: ChatRequest
) -> None:
    client.session("s").chat(request_)
    client.session("s").chat(ask())
    client.session("s").chat(request_)
    client.session("s").chat(ask())

    assert api.log == ["chat", "create", "chat", "chat", "chat"]
    assert headers(api) == [None, "cache-1", None, "cache-1"]


@pytest.mark.parametrize(
    ("base_url", "flag", "caches"),
    [
        ("https://api.moonshot.cn/v1", None, True),
        ("https://api.moonshot.cn/v1", False, False),
        ("https://api.moonshot.ai/v1", None, False),
        ("http://127.0.0.1:4010/v1", None, False),
        ("http://127.0.0.1:4010/v1", True, True),
    ],
)
def test_only_the_documented_api_has_caches_unless_told(
    api: FakeApi, base_url: str, flag: bool | None, caches: bool
) -> None:
    settings = KimiSettings(api_key="sk-key", base_url=base_url)
    client = SyncKimiClient(settings, context_cache=flag, transport=httpx.MockTransport(api))

    client.session("s").chat(ask())
    client.close()

    assert api.log == (["create", "chat", "delete"] if caches else ["chat"])


@pytest.mark.parametrize("failed", FAILED, ids=repr)
def test_a_cache_that_cannot_be_made_is_not_tried_again_until_the_content_changes(
    api: FakeApi, client: SyncKimiClient, failed: httpx.Response | Exception
) -> None:
    session = client.session("s")
    api.create = failed
    session.chat(ask())
    api.create = None
    session.chat(ask())
    session.chat(ask(NAMED, USER))
    session.chat(ask())

    assert api.log[:3] == ["create", "chat", "chat"]
    assert api.log[3:] == ["create", "chat", "delete", "create", "chat"]
    assert headers(api) == [None, None, "cache-1", "cache-2"]


@pytest.mark.parametrize(
    "failed",
    [httpx.Response(500), httpx.Response(404), httpx.Response(204), httpx.ReadTimeout("slow")],
    ids=repr,
)
def test_a_cache_that_cannot_be_deleted_harms_nobody(
    api: FakeApi, client: SyncKimiClient, failed: httpx.Response | Exception
) -> None:
    api.delete = failed
    client.session("s").chat(ask())
    client.session("s").chat(ask(NAMED, USER))
    client.close()

    assert api.log == ["create", "chat", "delete", "create", "chat", "delete"]
    assert headers(api) == ["cache-1", "cache-2"]


def test_an_id_that_another_session_has_is_not_taken(api: FakeApi, client: SyncKimiClient) -> None:
    api.create = httpx.Response(200, json={"id": "cache-0"})
    client.session("one").chat(ask())
    client.session("two").chat(ask())
    client.close()

    assert headers(api) == ["cache-0", None]
    assert api.log.count("delete") == 1


def test_an_id_that_another_session_had_is_taken(api: FakeApi, client: SyncKimiClient) -> None:
    api.create = httpx.Response(200, json={"id": "cache-0"})
    client.session("one").chat(ask())
    client.session("one").leave()
    client.session("two").chat(ask())

    assert headers(api) == ["cache-0", "cache-0"]


async def test_a_session_that_was_left_makes_no_other_cache(api: FakeApi) -> None:
    async with KimiClient(SETTINGS, transport=httpx.MockTransport(api.handle)) as client:
        session = client.session("s")
        await session.chat(ask())
        await session.leave()
        await session.chat(ask())

    assert api.log == ["create", "chat", "delete", "chat"]
    assert headers(api) == ["cache-1", None]


def test_leaving_deletes_every_live_cache_once(api: FakeApi, client: SyncKimiClient) -> None:
    for name in ("one", "two", "three"):
        client.session(name).chat(ask())
    client.session("two").chat(ask(NAMED, USER))
    client.session("idle")

    client.close()
    client.close()

    assert api.alive == set()
    assert api.log.count("delete") == api.log.count("create") == 4
    assert client.session("one").cache_id is None


def test_a_session_is_the_same_at_every_call(client: SyncKimiClient) -> None:
    assert client.session("s") is client.session("s")
    assert client.session("s") is not client.session("t")


async def test_first_requests_side_by_side_make_one_cache(api: FakeApi) -> None:
    async with KimiClient(SETTINGS, transport=httpx.MockTransport(api.handle)) as client:
        session = client.session("s")
        assert client.session("s") is session
        await asyncio.gather(*(session.chat(ask()) for _ in range(20)))

    assert api.log == ["create", *["chat"] * 20, "delete"]
    assert set(headers(api)) == {"cache-1"}


async def test_a_session_that_waits_for_its_cache_holds_up_no_other(api: FakeApi) -> None:
    slow = asyncio.Event()

    async def handle(request: httpx.Request) -> httpx.Response:
        if b"SLOW" in request.content and request.url.path == "/v1/caching":
            await slow.wait()
        return api(request)

    async with KimiClient(SETTINGS, transport=httpx.MockTransport(handle)) as client:
        waiting = asyncio.create_task(
            client.session("slow").chat(ask({"role": "system", "content": "SLOW"}))
        )
        await asyncio.sleep(0)
        await client.session("quick").chat(ask())
        assert not waiting.done()
        slow.set()
        await waiting

    assert headers(api) == ["cache-1", "cache-2"]


async def test_a_cache_that_takes_too_long_is_done_without(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "BUDGET_S", 0.001)

    async def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/caching":
            await asyncio.Event().wait()
        return api(request)

    async with KimiClient(SETTINGS, transport=httpx.MockTransport(handle)) as client:
        await client.session("s").chat(ask())

    assert headers(api) == [None]


async def test_a_first_request_that_is_called_off_leaves_the_next_one_a_cache(
    api: FakeApi,
) -> None:
    asked = asyncio.Event()

    async def handle(request: httpx.Request) -> httpx.Response:
        if not asked.is_set():
            asked.set()
            await asyncio.Event().wait()
        return api(request)

    async with KimiClient(SETTINGS, transport=httpx.MockTransport(handle)) as client:
        first = asyncio.create_task(client.session("s").chat(ask()))
        await asked.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await client.session("s").chat(ask())

    assert headers(api) == ["cache-1"]


async def test_a_streamed_answer_uses_the_cache_too() -> None:
    seen: list[str | None] = []

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/v1/caching"):
            return httpx.Response(200, json={"id": "cache-1"})
        seen.append(request.headers.get("x-msh-context-cache"))
        return httpx.Response(200, text='data: {"n":1}\n\ndata: [DONE]\n\n')

    async with KimiClient(SETTINGS, transport=httpx.MockTransport(handle)) as client:
        chunks = [chunk.body async for chunk in client.session("s").stream(ask())]
    with SyncKimiClient(SETTINGS, transport=httpx.MockTransport(handle)) as sync_client:
        same = [chunk.body for chunk in sync_client.session("s").stream(ask())]

    assert chunks == same == [{"n": 1}]
    assert seen == ["cache-1", "cache-1"]
