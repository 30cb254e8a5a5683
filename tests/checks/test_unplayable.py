"""A recording of the suite's own that cannot be played is the suite's to mend, never undecided."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kimi_conformance import suite as suites
from kimi_conformance.cassettes import Player, read
from kimi_conformance.checks.item import CheckItem, Phase, outcome_of
from kimi_conformance.cli.asking.target import inspect
from kimi_conformance.cli.checking.judging import plan_of
from kimi_conformance.cli.checking.pytest_child import run_checks
from kimi_conformance.cli.keeping.run_folder import RunFolder, read_run
from kimi_conformance.errors import CassetteError
from kimi_conformance.http import httpx
from kimi_conformance.stage import Lane, Stage
from kimi_conformance.verdicts import Outcome, RunVerdict, Verdict, conclude

SUITE = suites.find()
FOLDER = SUITE.cassettes / "2025-09" / "endpoint" / "models"
NAME = min(FOLDER.glob("*.yaml")).relative_to(SUITE.cassettes).with_suffix("").as_posix()


@pytest.fixture
def lane(stage: Stage) -> Iterator[Lane]:
    lane = stage.open_lane(Player(read(SUITE.cassettes / f"{NAME}.yaml", NAME), NAME))
    yield lane
    stage.close_lane(lane)


def said(
    lane: Lane | None, *, adapter: str | None = None, error: Exception | None = None, when: str
) -> Outcome:
    """What is said of a check that ended so, of the endpoint unless an adapter is named."""
    check = CheckItem(
        id="endpoint/models/x",
        requirement=SUITE.catalogue()["EP-MODELS-01"],
        adapter=adapter,
        endpoint=None if adapter else "endpoint",
        cassette=NAME,
        lanes=[lane] if lane else [],
        recorded=lane,
    )
    phase = Phase(when, error, 0.1, "")
    return outcome_of(check, [phase], edition="2025-09", lane="cassette", blocked=())


@pytest.mark.parametrize("adapter", [None, "reference", "of.theirs:open_adapter"])
def test_a_recording_that_cannot_be_read_is_an_error_whoever_is_judged(adapter: str | None) -> None:
    missing = CassetteError(f"There is no cassette '{NAME}'.")

    outcome = said(None, adapter=adapter, error=missing, when="setup")

    assert (outcome.verdict, outcome.unplayable) == (Verdict.ERROR, NAME)
    assert NAME in outcome.reason


@pytest.mark.parametrize(
    ("adapter", "verdict"),
    [
        (None, Verdict.ERROR),
        ("reference", Verdict.ERROR),
        ("of.theirs:open_adapter", Verdict.INCONCLUSIVE),
        ("mutant:drops_usage", Verdict.INCONCLUSIVE),
    ],
)
def test_a_request_that_was_not_recorded_is_our_error_and_anybody_elses_right(
    adapter: str | None, verdict: Verdict, lane: Lane
) -> None:
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"{lane.base_url}/not/recorded")

    outcome = said(lane, adapter=adapter, error=AssertionError("no"), when="call")

    assert outcome.verdict is verdict
    assert outcome.unplayable == (NAME if verdict is Verdict.ERROR else "")
    assert f"kimi-conformance record {NAME}" in outcome.reason


@pytest.mark.parametrize(
    ("adapter", "verdict"), [(None, Verdict.ERROR), ("theirs", Verdict.INCONCLUSIVE)]
)
def test_a_recording_that_is_not_used_up_is_told_with_what_to_type(
    adapter: str | None, verdict: Verdict, lane: Lane
) -> None:
    outcome = said(lane, adapter=adapter, when="call")

    assert outcome.verdict is verdict
    assert f"kimi-conformance record {NAME}" in outcome.reason


def test_an_adapter_that_broke_is_no_matter_of_its_recording(lane: Lane) -> None:
    outcome = said(lane, adapter="reference", error=RuntimeError("ours"), when="setup")

    assert (outcome.verdict, outcome.unplayable) == (Verdict.ERROR, "")


@pytest.mark.heavy
@pytest.mark.parametrize("harm", ["missing", "damaged", "other"])
def test_one_cassette_makes_a_whole_run_red(harm: str, tmp_path: Path) -> None:
    """Whatever is wrong with it, its name and the command that mends it are in the sentence."""
    copy, file = tmp_path / "cassettes", tmp_path / "cassettes" / f"{NAME}.yaml"
    shutil.copytree(SUITE.cassettes / "2025-09", copy / "2025-09")
    text = file.read_text("utf-8")
    if harm == "missing":
        file.unlink()
    else:
        file.write_text(text.replace("GET", "PUT") if harm == "other" else text[:-40])
    target = inspect(SUITE, "cassette", edition="2025-09")
    plan = replace(
        plan_of(target, ("reference",), plane="endpoint"), topics=("models",), cassettes=copy
    )
    run = RunFolder.begin(
        tmp_path, "gate", lane="cassette", source="s", edition="2025-09", configuration={}
    )

    run_checks(plan, SUITE, run.evidence)

    concluded = conclude(read_run(run.evidence).outcomes(SUITE.catalogue()))
    assert concluded.verdict is RunVerdict.NOT_CONFORMANT
    assert f"kimi-conformance record {NAME}" in concluded.because
