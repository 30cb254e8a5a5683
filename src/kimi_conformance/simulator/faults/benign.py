"""Benign variants: what a sound endpoint may do as well. Every check stays green with each."""

import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from kimi_conformance.simulator.faults.change import (
    Timed,
    is_json,
    is_stream,
    json_of,
    on_answer,
    on_chunk,
    on_chunks,
    on_frames,
    on_json,
    with_header,
    with_json,
)
from kimi_conformance.simulator.faults.fault import (
    Change,
    Parameters,
    Sound,
    models,
    streams,
    wholes,
)
from kimi_conformance.simulator.faults.rows import Rows
from kimi_conformance.wire.exchange import Answer, Frame, Request

__all__ = ["BENIGN"]

_COMMENT = b": keep-alive\n\n"


def _line_ends(end: bytes) -> Change:
    def edit(frames: list[Frame]) -> list[Frame]:
        return [Frame(frame.at, frame.data.replace(b"\n", end)) for frame in frames]

    return on_frames(edit)


def _comments(frames: list[Frame]) -> list[Frame]:
    return [each for frame in frames for each in (Frame(frame.at, _COMMENT), frame)]


def _no_space(frames: list[Frame]) -> list[Frame]:
    return [Frame(frame.at, frame.data.replace(b"data: ", b"data:", 1)) for frame in frames]


def _cut_inside_characters(answer: Answer) -> Answer:
    """Cut each frame after the first byte of its first character outside ASCII."""
    frames: list[Frame] = []
    for frame in answer.frames:
        cut = next((at for at, byte in enumerate(frame.data) if byte >= 0xC0), -1) + 1
        pieces = (frame.data[:cut], frame.data[cut:])
        frames += [Frame(frame.at, piece) for piece in pieces if piece]
    return replace(answer, frames=tuple(frames))


def _byte_by_byte(answer: Answer) -> Answer:
    return replace(answer, frames=tuple(_bytes_of(answer.frames)))


def _bytes_of(frames: Iterable[Frame]) -> Iterator[Frame]:
    return (Frame(frame.at, bytes((byte,))) for frame in frames for byte in frame.data)


def _at_once(answer: Answer) -> Answer:
    if not answer.frames:
        return answer
    return replace(answer, frames=(Frame(answer.frames[-1].at, answer.body),))


