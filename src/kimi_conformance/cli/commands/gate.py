"""`kimi-conformance gate`: the job that is waited for, so it imports no more than it needs."""

from pathlib import Path

import click

from kimi_conformance import suite as suites
from kimi_conformance.cli.asking import options
from kimi_conformance.cli.asking.helping import command
from kimi_conformance.cli.asking.target import inspect
from kimi_conformance.cli.checking.judging import judge_each, plan_of
from kimi_conformance.cli.keeping.history_file import remembered

__all__ = ["gate"]


@command("gate --adapter openai")
@options.adapters
@click.option(
    "--edition", metavar="E", help="The API as of this date only; every edition otherwise."
)
@options.baseline
@options.out
@remembered
@options.json_file
def gate(
    adapters: tuple[str, ...],
    edition: str | None,
    baseline: Path | None,
    out: Path,
    json_file: str | None,
) -> int:
    """Judge an adapter offline, by recordings and scripted answers.

    For every pull request: it needs no network and no key. Without --adapter it judges the
    reference adapter; against every edition of the API, unless one is named.
    """
    suite = suites.find()
    runs = []
    for name in [edition] if edition else suite.editions():
        target = inspect(suite, "cassette", edition=name)
        plane = None if suite.has_recordings(name, "endpoint") else "adapter"
        chosen = {"plane": plane, "baseline": baseline}
        runs.append((target, plan_of(target, adapters or ("reference",), **chosen)))
    return judge_each(suite, "gate", runs, out=out, json_file=json_file)
