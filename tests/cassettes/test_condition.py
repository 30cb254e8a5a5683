"""Recordings that are damaged, unplayable, unused, missing or old are told apart."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from kimi_conformance.cassettes import Provenance
from kimi_conformance.cassettes.cassette import SIMULATOR_ORIGIN
from kimi_conformance.cassettes.condition import Ailment, Finding, Play, examine, names_below
from kimi_conformance.cassettes.recorder import record
from kimi_conformance.stage import replies
from kimi_conformance.verdicts import Verdict
from kimi_conformance.wire.exchange import Exchange, Request

MADE = Provenance(
    source="simulator",
    edition="2025-09",
    recorded_on="2025-09-10",
    check="endpoint/chat/text_comes_back",
    suite="0.1.0",
    libraries={},
    scrubbed=(),
    digest="",
)
NAME = "2025-09/endpoint/chat/text_comes_back"
PASSED = Play(verdict=Verdict.PASSED)
ASKED = Exchange(
    id="x1",
    request=Request(method="GET", path="/v1/models"),
    answer=replies.completion("moonshot-v1-8k"),
    started=0.0,
    source="simulator",
)


def made(folder: Path, provenance: Provenance = MADE, name: str = NAME) -> Path:
    path = folder / f"{name}.yaml"
    record(path, [ASKED], provenance, origin=SIMULATOR_ORIGIN)
    return path


def found(folder: Path, plays: dict[str, Play], today: str = "2025-12-31") -> list[Finding]:
    day = date.fromisoformat(today)
    return examine(folder, names_below(folder), plays, suite="0.1.0", today=day)


def ailments(findings: list[Finding]) -> list[tuple[str, Ailment]]:
    return [(finding.cassette, finding.ailment) for finding in findings]


def test_a_recording_that_its_check_passes_by_is_well(tmp_path: Path) -> None:
    made(tmp_path)

    assert found(tmp_path, {NAME: PASSED}) == []


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda text: text.replace("moonshot-v1-8k", "moonshot-v1-9k"), "its digest does not fit"),
        (lambda text: text.partition("provenance:")[0], "KeyError 'provenance'"),
        (lambda text: text.replace("  edition: 2025-09\n", ""), "edition"),
        (lambda text: text[:100], "Record it anew"),
    ],
    ids=["edited", "no provenance", "half a provenance", "cut short"],
)
def test_what_cannot_be_trusted_is_damaged(tmp_path: Path, damage: object, told: str) -> None:
    path = made(tmp_path)
    path.write_text(damage(path.read_text()))  # type: ignore[operator]

    (finding,) = found(tmp_path, {NAME: PASSED})

    assert finding.ailment is Ailment.DAMAGED
    assert told in finding.reason


@pytest.mark.parametrize("verdict", [Verdict.INCONCLUSIVE, Verdict.FAILED, Verdict.ERROR])
def test_one_that_its_check_does_not_pass_by_is_unplayable(
    tmp_path: Path, verdict: Verdict
) -> None:
    made(tmp_path)

    (finding,) = found(tmp_path, {NAME: Play(verdict=verdict, reason="differs in model")})

    assert finding == Finding(cassette=NAME, ailment=Ailment.UNPLAYABLE, reason="differs in model")


def test_one_whose_check_is_gone_or_named_otherwise_is_unused(tmp_path: Path) -> None:
    made(tmp_path)
    made(tmp_path, name="2025-09/endpoint/chat/another_name")
    plays = {"2025-09/endpoint/chat/another_name": PASSED}

    assert ailments(found(tmp_path, plays)) == [
        ("2025-09/endpoint/chat/another_name", Ailment.UNUSED),
        (NAME, Ailment.UNUSED),
    ]


def test_one_that_a_check_asks_for_in_vain_is_missing(tmp_path: Path) -> None:
    plays = {NAME: Play(verdict=Verdict.ERROR, reason="There is no cassette")}

    assert ailments(found(tmp_path, plays)) == [(NAME, Ailment.MISSING)]


def test_a_check_without_need_of_a_recording_misses_none(tmp_path: Path) -> None:
    plays = {NAME: PASSED, f"{NAME}2": Play(verdict=Verdict.NOT_CLAIMED)}

    assert found(tmp_path, plays) == []


@pytest.mark.parametrize(
    ("changes", "today", "told"),
    [
        ({"source": "live"}, "2025-12-09", []),
        ({"source": "live"}, "2025-12-10", ["recorded 91 days ago, on 2025-09-10"]),
        ({"source": "simulator"}, "2035-12-10", []),
        (
            {"suite": "0.0.9"},
            "2025-09-10",
            ["recorded by version 0.0.9 of this suite; this is 0.1.0"],
        ),
    ],
)
def test_age_is_told_and_is_not_red(
    tmp_path: Path, changes: dict[str, str], today: str, told: list[str]
) -> None:
    made(tmp_path, replace(MADE, **changes))  # type: ignore[arg-type]

    findings = found(tmp_path, {NAME: PASSED}, today)

    assert [finding.reason for finding in findings] == told
    assert [finding for finding in findings if finding.ailment.red] == []


def test_all_but_age_is_red() -> None:
    assert [ailment for ailment in Ailment if not ailment.red] == [Ailment.STALE]


def test_one_of_the_simulator_that_says_otherwise_today_is_outdated(tmp_path: Path) -> None:
    folder, remade = tmp_path / "kept", tmp_path / "remade"
    made(folder)
    made(remade)
    day = date.fromisoformat("2025-12-31")
    given = {"plays": {NAME: PASSED}, "suite": "0.1.0", "today": day, "remade": remade}
    assert examine(folder, [NAME], **given) == []  # type: ignore[arg-type]

    other = replace(ASKED, answer=replies.completion("Something else."))
    record(remade / f"{NAME}.yaml", [other], MADE, origin=SIMULATOR_ORIGIN)

    findings = examine(folder, [NAME], **given)  # type: ignore[arg-type]
    assert ailments(findings) == [(NAME, Ailment.OUTDATED)]


def test_what_a_live_api_said_is_not_compared_with_the_simulator(tmp_path: Path) -> None:
    folder, remade = tmp_path / "kept", tmp_path / "remade"
    made(folder, replace(MADE, source="live"))
    other = replace(ASKED, answer=replies.completion("Something else."))
    record(remade / f"{NAME}.yaml", [other], MADE, origin=SIMULATOR_ORIGIN)

    day = date.fromisoformat("2025-09-11")
    found = examine(folder, [NAME], {NAME: PASSED}, suite="0.1.0", today=day, remade=remade)

    assert found == []
