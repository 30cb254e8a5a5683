"""
What an adapter is: a client of the Kimi API, as a check sees it.

An adapter is opened with a `Binding` by a factory and serves some of the capabilities below,
one small protocol each. It need not import or inherit anything from here: what counts is
the methods' names and what they return. A bridge to somebody's client hands each call on
and repairs nothing: no retry, default or dropped field of its own.

A method that fails raises. Its error is read by name, see `failures`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

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
]


class Clock(Protocol):
    """Time as an adapter may use it, so that a check can move it."""

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The time of the machine."""

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait, and let other tasks run."""
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """All that an adapter is told about where it runs.

    Attributes:
        base_url: Of the API, version segment included: "http://127.0.0.1:4010/v1". None
            leaves it to the client's own settings and default.
        api_key: None leaves it to the client's own settings; "" is an empty key.
        environment: The environment variables that the client may read; nothing else of
            the process's environment belongs to the check.
        clock: The time.
        context_cache: True asks the client to treat `base_url` as the official host for
            explicit context caching; None leaves the client's own rule.
        patience: Seconds of silence after which the client is asked to give up; None leaves
            the client's own limit.
    """

    base_url: str | None = None
    api_key: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    clock: Clock = field(default_factory=SystemClock)
    context_cache: bool | None = None
    patience: float | None = None


@runtime_checkable
class Adapter(Protocol):
    """The part that every adapter has."""

    @property
    def name(self) -> str:
        """The client's name, as in reports: "openai"."""
        ...

    @property
    def version(self) -> str:
        """The client's own version."""
        ...

    @property
    def capabilities(self) -> Collection[str]:
        """The capabilities that the client claims, keys of `CAPABILITIES`."""
        ...

    async def aclose(self) -> None:
        """Release connections; called once, also after a failure."""
        ...


AdapterFactory = Callable[[Binding], Adapter]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """A model as a client shows it to its users; None where the client has no such notion.

    Attributes:
        id: The API's model id.
        context_window: Tokens that prompt and answer may have together.
        handle: "provider/model".
        endpoint: The base URL that chats with this model go to.
        endpoint_type: The dialect spoken there: "openai" or "kimi".
        provider_name: "kimi".
        provider_category: "base" (from the environment) or "byok" (brought by a user).
    """

    id: str
    context_window: int | None = None
    handle: str | None = None
    endpoint: str | None = None
    endpoint_type: str | None = None
    provider_name: str | None = None
    provider_category: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A source of models that a client has enabled."""

    name: str
    category: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """What a user asks; `options` are further fields of the request body, as they stand."""

    model: str
    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A whole answer.

    Attributes:
        body: The decoded JSON as the client hands it on, unknown fields included.
    """

    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One event of a streamed answer.

    Attributes:
        at: Seconds since the request was sent, on a monotonic clock.
        body: The decoded JSON as received, unknown fields included.
    """

    at: float
    body: Mapping[str, Any]


class ListsModels(Protocol):
    """Capability `models`; with `model_filter`, `context_windows`, `model_fallback` as claimed."""

    async def list_models(self) -> Sequence[ModelConfig]:
        """The models that a user can choose from."""
        ...


class ListsModelsSync(Protocol):
    """Capability `models_sync`: the same list for callers that are not asynchronous."""

    def list_models_sync(self) -> Sequence[ModelConfig]:
        """The models that a user can choose from; also callable inside a running loop."""
        ...


class FetchesModels(Protocol):
    """Capability `model_fetch`: the listing without filter and without fallback."""

    async def fetch_models(self) -> Sequence[Mapping[str, Any]]:
        """The entries of the API's answer, as they came.

        Raises:
            Exception: Whatever went wrong; here nothing is hidden by a fallback.
        """
        ...


class ChecksKey(Protocol):
    """Capability `key_check`."""

    async def check_key(self) -> None:
        """Return if the API accepts the key, raise if not or if that cannot be told."""
        ...


class NamesHandles(Protocol):
    """Capability `handles`."""

    def get_handle(
        self, model_name: str, is_embedding: bool = False, base_name: str | None = None
    ) -> str:
        """The handle "provider/model" of a model."""
        ...


class ResolvesHandles(Protocol):
    """Capability `handle_resolution`."""

    async def resolve(self, handle: str) -> ModelConfig:
        """The model that a handle names."""
        ...


class ProvidesModels(Protocol):
    """Capability `providers`."""

    async def list_providers(self, categories: Sequence[str] | None = None) -> Sequence[Provider]:
        """The enabled providers, in order; None means every category."""
        ...


class Chats(Protocol):
    """Capability `chat`."""

    async def chat(self, request: ChatRequest) -> Completion:
        """Send the request and wait for the whole answer."""
        ...


class StreamsChat(Protocol):
    """Capability `streaming`."""

    def stream(self, request: ChatRequest) -> AsyncIterator[Chunk]:
        """Send the request with `stream: true` and yield each chunk as it arrives."""
        ...


class CachingSession(Protocol):
    """A conversation whose system message and tools are cached by the API."""

    @property
    def cache_id(self) -> str | None:
        """The cache in use, or None."""
        ...

    async def chat(self, request: ChatRequest) -> Completion:
        """Send the request, with the cache where it matches, without where it does not."""
        ...


class CachesContext(Protocol):
    """Capability `context_cache`: explicit caching through `/v1/caching`.

    `aclose` of the adapter is the full exit at which caches are deleted.
    """

    def session(self, session_id: str) -> CachingSession:
        """The session of this id, the same one at every call."""
        ...


CAPABILITIES: Mapping[str, str] = {
    "models": "lists the models of the API",
    "models_sync": "lists them for synchronous callers too",
    "model_fetch": "gives the API's list as it came, or raises",
    "model_filter": "keeps only Kimi's own models",
    "context_windows": "knows each model's context window",
    "model_fallback": "shows the documented table while the API is down",
    "key_check": "tells whether a key is accepted",
    "handles": "names models by provider/model",
    "handle_resolution": "finds the model that a handle names",
    "providers": "lists the enabled providers",
    "provider_errors": "raises the documented errors: LLMError and its kinds, ValueError",
    "chat": "gets a whole answer",
    "streaming": "gets an answer chunk by chunk",
    "context_cache": "caches the start of a conversation through /v1/caching",
    "in_process": "sends through httpx in this process, so that respx sees the official host",
}
