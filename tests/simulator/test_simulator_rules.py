"""Each row of the tables of rules refuses what it is about, in the edition's words."""

import json
import re
import string
from collections.abc import Mapping
from typing import Any

import pytest
from tests.simulator.scene import (
    ASKS_TOOLS,
    EDITION,
    HELLO,
    KEY,
    NOW,
    SYSTEM,
    THINKING,
    THOUGHTFUL_TURN,
    TOOL_TURN,
    WEATHER,
    chat,
    request,
    simulator,
    think,
)

from kimi_conformance.editions import Edition
from kimi_conformance.simulator.cache_rules import CREATE_CACHE_RULES, MODIFY_CACHE_RULES
from kimi_conformance.simulator.chat_rules import CHAT_RULES
from kimi_conformance.simulator.faults import parse_switch
from kimi_conformance.wire.exchange import Request

CALL: dict[str, Any] = TOOL_TURN[1]
ANSWER: dict[str, Any] = TOOL_TURN[2]


def user(content: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content}]


def cache(**body: Any) -> Request:
    body = {"model": "moonshot-v1", "messages": SYSTEM, **body}
    return request("POST", "/v1/caching", body)


def function(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **more}}


IMAGE = [{"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}]
VIDEO = [{"type": "video_url", "video_url": {"url": "ms://1"}}]

CASES: Mapping[str, Request] = {
    "model_type": chat(model=8),
    "model_not_found": chat(model="gone"),
    "messages_type": chat({"role": "user"}),  # type: ignore[arg-type]
    "temperature_type": chat(temperature="warm"),
    "top_p_type": chat(top_p=[]),
    "n_type": chat(n=1.5),
    "max_tokens_type": chat(max_tokens="10"),
    "presence_penalty_type": chat(presence_penalty=True),
    "frequency_penalty_type": chat(frequency_penalty={}),
    "stream_type": chat(stream="yes"),
    "stream_options_type": chat(stream_options=True),
    "stop_type": chat(stop=7),
    "tools_type": chat(tools={"a": 1}),
    "tool_choice_type": chat(tool_choice=True),
    "response_format_type": chat(response_format="json_object"),
    "messages_empty": chat([]),
    "message_type": chat(["hello"]),
    "role_unknown": chat([*HELLO, {"role": "robot", "content": "beep"}]),
    "content_type": chat(user({"text": "hi"})),
    "assistant_empty": chat([*HELLO, {"role": "assistant", "content": ""}]),
    "tool_calls_unanswered": chat([*ASKS_TOOLS, CALL, *HELLO], tools=[WEATHER]),
    "tool_call_id_missing": chat([*TOOL_TURN, {"role": "tool", "content": "x"}], tools=[WEATHER]),
    "tool_call_id_unknown": chat(
        [*TOOL_TURN, {**ANSWER, "tool_call_id": "nobody:0"}], tools=[WEATHER]
    ),
    "part_type": chat(user(VIDEO), model="kimi-latest"),
    "image_url": chat(user(IMAGE), model="kimi-latest"),
    "temperature_range": chat(temperature=1.01),
    "top_p_range": chat(top_p=-0.1),
    "n_range": chat(n=6),
    "presence_penalty_range": chat(presence_penalty=2.5),
    "frequency_penalty_range": chat(frequency_penalty=-2.5),
    "n_with_greedy": chat(n=2, temperature=0),
    "stop_too_many": chat(stop=list("abcdef")),
    "stop_too_long": chat(stop="月" * 11),
    "max_tokens_not_positive": chat(max_tokens=0),
    "response_format_unknown": chat(response_format={"type": "xml"}),
    "tools_unsupported": chat(model="kimi-thinking-preview", tools=[WEATHER]),
    "tools_too_many": chat(tools=[function(f"tool_{number}") for number in range(129)]),
    "tool_type": chat(tools=[function("get_weather", parameters=[])]),
    "tool_type_unknown": chat(tools=[{"function": {"name": "get_weather"}}]),
    "tool_name_invalid": chat(tools=[function("1st_tool")]),
    "tool_choice_unknown": chat(tools=[WEATHER], tool_choice="required"),
    "tool_choice_missing": chat(tools=[WEATHER], tool_choice=function("get_time")),
    "token_limit": chat(max_tokens=8192),
    "cache_family": cache(model="moonshot-v1-8k"),
    "name_type": cache(name=7),
    "description_type": cache(description=[]),
    "cache_partial": cache(
        messages=[*SYSTEM, {"role": "assistant", "content": "{", "partial": True}]
    ),
    "cache_text_too_long": cache(name="n" * 257),
    "ttl_type": cache(ttl="3600"),
    "expired_at_type": cache(expired_at="tomorrow"),
    "metadata_type": cache(metadata=["a"]),
    "cache_two_expiries": cache(ttl=60, expired_at=int(NOW) + 60),
    "cache_ttl_not_positive": cache(ttl=0),
    "cache_expired_at": cache(expired_at=int(NOW) - 1),
    "cache_metadata_too_many": cache(metadata={str(number): "" for number in range(17)}),
    "cache_metadata_too_long": cache(metadata={"k" * 65: ""}),
    "tags_type": cache(tags="porter"),
    "cache_tags": cache(tags=["porter", "1st"]),
}


def answered_by(**schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": schema}


PNG = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
SVG = {"url": "data:image/svg+xml;base64,PHN2Zy8+"}
ODD = {"type": "object", "properties": {"a": {"oneOf": []}}}
THINKING_CASES: Mapping[str, Request] = {
    "length_mistyped": think(max_completion_tokens="8"),
    "file_reference": think(user([{"type": "image_url", "image_url": "ms://gone"}])),
    "image_format": think(user([{"type": "image_url", "image_url": SVG}])),
    "thinking_mistyped": think(thinking="disabled"),
    "thinking_unknown": think(model="kimi-k2.7-code", thinking={"type": "disabled"}),
    "effort_unknown": think(model="kimi-k3", reasoning_effort="none"),
    "value_fixed": think(temperature=0.5),
    "reasoning_missing": think(TOOL_TURN, tools=[WEATHER]),
    "tool_choice_thinking": think(tools=[WEATHER], tool_choice="required"),
    "logit_bias": think(logit_bias={"1": 1}),
    "top_logprobs": think(top_logprobs=2),
    "tool_choice_without_tools": think(thinking={"type": "disabled"}, tool_choice="required"),
    "parameters_flawed": think(tools=[function("abc", parameters=ODD)]),
    "response_schema_missing": think(response_format=answered_by(name="a")),
    "response_schema_flawed": think(response_format=answered_by(name="a", schema=ODD)),
}

RULES = {rule.name: rule for rule in (*CHAT_RULES, *CREATE_CACHE_RULES, *MODIFY_CACHE_RULES)}


def test_every_rule_has_a_case() -> None:
    assert {*CASES, *THINKING_CASES} == set(RULES)


def test_every_rule_has_words_in_the_edition() -> None:
    words = {name: THINKING if name in THINKING_CASES else EDITION for name in RULES}

    assert [name for name in RULES if RULES[name].error not in words[name].errors] == []


@pytest.mark.parametrize(
    ("name", "edition"),
    [*((name, EDITION) for name in CASES), *((name, THINKING) for name in THINKING_CASES)],
    ids=[*CASES, *THINKING_CASES],
)
def test_a_rule_refuses_in_the_words_of_the_edition(name: str, edition: Edition) -> None:
    error = edition.errors[RULES[name].error]

    answer = simulator(edition=edition).reply({**CASES, **THINKING_CASES}[name])

    assert answer.status == error.status
    assert answer.json["error"]["type"] == error.type
    assert set(answer.json["error"]) == {"message", "type"}
    assert re.fullmatch(pattern(error.message), answer.json["error"]["message"])


def pattern(template: str) -> str:
    """The template with anything in its fields."""
    pieces = string.Formatter().parse(template)
    return "".join(
        re.escape(text) + ("" if field is None else ".*") for text, field, _, _ in pieces
    )


@pytest.mark.parametrize("name", CASES)
def test_a_fault_that_waives_a_rule_lets_the_request_through(name: str) -> None:
    faulty = simulator(parse_switch(f"accepts_{name}"))

    answer = faulty.reply(CASES[name])

    assert answer.status == 200, answer.body


@pytest.mark.parametrize("name", THINKING_CASES)
def test_a_fault_that_waives_a_rule_of_thinking_lets_the_request_through(name: str) -> None:
    faulty = simulator(parse_switch(f"accepts_{name}"), edition=THINKING)

    answer = faulty.reply(THINKING_CASES[name])

    assert answer.status == 200, answer.body


@pytest.mark.parametrize("name", THINKING_CASES)
def test_what_is_new_in_an_edition_is_not_refused_in_the_one_before(name: str) -> None:
    body = {**json.loads(THINKING_CASES[name].body), "model": "kimi-latest"}
    for field in ("response_format", "tool_choice"):
        body.pop(field, None)  # words that the edition before refuses for another reason

    answer = simulator().reply(request("POST", "/v1/chat/completions", body))

    assert answer.status == 200, answer.body


@pytest.mark.parametrize(
    "sound",
    [
        think(temperature=1, top_p=0.95, n=1, presence_penalty=0, frequency_penalty=0),
        think(temperature=1.0, thinking={"type": "enabled"}),
        think(temperature=0.6, thinking={"type": "disabled"}),
        think(temperature=None, thinking=None, reasoning_effort="low", max_completion_tokens=None),
        think(THOUGHTFUL_TURN, tools=[WEATHER]),
        think(TOOL_TURN, tools=[WEATHER], thinking={"type": "disabled"}),
        think(TOOL_TURN, tools=[WEATHER], model="kimi-k3"),
        think(tools=[WEATHER], tool_choice="required", model="kimi-k3"),
        think(user([{"type": "image_url", "image_url": {"url": PNG}}])),
        think(user([{"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AA=="}}])),
        think(tools=[{"type": "function", "function": {"name": "a"}}]),
        think(tools=[function("abc", parameters=ODD, strict=False)]),
        think(response_format=answered_by(name="a", schema={"type": "object"})),
        think(logit_bias=None, logprobs=True, top_logprobs=2),
        think(model="kimi-k3", thinking={"type": "enabled", "effort": "low"}),
    ],
)
def test_what_an_edition_of_thinking_models_accepts(sound: Request) -> None:
    answer = simulator(edition=THINKING).reply(sound)

    assert answer.status == 200, answer.body


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (think(temperature=0.5), "invalid temperature: only 1 is allowed for this model"),
        (think(top_p=1), "invalid top_p: only 0.95 is allowed for this model"),
        (
            think(temperature=1, thinking={"type": "disabled"}),
            "invalid temperature: only 0.6 is allowed for this model",
        ),
        (
            think(model="kimi-k3", logprobs=True),
            "invalid logprobs: only false is allowed for this model",
        ),
        (
            think(model="kimi-k2.7-code", thinking={"type": "disabled"}),
            "invalid thinking: only type=enabled is allowed for this model",
        ),
        (
            think(TOOL_TURN, tools=[WEATHER]),
            "thinking is enabled but reasoning_content is missing in assistant tool call message "
            "at index 1",
        ),
        (
            think(tools=[WEATHER], tool_choice=function("get_weather")),
            "tool_choice 'specified' is incompatible with thinking enabled",
        ),
        (
            think(user([{"type": "image_url", "image_url": SVG}])),
            "Invalid request: unsupported image format: text/plain; charset=utf-8",
        ),
        (
            think(tools=[function("abc", parameters={"type": "array", "items": []})]),
            "Invalid request: tools.function.parameters is not a valid moonshot flavored json "
            "schema, details: <At path '': items must be an object>",
        ),
        (think(model="moonshot-v1-8k"), "Not found the model moonshot-v1-8k or Permission denied"),
    ],
)
def test_known_words_of_2026_are_said_to_the_letter(broken: Request, says: str) -> None:
    assert simulator(edition=THINKING).reply(broken).json["error"]["message"] == says


