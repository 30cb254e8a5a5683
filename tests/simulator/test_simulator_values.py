"""The small pure parts: JSON as Go writes it, examples of schemas, latency, token counts."""

import json
import math
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.simulator.scene import chat, simulator

from kimi_conformance.errors import UsageError
from kimi_conformance.simulator import INSTANT, Latency, tokens
from kimi_conformance.simulator.example import example
from kimi_conformance.simulator.faults import parse_switch
from kimi_conformance.simulator.go_json import go_json

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=10,
)


def test_json_is_compact_raw_and_escaped_as_go_does() -> None:
    assert go_json({"a": "<月> & \u2028", "b": [1, 2]}) == (
        '{"a":"\\u003c月\\u003e \\u0026 \\u2028","b":[1,2]}'.encode()
    )


@given(JSON)
def test_json_reads_back_as_it_was(value: Any) -> None:
    assert json.loads(go_json(value)) == value


def test_the_rate_limit_error_has_the_recorded_content_length() -> None:
    """216 bytes were recorded; without Go's escapes of < and > it would be 206."""
    limited = simulator(parse_switch("rate_limited")).reply(chat())

    assert len(limited.body) == 216
    assert len(limited.body.replace(rb"\u003c", b"<").replace(rb"\u003e", b">")) == 206
    assert limited.header("Retry-After") == "1"
    assert limited.status == 429


SCHEMAS: list[dict[str, Any]] = [
    {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a", "b"]},
    {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False},
    {"type": "array", "items": {"type": "integer"}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 2, "uniqueItems": True},
    {"type": "array", "items": {"type": "string"}, "maxItems": 0},
    {"type": "integer", "minimum": 10, "maximum": 12},
    {"type": "integer", "maximum": -5},
    {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 2},
    {"type": "integer", "minimum": 7, "multipleOf": 5},
    {"type": "integer", "exclusiveMaximum": 0},
    {"type": "number", "minimum": 0.2, "maximum": 0.8},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "number", "multipleOf": 0.5, "minimum": 0.1},
    {"type": "number", "maximum": -0.5},
    {"type": "string", "minLength": 10},
    {"type": "string", "maxLength": 2},
    {"type": "string", "enum": ["celsius", "kelvin"]},
    {"type": ["null", "string"]},
    {"type": "null"},
    {"type": "boolean"},
    {"const": {"a": 1}},
    {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    {"oneOf": [{"type": "string"}, {"type": "integer"}]},
    {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"properties": {"b": {"type": "string"}}, "required": ["b"]},
        ]
    },
    {
        "type": "object",
        "properties": {"node": {"$ref": "#/$defs/node"}},
        "required": ["node"],
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "value": {"type": "integer"},
                    "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                },
                "required": ["value", "next"],
            }
        },
    },
    {
        "type": "object",
        "properties": {"children": {"type": "array", "items": {"$ref": "#"}}},
    },
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=json.dumps)
def test_an_example_is_valid(schema: dict[str, Any]) -> None:
    jsonschema.validate(example(schema), schema)


@pytest.mark.parametrize(
    "odd",
    [
        None,
        {},
        {"type": "martian"},
        {"$ref": "#/$defs/gone", "type": "integer"},
        {"$ref": "https://elsewhere/"},
        {"type": "integer", "minimum": "1", "multipleOf": 0},
        {"type": "string", "format": ["date"], "minLength": -1},
        {"type": "object", "properties": [], "required": [1, None]},
        {"type": "object", "properties": {"a": True}},
        {"type": "array", "items": [], "minItems": "2"},
        {"enum": []},
        {"anyOf": []},
        {"anyOf": [3]},
        {"allOf": [3, {"$ref": "#"}]},
        {"type": "string", "minLength": 10**12},
    ],
)
def test_an_odd_schema_still_gives_json(odd: Any) -> None:
    assert len(json.dumps(example(odd))) < 100_000


@given(st.floats(0, 10), st.floats(0, 10), st.floats(0, 1), st.integers(1, 50), st.text())
def test_offsets_never_fall_and_come_from_the_seed(
    ttft: float, itl: float, jitter: float, steps: int, seed: str
) -> None:
    latency = Latency(ttft, itl, jitter)

    offsets = latency.offsets(steps, seed)

    assert len(offsets) == steps
    assert list(offsets) == sorted(offsets)
    assert offsets == latency.offsets(steps, seed)


def test_without_jitter_offsets_are_exact() -> None:
    assert Latency(1.0, 0.25).offsets(3, "") == (1.0, 1.25, 1.5)
    assert INSTANT.offsets(2, "") == (0.0, 0.0)
    assert Latency(1.0, 0.25, 0.3).offsets(3, "a") != Latency(1.0, 0.25, 0.3).offsets(3, "b")


@pytest.mark.parametrize("wrong", [-1.0, math.inf, math.nan])
def test_latency_must_be_a_time(wrong: float) -> None:
    with pytest.raises(UsageError, match="itl"):
        Latency(itl=wrong)


@pytest.mark.parametrize(
    ("text", "count"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("月", 1), ("月月", 2)]
)
def test_a_token_is_four_bytes(text: str, count: int) -> None:
    assert tokens.of_text(text) == count


@given(st.lists(st.dictionaries(st.sampled_from(["role", "content", "name"]), st.text())))
def test_a_prefix_never_costs_more_than_the_whole(messages: list[dict[str, str]]) -> None:
    costs = [tokens.of_messages(messages[:size]) for size in range(len(messages) + 1)]

    assert costs == sorted(costs)
    assert costs[-1] < tokens.of_prompt(messages, [])
