"""Faults of event streams."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kimi_conformance.simulator.faults.change import (
    Timed,
    on_chunk,
    on_chunks,
    on_frames,
)
from kimi_conformance.simulator.faults.fault import Change, streams
from kimi_conformance.simulator.faults.rows import Rows
from kimi_conformance.simulator.go_json import go_json
from kimi_conformance.simulator.streaming import DONE
from kimi_conformance.wire.exchange import Frame

__all__ = ["STREAMS"]

Chunks = list[Timed]


def _ends(chunk: Timed) -> bool:
    return bool(chunk.choice.get("finish_reason"))


def _calls(chunk: Timed) -> list[dict[str, Any]]:
    return chunk.delta.get("tool_calls") or []


def _without_done(frames: list[Frame]) -> list[Frame]:
    return [frame for frame in frames if frame.data != DONE]


def _done_twice(frames: list[Frame]) -> list[Frame]:
    return [*frames, frames[-1]]


def _goes_on(frames: list[Frame]) -> list[Frame]:
    """Send one chunk more, without a choice."""
    more = json.loads(frames[0].data.removeprefix(b"data: "))
    more["choices"] = []
    return [*frames, Frame(frames[-1].at, b"data: " + go_json(more) + b"\n\n")]


def _not_closed(frames: list[Frame]) -> list[Frame]:
    return [*frames[:-1], Frame(frames[-1].at, b"data: [DONE]\n")]


def _single_line_ends(frames: list[Frame]) -> list[Frame]:
    return [Frame(frame.at, frame.data[:-1]) for frame in frames]


def _named_lines(frames: list[Frame]) -> list[Frame]:
    return [Frame(frame.at, b"chunk" + frame.data[4:]) for frame in frames]


def _broken_chunk(frames: list[Frame]) -> list[Frame]:
    """Cut the first one that has text."""
    with_text = [frame for frame in frames if b'"delta":{"content":"' in frame.data][:1]
    return [
        Frame(frame.at, frame.data[:-4] + b"\n\n") if frame in with_text else frame
        for frame in frames
    ]


def _bare_lines(frames: list[Frame]) -> list[Frame]:
    return [Frame(frame.at, frame.data[6:-1]) for frame in frames]


def _never_finished(chunks: Chunks) -> Chunks:
    return [chunk for chunk in chunks if not _ends(chunk)]


def _finish_null(chunk: Timed) -> None:
    if _ends(chunk):
        chunk.choice["finish_reason"] = None


def _finish_unknown(chunk: Timed) -> None:
    if _ends(chunk):
        chunk.choice["finish_reason"] = "eos"


def _finish_twice(chunks: Chunks) -> Chunks:
    return [each for chunk in chunks for each in ([chunk] * 2 if _ends(chunk) else [chunk])]


def _goes_on_after_finish(chunks: Chunks) -> Chunks:
    text = [chunk for chunk in chunks if chunk.delta.get("content")][-1:]
    ends = [at for at, chunk in enumerate(chunks) if _ends(chunk)]
    last = ends[-1] + 1 if ends else len(chunks)
    return [*chunks[:last], *text, *chunks[last:]]


def _without_role(chunks: Chunks) -> Chunks:
    return [chunk for chunk in chunks if "role" not in chunk.delta]


def _role_wrong(chunk: Timed) -> None:
    if "role" in chunk.delta:
        chunk.delta["role"] = "user"


def _changes(name: str, value: Callable[[Any], object]) -> Change:
    """Change a field from the second chunk on."""

    def edit(chunks: Chunks) -> None:
        for chunk in chunks[1:]:
            chunk.body[name] = value(chunk.body[name])

    return on_chunks(edit)


def _without_index(chunk: Timed) -> None:
    chunk.choice.pop("index", None)


def _text_lost(chunks: Chunks) -> Chunks:
    texts = [chunk for chunk in chunks if chunk.delta.get("content")]
    return [chunk for chunk in chunks if not texts or chunk is not texts[len(texts) // 2]]


def _text_doubled(chunks: Chunks) -> Chunks:
    texts = [chunk for chunk in chunks if chunk.delta.get("content")]
    return [
        each
        for chunk in chunks
        for each in ([chunk, chunk] if texts and chunk is texts[0] else [chunk])
    ]


def _text_grows(chunks: Chunks) -> None:
    """Say all that was said so far in each chunk, not only what is new."""
    said = ""
    for chunk in chunks:
        if chunk.delta.get("content"):
            said += chunk.delta["content"]
            chunk.delta["content"] = said


def _as_message(chunk: Timed) -> None:
    if "delta" in chunk.choice:
        chunk.choice["message"] = chunk.choice.pop("delta")


def _without_usage(chunks: Chunks) -> Chunks:
    for chunk in chunks:
        chunk.choice.pop("usage", None)
    return [chunk for chunk in chunks if chunk.body.get("choices")]


def _without_choice_usage(chunk: Timed) -> None:
    chunk.choice.pop("usage", None)


def _without_usage_chunk(chunks: Chunks) -> Chunks:
    return [chunk for chunk in chunks if chunk.body.get("choices")]


def _usage_wrong(chunk: Timed) -> None:
    for usage in (chunk.choice.get("usage"), chunk.body.get("usage")):
        if usage:
            usage["total_tokens"] += 1


def _usage_apart(chunk: Timed) -> None:
    usage = chunk.body.get("usage")
    if usage:
        usage["completion_tokens"] += 1
        usage["total_tokens"] += 1


def _usage_early(chunks: Chunks) -> None:
    usage = next((each.choice["usage"] for each in chunks if "usage" in each.choice), None)
    if usage:
        chunks[0].choice["usage"] = usage


def _call_without_id(chunk: Timed) -> None:
    for call in _calls(chunk):
        call.pop("id", None)


def _call_repeats_head(chunks: Chunks) -> None:
    heads: dict[tuple[int, int], dict[str, Any]] = {}
    for chunk in chunks:
        for call in _calls(chunk):
            key = (chunk.choice["index"], call["index"])
            head = heads.setdefault(key, call)
            call["id"] = head["id"]


def _call_arguments_cut(chunks: Chunks) -> Chunks:
    pieces = [chunk for chunk in chunks if _calls(chunk)]
    return [chunk for chunk in chunks if not pieces or chunk is not pieces[-1]]


def _call_index_gap(chunk: Timed) -> None:
    for call in _calls(chunk):
        call["index"] += 1


def _call_without_index(chunk: Timed) -> None:
    for call in _calls(chunk):
        call.pop("index")


def _interrupted(frames: list[Frame]) -> list[Frame]:
    """Send an error in the middle, and end there."""
    error = b'data: {"error":{"message":"internal server error","type":"server_error"}}\n\n'
    middle = len(frames) // 2
    return [*frames[:middle], Frame(frames[middle].at, error)]


def _in_one_go(frames: list[Frame]) -> list[Frame]:
    """Hold everything back until the end: no stream in truth."""
    return [replace(frame, at=frames[-1].at) for frame in frames]


_row = Rows(streams)

STREAMS = (
    _row("done_missing", "Ends without [DONE].", on_frames(_without_done), "SSE-005"),
    _row("done_twice", "Says [DONE] twice.", on_frames(_done_twice), "SSE-006"),
    _row("data_after_done", "Goes on after [DONE].", on_frames(_goes_on), "SSE-006"),
    _row("done_not_closed", "Does not close [DONE].", on_frames(_not_closed), "SSE-005", "SSE-007"),
    _row(
        "blank_lines_missing",
        "Ends events with one line end in place of two.",
        on_frames(_single_line_ends),
        "SSE-004",
        "SSE-005",
        "SSE-007",
        "CHAT-009",
        "USAGE-007",
    ),
    _row(
        "field_name_wrong",
        "Names its lines otherwise.",
        on_frames(_named_lines),
        "SSE-003",
        "SSE-004",
        "SSE-005",
        "CHAT-009",
        "USAGE-007",
    ),
    _row(
        "field_name_missing",
        "Sends bare JSON lines.",
        on_frames(_bare_lines),
        "SSE-003",
        "SSE-004",
        "SSE-005",
        "CHAT-009",
        "USAGE-007",
    ),
    _row("chunk_json_broken", "Cuts the JSON of a chunk.", on_frames(_broken_chunk), "SSE-008"),
    _row(
        "stream_error",
        "Breaks off with an error event.",
        on_frames(_interrupted),
        "SSE-004",
        "SSE-005",
        "SSE-009",
        "SSE-010",
        "SSE-011",
        "SSE-012",
        "SSE-013",
        "SSE-016",
        "USAGE-007",
    ),
    _row("stream_held_back", "Sends all chunks at the end.", on_frames(_in_one_go)),
    _row(
        "finish_missing",
        "Leaves out the chunk that ends the choice.",
        on_chunks(_never_finished),
        "SSE-004",
        "SSE-016",
    ),
    _row(
        "stream_finish_null",
        "Does not say in a stream why it ended.",
        on_chunk(_finish_null),
        "SSE-004",
        "SSE-016",
        "USAGE-005",
    ),
    _row(
        "stream_finish_wrong",
        "Ends a stream in a way that nobody knows.",
        on_chunk(_finish_unknown),
        "SSE-017",
    ),
    _row("finish_twice", "Ends a choice twice.", on_chunks(_finish_twice), "SSE-015"),
    _row(
        "delta_after_finish",
        "Goes on after it has ended a choice.",
        on_chunks(_goes_on_after_finish),
        "SSE-004",
        "SSE-015",
    ),
    _row("role_missing", "Does not say the role.", on_chunks(_without_role), "SSE-014"),
    _row("stream_role_wrong", "Streams as the user.", on_chunk(_role_wrong), "SSE-014"),
    _row("id_changes", "Changes the id.", _changes("id", lambda was: f"{was}0"), "SSE-010"),
    _row("model_changes", "Changes the model.", _changes("model", lambda _: "kimi"), "SSE-011"),
    _row("created_changes", "Changes the time.", _changes("created", lambda at: at + 1), "SSE-012"),
    _row(
        "chunk_object_wrong",
        "Calls chunks whole completions.",
        on_chunk(lambda chunk: chunk.body.update(object="chat.completion")),
        "SSE-009",
    ),
    _row(
        "choices_missing",
        "Leaves out the choices of every chunk.",
        on_chunk(lambda chunk: chunk.body.pop("choices")),
        "SSE-004",
        "SSE-013",
        "CHAT-009",
        "USAGE-005",
        "USAGE-007",
    ),
    _row(
        "choice_index_missing",
        "Does not number choices.",
        on_chunk(_without_index),
        "SSE-004",
        "SSE-013",
        "CHAT-009",
    ),
    _row(
        "delta_is_message",
        "Says message for delta.",
        on_chunk(_as_message),
        "SSE-013",
        "SSE-014",
        "TOOLCALL-005",
    ),
    _row("text_lost", "Loses a piece of the text.", on_chunks(_text_lost)),
    _row("text_doubled", "Sends a piece of the text twice.", on_chunks(_text_doubled)),
    _row("text_grows", "Repeats all that was said.", on_chunks(_text_grows)),
    _row("stream_usage_missing", "Streams no usage.", on_chunks(_without_usage), "USAGE-007"),
    _row(
        "choice_usage_missing", "Streams no usage in the choice.", on_chunk(_without_choice_usage)
    ),
    _row(
        "usage_chunk_missing",
        "Leaves out the usage chunk that was asked for.",
        on_chunks(_without_usage_chunk),
        "USAGE-007",
    ),
    _row("stream_usage_wrong", "Adds up wrongly.", on_chunk(_usage_wrong), "USAGE-002"),
    _row("usage_differs", "Counts differently at the end.", on_chunk(_usage_apart), "USAGE-006"),
    _row("usage_early", "Says the usage at the start.", on_chunks(_usage_early), "USAGE-005"),
    _row(
        "stream_call_without_id",
        "Streams tool calls without an id.",
        on_chunk(_call_without_id),
        "TOOLCALL-001",
    ),
    _row(
        "stream_call_repeats_id",
        "Says the id in every piece of a tool call.",
        on_chunks(_call_repeats_head),
        "TOOLCALL-002",
    ),
    _row(
        "stream_call_arguments_cut",
        "Loses the last piece of the arguments.",
        on_chunks(_call_arguments_cut),
        "TOOLCALL-004",
    ),
    _row(
        "stream_call_index_gap",
        "Counts streamed tool calls from 1.",
        on_chunk(_call_index_gap),
        "TOOLCALL-003",
    ),
    _row(
        "stream_call_without_index",
        "Does not number streamed tool calls.",
        on_chunk(_call_without_index),
        "TOOLCALL-003",
        "TOOLCALL-005",
    ),
)
