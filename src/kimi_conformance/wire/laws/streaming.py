"""Laws of a streamed chat completion: its framing, and the order of its chunks."""

from collections.abc import Callable, Iterator
from typing import Any

from kimi_conformance.requirements import Plane
from kimi_conformance.wire.chat_stream import DONE
from kimi_conformance.wire.exchange import header
from kimi_conformance.wire.json_values import elements, is_count, is_text, members, shown
from kimi_conformance.wire.law import Law
from kimi_conformance.wire.laws.completion import FINISH_REASONS
from kimi_conformance.wire.reading import Reading, media_type

__all__ = ["LAWS"]


def _is_granted(reading: Reading) -> bool:
    return reading.is_chat and reading.ok and reading.asks_for_stream


def _is_stream(reading: Reading) -> bool:
    return reading.is_stream


def _is_whole_stream(reading: Reading) -> bool:
    """A stream that was cut is WIRE-001's: what it lacks at its end is no fault of its own."""
    return reading.is_stream and reading.whole


def _has_chunks(reading: Reading) -> bool:
    return reading.is_stream and bool(reading.stream.chunks)


def _has_pieces(reading: Reading) -> bool:
    return reading.is_stream and bool(reading.stream.pieces)


def _has_whole_pieces(reading: Reading) -> bool:
    return _has_pieces(reading) and reading.whole


def _wrong_type(reading: Reading) -> Iterator[str]:
    kind, charset = media_type(reading.headers)
    if kind != "text/event-stream":
        yield f"Content-Type is {shown(header(reading.headers, 'Content-Type'))}"
    elif charset not in {None, "utf-8"}:
        yield f"Content-Type names the charset {shown(charset)}"


def _lines(reading: Reading) -> Iterator[tuple[int, bytes]]:
    body = (reading.body or b"").removeprefix(b"\xef\xbb\xbf")
    lines = body.splitlines()
    if lines and not body.endswith((b"\n", b"\r")):
        lines.pop()  # not ended: SSE-007 judges it
    return enumerate(lines, start=1)


def _wrong_bytes(reading: Reading) -> Iterator[str]:
    for number, line in _lines(reading):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            yield f"line {number} is not UTF-8: {error.reason} at byte {error.start}"


def _foreign_fields(reading: Reading) -> Iterator[str]:
    for number, line in _lines(reading):
        name = line.partition(b":")[0]
        if line and name not in {b"", b"data"}:
            yield f"line {number} is neither data nor comment: {shown(line)}"


def _ends_unfinished(reading: Reading) -> Iterator[str]:
    pieces = reading.stream.pieces
    if not pieces:
        yield "no chunk has a choice"
        return
    last = max((many[-1] for many in pieces.values()), key=lambda piece: piece.number)
    if last.finish_reason is None:
        yield f"event {last.number}, the last one with a choice, has no finish_reason"


def _never_done(reading: Reading) -> Iterator[str]:
    if not any(event.done for event in reading.stream.events):
        yield f"the stream ended without {DONE}"


def _is_done(reading: Reading) -> bool:
    return reading.is_stream and any(event.done for event in reading.stream.events)


def _goes_on_after_done(reading: Reading) -> Iterator[str]:
    numbers = [event.number for event in reading.stream.events if event.done]
    for event in reading.stream.events:
        if event.number > numbers[0]:
            yield f"event {event.number} follows {DONE}: {shown(event.data)}"


def _left_open(reading: Reading) -> Iterator[str]:
    remainder = reading.stream.decoded.remainder
    if remainder.lost:
        rest = remainder.line or (remainder.data or "").encode()
        yield f"no blank line closes the last event: {shown(rest)}"


def _unreadable_payload(reading: Reading) -> Iterator[str]:
    for event in reading.stream.events:
        if not (event.done or isinstance(event.body, dict)):
            yield f"event {event.number} is neither a JSON object nor {DONE}: {shown(event.data)}"


def _wrong_object(reading: Reading) -> Iterator[str]:
    for chunk in reading.stream.chunks:
        if chunk.body.get("object") != "chat.completion.chunk":
            yield f"event {chunk.number} has object {shown(chunk.body.get('object'))}"


def _changes(
    name: str, fits: Callable[[Any], bool], what: str
) -> Callable[[Reading], Iterator[str]]:
    """The law that every chunk has this member, fit, and as the first chunk has it."""

    def says(reading: Reading) -> Iterator[str]:
        first = None
        for chunk in reading.stream.chunks:
            value = chunk.body.get(name)
            if not fits(value):
                yield f"event {chunk.number} has {name} {shown(value)}, not {what}"
                continue
            first = value if first is None else first
            if value != first:
                yield f"event {chunk.number} has {name} {shown(value)}, the first {shown(first)}"

    return says


