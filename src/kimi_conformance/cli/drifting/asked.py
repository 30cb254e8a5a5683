"""What `drift` is asked for: it is looked for, told, and left in a run of its own."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from kimi_conformance.cli.asking.pacing import limits
from kimi_conformance.cli.asking.target import DEFAULT_EDITION, inspect
from kimi_conformance.cli.drifting.found import Found
from kimi_conformance.cli.drifting.looking import look
from kimi_conformance.cli.drifting.order import CASSETTES, LIVE, SIMULATOR, Order
from kimi_conformance.cli.drifting.recordings import Recording, recordings_of, recordings_of_run
from kimi_conformance.cli.drifting.runs import between
from kimi_conformance.cli.drifting.target import Target, live_target, simulated
from kimi_conformance.cli.keeping.damage import damage_told
from kimi_conformance.cli.keeping.drift_evidence import (
    drift_answer,
    drift_record,
    looked_record,
    verdict_of,
)
from kimi_conformance.cli.keeping.recorded_days import ages_of
from kimi_conformance.cli.keeping.run_folder import RunFolder, read_run
from kimi_conformance.cli.showing import show
from kimi_conformance.cli.showing.changes import change_lines
from kimi_conformance.cli.showing.wrapping import wrapped
from kimi_conformance.drift import Age
from kimi_conformance.editions import Edition
from kimi_conformance.errors import UsageError
from kimi_conformance.reporting.formats.printing import page, write_files
from kimi_conformance.reporting.views.drifted import drifted
from kimi_conformance.reporting.views.view import Headline
from kimi_conformance.stage import Budget, Pace
from kimi_conformance.suite import Suite
from kimi_conformance.verdicts import RunVerdict

__all__ = ["held_against"]

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


def held_against(suite: Suite, order: Order, *, out: Path, json_file: str | None) -> int:
    """Hold what was said before against what is said now; the exit code.

    Args:
        suite: The content.
        order: What against what.
        out: Where the run's folder is made.
        json_file: Where the machine's answer goes, or None.
    """
    if order.to not in {LIVE, SIMULATOR}:
        with damage_told(suite, Path(order.from_), Path(order.to)):
            asked = _between_runs(suite, order.from_, order.to)
    elif order.to == SIMULATOR:
        now = suite.edition(order.edition or order.from_edition or DEFAULT_EDITION)
        target = simulated(now, order.faults, order.seed)
        asked = _against(suite, order, target, "the simulator", SIMULATOR, None)
    else:
        found = inspect(suite, LIVE, edition=order.edition, live=order.live)
        now = suite.edition(found.edition)
        budget = Budget(**asdict(order.allowance), requests=found.requests)
        seconds = order.pacing.time_total
        until = None if seconds is None else time.monotonic() + seconds
        pace = Pace(
            **limits(order.pacing, now),
            completion=now.model(now.default_model).max_tokens,
            until=until,
        )
        target = live_target(
            str(found.base_url), str(found.api_key), now, found.model, budget, pace
        )
        asked = _against(suite, order, target, str(found.base_url), LIVE, budget, until)
    return _tell(suite, asked, out, json_file, _ages(suite, asked, order.from_))


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
    order: Order,
    target: Target,
    called: str,
    source: str,
    budget: Budget | None,
    until: float | None = None,
) -> _Asked:
    with damage_told(suite, Path(order.from_)):
        recordings, old, before = _recorded(suite, order, target.edition)
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
    suite: Suite, order: Order, edition: Edition
) -> tuple[Sequence[Recording], Edition, str]:
    if order.from_ == CASSETTES:
        old = suite.edition(order.from_edition or edition.name)
        return recordings_of(suite, old.name), old, f"cassettes of edition {old.name}"
    run = read_run(Path(order.from_))
    old = suite.edition(order.from_edition or run.header["edition"])
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
            lines += ["", *wrapped(f"Not compared: {count}, {reason}", others="  ")]
    for age in fresh:
        text = f"Recordings, {age.subject.value}: {age.colour.value}, {age.days} days old"
        lines += wrapped(text, others="  ")
    return lines
