"""What a job tells GitHub's runner where it runs under one: annotations, and the job summary."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kimi_conformance.cli.showing.show import say
from kimi_conformance.requirements import Catalogue
from kimi_conformance.runs import Run
from kimi_conformance.suite import Suite

if TYPE_CHECKING:
    from kimi_conformance.reporting import Report

__all__ = ["tell_ci"]

SUMMARY_LIMIT = 1_000_000  # bytes of a step's whole summary; a longer one than 1 MiB is refused


def tell_ci(
    runs: Sequence[Run],
    suite: Suite,
    catalogue: Catalogue,
    json_file: str | None,
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Print the annotations and append the summaries, as the environment asks for.

    Args:
        runs: Of this job, in the order of its editions.
        suite: Whose templates make the summary.
        catalogue: What was asked for.
        json_file: Where the machine's answer goes: to stdout if it is "-", so they go to stderr.
        environment: GITHUB_ACTIONS and GITHUB_STEP_SUMMARY are read.
    """
    annotated = environment.get("GITHUB_ACTIONS") == "true"
    summary = environment.get("GITHUB_STEP_SUMMARY")
    if not (annotated or summary):
        return
    from kimi_conformance.reporting import annotations, view

    reports = [view(run, catalogue) for run in runs]
    if annotated:
        click.echo(annotations(reports), nl=False, err=json_file == "-")
    if summary:
        try:
            _append(reports, Path(summary), suite.reports / "templates")
        except OSError as error:
            say(f"The job summary {summary} cannot be written: {error.strerror}.", "-")


def _append(reports: Sequence["Report"], file: Path, templates: Path) -> None:
    """Add the summary of each to the file; what is left of its room is shared out evenly."""
    from kimi_conformance.reporting import markdown

    with file.open("ab") as lines:
        left = SUMMARY_LIMIT - lines.tell()
        for number, report in enumerate(reports):
            content = markdown(report, templates, limit=left // (len(reports) - number)).encode()
            lines.write(content + b"\n")
            left -= len(content) + 1
