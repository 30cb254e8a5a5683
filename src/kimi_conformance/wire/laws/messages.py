"""Laws of the Anthropic face: a message in one piece, and the beginning of a streamed one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from kimi_conformance.requirements import Plane
from kimi_conformance.wire.json_values import (
    elements,
    is_count,
    is_text,
    members,
    parse_json,
    shown,
)
from kimi_conformance.wire.law import Law
from kimi_conformance.wire.reading import Reading, media_type
from kimi_conformance.wire.sse import decode

__all__ = ["LAWS", "STOP_REASONS"]

STOP_REASONS = ("end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal")
_PATH = "/anthropic/v1/messages"
_COUNTS = ("input_tokens", "output_tokens")


def _is_string(value: Any) -> bool:
    return isinstance(value, str)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


_Part = Mapping[str, Callable[[Any], bool]]
_PARTS: Mapping[str, _Part] = {  # what blocks and deltas hold, by their types
    "text": {"text": _is_string},
    "thinking": {"thinking": _is_string},
    "tool_use": {"id": is_text, "name": is_text, "input": _is_object},
    "text_delta": {"text": _is_string},
    "thinking_delta": {"thinking": _is_string},
    "input_json_delta": {"partial_json": _is_string},
    "signature_delta": {"signature": _is_string},
}


def _wrong_part(part: Mapping[str, Any], where: str) -> Iterator[str]:
    kind = part.get("type")
    if not is_text(kind):
        yield f"{where} is of the type {shown(kind)}"
        return
    for name, fits in _PARTS.get(kind, {}).items():
        if not fits(part.get(name)):
            yield f"{where}, a {kind}, has {name} {shown(part.get(name))}"


def _events(reading: Reading) -> Sequence[Mapping[str, Any]]:
    """The JSON of each event of a streamed message."""
    if not _is_success(reading) or media_type(reading.headers)[0] != "text/event-stream":
        return ()
    return [members(parse_json(event.data)) for _, event in decode(reading.frames or ()).events]


def _is_success(reading: Reading) -> bool:
    return reading.method == "POST" and reading.path == _PATH and reading.ok


def _messages(reading: Reading) -> Iterator[tuple[Mapping[str, Any], bool]]:
    """Each message of an answer, and whether it is whole; a streamed one is only begun."""
    if _is_success(reading):
        body = members(reading.json)
        if body.get("type") == "message":
            yield body, True
        for event in _events(reading):
            if event.get("type") == "message_start":
                yield members(event.get("message")), False


def _has_messages(reading: Reading) -> bool:
    return any(True for _ in _messages(reading))


def _wrong_message(reading: Reading) -> Iterator[str]:
    for message, whole in _messages(reading):
        expected = {"type": "message", "role": "assistant", "model": reading.asked.get("model")}
        for name, value in expected.items():
            if message.get(name) != value:
                yield f"{name} is {shown(message.get(name))}, not {shown(value)}"
        if not is_text(message.get("id")):
            yield f"id is {shown(message.get('id'))}, not a text"
        if not isinstance(message.get("content"), list):
            yield f"content is {shown(message.get('content'))}, not an array"
        for place, block in enumerate(elements(message.get("content"))):
            yield from _wrong_part(members(block), f"block {place}")
        if whole and message.get("stop_reason") not in STOP_REASONS:
            yield f"stop_reason is {shown(message.get('stop_reason'))}"
    for event in _events(reading):
        reason = members(event.get("delta")).get("stop_reason")
        if event.get("type") == "message_delta" and reason not in STOP_REASONS:
            yield f"the stop_reason of the stream is {shown(reason)}"


def _usages(reading: Reading) -> Iterator[tuple[str, Any, Sequence[str]]]:
    """Where a usage stands, what stands there, and which counts it must have."""
    for message, whole in _messages(reading):
        yield ("the message" if whole else "message_start"), message.get("usage"), _COUNTS
    for event in _events(reading):
        if event.get("type") == "message_delta":
            yield "message_delta", event.get("usage"), _COUNTS[1:]


def _wrong_usage(reading: Reading) -> Iterator[str]:
    for where, usage, names in _usages(reading):
        for name in names:
            value = members(usage).get(name)
            if not is_count(value):
                yield f"in {where}, {name} is {shown(value)}, not a number of tokens"
        for name, value in members(usage).items():
            if name.endswith("_tokens") and name not in names and not is_count(value):
                yield f"in {where}, {name} is {shown(value)}, not a number of tokens"


def _is_streamed(reading: Reading) -> bool:
    return reading.whole and any(event.get("type") for event in _events(reading))


_OF_BLOCKS = ("content_block_start", "content_block_delta", "content_block_stop")


def _wrong_stream(reading: Reading) -> Iterator[str]:
    events = _events(reading)
    kinds = [event.get("type") for event in events]
    if kinds[0] != "message_start":
        yield f"the stream begins with {shown(kinds[0])}"
    yield from _wrong_blocks([event for event in events if event.get("type") in _OF_BLOCKS])
    if "error" in kinds:  # it broke off, and says so
        return
    if kinds[-1] != "message_stop":
        yield f"the stream ends with {shown(kinds[-1])}"
    begun, over = (
        {event["index"] for event in events if event.get("type") == kind and _is_placed(event)}
        for kind in (_OF_BLOCKS[0], _OF_BLOCKS[-1])
    )
    for index in sorted(begun - over):
        yield f"block {index} is not stopped"


def _is_placed(event: Mapping[str, Any]) -> bool:
    return is_count(event.get("index"))


def _wrong_blocks(events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    started: set[Any] = set()
    for event in events:
        kind, index = event["type"], event.get("index")
        if not is_count(index):
            yield f"a {kind} is of the block {shown(index)}"
            continue
        if kind == "content_block_start":
            started.add(index)
        elif index not in started:
            yield f"a {kind} is of block {index}, which was not started"
        if kind != "content_block_stop":
            part = event.get("content_block" if kind == "content_block_start" else "delta")
            yield from _wrong_part(members(part), f"a {kind} of block {index}")


def _is_refusal(reading: Reading) -> bool:
    return (
        reading.method == "POST"
        and reading.path == _PATH
        and reading.status is not None
        and reading.status >= 400
        and isinstance(reading.json, dict)
    )


def _mute_refusal(reading: Reading) -> Iterator[str]:
    error = members(members(reading.json).get("error"))
    for name in ("type", "message"):
        if not is_text(error.get(name)):
            yield f"error.{name} is {shown(error.get(name))}, not a text"


LAWS = (
    Law("MESSAGES-001", Plane.ENDPOINT, _has_messages, _wrong_message),
    Law("MESSAGES-002", Plane.ENDPOINT, _has_messages, _wrong_usage),
    Law("MESSAGES-003", Plane.ENDPOINT, _is_streamed, _wrong_stream),
    Law("MESSAGES-004", Plane.ENDPOINT, _is_refusal, _mute_refusal),
)
