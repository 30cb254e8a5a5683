import json
from typing import Any

import pytest

from kimi_conformance.load.users.tool_loop import next_turn

REQUEST = {"messages": [{"role": "user", "content": "Weather?"}], "tools": [{"type": "function"}]}
MESSAGE = {
    "role": "assistant",
    "content": "",
    "reasoning_content": "A tool knows.",
    "tool_calls": [
        {"id": "w:0", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}},
        {"id": "t:1", "type": "function", "function": {"name": "get_time", "arguments": "[1]"}},
    ],
}


def reply(message: Any) -> bytes:
    return json.dumps({"choices": [{"index": 0, "message": message}]}).encode()


def test_each_call_is_followed_by_its_result_after_the_message_as_it_came() -> None:
    following = next_turn(REQUEST, reply(MESSAGE), lambda name, arguments: f"{name}({arguments})")

    assert following == {
        **REQUEST,
        "messages": [
            *REQUEST["messages"],
            MESSAGE,
            {"role": "tool", "tool_call_id": "w:0", "content": "get_weather({})"},
            {"role": "tool", "tool_call_id": "t:1", "content": "get_time([1])"},
        ],
    }
    assert len(REQUEST["messages"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        reply({"role": "assistant", "content": "Sunny."}),
        reply({"role": "assistant", "content": "Sunny.", "tool_calls": []}),
        reply(None),
        b'{"choices": []}',
        b"nonsense",
    ],
)
def test_a_reply_that_calls_nothing_is_the_last(body: bytes) -> None:
    assert next_turn(REQUEST, body, lambda name, arguments: "") is None
