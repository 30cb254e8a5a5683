"""
Pydantic AI with its MoonshotAIProvider, by direct requests to the model.

Messages and settings are Pydantic AI's own: what a user asks is put in these, and what comes
back is told in the words of the API, only as far as Pydantic AI hands it on. Parts of a
message that are no text it knows as images only.
"""

import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from typing import Any

from pydantic_ai import messages as m
from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.moonshotai import MoonshotAIProvider
from pydantic_ai.tools import ToolDefinition

from kimi_conformance.adapters.protocol import Binding, ChatRequest, Chunk, Completion

__all__ = ["open_client"]

# Settings by their names in the API; all others go by `extra_body`.
_SETTINGS = {
    **{name: name for name in ("temperature", "top_p", "max_tokens", "seed", "logit_bias")},
    **{name: name for name in ("presence_penalty", "frequency_penalty", "parallel_tool_calls")},
    "stop": "stop_sequences",
}


class PydanticAI:
    """Serves what direct requests offer."""

    def __init__(self, binding: Binding) -> None:
        read = binding.environment.get
        told = {
            "api_key": binding.api_key or read("MOONSHOTAI_API_KEY"),
            "base_url": binding.base_url or read("MOONSHOTAI_BASE_URL"),
        }
        self._told = {name: value for name, value in told.items() if value is not None}
        self._settings = {} if binding.patience is None else {"timeout": binding.patience}
        self._provider: Any = None

    async def chat(self, request: ChatRequest) -> Completion:
        """A whole answer."""
        answer = await model_request(**self._asked(request))
        calls = [_call(part) for part in answer.parts if isinstance(part, m.ToolCallPart)]
        thoughts = _joined(answer.parts, m.ThinkingPart)
        message: dict[str, Any] = {
            "role": "assistant",
            "content": _joined(answer.parts, m.TextPart),
            **({"reasoning_content": thoughts} if thoughts else {}),
            **({"tool_calls": calls} if calls else {}),
        }
        choice = {"index": 0, "message": message, "finish_reason": _reason(answer)}
        return Completion(body={**_meta(answer), "choices": [choice], "usage": _usage(answer)})

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """An answer chunk by chunk: each event with a piece of it, and at last why it ended."""
        started = time.perf_counter()
        async with model_request_stream(**self._asked(request)) as streamed:
            async for event in streamed:
                if (delta := _delta(event)) is not None:
                    piece = {"choices": [{"index": 0, "delta": delta}]}
                    yield Chunk(at=time.perf_counter() - started, body=piece)
            answer = streamed.get()
        end = {"index": 0, "delta": {}, "finish_reason": _reason(answer)}
        last = {**_meta(answer), "choices": [end], "usage": _usage(answer)}
        yield Chunk(at=time.perf_counter() - started, body=last)

    async def aclose(self) -> None:
        """Pydantic AI keeps its connections for the next client."""

    def _asked(self, request: ChatRequest) -> dict[str, Any]:
        if self._provider is None:
            self._provider = MoonshotAIProvider(**self._told)
        settings: dict[str, Any] = dict(self._settings)
        settings |= {_SETTINGS[k]: v for k, v in request.options.items() if k in _SETTINGS}
        if extra := {k: v for k, v in request.options.items() if k not in _SETTINGS}:
            settings["extra_body"] = extra
        return {
            "model": OpenAIChatModel(request.model, provider=self._provider),
            "messages": list(_history(request.messages)),
            "model_settings": settings,
            "model_request_parameters": ModelRequestParameters(
                function_tools=[_tool(tool["function"]) for tool in request.tools or ()]
            ),
        }


def open_client(binding: Binding) -> PydanticAI:
    """Pydantic AI, told where the API is."""
    return PydanticAI(binding)


def _history(given: Sequence[Mapping[str, Any]]) -> Iterator[Any]:
    """The messages in Pydantic AI's own words."""
    for message in given:
        if message["role"] == "assistant":
            calls = [
                call["function"] | {"id": call["id"]} for call in message.get("tool_calls", ())
            ]
            text = [m.TextPart(message["content"])] if message.get("content") else []
            parts = [m.ToolCallPart(c["name"], c["arguments"], tool_call_id=c["id"]) for c in calls]
            yield m.ModelResponse(parts=[*text, *parts])
        else:
            yield m.ModelRequest(parts=[_ASKED[message["role"]](message)])


def _content(content: Any) -> Any:
    """A user's content: text, or parts."""
    if isinstance(content, str):
        return content
    return [
        part["text"] if part["type"] == "text" else m.ImageUrl(url=_address(part["image_url"]))
        for part in content
    ]


def _address(image: Any) -> str:
    return str(image["url"] if isinstance(image, dict) else image)


_ASKED: Mapping[str, Any] = {
    "system": lambda message: m.SystemPromptPart(message["content"]),
    "user": lambda message: m.UserPromptPart(_content(message["content"])),
    "tool": lambda message: m.ToolReturnPart(
        tool_name=message.get("name", ""),
        content=message["content"],
        tool_call_id=message["tool_call_id"],
    ),
}


def _tool(function: Mapping[str, Any]) -> Any:
    return ToolDefinition(
        name=function["name"],
        description=function.get("description"),
        parameters_json_schema=function["parameters"],
    )


def _joined(parts: Sequence[Any], kind: Any) -> str:
    """The text of all parts of a kind."""
    return "".join(part.content for part in parts if isinstance(part, kind))


def _call(part: Any) -> Mapping[str, Any]:
    function = {"name": part.tool_name, "arguments": part.args_as_json_str()}
    return {"id": part.tool_call_id, "type": "function", "function": function}


def _delta(event: Any) -> Mapping[str, Any] | None:
    """The piece of an answer that an event brings; None for events that bring none."""
    piece = event.part if isinstance(event, m.PartStartEvent) else getattr(event, "delta", None)
    if isinstance(piece, m.TextPart):
        return {"content": piece.content}
    if isinstance(piece, m.TextPartDelta):
        return {"content": piece.content_delta}
    if isinstance(piece, m.ThinkingPart):
        return {"reasoning_content": piece.content}
    if isinstance(piece, m.ThinkingPartDelta):
        return {"reasoning_content": piece.content_delta}
    if isinstance(piece, m.ToolCallPart):
        return {"tool_calls": [{"index": event.index, **_call(piece)}]}
    if isinstance(piece, m.ToolCallPartDelta):
        function = {"name": piece.tool_name_delta, "arguments": piece.args_delta}
        return {"tool_calls": [{"index": event.index, "function": function}]}
    return None


def _reason(answer: Any) -> Any:
    """Why the answer ended, in the API's word where Pydantic AI has kept it."""
    details = answer.provider_details or {}
    return details.get("finish_reason", answer.finish_reason)


def _meta(answer: Any) -> dict[str, Any]:
    return {"id": answer.provider_response_id, "model": answer.model_name}


def _usage(answer: Any) -> Mapping[str, Any]:
    used = answer.usage
    return {
        "prompt_tokens": used.input_tokens,
        "completion_tokens": used.output_tokens,
        "total_tokens": used.total_tokens,
    }
