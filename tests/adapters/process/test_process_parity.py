"""The protocol loses nothing: whoever is served over it gets the verdicts that it gets here."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from tests.timely import alike

from kimi_conformance import suite as suites
from kimi_conformance.adapters import mutants
from kimi_conformance.adapters.mutants.mutant import name_of
from kimi_conformance.checks.standstill import is_untimely
from kimi_conformance.cli.checking.pytest_child import CheckRun, run_checks
from kimi_conformance.cli.keeping.run_folder import RunFolder, read_run
from kimi_conformance.verdicts import Outcome, Verdict

pytestmark = pytest.mark.heavy

SUITE = suites.find()
CATALOGUE = SUITE.catalogue()
NOT_HERE = (
    "does not claim 'in_process'"  # what is looked at in this process, under respx or in a log
)
WHERE_LAWS_SHOW = ("REQ-01", "REQ-06", "STREAM-01", "LIST-03")  # for mutants that break laws only
Found = Mapping[str, Outcome]


def served(adapter: str) -> str:
    return f"process:{sys.executable} -m kimi_conformance.adapters.process.serve {adapter}"


def judged(
    folder: Path, edition: str, *adapters: str, requirements: Sequence[str] = ()
) -> list[Found]:
    """What checks and laws say of each adapter, by check."""
    run = RunFolder.begin(
        folder, "run", lane="cassette", source="cassettes", edition=edition, configuration={}
    )
    plan = CheckRun(
        lane="cassette",
        edition=edition,
        plane="adapter",
        adapters=adapters,
        requirements=requirements,
        topics=sorted({CATALOGUE[id].topic for id in requirements}),  # the rest is not read
    )
    run_checks(plan, SUITE, run.evidence)
    outcomes = read_run(run.evidence).outcomes(CATALOGUE)
    return [{each.id: each for each in outcomes if each.sut == sut} for sut in adapters]


def compare(here: Found, there: Found) -> None:
    """Every verdict is the same, but for what can be seen in this process only."""
    assert here.keys() == there.keys()
    claimed = {id for id, each in there.items() if not each.reason.endswith(NOT_HERE)}
    alike(
        {id: (there[id].verdict, there[id].reason) for id in claimed},
        {id: (here[id].verdict, here[id].reason) for id in claimed},
    )


@pytest.mark.parametrize("edition", ["2025-09", "2026-09"])
def test_the_reference_adapter_gets_the_same_verdicts_over_the_protocol(
    edition: str, tmp_path: Path
) -> None:
    here, there = judged(tmp_path, edition, "reference", served("reference"))

    compare(here, there)
    assert {
        each.verdict for each in here.values() if not is_untimely(each.verdict, each.reason)
    } == {Verdict.PASSED}
    assert len([each for each in there.values() if each.verdict is Verdict.PASSED]) > 500


def samples() -> list[str]:
    """Of each topic, the first mutant that breaks what can be seen from another process."""
    seen = {each.id for each in CATALOGUE if each.capability != "in_process"}
    of_topics = (
        [
            name_of(mutant)
            for mutant in topic.MUTANTS
            if mutant.breaks & seen and mutant.edition == "2025-09"
        ]
        for topic in mutants.TOPICS
    )
    return [found[0] for found in of_topics if found]


@pytest.mark.parametrize("name", samples())
def test_a_mutant_fails_the_same_checks_over_the_protocol(name: str, tmp_path: Path) -> None:
    mutant = f"mutant:{name}"
    broken = mutants.BREAKS[name]
    checked = sorted(id for id in broken if CATALOGUE[id].topic != "wire")

    here, there = judged(
        tmp_path, "2025-09", mutant, served(mutant), requirements=checked or WHERE_LAWS_SHOW
    )

    compare(here, there)
    assert {each.requirement for each in there.values() if each.verdict is Verdict.FAILED} <= broken
    assert Verdict.FAILED in {each.verdict for each in there.values()}


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node to run the example")
@pytest.mark.parametrize("edition", ["2025-09", "2026-09"])
def test_the_example_in_javascript_keeps_what_it_claims(edition: str, tmp_path: Path) -> None:
    client = SUITE.root / "docs" / "examples" / "client.mjs"

    [found] = judged(tmp_path, edition, f"process:node {client}")

    assert {each.verdict for each in found.values()} == {Verdict.PASSED, Verdict.NOT_CLAIMED}
    assert len([each for each in found.values() if each.verdict is Verdict.PASSED]) > 80


def test_a_client_that_does_not_take_part_in_the_clock_is_not_judged_by_it(tmp_path: Path) -> None:
    client = f"process:{sys.executable} -I -S {Path(__file__).with_name('odd_client.py')} no-clock"

    [found] = judged(tmp_path, "2025-09", client, requirements=["RETRY-01", "RETRY-02", "RETRY-07"])

    checks = [each for each in found.values() if each.id.startswith("adapter/retry/")]
    told = [each for each in checks if "does not take its time from the check" in each.reason]
    assert told
    assert {each.verdict for each in told} == {Verdict.INCONCLUSIVE}


def test_a_client_that_breaks_off_passes_no_check_in_which_it_does(tmp_path: Path) -> None:
    client = f"process:{sys.executable} -I -S {Path(__file__).with_name('odd_client.py')} crash"

    [found] = judged(tmp_path, "2025-09", client, requirements=["LIST-01", "LIST-03", "LIST-10"])

    checks = [each for each in found.values() if each.id.startswith("adapter/listing/")]
    assert {each.verdict for each in checks} <= {Verdict.ERROR, Verdict.FAILED}
    assert any("ended with exit code 3" in each.reason for each in checks)
