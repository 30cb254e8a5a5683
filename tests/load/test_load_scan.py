"""The scan of a stream says what `wire.timeline` says, which parses every chunk."""

import json
import sys
import tracemalloc
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_conformance.load.client.scan import StreamScan
from kimi_conformance.wire.exchange import Frame
from kimi_conformance.wire.json_values import parse_json
from kimi_conformance.wire.timeline import timeline

TEXTS = st.text(max_size=8) | st.sampled_from(
    ['"', "\\", '"content":"x', '\\"', "data: ", "[DONE]", '"},"finish_reason":"stop"', "é😀"]
)
SLY = '{"content":"'
DELTAS = st.fixed_dictionaries(
    {},
    optional={
        "role": st.just("assistant"),
        "content": TEXTS | st.none(),
        "reasoning_content": TEXTS | st.none(),
        "tool_calls": st.just([])
        | st.just([{"index": 0, "function": {"arguments": '{"content":"'}}]),
    },
)
USAGES = st.fixed_dictionaries(
    {}, optional={"prompt_tokens": st.integers(0, 9), "completion_tokens": st.integers(0, 9)}
)
CHOICES = st.fixed_dictionaries(
    {"index": st.integers(0, 1), "delta": DELTAS, "finish_reason": st.sampled_from([None, "stop"])},
    optional={"usage": USAGES},
)
CHUNKS = st.fixed_dictionaries(
    {"id": st.sampled_from(["a", "b"]), "choices": st.lists(CHOICES, max_size=2)},
    optional={"usage": USAGES | st.none(), "error": st.just({"message": "no"})},
)
DATA = st.one_of(
    st.builds(
        json.dumps,
        CHUNKS,
        ensure_ascii=st.booleans(),
        separators=st.sampled_from([(",", ":"), (", ", ": ")]),
    ),
    st.sampled_from(["[DONE]", "nonsense", "[]", "7"]),
)
LINE_ENDS = st.sampled_from(["\n", "\r\n", "\r"])


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """The bytes of a stream, odd but legal forms of events among them."""
    end = draw(LINE_ENDS)
    text = ""
    for data in draw(st.lists(DATA, max_size=12)):
        text += draw(
            st.sampled_from(["", f": ping{end}{end}", f"event: x{end}", end, "id: 7" + end])
        )
        text += draw(st.sampled_from(["data: ", "data:"])) + data + end + end
    return (text + draw(st.sampled_from(["", "data: cut"]))).encode()


def scanned(*frames: Frame) -> StreamScan:
    scan = StreamScan()
    for frame in frames:
        scan.feed(frame.data, frame.at)
    return scan


def cut(stream: bytes, ends: list[int]) -> list[Frame]:
    places = sorted({0, len(stream), *(end for end in ends if end < len(stream))})
    pieces = [stream[one:two] for one, two in pairwise(places)]
    return [Frame(number / 8, piece) for number, piece in enumerate(pieces, 1)]


@given(streams(), st.lists(st.integers(0, 2000), max_size=20))
def test_it_says_what_the_timeline_says(stream: bytes, ends: list[int]) -> None:
    frames = cut(stream, ends)

    scan, truth = scanned(*frames), timeline(frames)

    assert (scan.first_reasoning, scan.first_answer) == (truth.first_reasoning, truth.first_answer)
    assert (
        tuple(two - one for one, two in zip(scan.times, scan.times[1:], strict=False)) == truth.gaps
    )
    assert (scan.prompt_tokens, scan.completion_tokens) == (
        truth.prompt_tokens,
        truth.completion_tokens,
    )


