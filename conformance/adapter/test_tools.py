"""
Which tools a client offers, and what it does when the model calls some.

Long because its checks are known by the name of this module: ids, cassettes and baselines hold it.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kimi_conformance.checks import (
    CallsTools,
    ChatRequest,
    Chats,
    Edition,
    OpenAdapter,
    Service,
    ToolsCourse,
    ToolsMachine,
    Upstream,
    at_rest,
    failure_of,
    read_examples,
    read_input,
    replies,
    requirement,
    search,
)

Body = Mapping[str, Any]
QUESTION = [{"role": "user", "content": "What is the weather in Beijing?"}]
NAMES = ("get_weather", "get_time", "search", "run_python")


def schema(name: str) -> dict[str, Any]:
    """A tool that takes one text."""
    parameters = {
        "type": "object",
        "properties": {"q": {"type": "string", "description": f"For {name}, 例如 <a&b>."}},
        "required": ["q"],
    }
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def calling(*calls: tuple[str, str, str], **message: Any) -> Body:
    """An answer that calls tools: id, name and arguments of each."""
    made = [
        {"index": n, "id": id, "type": "function", "function": {"name": name, "arguments": text}}
        for n, (id, name, text) in enumerate(calls)
    ]
    return replies.completion_body(
        "", message={"tool_calls": made, **message}, finish_reason="tool_calls"
    )


class Toolbox:
    """Tools that note how they are called."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def __call__(self, name: str, arguments: str) -> str:
        """The result of one call."""
        self.calls.append((name, arguments))
        return f"result {len(self.calls)} of {name}"


def names(tools: Sequence[Body]) -> list[str]:
    """The tools' names, in their order."""
    return [tool["function"]["name"] for tool in tools]


@requirement("TOOL-01")
@pytest.mark.parametrize(
    ("allowed", "sent"),
    [
        pytest.param(["search"], ["search"], id="one"),
        pytest.param(["run_python", "get_time"], ["get_time", "run_python"], id="two"),
        pytest.param([], list(NAMES), id="nothing named"),
        pytest.param(None, list(NAMES), id="no rule"),
    ],
)
async def test_the_named_tools_are_offered_or_all(
    allowed: list[str] | None, sent: list[str], adapter: Chats, upstream: Upstream
) -> None:
    """A user who limits the tools keeps the model away from the others."""
    upstream.replies(replies.completion())
    tools = [schema(name) for name in NAMES]

    await adapter.chat(
        ChatRequest(model="moonshot-v1-8k", messages=QUESTION, tools=tools, allowed_tools=allowed)
    )

    assert names(upstream.requests[0].json["tools"]) == sent


@requirement("TOOL-02")
@example(available=["search", "get_time"], allowed={"search", "unknown"})
@given(
    available=st.lists(st.sampled_from(NAMES), unique=True, min_size=1),
    allowed=st.sets(st.sampled_from([*NAMES, "unknown"]), min_size=1),
)
async def test_only_allowed_schemas_are_sent_and_none_is_touched(
    available: list[str], allowed: set[str], adapter: Chats, upstream: Upstream
) -> None:
    """The model sees the schema that the tool's author wrote, or nothing of it."""
    upstream.replies(replies.completion())
    tools = [schema(name) for name in available]

    await adapter.chat(
        ChatRequest(model="moonshot-v1-8k", messages=QUESTION, tools=tools, allowed_tools=allowed)
    )

    sent = upstream.requests[-1].json.get("tools") or []
    assert sent == [schema(name) for name in available if name in allowed]


@requirement("TOOL-03")
async def test_every_called_tool_is_called_in_order_with_its_arguments(
    adapter: CallsTools, upstream: Upstream
) -> None:
    """A model that asks for two things at once gets both."""
    first = calling(("search:0", "search", '{"q": "月"}'), ("search:1", "get_time", "{ }"))
    upstream.replies(replies.json_reply(first), replies.completion("Done."))
    toolbox = Toolbox()

    await adapter.chat_with_tools(_asking(), toolbox)

    assert toolbox.calls == [("search", '{"q": "月"}'), ("get_time", "{ }")]


@requirement("TOOL-03")
@pytest.mark.parametrize(
    "message",
    [
        pytest.param({}, id="plain"),
        pytest.param({"reasoning_content": "Let me look."}, id="with thoughts"),
        pytest.param({"content": None}, id="content null"),
        pytest.param({"content": "One moment.", "x_mood": "calm"}, id="with text"),
    ],
)
async def test_the_results_follow_the_answer_as_it_came(
    message: dict[str, Any], adapter: CallsTools, upstream: Upstream
) -> None:
    """The model finds its own words and thoughts again, and each result beside its call."""
    first = calling(("a:0", "search", "{}"), ("a:1", "get_time", "{}"), **message)
    upstream.replies(replies.json_reply(first), replies.completion("Done."))

    completion = await adapter.chat_with_tools(_asking(), Toolbox())

    *before, said, one, two = upstream.requests[1].json["messages"]
    assert before == QUESTION
    assert said == first["choices"][0]["message"]
    assert (one["role"], one["tool_call_id"], one["content"]) == (
        "tool",
        "a:0",
        "result 1 of search",
    )
    assert (two["role"], two["tool_call_id"], two["content"]) == (
        "tool",
        "a:1",
        "result 2 of get_time",
    )
    assert completion.body == replies.completion_body("Done.")


