"""The table of faults: each does something, breaks what it says, and survives the others."""

import json
from collections.abc import Sequence
from functools import cache
from itertools import zip_longest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulator.scene import (
    EDITION,
    HELLO,
    PROBES,
    THINKING,
    Clock,
    chat,
    exchange,
    play,
    request,
    simulator,
)

from kimi_conformance.errors import UsageError
from kimi_conformance.requirements import Plane
from kimi_conformance.simulator import Latency
from kimi_conformance.simulator.faults import FAULTS, Fault, FaultSwitch, parse_switch
from kimi_conformance.simulator.vacuum import VACUUMS, always
from kimi_conformance.wire import LAWS, judge
from kimi_conformance.wire.exchange import Answer, Ending, Exchange, header
from kimi_conformance.wire.sse import decode

BENIGN = [fault for fault in FAULTS.values() if fault.benign]
WRONG = [fault for fault in FAULTS.values() if not fault.benign]
OF_RULES = [fault for fault in WRONG if fault.name.startswith("accepts_")]
KEYS = {"accepts_any_key", "accepts_no_key", "accepts_model_not_found", "accepts_messages_empty"}
LAW_IDS = {law.id for law in LAWS}


def by_name(fault: Fault) -> str:
    return fault.name


@cache
def sound_tour(edition: str) -> Sequence[Exchange]:
    return tour(edition=edition)


def tour(*faults: str, edition: str) -> Sequence[Exchange]:
    clock = Clock()
    latency = Latency(ttft=0.2, itl=0.1)
    switches = [parse_switch(fault) for fault in faults]
    served = {each.name: each for each in (EDITION, THINKING)}[edition]
    return play(simulator(*switches, edition=served, clock=clock, latency=latency), clock)


def seen(exchanges: Sequence[Exchange]) -> list[object]:
    return [
        (each.answer.status, each.answer.headers, each.answer.frames, each.answer.ending)
        for each in exchanges
    ]


def broken_laws(exchanges: Sequence[Exchange], sound: Sequence[Exchange] = ()) -> set[str]:
    """The laws that are broken, but for exchanges that the sound simulator had too."""
    return {
        finding.law
        for each, before in zip_longest(exchanges, sound)
        if each is not None and each != before
        for finding in judge(each, Plane.ENDPOINT)
        if finding.violations
    }


@pytest.mark.parametrize("edition", [EDITION.name, THINKING.name])
def test_the_sound_simulator_breaks_no_law(edition: str) -> None:
    assert broken_laws(sound_tour(edition)) == set()


def test_names_are_unique_and_words() -> None:
    assert all(name == fault.name and name.isidentifier() for name, fault in FAULTS.items())
    assert len({fault.text for fault in FAULTS.values()}) > len(FAULTS) - 3


def test_there_are_enough_of_them() -> None:
    assert len(WRONG) - len(OF_RULES) >= 60
    assert len(BENIGN) >= 20


@pytest.mark.parametrize("fault", WRONG, ids=by_name)
def test_a_fault_makes_a_difference_and_breaks_the_laws_that_it_names(fault: Fault) -> None:
    """Those that waive a rule make their difference where the rule is tested."""
    odd, sound = tour(fault.name, edition=fault.edition), sound_tour(fault.edition)

    assert broken_laws(odd, sound) == fault.breaks & LAW_IDS
    assert seen(odd) != seen(sound) or (fault in OF_RULES and fault.name not in KEYS)


def test_every_law_of_an_endpoint_is_broken_by_a_fault() -> None:
    laws = {law.id for law in LAWS if law.plane is Plane.ENDPOINT}
    broken = frozenset[str]().union(*(fault.breaks for fault in WRONG))

    assert laws - broken == set()


@pytest.mark.parametrize("fault", BENIGN, ids=by_name)
def test_a_benign_variant_is_odd_but_breaks_nothing_and_means_the_same(fault: Fault) -> None:
    odd, sound = tour(fault.name, edition=fault.edition), sound_tour(fault.edition)

    assert seen(odd) != seen(sound)
    assert broken_laws(odd, sound) == set()
    assert fault.breaks == frozenset()
    if fault.name != "gzipped":
        assert meaning(odd) == meaning(sound)


def meaning(exchanges: Sequence[Exchange]) -> list[object]:
    return [(each.answer.status, said(each.answer)) for each in exchanges]