def _gzipped(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Compress JSON for those who accept it."""
    answer = sound.reply(request)
    if "gzip" not in (request.header("Accept-Encoding") or "") or is_stream(answer):
        return answer
    data = gzip.compress(answer.body, mtime=0)
    packed = replace(answer, frames=(Frame(answer.frames[0].at, data),))
    return with_header(packed, "Content-Encoding", "gzip")


def _lower_case_headers(answer: Answer) -> Answer:
    return replace(answer, headers=tuple((name.lower(), value) for name, value in answer.headers))


def _more_headers(answer: Answer) -> Answer:
    more = (
        ("X-Msh-Trace-Id", "0" * 32),
        ("CF-RAY", "8c0d1e2f3a4b5c6d-HKG"),
        ("cf-cache-status", "DYNAMIC"),
        ("Strict-Transport-Security", "max-age=15724800; includeSubDomains"),
        ("X-Nobody-Knows", "this"),
    )
    return replace(answer, headers=(*answer.headers, *more))


def _no_charset(answer: Answer) -> Answer:
    kind = (answer.header("Content-Type") or "").partition(";")[0]
    return with_header(answer, "Content-Type", kind)


def _rewritten(dump: Callable[[Any], str]) -> Change:
    """Write every JSON body, and the JSON of every chunk, in another way."""

    def edited(answer: Answer) -> Answer:
        if is_stream(answer):
            frames = [Frame(each.at, _event_rewritten(each.data, dump)) for each in answer.frames]
            return replace(answer, frames=tuple(frames))
        kind = answer.header("Content-Type") or ""
        if not answer.frames or not kind.startswith("application/json"):
            return answer  # a file is what it is
        frames = [Frame(answer.frames[0].at, dump(json_of(answer)).encode())]
        return replace(answer, frames=tuple(frames))

    return on_answer(edited)


def _event_rewritten(event: bytes, dump: Callable[[Any], str]) -> bytes:
    """Write the JSON of one event in another way; what stands before it, and [DONE], stay."""
    head, found, data = event.partition(b"data: ")
    if not found or not data.startswith(b"{"):
        return event
    return head + found + dump(json.loads(data)).encode() + b"\n\n"


def _spaced(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(" , ", " : "))


def _sorted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _escaped(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _unknown_fields(answer: Answer) -> Answer | None:
    if not is_json(answer):
        return None
    body = json_of(answer)
    _grow(body)
    return with_json(answer, body)


def _grow(value: Any) -> None:
    """Put a field that nobody knows into each object, but not into what a client sent."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key not in {"messages", "tools", "metadata", "function"}:
                _grow(each)
        value["x_unknown"] = {"is": ["anything", None]}
    elif isinstance(value, list):
        for each in value:
            _grow(each)


def _chunk_unknown_fields(chunk: Timed) -> None:
    _grow(chunk.body)


def _null_usage(chunk: Timed) -> None:
    chunk.body.setdefault("usage", None)


def _no_fingerprint(chunk: Timed) -> None:
    chunk.body.pop("system_fingerprint", None)


def _optional_fields(chunk: Timed) -> None:
    chunk.body["service_tier"] = "default"
    chunk.choice.update(logprobs=None)


def _on_whole(edit: Callable[[dict[str, Any]], object]) -> Change:
    """Edit whole chat completions."""
    edited = on_json(edit)

    def change(request: Request, sound: Sound, parameters: Parameters) -> Answer:
        if not wholes(request):
            return sound.reply(request)
        return edited(request, sound, parameters)

    return change


def _whole_optional_fields(body: dict[str, Any]) -> None:
    body["service_tier"] = "default"
    for choice in body["choices"]:
        choice["logprobs"] = None
        choice["message"].update(refusal=None, annotations=[])


def _null_content(body: dict[str, Any]) -> None:
    for choice in body["choices"]:
        if choice["message"].get("tool_calls"):
            choice["message"]["content"] = None


def _no_call_index(body: dict[str, Any]) -> None:
    for choice in body["choices"]:
        for call in choice["message"].get("tool_calls", ()):
            call.pop("index")


def _details(usage: dict[str, Any] | None) -> None:
    if usage:
        usage["prompt_tokens_details"] = {"cached_tokens": usage.get("cached_tokens", 0)}
        usage["completion_tokens_details"] = {"reasoning_tokens": 0}


def _stream_details(chunk: Timed) -> None:
    _details(chunk.choice.get("usage"))
    _details(chunk.body.get("usage"))


def _whole_details(body: dict[str, Any]) -> None:
    _details(body.get("usage"))


def _uuid(id: str) -> str:
    digits = id.removeprefix("chatcmpl-").ljust(32, "0")
    parts = (digits[:8], digits[8:12], f"4{digits[13:16]}", f"a{digits[17:20]}", digits[20:32])
    return f"chatcmpl-{'-'.join(parts)}"


def _uuid_ids(body: dict[str, Any]) -> None:
    body["id"] = _uuid(body["id"])


def _stream_uuid_ids(chunk: Timed) -> None:
    chunk.body["id"] = _uuid(chunk.body["id"])


def _list_edit(edit: Callable[[dict[str, Any]], object]) -> Change:
    edited = on_json(edit)

    def change(request: Request, sound: Sound, parameters: Parameters) -> Answer:
        if not models(request):
            return sound.reply(request)
        return edited(request, sound, parameters)

    return change


def _reversed_list(body: dict[str, Any]) -> None:
    body["data"].reverse()


def _bare_items(body: dict[str, Any]) -> None:
    for item in body["data"]:
        for name in ("permission", "root", "parent"):
            item.pop(name, None)


def _larger_list(body: dict[str, Any]) -> None:
    body["data"].append({**body["data"][0], "id": "kimi-of-tomorrow"})


def _pairs(chunks: list[Timed]) -> list[Timed]:
    """Join neighbouring pieces of one choice's text two by two."""
    joined: list[Timed] = []
    open_one = False
    for chunk in chunks:
        text = chunk.delta.get("content")
        last = joined[-1] if joined else chunk
        if text and open_one and last.choice["index"] == chunk.choice["index"]:
            last.delta["content"] += text
            open_one = False
        else:
            joined.append(chunk)
            open_one = bool(text)
    return joined


def _characters(chunks: list[Timed]) -> list[Timed]:
    """Send the text character by character."""
    small: list[Timed] = []
    for chunk in chunks:
        text = chunk.delta.get("content")
        small += [_with_delta(chunk, {"content": each}) for each in text] if text else [chunk]
    return small


def _empty_deltas(chunks: list[Timed]) -> list[Timed]:
    """Put a delta that adds nothing before each one that adds text."""
    more: list[Timed] = []
    for chunk in chunks:
        if chunk.delta.get("content"):
            more.append(_with_delta(chunk, {"content": ""}))
        more.append(chunk)
    return more


def _with_delta(chunk: Timed, delta: dict[str, Any]) -> Timed:
    return Timed(chunk.at, {**chunk.body, "choices": [{**chunk.choice, "delta": delta}]})


def _whole_arguments(chunks: list[Timed]) -> list[Timed]:
    """Send the arguments of a tool call in one piece, after its head."""
    kept: list[Timed] = []
    pieces: dict[tuple[int, int], dict[str, Any]] = {}
    for chunk in chunks:
        calls = chunk.delta.get("tool_calls")
        if not calls or "id" in calls[0]:
            kept.append(chunk)
            continue
        key = (chunk.choice["index"], calls[0]["index"])
        if key in pieces:
            pieces[key]["arguments"] += calls[0]["function"]["arguments"]
        else:
            pieces[key] = calls[0]["function"]
            kept.append(chunk)
    return kept


def _role_repeated(chunk: Timed) -> None:
    if chunk.delta:
        chunk.delta["role"] = "assistant"


_row = Rows(benign=True)

BENIGN = (
    _row("crlf_lines", "Ends lines with CRLF.", _line_ends(b"\r\n"), touches=streams),
    _row("cr_lines", "Ends lines with CR.", _line_ends(b"\r"), touches=streams),
    _row("keep_alives", "Sends comments between events.", on_frames(_comments), touches=streams),
    _row("no_space", "Leaves out the space after data:.", on_frames(_no_space), touches=streams),
    _row("split_characters", "Cuts inside characters.", on_answer(_cut_inside_characters)),
    _row("byte_by_byte", "Sends one byte at a time.", on_answer(_byte_by_byte)),
    _row("all_at_once", "Sends all events together.", on_answer(_at_once)),
    _row("gzipped", "Compresses JSON for those who accept it.", _gzipped),
    _row("lower_case_headers", "Writes headers in lower case.", on_answer(_lower_case_headers)),
    _row("more_headers", "Sends headers that nobody knows.", on_answer(_more_headers)),
    _row("no_charset", "Says no charset.", on_answer(_no_charset)),
    _row("spaced_json", "Writes JSON with white space.", _rewritten(_spaced)),
    _row("sorted_keys", "Sorts the keys of objects.", _rewritten(_sorted)),
    _row("escaped_json", "Escapes all but ASCII.", _rewritten(_escaped)),
    _row("unknown_fields", "Adds fields that nobody knows.", on_answer(_unknown_fields)),
    _row(
        "unknown_chunk_fields",
        "Adds fields that nobody knows to chunks.",
        on_chunk(_chunk_unknown_fields),
        touches=streams,
    ),
    _row(
        "null_usage", "Says usage null in ordinary chunks.", on_chunk(_null_usage), touches=streams
    ),
    _row(
        "no_fingerprint", "Says no system_fingerprint.", on_chunk(_no_fingerprint), touches=streams
    ),
    _row(
        "optional_chunk_fields", "Says logprobs null.", on_chunk(_optional_fields), touches=streams
    ),
    _row(
        "optional_fields", "Says refusal null.", _on_whole(_whole_optional_fields), touches=wholes
    ),
    _row("null_content", "Says content null with calls.", _on_whole(_null_content), touches=wholes),
    _row(
        "no_call_index", "Does not number whole calls.", _on_whole(_no_call_index), touches=wholes
    ),
    _row("usage_details", "Says usage in detail.", _on_whole(_whole_details), touches=wholes),
    _row(
        "stream_usage_details",
        "Streams usage in detail.",
        on_chunk(_stream_details),
        touches=streams,
    ),
    _row("uuid_ids", "Gives ids as UUIDs.", _on_whole(_uuid_ids), touches=wholes),
    _row("stream_uuid_ids", "Streams ids as UUIDs.", on_chunk(_stream_uuid_ids), touches=streams),
    _row("larger_chunks", "Sends two tokens a chunk.", on_chunks(_pairs), touches=streams),
    _row("smaller_chunks", "Sends a character a chunk.", on_chunks(_characters), touches=streams),
    _row(
        "empty_deltas", "Sends chunks that add nothing.", on_chunks(_empty_deltas), touches=streams
    ),
    _row("whole_arguments", "Sends arguments whole.", on_chunks(_whole_arguments), touches=streams),
    _row(
        "role_repeated", "Says the role in each chunk.", on_chunk(_role_repeated), touches=streams
    ),
    _row(
        "reversed_list",
        "Lists the models the other way.",
        _list_edit(_reversed_list),
        touches=models,
    ),
    _row(
        "list_without_object",
        "Does not call the list a list.",
        _list_edit(lambda body: body.pop("object")),
        touches=models,
    ),
    _row("bare_items", "Leaves out optional fields.", _list_edit(_bare_items), touches=models),
    _row("larger_list", "Lists a model more.", _list_edit(_larger_list), touches=models),
)
