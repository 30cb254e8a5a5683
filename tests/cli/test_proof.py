"""What a selfcheck concludes from the outcomes of every check on every SUT."""

from dataclasses import replace
from pathlib import Path

import pytest

from kimi_conformance import suite
from kimi_conformance.cli.keeping.proof import (
    ADAPTERS,
    ENDPOINTS,
    Proof,
    Suts,
    checks_by_requirement,
    killers_by_requirement,
    prove,
)
from kimi_conformance.requirements import Level, Plane
from kimi_conformance.verdicts import Outcome, Verdict

SUTS = Suts(sound="sound", basis=["sound"], mutants=["bad"], benign=["odd"], vacuums=["nothing"])
BASE = Outcome(
    id="endpoint/chat/answers",
    requirement="EP-CHAT-01",
    level=Level.MUST,
    plane=Plane.ENDPOINT,
    sut="sound",
    verdict=Verdict.PASSED,
    seconds=0.0,
)


def matrix(**changes: Verdict) -> list[Outcome]:
    """A matrix that proves the check, with the verdict of some SUT changed."""
    verdicts = {
        "sound": Verdict.PASSED,
        "bad": Verdict.FAILED,
        "odd": Verdict.PASSED,
        "nothing": Verdict.INCONCLUSIVE,
        **changes,
    }
    return [replace(BASE, sut=sut, verdict=verdict) for sut, verdict in verdicts.items()]


def proof(**changes: Verdict) -> Proof:
    return prove(matrix(**changes), (SUTS,))


def test_a_check_that_only_the_mutant_fails_is_proven() -> None:
    found = proof()

    assert found.holds
    assert found.killers == {BASE.id: ["bad"]}
    assert found.record()["killed"] == 1


def test_a_mutant_that_nothing_notices_is_alive_and_its_check_unkilled() -> None:
    found = proof(bad=Verdict.PASSED)

    assert not found.holds
    assert (found.alive, found.unkilled) == (["bad"], [BASE.id])


@pytest.mark.parametrize("verdict", [Verdict.INCONCLUSIVE, Verdict.ERROR])
def test_a_mutant_is_not_killed_by_what_decides_nothing(verdict: Verdict) -> None:
    assert proof(bad=verdict).alive == ["bad"]


def test_a_check_that_a_legal_oddity_turns_red_is_named() -> None:
    assert proof(odd=Verdict.FAILED).benign_red == [f"odd: {BASE.id}"]


def test_a_check_that_passes_where_there_is_nothing_is_named() -> None:
    assert proof(nothing=Verdict.PASSED).vacuum_passes == [f"nothing: {BASE.id}"]


def test_a_law_may_find_the_refusals_of_a_vacuum_lawful() -> None:
    law = [replace(each, id="endpoint/wire/WIRE-001") for each in matrix(nothing=Verdict.PASSED)]

    assert prove(law, (SUTS,)).holds


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.INCONCLUSIVE, Verdict.ERROR])
def test_a_check_that_a_sound_sut_does_not_pass_is_named(verdict: Verdict) -> None:
    assert proof(sound=verdict).sound_red == [f"{BASE.id}: {verdict}"]


def test_no_outcome_proves_nothing() -> None:
    assert not prove([], (SUTS,)).holds


def test_every_kind_of_sut_is_there() -> None:
    assert len(ADAPTERS.mutants) > 30
    assert len(ADAPTERS.vacuums) >= 3
    assert len(ENDPOINTS.mutants) > 50
    assert len(ENDPOINTS.benign) >= 20
    assert len(ENDPOINTS.vacuums) >= 5


def test_every_checked_requirement_has_a_check_and_every_check_a_requirement() -> None:
    found = suite.find()
    checks = checks_by_requirement(found.conformance)
    checked = {each.id for each in found.catalogue() if each.excluded is None}

    assert set(checks) == checked


def test_a_killer_names_requirements_that_exist() -> None:
    known = {each.id for each in suite.find().catalogue()}

    assert set(killers_by_requirement()) <= known


def test_the_ids_of_variants_are_found_in_the_sources(tmp_path: Path) -> None:
    plane = tmp_path / "adapter"
    plane.mkdir()
    (plane / "test_windows.py").write_text(
        '@pytest.mark.parametrize("m", [pytest.param(1, marks=requirement("CTX-03")),'
        ' pytest.param(2, marks=requirement("CTX-04"))])\n'
        "def test_a_window(m): ...\n\n"
        '@requirement("CTX-01")\nasync def test_it_wins(): ...\n'
    )

    found = checks_by_requirement(tmp_path)

    assert found["CTX-03"] == found["CTX-04"] == ["adapter/windows/a_window"]
    assert found["CTX-01"] == ["adapter/windows/it_wins"]