def chunk(text: str, name: str = "content", **more: Any) -> bytes:
    choice = {"index": 0, "delta": {name: text}, "finish_reason": None, **more}
    return b"data: " + json.dumps({"id": "c", "choices": [choice]}).encode() + b"\n\n"


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was parsed as JSON."""
    from kimi_conformance.load.client import scan

    seen: list[object] = []

    def note(text: bytes | str) -> object:
        seen.append(text)
        return parse_json(text)

    monkeypatch.setattr(scan, "parse", note)
    return seen


def test_a_chunk_is_parsed_once_for_its_shape(parsed: list[object]) -> None:
    scan = scanned(*(Frame(number, chunk(f"w{number}")) for number in range(100)))

    assert len(scan.times) == 100
    assert len(parsed) == 2  # the chunk, and the text that was found in it


@pytest.mark.parametrize("text", ['"', "\\", 'a"},"finish_reason":"stop"},{"x":"', "\n"])
def test_a_text_that_could_end_itself_is_parsed(parsed: list[object], text: str) -> None:
    scan = scanned(Frame(0, chunk("Hi")), Frame(1, chunk(text)), Frame(2, chunk("Ho")))

    assert scan.times == [0, 1, 2]


def test_a_change_from_reasoning_to_answer_is_seen() -> None:
    scan = scanned(
        *(Frame(number, chunk("Hm", "reasoning_content")) for number in range(3)),
        *(Frame(number, chunk("So")) for number in range(3, 6)),
    )

    assert (scan.first_reasoning, scan.first_answer, len(scan.times)) == (0, 3, 6)


def test_a_stream_without_a_shape_is_read_all_the_same() -> None:
    frames = [Frame(number, chunk("Hi").replace(b'"c"', b'"%d"' % number)) for number in range(200)]

    assert len(scanned(*frames).times) == 200


def test_chunks_that_came_together_are_counted_as_sharing_their_time() -> None:
    scan = scanned(
        Frame(0, chunk("a") + chunk("b")), Frame(1, chunk("c")), Frame(2, chunk("d") * 3)
    )

    assert scan.shared == 5
    assert scan.times == [0, 0, 1, 2, 2, 2]


def test_what_comes_after_the_end_is_no_end() -> None:
    stop = chunk("", finish_reason="stop")
    done = b"data: [DONE]\n\n"

    assert scanned(Frame(0, chunk("a") + stop + done)).flaw == ""
    assert scanned(Frame(0, chunk("a") + stop + done + chunk("b"))).flaw != ""


def test_an_event_without_end_is_pending() -> None:
    assert StreamScan().feed(b"data: a\n\ndata: " + b"x" * 1000, 0.0) == 1006


class Counted(bytearray):
    """Counts the bytes that are moved or looked through."""

    work = 0

    def __add__(self, other: Any) -> "Counted":
        Counted.work += len(self) + len(other)
        return Counted(bytes(self) + other)

    def __iadd__(self, other: Any) -> "Counted":
        Counted.work += len(other)
        self.extend(other)
        return self

    def __bytes__(self) -> bytes:
        Counted.work += len(self)
        return bytes(memoryview(self))

    def find(self, sub: Any, start: Any = 0, end: Any = sys.maxsize) -> int:
        Counted.work += len(self) - start
        return super().find(sub, start, end)

    def split(self, sep: Any = None, maxsplit: Any = -1) -> list[bytearray]:
        Counted.work += len(self)
        return super().split(sep, maxsplit)


def test_an_event_in_tiny_pieces_is_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    event = chunk("a" * 50_000)
    monkeypatch.setattr(Counted, "work", 0)
    scan = StreamScan()
    scan.feed(event[:1], 0)
    scan._buffer = Counted(scan._buffer)

    pending = [scan.feed(event[place : place + 1], place) for place in range(1, len(event))]

    assert scan.times == [len(event) - 1]
    assert pending == [*range(2, len(event)), 0]
    assert len(event) < Counted.work < 5 * len(event)


def test_a_long_text_takes_little_memory() -> None:
    event = chunk("a\\" * 100_000)
    scan = StreamScan()
    tracemalloc.start()

    scan.feed(event, 0.0)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert scan.times == [0.0]
    assert peak < 20 * len(event)
