"""What a client says of models that make embeddings."""

from typing import Any

import pytest

from kimi_conformance.checks import Answer, Upstream, ids, needs, replies, requirement

CHAT_MODELS = ["moonshot-v1-8k", "kimi-latest"]


@requirement("EMBED-01")
@needs("models")
async def test_embedding_models_are_a_list_of_their_own(adapter: Any, upstream: Upstream) -> None:
    """A menu of embedding models shows none that would refuse to make one."""
    upstream.replies(replies.model_list(CHAT_MODELS))

    chat_models = await adapter.list_models()
    embedding_models = await adapter.list_embedding_models()

    assert isinstance(embedding_models, list)
    assert set(ids(chat_models)) & set(CHAT_MODELS)
    assert set(ids(embedding_models)).isdisjoint(ids(chat_models))


@requirement("EMBED-02")
@needs("models")
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(replies.server_error(), id="500"),
        pytest.param(replies.invalid_key(), id="401"),
    ],
)
async def test_embedding_models_are_told_whatever_the_state_of_the_api(
    answer: Answer, adapter: Any, upstream: Upstream
) -> None:
    """Whoever sets embeddings up is answered, and not thrown out by an outage."""
    upstream.replies(replies.model_list(CHAT_MODELS), answer)

    chat_models = await adapter.list_models()
    embedding_models = await adapter.list_embedding_models()

    assert set(ids(chat_models)) & set(CHAT_MODELS)
    assert isinstance(embedding_models, list)
