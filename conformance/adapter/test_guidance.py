"""What a client does for those who do not know what to choose."""

from collections.abc import Mapping
from typing import Any

import pytest

from kimi_conformance.checks import (
    Answer,
    ChatRequest,
    OpenAdapter,
    Request,
    SuggestsModels,
    Upstream,
    ids,
    replies,
    requirement,
)

SMALL, SEES, THINKS, SILENT = "moonshot-v1-8k", "kimi-latest", "kimi-k2.5", "kimi-k2-next"
OFFERED = replies.model_list(
    [
        {"id": SMALL, "context_length": 8192, "supports_image_in": False},
        {"id": SEES, "context_length": 131072, "supports_image_in": True},
        {"id": THINKS, "context_length": 262144, "supports_reasoning": True},
        {"id": SILENT, "context_length": 131072},
    ]
)
QUICK, SLOW = "moonshot-v1-8k", "kimi-k2.5"


def in_its_own_time(request: Request) -> Answer:
    """An answer that takes the slow model a while."""
    return replies.later(replies.completion(), seconds=0.3 if request.json["model"] == SLOW else 0)


@requirement("UX-07")
async def test_who_has_set_nothing_up_gets_lettas_free_model(
    open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """A developer can begin before there is a key, and before anything costs anything."""
    model = await open_adapter(api_key=None, environment={}).model_for()

    assert model.handle == "letta/letta-free"
    assert upstream.requests == ()


@requirement("UX-05")
@pytest.mark.parametrize(
    ("need", "fitting"),
    [
        pytest.param({}, {SMALL, SEES, THINKS, SILENT}, id="nothing in particular"),
        pytest.param({"context_window": 8192}, {SMALL, SEES, THINKS, SILENT}, id="just enough"),
        pytest.param({"context_window": 8193}, {SEES, THINKS, SILENT}, id="a window"),
        pytest.param({"vision": True}, {SEES}, id="images"),
        pytest.param({"reasoning": True}, {THINKS}, id="reasoning"),
        pytest.param({"vision": True, "context_window": 200000}, set(), id="too much at once"),
    ],
)
async def test_who_names_a_need_is_told_the_models_that_meet_it(
    need: Mapping[str, Any], fitting: set[str], adapter: SuggestsModels, upstream: Upstream
) -> None:
    """A newcomer is spared the model whose first answer would be a refusal."""
    upstream.replies(OFFERED)

    told = await adapter.suggest_models(**need)

    assert upstream.sent("GET /v1/models")
    assert sorted(ids(told)) == sorted(fitting)


@requirement("UX-06")
@pytest.mark.usefixtures("timed")
async def test_the_performance_of_models_can_be_compared(adapter: Any, upstream: Upstream) -> None:
    """A user who waits too long sees which model would be quicker, by the work already done."""
    upstream.replies(in_its_own_time)

    for model in (SLOW, QUICK, QUICK):
        await adapter.chat(ChatRequest(model=model, messages=[{"role": "user", "content": "Hi"}]))

    [quick, slow] = adapter.compare_models()
    assert [(each.model, each.calls) for each in (quick, slow)] == [(QUICK, 2), (SLOW, 1)]
    assert slow.mean_s >= 0.25
