"""Run files against their schema: what the suite writes is valid, what is not is named."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from kimi_conformance.baselines import KnownFailure
from kimi_conformance.checks.evidence import Evidence, restored
from kimi_conformance.cli.drifting.found import Found
from kimi_conformance.cli.keeping.drift_evidence import drift_record, looked_record
from kimi_conformance.cli.keeping.proof import Proof
from kimi_conformance.cli.keeping.run_folder import RunFolder
from kimi_conformance.drift import Attribution, Change, Kind
from kimi_conformance.reporting.formats.evidence_schema import flaws
from kimi_conformance.requirements import Catalogue
from kimi_conformance.runs import SCHEMA, Run, baseline_record, encode, parse
from kimi_conformance.stage.live import Budget
from kimi_conformance.verdicts import RunVerdict
from kimi_conformance.wire.exchange import Answer, Ending, Exchange, Frame, Request

SCHEMAS = Path(__file__).parents[2] / "reports" / "schemas"
OLD = Path(__file__).parent / "runs" / "schema-1.jsonl"

HEADER: dict[str, Any] = {
    "record": "header",
    "schema": SCHEMA,
    "run": "20261121-081300-gate",
    "job": "gate",
    "started": "2026-11-21T08:13:00+00:00",
    "suite": {"version": "0.1.0"},
    "lane": "cassette",
    "source": "recordings",
    "edition": "2026-09",
}
LAW: dict[str, Any] = {
    "record": "law",
    "law": "SSE-001",
    "plane": "endpoint",
    "sut": "endpoint",
    "check": "endpoint/streaming/ends",
    "applied": 1,
    "violations": [],
    "exchanges": [],
}
SAMPLE: dict[str, Any] = {
    "record": "sample",
    "check": "endpoint/accuracy/calls_are_right",
    "sut": "endpoint",
    "requirement": "EP-ACCURACY-01",
    "good": 0,
    "total": 0,
    "value": None,
    "low": 0.0,
    "high": 1.0,
    "at_least": 0.9,
    "decided": "open",
    "more": None,
    "requests": 80,
    "undone": 80,
}


def found(*lines: bytes) -> list[str]:
    return [str(flaw) for flaw in flaws(lines, SCHEMAS)]


def test_the_schema_is_one_itself_and_knows_the_schema_of_today() -> None:
    schema = json.loads((SCHEMAS / "run.schema.json").read_text())

    Draft202012Validator.check_schema(schema)
    assert schema["$id"].endswith(f":{SCHEMA}")
    assert schema["$defs"]["header"]["properties"]["schema"]["maximum"] == SCHEMA


def test_every_kind_of_record_in_the_code_has_a_schema() -> None:
    files = (SCHEMAS.parents[1] / "src").rglob("*.py")
    written = {
        kind for file in files for kind in re.findall(r'"record": "(\w+)"', file.read_text())
    }
    schema = json.loads((SCHEMAS / "run.schema.json").read_text())

    assert written - {"samples"} == set(schema["properties"]["record"]["enum"])


def test_one_schema_for_a_line_says_the_same_as_one_for_its_kind() -> None:
    schema = Draft202012Validator(json.loads((SCHEMAS / "run.schema.json").read_text()))

    assert schema.is_valid(LAW)
    assert not schema.is_valid({**LAW, "applied": -1})
    assert not schema.is_valid({**LAW, "record": "laws"})


def exchange(body: bytes = b'{"a": "\xc3\xa9"}', **changes: Any) -> Exchange:
    answer = Answer(
        headers=(("Content-Type", "application/json"),),
        frames=(Frame(0.0125, body[:3]), Frame(0.02, body[3:])),
        **changes,
    )
    return Exchange(
        id="x1",
        request=Request(method="POST", path="/v1/chat/completions", body=body),
        answer=answer,
        started=0.0,
        source="script",
    )


def _change() -> Change:
    return Change(
        kind=Kind.BREAKING,
        where="GET /v1/models: data[].id",
        before="string",
        after="absent",
        attribution=Attribution.PROVIDER_CHANGED,
        seen=1,
    )


@pytest.fixture
def written(
    run: Run, catalogue: Catalogue, tmp_path: Path, load_record: Callable[..., dict[str, Any]]
) -> Path:
    """A run with a record of every kind, each made by what makes it in earnest."""
    folder = RunFolder.begin(
        tmp_path, "gate", lane="live", source="live", edition="2025-09", configuration={"a": [1]}
    )
    evidence = Evidence(
        folder.evidence, laws=("SENT-001", "HTTP-001"), secrets=(), keep_exchanges=True
    )
    known = KnownFailure(
        check="adapter/a/b",
        editions=("2025-09",),
        reason="r",
        issue="i",
        expires=date(2027, 1, 1),
        place="baselines/a.toml, entry 1",
    )
    for record in (
        {"record": "plan", "checks": 2},
        *({"record": "sut", **sut} for sut in run.header["suts"]),
        baseline_record("openai", known, date(2026, 11, 21)),
        {"record": "budget", **asdict(Budget(10, None))},
        SAMPLE,
    ):
        evidence.add(record)
    for outcome in run.checks:
        evidence.add_outcome(outcome, [exchange()] if outcome.exchanges == ("x1",) else [])
    evidence.close()
    folder.append(load_record())
    proof = Proof(
        killers={"c": ["m"]}, alive=[], unkilled=[], benign_red=[], vacuum_passes=[], sound_red=[]
    )
    folder.append(proof.record())
    folder.append(drift_record(_change()))
    folder.append(looked_record(Found(changes=[_change()], asked=1, places=["a#1"]), "a", "b"))
    folder.end(RunVerdict.INCONCLUSIVE, "because", {"passed": 1})
    return folder.evidence


def test_every_record_that_is_written_is_valid(written: Path) -> None:
    lines = written.read_bytes().splitlines(keepends=True)
    unique = [line for line in lines if b'"id":"x1"' not in line]  # one exchange, in two checks

    kinds = {json.loads(line)["record"] for line in lines}
    schema = json.loads((SCHEMAS / "run.schema.json").read_text())
    assert kinds == set(schema["properties"]["record"]["enum"])
    assert found(*unique) == []


def test_a_run_cut_short_is_valid_until_there(written: Path) -> None:
    whole = [line for line in written.read_bytes().splitlines(keepends=True) if b'"x1"' not in line]

    assert found(*whole[:-1]) == []
    assert found(*whole[:-1], whole[-1][:-9]) == []


def test_a_load_of_schema_1_is_valid_and_reads_as_ever() -> None:
    lines = (OLD.parent / "schema-1-load.jsonl").read_bytes().splitlines(keepends=True)
    (record,) = parse(lines).loads

    assert found(*lines) == []
    assert record["requests"] == 200


def test_a_run_of_schema_1_is_valid_and_reads_as_ever() -> None:
    lines = OLD.read_bytes().splitlines(keepends=True)
    run = parse(lines)

    assert found(*lines) == []
    assert run.header["schema"] == 1
    assert [each.verdict.value for each in run.checks] == ["passed", "passed"]
    assert all(restored(record) for record in run.exchanges.values())


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([], "line 1: the file is empty: a run has a header"),
        ([encode(LAW)], "line 1, law: the first line, and no other, is a header"),
        ([encode(HEADER), encode(HEADER)], "line 2, header: the first line, and no other"),
        ([encode(HEADER), b"nonsense\n"], "line 2: it is not JSON: Expecting value"),
        ([encode(HEADER), b'{"a": NaN}\n'], "line 2: it is not JSON: NaN is no JSON number"),
        ([encode(HEADER), b"\xff\n"], "line 2: it is not JSON: 'utf-8' codec can't decode"),
        ([encode(HEADER), b"[" * 100_000 + b"\n"], "line 2: it is not JSON: "),
        (
            [encode(HEADER), b"[]\n"],
            "line 2: it is no record: its key record must be one of header",
        ),
        ([encode(HEADER), encode({"record": "laws"})], "line 2: it is no record"),
        ([encode(HEADER)[:-3], encode(LAW)], "line 1: the line is cut off"),
        ([encode({**HEADER, "schema": SCHEMA + 1})], f"header at schema: {SCHEMA + 1} is greater"),
        ([encode(HEADER), encode({**LAW, "applied": -1})], "line 2, law at applied: -1 is less"),
        (
            [encode(HEADER), encode({**LAW, "violations": ["a", 7]})],
            "line 2, law at violations[1]: 7 is not of type 'string'",
        ),
        (
            [encode(HEADER), encode({k: v for k, v in LAW.items() if k != "sut"})],
            "line 2, law: 'sut' is a required property",
        ),
    ],
)
def test_what_is_wrong_is_told_by_line_record_and_place(lines: list[bytes], told: str) -> None:
    assert told in "\n".join(found(*lines))


def test_an_id_that_stands_twice_is_told(exchange: Callable[..., dict[str, Any]]) -> None:
    twins = encode(exchange("x", sut="a"))

    assert found(encode(HEADER), twins, twins) == [
        "line 3, exchange: another exchange has the id x too"
    ]


def test_what_a_file_says_cannot_steer_a_terminal() -> None:
    (told,) = found(encode(HEADER), encode({**LAW, "plane": "\x1b[2J\u202e"}))

    assert "\x1b" not in told
    assert "\u202e" not in told


def test_keys_that_nobody_knows_yet_are_welcome() -> None:
    assert found(encode(HEADER), encode({**LAW, "colour": "red"})) == []


def kept(tmp_path: Path, run: Run, sent: Exchange) -> dict[str, Any]:
    file = tmp_path / "run.jsonl"
    file.write_bytes(encode(HEADER))
    evidence = Evidence(file, laws=(), secrets=(), keep_exchanges=True)
    evidence.add_outcome(run.checks[0], [sent])
    evidence.close()
    (record,) = parse(file.read_bytes().splitlines(keepends=True)).exchanges.values()
    return dict(record)


@pytest.mark.parametrize("changes", [{}, {"raw": True}, {"ending": Ending.RESET}])
def test_an_exchange_is_restored_as_it_was(tmp_path: Path, run: Run, changes: Any) -> None:
    sent = exchange(**changes)

    assert restored(kept(tmp_path, run, sent)) == Exchange(
        id="x1",
        request=sent.request,
        answer=Answer(headers=sent.answer.headers, frames=list(sent.answer.frames), **changes),
        started=0.0,
        source="script",
    )


@pytest.mark.parametrize("body", [b"\x1f\x8b\xff", b"a" * 20_000])
def test_what_is_not_kept_whole_is_not_restored(tmp_path: Path, run: Run, body: bytes) -> None:
    record = kept(tmp_path, run, exchange(body))

    assert record["answer"]["whole"] is False
    assert restored(record) is None


def test_a_cut_body_of_schema_1_is_not_taken_for_a_whole_one() -> None:
    (*_, record) = parse(OLD.read_bytes().splitlines(keepends=True)).exchanges.values()
    length = 16_384 + len(" … (16409 bytes in all)".encode())
    text = "a" * 16_384 + " … (16409 bytes in all)"
    answer = {**record["answer"], "body": text, "body_bytes": length, "frames": [[0, length]]}

    assert length == 16_409
    assert restored({**record, "answer": answer}) is None


def test_text_that_is_no_unicode_is_written_and_read_back() -> None:
    line = encode({**LAW, "violations": ["half \ud800 a pair", "é"]})

    assert json.loads(line)["violations"] == ["half \ud800 a pair", "é"]
    assert found(encode(HEADER), line) == []


@given(text=st.text(st.characters(exclude_categories=())))
@settings(max_examples=30)
def test_any_text_is_written_as_a_valid_line(text: str) -> None:
    line = encode({**LAW, "law": text, "check": text, "violations": [text]})

    assert line.count(b"\n") == 1
    assert found(encode(HEADER), line) == []
