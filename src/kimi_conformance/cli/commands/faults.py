"""`kimi-conformance faults`: how the simulator can be wrong on purpose."""

from collections.abc import Iterable

import click

from kimi_conformance.cli.asking import options
from kimi_conformance.cli.asking.helping import command
from kimi_conformance.cli.showing import show
from kimi_conformance.errors import UsageError
from kimi_conformance.simulator.faults import FAULTS, Fault

__all__ = ["faults"]


@command("faults window")
@click.argument("word", default="")
@options.json_flag
def faults(word: str, as_json: bool) -> None:
    """List how the simulator can be wrong on purpose, for `simulate --fault`.

    WORD leaves those whose name or sentence has it. What is legal, and only odd, is listed apart.
    """
    found = [
        fault for fault in FAULTS.values() if word.lower() in f"{fault.name} {fault.text}".lower()
    ]
    if not found:
        raise UsageError(f"No fault is about '{word}'. All: kimi-conformance faults")
    if as_json:
        show.answer({"faults": [_row(fault) for fault in found]}, "-")
        return
    for heading, benign in (("Faults", False), ("Legal oddities", True)):
        _list(heading, [fault for fault in found if fault.benign is benign])


def _row(fault: Fault) -> dict[str, object]:
    return {
        "name": fault.name,
        "text": fault.text,
        "benign": fault.benign,
        "edition": fault.edition,
        "breaks": sorted(fault.breaks),
        "parameters": dict(fault.defaults),
    }


def _list(heading: str, found: Iterable[Fault]) -> None:
    rows = [(fault.name, _told(fault)) for fault in found]
    if rows:
        formatter = click.HelpFormatter()
        with formatter.section(heading):
            formatter.write_dl(rows)
        click.echo(formatter.getvalue())


def _told(fault: Fault) -> str:
    """Its sentence, and what can be set: "status=500"."""
    settings = ", ".join(f"{name}={value}" for name, value in fault.defaults.items())
    return f"{fault.text} ({settings})" if settings else fault.text
