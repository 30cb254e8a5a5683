"""A streamed chat, beside the same chat in one piece."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from kimi_conformance.checks import (
    GREETING,
    Endpoint,
    InconclusiveError,
    Reply,
    StreamedChunk,
    aggregate,
    requirement,
)

COUNTING = {
    "messages": [{"role": "user", "content": "Count from one to twenty in words."}],
    "max_tokens": 32,
}
WITH_USAGE = {"include_usage": True}


def ends(chunks: Sequence[StreamedChunk]) -> dict[int, Any]:
    """The choice that ends, by its index, as it stands in the chunk where it does."""
    choices = [choice for chunk in chunks for choice in chunk.body["choices"]]
    return {choice["index"]: choice for choice in choices if choice.get("finish_reason")}


def repeated(one: Reply, other: Reply) -> str:
    """The text that both replies have; where they differ, a stream may differ as well."""
    text: str = one.control.message["content"]
    if other.control.message["content"] != text:
        raise InconclusiveError("the endpoint answers the same chat differently at temperature 0")
    return text


def content_pieces(chunks: Sequence[StreamedChunk]) -> list[str]:
    """The texts of all chunks that have one."""
    choices = [choice for chunk in chunks for choice in chunk.body["choices"]]
    return [piece for choice in choices if (piece := choice["delta"].get("content"))]


@requirement("EP-STREAM-01")
async def test_an_answer_comes_in_pieces(endpoint: Endpoint) -> None:
    """A user reads along while the model is still speaking."""
    chunks = await endpoint.stream(COUNTING)

    pieces = content_pieces(chunks)

    assert len(pieces) > 1


@requirement("EP-STREAM-02")
async def test_the_choice_that_ends_has_the_usage(endpoint: Endpoint) -> None:
    """A client that streams can check the bill without asking for it."""
    chunks = await endpoint.stream(GREETING)

    usage = ends(chunks)[0]["usage"]

    assert usage["prompt_tokens"] > 0
    assert usage["completion_tokens"] > 0


@requirement("EP-STREAM-03")
async def test_a_stream_counts_the_prompt_as_one_piece_does(endpoint: Endpoint) -> None:
    """A user who switches to streaming does not pay more for it."""
    plain = await endpoint.chat(GREETING)
    chunks = await endpoint.stream(GREETING)

    streamed = ends(chunks)[0]["usage"]

    assert streamed["prompt_tokens"] == plain.control.usage["prompt_tokens"]


@requirement("EP-STREAM-04")
@pytest.mark.parametrize("limit", [1, 5])
async def test_a_stream_is_cut_at_max_tokens(endpoint: Endpoint, limit: int) -> None:
    """A user who sets a limit never pays for more, streamed or not."""
    chunks = await endpoint.stream({**COUNTING, "max_tokens": limit})

    end = ends(chunks)[0]

    assert end["finish_reason"] == "length"
    assert end["usage"]["completion_tokens"] <= limit


@requirement("EP-STREAM-05")
async def test_a_stream_ends_before_a_stop_word(endpoint: Endpoint) -> None:
    """A client need not take back what it has shown already."""
    whole = (await endpoint.chat(GREETING)).control.message["content"]
    word = whole.split()[len(whole.split()) // 2]
    chunks = await endpoint.stream({**GREETING, "stop": word})

    said = aggregate(chunks)[0]

    assert word not in said
    assert ends(chunks)[0]["finish_reason"] == "stop"


@requirement("EP-STREAM-06")
async def test_each_of_two_streamed_choices_ends_with_its_usage(endpoint: Endpoint) -> None:
    """A client that shows two answers side by side knows when each is whole."""
    chunks = await endpoint.stream({**GREETING, "n": 2, "temperature": 0.8})

    counted = {index: end["usage"]["completion_tokens"] > 0 for index, end in ends(chunks).items()}

    assert counted == {0: True, 1: True}


@requirement("EP-STREAM-07")
async def test_the_chunk_with_the_usage_counts_the_prompt_as_one_piece_does(
    endpoint: Endpoint,
) -> None:
    """A client written for a sister API finds the usage where it looks for it."""
    plain = await endpoint.chat(GREETING)
    chunks = await endpoint.stream({**GREETING, "stream_options": WITH_USAGE})

    *_, last = chunks

    assert last.body["choices"] == []
    assert last.body["usage"]["prompt_tokens"] == plain.control.usage["prompt_tokens"]


@requirement("EP-STREAM-08")
async def test_every_chunk_has_a_choice_unless_usage_is_asked_for(endpoint: Endpoint) -> None:
    """A client that takes the first choice of each chunk does not fall over one without."""
    chunks = await endpoint.stream(GREETING)

    counts = {len(chunk.body["choices"]) for chunk in chunks}

    assert counts == {1}


@requirement("EP-STREAM-09")
async def test_stream_false_is_answered_in_one_piece(endpoint: Endpoint) -> None:
    """A client that always sends the field gets what it says."""
    reply = await endpoint.chat({**GREETING, "stream": False})

    assert reply.accepted.json["object"] == "chat.completion"


@requirement("EP-STREAM-10")
@pytest.mark.parametrize(
    "defect",
    [{"messages": []}, {"model": "kimi-model-that-never-was"}, {"temperature": 1.5}],
    ids=["messages", "model", "temperature"],
)
async def test_a_refusal_comes_before_any_chunk(endpoint: Endpoint, defect: dict[str, Any]) -> None:
    """A client handles a refusal in one place, whether it streams or not."""
    granted: Reply = await endpoint.chat({**GREETING, "stream": True})
    plain = await endpoint.chat({**GREETING, **defect})
    streamed = await endpoint.chat({**GREETING, **defect, "stream": True})

    assert granted.control.status == 200
    assert streamed.refusal == plain.refusal


@requirement("EP-STREAM-11")
async def test_the_pieces_join_to_the_whole_answer(endpoint: Endpoint) -> None:
    """A user reads the same, streamed or not."""
    steady = {**COUNTING, "temperature": 0}
    one, other = await endpoint.chat(steady), await endpoint.chat(steady)
    chunks = await endpoint.stream(steady)

    whole = repeated(one, other)

    assert aggregate(chunks)[0] == whole


@requirement("EP-STREAM-13")
async def test_a_stream_keeps_to_a_schema_as_one_piece_does(endpoint: Endpoint) -> None:
    """A program that streams reads the same answer, where only one is allowed."""
    schema = {
        "type": "object",
        "properties": {"answer": {"type": "string", "enum": ["yes"]}},
        "required": ["answer"],
    }
    form = {"type": "json_schema", "json_schema": {"name": "assent", "schema": schema}}
    asked = {**GREETING, "max_tokens": 1024, "response_format": form}
    plain = await endpoint.chat(asked)
    chunks = await endpoint.stream(asked)

    whole, joined = json.loads(only_one(plain)), json.loads(aggregate(chunks)[0])

    assert joined["answer"] == whole["answer"]


def only_one(reply: Reply) -> str:
    """The text of a reply, if it is the one that the schema allows."""
    text: str = reply.control.message["content"]
    if "yes" not in text:
        raise InconclusiveError("in one piece the endpoint does not keep to the schema either")
    return text
