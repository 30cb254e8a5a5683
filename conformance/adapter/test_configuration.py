"""
What a client takes from its settings and its environment.

Long because its checks are known by the name of this module: ids, cassettes and baselines hold it.
"""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_conformance.checks import (
    ChatRequest,
    Chats,
    ModelConfig,
    OpenAdapter,
    Upstream,
    failing,
    needs,
    replies,
    requirement,
)

GREETING = ChatRequest(model="moonshot-v1-8k", messages=[{"role": "user", "content": "Hello"}])
SWITCH = "LETTA_DISABLE_KIMI_PROVIDER"
NO_WORD = "0123456789+=~"  # so that no word of a diagnosis is a key by chance


async def names(adapter: Any) -> list[str]:
    """The names of the enabled providers, in order."""
    return [provider.name for provider in await adapter.list_providers()]


@requirement("CONFIG-01")
@pytest.mark.usefixtures("upstream")
@pytest.mark.parametrize(
    ("variable", "provider"),
    [
        ("OPENAI_API_KEY", "openai"),
        ("ANTHROPIC_API_KEY", "anthropic"),
        ("GEMINI_API_KEY", "google_ai"),
        ("OLLAMA_BASE_URL", "ollama"),
    ],
)
async def test_a_variable_sets_its_provider_up(
    variable: str, provider: str, open_adapter: OpenAdapter
) -> None:
    """An operator adds a provider with one line."""
    without = await names(open_adapter())
    with_it = await names(open_adapter(environment={variable: "http://127.0.0.1:9"}))

    assert set(with_it) - set(without) == {provider}


