"""How many tokens a client believes a model can hold."""

import logging
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_conformance.checks import (
    CachesConfigs,
    Edition,
    ListsModels,
    ModelConfig,
    OpenAdapter,
    Service,
    Upstream,
    announced,
    replies,
    requirement,
)

NOBODY_LISTENS = "http://127.0.0.1:9/v1"
UNKNOWN = ["kimi-k9", "moonshot-v9"]  # one of each family, neither in the table


def entry(id: str, window: int) -> dict[str, Any]:
    """An entry of the API's list that tells the window."""
    return {"id": id, "object": "model", "owned_by": "moonshot", "context_length": window}


def windows(models: Sequence[ModelConfig], *ids: str) -> list[int | None]:
    """The windows that a client shows for these ids."""
    return [model.context_window for model in models if model.id in ids]


@requirement("CTX-01")
@given(window=st.integers(min_value=0, max_value=2**30).map(lambda half: 2 * half + 1))
@pytest.mark.parametrize(
    "listed",
    [
        pytest.param(["kimi-k2-0905-preview", "moonshot-v1-8k"], id="known models"),
        pytest.param(UNKNOWN, id="unknown models"),
    ],
)
async def test_the_window_that_the_api_gives_wins(
    listed: list[str], window: int, adapter: ListsModels, upstream: Upstream
) -> None:
    """A user can fill a model as far as it really goes; odd windows, so that no table has them."""
    upstream.replies(replies.model_list([entry(id, window) for id in listed]))

    models = await adapter.list_models()

    assert set(windows(models, *listed)) == {window}


@requirement("CTX-02")
async def test_an_unknown_model_without_a_window_has_8192_tokens(
    adapter: ListsModels, upstream: Upstream
) -> None:
    """A prompt is cut too early rather than refused."""
    upstream.replies(replies.model_list(UNKNOWN))

    models = await adapter.list_models()

    assert set(windows(models, *UNKNOWN)) == {8192}


@pytest.mark.parametrize(
    ("id", "window"),
    [
        pytest.param("moonshot-v1-8k", 8192, id="moonshot-v1-8k", marks=requirement("CTX-03")),
        pytest.param("moonshot-v1-32k", 32768, id="moonshot-v1-32k", marks=requirement("CTX-04")),
        pytest.param(
            "moonshot-v1-128k", 131072, id="moonshot-v1-128k", marks=requirement("CTX-05")
        ),
        pytest.param("kimi-k2-0905-preview", 262144, id="k2-0905", marks=requirement("CTX-06")),
        pytest.param("kimi-k2-0711-preview", 131072, id="k2-0711", marks=requirement("CTX-07")),
        pytest.param("kimi-k2-turbo-preview", 262144, id="k2-turbo", marks=requirement("CTX-08")),
        pytest.param("kimi-thinking-preview", 131072, id="thinking", marks=requirement("CTX-09")),
        pytest.param("kimi-latest", 131072, id="latest", marks=requirement("CTX-10")),
    ],
)
async def test_the_documented_table_gives_a_model_its_window(
    id: str, window: int, adapter: ListsModels, upstream: Upstream
) -> None:
    """A user plans with the right size also while the API is down."""
    upstream.replies(replies.server_error())

    models = await adapter.list_models()

    assert windows(models, id) == [window]


@requirement("CTX-11")
@pytest.mark.parametrize(
    ("id", "label"),
    [
        pytest.param("moonshot-v1-8k", 8, id="8K"),
        pytest.param("moonshot-v1-32k", 32, id="32K"),
        pytest.param("moonshot-v1-128k", 128, id="128K"),
        pytest.param("kimi-k2-0905-preview", 256, id="256K"),
    ],
)
async def test_a_label_counts_in_1024s(
    id: str, label: int, adapter: ListsModels, upstream: Upstream
) -> None:
    """Who reads '128K' in one document and '131072' in another reads the same."""
    upstream.replies(replies.server_error())

    models = await adapter.list_models()

    assert windows(models, id) == [label * 1024]


