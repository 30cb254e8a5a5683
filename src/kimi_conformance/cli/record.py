"""`kimi-conformance record`."""

import tempfile
from pathlib import Path

import click

from kimi_conformance import suite as suites
from kimi_conformance.cli import options, show
from kimi_conformance.cli.judging import plan_of
from kimi_conformance.cli.pytest_child import run_checks
from kimi_conformance.cli.run_folder import RunFolder, read_run
from kimi_conformance.cli.target import inspect
from kimi_conformance.verdicts import Verdict

__all__ = ["record"]


@click.command()
@click.argument("topics", nargs=-1)
@click.option(
    "--source",
    type=click.Choice(["simulator", "live"]),
    default="simulator",
    show_default=True,
    help="What is recorded.",
)
@click.option("--plane", type=click.Choice(["adapter", "endpoint"]), help="Record this one only.")
@options.edition
@options.live
@options.budget
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where cassettes go; the suite's own folder otherwise.",
)
def record(
    topics: tuple[str, ...],
    source: str,
    plane: str | None,
    edition: str | None,
    base_url: str | None,
    api_key: str | None,
    model: str | None,
    max_requests: int | None,
    max_tokens: int | None,
    into: Path | None,
) -> int:
    """Make the cassettes anew, through the stage, of the checks that pass.

    TOPICS are names like streaming, or the path of one cassette; without any, everything is
    recorded. What did not change is left as it is.
    """
    suite = suites.find()
    target = inspect(
        suite, source, edition=edition, base_url=base_url, api_key=api_key, model=model
    )
    plan = plan_of(
        target,
        ("reference",),
        plane=plane,
        topics=tuple(dict.fromkeys(_topic(topic) for topic in topics)),
        record_into=(into or suite.cassettes).resolve(),
        max_requests=max_requests,
        max_tokens=max_tokens,
    )
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder.begin(
            Path(folder),
            "record",
            lane=source,
            source=source,
            edition=target.edition,
            configuration={},
        )
        with show.progress("recording") as progress:
            run_checks(plan, suite, run.evidence, progress)
        checks = read_run(run.evidence).checks
    wrong = [check for check in checks if check.verdict in {Verdict.FAILED, Verdict.ERROR}]
    for check in wrong:
        show.say(f"not recorded: {check.id}: {check.reason}", "-")
    click.echo(f"{len(checks)} checks ran; cassettes are in {plan.record_into}")
    return 1 if wrong else 0


def _topic(name: str) -> str:
    """The topic in "streaming", or in a cassette's name "2025-09/endpoint/streaming/…"."""
    parts = name.split("/")
    return parts[2] if len(parts) > 3 else parts[0]