@pytest.mark.parametrize(
    "sound",
    [
        chat(temperature=1, top_p=0, presence_penalty=-2, frequency_penalty=2),
        chat(temperature=0),
        chat(n=5, temperature=0.3),
        chat(n=2),
        chat(stop=list("vwxyz")),
        chat(stop="s" * 32),
        chat(max_tokens=8192 - 10),
        chat(temperature=None, n=None, stop=None, tools=None, max_tokens=None, stream=None),
        chat(tools=[]),
        chat(tools=[function("abc"), function("A-b_9" + "z" * 59)]),
        chat(tools=[{"type": "builtin_function", "function": {"name": "$web_search"}}]),
        chat(tool_choice="none"),
        chat([*HELLO, {"role": "assistant", "content": "", "partial": True}]),
        chat(TOOL_TURN, tools=[WEATHER]),
        chat(user([{"type": "text", "text": "hi"}])),
        chat(user([{"type": "image_url", "image_url": "ms://1"}]), model="kimi-latest"),
        chat(nobody_knows=1, logit_bias={}),
        cache(ttl=60, name="n" * 256, metadata={"k" * 64: "v" * 512}, tools=[WEATHER]),
        cache(expired_at=0),
    ],
)
def test_what_stays_inside_the_limits_is_accepted(sound: Request) -> None:
    answer = simulator().reply(sound)

    assert answer.status == 200, answer.body


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (chat(model="gone"), "Not found the model gone or Permission denied"),
        (request("POST", "/v1/chat/completions", {}), "Not found the model  or Permission denied"),
        (chat([]), "Invalid request: messages must not be empty"),
        (
            chat(stop=list("abcdef")),
            "stop array too long. Expected an array with maximum length 5, but got 6",
        ),
        (
            chat(max_tokens=8192),
            "Invalid request: Your request exceeded model token limit: 8192 (requested: 8202)",
        ),
        (
            chat([*HELLO, {"role": "assistant"}]),
            "Invalid request: the message at position 1 with role 'assistant' must not be empty",
        ),
        (
            chat([*ASKS_TOOLS, CALL]),
            "an assistant message with 'tool_calls' must be followed by tool messages responding "
            "to each 'tool_call_id'. The following tool_call_ids did not have response messages: "
            "get_weather:0",
        ),
        (
            chat(tools=[{"function": {"name": "abc"}}]),
            "Invalid request: unknown tool type: , currently only function and plugin are "
            "supported",
        ),
        (
            chat(user({"a": 1})),
            "Invalid request: the `messages.content` field in the request (expected type "
            "[]object) is illegal, and object is not acceptable",
        ),
        (
            chat([*SYSTEM, *user(VIDEO)]),
            "the message at position 1 with role 'user' contains an invalid part type: video_url",
        ),
    ],
)
def test_known_words_are_said_to_the_letter(broken: Request, says: str) -> None:
    assert simulator().reply(broken).json["error"]["message"] == says


