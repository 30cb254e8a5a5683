"""How a client hands on an answer that arrives chunk by chunk."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kimi_conformance.checks import (
    Answer,
    ChatRequest,
    Chunk,
    Frame,
    Service,
    StreamsChat,
    Upstream,
    failing,
    replies,
    requirement,
)

Body = Mapping[str, Any]
GREETING = ChatRequest(model="moonshot-v1-8k", messages=[{"role": "user", "content": "Hello"}])
PIECES = ("Grüß ", "dich, ", "月之暗面", " 🌙")
TEXT = "".join(PIECES)
CHUNKS = replies.text_chunks(*PIECES)
STREAM = replies.stream_of(CHUNKS)


async def streamed(adapter: StreamsChat, request: ChatRequest = GREETING) -> list[Chunk]:
    """All chunks of a stream, once it has ended."""
    return [chunk async for chunk in adapter.stream(request)]


def joined(chunks: Sequence[Chunk]) -> str:
    """The content of the first choice."""
    deltas = [choice["delta"] for chunk in chunks for choice in chunk.body["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)


def with_choice(**fields: Any) -> Body:
    """A chunk whose only choice has these fields too."""
    [chunk] = replies.text_chunks()[:1]
    return {**chunk, "choices": [{**chunk["choices"][0], **fields}]}


def calling(**call: Any) -> Body:
    """A chunk with one piece of a tool call."""
    return with_choice(delta={"tool_calls": [{"index": 0, **call}]})


@requirement("STREAM-01")
@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param(CHUNKS, id="text with usage in its choice"),
        pytest.param(
            [
                calling(id="search:0", type="function", function={"name": "f", "arguments": ""}),
                calling(function={"arguments": '{"q": '}),
                calling(function={"arguments": '"月"}'}),
            ],
            id="pieces of a tool call",
        ),
        pytest.param(
            [with_choice(delta={"reasoning_content": "Hm."}), *CHUNKS], id="thoughts before text"
        ),
        pytest.param(
            [*CHUNKS, {**CHUNKS[0], "choices": [], "usage": {"total_tokens": 12}}],
            id="usage in a chunk without choices",
        ),
        pytest.param([with_choice(index=1), *CHUNKS], id="two choices"),
        pytest.param(
            [{**CHUNKS[0], "x_region": "cn", "x_nothing": None}, *CHUNKS[1:]], id="unknown fields"
        ),
    ],
)
async def test_a_chunk_is_handed_on_as_it_came(
    chunks: list[Body], adapter: StreamsChat, upstream: Upstream
) -> None:
    """Whoever builds on the client loses nothing that the API said."""
    upstream.replies(replies.stream_of(chunks))

    arrived = await streamed(adapter)

    assert [chunk.body for chunk in arrived] == chunks


@requirement("STREAM-02")
async def test_a_stream_is_asked_for(adapter: StreamsChat, upstream: Upstream) -> None:
    """The first words come while the last are still being thought of."""
    upstream.replies(STREAM)

    await streamed(adapter)

    assert upstream.requests[0].json["stream"] is True


def framed(before: str, after: str) -> Answer:
    """The stream with other bytes around each of its events."""
    payloads = [*(json.dumps(chunk, ensure_ascii=False) for chunk in CHUNKS), "[DONE]"]
    frames = tuple(Frame(0.0, f"{before}{payload}{after}".encode()) for payload in payloads)
    return replace(STREAM, frames=frames)


@requirement("STREAM-02")
@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(STREAM, id="as Kimi sends it"),
        pytest.param(framed("data: ", "\r\n\r\n"), id="CRLF"),
        pytest.param(framed("data:", "\n\n"), id="no space after the colon"),
        pytest.param(framed(": keep-alive\n\ndata: ", "\n\n"), id="comments"),
        pytest.param(framed("event: chunk\nid: 1\ndata: ", "\n\n"), id="other fields"),
        pytest.param(framed("\n\ndata: ", "\n\n\n"), id="empty lines"),
        pytest.param(replies.split(STREAM, 1), id="byte by byte"),
        pytest.param(replies.split(STREAM, 100_000), id="all at once"),
    ],
)
async def test_every_legal_form_of_the_stream_is_read(
    stream: Answer, adapter: StreamsChat, upstream: Upstream
) -> None:
    """A proxy that rewrites line ends or keeps the connection alive does no harm."""
    upstream.replies(stream)

    chunks = await streamed(adapter)

    assert joined(chunks) == TEXT


FEW = replies.text_chunks("月之暗面")
END = st.sampled_from(["\n", "\r\n"])
NOISE = st.sampled_from(["", ": keep-alive", ":", "event: chunk", "id: 7", "retry: 10", "x: y"])


@st.composite
def written(draw: st.DrawFn) -> bytes:
    """The stream in any legal writing: noise, line ends, events without and with several lines."""
    end = draw(END)
    lines: list[str] = []
    for chunk in (*FEW, "[DONE]"):
        indent = draw(st.sampled_from([None, 1]))
        text = chunk if isinstance(chunk, str) else json.dumps(chunk, indent=indent)
        space = draw(st.sampled_from(["", " "]))
        lines += [line for line in draw(st.lists(NOISE, max_size=2)) if line]
        lines += [f"data:{space}{line}" for line in text.split("\n")]
        lines += [""] * draw(st.integers(1, 3))
    return "".join(line + end for line in lines).encode()


# An id stays with the connection, so to some clients every empty line behind it is an event.
ID_AND_GAPS = "".join(
    f"id: {number}\ndata: {text}\n\n\n"
    for number, text in enumerate([*(json.dumps(chunk) for chunk in FEW), "[DONE]"])
).encode()


@requirement("STREAM-02")
@example(body=ID_AND_GAPS, size=300)
@given(body=written(), size=st.integers(7, 300))  # byte by byte is a variant above
async def test_any_legal_writing_of_the_stream_says_the_same(
    body: bytes, size: int, adapter: StreamsChat, upstream: Upstream
) -> None:
    """What stands between the API and a user may rewrite the stream, and cut it anywhere."""
    upstream.replies(replies.split(replace(STREAM, frames=(Frame(0.0, body),)), size))

    chunks = await streamed(adapter)

    assert len(chunks) <= len(FEW)  # some clients hand on no chunk without content
    assert joined(chunks) == "月之暗面"


@requirement("STREAM-02")
@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(replies.cut(STREAM, 3), id="cut"),
        pytest.param(replies.reset(STREAM, 3), id="reset"),
        pytest.param(replies.stream_of(CHUNKS, done=False), id="without its end"),
        pytest.param(replies.events('{"choices": ['), id="half a chunk"),
        pytest.param(replies.bad_chunk(), id="bad transfer coding"),
        pytest.param(replies.server_error(), id="an error in its place"),
    ],
)
async def test_a_stream_that_breaks_off_is_an_error(
    stream: Answer, adapter: StreamsChat, upstream: Upstream
) -> None:
    """Half an answer is never taken for a whole one."""
    upstream.replies(stream)

    await failing(streamed(adapter))

    assert upstream.requests


@requirement("STREAM-04")
async def test_a_chat_with_the_api_itself_arrives_as_chunks(
    adapter: StreamsChat, service: Service, model: str
) -> None:
    """Streaming works where it matters."""
    request = replace(GREETING, model=model, options={"max_tokens": 16})

    chunks = await streamed(adapter, request)

    times = [chunk.at for chunk in chunks]
    reasons = [choice.get("finish_reason") for chunk in chunks for choice in chunk.body["choices"]]
    assert service.requests
    assert times == sorted(times)
    assert reasons[-1] in {"stop", "length"}


@requirement("STREAM-05")
@example(pieces=["月之暗面", " 🌙"], size=1)
@given(
    pieces=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=6),
    size=st.integers(min_value=1, max_value=400),
)
async def test_joined_deltas_are_the_content_however_the_bytes_are_cut(
    pieces: list[str], size: int, adapter: Any, upstream: Upstream
) -> None:
    """Streaming is a way to receive an answer, not another answer."""
    stream = replies.split(replies.stream_of(replies.text_chunks(*pieces)), size)
    upstream.replies(replies.completion("".join(pieces)), stream)

    whole = await adapter.chat(GREETING)
    chunks = await streamed(adapter)

    assert joined(chunks) == whole.body["choices"][0]["message"]["content"]


@requirement("STREAM-06")
@pytest.mark.parametrize(
    "late",
    [
        pytest.param(json.dumps(CHUNKS[1]), id="a chunk"),
        pytest.param("[DONE]", id="a second end"),
        pytest.param("{no json", id="no JSON"),
    ],
)
async def test_nothing_behind_done_is_handed_on(
    late: str, adapter: StreamsChat, upstream: Upstream
) -> None:
    """What was said after the end belongs to nobody's answer."""
    payloads = [json.dumps(chunk) for chunk in CHUNKS]
    upstream.replies(STREAM, replies.events(*payloads, "[DONE]", late, done=False))

    sound = await streamed(adapter)
    arrived = await streamed(adapter)

    assert len(arrived) == len(sound) > 0
    assert joined(arrived) == joined(sound)
