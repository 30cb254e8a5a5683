"""What `kimi-conformance record --check` does: plays every recording, and says what ails which."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kimi_conformance import __version__
from kimi_conformance.cassettes.cassette import name_of, read
from kimi_conformance.cassettes.condition import Finding, Play, examine, names_below
from kimi_conformance.cli.asking.target import inspect
from kimi_conformance.cli.checking.judging import plan_of
from kimi_conformance.cli.checking.pytest_child import CheckRun, run_side_by_side
from kimi_conformance.cli.keeping.proof import checks_by_requirement
from kimi_conformance.cli.keeping.run_folder import RunFolder, read_run
from kimi_conformance.cli.showing import show
from kimi_conformance.runs import Run
from kimi_conformance.suite import Suite
from kimi_conformance.verdicts import Outcome, Verdict

__all__ = ["check_recordings", "play", "recorded_requirements"]


def check_recordings(
    suite: Suite,
    folder: Path,
    *,
    edition: str | None,
    plane: str | None,
    topics: Sequence[str],
    json_file: str | None,
) -> int:
    """Play the recordings in a folder to the checks they are of; say what ails them.

    Args:
        suite: The checks.
        folder: Where the recordings are.
        edition: Those of this one only; None: of all.
        plane: Those of this one only.
        topics: Those of these only; none: of all.
        json_file: Where the machine's answer goes, or None.

    Returns:
        1 if one is worse than old, else 0.
    """
    editions = [suite.edition(edition).name] if edition else list(suite.editions())
    names = {
        name for name in names_below(folder) if _is_about(name, editions, edition, plane, topics)
    }
    plans = [
        replace(_plan(suite, each), plane=plane, topics=topics, cassettes=folder.resolve())
        for each in editions
    ]
    today = datetime.now(UTC).date()
    with tempfile.TemporaryDirectory() as remade:
        plays = play(plans, suite)
        play([_remaking(suite, plan, Path(remade)) for plan in plans], suite)
        found = examine(folder, names, plays, suite=__version__, today=today, remade=Path(remade))
    for finding in found:
        show.say(f"{finding.ailment.value:<11} {finding.cassette}: {_first(finding)}", json_file)
    red = {finding.cassette for finding in found if finding.ailment.red}
    show.say(_sentence(len(names), found, len(red)), json_file)
    show.answer(_answer(len(names), found), json_file)
    return 1 if red else 0


def play(plans: Sequence[CheckRun], suite: Suite) -> dict[str, Play]:
    """How the checks of these runs went, one run an edition, by the names of their recordings."""
    with tempfile.TemporaryDirectory() as place:
        runs = [(plan, _begin(Path(place), plan).evidence) for plan in plans]
        with show.progress("playing") as progress:
            run_side_by_side(runs, suite, progress)
        plays = {}
        for plan, evidence in runs:
            run = read_run(evidence)
            broken = _broken_laws(run)
            for check in run.checks:
                plays[name_of(check.id, plan.edition)] = _play(check, broken.get(check.id))
        return plays


def _play(check: Outcome, broken: str | None) -> Play:
    """How a check went; one in whose exchanges a law is broken has not passed."""
    if check.verdict is Verdict.PASSED and broken is not None:
        return Play(verdict=Verdict.FAILED, reason=broken)
    return Play(verdict=check.verdict, reason=check.reason)


def _broken_laws(run: Run) -> dict[str, str]:
    """The first violation of a law in the exchanges of each check that has one."""
    return {
        tally.check: f"{tally.law}: {tally.violations[0]}"
        for tally in reversed(run.laws)
        if tally.violations
    }


def _remaking(suite: Suite, plan: CheckRun, into: Path) -> CheckRun:
    """The run that records anew, from the simulator, what a run plays."""
    return replace(
        plan,
        lane="simulator",
        record_into=into,
        cassettes=None,
        requirements=recorded_requirements(suite),
    )


def recorded_requirements(suite: Suite) -> tuple[str, ...]:
    """The ids of the requirements that a check with a recording decides."""
    recorded = {
        read(suite.cassettes / f"{name}.yaml", name).provenance.check.partition("[")[0]
        for name in names_below(suite.cassettes)
    }
    return tuple(
        id
        for id, checks in checks_by_requirement(suite.conformance).items()
        if recorded.intersection(checks)
    )


def _plan(suite: Suite, edition: str) -> CheckRun:
    target = inspect(suite, "cassette", edition=edition)
    return plan_of(target, ("reference",))


def _begin(place: Path, plan: CheckRun) -> RunFolder:
    names = {"lane": plan.lane, "source": "recordings", "edition": plan.edition}
    return RunFolder.begin(place, "record", **names, configuration={}, named_by_edition=True)


def _is_about(
    name: str,
    editions: Sequence[str],
    edition: str | None,
    plane: str | None,
    topics: Sequence[str],
) -> bool:
    """Whether a recording was asked for; one of no known edition is, where all are."""
    of_edition, of_plane, topic, *_ = [*name.split("/"), "", "", ""]
    return (
        (edition is None or of_edition in editions)
        and (plane is None or of_plane == plane)
        and (not topics or topic in topics)
    )


def _first(finding: Finding) -> str:
    return finding.reason.splitlines()[0] if finding.reason else ""


def _sentence(count: int, found: Sequence[Finding], red: int) -> str:
    stale = len({finding.cassette for finding in found if not finding.ailment.red})
    told = f"{count} cassettes: {red} to be made anew or removed, {stale} stale."
    return f"{told} A stale one still plays: that stops nobody." if stale else told


def _answer(count: int, found: Sequence[Finding]) -> Mapping[str, Any]:
    red = any(finding.ailment.red for finding in found)
    return {
        "holds": not red,
        "cassettes": count,
        "findings": [{**asdict(finding), "red": finding.ailment.red} for finding in found],
    }
