"""Tools: which the model sees, and what follows when it calls some."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_conformance.adapters.failures import failure_of
from kimi_conformance.adapters.protocol import ChatRequest, Completion
from kimi_conformance.adapters.reference import KimiSettings, LLMError, SyncKimiClient, operations
from kimi_conformance.adapters.reference.tools import after_calls, offered
from kimi_conformance.http import httpx
from kimi_conformance.stage import replies

SETTINGS = KimiSettings(base_url="https://api.example/v1", api_key="sk-0")
ASKED = [{"role": "user", "content": "What time is it?"}]


def tool(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}


def asking(*names: str, allowed: set[str] | None = None, **options: Any) -> ChatRequest:
    tools = [tool(name) for name in names]
    return ChatRequest(
        model="moonshot-v1-8k",
        messages=ASKED,
        tools=tools,
        allowed_tools=allowed,
        options=options,
    )


def calling(*calls: object) -> Completion:
    return Completion(body=replies.completion_body(message={"tool_calls": list(calls)}))


def call(id: str, name: str) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": "{}"}}


@given(
    available=st.lists(st.sampled_from("abcd"), unique=True),
    allowed=st.sets(st.sampled_from("abcde"), min_size=1),
)
def test_what_is_offered_is_what_is_both_there_and_allowed(
    available: list[str], allowed: set[str]
) -> None:
    request = asking(*available, allowed=allowed)

    sent = offered(request) or []

    assert sent == [tool(name) for name in available if name in allowed]
    assert all(each in (request.tools or ()) for each in sent)


def test_a_tool_that_is_no_function_is_only_offered_where_all_are() -> None:
    builtin = {"type": "builtin_function", "function": {"name": "$web_search"}}
    odd: list[Any] = [builtin, {"type": "plugin"}, "search"]
    request = ChatRequest(model="m", messages=[], tools=odd)

    assert offered(request) == odd
    assert offered(ChatRequest(model="m", messages=[], tools=odd, allowed_tools={"x"})) is None


def test_every_call_is_followed_by_its_result() -> None:
    answer = calling(call("a:0", "a"), call("b:1", "b"))

    following = after_calls(asking("a", "b"), answer, lambda name, _: name.upper())

    assert following is not None
    assert following.messages == [
        *ASKED,
        answer.body["choices"][0]["message"],
        {"role": "tool", "tool_call_id": "a:0", "content": "A"},
        {"role": "tool", "tool_call_id": "b:1", "content": "B"},
    ]


@pytest.mark.parametrize(
    ("choice", "left"),
    [
        ("auto", {"tool_choice": "auto"}),
        ("none", {"tool_choice": "none"}),
        ("required", {}),
        ({"type": "function", "function": {"name": "a"}}, {}),
    ],
)
def test_only_a_free_choice_is_repeated(choice: object, left: dict[str, str]) -> None:
    request = asking("a", tool_choice=choice, temperature=0.3)

    following = after_calls(request, calling(call("a:0", "a")), lambda *_: "")

    assert following is not None
    assert following.options == {"temperature": 0.3, **left}


@pytest.mark.parametrize(
    "odd",
    [
        None,
        "a",
        {},
        {"id": "a:0"},
        {"id": "", "function": {"name": "a"}},
        {"id": "a:0", "function": {"name": None}},
        {"id": "a:0", "function": "a"},
    ],
)
def test_a_call_that_cannot_be_answered_is_an_error_and_calls_nothing(odd: object) -> None:
    called: list[str] = []

    def note(name: str, _: str) -> str:
        called.append(name)
        return ""

    with pytest.raises(LLMError, match="tool call 2 of the answer has no id or no name"):
        after_calls(asking("a"), calling(call("a:0", "a"), odd), note)

    assert called == []


def test_tool_calls_that_are_no_list_are_an_error() -> None:
    answer = Completion(body=replies.completion_body(message={"tool_calls": 7}))

    with pytest.raises(LLMError, match="are no list"):
        after_calls(asking("a"), answer, lambda *_: "")


def test_a_model_that_calls_tools_for_ever_is_stopped() -> None:
    bodies: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return httpx.Response(200, json=calling(call("a:0", "a")).body)

    with (
        SyncKimiClient(SETTINGS, transport=httpx.MockTransport(answer)) as client,
        pytest.raises(LLMError, match="still calls tools after 32 answers") as caught,
    ):
        client.chat_with_tools(asking("a"), lambda *_: "")

    assert failure_of(caught.value).is_llm_error
    assert len(bodies) == operations.MOST_ANSWERS


def test_what_a_tool_raises_reaches_whoever_wrote_it() -> None:
    def broken(name: str, arguments: str) -> str:
        raise ZeroDivisionError(name + arguments)

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=calling(call("a:0", "a")).body)

    with (
        SyncKimiClient(SETTINGS, transport=httpx.MockTransport(answer)) as client,
        pytest.raises(ZeroDivisionError),
    ):
        client.chat_with_tools(asking("a"), broken)


def test_a_cache_holds_the_tools_that_are_sent() -> None:
    bodies: dict[str, Any] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            bodies[request.url.path] = json.loads(request.content)
        made = {"id": "cache-1", "status": "ready"}
        chat = request.url.path.endswith("completions")
        return httpx.Response(200, json=replies.completion_body() if chat else made)

    request = ChatRequest(
        model="moonshot-v1-8k",
        messages=[{"role": "system", "content": "Be brief."}, *ASKED],
        tools=[tool("a"), tool("b")],
        allowed_tools={"b"},
    )

    with SyncKimiClient(
        SETTINGS, context_cache=True, transport=httpx.MockTransport(answer)
    ) as client:
        client.session("s").chat(request)

    assert bodies["/v1/caching"]["tools"] == [tool("b")]
    assert bodies["/v1/chat/completions"]["tools"] == [tool("b")]
