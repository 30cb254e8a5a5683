"""A run against an earlier one, against the runs before it, and against its own proof."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kimi_conformance.reporting import view
from kimi_conformance.reporting.views.beside import Beside
from kimi_conformance.reporting.views.history import Point, trend
from kimi_conformance.reporting.views.recordings import Recorded
from kimi_conformance.requirements import Catalogue, Level, Plane
from kimi_conformance.runs import Run
from kimi_conformance.verdicts import Outcome, Verdict

Make = Callable[..., dict[str, Any]]


def outcome(requirement: str, verdict: Verdict) -> Outcome:
    return Outcome(
        id=f"endpoint/streaming/{requirement}[plain]",
        requirement=requirement,
        level=Level.MUST,
        plane=Plane.ENDPOINT,
        sut="endpoint",
        verdict=verdict,
        seconds=0.01,
        reason="" if verdict is Verdict.PASSED else "no",
    )


def run_of(run: Run, *loads: dict[str, Any], **verdicts: Verdict) -> Run:
    checks = [outcome(id.replace("_", "-"), verdict) for id, verdict in verdicts.items()]
    return replace(run, checks=checks, laws=(), loads=loads, proofs=(), exchanges={})


P, F, I = Verdict.PASSED, Verdict.FAILED, Verdict.INCONCLUSIVE  # noqa: E741
N = Verdict.NOT_CLAIMED


def test_requirements_are_told_by_what_became_of_them(run: Run, catalogue: Catalogue) -> None:
    earlier = run_of(run, SSE_01=P, SSE_02=F, SSE_03=P, SSE_04=F, SSE_05=P, SSE_06=P)
    later = run_of(run, SSE_01=F, SSE_02=P, SSE_03=N, SSE_04=F, SSE_05=I, ERR_01=P)

    found = view(later, catalogue, Beside(earlier=earlier)).changes

    assert found is not None
    assert [change.requirement for change in found.worse] == ["SSE-01", "SSE-05"]
    assert [change.requirement for change in found.better] == ["SSE-02"]
    assert [change.requirement for change in found.other] == ["SSE-03"]
    assert found.summary == ("Requirements: 2 worse, 1 better, 1 different, 1 not judged before.")
    assert found.since == "20261121-081300-nightly (21 November 2026, 08:13 UTC)"


def test_a_change_for_the_worse_leads_to_its_cause(run: Run, catalogue: Catalogue) -> None:
    report = view(run_of(run, SSE_01=F), catalogue, Beside(earlier=run_of(run, SSE_01=P)))

    assert report.changes is not None
    assert report.changes.worse[0].anchor == report.failures[0].anchor


def test_objectives_are_held_against_their_own_of_before(
    run: Run, catalogue: Catalogue, load_record: Make, objective: Make
) -> None:
    slow = objective("mean_response_s", 2.0, 3.1, verdict="missed")
    later, earlier = (
        run_of(run, load_record(objectives=[one]))
        for one in (slow, objective("mean_response_s", 2.0, 1.2))
    )

    found = view(later, catalogue, Beside(earlier=earlier)).changes

    assert found is not None
    (moved,) = found.moved
    assert (moved.before, moved.after) == ("1.20 s", "3.10 s")
    assert (moved.state_before.key, moved.state_after.key) == ("met", "missed")
    assert found.summary == "Objectives with another verdict: 1 of 1."


def test_runs_with_nothing_in_common_are_not_held_together(
    run: Run, catalogue: Catalogue, load_record: Make
) -> None:
    earlier = run_of(run, load_record(scenario="spike"), SSE_02=P)

    report = view(run_of(run, load_record(), SSE_01=P), catalogue, Beside(earlier=earlier))

    assert report.changes is None


def test_without_an_earlier_run_nothing_is_said_of_changes(run: Run, catalogue: Catalogue) -> None:
    assert view(run, catalogue).changes is None


def point(number: int, passed: int) -> Point:
    return Point(
        run=f"run-{number}",
        started=f"2026-11-{number:02}T08:00:00+00:00",
        verdict="CONFORMANT" if passed == 100 else "NOT CONFORMANT",
        passed=passed,
        failed=100 - passed,
        declared=100,
        success=0.999 if number > 1 else None,
    )


def test_a_trend_goes_from_the_oldest_run_to_the_newest() -> None:
    found = trend([point(3, 100), point(1, 97), point(2, 98)])

    assert found is not None
    assert [row[0] for _, row in found.rows] == ["run-1", "run-2", "run-3"]
    assert [state.key for state, _ in found.rows] == ["failed", "failed", "passed"]
    assert found.chart is not None
    assert found.chart.plot.values == ((97, 98, 100), (None, 99.9, 99.9))


@pytest.mark.parametrize("points", [(), (point(1, 100),)])
def test_one_run_is_no_trend(points: tuple[Point, ...]) -> None:
    assert trend(points) is None


def test_a_requirement_names_the_mutants_that_this_run_saw_killed(
    run: Run, catalogue: Catalogue
) -> None:
    proof = {
        "checks": 1,
        "killed": 1,
        "killers": {"endpoint/streaming/SSE-01": ["fault:no_done", "fault:no_role"]},
    }
    declared = {"SSE-01": ["declared"], "SSE-02": ["mutant:Mute"]}
    judged = replace(run_of(run, SSE_01=F, SSE_02=F), proofs=[proof])

    report = view(judged, catalogue, Beside(killers=declared))

    assert [cause.requirements[0].killers for cause in report.failures] == [
        ("fault:no_done", "fault:no_role"),
        ("mutant:Mute",),
    ]


def test_a_check_that_was_tried_often_tells_its_share(run: Run, catalogue: Catalogue) -> None:
    (found,) = view(run, catalogue).sampled

    assert (found.good, found.share, found.interval, found.promised, found.state.key) == (
        "80 of 80", "100 %", "95.4 % to 100 %", "≥ 95 %", "passed",
    )  # fmt: skip


def test_recordings_are_told_by_origin_with_their_age(run: Run, catalogue: Catalogue) -> None:
    days = [("simulator", "2026-11-01"), ("live", "2026-10-02"), ("simulator", "2026-11-20")]
    made = tuple(Recorded(source, day) for source, day in days)

    assert view(run, catalogue, Beside(recordings=made)).recordings == (
        ("the live API", "1", "2026-10-02", "2026-10-02", "50 days"),
        ("the simulator, not the real API", "2", "2026-11-01", "2026-11-20", "20 days"),
    )
