"""`kimi-conformance drift`: what an endpoint says now that it did not say when recorded."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from kimi_conformance import suite as suites
from kimi_conformance.cli.asking import completing, live_options, options
from kimi_conformance.cli.asking.helping import command
from kimi_conformance.cli.asking.live_options import Allowance
from kimi_conformance.cli.asking.pacing import Pacing, limits, pacing
from kimi_conformance.cli.asking.target import DEFAULT_EDITION, LiveEndpoint, inspect
from kimi_conformance.cli.drifting.found import Found
from kimi_conformance.cli.drifting.looking import look
from kimi_conformance.cli.drifting.recordings import Recording, recordings_of, recordings_of_run
from kimi_conformance.cli.drifting.runs import between
from kimi_conformance.cli.drifting.target import Target, live_target, simulated
from kimi_conformance.cli.keeping.damage import damage_told
from kimi_conformance.cli.keeping.drift_evidence import (
    change_lines,
    drift_answer,
    drift_record,
    looked_record,
    verdict_of,
    wrapped,
)
from kimi_conformance.cli.keeping.recorded_days import ages_of
from kimi_conformance.cli.keeping.run_folder import RunFolder, read_run
from kimi_conformance.cli.showing import show
from kimi_conformance.drift import Age
from kimi_conformance.editions import Edition
from kimi_conformance.errors import UsageError
from kimi_conformance.reporting.formats.printing import page, write_files
from kimi_conformance.reporting.views.drifted import drifted
from kimi_conformance.reporting.views.view import Headline
from kimi_conformance.stage import Budget, Pace
from kimi_conformance.suite import Suite
from kimi_conformance.verdicts import RunVerdict

__all__ = ["drift"]

CASSETTES, LIVE, SIMULATOR = "cassettes", "live", "simulator"
_WORDS = {
    RunVerdict.CONFORMANT: ("NO DRIFT", "held"),
    RunVerdict.NOT_CONFORMANT: ("DRIFT", "broken"),
    RunVerdict.INCONCLUSIVE: ("INCONCLUSIVE", "open"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Who was asked, and what came of it."""

    found: Found
    before: str
    after: str
    edition: str
    source: str
    budget: Budget | None = None


@command(
    "drift --to simulator --edition 2026-09",
    {
        "What is compared": ("--from", "--from-edition", "--to", "--edition"),
        "The simulator": ("--fault", "--seed"),
    },
)
@click.option(
    "--from",
    "from_",
    default=CASSETTES,
    show_default=True,
    metavar="CASSETTES|RUN",
    help="What was said before: 'cassettes', or a run's folder or file.",
)
@click.option("--from-edition", metavar="E", help="Of which edition the cassettes are.")
@click.option(
    "--to",
    required=True,
    metavar="LIVE|SIMULATOR|RUN",
    help="Who says it now: 'live', 'simulator', or a run's folder or file.",
)
@options.edition
@live_options.live
@live_options.allowance
@pacing
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME",
    shell_complete=completing.faults,
    help="Of the simulator. Repeatable.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, metavar="N", help="Of the simulator."
)
@options.out
@options.json_file
def drift(
    from_: str,
    from_edition: str | None,
    to: str,
    edition: str | None,
    live: LiveEndpoint,
    allowance: Allowance,
    pacing: Pacing,
    faults: tuple[str, ...],
    seed: int,
    out: Path,
    json_file: str | None,
) -> int:
    """Hold recordings against what is answered now, and name each change once.

    Each request is sent twice: what differs between the two answers is noise. A change is
    classed, and said to be the provider's, the document's, the recording's or our own.

    Exit codes: 0 no drift, 1 drift, 3 it could not be looked.
    """
    suite = suites.find()
    if to not in {LIVE, SIMULATOR}:
        with damage_told(suite, Path(from_), Path(to)):
            asked = _between_runs(suite, from_, to)
    elif to == SIMULATOR:
        now = suite.edition(edition or from_edition or DEFAULT_EDITION)
        target = simulated(now, faults, seed)
        asked = _against(suite, from_, from_edition, target, "the simulator", SIMULATOR, None)
    else:
        found = inspect(suite, LIVE, edition=edition, live=live)
        now = suite.edition(found.edition)
        budget = Budget(**asdict(allowance), requests=found.requests)
        until = None if pacing.time_total is None else time.monotonic() + pacing.time_total
        pace = Pace(
            **limits(pacing, now),
            completion=now.model(now.default_model).max_tokens,
            until=until,
        )
        one = live_target(str(found.base_url), str(found.api_key), now, found.model, budget, pace)
        asked = _against(suite, from_, from_edition, one, str(found.base_url), LIVE, budget, until)
    return _tell(suite, asked, out, json_file, _ages(suite, asked, from_))


