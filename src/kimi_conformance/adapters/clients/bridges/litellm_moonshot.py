"""
LiteLLM with its provider moonshot: `acompletion(model="moonshot/…")`, as its documentation says.

LiteLLM fetches a table of prices when it is imported, unless it is told to use the one that it
brings along, which is done here: nothing but the API is asked. Its objects are handed on with
the fields that it has set itself.
"""

import os
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from kimi_conformance.adapters.protocol import Binding, ChatRequest, Chunk, Completion

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm

__all__ = ["open_client"]


class LiteLLM:
    """Serves what `acompletion` offers."""

    def __init__(self, binding: Binding) -> None:
        read = binding.environment.get
        self._told: dict[str, Any] = {
            "api_base": binding.base_url or read("MOONSHOT_API_BASE"),
            "api_key": binding.api_key or read("MOONSHOT_API_KEY"),
        }
        if binding.patience is not None:
            self._told["timeout"] = binding.patience

    async def chat(self, request: ChatRequest) -> Completion:
        """A whole answer."""
        answer: Any = await litellm.acompletion(**self._arguments(request))
        return Completion(body=_dict(answer))

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """An answer chunk by chunk."""
        started = time.perf_counter()
        chunks: Any = await litellm.acompletion(**self._arguments(request), stream=True)
        async for chunk in chunks:
            yield Chunk(at=time.perf_counter() - started, body=_dict(chunk))

    async def aclose(self) -> None:
        """LiteLLM keeps its connections for the next client."""

    def _arguments(self, request: ChatRequest) -> dict[str, Any]:
        tools = {} if request.tools is None else {"tools": list(request.tools)}
        return {
            **self._told,
            "model": f"moonshot/{request.model}",
            "messages": list(request.messages),
            **tools,
            **request.options,
        }


def open_client(binding: Binding) -> LiteLLM:
    """LiteLLM, told where the API is."""
    return LiteLLM(binding)


def _dict(received: Any) -> Mapping[str, Any]:
    body: Mapping[str, Any] = received.model_dump(exclude_unset=True, warnings=False)
    return body
