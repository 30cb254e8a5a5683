"""`kimi-conformance compare`: two runs, or two SUTs or models of one, side by side."""

from pathlib import Path

import click
from rich.table import Table

from kimi_conformance import suite as suites
from kimi_conformance.cli.asking import completing, options
from kimi_conformance.cli.asking.helping import command
from kimi_conformance.cli.asking.which_run import find_side
from kimi_conformance.cli.keeping.damage import damage_told
from kimi_conformance.cli.keeping.history_file import history_file
from kimi_conformance.cli.showing import show
from kimi_conformance.cli.showing.tables import cell, console
from kimi_conformance.history.comparison import Comparison
from kimi_conformance.history.comparison import compare as compare_sides
from kimi_conformance.history.store import History
from kimi_conformance.reporting.formats.printing import page, summary, write_files
from kimi_conformance.reporting.views.answers import compare_answer
from kimi_conformance.reporting.views.compared import ChangeRow, ComparePage, compared
from kimi_conformance.suite import Suite
from kimi_conformance.verdicts import Verdict

__all__ = ["compare"]

EARLIER = 20  # runs that tell how steady a check is
SLOWEST = 5  # on a terminal
SHOWN = 12  # checks of each sort on a terminal; page and JSON have them all


@command("compare last~1 last")
@click.argument("first", metavar="A", shell_complete=completing.runs)
@click.argument("second", metavar="B", shell_complete=completing.runs)
@history_file
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also write compare.html and compare.md into this folder.",
)
@options.json_file
def compare(first: str, second: str, history: Path, out: Path | None, json_file: str | None) -> int:
    """Show what is different in B, held against A, and how sure that is.

    Each is the folder of a run, its name in the history, "last", or "last~1" (the one before it
    of the same job, edition and lane). RUN:SUT and RUN:MODEL name a part of it, so that two
    adapters or models can be compared.

    Exit code 1: something fails that did not, or an objective is shown to be worse.
    """
    suite = suites.find()
    opened = History(history) if history.exists() else None
    try:
        with damage_told(suite, Path(first), Path(second)):
            found = _compare(first, second, opened, suite)
            shown = compared(found)
    finally:
        if opened is not None:
            opened.close()
    _print(shown, json_file)
    if out is not None:
        templates = suite.reports / "templates"
        files = {
            "compare.html": page("compare.html.j2", templates, shown),
            "compare.md": summary("compare.md.j2", templates, shown),
        }
        for path in write_files(files, out):
            show.say(f"Report: {path}", json_file)
    show.answer(compare_answer(found), json_file)
    return 1 if found.worse else 0 if found.decided else 3


def _compare(first: str, second: str, history: History | None, suite: Suite) -> Comparison:
    catalogue = suite.catalogue()
    sides = (find_side(first, history, catalogue), find_side(second, history, catalogue))

    def earlier(check: str, sut: str) -> list[Verdict]:
        run = sides[1].run
        return history.verdicts_before(run, check, sut, EARLIER) if history else []

    return compare_sides(*sides, earlier)


def _print(shown: ComparePage, json_file: str | None) -> None:
    for word, (label, text) in zip(("A", "B"), shown.sides, strict=True):
        show.say(f"{word}  {label}: {text}", json_file)
    for _, title, rows in shown.sections:
        show.say(f"\n{title}: {len(rows)}", json_file)
        for row in rows[:SHOWN]:
            _print_change(row, json_file)
        if len(rows) > SHOWN:
            show.say(f"  … and {len(rows) - SHOWN} more: --out FOLDER shows them all", json_file)
    screen = console(stderr=json_file == "-")
    for table in (_objectives(shown), _slowest(shown)):
        if table.row_count:
            show.say("", json_file)
            screen.print(table)
    show.say(f"\n{shown.headline.word}: {shown.headline.because}", json_file)


def _print_change(row: ChangeRow, json_file: str | None) -> None:
    states = " → ".join(state.word for state in (row.before, row.after) if state)
    show.say(f"  {row.requirement:<13} {row.sut}: {row.check} ({states})", json_file)
    for line in filter(None, (row.reason, row.sure)):
        show.say(f"  {'':<13} {line}", json_file)


def _objectives(shown: ComparePage) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("Objective", overflow="fold")
    for name in ("Before", "After", "Difference", "p"):
        table.add_column(name, justify="right")
    table.add_column("Change")
    for one in shown.objectives:
        texts = (one.name, one.before, one.after, one.difference, one.p, one.direction)
        table.add_row(*map(cell, texts))
    return table


def _slowest(shown: ComparePage) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("Slowest checks", overflow="fold")
    for name in ("Before", "After"):
        table.add_column(name, justify="right")
    for check, sut, before, after in shown.slowest[:SLOWEST]:
        table.add_row(cell(f"{sut}: {check}"), cell(before), cell(after))
    return table
