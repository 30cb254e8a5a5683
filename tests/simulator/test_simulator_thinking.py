"""Models that think, what they answer and cost, and the cache that remembers their prompts."""

import json
from typing import Any

import pytest
from tests.simulator.scene import (
    ASKS_TOOLS,
    CLOCK,
    HELLO,
    OFF,
    THINKING,
    WEATHER,
    Clock,
    chunks,
    request,
    simulator,
    think,
)

from kimi_conformance.simulator.images import sniffed
from kimi_conformance.simulator.schema_rules import flaws

SAVED = "Msh-Context-Cache-Token-Saved"
LONG = [{"role": "user", "content": "moon " * 1000}]


def message(**body: Any) -> dict[str, Any]:
    answer = simulator(edition=THINKING).reply(think(**body))
    message: dict[str, Any] = answer.json["choices"][0]["message"]
    return message


def test_an_answer_shows_what_was_thought() -> None:
    said = message()

    assert list(said) == ["role", "content", "reasoning_content"]
    assert said["reasoning_content"]
    assert said["content"]


def test_thinking_can_be_switched_off() -> None:
    assert message(**OFF)["reasoning_content"] == ""


def test_a_call_comes_with_its_thought() -> None:
    said = message(messages=ASKS_TOOLS, tools=[WEATHER, CLOCK])

    assert said["reasoning_content"]
    assert [call["id"] for call in said["tool_calls"]] == ["get_weather_0", "get_time_1"]


def test_more_effort_is_more_thought() -> None:
    sizes = [
        len(message(model="kimi-k3", reasoning_effort=effort)["reasoning_content"])
        for effort in ("low", "high", "max")
    ]

    assert sizes == sorted(set(sizes))
    assert message(model="kimi-k3") == message(model="kimi-k3", reasoning_effort="max")


def test_the_effort_in_thinking_comes_first() -> None:
    low = message(model="kimi-k3", reasoning_effort="low")

    both = message(model="kimi-k3", thinking={"effort": "low"}, reasoning_effort="max")

    assert both == low


def test_a_stream_closes_its_thoughts_with_an_empty_one() -> None:
    answer = simulator(edition=THINKING).reply(think(stream=True))

    deltas = [chunk["choices"][0]["delta"] for chunk in chunks(answer)]
    keys = [next(iter(delta), "") for delta in deltas]
    thoughts = [d["reasoning_content"] for d in deltas if "reasoning_content" in d]

    assert keys[0] == "role"
    assert keys[1:] == sorted(keys[1:], key=["reasoning_content", "content", ""].index)
    assert thoughts[-1] == ""
    assert thoughts.count("") == 1


def test_no_chunk_has_a_fingerprint() -> None:
    answer = simulator(edition=THINKING).reply(think(stream=True))

    assert all("system_fingerprint" not in chunk for chunk in chunks(answer))


def test_k3_sends_the_arguments_of_a_call_in_one_piece() -> None:
    asked = think(ASKS_TOOLS, tools=[WEATHER], model="kimi-k3", stream=True)

    deltas = [
        chunk["choices"][0]["delta"] for chunk in chunks(simulator(edition=THINKING).reply(asked))
    ]
    pieces = [call["function"]["arguments"] for d in deltas for call in d.get("tool_calls", ())]

    assert pieces[0] == ""
    assert len(pieces) == 2
    assert json.loads(pieces[1])


def test_the_usage_tells_the_tokens_of_the_thoughts() -> None:
    usage = simulator(edition=THINKING).reply(think()).json["usage"]

    assert list(usage) == [
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "completion_tokens_details",
    ]
    assert 0 < usage["completion_tokens_details"]["reasoning_tokens"] < usage["completion_tokens"]


def test_k3_counts_what_nobody_sent() -> None:
    usage = (
        simulator(edition=THINKING)
        .reply(
            think([{"role": "user", "content": "say hi"}], model="kimi-k3", max_completion_tokens=3)
        )
        .json["usage"]
    )

    assert usage["prompt_tokens"] == 87  # as recorded
    assert usage["completion_tokens"] == 3 + 3


def test_the_newer_limit_comes_first() -> None:
    sim = simulator(edition=THINKING)

    cut = sim.reply(think(max_completion_tokens=4, max_tokens=64)).json
    free = sim.reply(think(max_completion_tokens=64, max_tokens=4)).json

    assert cut["choices"][0]["finish_reason"] == "length"
    assert cut["usage"]["completion_tokens"] == 4
    assert free["choices"][0]["finish_reason"] == "stop"


def test_an_answer_follows_the_schema_that_was_asked_for() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}

    said = json.loads(message(response_format=form)["content"])

    assert list(said) == ["a"]


def test_a_system_message_can_bring_tools_to_k3() -> None:
    brought = [{"role": "system", "tools": [WEATHER]}, *ASKS_TOOLS]

    assert message(messages=brought, model="kimi-k3")["tool_calls"]
    assert "tool_calls" not in message(messages=brought)


def test_each_model_is_listed_with_what_it_has() -> None:
    answer = simulator(edition=THINKING).reply(request("GET", "/v1/models"))

    k3, k2, *_ = answer.json["data"]

    assert tuple(k3) == THINKING.item.fields
    assert k3["think_efforts"]["valid_efforts"] == ["low", "high", "max"]
    assert tuple(k2) == THINKING.item.fields[: len(k2)]
    assert "think_efforts" not in k2


def test_each_answer_has_a_trace_of_its_own() -> None:
    sim = simulator(edition=THINKING)

    one, other = (sim.reply(request("GET", "/v1/models")).header("X-Msh-Trace-Id") for _ in "ab")

    assert one is not None
    assert len(bytes.fromhex(one)) == 16
    assert one != other


