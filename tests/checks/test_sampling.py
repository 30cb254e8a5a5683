"""Requirements that hold of a share: how they are asked, counted and decided."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kimi_conformance import suite
from kimi_conformance.checks.arguments import flaw_of_call, flaws
from kimi_conformance.checks.endpoint import Endpoint, Reply, StreamedChunk
from kimi_conformance.checks.sampling import (
    Decided,
    Finding,
    Prompt,
    Sampling,
    f1_finding,
    read_prompts,
    share_finding,
)
from kimi_conformance.requirements import ENDPOINT_CAPABILITIES, Plane, Sample
from kimi_conformance.simulator import Simulator
from kimi_conformance.simulator.schema_rules import flaws as flaws_of_flavour
from kimi_conformance.verdicts import InconclusiveError
from kimi_conformance.wire.exchange import Request

EDITIONS = ("2025-09", "2026-09")
PROMPTS = read_prompts()
TOOLS = {json.dumps(prompt.tools, sort_keys=True): prompt.tools for prompt in PROMPTS}
SCHEMAS = [tool["function"]["parameters"] for tools in TOOLS.values() for tool in tools]


@pytest.mark.parametrize(
    ("good", "total", "decided"),
    [
        (80, 80, Decided.REACHED),
        (64, 80, Decided.MISSED),
        (78, 80, Decided.UNDECIDED),
        (10, 10, Decided.UNDECIDED),
        (0, 0, Decided.UNDECIDED),
    ],
)
def test_the_interval_decides(good: int, total: int, decided: Decided) -> None:
    assert share_finding(good, total, 0.95).decided is decided


def test_nothing_found_is_never_reached_and_says_what_it_takes() -> None:
    finding = share_finding(0, 0, 0.95)

    assert (finding.value, finding.low, finding.high) == (None, 0.0, 1.0)
    assert finding.more is not None
    assert share_finding(finding.more, finding.more, 0.95).decided is Decided.REACHED


@given(good=st.integers(0, 300), bad=st.integers(0, 300), least=st.sampled_from([0.8, 0.95]))
def test_so_many_more_of_the_same_decide(good: int, bad: int, least: float) -> None:
    finding = share_finding(good, good + bad, least)
    if finding.more is None or not finding.total:
        return
    size = finding.total + finding.more
    again = share_finding(round(good / finding.total * size), size, least)

    assert again.decided is not Decided.UNDECIDED


@given(true=st.integers(1, 200), needless=st.integers(0, 200), missing=st.integers(0, 200))
def test_the_f1_is_that_of_precision_and_recall(true: int, needless: int, missing: int) -> None:
    precision, recall = true / (true + needless), true / (true + missing)
    finding = f1_finding(true, needless, missing, 0.9)

    assert finding.value is not None
    assert finding.value == pytest.approx(2 * precision * recall / (precision + recall))
    assert finding.low < finding.value <= finding.high


def test_an_even_share_is_decided_by_no_number() -> None:
    assert share_finding(95, 100, 0.95).more is None


def test_half_of_many_prompts_ask_for_a_tool() -> None:
    asking = [prompt for prompt in PROMPTS if prompt.tool is not None]

    assert len({prompt.ask for prompt in PROMPTS}) == len(PROMPTS) >= 40
    assert len(asking) * 2 == len(PROMPTS)
    for prompt in asking:
        assert prompt.tool in {tool["function"]["name"] for tool in prompt.tools}


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: ",".join(schema["properties"]))
def test_the_tools_are_described_in_moonshots_flavour(schema: Mapping[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)

    assert list(flaws_of_flavour(schema)) == []


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_simulator_calls_what_a_prompt_asks_for(edition: str) -> None:
    found = suite.find().edition(edition)
    simulator = Simulator(found, api_key="sk-1")
    wrong = {}
    for prompt in PROMPTS:
        body = {
            "model": found.default_model,
            "messages": [{"role": "user", "content": prompt.ask}],
            "tools": prompt.tools,
        }
        answer = simulator.reply(
            Request(
                method="POST",
                path="/v1/chat/completions",
                query="",
                headers=(("Authorization", "Bearer sk-1"),),
                body=json.dumps(body).encode(),
            )
        )
        message = json.loads(answer.body)["choices"][0]["message"]
        calls = [call["function"] for call in message.get("tool_calls", ())]
        flawed = [flaw_of_call(c["name"], c["arguments"], prompt.tools) for c in calls]
        if [call["name"] for call in calls] != [prompt.tool] * (prompt.tool is not None):
            wrong[prompt.ask] = calls
        assert not any(flawed)

    assert wrong == {}


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 700)
    | st.floats(-1, 30, allow_nan=False)
    | st.sampled_from(["", "EUR", "kitchen", "celsius", "front", "walk", "Oslo", "2026-10-03"]),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)


@settings(max_examples=6 * settings().max_examples)
@given(schema=st.sampled_from(SCHEMAS), data=st.data())
def test_arguments_are_judged_as_by_a_validator_of_json_schema(
    schema: Mapping[str, Any], data: st.DataObject
) -> None:
    names = st.sampled_from([*schema["properties"], "unknown"])
    value = data.draw(st.dictionaries(names, VALUES, max_size=4))

    valid = jsonschema.Draft202012Validator(schema).is_valid(value)

    assert (not list(flaws(value, schema, "arguments"))) is valid


@pytest.mark.parametrize(
    ("name", "arguments", "flaw"),
    [
        ("get_weather", '{"city":"Oslo","days":1}', ""),
        ("get_weather", '{"city":"Oslo"}', "arguments lacks days"),
        ("get_weather", '{"city":"Oslo","days":"1"}', "not of the type integer"),
        ("get_weather", '{"city":"Oslo","days":8}', "above its maximum of 7"),
        ("get_weather", '{"city":"Oslo","days":1,"unit":"kelvin"}', "none of"),
        ("get_weather", '{"city":"Oslo","days":1,"sea":true}', "which the tool does not know"),
        ("get_weather", '{"city":', "no JSON"),
        ("get_weather", {"city": "Oslo", "days": 1}, "no text"),
        ("get_time", "{}", "not offered"),
        (None, "{}", "not offered"),
    ],
)
def test_what_is_wrong_with_a_call_is_said(name: object, arguments: object, flaw: str) -> None:
    [tools] = [p.tools for p in PROMPTS if p.ask.startswith("What will the weather")]

    found = flaw_of_call(name, arguments, tools)

    assert flaw in found
    assert bool(flaw) is bool(found)


class Somebody(Endpoint):
    """An endpoint that answers as a test says, and remembers what it was asked."""

    def __init__(self, answer: Callable[[int], object], patience: float = 20.0) -> None:
        edition = suite.find().edition("2025-09")
        super().__init__("http://127.0.0.1:9/v1", "sk-1", "m", edition, patience=patience)
        self._answer = answer
        self.asked: list[tuple[str, bool]] = []

    async def chat(self, body: Mapping[str, Any], **_: Any) -> Reply:
        self.asked.append((body["messages"][0]["content"], False))
        message = self._answer(len(self.asked))
        if message == "never":
            await asyncio.Event().wait()
        status = message if isinstance(message, int) else 200
        whole = {"choices": [{"message": message, "finish_reason": "stop"}]}
        return Reply(status=status, headers=(), body=json.dumps(whole).encode(), asked="chat")

    async def stream(self, body: Mapping[str, Any]) -> list[StreamedChunk]:
        self.asked.append((body["messages"][0]["content"], True))
        pieces = [
            {"index": 0, "id": "a", "function": {"name": "get_weather", "arguments": ""}},
            {"index": 0, "function": {"arguments": '{"city":"Oslo",'}},
            {"index": 0, "function": {"arguments": '"days":1}'}},
        ]
        deltas: list[dict[str, Any]] = [{"tool_calls": [piece]} for piece in pieces]
        ends = {"index": 0, "delta": {}, "finish_reason": "tool_calls"}
        bodies = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
        return [StreamedChunk(at=0.0, body=b) for b in (*bodies, {"choices": [ends]})]


def sampling(
    endpoint: Endpoint, size: int, report: Callable[[Mapping[str, Any]], None], at_once: int = 1
) -> Sampling:
    sample = Sample(size=10, at_least=0.95)
    return Sampling(endpoint, sample, size=size, at_once=at_once, report=report)


def ignored(_: Mapping[str, Any]) -> None:
    """Nobody looks at the record."""


async def test_each_prompt_is_put_streamed_and_not_before_any_comes_a_third_time() -> None:
    endpoint = Somebody(lambda _: {"content": "Hello."})
    prompts = PROMPTS[:4]
    trials = await sampling(endpoint, 8, ignored).ask(prompts)
    await endpoint.aclose()

    assert sorted(endpoint.asked) == sorted((p.ask, s) for p in prompts for s in (True, False))
    assert len(trials) == 8


async def test_prompts_of_both_kinds_are_streamed_and_not() -> None:
    endpoint = Somebody(lambda _: {"content": "Hello."})
    await sampling(endpoint, 8, ignored).ask(PROMPTS)
    await endpoint.aclose()
    calls = {prompt.ask for prompt in PROMPTS if prompt.tool is not None}

    kinds = [(ask in calls, streamed) for ask, streamed in endpoint.asked]

    assert {kind: kinds.count(kind) for kind in kinds} == dict.fromkeys(
        [(True, False), (False, False), (True, True), (False, True)], 2
    )


async def test_a_streamed_call_is_joined() -> None:
    endpoint = Somebody(lambda _: {"content": ""})
    weather = next(p for p in PROMPTS if p.tool == "get_weather")
    trials = await sampling(endpoint, 2, ignored).ask([weather])
    await endpoint.aclose()

    [streamed] = [trial for trial in trials if trial.calls]

    assert streamed.valid_calls() == 1
    assert streamed.ends_as_expected


async def test_what_is_not_answered_is_counted_and_decides_nothing() -> None:
    records: list[Mapping[str, Any]] = []
    endpoint = Somebody(lambda number: 429 if number % 2 else {"content": "Hello."})
    asked = sampling(endpoint, 4, records.append)
    trials = await asked.ask([Prompt(ask="a", tools=(), tool=None)] * 4)
    await endpoint.aclose()
    with pytest.raises(InconclusiveError, match="requests were not answered") as raised:
        asked.judge(share_finding(len(trials), len(trials), 0.95))

    assert "429" in str(raised.value)
    assert records[0]["undone"] == 4 - len(trials) > 0


async def test_a_slow_endpoint_is_not_waited_for_beyond_its_time() -> None:
    endpoint = Somebody(lambda _: "never", patience=0.01)
    asked = sampling(endpoint, 9, ignored, at_once=2)
    trials = await asked.ask([Prompt(ask="a", tools=(), tool=None)])
    await endpoint.aclose()

    with pytest.raises(InconclusiveError, match="--time-limit"):
        asked.judge(share_finding(len(trials), len(trials), 0.95))


async def test_a_refusal_fails_the_check_by_its_own_words() -> None:
    endpoint = Somebody(lambda _: 400)
    with pytest.raises(AssertionError, match="refused with 400"):
        await sampling(endpoint, 4, ignored).ask([Prompt(ask="a", tools=(), tool=None)])
    await endpoint.aclose()


def test_what_is_found_is_reported_before_it_is_judged() -> None:
    records: list[Mapping[str, Any]] = []
    endpoint = Somebody(lambda _: {})
    missed = share_finding(10, 80, 0.95)
    with pytest.raises(AssertionError, match=r"10 of 80: 0\.125"):
        sampling(endpoint, 80, records.append).judge(missed)

    assert records == [{**as_record(missed), "requests": 80, "undone": 0}]


def test_an_undecided_finding_says_how_many_samples_would_decide() -> None:
    endpoint = Somebody(lambda _: {})
    finding = share_finding(79, 80, 0.95)
    with pytest.raises(InconclusiveError, match=r"--samples (\d+)") as raised:
        sampling(endpoint, 80, ignored).judge(finding)

    enough = int(str(raised.value).rpartition("--samples ")[2].strip("."))

    assert finding.more is not None
    assert enough == 80 + finding.more


def as_record(finding: Finding) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in finding.__dataclass_fields__}


def test_a_capability_is_one_that_an_endpoint_can_claim() -> None:
    named = {each.capability for each in suite.find().catalogue() if each.plane is Plane.ENDPOINT}

    assert named - {None} <= ENDPOINT_CAPABILITIES.keys()
    assert ENDPOINT_CAPABILITIES.keys() <= named


@pytest.mark.parametrize("topic", ["files", "batches", "formulas", "anthropic", "thinking"])
def test_all_of_a_service_depends_on_its_capability(topic: str) -> None:
    of_topic = [
        each
        for each in suite.find().catalogue()
        if each.topic == f"endpoint_{topic}" and each.excluded is None
    ]

    assert of_topic
    assert {each.capability for each in of_topic} == {topic}
