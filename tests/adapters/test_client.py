"""The reference clients on the wire, with respx in place of the network."""

import asyncio
import json
from typing import Any

import pytest
import respx
from tests.adapters.kimi_api import (
    BREAKING,
    CHAT,
    FAILING,
    GREETING,
    KEY,
    MODELS,
    Endless,
    collected,
    ids,
)

from kimi_conformance.adapters.failures import failing
from kimi_conformance.adapters.protocol import CAPABILITIES, Binding, ChatRequest
from kimi_conformance.adapters.reference import (
    KimiClient,
    KimiSettings,
    LLMError,
    LLMTimeoutError,
    RetryPolicy,
    SyncKimiClient,
    drivers,
    open_adapter,
    operations,
)
from kimi_conformance.checks import FakeClock
from kimi_conformance.http import httpx
from kimi_conformance.stage import Script, Stage, replies
from kimi_conformance.wire.exchange import Answer


def test_the_adapter_claims_everything() -> None:
    adapter = open_adapter(Binding())

    assert (adapter.name, set(adapter.capabilities)) == ("reference", set(CAPABILITIES))
    assert adapter.settings.base_url == "https://api.moonshot.cn/v1"


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
