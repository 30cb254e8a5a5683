"""The reference clients on the wire, with respx in place of the network."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any

import pytest
import respx

from kimi_conformance.adapters.failures import failing
from kimi_conformance.adapters.protocol import CAPABILITIES, Binding, ChatRequest, Chunk
from kimi_conformance.adapters.reference import (
    HandleNotFoundError,
    KimiClient,
    KimiSettings,
    LLMConnectionError,
    LLMError,
    LLMTimeoutError,
    OnListFailure,
    ReferenceAdapter,
    RetryPolicy,
    SyncKimiClient,
    drivers,
    open_adapter,
    operations,
)
from kimi_conformance.adapters.reference.table import DOCUMENTED as TABLE
from kimi_conformance.checks import FakeClock
from kimi_conformance.http import httpx
from kimi_conformance.stage import Script, Stage, replies
from kimi_conformance.wire.exchange import Answer

KEY = "sk-0123456789abcdef"
BASE = "https://api.example/v1"
MODELS = f"{BASE}/models"
CHAT = f"{BASE}/chat/completions"
DOCUMENTED = list(TABLE.windows)
GREETING = ChatRequest(
    model="moonshot-v1-8k",
    messages=[{"role": "user", "content": "Hi"}],
    options={"temperature": 0.3, "top_k": None},
)
FALLS_BACK = pytest.warns(UserWarning, match="Failed to fetch Kimi models from API")


@pytest.fixture
def api() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        yield router


@pytest.fixture
async def client() -> AsyncIterator[ReferenceAdapter]:
    adapter = open_adapter(Binding(base_url=BASE, api_key=KEY, clock=FakeClock()))
    yield adapter
    await adapter.aclose()


@pytest.fixture
def sync_client() -> Iterator[SyncKimiClient]:
    settings = KimiSettings(base_url=BASE, api_key=KEY)
    with SyncKimiClient(settings, sleep=lambda _: None) as client:
        yield client


def entry(id: str, **fields: Any) -> dict[str, Any]:
    return {"id": id, "object": "model", **fields}


def ids(models: Any) -> list[str]:
    return [model.id for model in models]


async def collected(chunks: AsyncIterator[Chunk]) -> list[Mapping[str, Any]]:
    return [chunk.body async for chunk in chunks]


def test_the_adapter_claims_everything() -> None:
    adapter = open_adapter(Binding())

    assert (adapter.name, set(adapter.capabilities)) == ("reference", set(CAPABILITIES))
    assert adapter.settings.base_url == "https://api.moonshot.cn/v1"


async def test_the_list_is_asked_for_once_with_the_documented_headers(
    api: respx.MockRouter, client: KimiClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "kimi_conformance.adapters.reference")
    data = [entry("gpt-4"), entry("kimi-k3", context_length=1048576), entry("moonshot-v1-32k")]
    route = api.get(MODELS).respond(json={"object": "list", "data": data})

    models = await client.list_models()

    assert ids(models) == ["kimi-k3", "moonshot-v1-32k"]
    assert [model.context_window for model in models] == [1048576, 32768]
    (call,) = route.calls
    assert call.request.headers["authorization"] == f"Bearer {KEY}"
    assert call.request.headers["content-type"] == "application/json"
    assert "Successfully fetched 3 models from API" in caplog.messages


FAILING: dict[str, Any] = {
    "401": {"status_code": 401, "json": {"error": {"type": "x", "message": f"bad {KEY}"}}},
    "500": {"status_code": 500, "text": "boom"},
    "html": {"html": "<html></html>"},
    "list": {"json": [entry("kimi-k3")]},
    "data is null": {"json": {"data": None}},
    "error in a 200": {"json": {"error": {"message": "sorry"}}},
    "redirect": {"status_code": 307, "headers": {"location": "https://evil.example/v1/models"}},
}
BREAKING = {
    "timeout": httpx.ReadTimeout("too slow"),
    "refused": httpx.ConnectError("refused"),
    "not gzip": httpx.DecodingError("not gzip"),
}


@pytest.mark.parametrize("way", [*FAILING, *BREAKING])
async def test_a_failing_list_falls_back_and_says_why_without_the_key(
    api: respx.MockRouter, client: ReferenceAdapter, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    route = api.get(MODELS)
    if way in FAILING:
        route.respond(**FAILING[way])
    else:
        route.mock(side_effect=BREAKING[way])

    with FALLS_BACK as warned:
        models = await client.list_models()
    with FALLS_BACK:
        same = client.list_models_sync()

    failure = await failing(client.fetch_models())
    assert ids(models) == ids(same) == DOCUMENTED
    assert failure.is_llm_error
    assert failure.message in str(warned[0].message)
    assert f"Failed to fetch models from API, using hardcoded list: {failure.message}" in (
        caplog.messages
    )
    assert KEY not in caplog.text + str(warned[0].message) + failure.message
    assert route.call_count == 3


@pytest.mark.parametrize("key", [None, "", "sk\nx", "sk-ключ"])
async def test_without_a_key_that_can_be_sent_nothing_is_sent(
    api: respx.MockRouter, key: str | None
) -> None:
    async with KimiClient(KimiSettings(base_url=BASE, api_key=key)) as client:
        with FALLS_BACK:
            models = await client.list_models()
        failures = [
            await failing(call)
            for call in (
                client.fetch_models(),
                client.check_key(),
                client.chat(GREETING),
                collected(client.stream(GREETING)),
                client.session("s").chat(GREETING),
            )
        ]

    assert ids(models) == DOCUMENTED
    assert not api.calls
    assert all(isinstance(failure.error, ValueError) for failure in failures)
    if not key:
        assert [failure.message[:25] for failure in failures] == [
            *["No API key provided"] * 2,
            *["Kimi API key is required."] * 3,
        ]


async def test_no_model_of_kimis_falls_back_too(api: respx.MockRouter, client: KimiClient) -> None:
    api.get(MODELS).respond(json={"data": [entry("gpt-4")]})

    assert ids(await client.list_models()) == DOCUMENTED


@pytest.mark.parametrize("body", [{}, {"data": []}])
async def test_a_list_without_data_is_empty(
    api: respx.MockRouter, client: KimiClient, body: dict[str, Any]
) -> None:
    api.get(MODELS).respond(json=body)

    assert await client.fetch_models() == []


async def test_one_bad_entry_hides_no_good_one(api: respx.MockRouter, client: KimiClient) -> None:
    data = [entry("kimi-k3", context_length=None), None, {"id": None}, "kimi-x", entry("kimi-y")]
    api.get(MODELS).respond(json={"data": data})

    assert ids(await client.list_models()) == ["kimi-k3", "kimi-y"]
    assert await client.fetch_models() == data


@pytest.mark.parametrize(
    ("way", "expected"), [(OnListFailure.EMPTY, []), (OnListFailure.HARDCODED, DOCUMENTED)]
)
async def test_the_user_chooses_what_stands_in(
    api: respx.MockRouter, way: OnListFailure, expected: list[str]
) -> None:
    api.get(MODELS).respond(500)
    settings = KimiSettings(base_url=BASE, api_key=KEY)
    warned = FALLS_BACK if expected else contextlib.nullcontext()

    async with KimiClient(settings, on_list_failure=way) as client:
        with warned:
            assert ids(await client.list_models()) == expected


async def test_the_user_can_choose_the_error_itself(api: respx.MockRouter) -> None:
    api.get(MODELS).respond(500)
    settings = KimiSettings(base_url=BASE, api_key=KEY)

    async with KimiClient(settings, on_list_failure=OnListFailure.RAISE) as client:
        assert (await failing(client.list_models())).kind == "server"


async def test_a_window_that_differs_from_the_documents_is_told(
    api: respx.MockRouter, client: KimiClient, caplog: pytest.LogCaptureFixture
) -> None:
    api.get(MODELS).respond(json={"data": [entry("kimi-latest", context_length=8192)]})

    (model,) = await client.list_models()

    assert model.context_window == 8192
    assert "The API gives kimi-latest a context window of 8192 tokens, the table 131072" in (
        caplog.messages
    )


async def test_a_user_who_switched_kimi_off_has_no_models(api: respx.MockRouter) -> None:
    off = Binding(base_url=BASE, api_key=KEY, environment={"LETTA_DISABLE_KIMI_PROVIDER": "true"})
    adapter = open_adapter(off)

    assert await adapter.list_models() == ()
    assert [provider.name for provider in await adapter.list_providers()] == ["letta"]
    assert (await failing(adapter.resolve("kimi/kimi-k3"))).kind == "value"
    assert not api.calls


@pytest.mark.parametrize(
    ("key", "categories", "expected"),
    [
        (KEY, None, ["kimi"]),
        (KEY, ["base"], ["kimi"]),
        (KEY, ["byok", "base"], ["kimi"]),
        (KEY, ["byok"], []),
        (None, None, []),
    ],
)
async def test_kimi_is_a_base_provider_if_it_has_a_key(
    key: str | None, categories: list[str] | None, expected: list[str]
) -> None:
    async with KimiClient(KimiSettings(api_key=key)) as client:
        providers = await client.list_providers(categories)

    assert [provider.name for provider in providers] == expected


async def test_a_good_key_is_accepted_in_silence(api: respx.MockRouter, client: KimiClient) -> None:
    route = api.get(MODELS).respond(json={"data": []})

    await client.check_key()

    assert route.call_count == 1


@pytest.mark.parametrize(
    ("way", "kind", "text"),
    [
        ("401", "authentication", "Failed to authenticate with Kimi API"),
        ("500", "server", "HTTP error: 500"),
        ("html", "other", "Error: "),
        ("list", "other", "Error: "),
        ("timeout", "timeout", "Error: "),
        ("refused", "connection", "Error: "),
        ("redirect", "other", "HTTP error: 307"),
    ],
)
async def test_a_key_is_not_accepted_where_it_is_refused_or_cannot_be_told(
    api: respx.MockRouter, client: KimiClient, way: str, kind: str, text: str
) -> None:
    route = api.get(MODELS)
    if way in FAILING:
        route.respond(**FAILING[way])
    else:
        route.mock(side_effect=BREAKING[way])

    failure = await failing(client.check_key())

    assert (failure.kind, failure.is_llm_error) == (kind, True)
    assert failure.message.startswith(text)
    assert route.call_count == 1


async def test_handles_resolve_by_handle_then_by_name(
    api: respx.MockRouter, client: KimiClient, sync_client: SyncKimiClient
) -> None:
    data = [
        entry("kimi-a/b"),
        entry("b"),
        entry("kimi-b", context_length=1),
        entry("kimi-b"),
        entry("kimi-a/kimi-c"),
        entry("kimi-c"),
    ]
    api.get(MODELS).respond(json={"data": data})

    found = {
        handle: (await client.resolve(handle)).id
        for handle in ("kimi/b", "kimi/kimi-a/b", "kimi/kimi-b", "kimi/kimi-c")
    }

    assert found == {
        "kimi/b": "kimi-a/b",
        "kimi/kimi-a/b": "kimi-a/b",
        "kimi/kimi-b": "kimi-b",
        "kimi/kimi-c": "kimi-a/kimi-c",
    }
    assert sync_client.resolve("kimi/kimi-b").context_window == 1


async def test_a_handle_of_no_model_names_those_that_there_are(
    api: respx.MockRouter, client: KimiClient
) -> None:
    api.get(MODELS).respond(json={"data": [entry("kimi-k3")]})

    with pytest.raises(HandleNotFoundError, match=r"kimi/nothing.*kimi/kimi-k3") as caught:
        await client.resolve("kimi/nothing")

    assert caught.value.available == ("kimi/kimi-k3",)


@pytest.mark.parametrize(
    ("handle", "text"),
    [
        ("kimi-k3", "names no provider"),
        ("openai/gpt-4", r"Provider openai is not supported \(supported providers: letta, kimi\)"),
        ("Kimi/kimi-k3", "Provider Kimi is not supported"),
    ],
)
async def test_a_handle_of_no_provider_is_refused(
    api: respx.MockRouter, client: KimiClient, handle: str, text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        await client.resolve(handle)

    assert not api.calls


async def test_a_chat_goes_out_as_the_user_wrote_it_and_comes_back_as_it_was(
    api: respx.MockRouter, client: KimiClient, sync_client: SyncKimiClient
) -> None:
    answer: dict[str, Any] = {
        "id": "x",
        "choices": [{"message": {}}],
        "unknown": {"field": None},
        "usage": None,
    }
    route = api.post(CHAT).respond(json=answer)

    completion = await client.chat(GREETING)

    assert completion.body == sync_client.chat(GREETING).body == answer
    assert [json.loads(call.request.content) for call in route.calls] == 2 * [
        {
            "model": "moonshot-v1-8k",
            "messages": [{"role": "user", "content": "Hi"}],
            "temperature": 0.3,
            "top_k": None,
        }
    ]
    assert not any(name.startswith("x-msh") for name in route.calls[0].request.headers)


@pytest.mark.parametrize(("tools", "sent"), [(None, {}), ([], {"tools": []})])
async def test_tools_that_were_not_given_are_not_sent(
    api: respx.MockRouter, client: KimiClient, tools: list[Any] | None, sent: dict[str, Any]
) -> None:
    route = api.post(CHAT).respond(json=replies.completion_body())

    await client.chat(ChatRequest(model="m", messages=[], tools=tools))

    assert json.loads(route.calls.last.request.content) == {"model": "m", "messages": [], **sent}


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (ChatRequest(model="m", messages=[], options={"model": "n"}), ValueError),
        (ChatRequest(model="m", messages=[], options={"stream": True}), ValueError),
        (ChatRequest(model="m", messages=[], options={"x": float("nan")}), ValueError),
        (ChatRequest(model="m", messages=[{"content": "\ud800"}]), ValueError),
        (ChatRequest(model="m", messages=[{"content": {1, 2}}]), TypeError),
    ],
)
async def test_a_request_that_cannot_be_meant_is_not_sent(
    api: respx.MockRouter, client: KimiClient, request_: ChatRequest, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await client.chat(request_)

    assert not api.calls


STREAM = b'data: {"n":1}\n\ndata: {"n":2}\n\ndata: [DONE]\n\ndata: {"n":3}\n\n'
EVENTS = {"content-type": "text/event-stream"}


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


class Endless(httpx.AsyncByteStream):
    """A body that never ends; `closed` tells whether the client has let go of it.

    `pieces` counts what was taken of it.
    """

    def __init__(self, piece: bytes, wait: Callable[[], Awaitable[object]]) -> None:
        self._piece = piece
        self._wait = wait
        self.closed = False
        self.pieces = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.pieces += 1
            yield self._piece
            await self._wait()

    async def aclose(self) -> None:
        self.closed = True


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


def test_a_list_that_takes_too_long_is_given_up_by_synchronous_callers_too(
    api: respx.MockRouter, sync_client: SyncKimiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "LIST_BUDGET_S", 0.0)
    api.get(MODELS).respond(json={"data": []})

    with pytest.raises(LLMTimeoutError, match="no answer came in time at GET /v1/models"):
        sync_client.fetch_models()


async def test_a_list_that_never_ends_is_given_up(
    api: respx.MockRouter, client: KimiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "LIST_BUDGET_S", 0.001)
    body = Endless(b" ", asyncio.Event().wait)
    api.get(MODELS).mock(return_value=httpx.Response(200, stream=body))

    failure = await failing(client.check_key())

    assert failure.kind == "timeout"
    assert body.closed


async def test_a_list_without_end_does_not_fill_the_memory(
    api: respx.MockRouter, client: KimiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drivers, "LONGEST_ANSWER", 100)
    body = Endless(b" " * 60, lambda: asyncio.sleep(0))
    api.get(MODELS).mock(return_value=httpx.Response(200, stream=body))

    with pytest.raises(LLMError, match="longer than 100 bytes"):
        await client.fetch_models()


async def test_the_process_environment_is_not_looked_at(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIMI_API_KEY", "sk-of-the-process")
    monkeypatch.setenv("KIMI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    lane = stage.open_lane(Script([replies.model_list(["kimi-k3"])]))
    adapter = open_adapter(
        Binding(environment={"KIMI_API_KEY": KEY, "KIMI_BASE_URL": f"{lane.base_url}/"})
    )

    models = [*await adapter.list_models(), *adapter.list_models_sync()]
    await adapter.aclose()

    assert ids(models) == ["kimi-k3", "kimi-k3"]
    assert lane.journal is not None
    assert [
        (request.path, request.header("authorization")) for request in lane.journal.requests
    ] == [("/v1/models", f"Bearer {KEY}")] * 2


async def test_a_user_can_be_less_patient_than_the_client(stage: Stage) -> None:
    lane = stage.open_lane(Script([replies.never()]))
    adapter = open_adapter(
        Binding(base_url=lane.base_url, api_key=KEY, patience=0.01, clock=FakeClock())
    )

    failures = [await failing(adapter.chat(GREETING)), await failing(adapter.check_key())]
    await adapter.aclose()

    assert [failure.kind for failure in failures] == ["timeout", "timeout"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (replies.cut(replies.completion(), 0), "connection"),
        (replies.reset(replies.completion(), 0), "connection"),
        (replies.bad_chunk(), "connection"),
        (replies.html(502), "server"),
    ],
)
async def test_a_broken_network_has_an_error_of_ours(
    stage: Stage, answer: Answer, kind: str
) -> None:
    lane = stage.open_lane(Script([answer]))
    settings = KimiSettings(base_url=lane.base_url, api_key=KEY, retry=RetryPolicy(attempts=1))

    async with KimiClient(settings) as client:
        failures = [
            await failing(client.chat(GREETING)),
            await failing(collected(client.stream(GREETING))),
        ]
    with SyncKimiClient(settings) as sync_client, pytest.raises(type(failures[0].error)):
        sync_client.chat(GREETING)

    assert [failure.kind for failure in failures] == [kind, kind]