@requirement("TOOL-03")
async def test_the_tools_are_offered_again_with_the_results(
    adapter: CallsTools, upstream: Upstream
) -> None:
    """A model that needs a second tool after the first can call it."""
    answers = [calling(("a:0", "search", "{}")), calling(("a:1", "get_time", "{}"))]
    upstream.replies(*map(replies.json_reply, answers), replies.completion("Done."))
    toolbox = Toolbox()

    await adapter.chat_with_tools(_asking(), toolbox)

    assert [sent.json["tools"] for sent in upstream.requests] == 3 * [_asking().tools]
    assert [name for name, _ in toolbox.calls] == ["search", "get_time"]


@requirement("TOOL-03")
def test_no_course_of_questions_parts_a_call_from_its_result(
    open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """The model finds what was said as it was said, also in the tenth question."""
    courses = search(
        ToolsMachine, partial(ToolsCourse, open_adapter, upstream), read_examples("tools")
    )

    assert sum(course.arrived for course in courses)


@requirement("TOOL-04")
@pytest.mark.parametrize(
    "message",
    [
        pytest.param({}, id="absent"),
        pytest.param({"tool_calls": None}, id="null"),
        pytest.param({"tool_calls": []}, id="empty"),
    ],
)
async def test_an_answer_that_calls_no_tool_is_the_last(
    message: dict[str, Any], adapter: CallsTools, upstream: Upstream
) -> None:
    """A plain answer is handed on at once."""
    body = replies.completion_body("It is sunny.", message=message)
    upstream.replies(replies.json_reply(body))
    toolbox = Toolbox()

    completion = await adapter.chat_with_tools(_asking(), toolbox)

    assert completion.body == body
    assert toolbox.calls == []
    assert len(upstream.requests) == 1


FORCED = {"type": "function", "function": {"name": "get_time"}}
CALLED = {"name": "get_time", "arguments": '{"q": "now"}'}
OBEYED = replies.completion_body(  # some clients see to it that the model does
    "", message={"tool_calls": [{"index": 0, "id": "a:0", "type": "function", "function": CALLED}]}
)


def forcing(model: str, choice: Any) -> ChatRequest:
    """A request whose tools come with a choice among them."""
    tools = [schema(name) for name in NAMES]
    options = {"tool_choice": choice}
    return ChatRequest(model=model, messages=QUESTION, tools=tools, options=options)


@requirement("TOOL-05")
@pytest.mark.parametrize(
    ("model", "choice", "answer"),
    [
        pytest.param("moonshot-v1-8k", FORCED, OBEYED, id="a tool"),
        pytest.param("moonshot-v1-128k", FORCED, OBEYED, id="a tool, the longest window"),
        pytest.param("moonshot-v1-8k", "none", replies.completion_body(), id="none"),
    ],
)
async def test_a_forced_tool_is_forced(
    model: str, choice: Any, answer: Body, adapter: Chats, upstream: Upstream
) -> None:
    """A program that needs this one tool's arguments gets them."""
    upstream.replies(replies.json_reply(answer))

    await adapter.chat(forcing(model, choice))

    assert upstream.requests[0].json["tool_choice"] == choice


@requirement("TOOL-05-K2")
async def test_a_tool_forced_upon_k2_is_not_lost_silently(
    adapter: Chats, upstream: Upstream
) -> None:
    """A program that moves to a K2 model notices if the tool cannot be forced."""
    upstream.replies(replies.json_reply(OBEYED))

    await adapter.chat(forcing("kimi-k2-0905-preview", FORCED))

    assert upstream.requests[0].json["tool_choice"] == FORCED


@requirement("TOOL-06")
async def test_a_forced_tool_is_forced_once(adapter: CallsTools, upstream: Upstream) -> None:
    """A user who forces the first step gets an answer and no endless round of steps."""
    upstream.replies(
        replies.json_reply(calling(("a:0", "get_time", "{}"))), replies.completion("Noon.")
    )
    request = ChatRequest(
        model="moonshot-v1-8k",
        messages=QUESTION,
        tools=_asking().tools,
        options={"tool_choice": FORCED},
    )

    await adapter.chat_with_tools(request, Toolbox())

    first, second = upstream.requests
    assert first.json["tool_choice"] == FORCED
    assert second.json.get("tool_choice", "auto") == "auto"


@requirement("TOOL-06")
async def test_function_calling_works_with_the_api_itself(
    adapter: CallsTools, service: Service, model: str, edition: Edition
) -> None:
    """Tools work where it matters: the model calls, the client answers, the model tells."""
    forced = {"type": "function", "function": {"name": "get_weather"}}
    request = ChatRequest(
        model=model,
        messages=[{"role": "user", "content": "Use the tool: what is the weather in Beijing?"}],
        tools=[read_input("tools/weather")],
        options={"tool_choice": forced, **at_rest(edition, model)},
    )
    toolbox = Toolbox()

    completion = await adapter.chat_with_tools(request, toolbox)

    name, arguments = toolbox.calls[0]
    assert name == "get_weather"
    assert "city" in json.loads(arguments)
    assert completion.body["choices"][0]["finish_reason"] in {"stop", "length"}
    assert service.requests[-1].json["messages"][-1]["role"] == "tool"


def thoughtful(name: str) -> dict[str, Any]:
    """A tool that asks for the thoughts behind the call, first of all."""
    properties = {part: {"type": "string"} for part in ("inner_thoughts", "q")}
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


@requirement("REQ-11")
async def test_thoughts_that_a_tool_asks_for_come_back_among_its_arguments(
    adapter: CallsTools, upstream: Upstream
) -> None:
    """A platform that asked for thoughts finds them where it asked for them."""
    arguments = '{"inner_thoughts": "Is it raining?", "q": "rain", "request_heartbeat": true}'
    first = calling(("search:0", "search", arguments))
    upstream.replies(replies.json_reply(first), replies.completion("Done."))
    tools = [thoughtful("search")]
    toolbox = Toolbox()

    await adapter.chat_with_tools(
        ChatRequest(model="moonshot-v1-8k", messages=QUESTION, tools=tools), toolbox
    )

    assert upstream.requests[0].json["tools"] == tools
    assert toolbox.calls == [("search", arguments)]


@requirement("REQ-12")
async def test_thoughts_that_no_tool_asks_for_stay_in_the_text(
    adapter: CallsTools, upstream: Upstream
) -> None:
    """A tool is given its arguments and not what the model said beside them."""
    first = calling(("search:0", "search", '{"q": "rain"}'), content="Is it raining?")
    upstream.replies(replies.json_reply(first), replies.completion("Done."))
    toolbox = Toolbox()

    await adapter.chat_with_tools(_asking(), toolbox)

    [offered, *_] = upstream.requests[0].json["tools"]
    said = upstream.requests[1].json["messages"][len(QUESTION)]
    assert list(offered["function"]["parameters"]["properties"]) == ["q"]
    assert toolbox.calls == [("search", '{"q": "rain"}')]
    assert said["content"] == "Is it raining?"


MOST_ROUNDS = 128  # far more than any question takes


class TiredToolbox(Toolbox):
    """Tools that have had enough at some time."""

    def __call__(self, name: str, arguments: str) -> str:
        """The result of one call, until there were too many."""
        if len(self.calls) == MOST_ROUNDS:
            raise RecursionError("this has no end")
        return super().__call__(name, arguments)


@requirement("REQ-14")
async def test_a_model_that_calls_tools_for_ever_is_stopped(
    adapter: CallsTools, upstream: Upstream
) -> None:
    """A user does not pay through the night for a model that has lost its way."""
    upstream.replies(replies.json_reply(calling(("search:0", "search", "{}"))))
    toolbox = TiredToolbox()

    await asyncio.gather(adapter.chat_with_tools(_asking(), toolbox), return_exceptions=True)

    assert 0 < len(toolbox.calls) < MOST_ROUNDS


@requirement("REQ-15")
async def test_every_round_goes_on_from_all_that_came_before(
    adapter: CallsTools, upstream: Upstream
) -> None:
    """A model that needs three steps still knows at the third what the first one gave."""
    answers = [calling(("a:0", "search", "{}")), calling(("a:1", "get_time", "{}"))]
    upstream.replies(*map(replies.json_reply, answers), replies.completion("Done."))

    await adapter.chat_with_tools(_asking(), Toolbox())

    first, second, third = (sent.json["messages"] for sent in upstream.requests)
    assert second[: len(first)] == first
    assert third[: len(second)] == second
    assert [message["content"] for message in third if message["role"] == "tool"] == [
        "result 1 of search",
        "result 2 of get_time",
    ]


def broken_tool(name: str, _: str) -> str:
    """A tool that fails, whatever it is asked."""
    raise ValueError(f"{name} knows no such city")


def heard(result: object, upstream: Upstream) -> str:
    """What the caller was told, by an error, and what the model was told, by the next request."""
    error = failure_of(result) if isinstance(result, BaseException) else None
    return str((error and (error.message, error.causes), [r.json for r in upstream.requests[1:]]))


@requirement("TOOL-07")
async def test_a_tool_that_failed_is_not_taken_for_one_that_gave_nothing(
    adapter: CallsTools, upstream: Upstream
) -> None:
    """Either the caller or the model learns that the tool failed, and can do something else."""
    first = calling(("a:0", "search", "{}"))
    upstream.replies(replies.json_reply(first), replies.completion("Done."))

    [result] = await asyncio.gather(
        adapter.chat_with_tools(_asking(), broken_tool), return_exceptions=True
    )

    assert "search knows no such city" in heard(result, upstream)


def _asking() -> ChatRequest:
    return ChatRequest(
        model="moonshot-v1-8k", messages=QUESTION, tools=[schema(name) for name in NAMES]
    )
