"""`kimi-conformance load`."""

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from kimi_conformance import suite as suites
from kimi_conformance.cli.asking import completing, load_options, options
from kimi_conformance.cli.asking.helping import Group, group
from kimi_conformance.cli.asking.load_options import Wanted
from kimi_conformance.cli.keeping.history_file import remembered
from kimi_conformance.cli.loading.asked import loaded
from kimi_conformance.cli.loading.run import FORMATS, export_samples

__all__ = ["load"]


class _Load(Group):
    """Runs a scenario, unless it is told to do something else with one that was run."""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The scenarios too, since they may stand where a command does."""
        scenario = next(each for each in self.commands["run"].params if each.name == "scenario")
        return [
            *scenario.shell_complete(ctx, incomplete),
            *super().shell_complete(ctx, incomplete),
        ]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands:
            args = ["run", *args]
        return super().parse_args(ctx, args)


@group("load steady_chat --duration 2m", cls=_Load)
def load() -> None:
    """Run one load scenario and judge it by its objectives: kimi-conformance load steady_chat.

    All options of a run are shown by: kimi-conformance load run --help
    """


@load.command(example="load steady_chat --duration 2m")
@click.argument("scenario", shell_complete=completing.scenarios)
@load_options.wanted
@options.out
@remembered
@options.json_file
def run(scenario: str, wanted: Wanted, out: Path, json_file: str | None) -> int:
    """Run one load scenario and judge it by its objectives.

    SCENARIO is a file of loadtests without its suffix: steady_chat.
    """
    return loaded(suites.find(), "load", scenario, wanted, out=out, json_file=json_file)


@load.command(example="load export reports/out/20260901-020000-load --to csv")
@click.argument("run", type=click.Path(path_type=Path), shell_complete=completing.runs)
@click.option(
    "--to",
    type=click.Choice(FORMATS),
    default="csv",
    show_default=True,
    help="In which form.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the files go; beside the samples otherwise.",
)
def export(run: Path, to: str, out: Path | None) -> None:
    """Write the samples of a run for other programs, one row a request.

    RUN is its folder, or one of its samples files.
    """
    for file in export_samples(run, to, out):
        click.echo(file)