@requirement("CTX-12")
async def test_a_known_model_has_one_window_on_both_paths(
    adapter: ListsModels, upstream: Upstream, edition: Edition
) -> None:
    """A conversation is not cut to 8192 tokens because the API left a field out."""
    upstream.replies(replies.model_list(edition.documented_models), replies.server_error())

    listed = await adapter.list_models()
    fallback = await adapter.list_models()

    shown = {model.id: model.context_window for model in listed}
    table = {model.id: model.context_window for model in fallback}
    assert shown
    assert shown == {id: table.get(id) for id in shown}


@requirement("CTX-18")
@pytest.mark.parametrize(
    ("id", "window"),
    [
        pytest.param("kimi-k3", 1048576, id="k3"),
        pytest.param("kimi-k2.6", 262144, id="k2.6"),
        pytest.param("kimi-k2.7-code", 262144, id="k2.7-code"),
        pytest.param("kimi-k2.7-code-highspeed", 262144, id="k2.7-code-highspeed"),
    ],
)
async def test_the_table_gives_a_model_of_today_its_window(
    id: str, window: int, adapter: ListsModels, upstream: Upstream
) -> None:
    """A user plans with the right size also while the API is down."""
    upstream.replies(replies.server_error())

    models = await adapter.list_models()

    assert windows(models, id) == [window]


@requirement("CTX-13")
@pytest.mark.parametrize("window", [1, 8191, 131073, 262143, 1048577])
async def test_the_window_is_taken_to_the_last_token(
    window: int, adapter: ListsModels, upstream: Upstream
) -> None:
    """A prompt of exactly that size is neither cut nor refused."""
    upstream.replies(replies.model_list([entry(id, window) for id in UNKNOWN]))

    models = await adapter.list_models()

    assert set(windows(models, *UNKNOWN)) == {window}


@requirement("CTX-14")
async def test_a_window_other_than_the_documented_one_is_reported(
    adapter: ListsModels,
    upstream: Upstream,
    edition: Edition,
    caplog: pytest.LogCaptureFixture,
    recwarn: pytest.WarningsRecorder,
) -> None:
    """Whoever maintains the table learns that the API has moved on."""
    caplog.set_level(logging.WARNING)
    known = edition.documented_models[-1]
    upstream.replies(replies.model_list([entry(known, 65536), entry("kimi-k9", 65536)]))

    await adapter.list_models()

    assert known in announced(recwarn, caplog)
    assert "kimi-k9" not in announced(recwarn, caplog)


@requirement("CTX-15")
async def test_the_table_agrees_with_the_api_of_today(
    open_adapter: OpenAdapter, service: Service
) -> None:
    """A table that has aged is found by a test, not by a user whose prompt is refused."""
    await open_adapter().list_models()
    table = await open_adapter(base_url=NOBODY_LISTENS).list_models()

    known = {model.id: model.context_window for model in table}
    today = stated_windows(service)
    shared = known.keys() & today.keys()
    assert shared
    assert {id: known[id] for id in shared} == {id: today[id] for id in shared}


def stated_windows(service: Service) -> dict[str, int]:
    """The windows in the API's own list, where it tells them."""
    entries = service.exchanges[0].answer.json["data"]
    return {entry["id"]: entry["context_length"] for entry in entries if "context_length" in entry}


@requirement("CTX-17")
async def test_every_window_shown_is_the_one_that_the_api_states(
    adapter: ListsModels, service: Service
) -> None:
    """A user sees sizes that hold."""
    models = await adapter.list_models()

    stated = stated_windows(service)
    shown = {model.id: model.context_window for model in models if model.id in stated}
    assert shown
    assert shown == {id: stated[id] for id in shown}


@requirement("CTX-16")
@pytest.mark.parametrize(
    "limit", [pytest.param(5000, id="a small one"), pytest.param(65536, id="a large one")]
)
async def test_the_limit_that_a_user_sets_is_the_window_that_is_used(
    limit: int, adapter: CachesConfigs, upstream: Upstream
) -> None:
    """A user who pays by the token decides how many there can be, and nobody else does."""
    upstream.replies(replies.model_list([entry("kimi-latest", 131072)]))

    config = await adapter.config_of("kimi/kimi-latest", context_window_limit=limit)

    assert config.context_window == limit
