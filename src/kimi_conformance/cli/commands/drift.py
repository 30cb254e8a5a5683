"""`kimi-conformance drift`: what an endpoint says now that it did not say when recorded."""

import asyncio
import textwrap
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from kimi_conformance import suite as suites
from kimi_conformance.checks.bench import PLACEHOLDER_KEY
from kimi_conformance.cli.asking import completing, options
from kimi_conformance.cli.asking.helping import command
from kimi_conformance.cli.asking.pacing import Pacing, limits, pacing
from kimi_conformance.cli.asking.target import DEFAULT_EDITION, inspect
from kimi_conformance.cli.checking.drift_looking import (
    Found,
    Limits,
    Target,
    against,
    between,
    recordings_of,
    recordings_of_run,
    simulated,
)
from kimi_conformance.cli.checking.replaying import Recording
from kimi_conformance.cli.keeping.damage import damage_told
from kimi_conformance.cli.keeping.recorded_days import recorded_days
from kimi_conformance.cli.keeping.run_folder import RunFolder, read_run
from kimi_conformance.cli.showing import show
from kimi_conformance.drift import Age, Change, ages
from kimi_conformance.editions import Edition
from kimi_conformance.errors import BudgetError, TransportError, UsageError
from kimi_conformance.reporting.formats.printing import page, write_files
from kimi_conformance.reporting.views.drifted import drifted
from kimi_conformance.reporting.views.view import Headline
from kimi_conformance.stage import Budget, Live, Pace, Paced
from kimi_conformance.suite import Suite
from kimi_conformance.verdicts import RunVerdict

__all__ = ["drift", "drift_record"]

WIDTH = 80
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
@options.live
@options.budget
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
    base_url: str | None,
    api_key: str | None,
    model: str | None,
    max_requests: int | None,
    max_tokens: int | None,
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
        found = inspect(
            suite, LIVE, edition=edition, base_url=base_url, api_key=api_key, model=model
        )
        now = suite.edition(found.edition)
        budget = Budget(max_requests, max_tokens)
        until = None if pacing.time_total is None else time.monotonic() + pacing.time_total
        pace = Pace(
            **limits(pacing, now),
            completion=now.model(now.default_model).max_tokens,
            until=until,
        )
        live = _live(str(found.base_url), str(found.api_key), now, found.model, budget, pace)
        asked = _against(suite, from_, from_edition, live, str(found.base_url), LIVE, budget, until)
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
    found = Found(asked=sum(len(one.exchanges) for one in recordings))
    if recordings:
        try:
            looking = against(recordings, old, target, Limits(until=until, clock=time.monotonic))
            found = asyncio.run(looking)
        except (TransportError, BudgetError) as error:
            found.ended = str(error)
    else:
        found.ended = "there is no recording"
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


def _live(
    base_url: str, api_key: str, edition: Edition, model: str | None, budget: Budget, pace: Pace
) -> Target:
    live = Live(base_url, api_key, placeholder=PLACEHOLDER_KEY, budget=budget)
    paced = Paced(live, pace)
    return Target(
        open=lambda _number: paced,
        api_key=api_key,
        edition=edition,
        model=model or edition.default_model,
        now=time.time,
    )


def _ages(suite: Suite, asked: _Asked, from_: str) -> list[Age]:
    if from_ != CASSETTES:
        return []
    name = asked.before.rpartition(" ")[2]
    return ages(recorded_days(suite.cassettes / name), datetime.now(UTC).date())


def drift_record(change: Change) -> dict[str, Any]:
    """The record of a change."""
    kind = asdict(change)
    return {"record": "drift", "class": kind.pop("kind").value, **kind}


def _verdict(found: Found) -> tuple[RunVerdict, str]:
    if found.changes:
        count = len(found.changes)
        because = f"{count} change{'' if count == 1 else 's'} in {found.compared} answers"
        return RunVerdict.NOT_CONFORMANT, f"{because}; {found.ended}" if found.ended else because
    if not found.looked:
        return RunVerdict.INCONCLUSIVE, found.ended or "nothing could be compared"
    because = f"{found.compared} of {found.asked} answers are what was recorded"
    return RunVerdict.CONFORMANT, f"{because}; {found.ended}" if found.ended else because


def _tell(
    suite: Suite, asked: _Asked, out: Path, json_file: str | None, fresh: Sequence[Age]
) -> int:
    found = asked.found
    verdict, because = _verdict(found)
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
    show.answer(_answer(asked, word, because, fresh), json_file)
    return verdict.exit_code


def _lines(asked: _Asked, fresh: Sequence[Age]) -> list[str]:
    lines = [f"{asked.before} against {asked.after}"]
    kind = None
    for change in asked.found.changes:
        if change.kind is not kind:
            kind = change.kind
            lines += ["", kind.value.capitalize()]
        lines += _wrapped(change.where, 2)
        lines += _wrapped(f"{change.before} → {change.after}", 6)
        lines += _wrapped(f"{change.attribution.value}, seen {change.seen}×", 6)
    for reason, count in asked.found.left.items():
        if count:
            lines += ["", *_wrapped(f"Not compared: {count}, {reason}", 0)]
    for age in fresh:
        text = f"Recordings, {age.subject.value}: {age.colour.value}, {age.days} days old"
        lines += _wrapped(text, 0)
    return lines


def _wrapped(text: str, indent: int) -> list[str]:
    space = " " * indent
    return textwrap.wrap(text, WIDTH, initial_indent=space, subsequent_indent=f"{space}  ")


def _answer(asked: _Asked, word: str, because: str, fresh: Sequence[Age]) -> dict[str, Any]:
    found = asked.found
    return {
        "verdict": word,
        "because": because,
        "from": asked.before,
        "to": asked.after,
        "changes": [
            {key: value for key, value in drift_record(change).items() if key != "record"}
            for change in found.changes
        ],
        "asked": found.asked,
        "compared": found.compared,
        "left": {reason: count for reason, count in found.left.items() if count},
        "ages": [{**asdict(age), "oldest": age.oldest.isoformat()} for age in fresh],
    }
