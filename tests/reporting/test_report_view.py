"""The view: what a page says is decided here."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from kimi_conformance.reporting import Report, view
from kimi_conformance.requirements import Catalogue, Level, Plane
from kimi_conformance.runs import Run
from kimi_conformance.verdicts import Outcome, Verdict


@pytest.fixture(scope="module")
def report(run: Run, catalogue: Catalogue) -> Report:
    return view(run, catalogue)


def outcome(**changes: Any) -> Outcome:
    values: dict[str, Any] = {
        "id": "endpoint/streaming/a_check",
        "requirement": "SSE-01",
        "level": Level.MUST,
        "plane": Plane.ENDPOINT,
        "sut": "endpoint",
        "verdict": Verdict.PASSED,
        "seconds": 0.01,
    }
    return Outcome(**{**values, **changes})


def run_of(run: Run, *outcomes: Outcome, **changes: Any) -> Run:
    bare = replace(run, checks=outcomes, laws=(), loads=(), proofs=(), exchanges={})
    return replace(bare, **changes)


def states(report: Report) -> dict[tuple[str, str], str]:
    assert report.matrix is not None
    columns = [column.name for column in report.matrix.columns]
    return {
        (row.requirement.id, name): cell.state.key
        for topic in report.matrix.topics
        for row in topic.rows
        for name, cell in zip(columns, row.cells, strict=True)
    }


def test_the_headline_is_what_the_footer_says(report: Report) -> None:
    assert report.headline.word == "NOT CONFORMANT"
    assert report.headline.because.startswith("4 requirements are broken")
    assert report.alerts == ()


def test_the_denominators_are_those_of_the_conclusion(report: Report) -> None:
    values = {label: value for label, value, _ in report.facts}

    assert values == {
        "Declared": "138",
        "Applicable": "107",
        "Decided": "105",
        "Passed": "105",
        "Failed": "7",
        "Not claimed": "18",
        "Inconclusive": "4",
    }
    assert sum(part.count for part in report.bar) == 138
    assert sum(part.width for part in report.bar) == pytest.approx(100, abs=0.01)


def test_a_run_cut_short_is_never_conformant(run: Run, catalogue: Catalogue) -> None:
    report = view(run_of(run, outcome(), footer=None), catalogue)

    assert report.headline.word == "INCONCLUSIVE"
    assert [sut.headline.word for sut in report.suts if sut.headline] == ["INCONCLUSIVE"]
    assert "cut short" in report.alerts[0]
    assert report.lasted == "cut short"


def test_a_run_cut_short_keeps_the_failures_it_found(run: Run, catalogue: Catalogue) -> None:
    failed = outcome(verdict=Verdict.FAILED, reason="no")

    report = view(run_of(run, failed, footer=None), catalogue)

    assert report.headline.word == "NOT CONFORMANT"
    assert report.headline.because == "1 requirement is broken: SSE-01"


def test_a_footer_is_not_believed_against_its_checks(run: Run, catalogue: Catalogue) -> None:
    footer = {"verdict": "CONFORMANT", "because": "all hold", "seconds": 1.0}
    failed = outcome(verdict=Verdict.FAILED, reason="no")

    report = view(run_of(run, failed, footer=footer), catalogue)

    assert report.headline.word == "NOT CONFORMANT"
    assert "do not bear that out" in report.alerts[0]


def test_a_verdict_that_the_requirements_of_today_would_not_give_is_told(
    run: Run, catalogue: Catalogue
) -> None:
    """As where a requirement was none yet on the day of the run."""
    footer = {"verdict": "NOT CONFORMANT", "because": "1 requirement is broken: SSE-99"}

    report = view(run_of(run, outcome(), footer={**footer, "seconds": 1.0}), catalogue)

    assert report.headline.because == "1 requirement is broken: SSE-99"
    assert "of the day of the run" in report.alerts[0]
    assert "CONFORMANT: " in report.alerts[0]


@pytest.mark.parametrize(
    ("lane", "source", "sentence"),
    [
        ("simulator", "embedded simulator", "The embedded simulator answered, not the real API."),
        ("cassette", "recordings", "Recordings answered (cassettes); each of them says"),
        ("live", "live (https://api.moonshot.cn/v1)", "A live endpoint answered: https://api"),
        ("live", "live (http://127.0.0.1:4010/v1)", "An endpoint on this machine answered"),
        ("live", "embedded simulator", "The live lane was asked for, but what answered is:"),
        ("odd", "odd", "Lane “odd”, source “odd”: who answered is unknown."),
    ],
)
def test_who_answered_is_named_for_what_it_is(
    run: Run, catalogue: Catalogue, lane: str, source: str, sentence: str
) -> None:
    header = {**run.header, "lane": lane, "source": source}

    assert view(replace(run, header=header), catalogue).origin.startswith(sentence)


def test_the_sentence_on_what_was_tested_names_everybody(report: Report) -> None:
    assert report.tested == (
        "reference 0.1.0, openai 3.4.1 and the endpoint were judged against edition 2025-09 of "
        "the API."
    )


@pytest.mark.parametrize(
    ("verdict", "heading"),
    [("CONFORMANT", "KEPT"), ("NOT CONFORMANT", "NOT KEPT"), ("INCONCLUSIVE", "INCONCLUSIVE")],
)
def test_a_run_of_loads_alone_is_kept_or_not(
    run: Run, catalogue: Catalogue, verdict: str, heading: str
) -> None:
    footer = {"verdict": verdict, "because": "", "seconds": 1.0}
    header = {**run.header, "suts": []}

    report = view(run_of(run, loads=run.loads, header=header, footer=footer), catalogue)

    assert report.heading == heading
    assert report.headline.word == verdict
    assert report.tested == "A service was loaded, by steady_chat."


def test_a_system_on_which_no_check_ran_is_not_said_to_be_judged(
    run: Run, catalogue: Catalogue
) -> None:
    report = view(run_of(run, outcome()), catalogue)

    assert report.tested == "The endpoint was judged against edition 2025-09 of the API."
    assert report.matrix is not None
    assert [column.name for column in report.matrix.columns] == ["endpoint"]
    assert [sut.headline is None for sut in report.suts] == [True, True, False]


def test_failures_of_one_cause_stand_together(report: Report) -> None:
    found = [(c.requirements[0].id, c.checks, c.suts) for c in report.failures]

    assert found == [
        ("AUTH-06", 2, ("openai",)),
        ("FILTER-03", 2, ("openai",)),
        ("SSE-04", 2, ("endpoint",)),
        ("SSE-05", 1, ("endpoint",)),
    ]


@pytest.mark.parametrize(
    ("one", "other", "groups"),
    [
        ("id chatcmpl-689c0f2ab4d1 is wrong", "id chatcmpl-1f0e2d3c4b5a is wrong", 1),
        ("refused at port 40123", "refused at port 51877", 1),
        ("status 404", "status 500", 2),
    ],
)
def test_ids_and_ports_do_not_split_a_cause(
    run: Run, catalogue: Catalogue, one: str, other: str, groups: int
) -> None:
    checks = [
        outcome(id=str(n), verdict=Verdict.FAILED, reason=r) for n, r in enumerate((one, other))
    ]

    assert len(view(run_of(run, *checks), catalogue).failures) == groups


def test_what_could_not_be_decided_is_grouped_over_requirements(
    run: Run, catalogue: Catalogue
) -> None:
    checks = [
        outcome(requirement=id, verdict=Verdict.INCONCLUSIVE, reason="nobody listens")
        for id in ("SSE-01", "SSE-02", "SSE-03")
    ]

    (cause,) = view(run_of(run, *checks), catalogue).undecided

    assert [requirement.id for requirement in cause.requirements] == ["SSE-01", "SSE-02", "SSE-03"]


def test_a_must_stands_before_a_should(run: Run, catalogue: Catalogue) -> None:
    should = outcome(requirement="ERR-05", level=Level.SHOULD, verdict=Verdict.FAILED, reason="a")
    must = outcome(requirement="SSE-06", verdict=Verdict.FAILED, reason="b")

    causes = view(run_of(run, should, should, must), catalogue).failures

    assert [cause.requirements[0].id for cause in causes] == ["SSE-06", "ERR-05"]


def test_a_cause_of_many_checks_stays_readable(run: Run, catalogue: Catalogue) -> None:
    checks = [outcome(id=f"check-{n}", verdict=Verdict.FAILED, reason="no") for n in range(500)]

    (cause,) = view(run_of(run, *checks), catalogue).failures

    assert cause.checks == 500
    assert len(cause.members) == 30
    assert cause.note == "470 more checks are in the evidence file."


@pytest.mark.parametrize(
    ("verdicts", "shown"),
    [
        (("passed", "passed"), "passed"),
        (("passed", "failed", "error"), "failed"),
        (("passed", "not_claimed"), "not_claimed"),
        (("known_failure", "inconclusive"), "inconclusive"),
        ((), "not_run"),
    ],
)
def test_the_worst_check_of_a_requirement_is_shown(
    run: Run, catalogue: Catalogue, verdicts: tuple[str, ...], shown: str
) -> None:
    other = outcome(requirement="SSE-02")
    checks = [outcome(verdict=Verdict(verdict)) for verdict in verdicts]

    report = view(run_of(run, other, *checks), catalogue)

    assert states(report)["SSE-01", "endpoint"] == shown


def test_the_matrix_has_no_cell_for_the_other_side_of_the_wire(report: Report) -> None:
    assert states(report)["SSE-01", "openai"] == "no_matter"
    assert states(report)["AUTH-06", "openai"] == "failed"
    assert states(report)["CACHE-01", "openai"] == "not_claimed"


def test_requirements_of_other_editions_are_counted_but_not_shown(report: Report) -> None:
    assert report.matrix is not None
    assert report.matrix.other_editions == 1
    assert ("SSE-90", "endpoint") not in states(report)
    assert [(one.id, one.reason[:9]) for one in report.matrix.excluded] == [("SSE-91", "A quality")]


def test_a_failing_cell_leads_to_its_cause(report: Report) -> None:
    assert report.matrix is not None
    anchors = {
        row.requirement.id: cell.anchor
        for topic in report.matrix.topics
        for row in topic.rows
        for cell in row.cells
        if cell.anchor
    }
    causes = (*report.failures, *report.undecided, *report.known)

    assert anchors == {cause.requirements[0].id: cause.anchor for cause in causes}


def test_a_requirement_that_the_catalogue_lacks_is_shown_as_such(
    run: Run, catalogue: Catalogue
) -> None:
    report = view(run_of(run, outcome(requirement="NEW-01", verdict=Verdict.FAILED)), catalogue)

    assert report.failures[0].requirements[0].known is False
    assert states(report)["NEW-01", "endpoint"] == "failed"


def test_the_exchange_of_a_failure_is_shown_as_it_was(report: Report) -> None:
    member = next(c for c in report.failures if c.requirements[0].id == "SSE-04").members[0]
    (exchange,) = member.exchanges

    assert exchange.line == "POST /v1/chat/completions → 200 OK"
    assert exchange.frames == "4 frames over 220 ms"
    assert exchange.ending == "The connection was closed before the end of the body."
    assert '"content":"你好"' in exchange.answer_body.text


def test_a_run_without_checks_has_no_matrix(run: Run, catalogue: Catalogue) -> None:
    report = view(replace(run_of(run), loads=run.loads), catalogue)

    assert report.matrix is None
    assert [sut.headline for sut in report.suts] == [None, None, None]


def test_what_is_amiss_in_the_proof_is_named(report: Report) -> None:
    (proof,) = report.proofs

    assert not proof.sound
    assert proof.findings == (
        ("Checks that no mutant can make fail", ("adapter/fallback/the_table_has_eight_models",)),
    )


def test_view_data_is_made_of_values_only(report: Report) -> None:
    def plain(value: object) -> bool:
        if isinstance(value, tuple):
            return all(plain(item) for item in value)
        fields: Mapping[str, object] = getattr(value, "__dataclass_fields__", {})
        return bool(fields) or value is None or isinstance(value, str | int | float)

    assert all(plain(getattr(report, name)) for name in report.__dataclass_fields__)
