"""One verdict from many outcomes: what was not decided never counts as held."""

from dataclasses import replace

import pytest

from kimi_conformance.requirements import Level, Plane
from kimi_conformance.verdicts import (
    Excuse,
    Outcome,
    RunVerdict,
    Verdict,
    conclude,
    is_outage,
    worst_of,
)

PASSED = Outcome(
    id="adapter/filter/order_is_kept",
    requirement="FILTER-06",
    level=Level.MUST,
    plane=Plane.ADAPTER,
    sut="reference",
    verdict=Verdict.PASSED,
    seconds=0.1,
)


def outcomes(**counts: int) -> list[Outcome]:
    return [
        replace(PASSED, verdict=Verdict(name))
        for name, count in counts.items()
        for _ in range(count)
    ]


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        ({"passed": 1}, RunVerdict.CONFORMANT),
        ({"passed": 99, "failed": 1}, RunVerdict.NOT_CONFORMANT),
        ({"passed": 95, "inconclusive": 5}, RunVerdict.CONFORMANT),
        ({"passed": 94, "inconclusive": 6}, RunVerdict.INCONCLUSIVE),
        ({"passed": 94, "error": 6}, RunVerdict.INCONCLUSIVE),
        ({"passed": 999, "error": 1}, RunVerdict.INCONCLUSIVE),
        ({"failed": 1, "inconclusive": 99}, RunVerdict.NOT_CONFORMANT),
        ({"passed": 1, "known_failure": 1}, RunVerdict.CONFORMANT),
        ({"not_claimed": 50}, RunVerdict.INCONCLUSIVE),
        ({"passed": 1, "not_claimed": 50}, RunVerdict.CONFORMANT),
        ({}, RunVerdict.INCONCLUSIVE),
    ],
)
def test_the_rule(counts: dict[str, int], verdict: RunVerdict) -> None:
    assert conclude(outcomes(**counts)).verdict is verdict


@pytest.mark.parametrize("level", [Level.MUST, Level.SHOULD])
def test_one_recording_that_cannot_be_played_is_red_and_says_what_to_type(level: Level) -> None:
    name = "2026-09/endpoint/chat/an_answer"
    one = replace(PASSED, level=level, verdict=Verdict.ERROR, unplayable=name)

    conclusion = conclude([*outcomes(passed=999), one])

    assert conclusion.verdict is RunVerdict.NOT_CONFORMANT
    assert conclusion.because == (
        f"1 recording cannot be played: {name}. Make it anew with: kimi-conformance record {name}"
    )


def test_a_broken_should_is_no_broken_must() -> None:
    should = replace(PASSED, level=Level.SHOULD, verdict=Verdict.FAILED)

    conclusion = conclude([PASSED, should])

    assert conclusion.verdict is RunVerdict.CONFORMANT
    assert conclusion.counts[Verdict.FAILED] == 1


def test_the_denominators_are_said() -> None:
    conclusion = conclude(outcomes(passed=3, failed=1, inconclusive=2, not_claimed=4))

    assert (conclusion.declared, conclusion.applicable, conclusion.decided) == (10, 6, 4)


def test_the_sentence_names_what_is_broken() -> None:
    broken = [replace(PASSED, requirement=f"R-{n}", verdict=Verdict.FAILED) for n in range(7)]

    assert conclude(broken).because == "7 requirements are broken: R-0, R-1, R-2, R-3, R-4 …"


@pytest.mark.parametrize(
    ("found", "because"),
    [
        (outcomes(passed=3), "all 3 decided MUST checks hold"),
        (
            outcomes(passed=3, known_failure=2),
            "3 of 5 decided MUST checks hold, and the baseline excuses the other 2",
        ),
        (outcomes(not_claimed=2), "no applicable MUST was checked"),
        (
            outcomes(passed=1, inconclusive=1),
            "only 1 of 2 applicable MUST checks could be decided",
        ),
        (outcomes(failed=2), "1 requirement is broken: FILTER-06"),
        (
            [replace(PASSED, requirement=f"R-{n}", verdict=Verdict.FAILED) for n in range(5)],
            "5 requirements are broken: R-0, R-1, R-2, R-3, R-4",
        ),
        (
            [replace(PASSED, requirement=f"R-{n}", verdict=Verdict.FAILED) for n in range(6)],
            "6 requirements are broken: R-0, R-1, R-2, R-3, R-4 …",
        ),
        (
            [
                replace(PASSED, verdict=Verdict.FAILED),
                replace(PASSED, verdict=Verdict.FAILED, excuse=Excuse.STALE, requirement="OLD-01"),
                replace(PASSED, excuse=Excuse.EXPIRED, requirement="OLD-02"),
            ],
            "1 requirement is broken: FILTER-06; "
            "the baseline excuses what it no longer may: OLD-01, OLD-02",
        ),
    ],
)
def test_the_sentence_says_why(found: list[Outcome], because: str) -> None:
    assert conclude(found).because == because


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (429, b"", True),
        (428, b"", False),
        (430, b"", False),
        (499, b"", False),
        (500, b"", True),
        (501, b"", True),
        (403, b'{"error":{"type":"exceeded_current_quota_error"}}', True),
        (403, b'{"error":{"type":"permission_denied_error"}}', False),
        (404, b'{"error":{"type":"exceeded_current_quota_error"}}', False),
    ],
)
def test_an_outage_is_told_by_the_status_or_the_empty_account(
    status: int, body: bytes, expected: bool
) -> None:
    assert is_outage(status, body) is expected


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        ("CONFORMANT", RunVerdict.CONFORMANT),
        ("CONFORMANT,INCONCLUSIVE", RunVerdict.INCONCLUSIVE),
        ("INCONCLUSIVE,NOT CONFORMANT,CONFORMANT", RunVerdict.NOT_CONFORMANT),
    ],
)
def test_a_broken_run_counts_before_an_undecided_one(verdicts: str, worst: RunVerdict) -> None:
    assert worst_of(map(RunVerdict, verdicts.split(","))) is worst


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (RunVerdict.CONFORMANT, 0),
        (RunVerdict.NOT_CONFORMANT, 1),
        (RunVerdict.INCONCLUSIVE, 3),
    ],
)
def test_exit_codes(verdict: RunVerdict, code: int) -> None:
    assert verdict.exit_code == code


def test_all_recordings_that_cannot_be_played_are_told() -> None:
    broken = [replace(PASSED, verdict=Verdict.ERROR, unplayable=name) for name in ("b", "a")]

    assert conclude(broken).because == (
        "2 recordings cannot be played: a, b. Make it anew with: kimi-conformance record a"
    )
    assert conclude(broken[:1]).because == (
        "1 recording cannot be played: b. Make it anew with: kimi-conformance record b"
    )