def _is_time(value: Any) -> bool:
    return is_count(value) and value > 0


def _wrong_choices(reading: Reading) -> Iterator[str]:
    for chunk in reading.stream.chunks:
        choices = chunk.body.get("choices")
        if not isinstance(choices, list):
            yield f"event {chunk.number} has choices {shown(choices)}, not an array"
        for choice in elements(choices):
            for fault in _choice_faults(members(choice)):
                yield f"event {chunk.number}: {fault}"


def _choice_faults(choice: Any) -> Iterator[str]:
    if not is_count(choice.get("index")):
        yield f"a choice has index {shown(choice.get('index'))}"
    delta = choice.get("delta")
    if not isinstance(delta, dict):
        yield f"a choice has delta {shown(delta)}, not an object"
    for name in ("content", "reasoning_content"):
        text = members(delta).get(name)
        if not (text is None or isinstance(text, str)):
            yield f"delta.{name} is {shown(text)}, not a text"
    calls = members(delta).get("tool_calls")
    if not (calls is None or isinstance(calls, list)):
        yield f"delta.tool_calls is {shown(calls)}, not an array"


def _begins_without_role(reading: Reading) -> Iterator[str]:
    for index, (first, *later) in reading.stream.pieces.items():
        if first.delta.get("role") != "assistant":
            yield (
                f"choice {index} begins at event {first.number} "
                f"with the role {shown(first.delta.get('role'))}"
            )
        for piece in later:
            if piece.delta.get("role") not in (None, "assistant"):
                yield f"event {piece.number} turns choice {index} into {shown(piece.delta['role'])}"


def _goes_on_after_finish(reading: Reading) -> Iterator[str]:
    for index, pieces in reading.stream.pieces.items():
        finished = None
        for piece in pieces:
            if finished is not None:
                yield f"choice {index} ended at event {finished}, event {piece.number} goes on"
            elif piece.finish_reason is not None:
                finished = piece.number


def _never_finished(reading: Reading) -> Iterator[str]:
    for index, pieces in reading.stream.pieces.items():
        if all(piece.finish_reason is None for piece in pieces):
            yield f"choice {index} began at event {pieces[0].number} and never ends"


def _unknown_reason(reading: Reading) -> Iterator[str]:
    for index, pieces in reading.stream.pieces.items():
        for piece in pieces:
            if piece.finish_reason not in (None, *FINISH_REASONS):
                reason = shown(piece.finish_reason)
                yield f"choice {index} ends at event {piece.number} with finish_reason {reason}"


LAWS = (
    Law("SSE-001", Plane.ENDPOINT, _is_granted, _wrong_type),
    Law("SSE-002", Plane.ENDPOINT, _is_stream, _wrong_bytes),
    Law("SSE-003", Plane.ENDPOINT, _is_stream, _foreign_fields),
    Law("SSE-004", Plane.ENDPOINT, _is_whole_stream, _ends_unfinished),
    Law("SSE-005", Plane.ENDPOINT, _is_whole_stream, _never_done),
    Law("SSE-006", Plane.ENDPOINT, _is_done, _goes_on_after_done),
    Law("SSE-007", Plane.ENDPOINT, _is_whole_stream, _left_open),
    Law("SSE-008", Plane.ENDPOINT, _is_stream, _unreadable_payload),
    Law("SSE-009", Plane.ENDPOINT, _has_chunks, _wrong_object),
    Law("SSE-010", Plane.ENDPOINT, _has_chunks, _changes("id", is_text, "a text")),
    Law("SSE-011", Plane.ENDPOINT, _has_chunks, _changes("model", is_text, "a text")),
    Law("SSE-012", Plane.ENDPOINT, _has_chunks, _changes("created", _is_time, "a time")),
    Law("SSE-013", Plane.ENDPOINT, _has_chunks, _wrong_choices),
    Law("SSE-014", Plane.ENDPOINT, _has_pieces, _begins_without_role),
    Law("SSE-015", Plane.ENDPOINT, _has_pieces, _goes_on_after_finish),
    Law("SSE-016", Plane.ENDPOINT, _has_whole_pieces, _never_finished),
    Law("SSE-017", Plane.ENDPOINT, _has_pieces, _unknown_reason),
)