def test_the_model_is_looked_for_before_the_rest() -> None:
    assert simulator().reply(chat([], model="gone", temperature=9)).status == 404


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"a"', b"\xff", b'{"model": NaN}', b'{"n": 1e999}', b"[" * 50_000]
)
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    answer = simulator().reply(request("POST", "/v1/chat/completions", body))

    assert answer.status == 400
    assert answer.json["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("headers", "status", "type"),
    [
        ({}, 401, "incorrect_api_key_error"),
        ({"authorization": "Bearer "}, 401, "incorrect_api_key_error"),
        ({"authorization": f"Basic {KEY}"}, 401, "invalid_authentication_error"),
        ({"authorization": "Bearer sk-other"}, 401, "invalid_authentication_error"),
        ({"authorization": KEY}, 401, "invalid_authentication_error"),
        ({"authorization": f"bearer {KEY}"}, 200, None),
    ],
)
def test_the_key_decides_who_is_let_in(
    headers: dict[str, str], status: int, type: str | None
) -> None:
    answer = simulator().reply(request("GET", "/v1/models", key=None, **headers))

    assert answer.status == status
    assert answer.json.get("error", {}).get("type") == type


def test_the_key_is_looked_at_before_the_model() -> None:
    body = {"model": "gone", "messages": HELLO}

    answer = simulator().reply(request("POST", "/v1/chat/completions", body, key="sk-other"))

    assert answer.status == 401
    assert answer.json["error"]["message"] == "Invalid Authentication"


def test_an_account_without_balance_gets_no_chat() -> None:
    answer = simulator(balance=-31.5).reply(chat())

    assert answer.status == 403
    assert answer.json["error"]["type"] == "exceeded_current_quota_error"
