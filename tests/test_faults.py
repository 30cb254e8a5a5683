"""
The proof of the endpoint plane: each fault of the simulator breaks what it names, nothing else.

One run judges, by every check, the sound simulator, every fault, every benign variant, and
every endpoint that gives one answer to everything. The tests read the proof off its evidence.
"""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kimi_conformance.cli.pytest_child import CheckRun, run_checks
from kimi_conformance.cli.run_folder import RunFolder, read_run
from kimi_conformance.requirements import Plane
from kimi_conformance.simulator.faults import FAULTS
from kimi_conformance.simulator.vacuum import VACUUMS
from kimi_conformance.suite import find
from kimi_conformance.verdicts import Outcome, Verdict

pytestmark = pytest.mark.heavy

EDITION = "2025-09"
SOUND = "endpoint"
ONE_PATH = "path=/v1/users/me/balance"  # few checks wait there for what does not come
SWITCHES = {
    "stall": f"stall:{ONE_PATH}",
    "no_answer": f"no_answer:{ONE_PATH}",
    "wrong_content_length": f"wrong_content_length:{ONE_PATH}",
    "slow": "slow:seconds=0.001",
}
NEVER_NOTICED = {
    "server_error": "it is down, which decides nothing",
    "server_unavailable": "it is down, which decides nothing",
    "gateway_timeout": "it is down, which decides nothing",
    "engine_overloaded": "it is busy, which decides nothing",
    "rate_limited": "it is busy, which decides nothing",
    "rate_limited_in_words": "it is busy, which decides nothing",
    "cache_refused": "it is down, which decides nothing",
    "slow": "time is judged by the load scenarios",
    "stream_held_back": "time is judged by the load scenarios",
    "accepts_image_url": "excluded: EP-CHAT-34",
    "accepts_tools_unsupported": "excluded: EP-TOOLS-17",
    "accepts_tools_too_many": "excluded: EP-TOOLS-13",
    "cache_never_inactive": "excluded: EP-CACHING-18",
    "cache_expiry_ignored": "excluded: EP-CACHING-18",
    "accepts_max_tokens_not_positive": "no document says what happens then",
    "call_id_form": "no document promises a form",
    "cache_usage_mute": "no document promises it of explicit caching",
}
NOBODY = "vacuum:nobody"
VACUUM_SUTS = [*(f"vacuum:{name}" for name in VACUUMS), NOBODY]

Found = Mapping[str, Sequence[Outcome]]


def sut_of(fault: str) -> str:
    return f"fault:{SWITCHES.get(fault, fault)}"


def judge(suts: Sequence[str], folder: Path) -> Sequence[Outcome]:
    suite = find()
    run = RunFolder.begin(
        folder, "faults", lane="simulator", source="simulator", edition=EDITION, configuration={}
    )
    wanted = CheckRun(
        lane="simulator",
        edition=EDITION,
        endpoints=suts,
        plane="endpoint",
        time_limit=5,
        keep_exchanges=False,
    )
    run_checks(wanted, suite, run.evidence)
    return read_run(run.evidence).outcomes(suite.catalogue())


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What was said of each SUT."""
    suts = [SOUND, *map(sut_of, FAULTS), *VACUUM_SUTS]
    children = min(os.cpu_count() or 1, 4)
    shares = [suts[start::children] for start in range(children)]
    folders = [tmp_path_factory.mktemp("faults") for _ in shares]
    with ThreadPoolExecutor(children) as threads:
        by_sut: dict[str, list[Outcome]] = defaultdict(list)
        for outcomes in threads.map(judge, shares, folders):
            for outcome in outcomes:
                by_sut[outcome.sut].append(outcome)
    return by_sut


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
    outcomes = found[sut_of(name)]

    assert len(outcomes) > 100
    assert failed(outcomes) == FAULTS[name].breaks


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_never_breaks_the_suite(found: Found, name: str) -> None:
    broken = [o.id for o in found[sut_of(name)] if o.verdict is Verdict.ERROR]

    assert broken == []


def test_what_nobody_notices_has_a_reason() -> None:
    unnoticed = {name for name, fault in FAULTS.items() if not (fault.benign or fault.breaks)}

    assert unnoticed == set(NEVER_NOTICED)


def test_every_check_fails_for_some_fault(found: Found) -> None:
    killed = {
        outcome.id
        for name, fault in FAULTS.items()
        if not fault.benign
        for outcome in found[sut_of(name)]
        if outcome.verdict is Verdict.FAILED
    }
    checks = {outcome.id for outcome in found[SOUND] if not is_law(outcome)}

    assert checks - killed == set()


def test_every_requirement_and_law_is_broken_by_some_fault() -> None:
    broken = frozenset[str]().union(*(fault.breaks for fault in FAULTS.values()))
    ours = {
        requirement.id
        for requirement in find().catalogue()
        if requirement.plane is Plane.ENDPOINT
        and requirement.excluded is None
        and EDITION in requirement.editions
    }

    assert ours - broken == set()
    assert broken - ours == set()


@pytest.mark.parametrize("sut", VACUUM_SUTS)
def test_an_endpoint_that_does_nothing_passes_nothing(found: Found, sut: str) -> None:
    """Laws are left out: a lawful refusal is lawful, whoever gives it."""
    checks = [outcome for outcome in found[sut] if not is_law(outcome)]

    assert len(checks) > 100
    assert [o.id for o in checks if o.verdict is Verdict.PASSED] == []
