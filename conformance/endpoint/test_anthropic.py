"""The Anthropic face: the same models, in the words of another API."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from kimi_conformance.checks import (
    WRONG_KEY,
    Endpoint,
    InconclusiveError,
    MessageEvent,
    Reply,
    ask_messages,
    events_of,
    read_input,
    requirement,
)

PATH = "/anthropic/v1/messages"
GREETING = {
    "messages": [{"role": "user", "content": "Say hello in one short sentence."}],
    "max_tokens": 256,
}
FUNCTION = read_input("tools/weather")["function"]
WEATHER = {
    "name": FUNCTION["name"],
    "description": FUNCTION["description"],
    "input_schema": FUNCTION["parameters"],
}
ASKS = {"role": "user", "content": "Use the tool: what is the weather in Beijing?"}
CALLING = {"messages": [ASKS], "tools": [WEATHER], "max_tokens": 512}
STOPS = {"end_turn", "max_tokens", "tool_use", "stop_sequence"}


def tool_use(blocks: Sequence[Any]) -> Mapping[str, Any]:
    """The first tool use among the blocks; where the model used none, nothing is decided."""
    found = next((block for block in blocks if block["type"] == "tool_use"), None)
    if found is None:
        raise InconclusiveError("the model did not use the tool that it was asked to use")
    use: Mapping[str, Any] = found
    return use


def kinds(events: Sequence[MessageEvent]) -> list[Any]:
    """What each event says it is, pings left out: they may come at any time."""
    return [event.kind for event in events if event.kind != "ping"]


@requirement("EP-ANTHROPIC-01")
async def test_a_message_is_answered_with_a_message(endpoint: Endpoint) -> None:
    """A client of the other API reads an answer of this one."""
    reply = await ask_messages(endpoint, GREETING)

    message = reply.accepted.json

    assert (message["type"], message["role"]) == ("message", "assistant")
    assert {block["type"] for block in message["content"]} <= {"text", "thinking"}
    assert [block["text"] for block in message["content"] if block["type"] == "text"]
    assert message["stop_reason"] in STOPS
    assert message["usage"]["input_tokens"] > 0
    assert message["usage"]["output_tokens"] > 0


@requirement("EP-ANTHROPIC-02")
@pytest.mark.parametrize("body", [GREETING, CALLING], ids=["text", "tool"])
async def test_a_stream_has_one_block_after_another(
    endpoint: Endpoint, body: dict[str, Any]
) -> None:
    """A client shows each block as it grows, and knows when it is whole."""
    reply = await ask_messages(endpoint, {**body, "stream": True})
    events = events_of(reply)

    order = kinds(events)
    blocks = "".join(BLOCK_MARKS[kind] for kind in order[1:-2])

    assert order[0] == "message_start"
    assert order[-2:] == ["message_delta", "message_stop"]
    assert blocks.replace("+", "").replace("<>", "") == ""
    assert blocks.endswith(">")


BLOCK_MARKS = {
    "content_block_start": "<",
    "content_block_delta": "+",
    "content_block_stop": ">",
}


@requirement("EP-ANTHROPIC-03")
async def test_an_event_is_named_as_its_body_says(endpoint: Endpoint) -> None:
    """A client that goes by names and one that goes by bodies see the same stream."""
    reply = await ask_messages(endpoint, {**GREETING, "stream": True})

    events = events_of(reply)

    assert len(events) > 4
    assert [event.name for event in events] == [event.kind for event in events]


@requirement("EP-ANTHROPIC-04")
async def test_the_usage_of_a_stream_adds_up(endpoint: Endpoint) -> None:
    """A user is billed for what went in and out, however it was read."""
    reply = await ask_messages(endpoint, {**GREETING, "stream": True})

    events = events_of(reply)
    begun = next(e.body["message"]["usage"] for e in events if e.kind == "message_start")
    ended = next(e.body["usage"] for e in events if e.kind == "message_delta")

    assert ended["output_tokens"] > 0
    assert read(ended) == read(begun) > 0


def read(usage: Mapping[str, Any]) -> int:
    """What went in, whether or not it came from a cache."""
    cached = usage.get("cache_read_input_tokens") or 0
    created = usage.get("cache_creation_input_tokens") or 0
    total: int = usage["input_tokens"] + cached + created
    return total


@requirement("EP-ANTHROPIC-05")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_an_answer_stops_at_max_tokens(endpoint: Endpoint, stream: bool) -> None:
    """A client learns that there was more to say."""
    reply = await ask_messages(endpoint, {**GREETING, "max_tokens": 3, "stream": stream})

    assert stop_reason(reply) == "max_tokens"


def stop_reason(reply: Reply) -> Any:
    """Why an answer ended, streamed or not."""
    if reply.accepted.body.startswith(b"{"):
        return reply.json["stop_reason"]
    ends = [event.body["delta"] for event in events_of(reply) if event.kind == "message_delta"]
    return ends[-1]["stop_reason"]


@requirement("EP-ANTHROPIC-06")
async def test_a_tool_is_used_in_a_block(endpoint: Endpoint) -> None:
    """An agent finds what to run, and with what."""
    reply = await ask_messages(endpoint, CALLING)

    message = reply.accepted.json
    use = tool_use(message["content"])

    assert isinstance(use["id"], str)
    assert use["id"] != ""
    assert use["name"] == WEATHER["name"]
    assert isinstance(use["input"], dict)
    assert use["input"].keys() & FUNCTION["parameters"]["properties"].keys()
    assert message["stop_reason"] == "tool_use"


@requirement("EP-ANTHROPIC-07")
async def test_a_streamed_tool_use_joins_to_its_input(endpoint: Endpoint) -> None:
    """An agent that streams runs the same tool with the same input."""
    reply = await ask_messages(endpoint, {**CALLING, "stream": True})

    events = events_of(reply)
    starts = [event.body for event in events if event.kind == "content_block_start"]
    tool_use([start["content_block"] for start in starts])
    index = next(s["index"] for s in starts if s["content_block"]["type"] == "tool_use")
    pieces = [
        event.body["delta"]["partial_json"]
        for event in events
        if event.kind == "content_block_delta" and event.body["index"] == index
    ]

    assert json.loads("".join(pieces)).keys() & FUNCTION["parameters"]["properties"].keys()


@requirement("EP-ANTHROPIC-08")
async def test_a_conversation_goes_on_after_a_tool_result(endpoint: Endpoint) -> None:
    """A user gets an answer that uses what the tool found."""
    asked = await ask_messages(endpoint, CALLING)
    said = asked.control.json["content"]
    result = {"type": "tool_result", "tool_use_id": tool_use(said)["id"], "content": "21 °C"}
    turns = [ASKS, {"role": "assistant", "content": said}, {"role": "user", "content": [result]}]
    reply = await ask_messages(endpoint, {**CALLING, "messages": turns})

    assert read(reply.accepted.json["usage"]) > read(asked.json["usage"])


@requirement("EP-ANTHROPIC-09")
async def test_a_system_text_is_part_of_the_prompt(endpoint: Endpoint) -> None:
    """A developer's rules reach the model."""
    system = "You are the porter of a small hotel by the sea. Answer in one short sentence."
    alone = await ask_messages(endpoint, {**GREETING, "max_tokens": 16})
    ruled = await ask_messages(endpoint, {**GREETING, "max_tokens": 16, "system": system})

    assert read(ruled.accepted.json["usage"]) > read(alone.control.json["usage"]) + 5