@requirement("CONFIG-02")
async def test_the_key_comes_from_kimi_api_key(
    open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """A key need not stand in code."""
    upstream.replies(replies.completion())

    await open_adapter(api_key=None, environment={"KIMI_API_KEY": "sk-here"}).chat(GREETING)

    assert upstream.requests[0].header("Authorization") == "Bearer sk-here"


@requirement("CONFIG-03")
async def test_the_base_url_comes_from_kimi_base_url(
    open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """An operator puts a proxy in between with one line."""
    upstream.replies(replies.completion())
    environment = {"KIMI_BASE_URL": upstream.base_url}

    await open_adapter(base_url=None, environment=environment).chat(GREETING)

    assert upstream.sent("POST /v1/chat/completions")


@requirement("CONFIG-04")
@pytest.mark.usefixtures("upstream")
@pytest.mark.parametrize(
    ("provider", "base_url"),
    [
        ("kimi", "https://api.moonshot.cn/v1"),
        ("openai", "https://api.openai.com/v1"),
        ("google_ai", "https://generativelanguage.googleapis.com"),
    ],
)
async def test_without_a_setting_the_documented_base_url_holds(
    provider: str, base_url: str, open_adapter: OpenAdapter
) -> None:
    """A key is enough to begin with."""
    keys = dict.fromkeys(("OPENAI_API_KEY", "GEMINI_API_KEY", "KIMI_API_KEY"), "sk-of-somebody")

    adapter = open_adapter(base_url=None, environment=keys)
    told = {each.name: each.base_url for each in await adapter.list_providers()}

    assert told[provider].rstrip("/") == base_url
    assert "ollama" not in told


@requirement("CONFIG-04")
@pytest.mark.parametrize("slash", [pytest.param("", id="without"), pytest.param("/", id="with")])
async def test_googles_base_url_means_the_same_with_a_slash_at_its_end(
    slash: str, open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """Both forms of the documents work."""
    upstream.replies(replies.json_reply({"models": []}))
    environment = {"GEMINI_API_KEY": "sk-of-google", "GEMINI_BASE_URL": upstream.base_url + slash}

    await open_adapter(environment=environment).models_of("google_ai")

    assert [sent.path for sent in upstream.requests] == ["/v1/v1beta/models"]


@requirement("CONFIG-05")
@pytest.mark.usefixtures("upstream")
@pytest.mark.parametrize(
    ("provider", "key"),
    [
        ("openai", "OPENAI_API_KEY"),
        ("anthropic", "ANTHROPIC_API_KEY"),
        ("google_ai", "GEMINI_API_KEY"),
    ],
)
async def test_a_flag_takes_its_provider_out(
    provider: str, key: str, open_adapter: OpenAdapter
) -> None:
    """An operator closes a provider without throwing its key away."""
    environment = {key: "sk-of-somebody"}
    flag = {f"LETTA_DISABLE_{provider.upper()}_PROVIDER": "true"}

    enabled = await names(open_adapter(environment=environment))
    disabled = await names(open_adapter(environment=environment | flag))

    assert set(enabled) - set(disabled) == {provider}


@requirement("CONFIG-06")
@pytest.mark.usefixtures("upstream")
@pytest.mark.parametrize("value", ["true", "1"])
async def test_the_flag_takes_kimi_out(value: str, open_adapter: OpenAdapter) -> None:
    """An operator closes Kimi without throwing its key away."""
    enabled = await names(open_adapter())
    disabled = await names(open_adapter(environment={SWITCH: value}))

    assert set(enabled) - set(disabled) == {"kimi"}


@requirement("CONFIG-07")
@pytest.mark.usefixtures("upstream")
@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({}, id="unset"),
        pytest.param({SWITCH: ""}, id="empty"),
        pytest.param({SWITCH: "false"}, id="false"),
        pytest.param({SWITCH: "0"}, id="0"),
    ],
)
async def test_the_documented_default_of_the_flag_leaves_kimi_in(
    environment: Mapping[str, str], open_adapter: OpenAdapter
) -> None:
    """Writing the default down changes nothing."""
    enabled = await names(open_adapter(environment=environment))

    assert "kimi" in enabled


@requirement("CONFIG-08")
@pytest.mark.usefixtures("upstream")
@given(
    flag=st.sampled_from(["", "true", "1"]),
    key=st.sampled_from(["", "sk-of-somebody"]),
)
async def test_kimi_is_there_exactly_with_a_key_and_without_the_flag(
    flag: str, key: str, open_adapter: OpenAdapter
) -> None:
    """No menu shows what could not be asked, and none hides what could."""
    environment = {SWITCH: flag, "KIMI_API_KEY": key}

    enabled = await names(open_adapter(api_key=None, environment=environment))

    assert ("kimi" in enabled) == (flag == "" and key != "")


@requirement("CONFIG-09")
@pytest.mark.usefixtures("upstream")
@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({}, id="nothing set"),
        pytest.param({"OPENAI_API_KEY": "sk-of-openai", "KIMI_API_KEY": "sk-of-kimi"}, id="keys"),
    ],
)
async def test_letta_comes_first_and_needs_no_key(
    environment: Mapping[str, str], open_adapter: OpenAdapter
) -> None:
    """There is always a model to try things with."""
    enabled = await names(open_adapter(api_key=None, environment=environment))

    assert enabled[0] == "letta"


@requirement("CONFIG-10")
@pytest.mark.usefixtures("upstream")
async def test_an_empty_base_url_of_openai_is_the_default_one(open_adapter: OpenAdapter) -> None:
    """A variable that a template left empty does no harm."""
    environment = {"OPENAI_API_KEY": "sk-of-openai", "OPENAI_API_BASE": ""}

    providers = await open_adapter(environment=environment).list_providers()

    told = {each.name: each.base_url for each in providers}
    assert told["openai"] == "https://api.openai.com/v1"


