"""
The Kimi SDK for Python, by its `generate`: a whole answer, or one part by part.

Messages, tools and parts are the SDK's own: what a user asks is put in these, and what comes
back is told in the words of the API, only as far as the SDK hands it on. It hands on no reason
why an answer ended, and no place of a tool call.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from kimi_sdk import (
    Kimi,
    Message,
    TextPart,
    ThinkPart,
    Tool,
    ToolCall,
    ToolCallPart,
    generate,
)

from kimi_conformance.adapters.protocol import Binding, ChatRequest, Chunk, Completion

__all__ = ["open_client"]

# What the SDK takes by name; all others go by `extra_body`.
_KNOWN = Kimi.GenerationKwargs.__annotations__.keys()


class KimiSDK:
    """Serves what `generate` offers."""

    def __init__(self, binding: Binding) -> None:
        read = binding.environment.get
        self._told: dict[str, Any] = {
            "api_key": binding.api_key if binding.api_key is not None else read("KIMI_API_KEY"),
            "base_url": binding.base_url or read("KIMI_BASE_URL"),
        }
        if binding.patience is not None:
            self._told["timeout"] = binding.patience
        self._clients: dict[tuple[str, bool], Any] = {}

    async def chat(self, request: ChatRequest) -> Completion:
        """A whole answer."""
        result = await self._generate(request, stream=False)
        choice = {"index": 0, "message": _message(result.message)}
        return Completion(body={"id": result.id, "choices": [choice], "usage": _usage(result)})

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """An answer part by part, and at last what it used."""
        started = time.perf_counter()
        parts: asyncio.Queue[Any] = asyncio.Queue()
        answer = asyncio.create_task(self._generate(request, stream=True, hear=parts.put_nowait))
        answer.add_done_callback(lambda _: parts.put_nowait(None))
        calls = 0
        try:
            while (part := await parts.get()) is not None:
                calls += isinstance(part, ToolCall)
                piece = {"choices": [{"index": 0, "delta": _delta(part, calls - 1)}]}
                yield Chunk(at=time.perf_counter() - started, body=piece)
            result = await answer
        finally:
            answer.cancel()
        end = {"choices": [{"index": 0, "delta": {}}], "id": result.id, "usage": _usage(result)}
        yield Chunk(at=time.perf_counter() - started, body=end)

    async def aclose(self) -> None:
        """Close the connections of the OpenAI SDK in it."""
        for kimi in self._clients.values():
            await kimi.client.close()

    async def _generate(
        self, request: ChatRequest, *, stream: bool, hear: Callable[[Any], None] | None = None
    ) -> Any:
        options = request.options
        own = {name: value for name, value in options.items() if name in _KNOWN}
        kimi = self._client(request.model, stream=stream).with_generation_kwargs(**own)
        if extra := {name: value for name, value in options.items() if name not in _KNOWN}:
            kimi = kimi.with_extra_body(extra)
        return await generate(
            chat_provider=kimi,
            system_prompt="",  # where it stands among the messages is the user's choice
            tools=[_tool(tool["function"]) for tool in request.tools or ()],
            history=[_given(message) for message in request.messages],
            on_message_part=hear,
        )

    def _client(self, model: str, *, stream: bool) -> Any:
        if (model, stream) not in self._clients:
            self._clients[model, stream] = Kimi(model=model, stream=stream, **self._told)
        return self._clients[model, stream]


def open_client(binding: Binding) -> KimiSDK:
    """The Kimi SDK, told where the API is."""
    return KimiSDK(binding)


def _given(message: Mapping[str, Any]) -> Any:
    """A message in the SDK's own words: thoughts are a part of its content there."""
    content = message.get("content")
    parts = [_part(part) for part in content] if isinstance(content, list) else content
    if "reasoning_content" in message:
        said = [TextPart(text=content)] if isinstance(content, str) else parts or []
        parts = [ThinkPart(think=message["reasoning_content"]), *said]
    return Message(**{**message, "content": parts})


def _part(part: Any) -> Any:
    """A part of a content; the address of a picture is an object there."""
    if isinstance(part, Mapping) and isinstance(part.get("image_url"), str):
        return {**part, "image_url": {"url": part["image_url"]}}
    return part


def _tool(function: Mapping[str, Any]) -> Any:
    return Tool(
        name=function["name"],
        description=function.get("description", ""),
        parameters=function.get("parameters", {}),
    )


def _message(message: Any) -> Mapping[str, Any]:
    """An answer in the words of the API."""
    thoughts = [part.think for part in message.content if isinstance(part, ThinkPart)]
    calls = [_call(call) for call in message.tool_calls or ()]
    return {
        "role": "assistant",
        "content": message.extract_text(),
        **({"reasoning_content": "".join(thoughts)} if thoughts else {}),
        **({"tool_calls": calls} if calls else {}),
    }


def _delta(part: Any, call: int) -> Mapping[str, Any]:
    """A part in the words of the API; of a tool call it is part of the last one, by number."""
    if isinstance(part, ThinkPart):
        return {"reasoning_content": part.think}
    if isinstance(part, ToolCall):
        return {"tool_calls": [{"index": call, **_call(part)}]}
    if isinstance(part, ToolCallPart):
        return {"tool_calls": [{"index": call, "function": {"arguments": part.arguments_part}}]}
    return {"content": part.text}


def _call(call: Any) -> Mapping[str, Any]:
    function = {"name": call.function.name, "arguments": call.function.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _usage(result: Any) -> Mapping[str, Any] | None:
    used = result.usage
    return used and {
        "prompt_tokens": used.input,
        "completion_tokens": used.output,
        "total_tokens": used.total,
        "cached_tokens": used.input_cache_read,
    }
