"""What a client says of models that make embeddings."""

from typing import Any

from kimi_conformance.checks import Upstream, ids, replies, requirement

CHAT_MODELS = ["moonshot-v1-8k", "kimi-latest"]


@requirement("EMBED-01")
async def test_embedding_models_are_a_list_of_their_own(adapter: Any, upstream: Upstream) -> None:
    """A menu of embedding models shows none that would refuse to make one."""
    upstream.replies(replies.model_list(CHAT_MODELS))

    chat_models = await adapter.list_models()
    embedding_models = await adapter.list_embedding_models()

    assert ids(chat_models) == CHAT_MODELS
    assert isinstance(embedding_models, list)
    assert set(ids(embedding_models)).isdisjoint(CHAT_MODELS)
