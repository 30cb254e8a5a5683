"""What a client sends when its user chats, and what it hands back."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kimi_conformance.checks import (
    Answer,
    ChatRequest,
    Chats,
    Ending,
    Frame,
    OpenAdapter,
    Upstream,
    replies,
    requirement,
)

GREETING = ChatRequest(model="moonshot-v1-8k", messages=[{"role": "user", "content": "Hello"}])
CHAT = "POST /v1/chat/completions"


@requirement("REQ-01")
async def test_a_chat_goes_out_with_the_kimi_key(
    open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """A user of two services pays the right one, and shows neither key to the other."""
    upstream.replies(replies.completion())
    environment = {"KIMI_API_KEY": "sk-for-kimi", "OPENAI_API_KEY": "sk-for-openai"}

    await open_adapter(api_key=None, environment=environment).chat(GREETING)

    assert upstream.requests[0].header("Authorization") == "Bearer sk-for-kimi"


@requirement("REQ-04")
async def test_a_chat_speaks_the_openai_dialect(
    open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """Every server that speaks it can stand in for Kimi."""
    upstream.replies(replies.completion())

    await open_adapter(api_key="sk-of-this-user").chat(GREETING)

    [sent] = upstream.requests
    assert sent.header("Authorization") == "Bearer sk-of-this-user"
    assert (sent.header("Content-Type") or "").startswith("application/json")
    assert sent.json["model"] == "moonshot-v1-8k"
    assert sent.json["messages"] == [{"role": "user", "content": "Hello"}]


@requirement("REQ-05")
@pytest.mark.parametrize(
    "slash", [pytest.param("", id="bare"), pytest.param("/", id="with a slash")]
)
async def test_a_chat_goes_to_chat_completions(
    slash: str, open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """A user may write the base URL either way."""
    upstream.replies(replies.completion())

    await open_adapter(base_url=f"{upstream.base_url}{slash}").chat(GREETING)

    assert [f"{sent.method} {sent.path}" for sent in upstream.requests] == [CHAT]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(-(2.0**53), 2.0**53)  # beyond it, clients write the same number in several ways
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=5,
)
NAMES = (
    *("temperature", "top_p", "max_tokens", "stop", "seed", "user", "response_format"),
    *("thinking", "top_k", "prompt_cache_key", "x_unknown", "属性"),
)


@requirement("REQ-06")
@example(options={"temperature": 0.3, "stop": None, "x_unknown": {"月": ["<&>"]}}, text="<&>\n")
@given(
    options=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4),
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
async def test_what_the_user_gives_is_what_is_sent(
    options: dict[str, Any], text: str, adapter: Chats, upstream: Upstream
) -> None:
    """Whoever needs a parameter that is new today need not wait for the client's next release."""
    upstream.replies(replies.completion())
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": text, "x_mark": 1},
        {"role": "user", "content": "Hi", "name": "li"},
    ]

    await adapter.chat(ChatRequest(model="kimi-latest", messages=messages, options=options))

    sent = upstream.requests[-1].json
    assert {name: sent.get(name, "absent") for name in options} == options
    assert sent["messages"] == messages
    assert sent["model"] == "kimi-latest"


THOUGHT = {"reasoning_content": "Hm.", "x_mood": "calm"}
CALL = {
    "index": 0,
    "id": "search:0",
    "type": "function",
    "function": {"name": "search", "arguments": '{"q": "月"}'},
}


@requirement("REQ-06")
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(replies.completion_body("Grüß dich, 月 🌙"), id="text"),
        pytest.param(replies.completion_body(message=THOUGHT), id="thoughts"),
        pytest.param(replies.completion_body("", message={"tool_calls": [CALL]}), id="tool calls"),
        pytest.param({**replies.completion_body(), "x_region": {"a": [None]}}, id="unknown fields"),
    ],
)
async def test_the_answer_is_handed_back_as_it_came(
    body: dict[str, Any], adapter: Chats, upstream: Upstream
) -> None:
    """A user loses nothing that the API said, thoughts and identifiers included."""
    upstream.replies(replies.json_reply(body))

    completion = await adapter.chat(GREETING)

    assert completion.body == body


@requirement("REQ-07")
async def test_a_model_is_asked_at_the_endpoint_of_its_configuration(
    adapter: Any, upstream: Upstream
) -> None:
    """A user who looks up where the words go is told the truth."""
    upstream.answers("GET /v1/models", replies.model_list(["moonshot-v1-8k"]))
    upstream.answers(CHAT, replies.completion())

    model = await adapter.resolve("kimi/moonshot-v1-8k")
    await adapter.chat(ChatRequest(model=model.id, messages=GREETING.messages))

    assert model.endpoint_type in {"openai", "kimi"}
    assert model.endpoint.rstrip("/") == upstream.base_url
    assert len(upstream.sent(CHAT)) == 1


@requirement("REQ-09")
async def test_a_whole_answer_is_not_asked_for_as_a_stream(
    adapter: Chats, upstream: Upstream
) -> None:
    """Who asked for an answer gets one, and not its pieces."""
    upstream.replies(replies.completion())

    await adapter.chat(GREETING)

    assert not upstream.requests[0].json.get("stream", False)


