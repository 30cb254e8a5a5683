"""
What follows when a reply calls tools: the next turn of the conversation; pure.

The reply's message goes into the history as it came (thinking models refuse a history without
its reasoning), and each call is followed by its result.
"""

from collections.abc import Callable, Mapping
from typing import Any

from kimi_conformance.wire.json_values import elements, members, parse_json

__all__ = ["CallTool", "next_turn"]

CallTool = Callable[[str, str], str]
"""Given a tool's name and its arguments (JSON, as the model wrote it), gives the result."""


def next_turn(
    request: Mapping[str, Any], reply: bytes, call_tool: CallTool
) -> Mapping[str, Any] | None:
    """The request that hands over what the called tools gave; None: the reply calls none.

    Args:
        request: The body that was sent.
        reply: The body of a usable whole reply.
        call_tool: The tools.
    """
    choices = [members(choice) for choice in elements(members(parse_json(reply)).get("choices"))]
    message = members(choices[0].get("message")) if choices else {}
    calls = [members(call) for call in elements(message.get("tool_calls"))]
    if not calls:
        return None
    results = []
    for call in calls:
        function = members(call.get("function"))
        given = call_tool(str(function.get("name")), str(function.get("arguments")))
        results.append({"role": "tool", "tool_call_id": call.get("id"), "content": given})
    return {**request, "messages": [*request["messages"], message, *results]}
