"""Which providers a client knows, what it tells of them, and what of their models."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import respx

from kimi_conformance.checks import (
    Answer,
    ListsModels,
    OpenAdapter,
    Provider,
    ProvidesModels,
    Upstream,
    failing,
    ids,
    needs,
    replies,
    requirement,
)

MINIMAL = {"name": "mine", "provider_type": "ollama", "provider_category": "byok"}
OPTIONAL = (
    *("id", "api_key", "base_url", "access_key"),
    *("region", "api_version", "organization_id", "updated_at"),
)
TYPES = (
    *("letta", "openai", "anthropic", "google_ai", "google_vertex"),
    *("ollama", "lmstudio_openai", "azure", "bedrock", "kimi"),
)


def named(providers: Sequence[Provider], name: str) -> Provider:
    """The one provider of this name."""
    [found] = [provider for provider in providers if provider.name == name]
    return found


@requirement("PROV-02")
@pytest.mark.usefixtures("upstream")
@pytest.mark.parametrize("name", MINIMAL)
async def test_a_provider_without_a_required_field_is_refused(name: str, adapter: Any) -> None:
    """A user who left something out is told so, not shown a provider that cannot work."""
    without = {field: value for field, value in MINIMAL.items() if field != name}

    failure = await failing(adapter.bring_provider(without))

    assert failure.kind == "value"
    assert name in failure.message


@requirement("PROV-02")
@pytest.mark.usefixtures("upstream")
async def test_what_is_not_given_is_none(adapter: Any) -> None:
    """Nobody has to make up a region for a provider that has none."""
    await adapter.bring_provider(MINIMAL)

    brought = named(await adapter.list_providers(), "mine")

    assert {getattr(brought, name) for name in OPTIONAL} == {None}


@requirement("PROV-02")
@pytest.mark.usefixtures("upstream")
async def test_what_is_given_is_kept(adapter: Any) -> None:
    """A provider that needs a region gets the one that its user named."""
    given = {"id": "provider-1", "region": "eu-west-1", "api_version": "2024-10-21"}
    await adapter.bring_provider({**MINIMAL, **given})

    brought = named(await adapter.list_providers(), "mine")

    assert {name: getattr(brought, name) for name in given} == given


@requirement("PROV-03")
async def test_a_listing_is_awaited_and_gives_a_list(
    adapter: ListsModels, upstream: Upstream
) -> None:
    """Code that shows a menu can count it and go through it twice."""
    upstream.replies(replies.model_list(["kimi-latest"]))

    models = await adapter.list_models()

    assert isinstance(models, Sequence)
    assert "kimi-latest" in ids(models)


@requirement("PROV-04")
@pytest.mark.parametrize(
    "field",
    [
        *("endpoint_type", "endpoint", "context_window"),
        *("handle", "provider_name", "provider_category"),
    ],
)
async def test_a_model_tells_what_it_is_and_where_it_is_asked(
    field: str, adapter: ListsModels, upstream: Upstream
) -> None:
    """Whoever is handed a model can ask it without looking anything else up."""
    upstream.replies(replies.model_list(["moonshot-v1-8k"]))

    model, *_ = await adapter.list_models()

    assert model.id == "moonshot-v1-8k"
    assert getattr(model, field)


@requirement("PROV-06")
@pytest.mark.usefixtures("upstream")
async def test_letta_lists_its_one_model(adapter: Any) -> None:
    """A developer can begin without any key."""
    [model] = await adapter.models_of("letta")

    told = (model.id, model.endpoint_type, model.context_window, model.handle)
    assert told == ("letta-free", "openai", 30000, "letta/letta-free")


@requirement("PROV-07")
@pytest.mark.usefixtures("upstream")
async def test_letta_is_a_base_provider_of_its_own_type(adapter: ProvidesModels) -> None:
    """Nobody is asked to bring what is there anyway."""
    letta = named(await adapter.list_providers(), "letta")

    assert (letta.type, letta.category) == ("letta", "base")


@requirement("PROV-08")
@pytest.mark.usefixtures("upstream")
async def test_an_openai_provider_needs_a_key(adapter: Any) -> None:
    """A user learns of the missing key before the first question."""
    failure = await failing(adapter.bring_provider({**MINIMAL, "provider_type": "openai"}))

    assert failure.kind == "value"
    assert "api_key" in failure.message


@requirement("PROV-08")
@pytest.mark.usefixtures("upstream")
async def test_openai_is_at_its_own_address_unless_told_otherwise(
    open_adapter: OpenAdapter,
) -> None:
    """A key is all that a user of OpenAI has to have."""
    adapter = open_adapter(environment={"OPENAI_API_KEY": "sk-of-openai"})

    openai = named(await adapter.list_providers(), "openai")

    assert (openai.base_url, openai.category) == ("https://api.openai.com/v1", "base")


@requirement("PROV-09")
@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda entries: {"object": "list", "data": entries}, id="under data"),
        pytest.param(lambda entries: entries, id="bare"),
    ],
)
async def test_openai_models_are_read_with_and_without_data_around_them(
    wrap: Callable[[Any], Any], open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """A gateway that answers with the list itself serves the client too."""
    upstream.replies(replies.json_reply(wrap([{"id": "gpt-4o"}, {"id": "own-model"}])))
    adapter = open_adapter(
        environment={"OPENAI_API_KEY": "sk-of-openai", "OPENAI_API_BASE": upstream.base_url}
    )

    models = await adapter.models_of("openai")

    assert ids(models) == ["gpt-4o", "own-model"]


@requirement("PROV-10")
@needs("in_process")
@pytest.mark.usefixtures("upstream")
async def test_at_openai_itself_only_models_that_chat_are_kept(open_adapter: OpenAdapter) -> None:
    """A user does not pick a model that can only listen."""
    listed = [{"id": id} for id in ("gpt-4o", "whisper-1", "gpt-4o-realtime-preview")]
    with respx.mock() as internet:
        internet.get("https://api.openai.com/v1/models").respond(json={"data": listed})
        adapter = open_adapter(environment={"OPENAI_API_KEY": "sk-of-openai"})

        models = await adapter.models_of("openai")

    assert ids(models) == ["gpt-4o"]


@requirement("PROV-10")
async def test_at_another_address_every_model_is_kept(
    open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """Models of a compatible server have names that OpenAI did not choose."""
    listed = ["gpt-4o", "whisper-1", "gpt-4o-realtime-preview"]
    upstream.replies(replies.model_list(listed))
    adapter = open_adapter(
        environment={"OPENAI_API_KEY": "sk-of-openai", "OPENAI_API_BASE": upstream.base_url}
    )

    models = await adapter.models_of("openai")

    assert ids(models) == listed


@requirement("PROV-11")
@pytest.mark.usefixtures("upstream")
async def test_anthropic_has_its_two_documented_models(open_adapter: OpenAdapter) -> None:
    """A user of Anthropic sees a menu although no list is asked for."""
    adapter = open_adapter(environment={"ANTHROPIC_API_KEY": "sk-of-anthropic"})

    windows = {model.id: model.context_window for model in await adapter.models_of("anthropic")}

    documented = {"claude-3-opus-20240229": 200000, "claude-3-sonnet-20240229": 200000}
    assert windows.items() >= documented.items()


@requirement("PROV-11")
@pytest.mark.usefixtures("upstream")
async def test_anthropic_is_at_its_own_address(open_adapter: OpenAdapter) -> None:
    """A key is all that a user of Anthropic has to have."""
    adapter = open_adapter(environment={"ANTHROPIC_API_KEY": "sk-of-anthropic"})

    anthropic = named(await adapter.list_providers(), "anthropic")

    assert anthropic.base_url == "https://api.anthropic.com/v1"


def google_model(name: str, *methods: str) -> Mapping[str, Any]:
    """An entry of Google's list."""
    return {
        "name": f"models/{name}",
        "inputTokenLimit": 30720,
        "supportedGenerationMethods": list(methods),
    }


