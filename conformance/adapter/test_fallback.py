"""What a user sees while the list of models cannot be had."""

import logging
from typing import Any

import pytest

from kimi_conformance.checks import (
    DOCUMENTED_WINDOWS,
    Answer,
    Edition,
    ListsModels,
    ModelConfig,
    OpenAdapter,
    Upstream,
    announced,
    ids,
    replies,
    requirement,
)

# One of each family, neither in a table.
LISTED = ("moonshot-v1-auto", "kimi-k2.5")
A_LIST = replies.model_list(LISTED)


@requirement("FALLBACK-01")
async def test_a_failing_model_list_falls_back_to_the_documented_table(
    adapter: ListsModels, upstream: Upstream, edition: Edition
) -> None:
    """A user keeps a working model menu while the API is down."""
    upstream.replies(replies.server_error())

    models = await adapter.list_models()

    assert set(ids(models)) == set(edition.documented_models)


@requirement("FALLBACK-02")
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(replies.refusal(400, "invalid_request_error", "no"), id="400"),
        pytest.param(replies.invalid_key(), id="401"),
        pytest.param(replies.refusal(403, "permission_denied_error", "no"), id="403"),
        pytest.param(replies.refusal(404, "resource_not_found_error", "no"), id="404"),
        pytest.param(replies.rate_limited(), id="429"),
        pytest.param(replies.server_error(503), id="503"),
        pytest.param(replies.html(504), id="504 as a page"),
        pytest.param(replies.never(), id="silence"),
        pytest.param(replies.reset(A_LIST, frames=0), id="a reset"),
        pytest.param(replies.cut(A_LIST, frames=0), id="a cut body"),
        pytest.param(replies.bad_chunk(), id="a bad chunk"),
        pytest.param(replies.not_json(), id="half a body"),
        pytest.param(replies.html(), id="a page"),
        pytest.param(replies.json_reply(["moonshot-v1-auto"]), id="a bare list"),
        pytest.param(replies.json_reply("moonshot-v1-auto"), id="a text"),
        pytest.param(replies.json_reply({"data": "moonshot-v1-auto"}), id="data is no list"),
    ],
)
async def test_every_answer_that_is_no_list_falls_back(
    answer: Answer, adapter: ListsModels, upstream: Upstream, edition: Edition
) -> None:
    """A user's menu does not depend on the way in which the API is down."""
    upstream.replies(answer)

    models = await adapter.list_models()

    assert set(ids(models)) == set(edition.documented_models)


@requirement("FALLBACK-02")
@pytest.mark.usefixtures("upstream")
@pytest.mark.parametrize(
    "base_url",
    [
        pytest.param("http://127.0.0.1:9/v1", id="nobody listens"),
        pytest.param("http://kimi.invalid/v1", id="an unknown host"),
    ],
)
async def test_an_api_that_cannot_be_reached_falls_back(
    base_url: str, open_adapter: OpenAdapter, edition: Edition
) -> None:
    """A user without network still sees which models there are."""
    models = await open_adapter(base_url=base_url).list_models()

    assert set(ids(models)) == set(edition.documented_models)


@requirement("FALLBACK-02")
async def test_failed_tls_falls_back(
    open_adapter: OpenAdapter, upstream: Upstream, edition: Edition
) -> None:
    """A user behind a broken proxy still sees which models there are."""
    not_tls = upstream.base_url.replace("http://", "https://")

    models = await open_adapter(base_url=not_tls).list_models()

    assert set(ids(models)) == set(edition.documented_models)


@requirement("FALLBACK-02")
async def test_a_missing_key_falls_back(
    open_adapter: OpenAdapter, upstream: Upstream, edition: Edition
) -> None:
    """A user sees the menu before having a key."""
    models = await open_adapter(api_key=None).list_models()

    assert set(ids(models)) == set(edition.documented_models)
    assert upstream.requests == ()


@requirement("FALLBACK-03")
async def test_falling_back_is_announced(
    adapter: ListsModels,
    upstream: Upstream,
    caplog: pytest.LogCaptureFixture,
    recwarn: pytest.WarningsRecorder,
) -> None:
    """An operator notices that users are looking at a table."""
    caplog.set_level(logging.WARNING)
    upstream.replies(replies.server_error())

    await adapter.list_models()

    assert announced(recwarn, caplog)


