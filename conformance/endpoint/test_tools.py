"""Offering tools, having them called, and giving back what they found."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from kimi_conformance.checks import (
    Endpoint,
    InconclusiveError,
    Reply,
    StreamedChunk,
    read_input,
    requirement,
)

BAD_REQUEST = (400, "invalid_request_error")
WEATHER = read_input("tools/weather")
CLOCK = read_input("tools/clock")
CALL_WEATHER = {
    "role": "user",
    "content": "Call the tool get_weather for the city of Beijing. Do not answer in words.",
}
HELLO = {"role": "user", "content": "Say hello."}
TOLD_TO_CALL = {"messages": [CALL_WEATHER], "tools": [WEATHER], "max_tokens": 64}
DISABLED = {"thinking": {"type": "disabled"}}
CALL_ID = "get_weather:0"
CALL = {
    "id": CALL_ID,
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city":"Beijing"}'},
}
RESULT = {"role": "tool", "tool_call_id": CALL_ID, "content": '{"celsius":21}'}


def calling(endpoint: Endpoint) -> dict[str, Any]:
    """The message with the call, and the thought that came with it where models think."""
    model = endpoint.edition.find(endpoint.model_is)
    thought = {"reasoning_content": "The tool knows."} if model and model.thinking else {}
    return {"role": "assistant", "content": "", "tool_calls": [CALL], **thought}


def offering(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A chat that offers one tool."""
    return {"messages": [HELLO], "tools": [tool], "max_tokens": 8}


def named(name: str) -> dict[str, Any]:
    """The weather tool under another name."""
    return {**WEATHER, "function": {**WEATHER["function"], "name": name}}


def the_call(message: Mapping[str, Any]) -> Any:
    """The one tool call of a message; without one, a check that needs it decides nothing."""
    calls = message.get("tool_calls") or []
    if len(calls) != 1:
        raise InconclusiveError(f"the model was told to call one tool, and called {len(calls)}")
    return calls[0]


def call_pieces(chunks: list[StreamedChunk]) -> list[Any]:
    """The function parts of all tool call pieces of a stream, in order."""
    deltas = [choice["delta"] for chunk in chunks for choice in chunk.body["choices"]]
    return [call["function"] for delta in deltas for call in delta.get("tool_calls") or []]


@requirement("EP-TOOLS-01")
async def test_a_tool_counts_as_prompt(endpoint: Endpoint) -> None:
    """A user sees that an offered tool was really put before the model."""
    bare = await endpoint.chat({"messages": [HELLO], "max_tokens": 8})
    one = await endpoint.chat({"messages": [HELLO], "tools": [WEATHER], "max_tokens": 8})
    two = await endpoint.chat({"messages": [HELLO], "tools": [WEATHER, CLOCK], "max_tokens": 8})

    counts = [reply.accepted.usage["prompt_tokens"] for reply in (bare, one, two)]

    assert counts[0] < counts[1] < counts[2]


@requirement("EP-TOOLS-02")
async def test_a_model_told_to_call_a_tool_calls_it(endpoint: Endpoint) -> None:
    """An agent acts, instead of talking about it."""
    reply = await endpoint.chat({**TOLD_TO_CALL, "tools": [CLOCK, WEATHER]})

    calls = reply.accepted.message.get("tool_calls") or []

    assert [call["function"]["name"] for call in calls] == ["get_weather"]
    assert reply.choice["finish_reason"] == "tool_calls"


@requirement("EP-TOOLS-03")
async def test_a_call_has_the_required_arguments(endpoint: Endpoint) -> None:
    """A tool is called with what it needs, and does not have to guess."""
    reply = await endpoint.chat(TOLD_TO_CALL)

    arguments = json.loads(the_call(reply.accepted.message)["function"]["arguments"])

    assert isinstance(arguments.get("city"), str)


@requirement("EP-TOOLS-04")
async def test_a_streamed_answer_calls_the_same_tool(endpoint: Endpoint) -> None:
    """An agent that streams acts like one that does not."""
    plain = await endpoint.chat(TOLD_TO_CALL)
    chunks = await endpoint.stream(TOLD_TO_CALL)

    expected = the_call(plain.control.message)["function"]["name"]
    pieces = call_pieces(chunks)
    arguments = json.loads("".join(piece.get("arguments") or "" for piece in pieces))

    assert [piece["name"] for piece in pieces if piece.get("name")] == [expected]
    assert isinstance(arguments.get("city"), str)


