"""
Letta's OpenAIProvider and OpenAI client; it has no provider for Kimi.

Its documentation points these at any endpoint that speaks OpenAI's dialect.
Neither its server nor a database is started. The provider lists models and checks the key; a
chat goes out as an agent's step sends it: `request_async`, and `handle_llm_error` where that
fails. Letta has the key of an endpoint in its settings, so it is put there before each call.
The folder .letta, which Letta makes for itself, is made in its environment.
"""

import os
import sys
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

os.environ["HOME"] = sys.prefix

from letta.llm_api.llm_client import LLMClient
from letta.schemas.enums import ProviderType
from letta.schemas.llm_config import LLMConfig
from letta.schemas.providers import OpenAIProvider
from letta.settings import model_settings

from kimi_conformance.adapters.protocol import (
    Binding,
    ChatRequest,
    Chunk,
    Completion,
    ModelConfig,
)

__all__ = ["open_client"]

_FIELDS = {"id": "model", "endpoint": "model_endpoint", "endpoint_type": "model_endpoint_type"}
_SAME = ("context_window", "handle", "provider_name", "max_tokens")
_KNOWN = frozenset(
    (
        *("temperature", "top_p", "max_tokens", "stop", "seed", "user", "response_format", "n"),
        *("tool_choice", "presence_penalty", "frequency_penalty", "prompt_cache_key"),
    )
)


class Letta:
    """Serves what the provider and the client offer."""

    def __init__(self, binding: Binding) -> None:
        read = binding.environment.get
        self._base_url = binding.base_url or read("OPENAI_API_BASE") or "https://api.openai.com/v1"
        self._key = binding.api_key or read("OPENAI_API_KEY")
        self._timeout = {} if binding.patience is None else {"timeout": binding.patience}
        self._client: Any = LLMClient.create(provider_type=ProviderType.openai)

    async def list_models(self) -> Sequence[ModelConfig]:
        """The models, as Letta shows them."""
        return [_model(config) for config in await self._provider().list_llm_models_async()]

    async def check_key(self) -> None:
        """The provider's own check."""
        await self._provider().check_api_key()

    async def chat(self, request: ChatRequest) -> Completion:
        """A whole answer."""
        model_settings.openai_api_key = self._key
        config = self._config(request)
        try:
            body = await self._client.request_async(self._data(request), config)
        except Exception as error:
            raise self._client.handle_llm_error(error) from error
        return Completion(body=body)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """An answer chunk by chunk."""
        started = time.perf_counter()
        model_settings.openai_api_key = self._key
        config = self._config(request)
        try:
            stream = await self._client.stream_async(self._data(request), config)
            async with stream as chunks:
                async for chunk in chunks:
                    body = chunk.to_dict(warnings=False)
                    yield Chunk(at=time.perf_counter() - started, body=body)
        except Exception as error:
            raise self._client.handle_llm_error(error) from error

    async def aclose(self) -> None:
        """Letta makes a connection for each call."""

    def _provider(self) -> Any:
        told: dict[str, Any] = {"name": "openai", "base_url": self._base_url}
        if "api_key_enc" in OpenAIProvider.model_fields:
            from letta.schemas.secret import Secret

            return OpenAIProvider(**told, api_key_enc=Secret.from_plaintext(self._key))
        return OpenAIProvider(**told, api_key=self._key)

    def _config(self, request: ChatRequest) -> Any:
        return LLMConfig(
            model=request.model,
            model_endpoint_type="openai",
            model_endpoint=self._base_url,
            context_window=131072,
        )

    def _data(self, request: ChatRequest) -> dict[str, Any]:
        """The request as Letta hands it to the OpenAI SDK in it."""
        known = {name: value for name, value in request.options.items() if name in _KNOWN}
        extra = {name: value for name, value in request.options.items() if name not in _KNOWN}
        tools = {} if request.tools is None else {"tools": list(request.tools)}
        return {
            "model": request.model,
            "messages": list(request.messages),
            **tools,
            **known,
            **({"extra_body": extra} if extra else {}),
            **self._timeout,
        }


def open_client(binding: Binding) -> Letta:
    """Letta, told where the API is."""
    return Letta(binding)


def _model(config: Any) -> ModelConfig:
    shown: Mapping[str, Any] = {name: getattr(config, own) for name, own in _FIELDS.items()}
    same = {name: getattr(config, name) for name in _SAME}
    return ModelConfig(**shown, **same, provider_category=str(config.provider_category.value))