@requirement("EP-ANTHROPIC-10")
async def test_a_refusal_speaks_as_anthropic_does(endpoint: Endpoint) -> None:
    """A client of the other API understands what was wrong."""
    granted = await ask_messages(endpoint, GREETING)
    refused = await ask_messages(endpoint, {**GREETING, "messages": []})

    assert granted.control.status == 200
    assert refused.refusal == (400, "invalid_request_error")
    assert refused.json["type"] == "error"
    assert refused.error_message != ""


@requirement("EP-ANTHROPIC-11")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_wrong_key_is_refused_as_on_the_other_face(
    endpoint: Endpoint, stream: bool
) -> None:
    """Nobody uses what somebody else pays for."""
    granted = await ask_messages(endpoint, {**GREETING, "stream": stream})
    wrong = await ask_messages(endpoint, {**GREETING, "stream": stream}, key=WRONG_KEY)
    absent = await ask_messages(endpoint, {**GREETING, "stream": stream}, key=None)

    assert granted.control.status == 200
    assert wrong.refusal == (401, "invalid_authentication_error")
    assert absent.refusal == (401, "incorrect_api_key_error")


@requirement("EP-ANTHROPIC-12")
async def test_the_key_is_taken_in_its_own_header(endpoint: Endpoint) -> None:
    """A client of the other API works with nothing changed but its base URL."""
    body = {**GREETING, "max_tokens": 16}
    bearer = await ask_messages(endpoint, body)
    header = await ask_messages(endpoint, body, headers=endpoint.key_as("x-api-key"), key=None)
    wrong = await ask_messages(endpoint, body, headers={"x-api-key": WRONG_KEY}, key=None)

    assert bearer.control.status == 200
    assert header.accepted.json["type"] == "message"
    assert wrong.refusal[0] == 401


@requirement("EP-ANTHROPIC-13")
async def test_a_method_that_the_path_does_not_have_is_not_found(endpoint: Endpoint) -> None:
    """A client that mixes up methods is told, as everywhere in this API."""
    known = await ask_messages(endpoint, GREETING)
    unknown = await endpoint.get(PATH)

    assert known.control.status == 200
    assert (unknown.settled.status, unknown.json["error"]) == (404, "url.not_found")


@requirement("EP-ANTHROPIC-14")
@pytest.mark.parametrize(
    "messages",
    [[], [{"role": "robot", "content": "beep"}], "Say hello."],
    ids=["none", "unknown role", "text"],
)
async def test_messages_that_make_no_conversation_are_refused(
    endpoint: Endpoint, messages: object
) -> None:
    """A client that builds its messages by hand learns what is wrong with them."""
    granted = await ask_messages(endpoint, GREETING)
    refused = await ask_messages(endpoint, {**GREETING, "messages": messages})

    assert granted.control.status == 200
    assert refused.refusal[0] == 400
