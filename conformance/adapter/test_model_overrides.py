"""What a user says of a model, against what the API says of it."""

from typing import Any

import pytest

from kimi_conformance.checks import ConfiguresModels, Upstream, failing, replies, requirement

SMALL, LARGE = "moonshot-v1-8k", "kimi-k2.5"
WINDOWS = {SMALL: 8192, LARGE: 262144}
LISTED = replies.model_list(
    [{"id": id, "context_length": window} for id, window in WINDOWS.items()]
)


async def windows(adapter: Any) -> dict[str, int | None]:
    """What the client believes each model to hold, in tokens."""
    return {model.id: model.context_window for model in await adapter.list_models()}


@requirement("CONFIG-21")
async def test_the_window_that_a_user_sets_is_the_one_that_shows(
    adapter: ConfiguresModels, upstream: Upstream
) -> None:
    """A user who wants short prompts is asked to shorten them from now on."""
    upstream.replies(LISTED)

    await adapter.configure_model(f"kimi/{LARGE}", {"context_window": 65536})

    assert (await windows(adapter))[LARGE] == 65536


@requirement("CONFIG-21")
async def test_the_length_of_answers_that_a_user_sets_is_the_one_that_is_configured(
    adapter: Any, upstream: Upstream
) -> None:
    """A user limits what an answer may cost in one place."""
    upstream.replies(LISTED)

    await adapter.configure_model(f"kimi/{LARGE}", {"max_tokens": 500})
    configs = [await adapter.config_of(f"kimi/{id}") for id in (LARGE, SMALL)]

    assert [config.max_tokens for config in configs] == [500, None]


@requirement("CONFIG-21")
async def test_changing_a_model_gives_its_configuration(
    adapter: ConfiguresModels, upstream: Upstream
) -> None:
    """Whoever changes a model sees what came of it."""
    upstream.replies(LISTED)

    config = await adapter.configure_model(f"kimi/{LARGE}", {"context_window": 65536})

    assert (config.id, config.context_window) == (LARGE, 65536)


@requirement("OVERRIDE-01")
@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"context_window": 0}, id="nothing"),
        pytest.param({"context_window": -1}, id="negative"),
        pytest.param({"context_window": 1.5}, id="a fraction"),
        pytest.param({"context_window": True}, id="a yes"),
        pytest.param({"context_window": "many"}, id="a word"),
        pytest.param({"context_window": 262145}, id="more than the API says"),
        pytest.param({"max_tokens": 262145}, id="an answer beyond the window"),
        pytest.param({"context_windw": 4096}, id="no such setting"),
    ],
)
async def test_a_configuration_that_cannot_be_is_refused(
    settings: dict[str, object], adapter: Any, upstream: Upstream
) -> None:
    """A slip of the finger is told at once, and not by the API in the middle of work."""
    upstream.replies(LISTED)

    failure = await failing(adapter.configure_model(f"kimi/{LARGE}", settings))
    config = await adapter.config_of(f"kimi/{LARGE}")

    assert failure.kind == "value"
    assert (config.context_window, config.max_tokens) == (262144, None)


@requirement("OVERRIDE-02")
async def test_a_change_reaches_a_model_that_was_looked_up_before(
    adapter: Any, upstream: Upstream
) -> None:
    """A service that runs for weeks goes by what was set this morning."""
    upstream.replies(LISTED)

    before = await adapter.config_of(f"kimi/{LARGE}")
    await adapter.configure_model(f"kimi/{LARGE}", {"context_window": 65536})
    after = await adapter.config_of(f"kimi/{LARGE}")
    await adapter.configure_model(f"kimi/{LARGE}", {"context_window": 32768})
    later = await adapter.config_of(f"kimi/{LARGE}")

    seen = [config.context_window for config in (before, after, later)]
    assert seen == [262144, 65536, 32768]


@requirement("OVERRIDE-03")
async def test_what_is_taken_back_holds_no_longer(adapter: Any, upstream: Upstream) -> None:
    """Trying a setting out leaves no trace."""
    upstream.replies(LISTED)

    await adapter.configure_model(f"kimi/{LARGE}", {"context_window": 65536, "max_tokens": 500})
    await adapter.configure_model(f"kimi/{LARGE}", {"context_window": None})
    config = await adapter.config_of(f"kimi/{LARGE}")

    assert (config.context_window, config.max_tokens) == (262144, 500)
