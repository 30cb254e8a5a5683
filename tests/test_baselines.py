"""What is known to fail is excused as long as it is true, and no longer."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from kimi_conformance import suite
from kimi_conformance.adapters.clients.catalogue import clients
from kimi_conformance.adapters.registry import installed
from kimi_conformance.baselines import Baseline, KnownFailure, excused, parse, topic_of
from kimi_conformance.checks.excuses import Excuses
from kimi_conformance.errors import UsageError
from kimi_conformance.requirements import Catalogue, Level, Plane
from kimi_conformance.runs import (
    SCHEMA,
    LawTally,
    baseline_record,
    check_record,
    encode,
    law_record,
)
from kimi_conformance.runs import parse as parse_run
from kimi_conformance.verdicts import Excuse, Outcome, RunVerdict, Verdict, conclude

EDITIONS = ("2025-09", "2026-09")
TODAY = date(2026, 11, 21)
CHECK = "adapter/listing/fetching_raises_at_an_error_status"
TEXT = f"""
[[known_failure]]
check = "{CHECK}"
variants = ["429", "5*"]
reason = "It retries for ever."
issue = "https://example.com/12"
expires = 2026-11-21
"""
CHECKS = (
    *(f"{CHECK}[{status}]" for status in (400, 429, 500, 503)),
    "adapter/listing/one_listing_sends_one_request",
    "adapter/fallback/an_api_that_cannot_be_reached_falls_back[http://kimi.invalid/v1]",
    "adapter/wire/SENT-004",
)
OUTCOME = Outcome(
    id=f"{CHECK}[503]",
    requirement="LIST-05",
    level=Level.SHOULD,
    plane=Plane.ADAPTER,
    sut="mine",
    verdict=Verdict.FAILED,
    seconds=0.1,
    reason="nothing was raised",
    detail="all of it",
    edition="2025-09",
)


InARun = Callable[..., Excuses]


def read(text: str = TEXT) -> Baseline:
    return parse(text, "mine.toml", EDITIONS)


def entry(check: str = CHECK, **changes: object) -> KnownFailure:
    sound = KnownFailure(
        check=check,
        editions=EDITIONS,
        reason="It retries for ever.",
        issue="https://example.com/12",
        expires=TODAY,
        place="mine.toml, entry 1",
    )
    return replace(sound, **changes)  # type: ignore[arg-type]


def test_a_file_is_read() -> None:
    baseline = read(f'adapter = "mine"\n{TEXT}')

    assert baseline.adapter == "mine"
    assert baseline.entries == (
        entry(variants=("429", "5*"), place=f"mine.toml, entry 1 ({CHECK})"),
    )
    assert baseline.of("adapter") == baseline.entries
    assert baseline.of("endpoint") == ()


@pytest.mark.parametrize(
    ("known", "covered"),
    [
        (entry(variants=("429", "5*")), {"429", "500", "503"}),
        (entry(f"{CHECK}[*]"), {"400", "429", "500", "503"}),
        (entry(f"{CHECK}[429]"), {"429"}),
        (entry(variants=("4.9",)), set()),
        (entry(), set()),
    ],
)
def test_an_entry_covers_the_variants_that_it_names(known: KnownFailure, covered: set[str]) -> None:
    found = {check for check in CHECKS if known.covers(check)}

    assert found == {f"{CHECK}[{variant}]" for variant in covered}


def test_an_entry_covers_a_check_without_variants() -> None:
    known = entry("adapter/listing/one_listing_sends_one_request")

    assert [check for check in CHECKS if known.covers(check)] == [known.check]


def test_a_listed_failure_is_known_until_its_last_day() -> None:
    judged = excused(OUTCOME, read().entries, TODAY)

    assert (judged.verdict, judged.excuse) == (Verdict.KNOWN_FAILURE, Excuse.KNOWN)
    assert judged.reason == (
        "It retries for ever. Issue: https://example.com/12. Known until 2026-11-21. "
        "Found: nothing was raised"
    )
    assert judged.detail == OUTCOME.detail


def test_a_listed_failure_counts_after_its_last_day() -> None:
    judged = excused(OUTCOME, read().entries, date(2026, 11, 22))

    assert (judged.verdict, judged.excuse) == (Verdict.FAILED, Excuse.EXPIRED)
    assert judged.reason.startswith("nothing was raised (known until 2026-11-21, which has passed")
    assert "mine.toml, entry 1" in judged.reason


@pytest.mark.parametrize("today", [TODAY, date(2030, 1, 1)])
def test_a_listed_check_that_passes_is_stale(today: date) -> None:
    passed = replace(OUTCOME, verdict=Verdict.PASSED, reason="", detail="")

    judged = excused(passed, read().entries, today)

    assert (judged.verdict, judged.excuse) == (Verdict.FAILED, Excuse.STALE)
    assert judged.reason.startswith("passes, so its excuse is stale: take out mine.toml, entry 1")


@pytest.mark.parametrize("verdict", [Verdict.INCONCLUSIVE, Verdict.ERROR, Verdict.NOT_CLAIMED])
def test_what_was_not_decided_is_not_excused(verdict: Verdict) -> None:
    undecided = replace(OUTCOME, verdict=verdict)

    assert excused(undecided, read().entries, TODAY) == undecided


def test_what_is_not_listed_is_not_excused() -> None:
    other = replace(OUTCOME, id=f"{CHECK}[400]")

    assert excused(other, read().entries, TODAY) == other


@pytest.mark.parametrize(
    ("today", "excuse", "verdict", "because"),
    [
        (TODAY, None, RunVerdict.CONFORMANT, "all 1 decided MUST checks hold"),
        (
            date(2030, 1, 1),
            Excuse.EXPIRED,
            RunVerdict.NOT_CONFORMANT,
            "the baseline excuses what it no longer may: LIST-05",
        ),
    ],
)
def test_an_entry_that_has_expired_makes_a_run_red_even_of_a_should(
    today: date, excuse: Excuse | None, verdict: RunVerdict, because: str
) -> None:
    held = replace(OUTCOME, id="other", level=Level.MUST, verdict=Verdict.PASSED)

    conclusion = conclude([held, excused(OUTCOME, read().entries, today)])

    assert (conclusion.verdict, conclusion.because) == (verdict, because)


def test_a_stale_entry_makes_a_run_red_and_calls_no_requirement_broken() -> None:
    passed = replace(OUTCOME, level=Level.MUST, verdict=Verdict.PASSED)

    conclusion = conclude([excused(passed, read().entries, TODAY)])

    assert conclusion.verdict is RunVerdict.NOT_CONFORMANT
    assert conclusion.because == "the baseline excuses what it no longer may: LIST-05"


def test_a_known_failure_of_a_must_is_said_where_the_run_holds() -> None:
    must = replace(OUTCOME, level=Level.MUST)
    held = replace(must, id="other", verdict=Verdict.PASSED)

    conclusion = conclude([held, excused(must, read().entries, TODAY)])

    assert conclusion.verdict is RunVerdict.CONFORMANT
    assert conclusion.because == (
        "1 of 2 decided MUST checks hold, and the baseline excuses the other 1"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[known_failure]", "mine.toml is not TOML"),
        ("[[known_failures]]\n", "unknown key 'known_failures'. Did you mean 'known_failure'?"),
        ("known_failure = 3", r"begin each entry with the line [[known_failure]]"),
        ("adapter = 3", "adapter is 3, not the name"),
        (TEXT.replace("issue", "isue"), f"mine.toml, entry 1 ({CHECK}) lacks issue"),
        (TEXT.replace('"It retries for ever."', '""'), "lacks reason"),
        (TEXT.replace("expires = 2026-11-21", ""), "lacks expires"),
        (TEXT.replace("2026-11-21", '"2026-11-21"'), "Write it bare: 2027-03-31"),
        (TEXT.replace("2026-11-21", "2026-11-21T00:00:00"), "not a day"),
        (TEXT.replace('"It retries for ever."', "7"), "reason is 7, not a text"),
        (TEXT.replace('["429", "5*"]', '"429"'), "variants is '429', not a list of texts"),
        (TEXT + "until = 1", "unknown key 'until'"),
        (TEXT + 'editions = ["2026-10"]', "the edition '2026-10'. Did you mean '2026-09'?"),
        (TEXT.replace(CHECK, "LIST-05"), "'LIST-05' is no id of a check"),
        (TEXT.replace(CHECK, "adapter/listing/*"), "is no id of a check"),
        (TEXT.replace(CHECK, f"{CHECK}[429]"), "names variants twice"),
        (TEXT + TEXT, f"mine.toml, entry 2 ({CHECK}) is a second entry"),
    ],
)
def test_a_wrong_file_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(text)

    assert told in str(caught.value)
    assert "mine.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (
            entry("adapter/listing/one_listing_sends_one_requst"),
            "Did you mean 'adapter/listing/one_listing_sends_one_request'?",
        ),
        (
            entry(),
            f"Its variants: 400, 429, 500, 503. Name some under variants, or all with '{CHECK}[*]'",
        ),
        (entry(variants=("4*", "7*")), f"names no check: '{CHECK}[7*]'. Its variants: 400"),
        (
            entry("adapter/listing/one_listing_sends_one_request[*]"),
            "It has no variants: write 'adapter/listing/one_listing_sends_one_request'",
        ),
        (
            entry("adapter/listings/x"),
            "no topic 'adapter/listings'. Did you mean 'adapter/listing'?",
        ),
        (entry("adapter/wire/SENT-04"), "Did you mean 'adapter/wire/SENT-004'?"),
    ],
)
def test_an_entry_about_no_check_is_told_with_the_nearest(known: KnownFailure, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        known.verify(CHECKS)

    assert str(caught.value).startswith("mine.toml, entry 1 names no check")
    assert told in str(caught.value)


def test_the_topic_of_a_check_is_found_behind_odd_variants() -> None:
    assert {topic_of(check) for check in CHECKS} == {
        "adapter/listing",
        "adapter/fallback",
        "adapter/wire",
    }


def test_the_evidence_is_read_back_and_excuses_a_law() -> None:
    catalogue = Catalogue.parse(
        {
            "wire": '[[requirement]]\nid = "SENT-004"\nlevel = "MUST"\nplane = "adapter"\n'
            'text = "t"\nsource = "s"\nevidence = ["derived"]\neditions = ["2025-09"]\n'
        },
        EDITIONS,
    )
    tally = LawTally(
        law="SENT-004", plane=Plane.ADAPTER, sut="mine", check=CHECK, applied=1, violations=("bad",)
    )
    known = excused(OUTCOME, read().entries, TODAY)
    lines = [
        encode({"record": "header", "schema": SCHEMA}),
        encode(baseline_record("mine", entry("adapter/wire/SENT-004"), TODAY)),
        encode(check_record(known)),
        encode(law_record(tally)),
        encode(law_record(replace(tally, sut="other"))),
    ]

    check, law, of_other = parse_run(lines).outcomes(catalogue)

    assert check == known
    assert (law.verdict, law.excuse) == (Verdict.KNOWN_FAILURE, Excuse.KNOWN)
    assert of_other.verdict is Verdict.FAILED


@pytest.fixture
def in_a_run(tmp_path: Path) -> InARun:
    """A user's baseline in a run of these adapters."""

    def read_in_a_run(text: str, *adapters: str, edition: str = "2025-09") -> Excuses:
        own = tmp_path / "known.toml"
        own.write_text(text)
        return Excuses(suite.find(), adapters, own, edition, TODAY)

    return read_in_a_run


