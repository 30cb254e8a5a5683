"""Official tools: those that the API runs when it is told to, and the builtin web search."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from kimi_conformance.checks import WRONG_KEY, Endpoint, InconclusiveError, Reply, requirement

BAD_REQUEST = (400, "invalid_request_error")
WRONG = (401, "invalid_authentication_error")
ABSENT = (401, "incorrect_api_key_error")
ENCODE = "/formulas/moonshot/base64:latest"
NO_SUCH_FORMULA = "/formulas/moonshot/nothing-of-this-name:latest"
RUN = {"name": "base64_encode", "arguments": '{"data":"Seaview"}'}
SEARCH = {"type": "builtin_function", "function": {"name": "$web_search"}}
QUESTION = {"role": "user", "content": "Search the web: when does the tide turn in Qingdao today?"}
SEARCHING: dict[str, Any] = {
    "messages": [QUESTION],
    "tools": [SEARCH],
    "max_tokens": 512,
    "thinking": {"type": "disabled"},  # a model that thinks cannot search
}

PLACES = [
    pytest.param("GET", f"{ENCODE}/tools", None, id="tools"),
    pytest.param("POST", f"{ENCODE}/fibers", RUN, id="run"),
]


async def search(endpoint: Endpoint) -> Reply:
    """Ask for a search; of a model that always thinks, and so cannot search, nothing is decided."""
    model = endpoint.edition.find(endpoint.model_is)
    switch = endpoint.edition.families[model.family].thinking if model else None
    if switch is not None and "disabled" not in switch.types:
        raise InconclusiveError(f"{endpoint.model_is} always thinks, and so cannot search")
    return await endpoint.chat(SEARCHING)


def the_search(reply: Reply) -> Mapping[str, Any]:
    """The call of the search; where the model did not search, nothing is decided."""
    calls = reply.accepted.message.get("tool_calls") or []
    found = [call for call in calls if call["function"]["name"] == "$web_search"]
    if not found:
        raise InconclusiveError("the model was asked to search, and did not")
    call: Mapping[str, Any] = found[0]
    return call


async def hand_back(endpoint: Endpoint, asked: Reply) -> Reply:
    """The second hop: the call's arguments, as they came, are its result."""
    call = the_search(asked)
    result = {
        "role": "tool",
        "tool_call_id": call["id"],
        "name": "$web_search",
        "content": call["function"]["arguments"],
    }
    return await endpoint.chat({**SEARCHING, "messages": [QUESTION, asked.message, result]})


@requirement("EP-FORMULAS-01")
async def test_an_official_tool_tells_how_it_is_called(endpoint: Endpoint) -> None:
    """A client offers the tool to a model without knowing it."""
    told = await endpoint.get(f"{ENCODE}/tools")
    tools = told.accepted.json["tools"]
    greeting = {"role": "user", "content": "Say hello."}
    chat = await endpoint.chat({"messages": [greeting], "tools": tools, "max_tokens": 16})

    functions = [tool["function"] for tool in tools]

    assert {tool["type"] for tool in tools} == {"function"}
    assert all(function["parameters"]["type"] == "object" for function in functions)
    assert "base64_encode" in {function["name"] for function in functions}
    assert chat.accepted.status == 200


@requirement("EP-FORMULAS-02")
async def test_a_run_of_an_official_tool_says_what_it_found(endpoint: Endpoint) -> None:
    """A client hands the model what the tool found, whether or not it can read it."""
    reply = await endpoint.post(f"{ENCODE}/fibers", RUN)

    fiber = reply.accepted.json
    context = fiber["context"]
    found = context.get("output") or context.get("encrypted_output")

    assert fiber["status"] == "succeeded"
    assert isinstance(found, str)
    assert found != ""


@requirement("EP-FORMULAS-03")
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("GET", "tools", None), ("POST", "fibers", RUN)],
    ids=["tools", "run"],
)
async def test_a_tool_that_does_not_exist_is_not_found(
    endpoint: Endpoint, method: str, path: str, body: Any
) -> None:
    """A slip in the name of a tool is found at the first request."""
    found = await endpoint.request(method, f"{ENCODE}/{path}", json=body)
    missing = await endpoint.request(method, f"{NO_SUCH_FORMULA}/{path}", json=body)

    assert found.control.status == 200
    assert missing.settled.status == 404


@requirement("EP-FORMULAS-04")
@pytest.mark.parametrize(
    "changes",
    [
        {"arguments": "Seaview"},
        {"arguments": {"data": "Seaview"}},
        {"arguments": None},
        {"name": "no_such_function"},
    ],
    ids=["no JSON", "no text", "absent", "other function"],
)
async def test_a_call_that_no_model_makes_does_not_succeed(
    endpoint: Endpoint, changes: dict[str, Any]
) -> None:
    """A client that encodes a call wrongly is told, and not given somebody else's result."""
    granted = await endpoint.post(f"{ENCODE}/fibers", RUN)
    refused = await endpoint.post(f"{ENCODE}/fibers", {**RUN, **changes})

    assert granted.control.json["status"] == "succeeded"
    assert outcome(refused) != (200, "succeeded")


def outcome(reply: Reply) -> tuple[int, Any]:
    """The status of the answer, and the one that a fiber tells of itself."""
    return reply.settled.status, reply.json.get("status")


@requirement("EP-FORMULAS-05")
@pytest.mark.parametrize(("method", "path", "body"), PLACES)
async def test_official_tools_ask_for_the_key(
    endpoint: Endpoint, method: str, path: str, body: Any
) -> None:
    """Nobody searches at somebody else's expense."""
    granted = await endpoint.request(method, path, json=body)
    wrong = await endpoint.request(method, path, json=body, key=WRONG_KEY)
    absent = await endpoint.request(method, path, json=body, key=None)

    assert granted.control.status == 200
    assert (wrong.refusal, absent.refusal) == (WRONG, ABSENT)


@requirement("EP-FORMULAS-06")
async def test_a_search_is_a_call_of_a_builtin_function(endpoint: Endpoint) -> None:
    """A client tells the search, which it hands back, from its own tools, which it runs."""
    reply = await search(endpoint)

    call = the_search(reply)

    assert call["type"] == "builtin_function"
    assert isinstance(json.loads(call["function"]["arguments"]), dict)
    assert reply.choice["finish_reason"] == "tool_calls"


@requirement("EP-FORMULAS-07")
async def test_what_a_search_found_is_handed_back_unread(endpoint: Endpoint) -> None:
    """A user gets an answer out of pages that the client never saw."""
    asked = await search(endpoint)
    answered = await hand_back(endpoint, asked)

    assert answered.accepted.choice["finish_reason"] in {"stop", "length"}
    assert answered.message["content"] != ""


@requirement("EP-FORMULAS-08")
async def test_what_a_search_found_is_paid_for(endpoint: Endpoint) -> None:
    """A client can tell beforehand what the next prompt will cost."""
    asked = await search(endpoint)
    announced = json.loads(the_search(asked)["function"]["arguments"])["usage"]["total_tokens"]
    answered = await hand_back(endpoint, asked)

    more = answered.accepted.usage["prompt_tokens"] - asked.usage["prompt_tokens"]

    assert announced > 0
    assert more >= announced