@requirement("EP-TOOLS-05")
async def test_the_result_of_a_call_is_taken(endpoint: Endpoint) -> None:
    """An agent comes back from its tool, and the model goes on with what it found."""
    first = await endpoint.chat(TOLD_TO_CALL)
    calling = first.control.message
    result = {**RESULT, "tool_call_id": the_call(calling)["id"]}
    second = await endpoint.chat({**TOLD_TO_CALL, "messages": [CALL_WEATHER, calling, result]})

    assert second.accepted.message["role"] == "assistant"
    assert second.usage["prompt_tokens"] > first.usage["prompt_tokens"]


@requirement("EP-TOOLS-06")
async def test_tool_choice_none_forbids_calls(endpoint: Endpoint) -> None:
    """A program that wants words now gets words, whatever a user slipped into the prompt."""
    free = await endpoint.chat(TOLD_TO_CALL)
    bound = await endpoint.chat({**TOLD_TO_CALL, "tool_choice": "none"})

    called = the_call(free.control.message)["function"]["name"]

    assert called == "get_weather"
    assert not bound.accepted.message.get("tool_calls")
    assert bound.choice["finish_reason"] in {"stop", "length"}


@requirement("EP-TOOLS-07")
async def test_a_result_without_the_id_of_its_call_is_refused(endpoint: Endpoint) -> None:
    """No result is ever taken for that of another call."""
    messages = [CALL_WEATHER, calling(endpoint), RESULT]
    granted = await endpoint.chat({**TOLD_TO_CALL, "messages": messages})
    lost = {"role": "tool", "content": RESULT["content"]}
    refused = await endpoint.chat({**TOLD_TO_CALL, "messages": [*messages, lost]})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


@requirement("EP-TOOLS-08")
async def test_an_unanswered_call_is_named_in_the_refusal(endpoint: Endpoint) -> None:
    """An agent that lost a result finds out which."""
    called = [CALL_WEATHER, calling(endpoint)]
    granted = await endpoint.chat({**TOLD_TO_CALL, "messages": [*called, RESULT]})
    refused = await endpoint.chat({**TOLD_TO_CALL, "messages": [*called, HELLO]})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST
    assert CALL_ID in refused.error_message


@requirement("EP-TOOLS-09")
@pytest.mark.parametrize(
    "name", ["7_day_weather", "get weather", "天气"], ids=["digit first", "space", "chinese"]
)
async def test_a_bad_function_name_is_refused(endpoint: Endpoint, name: str) -> None:
    """Whoever writes a tool learns what is wrong with it, before a model misses it."""
    granted = await endpoint.chat(offering(WEATHER))
    refused = await endpoint.chat(offering(named(name)))

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST
    assert "function name" in refused.error_message


@requirement("EP-TOOLS-10")
@pytest.mark.parametrize("kind", [{}, {"type": "gadget"}], ids=["absent", "unknown"])
async def test_a_tool_of_no_known_type_is_refused(endpoint: Endpoint, kind: dict[str, str]) -> None:
    """Whoever writes a tool learns what is wrong with it, before a model misses it."""
    granted = await endpoint.chat(offering(WEATHER))
    refused = await endpoint.chat(offering({"function": WEATHER["function"], **kind}))

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST
    assert "tool type" in refused.error_message


@requirement("EP-TOOLS-11")
async def test_a_named_tool_choice_decides(endpoint: Endpoint) -> None:
    """A program that needs one certain step gets it, whatever the question was."""
    choice = {"type": "function", "function": {"name": "get_time"}}
    both = {**TOLD_TO_CALL, "tools": [WEATHER, CLOCK]}
    reply: Reply = await endpoint.chat({**both, "tool_choice": choice})

    calls = reply.accepted.message.get("tool_calls") or []

    assert [call["function"]["name"] for call in calls] == ["get_time"]


@requirement("EP-TOOLS-12")
async def test_an_unknown_tool_choice_is_refused(endpoint: Endpoint) -> None:
    """A slip in the field is not taken for permission."""
    granted = await endpoint.chat({**offering(WEATHER), "tool_choice": "auto"})
    refused = await endpoint.chat({**offering(WEATHER), "tool_choice": "perhaps"})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


@requirement("EP-TOOLS-14")
async def test_a_result_of_no_call_is_refused(endpoint: Endpoint) -> None:
    """An agent that mixed up two conversations finds out."""
    messages = [CALL_WEATHER, calling(endpoint), RESULT]
    granted = await endpoint.chat({**TOLD_TO_CALL, "messages": messages})
    stray = {**RESULT, "tool_call_id": "get_weather:7"}
    refused = await endpoint.chat({**TOLD_TO_CALL, "messages": [*messages, stray]})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


