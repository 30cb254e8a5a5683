"""The decoder gives the same events however the bytes are cut, and never raises."""

import json
from collections.abc import Sequence
from itertools import pairwise

import pytest
from httpx_sse import EventSource
from hypothesis import given, settings
from hypothesis import strategies as st

from kimi_conformance.http import httpx
from kimi_conformance.wire import Event, Frame, Remainder, SSEDecoder, decode

UNTIMED = settings(deadline=None)


def events_of(*pieces: bytes) -> list[Event]:
    decoder = SSEDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)]


def data_of(*pieces: bytes) -> list[str]:
    return [event.data for event in events_of(*pieces)]


def cut(body: bytes, places: Sequence[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(body) + 1) for place in places), len(body)]
    return [body[start:stop] for start, stop in pairwise(bounds)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"data: a\n\n", ["a"]),
        (b"data: a\r\n\r\n", ["a"]),
        (b"data: a\r\r", ["a"]),
        (b"data: a\r\n\ndata: b\r\n\r\n", ["a", "b"]),
        (b"\xef\xbb\xbfdata: a\n\n", ["a"]),
        (b"data: \xef\xbb\xbfa\n\n", ["\ufeffa"]),
        (b": keep-alive\n\ndata: a\n: more\n\n", ["a"]),
        (b"data: a\ndata: b\n\n", ["a\nb"]),
        (b"data:a\n\n", ["a"]),
        (b"data:  a\n\n", [" a"]),
        (b"data: a: b\n\n", ["a: b"]),
        (b"data: aX \n\n", ["aX "]),
        (b"data: aX\n\n", ["aX"]),
        (b"data:\n\n", [""]),
        (b"data\n\n", [""]),
        (b"data\ndata\n\n", ["\n"]),
        (b"\n\n\ndata: a\n\n\n\n", ["a"]),
        (b"event: ping\n\n", []),
        (b"DATA: a\n\n data: b\n\n", []),
        (b"data: a\x0bb\x1cc\xc2\x85d\xe2\x80\xa8e\n\n", ["a\x0bb\x1cc\x85d\u2028e"]),
        (b"data: a\n", []),
        (b"data: a", []),
        (b"", []),
    ],
)
def test_the_grammar_of_event_streams(body: bytes, expected: list[str]) -> None:
    assert data_of(body) == expected


def test_an_event_has_the_fields_it_was_given() -> None:
    (event,) = events_of(b"\n: hello\nid: 7\nevent: tick\nretry: 250\ndata: a\n\n")

    assert event == Event(data="a", event="tick", id="7", retry=250, line=3)


def test_the_id_stays_and_the_other_fields_do_not() -> None:
    first, second = events_of(b"id: 7\nevent: tick\nretry: 1\ndata: a\n\ndata: b\n\n")

    assert first.id == second.id == "7"
    assert (second.event, second.retry) == (None, None)
    assert [event.id for event in events_of(b"data: a\n\n")] == [None]


@pytest.mark.parametrize("retry", [b"soon", b"-1", b"1.5", b"", b"9" * 5000, "٣".encode()])
def test_a_retry_that_is_no_number_is_passed_over(retry: bytes) -> None:
    (event,) = events_of(b"retry: " + retry + b"\ndata: a\n\n")

    assert event.retry is None


def test_a_retry_of_eighteen_digits_is_the_longest() -> None:
    (event,) = events_of(b"retry: " + b"9" * 18 + b"\nretry: " + b"1" * 19 + b"\ndata: a\n\n")

    assert event.retry == 10**18 - 1


def test_an_id_with_a_null_is_passed_over() -> None:
    (event,) = events_of(b"id: 1\nid: 2\x00\ndata: a\n\n")

    assert event.id == "1"


def test_bytes_that_are_not_utf8_are_told() -> None:
    bad, good = events_of(b"data: \xe6\x9c\n\ndata: ok\n\n")

    assert (bad.data, bad.valid_utf8) == ("\ufffd", False)
    assert good.valid_utf8


