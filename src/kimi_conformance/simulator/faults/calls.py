"""
Faults of when tools are called, and with what: what a model does wrong now and then.

Each is meant to be switched on with a probability, `tool_call_missing:p=0.2`, and is then what
the checks of shares are for. On at every request, other checks of tools notice it too.
"""

from typing import Any

from kimi_conformance.simulator.faults.change import (
    Timed,
    is_json,
    is_stream,
    json_of,
    timed_chunks,
    with_chunks,
    with_json,
)
from kimi_conformance.simulator.faults.fault import (
    Fault,
    Parameters,
    Sound,
    chats,
    sent,
    with_sent,
)
from kimi_conformance.wire.exchange import Answer, Request

__all__ = ["CALLS"]

FOREIGN = '{"argument_that_no_tool_has":true}'
FORCED = "tool_choice_thinking"  # the rule that would refuse what a fault forces


def _offers(request: Request) -> bool:
    """Chats with tools in which the model may choose."""
    body = sent(request)
    return chats(request) and bool(body.get("tools")) and body.get("tool_choice") in (None, "auto")


def _spoil_arguments(request: Request, sound: Sound, _: Parameters) -> Answer:
    answer = sound.reply(request)
    if is_json(answer):
        body = json_of(answer)
        for choice in body["choices"]:
            for call in choice["message"].get("tool_calls", ()):
                _spoil(call, FOREIGN)
        return with_json(answer, body)
    if is_stream(answer):
        chunks = timed_chunks(answer)
        _spoil_pieces(chunks)
        return with_chunks(answer, chunks)
    return answer


def _spoil_pieces(chunks: list[Timed]) -> None:
    """The first piece of each call gets all of the arguments, the others none."""
    begun = set()
    for chunk in chunks:
        for call in chunk.delta.get("tool_calls", ()):
            key = (chunk.choice["index"], call["index"])
            _spoil(call, "" if key in begun else FOREIGN)
            begun.add(key)


def _spoil(call: dict[str, Any], arguments: str) -> None:
    if call.get("type", "function") == "function":
        call["function"]["arguments"] = arguments


def _talk_instead(request: Request, sound: Sound, _: Parameters) -> Answer:
    return sound.reply(with_sent(request, {**sent(request), "tool_choice": "none"}))


def _call_anyway(request: Request, sound: Sound, _: Parameters) -> Answer:
    answer, body = sound.reply(request), sent(request)
    names = [tool["function"]["name"] for tool in body["tools"] if _is_function(tool)]
    if answer.status != 200 or b'"tool_calls"' in answer.body or not names:
        return answer
    choice = {"type": "function", "function": {"name": names[0]}}
    return sound.reply(with_sent(request, {**body, "tool_choice": choice}), FORCED)


def _is_function(tool: object) -> bool:
    if not isinstance(tool, dict) or tool.get("type") != "function":
        return False
    function = tool.get("function")
    return isinstance(function, dict) and "name" in function


def _end_otherwise(request: Request, sound: Sound, _: Parameters) -> Answer:
    """End in length where it ended by itself, so that no law of calls is broken."""
    answer = sound.reply(request)
    if is_json(answer):
        body = json_of(answer)
        for choice in body["choices"]:
            choice["finish_reason"] = _other(choice["finish_reason"])
        return with_json(answer, body)
    if is_stream(answer):
        chunks = timed_chunks(answer)
        for chunk in chunks:
            if chunk.choice.get("finish_reason"):
                chunk.choice["finish_reason"] = _other(chunk.choice["finish_reason"])
        return with_chunks(answer, chunks)
    return answer


def _other(reason: str) -> str:
    return "length" if reason == "tool_calls" else reason


CALLS = (
    Fault(
        name="tool_arguments_invalid",
        text="Calls tools with arguments that they do not have.",
        change=_spoil_arguments,
        touches=_offers,
    ),
    Fault(
        name="tool_call_missing",
        text="Talks where it should call a tool.",
        change=_talk_instead,
        touches=_offers,
    ),
    Fault(
        name="tool_call_needless",
        text="Calls a tool where it should talk.",
        change=_call_anyway,
        touches=_offers,
    ),
    Fault(
        name="tool_call_ends_in_length",
        text="Says that it was cut where it calls a tool.",
        change=_end_otherwise,
        touches=_offers,
    ),
)
