"""
Adapters: clients of the Kimi API, as the checks see them.

- `protocol` says what an adapter is, `failures` reads what it raises;
- `registry` finds one by the name that a user gave;
- `reference` is our own client, `openai_python` the bridge to the official OpenAI SDK;
- the rest are wrong or empty on purpose, to try the checks on.

Only what an author of an adapter needs is imported here, and none of it imports a client.
"""

from kimi_conformance.adapters.failures import Failure, failing, failure_of
from kimi_conformance.adapters.protocol import (
    CAPABILITIES,
    Adapter,
    AdapterFactory,
    Binding,
    CachesContext,
    CachingSession,
    ChatRequest,
    Chats,
    ChecksKey,
    Chunk,
    Clock,
    Completion,
    FetchesModels,
    ListsModels,
    ListsModelsSync,
    ModelConfig,
    NamesHandles,
    Provider,
    ProvidesModels,
    ResolvesHandles,
    StreamsChat,
    SystemClock,
)

__all__ = [
    "CAPABILITIES",
    "Adapter",
    "AdapterFactory",
    "Binding",
    "CachesContext",
    "CachingSession",
    "ChatRequest",
    "Chats",
    "ChecksKey",
    "Chunk",
    "Clock",
    "Completion",
    "Failure",
    "FetchesModels",
    "ListsModels",
    "ListsModelsSync",
    "ModelConfig",
    "NamesHandles",
    "Provider",
    "ProvidesModels",
    "ResolvesHandles",
    "StreamsChat",
    "SystemClock",
    "failing",
    "failure_of",
]
