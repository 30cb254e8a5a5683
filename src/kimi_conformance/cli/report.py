"""`kimi-conformance report`."""

from pathlib import Path

import click

from kimi_conformance import suite as suites
from kimi_conformance.cli.run_folder import read_run
from kimi_conformance.errors import UsageError
from kimi_conformance.reporting import write_report

__all__ = ["report"]

FORMATS = ("html", "junit", "md")


@click.command()
@click.argument("run", type=click.Path(path_type=Path), required=False)
@click.option("--format", "formats", multiple=True, type=click.Choice(FORMATS), help="Repeatable.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the files go; beside the run otherwise.",
)
def report(run: Path | None, formats: tuple[str, ...], out: Path | None) -> None:
    """Render a run again, or one that was cut short.

    RUN is its folder or its run.jsonl; the newest below reports/out otherwise.
    """
    suite = suites.find()
    path = run or _newest(Path("reports/out"))
    evidence = read_run(path)
    if not evidence.complete:
        click.echo(f"{path} was cut short: the report shows what there is, and says so.", err=True)
    folder = out or (path if path.is_dir() else path.parent)
    files = write_report(
        evidence,
        suite.catalogue(),
        folder,
        formats=formats or FORMATS,
        template_folder=suite.reports / "templates",
    )
    for file in files.values():
        click.echo(file)


def _newest(out: Path) -> Path:
    runs = sorted(path.parent for path in out.glob("*/run.jsonl"))
    if not runs:
        raise UsageError(
            f"There is no run below {out}. Make one with: kimi-conformance gate; or name one."
        )
    return runs[-1]