@requirement("FALLBACK-04")
async def test_the_announcement_names_the_cause(
    adapter: ListsModels,
    upstream: Upstream,
    caplog: pytest.LogCaptureFixture,
    recwarn: pytest.WarningsRecorder,
) -> None:
    """An operator can tell an outage from a wrong setting."""
    caplog.set_level(logging.WARNING)
    upstream.replies(replies.refusal(503, "server_unavailable", "down for maintenance"))

    await adapter.list_models()

    assert "503" in announced(recwarn, caplog)


@requirement("FALLBACK-05")
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(replies.model_list([]), id="no models"),
        pytest.param(replies.model_list(["llama-4", "claude-3"]), id="foreign models"),
        pytest.param(replies.json_reply({"object": "list"}), id="no data"),
    ],
)
async def test_a_list_with_nothing_of_kimi_falls_back(
    answer: Answer, adapter: ListsModels, upstream: Upstream, edition: Edition
) -> None:
    """A user is never shown an empty menu."""
    upstream.replies(answer)

    models = await adapter.list_models()

    assert set(ids(models)) == set(edition.documented_models)


@requirement("FALLBACK-06")
async def test_the_table_has_eight_models_in_the_documented_order(
    adapter: ListsModels, upstream: Upstream
) -> None:
    """Two clients of one team show one menu."""
    upstream.replies(replies.server_error())

    models = await adapter.list_models()

    assert ids(models) == list(DOCUMENTED_WINDOWS)


@requirement("FALLBACK-11")
async def test_the_table_has_the_models_that_are_left_in_the_documented_order(
    adapter: ListsModels, upstream: Upstream
) -> None:
    """A user is not offered, of all times in an outage, a model that is gone for good."""
    upstream.replies(replies.server_error())

    models = await adapter.list_models()

    assert ids(models) == ["kimi-k3", "kimi-k2.6", "kimi-k2.7-code", "kimi-k2.7-code-highspeed"]


@requirement("FALLBACK-07")
async def test_a_model_of_the_table_is_described_as_one_of_the_api(
    adapter: ListsModels, upstream: Upstream, edition: Edition
) -> None:
    """A model that was chosen from the table can be used once the API is back."""
    upstream.replies(replies.model_list(edition.documented_models), replies.server_error())

    listed = await adapter.list_models()
    fallback = await adapter.list_models()

    by_api = {model.id: described(model) for model in listed}
    by_table = {model.id: described(model) for model in fallback if model.id in by_api}
    assert by_table
    assert by_table == {id: by_api[id] for id in by_table}


def described(model: ModelConfig) -> tuple[str | None, ...]:
    """Everything about a model but its size."""
    return (
        *(model.endpoint, model.endpoint_type, model.handle),
        *(model.provider_name, model.provider_category),
    )


@requirement("FALLBACK-08")
async def test_the_table_is_not_added_to_what_the_api_gives(
    adapter: ListsModels, upstream: Upstream
) -> None:
    """A user is not offered models that the API has retired."""
    upstream.replies(A_LIST)

    models = await adapter.list_models()

    assert models
    assert set(ids(models)) <= set(LISTED)


@requirement("FALLBACK-10")
async def test_the_api_is_asked_first_at_every_listing(
    adapter: ListsModels, upstream: Upstream
) -> None:
    """Once the API is back, so are its models."""
    upstream.replies(replies.server_error(), A_LIST)

    await adapter.list_models()
    models = await adapter.list_models()

    assert set(ids(models)) & set(LISTED)


@requirement("FALLBACK-09")
@pytest.mark.parametrize(
    ("provider", "url", "key"),
    [
        pytest.param("openai", "OPENAI_API_BASE", "OPENAI_API_KEY", id="openai"),
        pytest.param("google_ai", "GEMINI_BASE_URL", "GEMINI_API_KEY", id="google_ai"),
        pytest.param("ollama", "OLLAMA_BASE_URL", "OLLAMA_API_KEY", id="ollama"),
    ],
)
async def test_another_provider_that_cannot_be_listed_shows_no_model(
    provider: str, url: str, key: str, open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """A provider that is down does not take the menu of the others with it."""
    upstream.replies(replies.server_error())
    adapter: Any = open_adapter(environment={url: upstream.base_url, key: "sk-of-somebody"})

    models = await adapter.models_of(provider)

    assert upstream.requests
    assert ids(models) == []
