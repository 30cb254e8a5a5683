"""
The proof of the endpoint plane: each fault of the simulator breaks what it names, nothing else.

One run judges, by every check, the sound simulator, every fault, every benign variant, and
every endpoint that gives one answer to everything. The tests read the proof off its evidence.
"""

from collections.abc import Callable, Mapping, Sequence

import pytest

from kimi_conformance.cli.keeping.proof import ENDPOINTS, UNNOTICED, fault_spec
from kimi_conformance.requirements import Plane
from kimi_conformance.simulator.faults import FAULTS
from kimi_conformance.suite import find
from kimi_conformance.verdicts import Outcome, Verdict

pytestmark = pytest.mark.heavy

SOUND = ENDPOINTS.sound

Found = Mapping[str, Sequence[Outcome]]


@pytest.fixture
def found(matrix_of: Callable[[str], Found]) -> Found:
    """What was said of each endpoint."""
    return matrix_of("endpoint")


def failed(outcomes: Sequence[Outcome]) -> set[str]:
    """The requirements that are broken."""
    return {o.requirement for o in outcomes if o.verdict is Verdict.FAILED}


def is_law(outcome: Outcome) -> bool:
    return "/wire/" in outcome.id


def test_the_sound_simulator_passes_every_check(found: Found) -> None:
    not_passed = {
        outcome.id: outcome.reason
        for outcome in found[SOUND]
        if outcome.verdict is not Verdict.PASSED and not is_law(outcome)
    }

    assert not_passed == {}


def test_the_sound_simulator_breaks_no_law(found: Found) -> None:
    assert failed(found[SOUND]) == set()


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_breaks_what_it_names_and_nothing_else(found: Found, name: str) -> None:
    """A benign variant names nothing."""
    outcomes = found[fault_spec(name)]

    assert len(outcomes) > 100
    assert failed(outcomes) == FAULTS[name].breaks


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_never_breaks_the_suite(found: Found, name: str) -> None:
    broken = [o.id for o in found[fault_spec(name)] if o.verdict is Verdict.ERROR]

    assert broken == []


def test_what_nobody_notices_has_a_reason() -> None:
    unnoticed = {name for name, fault in FAULTS.items() if not (fault.benign or fault.breaks)}

    assert unnoticed == set(UNNOTICED)


def test_every_check_fails_for_some_fault(found: Found) -> None:
    killed = {
        outcome.id
        for name, fault in FAULTS.items()
        if not fault.benign
        for outcome in found[fault_spec(name)]
        if outcome.verdict is Verdict.FAILED
    }
    checks = {outcome.id for outcome in found[SOUND] if not is_law(outcome)}

    assert checks - killed == set()


def test_every_requirement_and_law_is_broken_by_some_fault() -> None:
    broken = frozenset[str]().union(*(fault.breaks for fault in FAULTS.values()))
    ours = {
        requirement.id
        for requirement in find().catalogue()
        if requirement.plane is Plane.ENDPOINT and requirement.excluded is None
    }

    assert ours - broken == set()
    assert broken - ours == set()


@pytest.mark.parametrize("sut", ENDPOINTS.vacuums)
def test_an_endpoint_that_does_nothing_passes_nothing(found: Found, sut: str) -> None:
    """Laws are left out: a lawful refusal is lawful, whoever gives it."""
    checks = [outcome for outcome in found[sut] if not is_law(outcome)]

    assert len(checks) > 100
    assert [o.id for o in checks if o.verdict is Verdict.PASSED] == []
