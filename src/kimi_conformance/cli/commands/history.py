"""`kimi-conformance history`: what earlier runs have shown."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from kimi_conformance import suite as suites
from kimi_conformance.cli.asking import completing, options
from kimi_conformance.cli.asking.helping import group
from kimi_conformance.cli.keeping.damage import damage_told
from kimi_conformance.cli.keeping.history_file import history_file, read_past
from kimi_conformance.cli.keeping.run_folder import is_folder
from kimi_conformance.cli.showing import show
from kimi_conformance.cli.showing.tables import cell, console
from kimi_conformance.errors import KimiConformanceError, UsageError
from kimi_conformance.history.past import PastRun
from kimi_conformance.history.store import History
from kimi_conformance.history.window import DAY_S

__all__ = ["history"]

_KEEP = re.compile(r"(?P<number>[1-9]\d{0,5})(?P<days>d?)")


@group("history list")
def history() -> None:
    """See and keep what earlier runs have shown, in one SQLite file.

    Runs add themselves once the file is there; import makes it.
    """


@history.command(name="import", example="history import reports/out/20260901-020000-nightly")
@click.argument(
    "runs",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
    metavar="RUN…",
    shell_complete=completing.runs,
)
@history_file
def import_runs(runs: tuple[Path, ...], history: Path) -> int:
    """Add earlier runs: their folders, or their run.jsonl. What is there already stays once.

    A folder without a run.jsonl, as one with a report over a window, is passed over.
    """
    suite = suites.find()
    catalogue = suite.catalogue()
    added, known, refused = 0, 0, 0
    wanted = [path for path in runs if not is_folder(path) or (path / "run.jsonl").exists()]
    if not wanted:
        raise UsageError(f"There is no run in {', '.join(map(str, runs))}.")
    with History(history, create=True) as found:
        for path in wanted:
            try:
                with damage_told(suite, path):
                    new = found.add(read_past(path, catalogue))
            except KimiConformanceError as error:
                show.say(f"Error: {error}", "-")
                refused += 1
            else:
                added, known = added + new, known + (not new)
    show.say(f"{added} added, {known} there already, {refused} refused: {history}")
    return 3 if refused else 0


@history.command(name="list", example="history list --last 10")
@click.option(
    "--last",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="So many of them.",
)
@history_file
@options.json_flag
def list_runs(last: int, history: Path, as_json: bool) -> None:
    """List the newest runs, oldest of them first."""
    with History(history) as found:
        runs = found.runs(limit=last)
    if as_json:
        show.answer({"runs": [_answer(run) for run in runs]}, "-")
        return
    table = Table("Run", "Verdict", "Edition", "Lane", "Took", box=None, pad_edge=False)
    for run in runs:
        took = f"{run.ended - run.started:.0f} s" if run.ended is not None else "cut short"
        table.add_row(
            cell(run.id), cell(run.verdict or "–"), cell(run.edition), cell(run.lane), cell(took)
        )
    console().print(table)


@history.command(example="history prune --keep 90d")
@click.option("--keep", required=True, metavar="90d|N", help="Days, or the newest so many runs.")
@history_file
def prune(keep: str, history: Path) -> None:
    """Forget old runs, and the probes older than what is kept."""
    found = _KEEP.fullmatch(keep)
    if found is None:
        raise UsageError(f"--keep {keep!r} is neither days nor a number of runs: say 90d or 200.")
    number = int(found["number"])
    with History(history) as opened:
        if found["days"]:
            runs, probes = opened.prune(before=time.time() - number * DAY_S)
        else:
            runs, probes = opened.prune(keep=number)
    show.say(f"Forgotten: runs {runs}, probes {probes}.")


def _answer(run: PastRun) -> dict[str, Any]:
    return {
        "run": run.id,
        "job": run.job,
        "started": datetime.fromtimestamp(run.started, UTC).isoformat(timespec="seconds"),
        "seconds": None if run.ended is None else round(run.ended - run.started, 3),
        "lane": run.lane,
        "source": run.source,
        "edition": run.edition,
        "version": run.version,
        "verdict": run.verdict,
        "because": run.because,
        "folder": run.folder,
    }