def google_answers(*models: Mapping[str, Any]) -> dict[str, Answer]:
    """What Google says of its list, and of each model by itself."""
    alone = {f"GET /v1/v1beta/{model['name']}": replies.json_reply(model) for model in models}
    return {"GET /v1/v1beta/models": replies.json_reply({"models": list(models)}), **alone}


@requirement("PROV-12")
async def test_of_googles_models_those_that_generate_content_are_kept(
    open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """A user does not pick a model that can only embed."""
    models = (
        google_model("gemini-pro", "generateContent", "countTokens"),
        google_model("embedding-001", "embedContent"),
        google_model("aqa"),
    )
    for line, answer in google_answers(*models).items():
        upstream.answers(line, answer)
    adapter = open_adapter(
        environment={"GEMINI_API_KEY": "key-of-google", "GEMINI_BASE_URL": upstream.base_url}
    )

    listed = await adapter.models_of("google_ai")

    assert ids(listed) == ["gemini-pro"]


@requirement("PROV-13")
@pytest.mark.usefixtures("upstream")
@pytest.mark.parametrize("type", TYPES)
async def test_a_user_can_bring_a_provider_of_each_type(type: str, adapter: Any) -> None:
    """Whoever has an account somewhere can use it here."""
    await adapter.bring_provider(
        {**MINIMAL, "provider_type": type, "api_key": "sk-of-a-user", "base_url": "http://here"}
    )

    brought = named(await adapter.list_providers(), "mine")

    assert brought.type == type


@requirement("PROV-13")
async def test_a_kimi_provider_of_a_user_is_asked_with_the_users_key(
    adapter: Any, upstream: Upstream
) -> None:
    """What a user pays for is not charged to the operator, and the other way round."""
    upstream.replies(replies.model_list(["kimi-k2.5"]))
    await adapter.bring_provider(
        {
            **MINIMAL,
            "provider_type": "kimi",
            "api_key": "sk-of-a-user",
            "base_url": upstream.base_url,
        }
    )

    [model] = await adapter.models_of("mine")

    assert (model.handle, model.provider_category) == ("mine/kimi-k2.5", "byok")
    assert {sent.header("Authorization") for sent in upstream.requests} == {"Bearer sk-of-a-user"}


@requirement("PROV-15")
@pytest.mark.usefixtures("upstream")
async def test_kimi_is_made_from_the_settings(open_adapter: OpenAdapter) -> None:
    """An operator sets two variables, and Kimi is there."""
    environment = {"KIMI_API_KEY": "sk-of-kimi", "KIMI_BASE_URL": "https://kimi.example/v1"}
    adapter = open_adapter(api_key=None, base_url=None, environment=environment)

    kimi = named(await adapter.list_providers(), "kimi")

    told = (kimi.type, kimi.category, kimi.api_key, kimi.base_url)
    assert told == ("kimi", "base", "sk-of-kimi", "https://kimi.example/v1")


@requirement("PROV-16")
@needs("models")
async def test_the_synchronous_list_is_the_asynchronous_one_inside_a_running_loop(
    adapter: Any, upstream: Upstream
) -> None:
    """Code from before the asynchronous methods goes on working wherever it is called."""
    upstream.replies(replies.model_list([{"id": "moonshot-v1-8k", "context_length": 8192}]))

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        at_once = adapter.list_models_sync()
    awaited = await adapter.list_models()

    assert ids(at_once) == ["moonshot-v1-8k"]
    assert list(at_once) == list(awaited)
    assert not [each for each in warned if "never awaited" in str(each.message)]


@requirement("PROV-17")
async def test_the_synchronous_list_of_embedding_models_is_the_asynchronous_one(
    adapter: Any, upstream: Upstream
) -> None:
    """Code from before the asynchronous methods goes on working wherever it is called."""
    upstream.replies(replies.model_list(["moonshot-v1-8k"]))

    models = adapter.list_models_sync()
    at_once = adapter.list_embedding_models_sync()
    awaited = await adapter.list_embedding_models()

    assert ids(models) == ["moonshot-v1-8k"]
    assert list(at_once) == list(awaited)


@requirement("PROV-18")
async def test_a_kimi_model_carries_the_names_of_its_provider(
    adapter: ListsModels, upstream: Upstream
) -> None:
    """A model's origin is known wherever its configuration goes."""
    upstream.replies(replies.model_list(["moonshot-v1-8k"]))

    model, *_ = await adapter.list_models()

    told = (model.id, model.endpoint, model.provider_name, model.provider_category)
    assert told == ("moonshot-v1-8k", upstream.base_url, "kimi", "base")
    assert model.endpoint_type in {"openai", "kimi"}


@requirement("PROV-01")
async def test_a_provider_does_its_four_duties_with_what_its_user_gave(
    adapter: Any, upstream: Upstream
) -> None:
    """Who brings a provider gets all that the built-in ones do."""
    upstream.replies(replies.model_list([{"id": "kimi-k2.5", "context_length": 262144}]))
    given = {"api_key": "sk-of-a-user", "base_url": upstream.base_url}
    await adapter.bring_provider({**MINIMAL, "provider_type": "kimi", **given})

    [listed] = await adapter.models_of("mine")
    config = await adapter.config_of("mine/kimi-k2.5", max_tokens=500)

    assert {sent.header("Authorization") for sent in upstream.requests} == {"Bearer sk-of-a-user"}
    assert (config.id, config.provider_name, config.context_window) == ("kimi-k2.5", "mine", 262144)
    assert (listed.max_tokens, config.max_tokens) == (None, 500)
