"""Every check of the adapter plane can fail, and fails for the reason it names."""

from collections.abc import Callable, Mapping, Sequence

import pytest

from kimi_conformance import suite
from kimi_conformance.adapters.mutants import BREAKS, MUTANTS
from kimi_conformance.adapters.vacuum import VACUUMS
from kimi_conformance.requirements import Plane
from kimi_conformance.verdicts import Outcome, Verdict

Matrix = Mapping[str, Sequence[Outcome]]


@pytest.fixture
def matrix(matrix_of: Callable[[str], Matrix]) -> Matrix:
    """What every check of the adapter plane says of every adapter, by adapter."""
    return matrix_of("adapter")


@pytest.mark.heavy
@pytest.mark.parametrize("name", BREAKS)
def test_a_mutant_breaks_what_it_names_and_nothing_else(name: str, matrix: Matrix) -> None:
    outcomes = matrix[f"mutant:{name}"]

    broken = {each.requirement for each in outcomes if each.verdict is Verdict.FAILED}
    assert broken == BREAKS[name]
    assert {each.verdict for each in outcomes} == {Verdict.PASSED, Verdict.FAILED}


@pytest.mark.heavy
def test_every_check_is_failed_by_a_mutant(matrix: Matrix) -> None:
    failed = {
        each.id
        for name in BREAKS
        for each in matrix[f"mutant:{name}"]
        if each.verdict is Verdict.FAILED
    }

    assert [each.id for each in matrix["reference"] if each.id not in failed] == []


@pytest.mark.heavy
@pytest.mark.parametrize("name", VACUUMS)
def test_no_check_passes_in_a_vacuum(name: str, matrix: Matrix) -> None:
    outcomes = matrix[f"vacuum:{name}"]

    assert outcomes
    assert [each.id for each in outcomes if each.verdict is Verdict.PASSED] == []


@pytest.mark.heavy
def test_the_reference_passes_every_check(matrix: Matrix) -> None:
    outcomes = matrix["reference"]

    assert len(outcomes) > 250
    assert [each.id for each in outcomes if each.verdict is not Verdict.PASSED] == []


def test_every_requirement_of_the_adapter_plane_has_a_mutant() -> None:
    asked = {
        each.id
        for each in suite.find().catalogue()
        if each.plane is Plane.ADAPTER and each.excluded is None
    }

    assert asked == frozenset().union(*BREAKS.values())


def test_a_mutant_says_what_it_does_wrong() -> None:
    assert [name for name, mutant in MUTANTS.items() if not mutant.__doc__] == []
    assert [name for name, broken in BREAKS.items() if not broken] == []


def test_no_two_mutants_share_a_name() -> None:
    classes = set(MUTANTS.values())

    assert len(classes) == len(MUTANTS)
