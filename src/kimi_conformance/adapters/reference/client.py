"""
The two clients: the same operations, asynchronous and not.

    async with KimiClient(KimiSettings.from_environment(os.environ)) as client:
        model = await client.resolve("kimi/moonshot-v1-8k")
        answer = await client.chat(ChatRequest(model=model.id, messages=[…]))

One call sends one request. A chat whose answer does not come, or cannot be used, is sent again
as `settings.retry` says.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from kimi_conformance.adapters.protocol import (
    ChatRequest,
    Chunk,
    Clock,
    Completion,
    ModelConfig,
    Provider,
    SystemClock,
)
from kimi_conformance.adapters.reference import models, operations
from kimi_conformance.adapters.reference.drivers import AsyncDriver, SyncDriver
from kimi_conformance.adapters.reference.errors import LLMError
from kimi_conformance.adapters.reference.handling import handle_llm_error
from kimi_conformance.adapters.reference.operations import OnListFailure
from kimi_conformance.adapters.reference.sessions import (
    KimiSession,
    SessionCache,
    SyncKimiSession,
)
from kimi_conformance.adapters.reference.settings import KimiSettings
from kimi_conformance.adapters.reference.tools import CallTool
from kimi_conformance.http import httpx

__all__ = ["KimiClient", "SyncKimiClient"]


class KimiClient:
    """Asks the Kimi API; for one event loop.

    Args:
        settings: Where the API is, and with which key to ask it.
        on_list_failure: What `list_models` shows while the API's list cannot be had.
        context_cache: Whether sessions make explicit caches. None: with the documented
            API, https://api.moonshot.cn/v1, and no other.
        transport: What carries the requests, or None: the network.
        clock: The time, for waits between attempts.
    """

    def __init__(
        self,
        settings: KimiSettings,
        *,
        on_list_failure: OnListFailure = OnListFailure.HARDCODED,
        context_cache: bool | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings
        self.on_list_failure = on_list_failure
        self._context_cache = context_cache
        self._driver = AsyncDriver(transport, (clock or SystemClock()).sleep)
        self._sessions: dict[str, KimiSession] = {}
        self._owners: dict[str, SessionCache] = {}

    async def list_models(self) -> Sequence[ModelConfig]:
        """The models that a user can choose from: Kimi's own, with their windows.

        With the usual `on_list_failure` it never raises: the documented models stand in,
        with a warning that says why.
        """
        return await self._driver.run(operations.list_models(self.settings, self.on_list_failure))

    async def fetch_models(self) -> Sequence[Mapping[str, Any]]:
        """The entries of the API's list, as they came.

        Raises:
            ValueError: There is no key, or it cannot be sent.
            LLMError: The API refused, or what it answered is no list of models.
        """
        return await self._driver.run(operations.fetch_models(self.settings))

    async def check_key(self) -> None:
        """Return if the API accepts the key.

        Raises:
            ValueError: There is no key, or it cannot be sent.
            LLMAuthenticationError: The API does not accept it.
            LLMError: It cannot be told.
        """
        await self._driver.run(operations.check_key(self.settings))

    def get_handle(
        self, model_name: str, is_embedding: bool = False, base_name: str | None = None
    ) -> str:
        """The handle "kimi/model" of a model."""
        return models.get_handle(model_name, is_embedding, base_name)

    async def resolve(self, handle: str) -> ModelConfig:
        """The model that a handle names.

        Raises:
            ValueError: The handle names no provider, or one that is not enabled.
            HandleNotFoundError: The provider has no such model.
        """
        return await self._driver.run(
            operations.resolve(self.settings, handle, self.on_list_failure)
        )

    async def list_providers(self, categories: Sequence[str] | None = None) -> Sequence[Provider]:
        """The enabled providers; None, or no category at all, means every category."""
        return operations.enabled_providers(self.settings, categories)

    async def chat(self, request: ChatRequest) -> Completion:
        """A whole answer.

        Raises:
            ValueError: There is no key, or the request cannot be sent as it stands.
            LLMError: The API refused, or its answer cannot be read.
        """
        return await self._driver.run(operations.chat(self.settings, request, {}))

    async def chat_with_tools(self, request: ChatRequest, call_tool: CallTool) -> Completion:
        """The first answer that calls no tool; the tools called before it are run.

        Args:
            request: The question; its tools are offered with every request that follows. A
                tool that it forces upon the model is forced once.
            call_tool: Given name and arguments (JSON, as the model wrote it), gives the result.

        Raises:
            LLMError: As for `chat`, or the model calls tools for ever.
            Exception: Whatever `call_tool` raises.
        """
        return await self._driver.run(operations.chat_with_tools(self.settings, request, call_tool))

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """An answer chunk by chunk, each as it arrives.

        To leave before the end, close it: `async with contextlib.aclosing(client.stream(…))`.

        Raises:
            ValueError: There is no key, or the request cannot be sent as it stands.
            LLMError: The API refused, or a chunk cannot be read.
            LLMConnectionError: The stream broke off, or ended without saying so; what had
                come by then has been given.
        """
        asked = operations.stream(self.settings, request, {})
        async with contextlib.aclosing(self._driver.stream(*asked)) as chunks:
            async for chunk in chunks:
                yield chunk

    def session(self, session_id: str) -> KimiSession:
        """The session of this id, the same one at every call."""
        if session_id not in self._sessions:
            cache = SessionCache(self.settings, session_id, self._owners, enabled=self._caches)
            self._sessions[session_id] = KimiSession(self._driver, cache)
        return self._sessions[session_id]

    @property
    def _caches(self) -> bool:
        """Whether sessions make caches with the settings of now."""
        return self.settings.official if self._context_cache is None else self._context_cache

    def supports_structured_output(self, model: str | None) -> bool:
        """Whether a model is counted on to keep to a schema."""
        return models.supports_structured_output(model)

    async def list_embedding_models(self) -> Sequence[ModelConfig]:
        """The models that make embeddings: none, the API does not offer any."""
        return []

    def handle_llm_error(self, error: Exception) -> LLMError:
        """The LLM error that any error stands for, with that one as its cause."""
        return handle_llm_error(error, self.settings.api_key or "")

    async def aclose(self) -> None:
        """Delete the caches of all sessions, and close the connections."""
        try:
            await asyncio.gather(*(session.leave() for session in self._sessions.values()))
        finally:
            await self._driver.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


class SyncKimiClient:
    """The same for callers that are not asynchronous; threads may share it.

    See `KimiClient` for its arguments, and for what each method gives and raises. `sleep`
    waits so many seconds between attempts.
    """

    def __init__(
        self,
        settings: KimiSettings,
        *,
        on_list_failure: OnListFailure = OnListFailure.HARDCODED,
        context_cache: bool | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.settings = settings
        self.on_list_failure = on_list_failure
        self._caches = settings.official if context_cache is None else context_cache
        self._driver = SyncDriver(transport, sleep)
        self._sessions: dict[str, SyncKimiSession] = {}
        self._owners: dict[str, SessionCache] = {}

    def list_models(self) -> Sequence[ModelConfig]:
        """The models that a user can choose from."""
        return self._driver.run(operations.list_models(self.settings, self.on_list_failure))

    def fetch_models(self) -> Sequence[Mapping[str, Any]]:
        """The entries of the API's list, as they came."""
        return self._driver.run(operations.fetch_models(self.settings))

    def check_key(self) -> None:
        """Return if the API accepts the key."""
        self._driver.run(operations.check_key(self.settings))

    def get_handle(
        self, model_name: str, is_embedding: bool = False, base_name: str | None = None
    ) -> str:
        """The handle "kimi/model" of a model."""
        return models.get_handle(model_name, is_embedding, base_name)

    def resolve(self, handle: str) -> ModelConfig:
        """The model that a handle names."""
        return self._driver.run(operations.resolve(self.settings, handle, self.on_list_failure))

    def list_providers(self, categories: Sequence[str] | None = None) -> Sequence[Provider]:
        """The enabled providers."""
        return operations.enabled_providers(self.settings, categories)

    def chat(self, request: ChatRequest) -> Completion:
        """A whole answer."""
        return self._driver.run(operations.chat(self.settings, request, {}))

    def chat_with_tools(self, request: ChatRequest, call_tool: CallTool) -> Completion:
        """The first answer that calls no tool; the tools called before it are run."""
        return self._driver.run(operations.chat_with_tools(self.settings, request, call_tool))

    def stream(self, request: ChatRequest) -> Iterator[Chunk]:
        """An answer chunk by chunk, each as it arrives."""
        yield from self._driver.stream(*operations.stream(self.settings, request, {}))

    def session(self, session_id: str) -> SyncKimiSession:
        """The session of this id, the same one at every call."""
        cache = SessionCache(self.settings, session_id, self._owners, enabled=self._caches)
        return self._sessions.setdefault(session_id, SyncKimiSession(self._driver, cache))

    def supports_structured_output(self, model: str | None) -> bool:
        """Whether a model is counted on to keep to a schema."""
        return models.supports_structured_output(model)

    def list_embedding_models(self) -> Sequence[ModelConfig]:
        """The models that make embeddings: none, the API does not offer any."""
        return []

    def handle_llm_error(self, error: Exception) -> LLMError:
        """The LLM error that any error stands for, with that one as its cause."""
        return handle_llm_error(error, self.settings.api_key or "")

    def close(self) -> None:
        """Delete the caches of all sessions, and close the connections."""
        try:
            for session in list(self._sessions.values()):
                session.leave()
        finally:
            self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
