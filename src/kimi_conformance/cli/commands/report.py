"""`kimi-conformance report`."""

from contextlib import nullcontext
from itertools import islice
from pathlib import Path

import click

from kimi_conformance import suite as suites
from kimi_conformance.cli.asking import completing
from kimi_conformance.cli.asking.helping import command
from kimi_conformance.cli.keeping.beside import beside
from kimi_conformance.cli.keeping.bounded import bounded
from kimi_conformance.cli.keeping.damage import damage_told
from kimi_conformance.cli.keeping.run_folder import evidence_file, is_folder, newest, read_run
from kimi_conformance.cli.keeping.unjudged import with_unjudged
from kimi_conformance.cli.showing.show import say
from kimi_conformance.errors import RunError, nearest
from kimi_conformance.reporting import FORMATS, STANDARD, write_report
from kimi_conformance.suite import Suite

__all__ = ["report"]

MOST_FLAWS = 20  # that are printed; a file of another kind has one in every line


def _formats(
    _context: click.Context, _option: click.Parameter, given: tuple[str, ...]
) -> tuple[str, ...]:
    """Names of formats, of which several may stand in one word with commas between them."""
    names = tuple(dict.fromkeys(name.strip() for each in given for name in each.split(",")))
    for name in names:
        if name not in FORMATS:
            raise click.BadParameter(
                f"There is no report format '{name}'. {nearest(name, FORMATS)}"
            )
    return names


@command("report reports/out/20260901-020000-nightly --format html")
@click.argument(
    "run",
    type=click.Path(path_type=Path),
    required=False,
    shell_complete=completing.runs,
)
@click.option(
    "--format",
    "formats",
    multiple=True,
    callback=_formats,
    metavar="A,B",
    help=f"Repeatable: {', '.join(FORMATS)}. Default: all but annotations.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the files go; beside the run otherwise.",
)
@click.option(
    "--template",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder with templates of your own, which take the place of the suite's.",
)
@click.option(
    "--validate", is_flag=True, help="Hold each line of the run against its schema; render nothing."
)
def report(
    run: Path | None,
    formats: tuple[str, ...],
    out: Path | None,
    template: Path | None,
    validate: bool,
) -> int:
    """Render a run again, or one that was cut short.

    RUN is its folder or its run.jsonl; the newest below reports/out otherwise.
    """
    suite = suites.find()
    path = run or newest(Path("reports/out"))
    if validate:
        return _validate(path, suite)
    foreign = bounded(f"The templates in {template}") if template else nullcontext()
    with damage_told(suite, path), foreign:
        evidence = with_unjudged(read_run(path), evidence_file(path).parent)
        if not evidence.complete:
            say(f"{path} was cut short: the report shows what there is, and says so.", "-")
        files = write_report(
            evidence,
            suite.catalogue(),
            out or (path if is_folder(path) else path.parent),
            formats=formats or STANDARD,
            template_folder=suite.reports / "templates",
            own_templates=template,
            beside=beside(evidence, evidence_file(path).parent, suite),
        )
    for file in files.values():
        click.echo(file)
    return 0


def _validate(path: Path, suite: Suite) -> int:
    """Say what is wrong with the file; 0 where nothing is, else 1."""
    from kimi_conformance.reporting.formats.evidence_schema import (
        flaws,  # jsonschema is slow to import
    )

    file = evidence_file(path)
    try:
        with file.open("rb") as lines:
            found = list(islice(flaws(lines, suite.reports / "schemas"), MOST_FLAWS + 1))
    except OSError as error:
        raise RunError(f"There is no run at {file}: {error.strerror}.") from error
    for flaw in found[:MOST_FLAWS]:
        say(f"{file}, {flaw}")
    if len(found) > MOST_FLAWS:
        say("… and more.")
    if not found:
        say(f"{file} is as its schema says.")
    return 1 if found else 0
