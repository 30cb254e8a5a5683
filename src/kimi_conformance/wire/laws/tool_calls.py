"""Laws of tool calls: how a streamed one is put together, and what a whole one holds."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from kimi_conformance.requirements import Plane
from kimi_conformance.wire.json_values import (
    NOT_JSON,
    elements,
    is_count,
    is_text,
    members,
    parse_json,
    parse_leading_json,
    shown,
)
from kimi_conformance.wire.law import Law
from kimi_conformance.wire.reading import Reading, Reply

__all__ = ["LAWS"]

_TYPES = ("function", "builtin_function")  # the second is Kimi's own $web_search


class _Part(NamedTuple):
    """One element of `delta.tool_calls`: at which event, of which choice, the how manieth."""

    number: int
    choice: int
    call: Any
    first: bool
    begun: int  # calls that the choice had begun before


def _parts(reading: Reading) -> Iterator[_Part]:
    for choice, pieces in reading.stream.pieces.items():
        begun: set[int] = set()
        for piece in pieces:
            for element in elements(piece.delta.get("tool_calls")):
                call = members(element)
                index = call.get("index")
                first = not is_count(index) or index not in begun
                yield _Part(piece.number, choice, call, first, len(begun))
                if is_count(index):
                    begun.add(index)


def _streams_calls(reading: Reading) -> bool:
    return reading.is_stream and any(True for _ in _parts(reading))


def _streams_indexed_calls(reading: Reading) -> bool:
    return reading.is_stream and any(is_count(part.call.get("index")) for part in _parts(reading))


def _continues_calls(reading: Reading) -> bool:
    return reading.is_stream and any(not part.first for part in _parts(reading))


def _faults_of_a_head(call: Any) -> Iterator[str]:
    """What the beginning of a call, or a whole call, lacks besides its arguments."""
    if not is_text(call.get("id")):
        yield f"id {shown(call.get('id'))}"
    if call.get("type") not in _TYPES:
        yield f"type {shown(call.get('type'))}"
    name = members(call.get("function")).get("name")
    if not is_text(name):
        yield f"function.name {shown(name)}"


def _wrong_beginning(reading: Reading) -> Iterator[str]:
    for part in _parts(reading):
        if part.first and is_count(part.call.get("index")):
            for fault in _faults_of_a_head(part.call):
                yield f"the tool call that begins at event {part.number} has {fault}"


def _wrong_continuation(reading: Reading) -> Iterator[str]:
    for part in _parts(reading):
        if part.first:
            continue
        function = members(part.call.get("function"))
        again = {
            "id": part.call.get("id"),
            "type": part.call.get("type"),
            "function.name": function.get("name"),
        }
        for name, value in again.items():
            if value is not None and value != "":
                yield f"event {part.number} goes on with a tool call and says {name} again"
        if not isinstance(function.get("arguments"), str):
            arguments = shown(function.get("arguments"))
            yield f"event {part.number} goes on with a tool call and adds arguments {arguments}"


def _wrong_index(reading: Reading) -> Iterator[str]:
    for part in _parts(reading):
        index = part.call.get("index")
        if not is_count(index):
            yield f"event {part.number} has a tool call with the index {shown(index)}"
        elif part.first and index != part.begun:
            yield (
                f"the tool call that begins at event {part.number} has the index {index}, "
                f"choice {part.choice} had {part.begun} before"
            )


def _calling(reading: Reading) -> Sequence[Reply]:
    """The replies that ended in order to have tools called, and name some."""
    return [
        reply
        for reply in reading.replies
        if reply.finish_reason == "tool_calls" and reply.tool_calls
    ]


def _calls_tools(reading: Reading) -> bool:
    return bool(_calling(reading))


def _wrong_arguments(reading: Reading) -> Iterator[str]:
    for reply in _calling(reading):
        for place, call in enumerate(reply.tool_calls):
            if not isinstance(_arguments(call.arguments, reading.model), dict):
                arguments = shown(call.arguments)
                yield f"{reply.where}, tool call {place}: the arguments are no object: {arguments}"


def _arguments(text: Any, model: Any) -> Any:
    """The decoded arguments; recordings of moonshot-v1 have rubbish after the last brace."""
    if not isinstance(text, str):
        return NOT_JSON
    trails = isinstance(model, str) and model.startswith("moonshot-v1")
    return parse_leading_json(text.lstrip()) if trails else parse_json(text)


def _has_ended_replies(reading: Reading) -> bool:
    return any(reply.finish_reason is not None for reply in reading.replies)


def _reason_disagrees(reading: Reading) -> Iterator[str]:
    """Tool calls end in tool_calls, and only they; what was cut short may end otherwise.

    Of k3 without reasoning a recording shows a tool call that ends in stop.
    """
    may_stop = isinstance(reading.model, str) and reading.model.startswith("kimi-k3")
    for reply in reading.replies:
        if reply.finish_reason == "tool_calls" and not reply.tool_calls:
            yield f"{reply.where} ends in tool_calls and calls no tool"
        if reply.finish_reason == "stop" and reply.tool_calls and not may_stop:
            yield f"{reply.where} calls a tool and ends in stop"


def _whole_calls(reading: Reading) -> Iterator[tuple[int, Any]]:
    if reading.is_completion:
        for place, choice in enumerate(elements(members(reading.json).get("choices"))):
            message = members(members(choice).get("message"))
            for call in elements(message.get("tool_calls")):
                yield place, members(call)


def _has_whole_calls(reading: Reading) -> bool:
    return any(True for _ in _whole_calls(reading))


def _wrong_call(reading: Reading) -> Iterator[str]:
    for place, call in _whole_calls(reading):
        for fault in _faults_of_a_head(call):
            yield f"a tool call of choice {place} has {fault}"
        arguments = members(call.get("function")).get("arguments")
        if not isinstance(arguments, str):
            yield f"a tool call of choice {place} has arguments {shown(arguments)}, not a text"


def _has_calls(reading: Reading) -> bool:
    return any(reply.tool_calls for reply in reading.replies)


def _same_id(reading: Reading) -> Iterator[str]:
    """Ids begin anew in each choice and each turn, so only those of one choice are compared."""
    for reply in reading.replies:
        seen: set[str] = set()
        for call in reply.tool_calls:
            if is_text(call.id) and call.id in seen:
                yield f"{reply.where} has the tool call id {shown(call.id)} twice"
            if is_text(call.id):
                seen.add(call.id)


LAWS = (
    Law("TOOLCALL-001", Plane.ENDPOINT, _streams_indexed_calls, _wrong_beginning),
    Law("TOOLCALL-002", Plane.ENDPOINT, _continues_calls, _wrong_continuation),
    Law("TOOLCALL-003", Plane.ENDPOINT, _streams_calls, _wrong_index),
    Law("TOOLCALL-004", Plane.ENDPOINT, _calls_tools, _wrong_arguments),
    Law("TOOLCALL-005", Plane.ENDPOINT, _has_ended_replies, _reason_disagrees),
    Law("TOOLCALL-006", Plane.ENDPOINT, _has_whole_calls, _wrong_call),
    Law("TOOLCALL-007", Plane.ENDPOINT, _has_calls, _same_id),
)
