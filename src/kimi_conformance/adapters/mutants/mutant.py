"""
A client that is wrong on purpose, in one place.

A mutant is the reference adapter with one fault. It names the requirements that it breaks;
a check that no mutant fails has not been shown to assert anything. Where a fault can be put
depends on what it is about:

    the call        override the method of that name; `super()` does it soundly
    the wire        override `outgoing` or `incoming`; `doing` says for which call
    the cache       name another `cache_class`, a `SessionCache` with a fault
    the patience    override `pause`

What it has to remember it begins with in `begin`, which by itself may change nothing.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

from kimi_conformance.adapters.protocol import (
    ApplicationRun,
    Binding,
    CachingSession,
    ChatRequest,
    Chunk,
    Completion,
    Event,
    ModelConfig,
    ModelPerformance,
    Provider,
    Tracer,
    UsageTotals,
)
from kimi_conformance.adapters.reference import (
    LLMError,
    OnListFailure,
    ReferenceAdapter,
    RetryPolicy,
)
from kimi_conformance.adapters.reference.adapter import settings_reader
from kimi_conformance.adapters.reference.sessions import KimiSession, SessionCache
from kimi_conformance.adapters.reference.tools import CallTool
from kimi_conformance.http import httpx, ssl_context

__all__ = ["Mutant", "body_of", "name_of", "with_body"]

# A mutant waits a second for lists and caches where the reference waits five, or a hundred of
# them would wait for minutes. It counts turns of its loop and looks at no clock, so that a busy
# machine, which holds up the stage and the loop alike, does not look like silence.
PATIENCE = 50  # turns
TICK = 0.02  # seconds a turn


class Mutant:
    """Hands every call on to the sound adapter.

    Attributes:
        breaks: The requirements that it breaks, all of them.
        edition: The edition of the API in which it is judged.
        on_list_failure: What the sound adapter is told to show while the API is down.
        cache_class: What the sound adapter keeps its caches with.
        binding: As it was opened.
        doing: The call under way: "list_models", "chat", … or "" between calls.
        policy: By which the sound adapter sends a chat again.
        sound: The sound adapter.
    """

    breaks: ClassVar[frozenset[str]] = frozenset()
    edition: ClassVar[str] = "2025-09"
    on_list_failure: ClassVar[OnListFailure] = OnListFailure.HARDCODED
    cache_class: ClassVar[type[SessionCache]] = SessionCache

    def __init__(self, binding: Binding) -> None:
        self.binding = binding
        self.doing = ""
        self.read_settings = settings_reader(binding)
        self.settings = self.read_settings(binding.environment)
        self.policy = self.settings.retry
        object.__setattr__(self.settings, "retry", _Patience(self))
        self.sound = _Sound(self)
        self.begin()

    def begin(self) -> None:
        """Set what it remembers to its beginning."""

    @property
    def name(self) -> str:
        """As in reports."""
        return f"mutant:{name_of(type(self))}"

    @property
    def version(self) -> str:
        """That of the sound adapter."""
        return self.sound.version

    @property
    def capabilities(self) -> Collection[str]:
        """All: a mutant claims what it then does wrong."""
        return self.sound.capabilities

    def caches(self) -> bool | None:
        """Whether sessions make caches, or None: as the base URL says."""
        return self.binding.context_cache

    def new_cache(self, session_id: str, owners: dict[str, SessionCache]) -> SessionCache:
        """The cache of a session that is asked for the first time."""
        return self.cache_class(self.settings, session_id, owners, enabled=self.sound.makes_caches)

    def pause(self, attempt: int, error: LLMError) -> float:
        """As `RetryPolicy.pause`."""
        return self.policy.pause(attempt, error)

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """What is sent in place of a request."""
        return request

    async def incoming(self, response: httpx.Response) -> httpx.Response:
        """What the sound adapter is given in place of an answer."""
        return response

    async def carry(self, request: httpx.Request) -> httpx.Response:
        """Send a request of the sound adapter, and give its answer."""
        answer = await self.sound.network.handle_async_request(self.outgoing(request))
        return await self.incoming(answer)

    async def list_models(self) -> Sequence[ModelConfig]:
        """As the sound adapter."""
        with self._doing("list_models"):
            return await self.sound.list_models()

    def list_models_sync(self) -> Sequence[ModelConfig]:
        """As the sound adapter."""
        return self.sound.list_models_sync()

    def list_embedding_models_sync(self) -> Sequence[ModelConfig]:
        """As the sound adapter."""
        return self.sound.list_embedding_models_sync()

    async def fetch_models(self) -> Sequence[Mapping[str, Any]]:
        """As the sound adapter."""
        with self._doing("fetch_models"):
            return await self.sound.fetch_models()

    async def check_key(self) -> object:
        """As the sound adapter."""
        with self._doing("check_key"):
            await self.sound.check_key()
        return None

    def get_handle(self, model_name: str, **options: Any) -> str:
        """As the sound adapter."""
        return self.sound.get_handle(model_name, **options)

    async def resolve(self, handle: str) -> ModelConfig:
        """As the sound adapter."""
        return await self.sound.resolve(handle)

    async def list_providers(self, categories: Sequence[str] | None = None) -> Sequence[Provider]:
        """As the sound adapter."""
        return await self.sound.list_providers(categories)

    async def chat(self, request: ChatRequest) -> Completion:
        """As the sound adapter."""
        with self._doing("chat"):
            return await self.sound.chat(request)

    async def stream(self, request: ChatRequest) -> AsyncIterator[Chunk]:
        """As the sound adapter."""
        with self._doing("stream"):
            async for chunk in self.sound.stream(request):
                yield chunk

    async def chat_with_tools(self, request: ChatRequest, call_tool: CallTool) -> Completion:
        """As the sound adapter."""
        with self._doing("chat_with_tools"):
            return await self.sound.chat_with_tools(request, call_tool)

    def supports_structured_output(self, model: str | None) -> object:
        """As the sound adapter."""
        return self.sound.supports_structured_output(model)

    async def list_embedding_models(self) -> object:
        """As the sound adapter."""
        return await self.sound.list_embedding_models()

    def handle_llm_error(self, error: Exception) -> Exception:
        """As the sound adapter."""
        return self.sound.handle_llm_error(error)

    async def bring_provider(self, fields: Mapping[str, Any]) -> None:
        """As the sound adapter."""
        await self.sound.bring_provider(fields)

    async def models_of(self, provider: str) -> Sequence[ModelConfig]:
        """As the sound adapter."""
        with self._doing("models_of"):
            return await self.sound.models_of(provider)

    async def config_of(self, handle: str, **options: Any) -> ModelConfig:
        """As the sound adapter."""
        return await self.sound.config_of(handle, **options)

    async def model_for(
        self, handle: str | None = None, config: ModelConfig | None = None
    ) -> ModelConfig:
        """As the sound adapter."""
        return await self.sound.model_for(handle, config)

    async def diagnosis(self) -> str:
        """As the sound adapter."""
        return await self.sound.diagnosis()

    async def configure_model(self, handle: str, settings: Mapping[str, Any]) -> ModelConfig:
        """As the sound adapter."""
        return await self.sound.configure_model(handle, settings)

    async def suggest_models(self, **needs: Any) -> Sequence[ModelConfig]:
        """As the sound adapter."""
        return await self.sound.suggest_models(**needs)

    def compare_models(self) -> Sequence[ModelPerformance]:
        """As the sound adapter."""
        return self.sound.compare_models()

    def reload(self, environment: Mapping[str, str]) -> None:
        """As the sound adapter."""
        self.sound.reload(environment)

    def events(self) -> Sequence[Event]:
        """As the sound adapter."""
        return self.sound.events()

    def trace_with(self, tracer: Tracer) -> None:
        """As the sound adapter."""
        self.sound.trace_with(tracer)

    def usage(self) -> UsageTotals:
        """As the sound adapter."""
        return self.sound.usage()

    def go_offline(self) -> None:
        """As the sound adapter."""
        self.sound.go_offline()

    def go_online(self) -> None:
        """As the sound adapter."""
        self.sound.go_online()

    @property
    def current_model(self) -> ModelConfig | None:
        """As the sound adapter."""
        return self.sound.current_model

    async def switch_model(self, handle: str) -> ModelConfig:
        """As the sound adapter."""
        return await self.sound.switch_model(handle)

    async def ask(self, messages: Sequence[Mapping[str, Any]]) -> Completion:
        """As the sound adapter."""
        with self._doing("ask"):
            return await self.sound.ask(messages)

    def session(self, session_id: str) -> CachingSession:
        """As the sound adapter."""
        return self.sound.session(session_id)

    async def run_application(self, prompt: str) -> ApplicationRun:
        """As the sound adapter."""
        return await self.sound.run_application(prompt)

    async def aclose(self) -> None:
        """As the sound adapter."""
        await self.sound.aclose()

    @contextlib.contextmanager
    def _doing(self, call: str) -> Iterator[None]:
        self.doing = call
        try:
            yield
        finally:
            self.doing = ""


class _Patience(RetryPolicy):
    """Asks the mutant when to send a chat again."""

    def __init__(self, mutant: Mutant) -> None:
        super().__init__(**asdict(mutant.policy))
        object.__setattr__(self, "_mutant", mutant)

    def pause(self, attempt: int, error: LLMError) -> float:
        mutant: Mutant = self._mutant  # type: ignore[attr-defined]
        return mutant.pause(attempt, error)


class _Sound(ReferenceAdapter):
    """The reference adapter, its wire and its caches open to the mutant."""

    def __init__(self, mutant: Mutant) -> None:
        super().__init__(
            mutant.settings,
            mutant.binding.environment,
            read_settings=mutant.read_settings,
            on_list_failure=mutant.on_list_failure,
            context_cache=mutant.caches(),
            transport=_Wire(mutant),
            clock=mutant.binding.clock,
        )
        self._mutant = mutant
        self.network = httpx.AsyncHTTPTransport(verify=ssl_context())

    @property
    def makes_caches(self) -> bool:
        return self._caches

    def session(self, session_id: str) -> KimiSession:
        if session_id not in self._sessions:
            cache = self._mutant.new_cache(session_id, self._owners)
            self._sessions[session_id] = KimiSession(self._driver, cache)
        return self._sessions[session_id]


class _Wire(httpx.AsyncBaseTransport):
    """Carries requests by way of the mutant."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/chat/completions"):
            return await self._mutant.carry(request)
        request.extensions["timeout"] = {}
        carrying = asyncio.ensure_future(self._mutant.carry(request))
        try:
            for _ in range(PATIENCE):
                if (await asyncio.wait({carrying}, timeout=TICK))[0]:
                    return carrying.result()
        finally:  # also where the mutant's user does not wait for it
            carrying.cancel()
            await asyncio.wait({carrying})
        raise httpx.ReadTimeout("a mutant has little patience", request=request)

    async def aclose(self) -> None:
        await self._mutant.sound.network.aclose()


def name_of(mutant: type[Mutant]) -> str:
    """A mutant's name in options and reports.

    >>> class KeepsOpenAIModels(Mutant): ...
    >>> name_of(KeepsOpenAIModels)
    'keeps-open-ai-models'
    """
    words = re.findall(r"[0-9]+K?|[A-Z]+(?![a-z])|[A-Z][a-z]*", mutant.__name__)
    return "-".join(words).lower()


def with_body(request: httpx.Request, body: object) -> httpx.Request:
    """The same request with another JSON body."""
    headers = {name: value for name, value in request.headers.items() if name != "content-length"}
    content = json.dumps(body, ensure_ascii=False).encode()
    return httpx.Request(
        request.method,
        request.url,
        headers=headers,
        content=content,
        extensions=request.extensions,
    )


async def body_of(response: httpx.Response) -> tuple[httpx.Response, bytes]:
    """An answer's body, and the answer anew, since a body can be read once only."""
    data = await response.aread()
    headers = [
        (name, value)
        for name, value in response.headers.multi_items()
        if name not in {"content-length", "transfer-encoding", "content-encoding"}  # it is decoded
    ]
    return httpx.Response(response.status_code, headers=headers, content=data), data