def test_explicit_caching_is_gone() -> None:
    answer = simulator(edition=THINKING).reply(request("POST", "/v1/caching", {}))

    assert (answer.status, answer.json["error"]) == (404, "url.not_found")


def test_an_account_without_balance_is_told_so_with_429() -> None:
    answer = simulator(edition=THINKING, balance=-1).reply(think())

    assert answer.status == 429
    assert "insufficient balance" in answer.json["error"]["message"]


# ---------------------------------------------------------------- the automatic cache


def test_the_same_prompt_is_read_once() -> None:
    sim = simulator(edition=THINKING)
    first, again = sim.reply(think()), sim.reply(think(temperature=1))

    usage = again.json["usage"]

    assert first.header(SAVED) is None
    assert "cached_tokens" not in first.json["usage"]
    assert usage["cached_tokens"] == usage["prompt_tokens"] == int(again.header(SAVED) or "")
    assert usage["prompt_tokens_details"] == {"cached_tokens": usage["cached_tokens"]}
    assert list(usage)[3:] == [
        "cached_tokens",
        "completion_tokens_details",
        "prompt_tokens_details",
    ]


def test_a_longer_prompt_is_read_from_its_last_whole_block_on() -> None:
    sim = simulator(edition=THINKING)
    sim.reply(think(LONG))

    usage = sim.reply(think([*LONG, *HELLO])).json["usage"]

    assert 0 < usage["cached_tokens"] < usage["prompt_tokens"]
    assert usage["cached_tokens"] % 256 == 0


@pytest.mark.parametrize(
    "other",
    [
        think([*HELLO, *LONG]),
        think(LONG, model="kimi-k3"),
        think(LONG, tools=[WEATHER]),
    ],
    ids=["another beginning", "another model", "other tools"],
)
def test_what_begins_otherwise_is_read_anew(other: Any) -> None:
    sim = simulator(edition=THINKING)
    sim.reply(think(LONG))

    assert sim.reply(other).header(SAVED) is None


def test_a_prompt_is_forgotten_in_time_and_use_keeps_it() -> None:
    clock = Clock()
    sim = simulator(edition=THINKING, clock=clock)
    hits = []
    for wait in (0, 299, 299, 300):
        clock.now += wait
        hits.append(sim.reply(think()).header(SAVED) is not None)

    assert hits == [False, True, True, False]


def test_a_refused_prompt_was_not_read() -> None:
    sim = simulator(edition=THINKING)
    sim.reply(think(temperature=0.3))

    assert sim.reply(think()).header(SAVED) is None


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kimi_conformance.simulator.prefix_cache.MOST", 3)
    sim = simulator(edition=THINKING)
    asked = [think([{"role": "user", "content": str(number)}]) for number in range(5)]
    for each in asked:
        sim.reply(each)

    assert sim.reply(asked[4]).header(SAVED) is not None
    assert sim.reply(asked[0]).header(SAVED) is None


# ---------------------------------------------------------------- bytes and schemas


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("data:image/png;base64,iVBORw0KGgo=", "image/png"),
        ("data:image/png;base64,/9j/4AAQ", "image/jpeg"),
        ("data:image/gif;base64,R0lGODlh", "image/gif"),
        ("data:;base64,UklGRgAAAABXRUJQ", "image/webp"),
        ("data:image/png;base64,PHN2Zy8+", "text/plain; charset=utf-8"),
        ("data:image/png;base64,AAAA", "application/octet-stream"),
        ("data:image/png;base64,A", "text/plain; charset=utf-8"),
        ("data:text/plain,hello", "text/plain; charset=utf-8"),
    ],
)
def test_the_bytes_tell_what_an_image_is(url: str, kind: str) -> None:
    assert sniffed(url) == kind


DEEP: dict[str, Any] = {"type": "string"}
for _ in range(30):
    DEEP = {"type": "array", "items": DEEP}


@pytest.mark.parametrize(
    ("schema", "path", "says"),
    [
        ({"description": "any"}, "", "type is not defined"),
        ({"type": "object", "properties": {"a": {}}}, "properties.a", "type is not defined"),
        ({"type": "array", "items": [{}]}, "", "items must be an object"),
        ({"$ref": "other.json"}, "", "references must start with #/$defs/"),
        ({"type": "string", "anyOf": [{"type": "string"}]}, "", "when using anyOf"),
        ({"type": "object", "required": ["a"]}, "", "required property 'a' is not defined"),
        ({"anyOf": [{"type": "string", "format": "uri"}]}, "anyOf.0", "'format'"),
        ({"type": "integer", "enum": list(range(1001))}, "", "enum"),
        ({"type": "object", "$defs": {"a": 7}}, "$defs.a", "must be an object"),
        (DEEP, ".".join(["items"] * 30), "depth"),
    ],
)
def test_a_flaw_of_a_schema_is_named_with_its_place(schema: Any, path: str, says: str) -> None:
    (where, text), *_ = flaws(schema)

    assert where == path
    assert says in text


@pytest.mark.parametrize(
    "schema",
    [
        None,
        {},
        {"type": "object", "properties": {"a": {"enum": ["x"]}}, "required": ["a"]},
        {
            "$ref": "#/$defs/a",
            "$defs": {"a": {"type": "object", "properties": {"b": {"$ref": "#"}}}},
        },
        {"type": "object", "properties": {"format": {"type": "string"}}},
        DEEP["items"],
    ],
)
def test_a_schema_of_the_flavour_has_no_flaw(schema: Any) -> None:
    assert list(flaws(schema)) == []