def _between_runs(suite: Suite, first: str, second: str) -> _Asked:
    if first == CASSETTES:
        raise UsageError(
            "Cassettes are held against an endpoint, which is asked: --to live or --to simulator. "
            "To hold a run against a run, name both."
        )
    before, after = read_run(Path(first)), read_run(Path(second))
    edition = suite.edition(after.header["edition"])
    found = between(recordings_of_run(before), recordings_of_run(after), edition)
    return _Asked(
        found=found,
        before=f"run {before.header['run']}",
        after=f"run {after.header['run']}",
        edition=edition.name,
        source=str(after.header["source"]),
    )


def _against(
    suite: Suite,
    from_: str,
    from_edition: str | None,
    target: Target,
    called: str,
    source: str,
    budget: Budget | None,
    until: float | None = None,
) -> _Asked:
    with damage_told(suite, Path(from_)):
        recordings, old, before = _recorded(suite, from_, from_edition, target.edition)
    found = look(recordings, old, target, until)
    return _Asked(
        found=found,
        before=before,
        after=f"{called}, edition {target.edition.name}",
        edition=target.edition.name,
        source=source,
        budget=budget,
    )


def _recorded(
    suite: Suite, from_: str, from_edition: str | None, edition: Edition
) -> tuple[Sequence[Recording], Edition, str]:
    if from_ == CASSETTES:
        old = suite.edition(from_edition or edition.name)
        return recordings_of(suite, old.name), old, f"cassettes of edition {old.name}"
    run = read_run(Path(from_))
    old = suite.edition(from_edition or run.header["edition"])
    return recordings_of_run(run), old, f"run {run.header['run']}"


def _ages(suite: Suite, asked: _Asked, from_: str) -> list[Age]:
    return ages_of(suite, asked.before.rpartition(" ")[2]) if from_ == CASSETTES else []


def _tell(
    suite: Suite, asked: _Asked, out: Path, json_file: str | None, fresh: Sequence[Age]
) -> int:
    found = asked.found
    verdict, because = verdict_of(found)
    word, tone = _WORDS[verdict]
    folder = RunFolder.begin(
        out,
        "drift",
        lane=asked.source if asked.source in {LIVE, SIMULATOR} else "",
        source=asked.after,
        edition=asked.edition,
        configuration={"from": asked.before, "to": asked.after},
    )
    for change in found.changes:
        folder.append(drift_record(change))
    looked = looked_record(found, asked.before, asked.after, fresh)
    folder.append(looked)
    if asked.budget is not None:
        folder.append({"record": "budget", **asdict(asked.budget)})
    folder.end(verdict, because)
    sides = (("Before", asked.before), ("Now", asked.after))
    shown = drifted(
        Headline(word=word, tone=tone, because=because), sides, found.changes, fresh, found.left
    )
    html = page("drift.html.j2", suite.reports / "templates", shown)
    (file,) = write_files({"drift.html": html}, folder.folder)
    for line in _lines(asked, fresh):
        show.say(line, json_file)
    show.say(f"\n{word}: {because}\nReport: {file}", json_file)
    changes = [drift_record(change) for change in found.changes]
    show.answer({**drift_answer(looked, changes), "verdict": word}, json_file)
    return verdict.exit_code


def _lines(asked: _Asked, fresh: Sequence[Age]) -> list[str]:
    changes = [drift_record(change) for change in asked.found.changes]
    lines = [f"{asked.before} against {asked.after}", *change_lines(changes)]
    for reason, count in asked.found.left.items():
        if count:
            lines += ["", *wrapped(f"Not compared: {count}, {reason}", 0)]
    for age in fresh:
        text = f"Recordings, {age.subject.value}: {age.colour.value}, {age.days} days old"
        lines += wrapped(text, 0)
    return lines