def test_a_baseline_of_the_users_is_about_the_only_adapter(in_a_run: InARun) -> None:
    excuses = in_a_run(TEXT, "mine")

    assert excuses.judged(OUTCOME).verdict is Verdict.KNOWN_FAILURE
    assert [record["sut"] for record in excuses.records()] == ["mine"]


def test_among_several_adapters_it_must_say_which(in_a_run: InARun) -> None:
    with pytest.raises(UsageError, match=r"does not say which of mine, other"):
        in_a_run(TEXT, "mine", "other")

    excuses = in_a_run(f'adapter = "mine"\n{TEXT}', "other", "mine")

    assert excuses.judged(OUTCOME).verdict is Verdict.KNOWN_FAILURE
    assert excuses.judged(replace(OUTCOME, sut="other")).verdict is Verdict.FAILED


def test_it_cannot_be_about_an_adapter_that_is_not_judged(in_a_run: InARun) -> None:
    with pytest.raises(UsageError, match=r"does not judge\. Did you mean 'mine'"):
        in_a_run(f'adapter = "mines"\n{TEXT}', "mine")


def test_it_takes_the_place_of_the_built_in_one(in_a_run: InARun) -> None:
    assert list(Excuses(suite.find(), ["openai"], None, "2025-09", TODAY).records())

    assert list(in_a_run('adapter = "openai"', "openai").records()) == []


