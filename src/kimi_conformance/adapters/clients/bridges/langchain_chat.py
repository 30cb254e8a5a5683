"""
LangChain's chat models: ChatMoonshot where that is installed, else ChatOpenAI.

What they hand on is a message of LangChain's own. It is told here in the words of the API,
field by field and only where LangChain has it; what LangChain lets fall is absent.
"""

import importlib
import inspect
import json
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from openai.resources.chat.completions import AsyncCompletions

from kimi_conformance.adapters.protocol import Binding, ChatRequest, Chunk, Completion

__all__ = ["open_client"]

_KNOWN = inspect.signature(AsyncCompletions.create).parameters.keys()
_IS_MOONSHOT = find_spec("langchain_moonshot") is not None
_MODULE, _CLASS = (
    ("langchain_moonshot", "ChatMoonshot") if _IS_MOONSHOT else ("langchain_openai", "ChatOpenAI")
)
_MODEL: Any = getattr(importlib.import_module(_MODULE), _CLASS)
_PREFIX = "MOONSHOT" if _IS_MOONSHOT else "OPENAI"
# Which fields of the API's answer LangChain keeps beside a message, and by which name.
_META = {"id": "id", "model": "model_name", "system_fingerprint": "system_fingerprint"}
_USAGE = {
    "prompt_tokens": "input_tokens",
    "completion_tokens": "output_tokens",
    "total_tokens": "total_tokens",
}


class LangChain:
    """Serves what `ainvoke` and `astream` offer."""

    def __init__(self, binding: Binding) -> None:
        read = binding.environment.get
        told = {
            "base_url": binding.base_url or read(f"{_PREFIX}_API_BASE"),
            "api_key": binding.api_key or read(f"{_PREFIX}_API_KEY"),
            "timeout": binding.patience,
        }
        self._told = {name: value for name, value in told.items() if value is not None}
        self._models: dict[str, Any] = {}

    async def chat(self, request: ChatRequest) -> Completion:
        """A whole answer."""
        model, arguments = self._asked(request)
        return Completion(body=_body(await model.ainvoke(list(request.messages), **arguments)))

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """An answer chunk by chunk."""
        started = time.perf_counter()
        model, arguments = self._asked(request)
        async for piece in model.astream(list(request.messages), **arguments):
            if _is_end(piece):
                continue
            yield Chunk(at=time.perf_counter() - started, body=_chunk(piece))

    async def aclose(self) -> None:
        """LangChain keeps its connections for the next client."""

    def _asked(self, request: ChatRequest) -> tuple[Any, dict[str, Any]]:
        """The model and the arguments of a call; what these do not know goes by `extra_body`."""
        if request.model not in self._models:
            self._models[request.model] = _MODEL(model=request.model, **self._told)
        model, options = self._models[request.model], request.options
        arguments = {name: value for name, value in options.items() if name in _KNOWN}
        if unknown := {name: value for name, value in options.items() if name not in _KNOWN}:
            arguments["extra_body"] = unknown
        if request.tools is not None:
            choice = {"tool_choice": arguments.pop("tool_choice", None)}
            model = model.bind_tools(list(request.tools), **choice)
        return model, arguments


def open_client(binding: Binding) -> LangChain:
    """LangChain, told where the API is."""
    return LangChain(binding)


def _body(message: Any) -> Mapping[str, Any]:
    """A message as a completion."""
    meta = message.response_metadata
    said = {"role": "assistant", "content": message.content, **message.additional_kwargs}
    if calls := _calls(message):
        said["tool_calls"] = calls
    choice = {"index": 0, "message": said, **_some(meta, {"finish_reason": "finish_reason"})}
    usage = _some(meta, {"usage": "token_usage"})
    return {**_some(meta, _META), "choices": [choice], **usage}


def _calls(message: Any) -> Sequence[Mapping[str, Any]]:
    """The calls of a message; LangChain has read their arguments, where they are JSON."""
    read = [(call, json.dumps(call["args"], ensure_ascii=False)) for call in message.tool_calls]
    unread = [(call, call["args"]) for call in message.invalid_tool_calls]
    return [
        {
            "id": call["id"],
            "type": "function",
            "function": {"name": call["name"], "arguments": arguments},
        }
        for call, arguments in (*read, *unread)
    ]


def _is_end(piece: Any) -> bool:
    """Whether this says that the stream has ended, and nothing else.

    LangChain tells the end by a last empty message; this protocol by the end itself.
    """
    brings = (piece.content, piece.additional_kwargs, piece.tool_call_chunks, piece.usage_metadata)
    return piece.chunk_position == "last" and not any((*brings, piece.response_metadata))


def _chunk(piece: Any) -> Mapping[str, Any]:
    """A piece of a message as a chunk."""
    meta = piece.response_metadata
    delta = {"content": piece.content, **piece.additional_kwargs}
    if piece.tool_call_chunks:
        delta["tool_calls"] = [
            {
                "index": call["index"],
                "id": call["id"],
                "function": {"name": call["name"], "arguments": call["args"]},
            }
            for call in piece.tool_call_chunks
        ]
    choice = {"index": 0, "delta": delta, **_some(meta, {"finish_reason": "finish_reason"})}
    used = piece.usage_metadata
    usage = {} if used is None else {"usage": {name: used[own] for name, own in _USAGE.items()}}
    return {**_some(meta, _META), "choices": [choice], **usage}


def _some(meta: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {name: meta[own] for name, own in names.items() if own in meta}
