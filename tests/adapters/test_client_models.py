"""The list of models as the reference clients read it, what stands in for it, and its handles."""

import contextlib
import logging
from typing import Any

import pytest
import respx
from tests.adapters.kimi_api import (
    BASE,
    BREAKING,
    DOCUMENTED,
    FAILING,
    FALLS_BACK,
    GREETING,
    KEY,
    MODELS,
    collected,
    entry,
    ids,
)

from kimi_conformance.adapters.failures import failing
from kimi_conformance.adapters.protocol import Binding
from kimi_conformance.adapters.reference import (
    HandleNotFoundError,
    KimiClient,
    KimiSettings,
    OnListFailure,
    ReferenceAdapter,
    SyncKimiClient,
    open_adapter,
)


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
