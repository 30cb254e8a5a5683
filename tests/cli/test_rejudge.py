"""A run judged again: the same where nothing changed, and what changed is named where it did."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.load.written import HEADER, STREAM, content

from kimi_conformance.load.running.launch import judge_samples
from kimi_conformance.load.samples.records import Sample
from kimi_conformance.runs import encode
from kimi_conformance.slo import parse as parse_objectives

Run = Callable[..., Any]

OLD = Path(__file__).parents[1] / "reporting" / "runs" / "schema-1.jsonl"
CHECK = "endpoint/streaming/the_choice_that_ends_has_the_usage"
Change = Callable[[dict[str, Any]], Mapping[str, Any] | None]


@pytest.fixture
def recorded(tmp_path: Path) -> Callable[..., Path]:
    """The run of schema 1, each record changed as asked; None leaves it out."""

    def write(change: Change = lambda record: record) -> Path:
        records = [json.loads(line) for line in OLD.read_bytes().splitlines()]
        changed = [now for record in records if (now := change(record)) is not None]
        file = tmp_path / "run.jsonl"
        file.write_bytes(b"".join(map(encode, changed)))
        return file

    return write


def judged(run: Run, file: Path, *more: str) -> tuple[int, dict[str, Any]]:
    said = run("rejudge", str(file), "--json", "-", *more)
    return said.code, json.loads(said.out)


def test_a_run_of_today_is_judged_as_it_was(run: Run, recorded: Callable[..., Path]) -> None:
    file = recorded()
    before = file.read_bytes()

    code, answer = judged(run, file)

    assert code == 0
    assert answer["differences"] == []
    assert (answer["was"], answer["verdict"]) == ("CONFORMANT", "CONFORMANT")
    assert answer["exchanges"] == 2
    assert [(left["what"], left["id"]) for left in answer["left"]] == [("law", "SENT-003")]
    assert file.read_bytes() == before


def test_people_are_told_in_a_line_each(run: Run, recorded: Callable[..., Path]) -> None:
    said = run("rejudge", str(recorded()))

    assert said.code == 0
    assert "Was CONFORMANT, is CONFORMANT" in said.out
    assert "2 exchanges and 0 loads were judged again; 0 differences." in said.out


def without_done(record: dict[str, Any]) -> dict[str, Any]:
    """The stream ends in something else, of the same length: what a law would say of it today."""
    if record["record"] == "exchange" and record["check"] == CHECK:
        body = record["answer"]["body"]
        assert "[DONE]" in body
        return {**record, "answer": {**record["answer"], "body": body.replace("[DONE]", "[dONE]")}}
    return record


def test_a_law_that_says_otherwise_today_is_named(run: Run, recorded: Callable[..., Path]) -> None:
    code, answer = judged(run, recorded(without_done))

    *laws, last = answer["differences"]
    assert code == 1
    assert laws
    assert {law["what"] for law in laws} == {"law"}
    assert {(law["was"], law["now"], law["because"]) for law in laws} == {
        ("passed", "failed", "law changed: 0 violations then, 1 now"),
        ("passed", "not judged", "law changed: nothing is there that it judges"),
    }
    assert (last["what"], last["was"], last["now"]) == ("run", "CONFORMANT", "NOT CONFORMANT")
    assert answer["verdict"] == "NOT CONFORMANT"


@pytest.mark.parametrize("key", ["request", "answer"])
def test_what_was_shortened_is_not_judged_again_and_named(
    run: Run, recorded: Callable[..., Path], key: str
) -> None:
    def shorten(record: dict[str, Any]) -> dict[str, Any]:
        if record["record"] == "exchange" and record["check"] == CHECK:
            cut = {**record[key], "body": record[key]["body"][:10] + " … (cut)"}
            return {**without_done(record), key: cut}
        return record

    code, answer = judged(run, recorded(shorten))

    assert code == 0
    assert answer["exchanges"] == 1
    assert answer["left"][1] == {
        "what": "laws of a check",
        "id": CHECK,
        "why": "1 of its 1 exchanges are not kept whole",
    }


def of_check(**changes: Any) -> Change:
    def change(record: dict[str, Any]) -> dict[str, Any]:
        is_it = record["record"] == "check" and record["id"] == CHECK
        return {**record, **changes} if is_it else record

    return change


@pytest.mark.parametrize(
    ("changes", "now", "because"),
    [
        ({"requirement": "GONE-01"}, "not asked", "catalogue changed: GONE-01 is gone"),
        (
            {"requirement": "EP-CACHING-18"},
            "not asked",
            "catalogue changed: EP-CACHING-18 is excluded",
        ),
        ({"level": "MAY"}, "passed", "is a MUST"),
    ],
)
def test_what_changed_in_the_catalogue_is_named(
    run: Run, recorded: Callable[..., Path], changes: dict[str, Any], now: str, because: str
) -> None:
    code, answer = judged(run, recorded(of_check(**changes)))

    (difference,) = answer["differences"]
    assert code == 1
    assert (difference["what"], difference["id"]) == ("check", CHECK)
    assert (difference["was"], difference["now"]) == ("passed", now)
    assert because in difference["because"]


def test_a_law_that_is_gone_is_named(run: Run, recorded: Callable[..., Path]) -> None:
    def rename(record: dict[str, Any]) -> dict[str, Any]:
        return {**record, "law": "OLD-001"} if record.get("law") == "SSE-004" else record

    code, answer = judged(run, recorded(rename))

    assert code == 1
    assert ("OLD-001", "not asked") in {(d["id"], d["now"]) for d in answer["differences"]}


BASELINE = f"""
[[known_failure]]
check = "{CHECK}"
editions = ["2026-09"]
reason = "It has always been so."
issue = "none known"
expires = 2026-12-31
"""


def test_a_baseline_of_today_is_applied_on_the_day_of_the_run(
    run: Run, recorded: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "known.toml").write_text(BASELINE)
    failed = recorded(of_check(verdict="failed", reason="no usage"))

    code, answer = judged(run, failed, "--baseline", str(tmp_path / "known.toml"))

    (first,) = answer["differences"]
    assert code == 1
    assert (first["was"], first["now"]) == ("failed", "known_failure")
    assert first["because"] == "baseline changed"
    assert "the baseline excuses the other 1" in answer["because"]


def test_an_excuse_that_is_gone_turns_a_known_failure_into_one(
    run: Run, recorded: Callable[..., Path]
) -> None:
    known = of_check(
        verdict="known_failure", excuse="known", reason="It is so. Issue: 1. Found: no usage"
    )

    code, answer = judged(run, recorded(known))

    first, last = answer["differences"]
    assert code == 1
    assert (first["was"], first["now"], first["because"]) == (
        "known_failure",
        "failed",
        "baseline changed",
    )
    assert (last["what"], last["now"]) == ("run", "NOT CONFORMANT")


def test_a_baseline_that_is_no_longer_there_leaves_the_excuses_as_they_were(
    run: Run, recorded: Callable[..., Path]
) -> None:
    known = of_check(verdict="known_failure", excuse="known", reason="Found: no usage")

    def configured(record: dict[str, Any]) -> Mapping[str, Any] | None:
        if record["record"] == "header":
            return {**record, "configuration": {"baseline": "elsewhere/known.toml"}}
        return known(record)

    code, answer = judged(run, recorded(configured))

    assert code == 0
    assert ("baseline", "elsewhere/known.toml") in {
        (left["what"], left["id"]) for left in answer["left"]
    }


def test_a_run_cut_short_is_judged_but_never_conformant(
    run: Run, recorded: Callable[..., Path]
) -> None:
    cut = recorded(lambda record: None if record["record"] == "footer" else record)

    code, answer = judged(run, cut)

    assert code == 0
    assert (answer["was"], answer["verdict"]) == (None, "INCONCLUSIVE")


def test_records_that_are_no_records_cannot_be_judged(
    run: Run, recorded: Callable[..., Path]
) -> None:
    def spoil(record: dict[str, Any]) -> dict[str, Any]:
        return {**record, "answer": None} if record["record"] == "exchange" else record

    said = run("rejudge", str(recorded(spoil)))

    assert said.code == 3
    assert "is not as its schema says, line 5, exchange at answer" in said.err
    assert "--validate" in said.err


def test_a_run_of_nothing_cannot_be_judged(run: Run, recorded: Callable[..., Path]) -> None:
    kept = {"header", "footer"}
    code, answer = judged(
        run, recorded(lambda record: record if record["record"] in kept else None)
    )

    assert code == 3
    assert answer["verdict"] is None


PROMISED = """
[all.mean_response_s]
metric = "response_s"
statistic = "mean"
at_most = 2.0
[all.p50]
metric = "response_s"
statistic = "p50"
at_most = 2.0
"""


@pytest.fixture
def loaded(tmp_path: Path) -> Path:
    """The folder of a load run: forty replies that took half a second, and its evidence."""
    one = Sample(kind=STREAM, intended=1.0, start=1.0, end=1.5, first_answer=1.25)
    forty = [
        replace(one, intended=1 + n / 10, start=1 + n / 10, end=1.5 + n / 10 + n / 1000)
        for n in range(40)
    ]
    samples = tmp_path / "steady_chat.samples"
    samples.write_bytes(content(forty, header=replace(HEADER, warm_up_s=0.0)))
    (tmp_path / "slo.toml").write_text(PROMISED)
    record = judge_samples(samples, parse_objectives(PROMISED))
    header = {**json.loads(OLD.read_bytes().splitlines()[0]), "job": "sla", "configuration": {}}
    footer = {
        "record": "footer",
        "ended": "2026-11-21T08:00:10+00:00",
        "verdict": "CONFORMANT",
        "because": "",
        "exit_code": 0,
        "seconds": 10.0,
    }
    (tmp_path / "run.jsonl").write_bytes(b"".join(map(encode, (header, record, footer))))
    assert {each["verdict"] for each in record["objectives"]} == {"met"}, record["invalid_because"]
    return tmp_path


def test_what_is_written_of_a_load_is_valid(run: Run, loaded: Path) -> None:
    said = run("report", str(loaded), "--validate")

    assert said.code == 0, said.out


def test_samples_are_judged_again_by_the_same_promise(run: Run, loaded: Path) -> None:
    code, answer = judged(run, loaded, "--slo", str(loaded / "slo.toml"))

    assert (code, answer["differences"], answer["loads"]) == (0, [], 1)
    assert answer["because"] == "every objective is kept"


def test_a_promise_that_changed_is_named(run: Run, loaded: Path) -> None:
    stricter = PROMISED.replace("at_most = 2.0", "at_most = 0.1", 1).replace(
        "all.p50", "all.median"
    )
    (loaded / "slo.toml").write_text(stricter)

    code, answer = judged(run, loaded, "--slo", str(loaded / "slo.toml"))

    told = {(d["id"], d["was"], d["now"], d["because"]) for d in answer["differences"]}
    assert code == 1
    assert told == {
        (
            *("steady_chat/mean_response_s", "met", "missed"),
            "objective changed: 2 was promised, 0.1 is",
        ),
        (*("steady_chat/p50", "met", "not promised"), "objective changed: it was taken out"),
        (*("steady_chat/median", "not promised", "met"), "objective changed: new"),
        ("verdict", "CONFORMANT", "NOT CONFORMANT", "of what is named here"),
    }


def test_a_measurement_that_counts_no_longer_is_named(run: Run, loaded: Path) -> None:
    file = loaded / "run.jsonl"
    header, record, footer = map(json.loads, file.read_bytes().splitlines())
    missed = [{**each, "verdict": "undecided"} for each in record["objectives"]]
    then = {**record, "valid": False, "objectives": missed}
    file.write_bytes(b"".join(map(encode, (header, then, footer))))

    code, answer = judged(run, loaded, "--slo", str(loaded / "slo.toml"))

    assert code == 1
    assert {difference["because"] for difference in answer["differences"]} == {
        "suite changed: the measurement was not valid, and is valid"
    }


def test_samples_that_are_gone_leave_the_load_as_it_was(run: Run, loaded: Path) -> None:
    (loaded / "steady_chat.samples").unlink()

    code, answer = judged(run, loaded)

    assert code == 3
    assert answer["left"][0]["what"] == "load"
    assert "steady_chat.samples" in answer["left"][0]["why"]
    assert answer["verdict"] == "CONFORMANT"


def test_samples_of_another_run_are_not_taken_for_its_own(run: Run, loaded: Path) -> None:
    samples = loaded / "steady_chat.samples"
    samples.write_bytes(samples.read_bytes() + b"\x01")

    code, answer = judged(run, loaded)

    assert code == 3
    assert "its digest is another" in answer["left"][0]["why"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("rejudge",), 2, "There is no run below reports/out"),
        (("rejudge", "nowhere.jsonl"), 3, "There is no run at nowhere.jsonl"),
        (("rejudge", "run.jsonl", "--slo", "no.toml"), 2, "The objectives no.toml cannot be read"),
    ],
)
def test_what_is_not_there_is_told(
    run: Run, recorded: Callable[..., Path], arguments: tuple[str, ...], code: int, told: str
) -> None:
    recorded()

    said = run(*arguments)

    assert said.code == code
    assert told in said.err
