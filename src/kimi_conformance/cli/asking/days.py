"""Which days of the history a report of the service level is asked for."""

from dataclasses import dataclass

import click

from kimi_conformance.cli.asking.gathering import gathered
from kimi_conformance.errors import UsageError

__all__ = ["FORMATS", "Days", "days"]

FORMATS = ("html", "md", "json", "pdf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """Which days a report is asked for.

    Attributes:
        since, until: The first and the last one, as they were given.
        formats: Names with commas between them, or None.
    """

    since: str | None
    until: str | None
    formats: str | None

    @property
    def is_window(self) -> bool:
        """Whether a report over a window was asked for at all.

        Raises:
            UsageError: An option of it was given without the window.
        """
        if self.since is None and (self.until or self.formats):
            raise UsageError(
                "--to and --format are of a report over a window, which needs --from DATE."
            )
        return self.since is not None


days = gathered(
    "days",
    Days,
    click.option(
        "--from",
        "since",
        metavar="DATE",
        help="Measure nothing; report from the history, from this day on.",
    ),
    click.option("--to", "until", metavar="DATE", help="Its last day; default: today."),
    click.option(
        "--format",
        "formats",
        metavar="F,…",
        help=f"Of that report: some of {', '.join(FORMATS)}. Default: html,md.",
    ),
)
