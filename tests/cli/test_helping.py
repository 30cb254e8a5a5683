"""Help is whole: each option is explained, each command has an example, and all fits a terminal."""

import shlex
from collections.abc import Iterator

import click
import pytest

from kimi_conformance import cli
from kimi_conformance.cli.asking.helping import FEW, HEADINGS, Command, Group

WIDTH = 80


def commands(
    command: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """A command and all below it, each with its names."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, (*path, name))


ALL = dict(commands(cli._command))
NAMES = [" ".join(path) or "itself" for path in ALL]
each = pytest.mark.parametrize(("path", "command"), ALL.items(), ids=NAMES)


def help_of(path: tuple[str, ...], command: click.Command) -> str:
    context = click.Context(command, info_name=" ".join(("kimi-conformance", *path)))
    context.terminal_width = WIDTH
    return command.get_help(context)


def options_of(command: click.Command) -> list[click.Option]:
    return [
        param for param in command.params if isinstance(param, click.Option) and not param.hidden
    ]


@each
def test_help_fits_80_columns_and_is_cut_off_nowhere(
    path: tuple[str, ...], command: click.Command
) -> None:
    lines = help_of(path, command).splitlines()

    assert [line for line in lines if len(line) > WIDTH] == []
    assert [line for line in lines[1:] if line.endswith("...")] == []


@each
def test_each_option_is_explained_and_says_what_it_takes(
    path: tuple[str, ...], command: click.Command
) -> None:
    context = click.Context(command)
    options = options_of(command)

    assert [option.name for option in options if not option.help] == []
    takes = {option.name: option.make_metavar(context) for option in options if not option.is_flag}
    assert {
        name: metavar
        for name, metavar in takes.items()
        if metavar.split()[0] in {"TEXT", "INTEGER", "FLOAT", "DURATION"}
    } == {}


@each
def test_each_option_is_written_once_whatever_its_heading(
    path: tuple[str, ...], command: click.Command
) -> None:
    lines = help_of(path, command).splitlines()

    for option in options_of(command):
        name = option.opts[-1]
        assert (
            sum(
                line.startswith(f"  {name}") and line[len(name) + 2 :][:1] in {"", " "}
                for line in lines
            )
            == 1
        ), name


@each
def test_each_command_has_an_example_that_is_understood(
    path: tuple[str, ...], command: click.Command
) -> None:
    assert isinstance(command, Command | Group)
    words = shlex.split(command.example)
    assert f"Example:\n  kimi-conformance {command.example}" in help_of(path, command)
    assert tuple(words[: len(path)]) == path or path == ("load", "run")

    found: click.Command = cli._command
    context = None
    while isinstance(found, click.Group) and words:
        context = found.make_context(found.name, list(words), parent=context)
        _, below, words = found.resolve_command(context, [*context._protected_args, *context.args])
        assert below is not None
        found = below
    found.make_context(found.name, list(words), parent=context)  # raises what is misunderstood


def test_long_lists_of_options_stand_under_headings() -> None:
    check = help_of(("check",), ALL["check",])

    for heading in ("What is judged:", "What answers:", "What is written, and where:"):
        assert f"\n{heading}\n" in check
    assert "\nOptions:\n" in help_of(("scan",), ALL["scan",])


def test_no_option_stands_under_two_headings_and_none_of_them_is_made_up() -> None:
    placed = [name for names in HEADINGS.values() for name in names]
    long = [command for command in ALL.values() if len(options_of(command)) >= FEW]

    assert len(placed) == len(set(placed))
    assert set(placed) <= {
        name for command in ALL.values() for o in options_of(command) for name in o.opts
    }
    assert long