@requirement("CONFIG-12")
async def test_the_key_of_the_settings_goes_before_that_of_the_environment(
    open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """What is said in code is meant for this client."""
    upstream.replies(replies.completion())
    environment = {"KIMI_API_KEY": "sk-of-the-env"}

    await open_adapter(api_key="sk-of-code", environment=environment).chat(GREETING)

    assert upstream.requests[0].header("Authorization") == "Bearer sk-of-code"


@requirement("CONFIG-13")
async def test_a_chat_goes_to_the_endpoint_of_its_model(
    open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """A model that lives elsewhere is asked there."""
    upstream.replies(replies.completion())
    elsewhere = ChatRequest(
        model=GREETING.model, messages=GREETING.messages, endpoint=f"{upstream.base_url}/own"
    )

    await open_adapter().chat(elsewhere)

    assert [sent.path for sent in upstream.requests] == ["/v1/own/chat/completions"]


@requirement("CONFIG-13")
async def test_a_chat_without_an_endpoint_goes_to_the_base_url_of_the_settings(
    adapter: Chats, upstream: Upstream
) -> None:
    """Who has configured one place asks one place."""
    upstream.replies(replies.completion())

    await adapter.chat(GREETING)

    assert [sent.path for sent in upstream.requests] == ["/v1/chat/completions"]


@requirement("CONFIG-14")
async def test_variables_of_other_clients_change_nothing(
    open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """The key of another service stays where it is, and so does the name of its owner."""
    upstream.replies(replies.completion())
    foreign = {
        "OPENAI_API_KEY": "sk-of-openai",
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
        "OPENAI_ORG_ID": "org-of-somebody",
        "OPENAI_PROJECT_ID": "proj-of-somebody",
    }

    await open_adapter(api_key="sk-of-kimi", environment=foreign).chat(GREETING)

    sent = upstream.requests[0]
    said = " ".join(value for _, value in sent.headers)
    assert sent.header("Authorization") == "Bearer sk-of-kimi"
    assert "of-somebody" not in said


@requirement("CONFIG-15")
async def test_who_names_no_model_gets_the_default_one(
    open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """An operator chooses a model for everybody who does not care."""
    upstream.replies(replies.model_list(["moonshot-v1-8k", "kimi-k2.5"]))

    adapter = open_adapter(environment={"LETTA_DEFAULT_LLM_HANDLE": "kimi/kimi-k2.5"})
    model = await adapter.model_for()

    assert model.id == "kimi-k2.5"


@requirement("CONFIG-15")
async def test_a_model_that_is_named_goes_before_the_default_one(
    open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """Who does care gets what was asked for."""
    upstream.replies(replies.model_list(["moonshot-v1-8k", "kimi-k2.5"]))

    adapter = open_adapter(environment={"LETTA_DEFAULT_LLM_HANDLE": "kimi/kimi-k2.5"})
    model = await adapter.model_for("kimi/moonshot-v1-8k")

    assert model.id == "moonshot-v1-8k"


@requirement("CONFIG-16")
async def test_a_configuration_that_is_given_is_used_as_it_is(
    adapter: Any, upstream: Upstream
) -> None:
    """Who knows the model exactly does not depend on a list."""
    own = ModelConfig(id="own-model", context_window=4096, handle="kimi/own-model")

    model = await adapter.model_for(config=own)

    assert model == own
    assert upstream.requests == ()


@requirement("CONFIG-19")
@pytest.mark.usefixtures("upstream")
@pytest.mark.parametrize(
    ("environment", "count"),
    [pytest.param({}, 1, id="enabled"), pytest.param({SWITCH: "true"}, 0, id="disabled")],
)
async def test_the_diagnosis_counts_the_kimi_providers(
    environment: Mapping[str, str], count: int, open_adapter: OpenAdapter
) -> None:
    """Somebody who misses Kimi's models sees at once whether it is switched off."""
    told = await open_adapter(environment=environment).diagnosis()

    assert SWITCH in told
    assert "KIMI_API_KEY" in told
    assert f"Kimi providers found: {count}" in told


@requirement("CONFIG-19")
@pytest.mark.usefixtures("upstream")
@given(secret=st.text(NO_WORD, min_size=8, max_size=60))
async def test_the_diagnosis_does_not_tell_the_key(secret: str, open_adapter: OpenAdapter) -> None:
    """A diagnosis can be shown to somebody else."""
    told = await open_adapter(api_key=f"sk-{secret}").diagnosis()

    assert "Kimi providers found: 1" in told
    assert secret not in told


@requirement("CONFIG-20")
async def test_a_changed_key_is_used_without_a_restart(
    open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """A withdrawn key is exchanged while work goes on."""
    upstream.replies(replies.completion())
    adapter = open_adapter(api_key=None, environment={"KIMI_API_KEY": "sk-old"})

    await adapter.chat(GREETING)
    adapter.reload({"KIMI_API_KEY": "sk-new"})
    await adapter.chat(GREETING)

    used = [sent.header("Authorization") for sent in upstream.requests]
    assert used == ["Bearer sk-old", "Bearer sk-new"]


@requirement("CONFIG-20")
async def test_a_reloaded_default_model_is_used(
    open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """An operator moves everybody to another model while work goes on."""
    upstream.replies(replies.model_list(["moonshot-v1-8k", "kimi-k2.5"]))
    adapter = open_adapter(environment={"LETTA_DEFAULT_LLM_HANDLE": "kimi/moonshot-v1-8k"})

    before = await adapter.model_for()
    adapter.reload({"LETTA_DEFAULT_LLM_HANDLE": "kimi/kimi-k2.5"})
    after = await adapter.model_for()

    assert (before.id, after.id) == ("moonshot-v1-8k", "kimi-k2.5")


@requirement("CONFIG-22")
@pytest.mark.parametrize(
    ("name", "value"),
    [("temperature", 0.3), ("top_p", 0.9), ("max_tokens", 77), ("x_own_parameter", {"deep": [1]})],
)
async def test_a_parameter_that_a_user_sets_reaches_the_request(
    name: str, value: object, adapter: Chats, upstream: Upstream
) -> None:
    """A parameter of next month's API can be used today."""
    upstream.replies(replies.completion())
    asked = ChatRequest(model=GREETING.model, messages=GREETING.messages, options={name: value})

    await adapter.chat(asked)

    assert upstream.requests[0].json[name] == value


@requirement("CONFIG-11")
async def test_clients_with_settings_of_their_own_take_nothing_from_each_other(
    open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """What somebody tries in development is not charged to production, nor the other way round."""
    upstream.replies(replies.completion())
    development = {"KIMI_API_KEY": "sk-in-dev", "LETTA_DEBUG": "true"}
    production = {"KIMI_API_KEY": "sk-in-use", "LETTA_DEBUG": "false"}
    clients = [open_adapter(api_key=None, environment=each) for each in (development, production)]

    for client in (*clients, *clients):
        await client.chat(GREETING)

    used = [sent.header("Authorization") for sent in upstream.requests]
    assert used == ["Bearer sk-in-dev", "Bearer sk-in-use", "Bearer sk-in-dev", "Bearer sk-in-use"]


@requirement("CONFIG-17")
@pytest.mark.parametrize(
    ("given", "validated"),
    [
        pytest.param(None, "sk-of-the-env", id="environment", marks=needs("settings")),
        pytest.param("sk-of-code", "sk-of-code", id="settings and environment"),
    ],
)
async def test_the_key_that_is_validated_is_the_one_that_is_configured(
    given: str | None, validated: str, open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """A user is told about the key that is used, and not about another that lies around."""
    upstream.replies(replies.model_list(["moonshot-v1-8k"]))
    environment = {"KIMI_API_KEY": "sk-of-the-env"}

    await open_adapter(api_key=given, environment=environment).check_key()

    [sent] = upstream.requests
    assert sent.header("Authorization") == f"Bearer {validated}"


@requirement("CONFIG-18")
@pytest.mark.parametrize(
    "blank", [pytest.param(" ", id="a space"), pytest.param("\n", id="a line")]
)
async def test_a_key_of_nothing_but_white_space_is_a_missing_one(
    blank: str, open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """A template that was filled with nothing is noticed before anything is sent."""
    adapter = open_adapter(api_key=None, environment={"KIMI_API_KEY": blank})

    failure = await failing(adapter.check_key())

    assert failure.kind == "value"
    assert failure.message.startswith("No API key provided")
    assert upstream.requests == ()
