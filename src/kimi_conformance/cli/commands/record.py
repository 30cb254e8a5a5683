"""`kimi-conformance record`."""

import contextlib
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from kimi_conformance import suite as suites
from kimi_conformance.cli.asking import completing, live_options, options
from kimi_conformance.cli.asking.helping import command
from kimi_conformance.cli.asking.live_options import Allowance, Planning
from kimi_conformance.cli.asking.target import LiveEndpoint, Target, inspect, unasked
from kimi_conformance.cli.checking.judging import plan_of
from kimi_conformance.cli.checking.pytest_child import CheckRun, run_checks
from kimi_conformance.cli.keeping.run_folder import RunFolder, read_run
from kimi_conformance.cli.showing import show
from kimi_conformance.errors import UsageError
from kimi_conformance.suite import Suite
from kimi_conformance.verdicts import Outcome, Verdict

__all__ = ["record"]

_NOT_RECORDED = {Verdict.FAILED, Verdict.ERROR, Verdict.INCONCLUSIVE}


@command(
    "record streaming --edition 2026-09",
    {"What is recorded": ("--source", "--plane", "--edition", "--check")},
)
@click.argument("topics", nargs=-1, shell_complete=completing.topics)
@click.option(
    "--source",
    type=click.Choice(["simulator", "live"]),
    default="simulator",
    show_default=True,
    help="What is recorded.",
)
@click.option("--plane", type=click.Choice(["adapter", "endpoint"]), help="Record this one only.")
@options.edition
@live_options.live
@live_options.allowance
@live_options.planning
@click.option("--check", "check_only", is_flag=True, help="Say what ails the cassettes there are.")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the cassettes are; the suite's own folder otherwise.",
)
@options.json_file
def record(
    topics: tuple[str, ...],
    source: str,
    plane: str | None,
    edition: str | None,
    live: LiveEndpoint,
    allowance: Allowance,
    planning: Planning,
    check_only: bool,
    into: Path | None,
    json_file: str | None,
) -> int:
    """Make the cassettes anew, through the stage, of the checks that pass.

    TOPICS are names like streaming, or the path of one cassette; without any, everything is
    recorded: from the simulator in every edition, unless one is named. What did not change is
    left as it is. Before a live API is asked, what that takes is shown; --plan shows it and sends
    nothing. With --check nothing is recorded: the cassettes are played, and those that are
    damaged, unplayable, unused, missing or outdated make it end with 1.

    Exit codes: 0 all checks held, 1 one did not, 3 one could not be decided; neither is recorded.
    """
    suite = suites.find()
    folder = into or suite.cassettes
    chosen = tuple(dict.fromkeys(_topic(topic) for topic in topics))
    if check_only:
        from kimi_conformance.cli.checking.record_check import check_recordings

        return check_recordings(
            suite, folder, edition=edition, plane=plane, topics=chosen, json_file=json_file
        )
    named = edition or next(iter(_editions(topics)), None)
    wanted = {
        "plane": plane,
        "topics": chosen,
        "record_into": folder.resolve(),
        **asdict(allowance),
    }
    if planning.plan_only:
        from kimi_conformance.cli.checking.plan import (  # it knows all mutants: slow to import
            Prices,
            tell,
        )

        target = unasked(suite, edition=named, live=live)
        run = plan_of(target, ("reference",), **wanted)
        tell(suite, target, run, Prices(planning.price_in, planning.price_out), json_file)
        return 0
    is_live = source == "live"
    editions = [named] if is_live or edition else _editions(topics) or list(suite.editions())
    checks: list[Outcome] = []
    for each in editions:
        target = inspect(suite, source, edition=each, live=live)
        run = plan_of(target, ("reference",), **wanted)
        if is_live:
            _foretell(suite, target, run, planning)
        checks += _run(suite, target, run)
    missing = [check for check in checks if check.verdict in _NOT_RECORDED]
    for check in missing:
        show.say(f"not recorded: {check.id}: {check.reason}", "-")
    show.say(f"{len(checks)} checks ran; cassettes are in {folder}", json_file)
    show.answer(_answer(checks, folder), json_file)
    verdicts = {check.verdict for check in missing}
    if verdicts - {Verdict.INCONCLUSIVE}:
        return 1
    return 3 if verdicts else 0


def _foretell(suite: Suite, target: Target, plan: CheckRun, planning: Planning) -> None:
    """Say what recording takes, to stderr, as far as there are recordings that tell."""
    from kimi_conformance.cli.checking.plan import Prices, tell

    try:
        with contextlib.redirect_stdout(sys.stderr):
            tell(suite, target, plan, Prices(planning.price_in, planning.price_out), None)
    except UsageError as error:
        show.say(f"{error}\nBound what this takes with --max-requests and --max-tokens.", "-")


def _run(suite: Suite, target: Target, plan: CheckRun) -> Sequence[Outcome]:
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder.begin(
            Path(folder),
            "record",
            lane=target.lane,
            source=target.lane,
            edition=target.edition,
            configuration={},
        )
        with show.progress("recording") as progress:
            run_checks(plan, suite, run.evidence, progress)
        return read_run(run.evidence).checks


def _answer(checks: Sequence[Outcome], folder: Path) -> dict[str, object]:
    return {
        "cassettes": str(folder),
        "checks": [
            {"id": check.id, "verdict": check.verdict.value, "reason": check.reason}
            for check in checks
        ],
    }


def _editions(names: Sequence[str]) -> list[str]:
    """The editions of the cassettes among these names."""
    parts = [name.split("/") for name in names]
    return sorted({each[0] for each in parts if len(each) > 3})


def _topic(name: str) -> str:
    """The topic in "streaming", or in a cassette's name "2025-09/endpoint/streaming/…"."""
    parts = name.split("/")
    return parts[2] if len(parts) > 3 else parts[0]