@pytest.mark.parametrize(
    ("body", "remainder", "lost"),
    [
        (b"data: a\n\n", Remainder(), False),
        (b"data: a\n\n: bye", Remainder(line=b": bye"), False),
        (b"data: a\ndata: b\n", Remainder(data="a\nb"), True),
        (b"data: a\nda", Remainder(data="a", line=b"da"), True),
        (b"data: [DONE]", Remainder(line=b"data: [DONE]"), True),
    ],
)
def test_what_no_blank_line_closed_is_reported(
    body: bytes, remainder: Remainder, lost: bool
) -> None:
    decoder = SSEDecoder()
    decoder.feed(body)

    assert decoder.end() == remainder
    assert decoder.end().lost is lost


def test_a_line_end_cut_in_two_is_one() -> None:
    assert data_of(b"data: a\r", b"", b"\ndata: b\r", b"\n\r", b"\n") == ["a\nb"]
    assert data_of(b"data: a\r", b"\n", b"\n") == ["a"]


def test_an_event_has_the_time_of_the_frame_that_closed_it() -> None:
    frames = [
        Frame(0.1, b"data: a\n"),
        Frame(0.2, b"\ndata: b\n\nda"),
        Frame(0.3, b"ta: c\n\n"),
    ]

    decoded = decode(frames)

    assert [(at, event.data) for at, event in decoded.events] == [
        (0.2, "a"),
        (0.2, "b"),
        (0.3, "c"),
    ]
    assert not decoded.remainder.lost


LINE_ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])
LINES = st.one_of(
    st.text(max_size=8).map(lambda text: b"data: " + text.encode(errors="replace")),
    st.sampled_from(
        [
            b"",
            b"",
            b"data",
            b": ping",
            b"id: 1",
            b"event: x",
            b"retry: 5",
            b"x",
            "data: 月".encode(),
        ]
    ),
)
BODIES = st.lists(st.tuples(LINES, LINE_ENDS).map(b"".join), max_size=20).map(b"".join)


@UNTIMED
@given(BODIES | st.binary(max_size=80), st.lists(st.integers(min_value=0), max_size=12))
def test_any_cut_gives_the_same_events(body: bytes, places: list[int]) -> None:
    whole, pieces = SSEDecoder(), SSEDecoder()

    expected = whole.feed(body)
    events = [event for piece in cut(body, places) for event in pieces.feed(piece)]

    assert events == expected
    assert pieces.end() == whole.end()


@UNTIMED
@given(BODIES)
def test_one_byte_at_a_time_gives_the_same_events(body: bytes) -> None:
    assert events_of(*(bytes([byte]) for byte in body)) == events_of(body)


@UNTIMED
@given(st.binary(max_size=200))
def test_nothing_raises(body: bytes) -> None:
    decoder = SSEDecoder()
    decoder.feed(body)

    assert decoder.end().line in body


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=20)


@UNTIMED
@given(st.lists(st.lists(TEXTS, min_size=1, max_size=3), max_size=5), LINE_ENDS)
def test_another_decoder_agrees_on_well_formed_streams(
    blocks: list[list[str]], line_end: bytes
) -> None:
    lines = [line for block in blocks for line in [*(f"data: {text}" for text in block), ""]]
    body = b"".join(line.encode() + line_end for line in lines)
    response = httpx.Response(200, headers={"Content-Type": "text/event-stream"}, content=body)

    assert data_of(body) == [event.data for event in EventSource(response).iter_sse()]


def test_many_tiny_pieces_of_one_long_line_are_joined_once() -> None:
    payload = json.dumps({"content": "x" * 1_000_000})

    events = events_of(*(bytes([byte]) for byte in f"data: {payload}\n\n".encode()))

    assert [event.data for event in events] == [payload]
