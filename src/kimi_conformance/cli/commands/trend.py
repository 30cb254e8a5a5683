"""`kimi-conformance trend`: how one quantity went from run to run."""

from pathlib import Path

import click
from rich.table import Table

from kimi_conformance import suite as suites
from kimi_conformance.cli.asking import options
from kimi_conformance.cli.asking.helping import command
from kimi_conformance.cli.keeping.history_file import history_file
from kimi_conformance.cli.showing import show
from kimi_conformance.cli.showing.tables import cell, console, sparkline
from kimi_conformance.errors import UsageError
from kimi_conformance.history.past import PastRun
from kimi_conformance.history.store import History
from kimi_conformance.history.trend import Trend, knows
from kimi_conformance.history.trend import trend as trend_of
from kimi_conformance.reporting.formats.printing import page, write_files
from kimi_conformance.reporting.views.answers import trend_answer
from kimi_conformance.reporting.views.trended import TrendPage, trended

__all__ = ["trend"]

SPARKS = 60  # characters


@command("trend success_rate --last 30")
@click.argument("subject", metavar="REQUIREMENT|OBJECTIVE|pass_share")
@click.option("--of", "sut", metavar="SUT|MODEL", help="Of this SUT or model only.")
@click.option("--job", metavar="J", help="Of runs of this job only.")
@click.option(
    "--last",
    type=click.IntRange(min=1),
    default=30,
    show_default=True,
    metavar="N",
    help="So many runs.",
)
@history_file
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also write trend.html into this folder.",
)
@options.json_file
def trend(
    subject: str,
    sut: str | None,
    job: str | None,
    last: int,
    history: Path,
    out: Path | None,
    json_file: str | None,
) -> None:
    """Show how a requirement, an objective, or the share of passed checks went over runs.

    Only runs of one job, edition and lane, since others ask other things: those of the last run
    that knows the subject.
    """
    suite = suites.find()
    with History(history) as opened:
        newest = _newest(opened, subject, job)
        runs = [opened.filled(run) for run in opened.runs(like=newest, limit=last)]
    found = trend_of(subject, runs, sut)
    shown = trended(found)
    _print(found, shown, json_file)
    if out is not None:
        files = {"trend.html": page("trend.html.j2", suite.reports / "templates", shown)}
        for path in write_files(files, out):
            show.say(f"Report: {path}", json_file)
    show.answer(trend_answer(found), json_file)


def _newest(history: History, subject: str, job: str | None) -> PastRun:
    """The last run that knows the subject, else the last one: it then says what is known."""
    runs = [run for run in history.runs() if job in {None, run.job}]
    if not runs:
        raise UsageError(f"The history {history.path} holds no run{f' of {job}' if job else ''}.")
    of_each_sort = {(run.job, run.edition, run.lane): run for run in runs}
    by_age = sorted(of_each_sort.values(), key=lambda run: -run.started)
    return next((run for run in by_age if knows(history.filled(run), subject)), runs[-1])


def _print(found: Trend, shown: TrendPage, json_file: str | None) -> None:
    show.say(f"{shown.subject}: {shown.note}", json_file)
    show.say(sparkline([point.value for point in found.points], SPARKS), json_file)
    table = Table(box=None, pad_edge=False)
    for name in ("Run", "State"):
        table.add_column(name, overflow="fold")
    for name in ("Value", "Interval"):
        table.add_column(name, justify="right")
    for state, run, _, value, interval in shown.rows:
        table.add_row(*map(cell, (run, state.word if state else "–", value, interval)))
    console(stderr=json_file == "-").print(table)
