"""
What an adapter is: a client of the Kimi API, as a check sees it.

An adapter is opened with a `Binding` by a factory and serves some of the capabilities below,
one small protocol each. It need not import or inherit anything from here: what counts is
the methods' names and what they return. A bridge to somebody's client hands each call on
and repairs nothing: no retry, default or dropped field of its own.

A method that fails raises. Its error is read by name, see `failures`.

Long because whoever writes an adapter reads it in one go: all capabilities, and the values that
they take and give.
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
    "ApplicationRun",
    "Binding",
    "CachesConfigs",
    "CachesContext",
    "CachingSession",
    "CallsTools",
    "ChatRequest",
    "Chats",
    "ChecksKey",
    "ChoosesModels",
    "Chunk",
    "Clock",
    "ComparesModels",
    "Completion",
    "ConfiguresModels",
    "CountsUsage",
    "Diagnoses",
    "Event",
    "FetchesModels",
    "HandlesErrors",
    "ListsEmbeddings",
    "ListsEmbeddingsSync",
    "ListsModels",
    "ListsModelsSync",
    "ModelConfig",
    "ModelPerformance",
    "NamesHandles",
    "Provider",
    "ProvidesModels",
    "ReloadsSettings",
    "ReportsEvents",
    "ResolvesHandles",
    "RunsApplication",
    "ServesProviders",
    "Span",
    "StreamsChat",
    "StructuresOutput",
    "SuggestsModels",
    "SwitchesModels",
    "SystemClock",
    "Tracer",
    "TracesCalls",
    "UsageTotals",
    "WorksOffline",
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
        attempts: How often the client is asked to send a chat that fails before it gives up,
            the first time included; None leaves the client's own limit.
        edition: The API as of which date the client faces: "2026-09". For clients that come
            with a table of models for each; one that ships a single table ignores it, and
            then keeps to the editions that its table fits. None leaves the client's own.
    """

    base_url: str | None = None
    api_key: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    clock: Clock = field(default_factory=SystemClock)
    context_cache: bool | None = None
    patience: float | None = None
    attempts: int | None = None
    edition: str | None = None


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
"""Opens an adapter; what `--adapter` names."""


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
        max_tokens: The longest answer that was configured, in tokens.
        max_reasoning_tokens: The same for reasoning.
        enable_reasoner: Whether the model is to reason.
    """

    id: str
    context_window: int | None = None
    handle: str | None = None
    endpoint: str | None = None
    endpoint_type: str | None = None
    provider_name: str | None = None
    provider_category: str | None = None
    max_tokens: int | None = None
    max_reasoning_tokens: int | None = None
    enable_reasoner: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A source of models that a client has enabled; None where there is no such thing.

    Attributes:
        name: "kimi"; the first part of its models' handles.
        category: "base" (from the environment) or "byok" (brought by a user).
        type: What kind of API it is: "kimi", "openai", "google_ai".
    """

    name: str
    category: str
    type: str | None = None
    id: str | None = None
    api_key: str | None = field(default=None, repr=False)
    base_url: str | None = None
    access_key: str | None = field(default=None, repr=False)
    region: str | None = None
    api_version: str | None = None
    organization_id: str | None = None
    updated_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """What a user asks; `options` are further fields of the request body, as they stand.

    `allowed_tools` names those of `tools` that the model may see this time (capability
    `tool_filter`); None or nothing named allows all. `endpoint` is the base URL that the
    model's configuration names (capability `model_endpoint`); None leaves it to the settings.
    """

    model: str
    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    allowed_tools: Collection[str] | None = None
    endpoint: str | None = None


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


class HandlesErrors(Protocol):
    """Capability `error_handler`."""

    def handle_llm_error(self, error: Exception) -> Exception:
        """The client's own error that this one stands for; returned, not raised."""
        ...


class CallsTools(Protocol):
    """Capability `tool_calls`."""

    async def chat_with_tools(
        self, request: ChatRequest, call_tool: Callable[[str, str], str]
    ) -> Completion:
        """Chat until an answer calls no tool, and give that one.

        Args:
            request: The first one; its `tools` are offered every time.
            call_tool: Given a tool's name and its arguments (JSON, as the model wrote it),
                gives the result.
        """
        ...


