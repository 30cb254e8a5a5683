"""
The command line: three jobs (gate, nightly, sla) and the parts they are made of.

Each command is imported when it is called, so that `--help` is quick. Exit codes are the
same everywhere: 0 held, 1 not held, 2 wrong use, 3 inconclusive.
"""

import importlib
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from errno import ENAMETOOLONG, ENOSPC
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from kimi_conformance import __version__
from kimi_conformance.cli.asking import completing
from kimi_conformance.cli.asking.helping import Group
from kimi_conformance.errors import KimiConformanceError, UsageError, nearest

__all__ = ["main"]

_COMMANDS: Mapping[str, tuple[str, str]] = {
    "gate": ("gate", "Judge an adapter offline, by recordings: for every pull request."),
    "nightly": ("jobs", "Judge adapters and endpoint against the API, then load it a little."),
    "sla": ("jobs", "Measure the service level and say what was kept."),
    "check": ("check", "Run the checks of one or both planes."),
    "load": ("load", "Run one load scenario and judge it by its objectives."),
    "report": ("report", "Render a run again, or one that was cut short."),
    "rejudge": ("rejudge", "Judge a run's evidence again, by the laws and objectives of today."),
    "history": ("history", "See and keep what earlier runs have shown."),
    "compare": ("compare", "Show what is different between two runs, and how sure that is."),
    "trend": ("trend", "Show how a requirement or an objective went over time."),
    "probe": ("probe", "Send one small request an interval, and remember how it went."),
    "record": ("record", "Make the cassettes anew, or say what ails them."),
    "scan": ("scan", "Find secrets in what was written."),
    "drift": ("drift", "Show what is answered otherwise than it was recorded."),
    "notify": ("notify", "Tell what is wrong when it begins, and when it has ended."),
    "simulate": ("simulate", "Serve the embedded Kimi API."),
    "faults": ("faults", "List how the simulator can be wrong on purpose."),
    "selfcheck": ("selfcheck", "Show that every check can fail, and only when it should."),
    "mutate-cassettes": ("mutate_cassettes", "Show that what cassettes say is looked at."),
    "models": ("models", "See, change and verify how the models are configured."),
    "choose": ("choose", "Name the model to take, and say why."),
    "requirements": ("requirements", "List what must hold, and what is left out."),
    "adapters": ("adapters", "List the adapters and what they claim; verify a process."),
    "matrix": ("matrix", "Judge all installed clients, and show them side by side."),
    "doctor": ("doctor", "Find out what is wrong with this installation."),
    "completion": ("completion", "Let your shell complete commands, options and names."),
}
_OF_FILES: Mapping[int, tuple[int, str]] = {
    ENOSPC: (3, "there is no room left where this writes to. Make some."),
    ENAMETOOLONG: (2, "a file that was named has a longer name than it may have. Name another."),
}
_NOBODY_READS = 141  # as shells tell of a program that wrote into a closed pipe: 128 + SIGPIPE


class _Commands(Group):
    """Knows the names and summaries of all commands; imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, _ = _COMMANDS[cmd_name]
        found: click.Command = getattr(
            importlib.import_module(f"kimi_conformance.cli.commands.{module}"),
            cmd_name.replace("-", "_"),
        )
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if ctx.resilient_parsing:  # a shell asks: what is unknown is no error then
            return super().resolve_command(ctx, args)
        if args[0] not in _COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(
                f"There is no command '{args[0]}'. {nearest(args[0], _COMMANDS)}"
            )
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands that begin so, none of them imported; else what click offers."""
        found = [
            CompletionItem(name, help=summary)
            for name, (_, summary) in _COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return found or super().shell_complete(ctx, incomplete)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; one whose reader has gone, as `head` does, ends without a word."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            with Path(os.devnull).open("w") as nowhere:
                os.dup2(nowhere.fileno(), sys.stdout.fileno())  # what is left is written there
            return _NOBODY_READS

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        rows = [(name, summary) for name, (_, summary) in _COMMANDS.items()]
        with formatter.section("Jobs"):
            formatter.write_dl(rows[:3])
        with formatter.section("Parts"):
            formatter.write_dl(rows[3:])


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    example="check --topic streaming",
)
@click.version_option(__version__, prog_name="kimi-conformance")
def _command() -> None:
    """Prove that a client of the Kimi API, or an endpoint, does what is documented.

    Exit codes: 0 held, 1 not held, 2 wrong use, 3 inconclusive.
    """


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Take SIGTERM, by which CI systems stop a job, as Ctrl-C is taken."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def main() -> None:
    """Run the command and leave with its exit code."""
    if completing.VARIABLE in os.environ:
        completing.quietly(lambda: _command.main(prog_name=completing.PROGRAM))
        return
    try:
        with _sigterm_interrupts():
            code = _command.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = 2
    except click.Abort as stopped:
        click.echo(f"\n{stopped}" if stopped.args else "Stopped.", err=True)
        code = 130
    except KimiConformanceError as error:
        from kimi_conformance.cli.showing.show import say

        say(f"Error: {error}", "-")
        code = 2 if isinstance(error, UsageError) else 3
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "kimi_conformance":
            raise  # a fault of ours, not of the installation
        click.echo(
            f"Error: this installation is not whole: {error}. What else is wrong with it, and how "
            "to mend it, is told by: kimi-conformance doctor",
            err=True,
        )
        code = 3
    except OSError as error:
        if error.errno is None or error.errno not in _OF_FILES:
            raise
        code, text = _OF_FILES[error.errno]
        click.echo(f"Error: {text}", err=True)
    sys.exit(code if isinstance(code, int) else 0)
