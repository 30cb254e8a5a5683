"""What becomes of a client when the API changes."""

import pytest

from kimi_conformance.checks import (
    DOCUMENTED_WINDOWS,
    ChatRequest,
    Diagnoses,
    OpenAdapter,
    Upstream,
    replies,
    requirement,
)

GREETING = ChatRequest(model="moonshot-v1-8k", messages=[{"role": "user", "content": "Hello"}])


@requirement("APICHG-02")
async def test_the_version_that_is_asked_is_the_one_in_the_base_url(
    open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """A user can move to the next version of the API on the day it comes."""
    upstream.replies(replies.completion())
    next_version = upstream.base_url.removesuffix("/v1") + "/v2"

    await open_adapter(base_url=next_version).chat(GREETING)

    assert [sent.path for sent in upstream.requests] == ["/v2/chat/completions"]


GONE, NEW = "moonshot-v1-8k", "kimi-k9"
LISTED = [*(id for id in DOCUMENTED_WINDOWS if id != GONE), NEW]


@requirement("APICHG-03")
@pytest.mark.parametrize(
    "changed", [pytest.param(GONE, id="retired"), pytest.param(NEW, id="added")]
)
async def test_the_diagnosis_names_a_model_that_has_come_or_gone(
    changed: str, adapter: Diagnoses, upstream: Upstream
) -> None:
    """Whoever finds a model missing from the menu learns that the API has retired it."""
    upstream.replies(replies.model_list(LISTED))

    told = await adapter.diagnosis()

    assert changed in told
