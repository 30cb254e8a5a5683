"""
Tools: which of them the model may see, and what follows when it calls some.

Nothing here sends. Schemas go out as they were given, an answer that calls tools goes into
the history as it came (its reasoning_content too: Kimi's thinking models refuse a history
without it), and every call is followed by its result, in the order of the calls.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from kimi_conformance.adapters.protocol import ChatRequest, Completion
from kimi_conformance.adapters.reference.errors import LLMError

__all__ = ["CallTool", "after_calls", "offered"]

CallTool = Callable[[str, str], str]
_CHOSEN_FREELY = ("auto", "none")


def offered(request: ChatRequest) -> list[Mapping[str, Any]] | None:
    """The tools that a request sends, or None: it sends no such field.

    They are the allowed ones, in the order of `tools`, or all where none are named.
    """
    if request.tools is None:
        return None
    if not request.allowed_tools:
        return list(request.tools)
    return [tool for tool in request.tools if _name(tool) in request.allowed_tools] or None


def after_calls(
    request: ChatRequest, answer: Completion, call_tool: CallTool
) -> ChatRequest | None:
    """The request that hands the results of the called tools to the model.

    None where the answer calls no tool: it is the last one. A tool that the first request
    forced upon the model is left to its choice from then on, or it would be called for ever.

    Args:
        request: The one that was answered.
        answer: Its answer.
        call_tool: Given name and arguments (JSON, as the model wrote it), gives the result.

    Raises:
        LLMError: A call lacks its id or its name, so it cannot be answered.
        Exception: Whatever `call_tool` raises.
    """
    message = answer.body["choices"][0]["message"]
    calls = list(_calls(message.get("tool_calls") or []))
    if not calls:
        return None
    results = [
        {"role": "tool", "tool_call_id": id, "content": call_tool(name, arguments)}
        for id, name, arguments in calls
    ]
    options = {
        name: value
        for name, value in request.options.items()
        if name != "tool_choice" or value in _CHOSEN_FREELY
    }
    return replace(request, messages=[*request.messages, message, *results], options=options)


def _calls(calls: Any) -> Iterator[tuple[str, str, str]]:
    """Id, name and arguments of each call."""
    if not isinstance(calls, list):
        raise LLMError("Error: the tool calls of the answer are no list")
    for number, call in enumerate(calls, start=1):
        function = call.get("function") if isinstance(call, Mapping) else None
        name = _name(call)
        if not isinstance(function, Mapping) or not (isinstance(name, str) and call.get("id")):
            raise LLMError(f"Error: tool call {number} of the answer has no id or no name")
        yield str(call["id"]), name, str(function.get("arguments") or "")


def _name(tool: Any) -> Any:
    function = tool.get("function") if isinstance(tool, Mapping) else None
    return function.get("name") if isinstance(function, Mapping) else None
