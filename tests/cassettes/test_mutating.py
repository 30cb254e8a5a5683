"""One thing in a recording is changed, where a requirement speaks of it; the digest fits."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.cassettes.provenance import PROVENANCE

from kimi_conformance import suite as suites
from kimi_conformance.cassettes import Cassette, read
from kimi_conformance.cassettes.cassette import SIMULATOR_ORIGIN, digest_of, write
from kimi_conformance.cassettes.mutating import MUTATIONS, Mutant, mutant_of
from kimi_conformance.cassettes.unspoken import UNNOTICED, UNSPOKEN
from kimi_conformance.stage import replies
from kimi_conformance.wire.exchange import Answer, Exchange, Request

STREAM = replies.stream_of(replies.text_chunks("Hel", "lo"))
WHOLE = replies.completion("Hello.")
STREAMED_ONLY = {"drop_chunk"}
MANY_IDS_ONLY = {"swap_ids"}


def cassette(answer: Answer) -> Cassette:
    request = Request(method="POST", path="/v1/chat/completions", body=b"{}")
    exchange = Exchange(id="#1", request=request, answer=answer, started=0.0, source="cassette")
    made = replace(PROVENANCE, digest=digest_of([exchange]))
    return Cassette(provenance=made, interactions=(exchange,))


def changed(answer: Answer, mutation: str, seed: str = "1") -> Mutant:
    mutant = mutant_of(cassette(answer), mutation, seed)
    assert mutant is not None
    return mutant


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_mutation_changes_a_stream_and_its_digest_fits(mutation: str, tmp_path: Path) -> None:
    mutant = changed(STREAM, mutation)
    write(tmp_path / "c.yaml", mutant.cassette, SIMULATOR_ORIGIN)

    (exchange,) = read(tmp_path / "c.yaml", "c").interactions

    assert (exchange.answer.status, exchange.answer.body) != (STREAM.status, STREAM.body)
    assert mutant.where


@pytest.mark.parametrize("mutation", sorted(MUTATIONS.keys() - STREAMED_ONLY - MANY_IDS_ONLY))
def test_a_mutation_changes_a_body(mutation: str) -> None:
    (exchange,) = changed(WHOLE, mutation).cassette.interactions

    assert (exchange.answer.status, exchange.answer.body) != (WHOLE.status, WHOLE.body)


@pytest.mark.parametrize("mutation", sorted(STREAMED_ONLY | MANY_IDS_ONLY))
def test_what_there_is_not_is_not_changed(mutation: str) -> None:
    assert mutant_of(cassette(WHOLE), mutation, "1") is None


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_the_same_seed_gives_the_same_mutant(mutation: str) -> None:
    assert changed(STREAM, mutation) == changed(STREAM, mutation)


def test_another_seed_changes_another_place() -> None:
    places = {changed(WHOLE, "remove_field", str(seed)).where for seed in range(20)}

    assert len(places) > 5


def test_one_thing_is_changed() -> None:
    (exchange,) = changed(WHOLE, "finish_reason").cassette.interactions
    before, after = WHOLE.json, exchange.answer.json

    assert after["choices"][0].pop("finish_reason") == "finished"
    assert before["choices"][0].pop("finish_reason") == "stop"
    assert after == before


def test_an_event_is_dropped_and_the_others_stay() -> None:
    mutant = changed(STREAM, "drop_chunk")

    before = STREAM.body.split(b"\n\n")
    after = mutant.cassette.interactions[0].answer.body.split(b"\n\n")
    assert len(after) == len(before) - 1
    assert all(json.loads(e[6:]) for e in after if e.startswith(b"data: {"))


@pytest.mark.parametrize("seed", range(30))
def test_nothing_is_changed_of_which_no_requirement_speaks(seed: int) -> None:
    spoken = replies.json_reply({"id": "chatcmpl-1", "system_fingerprint": "fp"})

    assert changed(spoken, "remove_field", str(seed)).where == "id"


@pytest.mark.parametrize("rule", [*UNSPOKEN, *UNNOTICED])
def test_a_rule_names_mutations_that_there_are_and_says_why(rule: object) -> None:
    names = rule.mutation.split("|")  # type: ignore[attr-defined]

    assert all(name == "*" or name in MUTATIONS for name in names)
    assert len(rule.reason.split()) > 3  # type: ignore[attr-defined]


def test_the_committed_recordings_give_mutants_of_each_kind() -> None:
    folder = suites.find().cassettes / "2026-09" / "endpoint"
    names = ["streaming", "chat", "tools"]
    files = [min((folder / name).glob("*.yaml")) for name in names]
    cassettes = [read(file, file.stem) for file in files]

    found = {kind for kind in MUTATIONS for each in cassettes if mutant_of(each, kind, "1")}

    assert found == MUTATIONS.keys()
