"""
Which history a command uses, and how runs get into it.

Every gate, check, nightly, load and sla adds itself: to the history it was told of, by
`--history` or KIMI_HISTORY, else to the one in reports/ if there is one.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from kimi_conformance.cli.showing import show
from kimi_conformance.errors import KimiConformanceError, RunError
from kimi_conformance.history.importing import past_run
from kimi_conformance.history.past import PastRun
from kimi_conformance.history.store import History
from kimi_conformance.requirements import Catalogue
from kimi_conformance.runs import parse

__all__ = ["DEFAULT", "chosen", "history_file", "read_past", "remember", "remembered"]

DEFAULT = Path("reports/history.sqlite")
_CHOSEN = "kimi_conformance.history"
_REMEMBERED = ("gate", "check", "nightly", "load", "sla")

Command = TypeVar("Command", bound=Callable[..., Any])

history_file = click.option(
    "--history",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="KIMI_HISTORY",
    default=DEFAULT,
    show_default=True,
    metavar="FILE",
    help="The history; also by KIMI_HISTORY.",
)


def _choose(ctx: click.Context, _: click.Parameter, value: Path | None) -> None:
    ctx.meta[_CHOSEN] = value


remembered = click.option(
    "--history",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="KIMI_HISTORY",
    metavar="FILE",
    callback=_choose,
    expose_value=False,
    help=f"Add the run to this history; also by KIMI_HISTORY. Default: {DEFAULT}, if it is there.",
)


def chosen() -> Path | None:
    """The history that the command was told of, or None."""
    context = click.get_current_context(silent=True)
    return context.meta.get(_CHOSEN) if context else None


def read_past(path: Path, catalogue: Catalogue) -> PastRun:
    """What is remembered of a run, from its evidence.

    Args:
        path: Its folder, or its run.jsonl.
        catalogue: The requirements.

    Raises:
        RunError: There is none, or it is damaged.
        UsageError: It has a law that the catalogue does not know.
    """
    try:
        file = path / "run.jsonl" if path.is_dir() else path
        content = file.read_bytes()
    except OSError as error:
        raise RunError(
            f"There is no run at {path}: {error.strerror}. Runs are written to reports/out."
        ) from error
    run = parse(content.splitlines(keepends=True), str(file))
    digest = hashlib.sha256(content).hexdigest()
    return past_run(run, catalogue, folder=str(file.parent.resolve()), digest=digest)


def remember(folder: Path, job: str, catalogue: Catalogue) -> None:
    """Add a run that has ended, if there is a history; where it cannot, warn: the run stands."""
    file = chosen()
    if job not in _REMEMBERED or (file is None and not DEFAULT.exists()):
        return
    try:
        run = read_past(folder, catalogue)
        with History(file or DEFAULT, create=True) as history:
            history.add(run)
    except KimiConformanceError as error:
        show.say(f"Warning: this run is not in the history. {error}", "-")