def test_it_can_be_about_the_endpoint(in_a_run: InARun) -> None:
    text = TEXT.replace("adapter/listing", "endpoint/errors")
    outcome = replace(
        OUTCOME, sut="endpoint", id=OUTCOME.id.replace("adapter/listing", "endpoint/errors")
    )

    excuses = in_a_run(text, "mine", "other")

    assert excuses.judged(outcome).verdict is Verdict.KNOWN_FAILURE


def test_an_entry_of_another_edition_excuses_nothing(in_a_run: InARun) -> None:
    text = TEXT + 'editions = ["2026-09"]\n'

    assert in_a_run(text, "mine").judged(OUTCOME).verdict is Verdict.FAILED
    newer = in_a_run(text, "mine", edition="2026-09")
    assert newer.judged(OUTCOME).verdict is Verdict.KNOWN_FAILURE


def test_an_entry_about_a_topic_that_is_not_run_is_let_be(in_a_run: InARun) -> None:
    excuses = in_a_run(TEXT, "mine")

    excuses.verify(["adapter/auth/a_check"])

    with pytest.raises(UsageError, match="no topic 'adapter/listings'"):
        in_a_run(TEXT.replace("listing", "listings"), "mine").verify(["adapter/auth/a_check"])


def test_a_baseline_of_the_suite_is_named_by_an_adapter_that_there_is() -> None:
    files = sorted((suite.find().conformance / "baselines").glob("*.toml"))

    assert files
    assert {file.stem for file in files} <= {*installed(), *clients()}
    for file in files:
        baseline = suite.find().baseline(file.stem)
        assert baseline is not None
        assert baseline.adapter == file.stem
        assert baseline.entries
