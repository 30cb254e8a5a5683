"""How what a basis leaves open is dealt to processes, and what a matrix tells of its progress."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kimi_conformance.cli.checking import every_sut
from kimi_conformance.cli.checking.every_sut import Progress, deal, run_matrix
from kimi_conformance.cli.checking.pytest_child import CheckRun
from kimi_conformance.cli.keeping.proof import ENDPOINTS
from kimi_conformance.requirements import Level, Plane
from kimi_conformance.runs import check_record, encode
from kimi_conformance.suite import Suite, find
from kimi_conformance.verdicts import Outcome, Verdict

SECONDS = {"quick": 0.0, "slow": 1.0}
LOST: Mapping[str, Any] = {
    "verdict": Verdict.INCONCLUSIVE,
    "reason": "the check could not run for 2.00 s, and 0.35 s of 0.5 s may change what it sees",
}
CHECKS = ("endpoint/models/one", "endpoint/models/two[a]")


def test_a_sut_is_dealt_as_a_whole_and_to_one() -> None:
    checks = {f"sut-{number}": {"quick", "slow"} for number in range(9)}

    shares = deal(checks, SECONDS, share=6, at_a_time=3)

    assert [len(share) for share in shares] == [3, 3, 3]
    assert sorted(sut for share in shares for sut in share) == sorted(checks)
    assert all(each == ["quick", "slow"] for share in shares for each in share.values())


@pytest.mark.parametrize(("share", "shares"), [(18, 1), (17, 3), (6, 3), (5, 6)])
def test_no_share_is_left_to_run_alone(share: int, shares: int) -> None:
    checks = {f"sut-{number}": {"quick", "slow"} for number in range(9)}

    assert len(deal(checks, SECONDS, share=share, at_a_time=3)) == shares


def test_the_shares_take_about_equally_long() -> None:
    checks = {"a": {"slow"}, "b": {"slow"}, **{f"c{n}": {"quick"} for n in range(6)}}

    shares = deal(checks, SECONDS, share=4, at_a_time=2)

    assert [len({"a", "b"} & share.keys()) for share in shares] == [1, 1]


@pytest.mark.parametrize("checks", [{}, {"a": set()}])
def test_where_nothing_is_left_nothing_is_dealt(checks: Mapping[str, set[str]]) -> None:
    assert deal(checks, SECONDS) == []


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[CheckRun]:
    """Every run that a matrix starts; it passes all it is to judge, and knows `despite`."""
    started: list[CheckRun] = []

    def run(plan: CheckRun, suite: Suite, evidence: Path, progress: Progress) -> None:
        started.append(plan)
        for sut in (*plan.endpoints, *plan.despite[1:]):
            _append(evidence, sut, CHECKS)
        progress(len(plan.endpoints), len(plan.endpoints))

    monkeypatch.setattr(every_sut, "run_checks", run)
    return started


def _append(evidence: Path, sut: str, checks: Sequence[str], **changes: Any) -> None:
    with evidence.open("ab") as file:
        for check in checks:
            outcome = Outcome(
                id=check,
                requirement="EP-MODELS-01",
                level=Level.MUST,
                plane=Plane.ENDPOINT,
                sut=sut,
                verdict=Verdict.PASSED,
                seconds=0.1,
            )
            file.write(encode(check_record(replace(outcome, **changes))))


def test_what_the_basis_leaves_open_is_run_and_nothing_twice(
    plans: list[CheckRun], tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []

    found = run_matrix(
        find(),
        ["2025-09"],
        tmp_path,
        {"endpoint": ENDPOINTS},
        progress=lambda done, planned: told.append((done, planned)),
    )

    basis, rest = plans
    assert basis.endpoints == ENDPOINTS.basis
    assert set(rest.endpoints) == {basis.despite[0], *ENDPOINTS.vacuums}
    assert rest.topics == ["models"]
    cells = [(each.sut, each.id) for each in found]
    assert sorted(cells) == sorted((s, c) for s in ENDPOINTS.of("2025-09") for c in CHECKS)
    assert told[-1] == (len(cells), len(cells))


def test_what_a_busy_machine_left_undecided_is_judged_once_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started: list[CheckRun] = []

    def run(plan: CheckRun, suite: Suite, evidence: Path, progress: Progress) -> None:
        started.append(plan)
        again = len(started) == 3
        for sut in (*plan.endpoints, *plan.despite[1:]):
            _append(evidence, sut, CHECKS[:1], **(LOST if sut == "endpoint" and not again else {}))
            if not again:
                _append(evidence, sut, CHECKS[1:])

    monkeypatch.setattr(every_sut, "run_checks", run)

    found = run_matrix(find(), ["2025-09"], tmp_path, {"endpoint": ENDPOINTS})

    *_, again = started
    assert again.cells is not None
    assert json.loads(again.cells.read_text()) == {CHECKS[0]: ["endpoint"]}
    cells = [(each.sut, each.id) for each in found]
    assert sorted(cells) == sorted((s, c) for s in ENDPOINTS.of("2025-09") for c in CHECKS)
    assert {each.verdict for each in found} == {Verdict.PASSED}