@requirement("EP-TOOLS-15")
async def test_a_choice_of_a_tool_that_is_not_offered_is_refused(endpoint: Endpoint) -> None:
    """A program that renamed a tool finds the place it forgot."""
    granted = await endpoint.chat({**offering(WEATHER), "tool_choice": "auto"})
    choice = {"type": "function", "function": {"name": "get_time"}}
    refused = await endpoint.chat({**offering(WEATHER), "tool_choice": choice})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


@requirement("EP-TOOLS-16")
async def test_two_tools_are_called_in_one_answer(endpoint: Endpoint) -> None:
    """An agent looks up two things in one turn, and tells the results apart."""
    wish = "Call get_weather for Beijing and get_time for Asia/Shanghai, both in this one turn."
    asked = {"role": "user", "content": wish}
    both = {"messages": [asked], "tools": [WEATHER, CLOCK], "max_tokens": 128}
    reply = await endpoint.chat(both)

    calls = reply.accepted.message.get("tool_calls") or []

    assert {call["function"]["name"] for call in calls} == {"get_weather", "get_time"}
    assert reply.choice["finish_reason"] == "tool_calls"


@requirement("EP-TOOLS-18")
async def test_a_call_of_no_tool_cannot_be_required(endpoint: Endpoint) -> None:
    """A program that lost its tools finds out, instead of being answered in words."""
    asked = {**offering(WEATHER), **DISABLED, "tool_choice": "required"}
    granted = await endpoint.chat(asked)
    refused = await endpoint.chat({**asked, "tools": []})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


@requirement("EP-TOOLS-19")
@pytest.mark.parametrize(
    "choice",
    ["required", {"type": "function", "function": {"name": "get_weather"}}],
    ids=["required", "named"],
)
async def test_a_model_that_thinks_cannot_be_forced(endpoint: Endpoint, choice: Any) -> None:
    """A program learns that it has to choose between thoughts and certainty."""
    _leave_out_k3(endpoint)
    granted = await endpoint.chat({**offering(WEATHER), "tool_choice": "auto"})
    refused = await endpoint.chat({**offering(WEATHER), "tool_choice": choice})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST
    assert "tool_choice" in refused.error_message


def _leave_out_k3(endpoint: Endpoint) -> None:
    if endpoint.model_is.startswith("kimi-k3"):
        raise InconclusiveError("kimi-k3 was recorded to take it")


@requirement("EP-TOOLS-20")
async def test_a_required_call_is_made(endpoint: Endpoint) -> None:
    """A program that needs a step taken gets it, whatever the question was."""
    asked = {**offering(WEATHER), **DISABLED, "max_tokens": 64}
    plain = (await endpoint.chat(asked)).control
    forced = await endpoint.chat({**asked, "tool_choice": "required"})

    calls = forced.accepted.message.get("tool_calls") or []

    assert plain.status == 200
    assert [call["function"]["name"] for call in calls] == ["get_weather"]


@requirement("EP-TOOLS-22")
async def test_tool_choice_none_forbids_a_model_that_thinks_to_call(endpoint: Endpoint) -> None:
    """A program that wants words now gets words, however long the model thought about a call."""
    asked = {"messages": [CALL_WEATHER], "tools": [WEATHER], "max_completion_tokens": 1024}
    free = await endpoint.chat(asked)
    bound = await endpoint.chat({**asked, "tool_choice": "none"})

    called = the_call(free.control.message)["function"]["name"]

    assert called == "get_weather"
    assert not bound.accepted.message.get("tool_calls")
    assert bound.choice["finish_reason"] in {"stop", "length"}


@requirement("EP-TOOLS-21")
@pytest.mark.parametrize(
    "city",
    [
        {"description": "Which city"},
        {"type": "array", "items": [{"type": "string"}]},
        {"$ref": "https://example.com/city.json"},
        {"type": "string", "anyOf": [{"type": "string"}]},
    ],
    ids=["no type", "items in a list", "reference elsewhere", "type beside anyOf"],
)
async def test_parameters_of_another_flavour_are_refused(
    endpoint: Endpoint, city: dict[str, Any]
) -> None:
    """Whoever writes a tool learns what its schema may not have, and where."""
    parameters = {"type": "object", "properties": {"city": city}}
    odd = {**WEATHER, "function": {**WEATHER["function"], "parameters": parameters}}
    granted = await endpoint.chat(offering(WEATHER))
    refused = await endpoint.chat(offering(odd))

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST
    assert "moonshot flavored json schema" in refused.error_message