class StructuresOutput(Protocol):
    """Capability `structured_output`."""

    def supports_structured_output(self, model: str | None) -> bool:
        """Whether the client counts on this model to keep to a schema."""
        ...


class ListsEmbeddings(Protocol):
    """Capability `embeddings`."""

    async def list_embedding_models(self) -> Sequence[ModelConfig]:
        """The models that make embeddings; none is a good answer."""
        ...


class ServesProviders(Protocol):
    """Capability `other_providers`: Kimi is one of several sources of models."""

    async def bring_provider(self, fields: Mapping[str, Any]) -> None:
        """Add a provider that a user brings.

        Args:
            fields: By the names of the documents: name, provider_type, provider_category,
                api_key, base_url, …

        Raises:
            ValueError: A field is missing, or its value is none of those known.
        """
        ...

    async def models_of(self, provider: str) -> Sequence[ModelConfig]:
        """The models of the enabled provider of this name.

        Raises:
            ValueError: There is none.
        """
        ...


class CachesConfigs(Protocol):
    """Capability `config_cache`."""

    async def config_of(
        self,
        handle: str,
        *,
        context_window_limit: int | None = None,
        max_tokens: int | None = None,
        max_reasoning_tokens: int | None = None,
        enable_reasoner: bool | None = None,
    ) -> ModelConfig:
        """The configuration of the model that a handle names, looked up once."""
        ...


class ChoosesModels(Protocol):
    """Capability `default_model`."""

    async def model_for(
        self, handle: str | None = None, config: ModelConfig | None = None
    ) -> ModelConfig:
        """The model to work with: the configuration given, else the one that the handle names.

        Without either, the handle is the default one, LETTA_DEFAULT_LLM_HANDLE.
        """
        ...


class Diagnoses(Protocol):
    """Capability `diagnosis`."""

    async def diagnosis(self) -> str:
        """What somebody needs to know to whom Kimi's models do not show.

        For people, line by line: the disable flag, whether there is a key and whether the API
        accepts it, how many Kimi providers there are, the state of the network, and which
        models the API has added to or taken from those that the client knows. No key is in it.
        """
        ...


class ConfiguresModels(Protocol):
    """Capability `model_overrides`: a user says what goes before what the API says of a model."""

    async def configure_model(self, handle: str, settings: Mapping[str, Any]) -> ModelConfig:
        """Change how a model is configured, from now on; the configuration that comes of it.

        Args:
            handle: The model's.
            settings: `context_window` and `max_tokens`, in tokens; None takes one back.

        Raises:
            ValueError: There is no such setting, it does not take the value, or the window
                would be larger than the API says; all stays as it was.
        """
        ...


class SuggestsModels(Protocol):
    """Capability `model_choice`."""

    async def suggest_models(
        self, *, context_window: int | None = None, vision: bool = False, reasoning: bool = False
    ) -> Sequence[ModelConfig]:
        """The models on offer that meet a need, the best one first; none where none does.

        Args:
            context_window: Tokens that the model must hold at least.
            vision: Whether it must take images.
            reasoning: Whether it must show its reasoning.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPerformance:
    """How the calls of a client to one model fared.

    Attributes:
        model: Its id.
        calls: How many were answered in whole.
        mean_s: From sending to the end of the answer, on the average, in seconds.
        completion_tokens: What they answered, all of them together.
    """

    model: str
    calls: int
    mean_s: float
    completion_tokens: int


class ComparesModels(Protocol):
    """Capability `model_comparison`."""

    def compare_models(self) -> Sequence[ModelPerformance]:
        """The models that were asked so far, the quickest one first."""
        ...


class ReloadsSettings(Protocol):
    """Capability `hot_reload`."""

    def reload(self, environment: Mapping[str, str]) -> None:
        """Take these variables in place of those from the start; calls under way go on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that a client tells of a call: "llm_request_sent", and what belongs to it."""

    name: str
    attributes: Mapping[str, Any]


class ReportsEvents(Protocol):
    """Capability `telemetry`."""

    def events(self) -> Sequence[Event]:
        """What has happened so far, oldest first."""
        ...


class Span(Protocol):
    """A stretch of time with a name; the part of OpenTelemetry's span that is used."""

    def end(self, end_time: int | None = None) -> None:
        """It is over."""
        ...


class Tracer(Protocol):
    """What opens spans; the part of OpenTelemetry's tracer that is used."""

    def start_span(self, name: str) -> Span:
        """Open a span."""
        ...


