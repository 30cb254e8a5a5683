"""`kimi-conformance load`."""

from pathlib import Path

import click

from kimi_conformance import suite as suites
from kimi_conformance.cli import options
from kimi_conformance.cli.loading import FORMATS, export_samples, measure
from kimi_conformance.cli.target import inspect, lane_of

__all__ = ["load"]


class _Load(click.Group):
    """Runs a scenario, unless it is told to do something else with one that was run."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands:
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Load)
def load() -> None:
    """Run one load scenario and judge it by its objectives: kimi-conformance load steady_chat.

    All options of a run are shown by: kimi-conformance load run --help
    """


@load.command()
@click.argument("scenario")
@options.load_target
@options.edition
@options.live
@options.duration
@options.out
@options.json_file
def run(
    scenario: str,
    target: str | None,
    edition: str | None,
    base_url: str | None,
    api_key: str | None,
    model: str | None,
    duration: float,
    out: Path,
    json_file: str | None,
) -> int:
    """Run one load scenario and judge it by its objectives.

    SCENARIO is a file of loadtests without its suffix: steady_chat.
    """
    suite = suites.find()
    suite.scenario(scenario)
    chosen = inspect(
        suite,
        lane_of(target, base_url, default="simulator"),
        edition=edition,
        base_url=base_url,
        api_key=api_key,
        model=model,
    )
    return measure(suite, "load", chosen, scenario, duration, out=out, json_file=json_file)


@load.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--to", type=click.Choice(FORMATS), default="csv", show_default=True)
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
