"""How a client uses time."""

import asyncio
from collections.abc import Mapping
from typing import Any

from kimi_conformance.checks import (
    Exchange,
    ListsModels,
    OpenAdapter,
    Upstream,
    ids,
    replies,
    requirement,
)

LISTINGS = 5
PAUSE = 0.25  # seconds that an answer is held back


def under_way_together(exchanges: list[Exchange]) -> bool:
    """Whether so many requests had arrived before the first answer went out."""
    whole = [each for each in exchanges if each.answer.frames]
    answered = [each.started + each.answer.frames[-1].at for each in whole]
    return sorted(each.started for each in exchanges)[LISTINGS - 1] < min(answered)


@requirement("PERF-05")
async def test_configurations_come_in_the_order_of_the_list(
    open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """A menu does not change its order from one day to the next."""
    names = ["gemini-slow", "gemini-medium", "gemini-fast"]
    models = [google_model(name) for name in names]
    upstream.answers("GET /v1/v1beta/models", replies.json_reply({"models": models}))
    for model, pause in zip(models, (2 * PAUSE, PAUSE, 0.0), strict=True):
        line = f"GET /v1/v1beta/{model['name']}"
        upstream.answers(line, replies.later(replies.json_reply(model), pause))
    adapter = open_adapter(
        environment={"GEMINI_API_KEY": "key-of-google", "GEMINI_BASE_URL": upstream.base_url}
    )

    listed = await adapter.models_of("google_ai")

    assert ids(listed) == names


def google_model(name: str) -> Mapping[str, Any]:
    """An entry of Google's list."""
    return {
        "name": f"models/{name}",
        "inputTokenLimit": 30720,
        "supportedGenerationMethods": ["generateContent"],
    }


@requirement("PERF-07")
async def test_listings_that_begin_together_are_under_way_together(
    adapter: ListsModels, upstream: Upstream
) -> None:
    """One slow answer does not make everybody wait in line."""
    upstream.replies(replies.later(replies.model_list(["kimi-latest"]), PAUSE))

    listed = await asyncio.gather(*(adapter.list_models() for _ in range(LISTINGS)))

    assert len([models for models in listed if "kimi-latest" in ids(models)]) == LISTINGS
    assert under_way_together(list(upstream.exchanges))
