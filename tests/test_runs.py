"""The evidence file: read back exactly, also when the run was cut short."""

from dataclasses import replace
from pathlib import Path

import pytest

from kimi_conformance.checks.evidence import Evidence
from kimi_conformance.errors import RunError
from kimi_conformance.requirements import Catalogue, Level, Plane
from kimi_conformance.runs import SCHEMA, LawTally, check_record, encode, law_record, parse
from kimi_conformance.verdicts import Outcome, Verdict

HEADER = encode({"record": "header", "schema": SCHEMA, "run": "r"})
FOOTER = encode({"record": "footer", "verdict": "CONFORMANT"})
OUTCOME = Outcome(
    id="endpoint/streaming/ends[n=2]",
    requirement="SSE-001",
    level=Level.SHOULD,
    plane=Plane.ENDPOINT,
    sut="endpoint",
    verdict=Verdict.FAILED,
    seconds=0.25,
    reason="naïve “quotes”\nand lines",
    exchanges=("x1", "x2"),
    edition="2025-09",
    lane="simulator",
)
CATALOGUE = Catalogue.parse(
    {
        "wire": """
[[requirement]]
id = "SSE-001"
level = "MUST"
plane = "endpoint"
text = "A stream ends."
source = "recording"
evidence = ["recorded"]
editions = ["2025-09"]
"""
    },
    ("2025-09",),
)


def test_an_outcome_is_read_back_as_it_was() -> None:
    run = parse([HEADER, encode(check_record(OUTCOME)), FOOTER])

    assert run.checks == [OUTCOME]
    assert run.complete


def test_a_run_without_footer_was_cut_short() -> None:
    assert not parse([HEADER, encode(check_record(OUTCOME))]).complete


def test_a_torn_last_line_loses_only_itself() -> None:
    run = parse([HEADER, encode(check_record(OUTCOME)), FOOTER[:-5]])

    assert run.checks == [OUTCOME]
    assert run.torn
    assert not run.complete


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([], "does not begin with a header"),
        ([FOOTER], "does not begin with a header"),
        ([HEADER, b"{nonsense\n", FOOTER], "line 2 is not JSON"),
        ([HEADER, b"[]\n", FOOTER], "line 2 is no record"),
        ([HEADER[:-4], FOOTER], "line 1 is cut off"),
        ([encode({"record": "header", "schema": SCHEMA + 1})], "newer kimi-conformance"),
    ],
)
def test_a_damaged_file_is_a_clear_error(lines: list[bytes], told: str) -> None:
    with pytest.raises(RunError, match=told):
        parse(lines)


def test_an_outcome_holds_for_every_sut_that_the_check_cannot_tell_apart(tmp_path: Path) -> None:
    file, others = tmp_path / "run.jsonl", ["fault:slow", "fault:stall"]
    file.write_bytes(HEADER)
    evidence = Evidence(file, laws=(), secrets=(), keep_exchanges=False)
    evidence.add_outcome(OUTCOME, [], others)
    evidence.close()

    found = parse(file.read_bytes().splitlines(keepends=True)).checks

    assert found == [
        OUTCOME,
        *(replace(OUTCOME, sut=sut, seconds=0.0, exchanges=()) for sut in others),
    ]


def tally(*violations: str, applied: int = 1) -> LawTally:
    return LawTally(
        law="SSE-001",
        plane=Plane.ENDPOINT,
        sut="endpoint",
        check="c",
        applied=applied,
        violations=violations,
        exchanges=("x1",) if violations else (),
    )


@pytest.mark.parametrize(
    ("tallies", "verdict"),
    [
        ([tally(), tally()], Verdict.PASSED),
        ([tally(), tally("no [DONE]")], Verdict.FAILED),
        ([tally(applied=0), tally()], Verdict.PASSED),
    ],
)
def test_a_law_has_one_outcome_a_sut(tallies: list[LawTally], verdict: Verdict) -> None:
    run = parse([HEADER, *(encode(law_record(each)) for each in tallies)])

    (outcome,) = run.outcomes(CATALOGUE)

    assert outcome.id == "endpoint/wire/SSE-001"
    assert outcome.verdict is verdict


def test_a_law_that_had_nothing_to_judge_has_no_outcome() -> None:
    assert parse([HEADER, encode(law_record(tally(applied=0)))]).outcomes(CATALOGUE) == []


def test_suts_are_gathered_into_the_header() -> None:
    sut = {"record": "sut", "plane": "adapter", "name": "reference"}

    assert parse([HEADER, encode(sut)]).header["suts"] == [sut]