class TracesCalls(Protocol):
    """Capability `tracing`."""

    def trace_with(self, tracer: Tracer) -> None:
        """Open a span around each call from now on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageTotals:
    """What all calls of a client together have used, in tokens."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    step_count: int = 0


class CountsUsage(Protocol):
    """Capability `usage_statistics`."""

    def usage(self) -> UsageTotals:
        """The sums over all answers so far; `step_count` is how many there were."""
        ...


class WorksOffline(Protocol):
    """Capability `offline`."""

    def go_offline(self) -> None:
        """Send nothing from now on; what has been listed can still be seen."""
        ...

    def go_online(self) -> None:
        """Send again."""
        ...


class SwitchesModels(Protocol):
    """Capability `model_switch`."""

    @property
    def current_model(self) -> ModelConfig | None:
        """The model that questions go to, or None: none has been chosen."""
        ...

    async def switch_model(self, handle: str) -> ModelConfig:
        """Put questions to the model of this handle from now on."""
        ...

    async def ask(self, messages: Sequence[Mapping[str, Any]]) -> Completion:
        """Put a question to the current model."""
        ...


class ListsEmbeddingsSync(Protocol):
    """Capability `embeddings_sync`: the same list for callers that are not asynchronous."""

    def list_embedding_models_sync(self) -> Sequence[ModelConfig]:
        """The models that make embeddings; also callable inside a running loop."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationRun:
    """How a run of a finished application ended, and all that its user saw of it.

    Attributes:
        exit_code: Negative where a signal ended it; None where its time was over.
        output: What it printed.
        errors: What it printed to standard error.
    """

    exit_code: int | None
    output: str
    errors: str


class RunsApplication(Protocol):
    """Capability `application`: it chooses model and messages itself, and prints the answer."""

    async def run_application(self, prompt: str) -> ApplicationRun:
        """Have it answer this, from its start to its end."""
        ...


CAPABILITIES: Mapping[str, str] = {
    "models": "lists the models of the API",
    "models_sync": "lists them for synchronous callers too",
    "model_fetch": "gives the API's list as it came, or raises",
    "model_filter": "keeps only Kimi's own models",
    "context_windows": "knows each model's context window",
    "model_fallback": "shows a table of models while the API is down",
    "key_check": "tells whether a key is accepted",
    "handles": "names models by provider/model",
    "handle_resolution": "finds the model that a handle names",
    "providers": "lists the enabled providers",
    "provider_errors": "raises the documented errors: LLMError and its kinds, ValueError",
    "chat": "gets a whole answer",
    "streaming": "gets an answer chunk by chunk",
    "error_handler": "names its own error for any that is handed to it",
    "retry": "sends a chat again where that may help, with the documented backoff",
    "tool_filter": "offers the model only the tools that are allowed",
    "tool_calls": "calls the tools that an answer asks for, and hands on what they gave",
    "structured_output": "tells which models keep to a schema",
    "multimodal": "sends images and other parts as they were given",
    "embeddings": "lists the models that make embeddings",
    "embeddings_sync": "lists them for synchronous callers too",
    "other_providers": "knows other providers than Kimi, and those that users bring",
    "openai_filter": "leaves models that do not chat out of OpenAI's own list",
    "settings": "takes key and base URL from its settings, else from the environment",
    "model_endpoint": "sends a chat to the base URL that the model's configuration names",
    "default_model": "has a model for those who name none",
    "config_cache": "looks a model's configuration up once",
    "diagnosis": "tells what is set up and what is not",
    "hot_reload": "takes changed settings without a restart",
    "model_overrides": "lets its user say what goes before the API's word on a model",
    "model_choice": "names the models that meet a need",
    "model_comparison": "tells how its calls fared, model by model",
    "telemetry": "tells of each call before and after it",
    "call_log": "logs each call through the logging of this process",
    "tracing": "opens a span around each call",
    "usage_statistics": "adds up what its calls have used",
    "offline": "can be switched offline and back",
    "model_switch": "moves a conversation to another model",
    "context_cache": "caches the start of a conversation through /v1/caching",
    "application": "is a finished application: prints the answer to what its user asks",
    "in_process": "sends through httpx in this process, so that respx sees the official host",
}
"""What an adapter may claim, each with what it then does."""
