"""Streams: bytes to chunks, and chunks to a whole answer."""

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_conformance.adapters.protocol import Chunk
from kimi_conformance.adapters.reference import (
    LLMConnectionError,
    LLMError,
    LLMRateLimitError,
    joined,
)
from kimi_conformance.adapters.reference.streaming import LONGEST_EVENT, ChunkReader


def event(body: object, end: str = "\n\n") -> bytes:
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return f"data: {text}{end}".encode()


def read(*pieces: bytes) -> list[Mapping[str, Any]]:
    reader = ChunkReader("sk-key")
    bodies = [body for piece in pieces for body in reader.feed(piece)]
    reader.end()
    return bodies


def piece(delta: Mapping[str, Any], index: int = 0, **more: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "finish_reason": None, **more}
    return {"id": "c", "model": "m", "choices": [choice]}


BODIES = [piece({"role": "assistant", "content": ""}), piece({"content": "月之暗面 ü"}), {"x": 1}]


@given(
    end=st.sampled_from(["\n\n", "\r\n\r\n", "\r\r"]),
    noise=st.sampled_from(["", ": keep-alive\n\n", "data:\n\n", "event: ping\n\n"]),
    cuts=st.lists(st.integers(0, 400)),
)
def test_chunks_come_out_as_they_went_in_however_the_bytes_are_cut(
    end: str, noise: str, cuts: list[int]
) -> None:
    data = b"".join(noise.encode() + event(body, end) for body in (*BODIES, "[DONE]"))
    places = sorted({0, len(data), *(cut % len(data) for cut in cuts)})

    bodies = read(*(data[a:b] for a, b in itertools.pairwise(places)))

    assert bodies == BODIES


def test_nothing_is_delivered_after_done() -> None:
    assert read(event({"n": 1}) + event("[DONE]") + event({"n": 2}) + b"data: {") == [{"n": 1}]


@pytest.mark.parametrize("data", [b"", event({"n": 1}), event({"n": 1}) + b"data: [DONE]"])
def test_a_stream_that_does_not_say_so_is_not_complete(data: bytes) -> None:
    with pytest.raises(LLMConnectionError, match=r"truncated: .* without \[DONE\]"):
        read(data)


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (b"data: {\n\n", "no JSON"),
        (b"data: 7\n\n", "no JSON object"),
        (b'data: {"a":"\xff"}\n\n', "no UTF-8"),
    ],
)
def test_a_chunk_that_cannot_be_read_is_an_error_after_those_that_can(
    bad: bytes, what: str
) -> None:
    bodies = ChunkReader("").feed(event({"n": 1}) + bad)

    assert next(bodies) == {"n": 1}
    with pytest.raises(LLMError, match=f"chunk 2 of the stream is {what}"):
        next(bodies)


def test_an_error_inside_the_stream_is_raised_without_the_key() -> None:
    error = {"error": {"type": "rate_limit_reached_error", "message": "slow down, sk-key"}}

    with pytest.raises(LLMRateLimitError, match=r"slow down, \*\*\*"):
        read(event(error))


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    reader = ChunkReader("")
    half = b"x" * (LONGEST_EVENT // 2 + 1)

    assert list(reader.feed(half)) == []
    with pytest.raises(LLMError, match="without an event"):
        list(reader.feed(half))


def whole(bodies: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return joined(Chunk(at=0.0, body=body) for body in bodies).body


USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}


@given(st.lists(st.text()))
def test_joined_pieces_are_the_text(pieces: list[str]) -> None:
    bodies = [piece({"role": "assistant"}), *(piece({"content": text}) for text in pieces)]

    message = whole(bodies)["choices"][0]["message"]

    assert message.get("content", "") == "".join(pieces)


def test_a_joined_stream_has_the_shape_of_a_whole_answer() -> None:
    body = whole(
        [
            piece({"role": "assistant", "content": ""}),
            piece({"reasoning_content": "hm"}),
            piece({"content": "Hi"}),
            piece({}, finish_reason="stop", usage=USAGE),
        ]
    )

    assert body == {
        "id": "c",
        "model": "m",
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hi", "reasoning_content": "hm"},
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
    }


@pytest.mark.parametrize(
    ("last", "usage"),
    [
        ({"choices": [], "usage": USAGE}, USAGE),
        (piece({}, usage={"total_tokens": 1}) | {"usage": USAGE}, USAGE),
        (piece({}, usage=USAGE) | {"usage": None}, USAGE),
        (piece({}, usage=None), None),
    ],
)
def test_usage_is_found_wherever_it_stands(last: dict[str, Any], usage: object) -> None:
    assert whole([piece({"content": "a"}), last]).get("usage") == usage


def test_tool_calls_are_joined_by_their_index() -> None:
    def call(index: int, **fields: Any) -> dict[str, Any]:
        return piece({"tool_calls": [{"index": index, **fields}]})

    def named(name: str) -> dict[str, Any]:
        return {"id": f"{name}:0", "type": "function", "function": {"name": name, "arguments": ""}}

    body = whole(
        [
            call(0, **named("a")),
            call(0, function={"arguments": '{"x"'}),
            call(1, **named("b")),
            call(1, function={"arguments": "{}"}),
            call(0, function={"arguments": ":1}"}),
        ]
    )

    assert body["choices"][0]["message"]["tool_calls"] == [
        {"index": 0, **named("a"), "function": {"name": "a", "arguments": '{"x":1}'}},
        {"index": 1, **named("b"), "function": {"name": "b", "arguments": "{}"}},
    ]


def test_choices_that_interleave_are_kept_apart() -> None:
    body = whole([piece({"content": "b"}, 1), piece({"content": "a"}), piece({"content": "B"}, 1)])

    assert [choice["message"]["content"] for choice in body["choices"]] == ["a", "bB"]
