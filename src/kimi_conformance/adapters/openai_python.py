"""
The bridge to the official OpenAI SDK for Python, as users point it at Kimi.

It hands each call on and repairs nothing. What the SDK does of itself is left as it is: two
retries, ten minutes of patience, redirections followed. What it does not offer is not
claimed: listing models is no check of a key, and there are no windows, handles or caches.

Bodies are the SDK's objects by `to_dict()`, which leaves out every field that the API did
not send, so absent stays absent; fields that the SDK does not know are in them.

Of the process's environment the SDK sees nothing: while its client is made, the variables
that begin with OPENAI_ are those of the binding, and proxies are not looked for.
"""

import contextlib
import importlib
import inspect
import os
import threading
import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any

from kimi_conformance.adapters.protocol import (
    Binding,
    ChatRequest,
    Chunk,
    Completion,
    ModelConfig,
)
from kimi_conformance.errors import UsageError

if TYPE_CHECKING:
    import openai

__all__ = ["OpenAIAdapter", "open_adapter"]

_PREFIX = "OPENAI_"
_environment_in_use = threading.Lock()


class OpenAIAdapter:
    """Serves what the SDK itself offers."""

    name = "openai"
    capabilities = ("models", "model_fetch", "chat", "streaming", "multimodal")

    def __init__(self, sdk: ModuleType, binding: Binding) -> None:
        self._sdk = sdk
        self._binding = binding
        self.version: str = sdk.__version__

    async def list_models(self) -> Sequence[ModelConfig]:
        """The models, by their ids alone: the SDK knows no more of them."""
        return [ModelConfig(id=model.id) async for model in self._client.models.list()]

    async def fetch_models(self) -> Sequence[Mapping[str, Any]]:
        """The entries of the list."""
        return [_dict(model) async for model in self._client.models.list()]

    async def chat(self, request: ChatRequest) -> Completion:
        """A whole answer."""
        create: Any = self._client.chat.completions.create
        return Completion(body=_dict(await create(**_arguments(create, request))))

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """An answer chunk by chunk."""
        create: Any = self._client.chat.completions.create
        started = time.perf_counter()
        async with await create(**{**_arguments(create, request), "stream": True}) as chunks:
            async for chunk in chunks:
                yield Chunk(at=time.perf_counter() - started, body=_dict(chunk))

    async def aclose(self) -> None:
        """Close the connections, if there ever were any."""
        if "_client" in vars(self):
            await self._client.close()

    @cached_property
    def _client(self) -> "openai.AsyncOpenAI":
        """The SDK's client, made at the first call, so that its own errors are those of a call."""
        with _only(self._binding.environment):
            client: openai.AsyncOpenAI = self._sdk.AsyncOpenAI(
                api_key=self._binding.api_key,
                base_url=self._binding.base_url,
                timeout=self._binding.patience or self._sdk.NOT_GIVEN,
                http_client=self._sdk.DefaultAsyncHttpxClient(trust_env=False),
            )
        return client


def open_adapter(binding: Binding) -> OpenAIAdapter:
    """The OpenAI SDK as an adapter.

    Raises:
        UsageError: The SDK is not installed.
    """
    try:
        sdk = importlib.import_module("openai")
    except ModuleNotFoundError as error:
        raise UsageError(
            "The adapter 'openai' needs the package 'openai', which is not installed. "
            "Type: pip install 'kimi-conformance[openai]'"
        ) from error
    return OpenAIAdapter(sdk, binding)


def _arguments(create: Any, request: ChatRequest) -> dict[str, Any]:
    """The request as the SDK takes it; what it has no parameter for goes by `extra_body`."""
    known = inspect.signature(create).parameters.keys()
    arguments: dict[str, Any] = {"model": request.model, "messages": list(request.messages)}
    if request.tools is not None:
        arguments["tools"] = list(request.tools)
    arguments |= {name: value for name, value in request.options.items() if name in known}
    if unknown := {name: value for name, value in request.options.items() if name not in known}:
        arguments["extra_body"] = unknown
    return arguments


def _dict(received: Any) -> Mapping[str, Any]:
    """An object of the SDK as it was received; its complaints about odd values are silenced."""
    if not hasattr(received, "to_dict"):  # the SDK gives the text of an answer that is no JSON
        raise TypeError(f"the SDK handed on no object but {received!r:.100}")
    body: Mapping[str, Any] = received.to_dict(warnings=False)
    return body


@contextlib.contextmanager
def _only(environment: Mapping[str, str]) -> Iterator[None]:
    """Show the SDK these variables in place of the process's own."""
    with _environment_in_use:
        own = {name: os.environ.pop(name) for name in list(os.environ) if _is_sdk(name)}
        os.environ.update({name: environment[name] for name in environment if _is_sdk(name)})
        try:
            yield
        finally:
            for name in filter(_is_sdk, list(os.environ)):
                del os.environ[name]
            os.environ.update(own)


def _is_sdk(name: str) -> bool:
    return name.startswith(_PREFIX)