def said(answer: Answer) -> object:
    """What a client takes from a chat answer: the texts, calls and ends of its choices."""
    if (header(answer.headers, "Content-Type") or "").startswith("text/event-stream"):
        return said_in_stream(answer)
    body = answer.json
    return [
        (
            choice["message"].get("content") or "",
            [call["function"] for call in choice["message"].get("tool_calls") or ()],
            choice["finish_reason"],
        )
        for choice in body.get("choices", ())
    ]


def said_in_stream(answer: Answer) -> object:
    choices: dict[int, list[str]] = {}
    for _, event in decode(answer.frames).events:
        chunk = {"choices": []} if event.data == "[DONE]" else json.loads(event.data)
        for choice in chunk.get("choices", ()):
            said = choices.setdefault(choice["index"], ["", "", ""])
            delta = choice["delta"]
            said[0] += delta.get("content") or ""
            for call in delta.get("tool_calls") or ():
                said[1] += call.get("id", "") + call["function"]["arguments"]
            said[2] += choice["finish_reason"] or ""
    return choices


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(sorted(FAULTS)), min_size=2, max_size=4))
def test_faults_can_be_put_around_each_other(names: list[str]) -> None:
    faulty = simulator(*map(parse_switch, names))

    answers = [faulty.reply(probe) for probe in PROBES]

    assert len(answers) == len(PROBES)


# ---------------------------------------------------------------- switches


def test_a_switch_can_strike_one_request_only() -> None:
    faulty = simulator(parse_switch("server_error:nth=2"))

    assert [faulty.reply(chat()).status for _ in range(4)] == [200, 500, 200, 200]


def test_only_requests_that_a_fault_touches_are_counted() -> None:
    faulty = simulator(parse_switch("engine_overloaded:nth=1"))

    assert faulty.reply(request("GET", "/v1/models")).status == 200
    assert faulty.reply(chat()).status == 429


def test_a_switch_can_be_kept_to_a_path() -> None:
    faulty = simulator(parse_switch("server_error:path=/v1/models,status=503"))

    assert faulty.reply(chat()).status == 200
    assert faulty.reply(request("GET", "/v1/models")).status == 503


def test_chance_comes_from_the_seed_and_strikes_its_share() -> None:
    def statuses(seed: int) -> list[int]:
        faulty = simulator(parse_switch("server_error:p=0.25"), seed=seed)
        return [faulty.reply(chat(HELLO)).status for _ in range(400)]

    assert statuses(1) == statuses(1)
    assert statuses(1) != statuses(2)
    assert 70 < statuses(1).count(500) < 130


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sever_error", "Did you mean 'server_error'?"),
        ("server_error:q=1", "no parameter 'q'"),
        ("server_error:statu=503", "Did you mean 'status'?"),
        ("server_error:p=2", "not between 0 and 1"),
        ("server_error:p=often", "p is 'often', not a number"),
        ("server_error:nth=0", "counted from 1"),
        ("server_error:nth=1.5", "nth is '1.5', not a number"),
        ("server_error:status=high", "status is 'high', not a number"),
        ("server_error:503", "not of the form name=value"),
    ],
)
def test_a_wrong_switch_is_refused(text: str, says: str) -> None:
    with pytest.raises(UsageError, match="ault") as refused:
        parse_switch(text)

    assert says in str(refused.value)


def test_a_switch_is_read_as_it_is_written() -> None:
    switch = parse_switch("cut:p=0.5, nth=3, frames=7, path=/v1/models")

    assert switch == FaultSwitch(FAULTS["cut"], 0.5, 3, "/v1/models", {"frames": 7})


def test_where_a_stream_breaks_off_can_be_chosen() -> None:
    faulty = simulator(parse_switch("cut:frames=5"))

    answer = faulty.reply(chat(stream=True))

    assert len(answer.frames) == 5
    assert answer.ending is Ending.CUT


# ---------------------------------------------------------------- vacuums


@pytest.mark.parametrize("name", VACUUMS)
async def test_a_vacuum_gives_everybody_the_same(name: str) -> None:
    answers = [await VACUUMS[name].answer(probe) for probe in PROBES]

    assert all(answer == answers[0] for answer in answers)
    assert len(answers[0].frames) <= 10_000


async def test_a_vacuum_can_have_any_status() -> None:
    answer = await always(503).answer(PROBES[0])

    assert answer.status == 503
    assert broken_laws([exchange(PROBES[0], answer)]) == {"WIRE-007"}
