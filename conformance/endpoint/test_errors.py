"""Refusals that belong to no one feature."""

from typing import Any

import pytest

from kimi_conformance.checks import GREETING, Endpoint, requirement

BAD_REQUEST = (400, "invalid_request_error")
NOWHERE = "/a/path/that/is/not/there"


@requirement("EP-ERRORS-01")
@pytest.mark.parametrize(
    "content",
    [b'{"model": "moonshot-v1-8k", "messages": [', b"[]", b"model=moonshot-v1-8k"],
    ids=["cut", "list", "form"],
)
async def test_a_body_that_is_no_json_object_is_refused(endpoint: Endpoint, content: bytes) -> None:
    """A client that builds its bodies by hand learns that this one is broken."""
    granted = await endpoint.chat(GREETING)
    refused = await endpoint.request("POST", "/chat/completions", content=content)

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


@requirement("EP-ERRORS-02")
@pytest.mark.parametrize(
    "messages",
    [{}, {"messages": "Say hello."}, {"messages": ["Say hello."]}, {"messages": {"role": "user"}}],
    ids=["absent", "text", "list of texts", "object"],
)
async def test_messages_that_are_no_list_of_objects_are_refused(
    endpoint: Endpoint, messages: dict[str, Any]
) -> None:
    """A client written for a completion API without chat learns what this one wants."""
    granted = await endpoint.chat(GREETING)
    refused = await endpoint.chat({"max_tokens": 8, **messages})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


@requirement("EP-ERRORS-03")
async def test_an_unknown_path_is_not_found(endpoint: Endpoint) -> None:
    """A slip in a base URL is found at the first request."""
    known = await endpoint.knock()
    unknown = await endpoint.get(NOWHERE)

    assert known.control.status == 200
    assert unknown.settled.status == 404


@requirement("EP-ERRORS-04")
async def test_an_unknown_path_is_told_apart_from_an_unknown_model(endpoint: Endpoint) -> None:
    """A client that gets a 404 can tell its base URL from its model."""
    known = await endpoint.knock()
    unknown = await endpoint.get(NOWHERE)

    told = unknown.settled.json

    assert known.control.status == 200
    assert (told["error"], told["method"]) == ("url.not_found", "GET")
    assert told["url"].endswith(NOWHERE)


@requirement("EP-ERRORS-05")
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/chat/completions"), ("DELETE", "/models")],
    ids=["GET chat", "DELETE models"],
)
async def test_a_method_that_a_path_does_not_have_is_not_found(
    endpoint: Endpoint, method: str, path: str
) -> None:
    """A client that mixes up methods changes nothing, and is told."""
    known = await endpoint.knock()
    unknown = await endpoint.request(method, path)

    assert known.control.status == 200
    assert (unknown.settled.status, unknown.json["error"]) == (404, "url.not_found")


@requirement("EP-ERRORS-06")
async def test_embeddings_are_not_open(endpoint: Endpoint) -> None:
    """A user who looks for embeddings is told that it is not the key's fault."""
    known = await endpoint.knock()
    refused = await endpoint.post("/embeddings", {"model": endpoint.model, "input": "hello"})

    assert known.control.status == 200
    assert refused.refusal == (403, "permission_denied_error")


@requirement("EP-ERRORS-07")
async def test_each_answer_has_an_id_of_its_own(endpoint: Endpoint) -> None:
    """A user who asks for help can say which request it is about."""
    listed = await endpoint.knock()
    again = await endpoint.knock()
    refused = await endpoint.post("/chat/completions", {"model": endpoint.model, "messages": []})

    ids = {reply.header("Msh-Request-Id") for reply in (listed, again, refused)}

    assert listed.control.status == 200
    assert refused.refusal == BAD_REQUEST
    assert len(ids - {None}) == 3


@requirement("EP-ERRORS-09")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", 7),
        ("temperature", "warm"),
        ("top_p", "most"),
        ("n", "two"),
        ("max_tokens", "many"),
        ("presence_penalty", "some"),
        ("frequency_penalty", "some"),
        ("stream", "yes"),
        ("stream_options", "usage"),
        ("stop", 7),
        ("tools", "all"),
        ("tools", [{"type": "function", "function": {"name": "wait", "parameters": "none"}}]),
        ("tool_choice", 7),
        ("response_format", "json"),
    ],
    ids=[
        "model",
        "temperature",
        "top_p",
        "n",
        "max_tokens",
        "presence_penalty",
        "frequency_penalty",
        "stream",
        "stream_options",
        "stop",
        "tools",
        "parameters of a tool",
        "tool_choice",
        "response_format",
    ],
)
async def test_a_field_of_another_type_is_refused(
    endpoint: Endpoint, field: str, value: Any
) -> None:
    """A client that mixes up types learns it here, not by a setting that has no effect."""
    granted = await endpoint.chat(GREETING)
    refused = await endpoint.chat({**GREETING, field: value})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


@requirement("EP-ERRORS-10")
@pytest.mark.parametrize(
    ("field", "value"),
    [("max_completion_tokens", "many"), ("thinking", "yes"), ("reasoning_effort", 7)],
    ids=["max_completion_tokens", "thinking", "reasoning_effort"],
)
async def test_a_later_field_of_another_type_is_refused(
    endpoint: Endpoint, field: str, value: Any
) -> None:
    """A client that mixes up types learns it here, not by a setting that has no effect."""
    granted = await endpoint.chat(GREETING)
    refused = await endpoint.chat({**GREETING, field: value})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST
