"""Whatever is sent, the simulator answers; it never fails itself."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.simulator.scene import EDITION, KEY, NOW, THINKING, WEATHER, request

from kimi_conformance.editions import Edition
from kimi_conformance.simulator import World, reply_to
from kimi_conformance.simulator.cache_rules import CREATE_CACHE_RULES
from kimi_conformance.simulator.chat_rules import CHAT_RULES
from kimi_conformance.wire.exchange import Request

EVERY_RULE = frozenset(rule.name for rule in (*CHAT_RULES, *CREATE_CACHE_RULES))

ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10) | st.floats(-3, 3) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def likely(values: list[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from(values) | ODD


CALLS = st.lists(
    st.fixed_dictionaries({}, optional={"id": likely(["a:0"]), "function": ODD}) | ODD, max_size=2
)
PARTS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "type": likely(["text", "image_url", "video_url"]),
            "text": ODD,
            "image_url": likely(["data:image/png;base64,iVBO", "data:,", "ms://1"]),
            "video_url": ODD,
        },
    ),
    max_size=2,
)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "role": likely(["system", "user", "assistant", "tool", "cache"]),
            "content": likely(["hello", "use a tool", "cache_id=x;reset_ttl=1"]) | PARTS,
            "name": ODD,
            "tool_calls": CALLS | ODD,
            "tool_call_id": likely(["a:0"]),
            "partial": ODD,
            "reasoning_content": likely(["hm"]),
            "tools": ODD,
        },
    )
    | ODD,
    max_size=3,
)
IDS = [model.id for model in (*EDITION.models, *THINKING.models)]
SCHEMAS = st.fixed_dictionaries(
    {},
    optional={
        "type": likely(["object", "array"]),
        "properties": ODD,
        "items": ODD,
        "anyOf": ODD,
        "$ref": likely(["#/$defs/a"]),
        "$defs": ODD,
        "required": ODD,
        "enum": ODD,
    },
)
FORMATS = st.fixed_dictionaries(
    {"type": likely(["json_object", "json_schema"])},
    optional={
        "json_schema": st.fixed_dictionaries({}, optional={"name": ODD, "schema": SCHEMAS | ODD})
        | ODD
    },
)
FUNCTIONS = st.fixed_dictionaries(
    {}, optional={"name": likely(["get_weather"]), "parameters": SCHEMAS | ODD, "strict": ODD}
)
TOOLS = st.lists(
    st.fixed_dictionaries({}, optional={"type": likely(["function"]), "function": FUNCTIONS | ODD})
    | st.just(WEATHER),
    max_size=2,
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "model": likely(["moonshot-v1", *IDS]),
        "messages": MESSAGES | ODD,
        "tools": TOOLS | ODD,
        "tool_choice": likely(
            ["auto", "none", "required", {"type": "function", "function": {"name": "get_weather"}}]
        ),
        "stream": likely([True, False]),
        "stream_options": likely([{"include_usage": True}]),
        "n": likely([1, 2, 5]),
        "max_tokens": likely([1, 5]),
        "stop": likely(["a", ["b", "c"]]),
        "temperature": ODD,
        "top_p": ODD,
        "response_format": FORMATS | ODD,
        "max_completion_tokens": likely([1, 5]),
        "thinking": likely([{"type": "disabled"}, {"type": "enabled", "effort": "low"}]),
        "reasoning_effort": likely(["low", "none"]),
        "logit_bias": ODD,
        "logprobs": ODD,
        "top_logprobs": ODD,
        "ttl": ODD,
        "expired_at": ODD,
        "metadata": ODD,
        "name": ODD,
        "description": ODD,
    },
)
EDITIONS = st.sampled_from([EDITION, THINKING])
PATHS = ["/v1/chat/completions", "/v1/caching", "/v1/tokenizers/estimate-token-count"]


def world(edition: Edition = EDITION) -> World:
    return World(edition=edition, api_key=KEY)


@given(body=BODIES | ODD, path=st.sampled_from(PATHS), edition=EDITIONS)
def test_any_json_is_answered(body: Any, path: str, edition: Edition) -> None:
    answer = reply_to(request("POST", path, body), world(edition), NOW)

    assert answer.status in {200, 400, 404}
    assert answer.frames


@given(body=BODIES | ODD)
def test_any_chat_of_a_later_edition_is_answered_with_every_rule_waived(body: Any) -> None:
    answer = reply_to(request("POST", PATHS[0], body), world(THINKING), NOW, EVERY_RULE)

    assert answer.status in {200, 400, 404}
    assert answer.frames


@given(body=BODIES | ODD, path=st.sampled_from(PATHS))
def test_any_json_is_answered_with_every_rule_waived(body: Any, path: str) -> None:
    kimi = world()
    answer = reply_to(request("POST", path, body), kimi, NOW, EVERY_RULE)

    assert answer.status in {200, 400, 404}
    assert answer.frames
    listed = reply_to(request("GET", "/v1/caching?metadata[a]=b"), kimi, NOW)
    assert listed.json["data"] == []
    for id in kimi.caches:  # chats that name it are answered too
        named = request("POST", PATHS[0], body, x_msh_context_cache=id)
        assert reply_to(named, kimi, NOW, EVERY_RULE).status in {200, 400, 404}


@given(body=st.binary(), path=st.sampled_from(PATHS), query=st.text(max_size=10))
def test_any_bytes_are_answered(body: bytes, path: str, query: str) -> None:
    sent = Request(
        method="POST",
        path=path,
        query=query,
        headers=(("Authorization", f"Bearer {KEY}"),),
        body=body,
    )

    assert reply_to(sent, world(), NOW).status in {400, 404}


@given(st.text(), st.text())
def test_any_query_and_id_is_answered(query: str, id: str) -> None:
    headers = (("Authorization", f"Bearer {KEY}"),)
    listing = Request(method="GET", path="/v1/caching", query=query, headers=headers)
    one = Request(method="GET", path=f"/v1/caching/{id}", headers=headers)

    assert reply_to(listing, world(), NOW).status == 200
    assert reply_to(one, world(), NOW).status == 404


@pytest.mark.parametrize("depth", [500, 2000, 100_000])
def test_a_deep_body_is_answered(depth: int) -> None:
    body = b'{"model":"moonshot-v1-8k","messages":' + b"[" * depth + b"]" * depth + b"}"

    assert reply_to(request("POST", PATHS[0], body), world(), NOW).status == 400
