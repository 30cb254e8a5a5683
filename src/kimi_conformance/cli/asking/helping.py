"""
Commands whose help is found one's way through: options under headings, and an example.

Help is read in terminals of 80 columns by people who do not know the suite yet. Up to a dozen
options stand in one list; more are put under headings, by what they are about.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click

from kimi_conformance.cli.asking.completing import PROGRAM
from kimi_conformance.cli.asking.contradictions import refuse

__all__ = ["Command", "Group", "command", "group"]

FEW = 12  # options that need no headings
_LONG = 1000  # characters of a summary: all of them

Headings = Mapping[str, Sequence[str]]

# Under which heading an option stands, by its name; one that is not here stands under "Options".
HEADINGS: Headings = {
    "What is judged": (
        *("--plane", "--adapter", "--adapter-command", "--edition", "--source", "--fault"),
        *("--requirement", "--topic", "--samples", "--time-limit", "--baseline", "--check"),
    ),
    "What answers": (
        *("--lane", "--target", "--base-url", "--api-key", "--model", "--model-is", "--without"),
        *("--wait-for", "--simulated"),
    ),
    "How long and how much": (
        *("--duration", "--load-duration", "--no-load", "--max-requests", "--max-tokens"),
        *("--max-cost", "--price-in", "--price-out", "--plan", "--expect-bad", "--yes-live"),
        *("--tier", "--rpm", "--concurrency", "--time-limit-total", "--interval", "--for"),
        "--once",
    ),
    "Load from several processes": (
        *("--processes", "--master", "--master-bind", "--expect-workers", "--worker"),
        "--wait-workers",
    ),
    "What is written, and where": (
        *("--out", "--into", "--history", "--json", "--state", "--summary", "--github"),
        *("--webhook", "--link", "--metrics-port", "--metrics-host"),
    ),
}

# Options that people know from the tools inside, and what to type here instead.
_ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "-k",
            "-m",
            "-x",
            "-s",
            "-q",
            "-n",
            "--lf",
            "--tb",
            "--maxfail",
            "--pdb",
            "--collect-only",
        ),
        "is an option of pytest, which is started with options of its own. Choose checks with "
        "--topic and --requirement of 'kimi-conformance check'; or type: pytest --pyargs "
        "kimi_conformance._suite.conformance",
    ),
    **dict.fromkeys(
        ("-u", "--users", "-r", "--spawn-rate", "--host", "-H", "--headless", "-f", "--locustfile"),
        "is an option of Locust, which is started with options of its own. How many users there "
        "are says the scenario (loadtests/*.py); how long, --duration; at whom, --base-url",
    ),
    **dict.fromkeys(
        ("-t", "--run-time"), "is an option of Locust. How long a load runs, says --duration: 10m"
    ),
    **dict.fromkeys(
        ("--key", "--token", "--api_key"),
        "is no option. The key is read from the environment: set KIMI_API_KEY",
    ),
    **dict.fromkeys(
        ("--url", "--endpoint", "--base_url"), "is no option. The endpoint is named by --base-url"
    ),
}


class _Helped(click.Command):
    """What commands and groups of ours have in common.

    Args:
        example: A use of it as it is typed after the program's name: "gate --adapter openai".
        headings: Where this command's options stand, before the usual headings.
    """

    def __init__(
        self, *args: Any, example: str = "", headings: Headings | None = None, **settings: Any
    ) -> None:
        super().__init__(*args, **settings)
        self.example = example
        self.headings = {**(headings or {}), **HEADINGS}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does; an option that belongs to a tool inside is told where it belongs."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            name = error.option_name
            told = _ELSEWHERE.get(name)
            if name.startswith("--kimi-"):
                told = "is an option of the pytest plugin; here it has a name without 'kimi-'"
            if told is None:
                raise
            raise click.UsageError(f"'{name}' {told}.", ctx=ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run it, unless two of its options contradict each other."""
        refuse(ctx)
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, those of a long list under headings."""
        rows = [
            (param.opts[-1], row)
            for param in self.get_params(ctx)
            if isinstance(param, click.Option) and (row := param.get_help_record(ctx)) is not None
        ]
        for heading, members in self._under_headings(rows):
            with formatter.section(heading):
                formatter.write_dl(members)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the example; it is not filled, so that it can be copied."""
        if self.example:
            formatter.write_paragraph()
            formatter.write(f"Example:\n  {PROGRAM} {self.example}\n")

    def _under_headings(
        self, rows: Sequence[tuple[str, tuple[str, str]]]
    ) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """The rows of the help, by heading; all under one where there are few."""
        if len(rows) <= FEW:
            yield "Options", [row for _, row in rows]
            return
        left = dict(rows)
        for heading, names in self.headings.items():
            members = [left.pop(name) for name, _ in rows if name in names and name in left]
            if members:
                yield heading, members
        if left:
            yield "Options", list(left.values())


class Command(_Helped):
    """A command with headings and an example."""


class Group(_Helped, click.Group):
    """A group with an example; the summaries of its commands are shown whole."""

    command_class = Command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, as they were defined."""
        rows = [
            (name, command.get_short_help_str(_LONG))
            for name in self.list_commands(ctx)
            if (command := self.get_command(ctx, name)) is not None and not command.hidden
        ]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, then the commands."""
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


def command(
    example: str, headings: Headings | None = None, **settings: Any
) -> Callable[[Callable[..., Any]], Command]:
    """Makes a command of a function, as `click.command` does."""
    return click.command(cls=Command, example=example, headings=headings, **settings)


def group(
    example: str, cls: type[Group] = Group, **settings: Any
) -> Callable[[Callable[..., Any]], Group]:
    """Makes a group of a function, as `click.group` does."""
    return click.group(cls=cls, example=example, **settings)