def without(name: str) -> dict[str, Any]:
    """A completion that lacks a field."""
    return {key: value for key, value in replies.completion_body().items() if key != name}


def said(body: Mapping[str, Any]) -> tuple[str, list[tuple[str, str, Any]]]:
    """What an answer says, in whichever words: its text, and its calls with their arguments."""
    [choice] = body["choices"]
    calls = [(call["id"], call["function"]) for call in choice["message"].get("tool_calls") or ()]
    return choice["message"].get("content") or "", [
        (id, function["name"], json.loads(function["arguments"])) for id, function in calls
    ]


@requirement("REQ-10")
@pytest.mark.parametrize(
    "body",
    [
        pytest.param({**replies.completion_body(), "usage": None}, id="usage null"),
        pytest.param(without("usage"), id="no usage"),
        pytest.param({**replies.completion_body(), "cached_tokens": 7}, id="an unknown field"),
        pytest.param(replies.completion_body(finish_reason="length"), id="cut off by length"),
        pytest.param(replies.completion_body(finish_reason="content_filter"), id="filtered"),
        pytest.param(
            replies.completion_body(
                message={"content": None, "tool_calls": [CALL]}, finish_reason="tool_calls"
            ),
            id="content null",
        ),
    ],
)
async def test_every_form_of_a_completion_is_accepted(
    body: dict[str, Any], adapter: Chats, upstream: Upstream
) -> None:
    """An answer that was paid for is not thrown away over a detail."""
    upstream.replies(replies.json_reply(body))

    completion = await adapter.chat(GREETING)

    [asked], [choice] = upstream.requests, completion.body["choices"]
    assert asked.path.endswith("/chat/completions")
    assert choice["finish_reason"] == body["choices"][0]["finish_reason"]
    assert said(completion.body) == said(body)


def gzipped(answer: Answer) -> Answer:
    """The same answer, compressed as a proxy may send it."""
    headers = (*answer.headers, ("Content-Encoding", "gzip"))
    return replace(answer, headers=headers, frames=(Frame(0.0, gzip.compress(answer.body)),))


def old_fashioned(answer: Answer) -> Answer:
    """The same answer in HTTP/1.0: its body ends where the connection does."""
    head = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n"
    return Answer(raw=True, frames=(Frame(0.0, head + answer.body),), ending=Ending.CUT)


@requirement("REQ-10")
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(gzipped(replies.completion("月 🌙")), id="gzip"),
        pytest.param(old_fashioned(replies.completion("月 🌙")), id="HTTP 1.0"),
        pytest.param(replies.split(replies.completion("月 🌙"), 1), id="byte by byte"),
    ],
)
async def test_every_way_to_carry_a_completion_is_accepted(
    answer: Answer, adapter: Chats, upstream: Upstream
) -> None:
    """A proxy on the way does not cost a user the answer."""
    upstream.replies(answer)

    completion = await adapter.chat(GREETING)

    assert len(upstream.requests) == 1
    assert said(completion.body) == said(replies.completion_body("月 🌙"))


@requirement("REQ-17")
async def test_a_limit_on_the_length_reaches_the_api(adapter: Chats, upstream: Upstream) -> None:
    """A user who pays by the token decides how many there are."""
    upstream.replies(replies.completion(finish_reason="length"))

    await adapter.chat(
        ChatRequest(model="moonshot-v1-8k", messages=GREETING.messages, options={"max_tokens": 32})
    )

    assert upstream.requests[0].json["max_tokens"] == 32


TOOL = {
    "type": "function",
    "function": {
        "name": "search",
        "parameters": {
            "type": "object",
            "properties": {name: {"type": "string"} for name in ("thinking", "query", "after")},
            "required": ["thinking", "query"],
        },
    },
}


@requirement("REQ-03")
async def test_the_arguments_of_a_tool_keep_their_order(adapter: Chats, upstream: Upstream) -> None:
    """A model that is to think before it acts writes its arguments in the order of the schema."""
    upstream.replies(replies.completion())

    await adapter.chat(
        ChatRequest(model="moonshot-v1-8k", messages=GREETING.messages, tools=[TOOL])
    )

    [tool] = upstream.requests[0].json["tools"]
    assert list(tool["function"]["parameters"]["properties"]) == ["thinking", "query", "after"]


@requirement("REQ-08")
async def test_a_call_carries_its_four_parts_and_nothing_of_who_watches_it(
    adapter: Chats, upstream: Upstream
) -> None:
    """A user's words, model, tools and wish arrive; how the work is tracked stays here."""
    upstream.replies(
        replies.json_reply(replies.completion_body("", message={"tool_calls": [CALL]}))
    )
    forced = {"type": "function", "function": {"name": "search"}}

    await adapter.chat(
        ChatRequest(
            model="moonshot-v1-8k",
            messages=GREETING.messages,
            tools=[TOOL],
            options={"tool_choice": forced},
        )
    )

    [sent] = upstream.requests
    assert {"messages", "model", "tools", "tool_choice"} <= sent.json.keys()
    assert not {"step_id", "telemetry_manager", "force_tool_call", "llm_config"} & sent.json.keys()
