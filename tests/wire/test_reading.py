"""An exchange is read as it stands: calls, usages and frames, none of them tidied."""

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from kimi_conformance.wire import Answer, Exchange, Frame, Request
from kimi_conformance.wire.reading import CHAT, Reading, Reply, ToolCall, Usage, media_type

EVENTS = (("Content-Type", "text/event-stream"),)


def reading(*bodies: bytes, stream: bool = False, headers: Any = (), **members: Any) -> Reading:
    sent = json.dumps({"stream": stream}).encode()
    frames = tuple(Frame(float(at), body) for at, body in enumerate(bodies, start=1))
    headers = headers or (EVENTS if stream else ())
    answer = Answer(headers=headers, frames=frames, **members)
    request = Request(method="POST", path=CHAT, body=sent)
    return Reading(Exchange(id="x", request=request, answer=answer, started=0.0, source="script"))


def whole(*choices: Any, **members: Any) -> Reading:
    return reading(json.dumps({"choices": choices, **members}).encode())


def streamed(*chunks: Any) -> Reading:
    return reading(
        *(b"data: " + json.dumps(each).encode() + b"\n\n" for each in chunks), stream=True
    )


def piece(index: Any = 0, *calls: Any, usage: Any = None, finish: Any = None) -> Any:
    delta = {"tool_calls": list(calls)}
    return {"index": index, "delta": delta, "usage": usage, "finish_reason": finish}


def test_the_calls_of_a_whole_answer_are_as_they_stand() -> None:
    call = {"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}
    ended = {"message": {"tool_calls": [call, "odd"]}, "finish_reason": "tool_calls"}

    assert whole(ended, None).replies == [
        Reply(
            where="choice 0",
            finish_reason="tool_calls",
            tool_calls=(
                ToolCall(id="a", name="f", arguments={"x": 1}),
                ToolCall(id=None, name=None, arguments=None),
            ),
        ),
        Reply(where="choice 1", finish_reason=None, tool_calls=()),
    ]


def test_the_pieces_of_a_streamed_call_are_joined() -> None:
    begins = {"index": 1, "id": "b", "function": {"name": "g", "arguments": '{"x"'}}
    other = {"index": 0, "id": "a", "function": {"name": "f", "arguments": 5}}
    found = streamed(
        {"choices": [piece(2, begins)]},
        {"choices": [piece(2, other, {"id": "of no call"})]},
        {"choices": [piece(2, {"index": 1, "function": {"name": "h", "arguments": ":1}"}})]},
        {"choices": [piece(2, finish="tool_calls"), piece("2", begins)]},
        {"choices": [piece(2, finish="stop")]},
    )

    assert found.replies == [
        Reply(
            where="choice 2",
            finish_reason="tool_calls",
            tool_calls=(
                ToolCall(id="b", name="g", arguments='{"x":1}'),
                ToolCall(id="a", name="f", arguments=5),
            ),
        )
    ]


def test_a_usage_in_one_piece_stands_well_anywhere() -> None:
    found = whole({"usage": {"a": 1}}, {"usage": None}, 5, usage={"b": 2})

    assert found.usages == [
        Usage(where="the body", body={"b": 2}, in_place=True),
        Usage(where="choice 0", body={"a": 1}, in_place=True),
    ]


def test_a_usage_in_a_stream_stands_well_at_an_end_only() -> None:
    found = streamed(
        {"choices": [piece(0, usage=1)], "usage": 2},
        {"choices": [piece(None, usage=3, finish="stop")]},
        {"choices": [], "usage": 4},
        {"usage": 5},
    )

    assert found.usages == [
        Usage(where="event 1", body=2, in_place=False),
        Usage(where="event 1, choice 0", body=1, in_place=False),
        Usage(where="event 2, choice ?", body=3, in_place=True),
        Usage(where="event 3", body=4, in_place=True),
        Usage(where="event 4", body=5, in_place=False),
    ]


@pytest.mark.parametrize(
    ("coding", "pack"),
    [("gzip", gzip.compress), ("X-GZIP", gzip.compress), ("deflate", zlib.compress)],
)
def test_frames_keep_their_times_when_their_coding_is_undone(
    coding: str, pack: Callable[[bytes], bytes]
) -> None:
    packed = pack(b"hello")

    found = reading(packed[:2], packed[2:], b"", headers=(("Content-Encoding", coding),))

    assert found.frames == [Frame(2.0, b"hello")]
    assert found.body == b"hello"


@pytest.mark.parametrize("coding", ["br", "gzip"])
def test_what_cannot_be_unpacked_has_no_body(coding: str) -> None:
    found = reading(b"plain", headers=(("Content-Encoding", coding),))

    assert (found.frames, found.body, found.usages, found.replies) == (None, None, (), ())


def test_what_was_written_byte_by_byte_has_no_parts() -> None:
    found = reading(b"HTTP/1.1 200 OK", raw=True, headers=(("Content-Encoding", "br"),))

    assert (found.status, found.headers, found.frames, found.ok) == (None, (), (), False)


@pytest.mark.parametrize(("status", "ok"), [(199, False), (200, True), (299, True), (300, False)])
def test_which_status_is_one_of_success(status: int, ok: bool) -> None:
    assert reading(status=status).ok is ok


@pytest.mark.parametrize(
    ("bodies", "model"),
    [(({"model": "a"}, {"model": "b"}), "a"), (({}, {"model": "b"}), None), ((), None)],
)
def test_the_model_of_a_stream_is_that_of_its_first_chunk(bodies: Any, model: str | None) -> None:
    assert streamed(*bodies).model == model
    assert whole(model=model).model == model


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text/Plain", ("text/plain", None)),
        (' a/b ; x=1; Charset = "UTF-8" ', ("a/b", "utf-8")),
        ("a/b; charset=X-Own=1", ("a/b", "x-own=1")),
        ("a/b; charset", ("a/b", "")),
        ("", ("", None)),
    ],
)
def test_a_media_type_is_read_with_its_charset(
    value: str, expected: tuple[str, str | None]
) -> None:
    assert media_type((("Content-Type", value),)) == expected
    assert media_type(()) == ("", None)
