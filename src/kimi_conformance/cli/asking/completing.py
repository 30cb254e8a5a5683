"""
What a shell offers for the values of options and arguments, when somebody presses Tab.

It is asked in the middle of typing, so names are read off files and tables, and nothing heavy
is imported; and whatever goes wrong, nothing is offered and nothing is said.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stderr
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from kimi_conformance import suite as suites

__all__ = [
    "PROGRAM",
    "VARIABLE",
    "adapters",
    "capabilities",
    "clients",
    "editions",
    "faults",
    "files",
    "models",
    "quietly",
    "requirements",
    "runs",
    "scenarios",
    "tiers",
    "topics",
]

PROGRAM = "kimi-conformance"
VARIABLE = "_KIMI_CONFORMANCE_COMPLETE"  # by which a shell asks: click derives it from the name
Offer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
_PLANES = ("adapter", "endpoint")


def quietly(complete: Callable[[], object]) -> None:
    """Answer a shell, and leave; a shell that gets no answer offers nothing."""
    with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
        try:
            complete()
        except Exception:  # noqa: BLE001 - whatever it is, nobody wants it in the line they type
            sys.exit(1)


def _offer(names: Callable[[], Iterable[str]], *, several: bool = False) -> Offer:
    """Those of the names that begin with what was typed.

    Args:
        names: All that there are, looked up when somebody asks.
        several: Whether a value is names with commas between; then the last one is completed.
    """

    def offered(_ctx: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem]:
        before, comma, last = typed.rpartition(",") if several else ("", "", typed)
        found = sorted({name for name in names() if name.startswith(last)})
        return [CompletionItem(f"{before}{comma}{name}") for name in found]

    return offered


def _stems(folder: Path, pattern: str) -> Iterator[str]:
    return (file.stem for file in folder.glob(pattern))


def _topics() -> Iterator[str]:
    conformance = suites.find().conformance
    for plane in _PLANES:
        yield from (stem.removeprefix("test_") for stem in _stems(conformance / plane, "test_*.py"))


def _adapters() -> Iterator[str]:
    from kimi_conformance.adapters.registry import installed

    yield from installed()
    yield from _clients()


def _clients() -> Iterable[str]:
    from kimi_conformance.adapters.clients.catalogue import clients

    return clients()


def _capabilities() -> Iterable[str]:
    from kimi_conformance.requirements import ENDPOINT_CAPABILITIES

    return (*ENDPOINT_CAPABILITIES, "unserved")


def _faults() -> Iterable[str]:
    from kimi_conformance.simulator.faults import FAULTS

    return FAULTS


def _models() -> Iterator[str]:
    for edition in suites.find().editions().values():
        yield from (model.id for model in edition.models)


def _tiers() -> Iterator[str]:
    for edition in suites.find().editions().values():
        yield from edition.tiers


def _scenarios() -> Iterable[str]:
    names = _stems(suites.find().loadtests, "*.py")
    return (name for name in names if not name.startswith("_"))


def _runs() -> Iterator[str]:
    """Folders of runs where runs are written by default."""
    for file in Path("reports/out").glob("*/run.jsonl"):
        yield str(file.parent)


def _files(_ctx: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem]:
    return [CompletionItem(typed, type="file")]


def _paths(_ctx: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem]:
    """Runs below reports/out; where what was typed is none of them, any file."""
    known = [CompletionItem(run) for run in sorted(_runs(), reverse=True) if run.startswith(typed)]
    return known or _files(_ctx, _param, typed)


adapters = _offer(_adapters)
capabilities = _offer(_capabilities, several=True)
clients = _offer(_clients)
editions = _offer(lambda: _stems(suites.find().conformance / "editions", "*.toml"))
faults = _offer(_faults)
files = _files
models = _offer(_models)
requirements = _offer(lambda: suites.find().catalogue().by_id)
runs = _paths
scenarios = _offer(_scenarios)
tiers = _offer(_tiers)
topics = _offer(_topics)
