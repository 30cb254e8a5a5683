"""Options that several commands share, said once."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from kimi_conformance.cli.asking import completing
from kimi_conformance.errors import UsageError

__all__ = [
    "adapters",
    "baseline",
    "duration",
    "edition",
    "endpoint",
    "json_file",
    "json_flag",
    "load_target",
    "out",
    "samples",
    "seconds",
]

Command = TypeVar("Command", bound=Callable[..., Any])


class Duration(click.ParamType[float]):
    """A length of time: "30s", "10m", "1h" or plain seconds; gives seconds."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Seconds."""
        from kimi_conformance.load.duration import parse_duration

        if isinstance(value, int | float):
            return float(value)
        try:
            return parse_duration(value)
        except UsageError as error:
            self.fail(str(error), param, ctx)


seconds = Duration()

edition = click.option(
    "--edition",
    default=None,
    metavar="E",
    shell_complete=completing.editions,
    help="The API as of which date; found out on live.",
)

baseline = click.option(
    "--baseline",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What is known to fail, as TOML: see conformance/baselines.",
)

out = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("reports/out"),
    show_default=True,
    help="Where a folder for this run is made.",
)


def _file(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """A file that the answer can be written to, or "-": said before a run, not after it."""
    if value is None or value == "-":
        return value
    path = Path(value)
    if path.is_dir():
        raise click.BadParameter(f"{path} is a folder. Name a file in it: {path / 'answer.json'}")
    if not path.parent.is_dir():
        raise click.BadParameter(
            f"there is no folder {path.parent}. Make it, or name another file, or '-' for stdout."
        )
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise click.BadParameter(f"{path} cannot be written. Name another file, or '-' for stdout.")
    return value


json_file = click.option(
    "--json",
    "json_file",
    metavar="FILE",
    callback=_file,
    shell_complete=completing.files,
    help="Write the answer as JSON; '-' is stdout, everything else then goes to stderr.",
)


def _all(*chosen: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def apply(command: Command) -> Command:
        for option in reversed(chosen):
            command = option(command)
        return command

    return apply


def _warned(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """The key; on a command line it is in the machine's list of processes, so say so."""
    if param.name and ctx.get_parameter_source(param.name) is ParameterSource.COMMANDLINE:
        click.echo(
            "Warning: everybody on this machine can read a key on a command line; "
            "set KIMI_API_KEY instead.",
            err=True,
        )
    return value


def _kept(ctx: click.Context, _: click.Parameter, commands: tuple[str, ...]) -> None:
    """Keep the commands of applications for `_with_applications`."""
    ctx.meta[_APPLICATIONS] = tuple(f"command:{command}" for command in commands)


def _with_applications(
    ctx: click.Context, _: click.Parameter, named: tuple[str, ...]
) -> tuple[str, ...]:
    """The adapters that were named, and those that are commands of applications."""
    return (*named, *ctx.meta[_APPLICATIONS])


_APPLICATIONS = "kimi_conformance.applications"

adapters = _all(
    click.option(
        "--adapter",
        "adapters",
        multiple=True,
        metavar="A",
        callback=_with_applications,
        shell_complete=completing.adapters,
        help="An adapter: a name, or package.module:factory. Repeatable.",
    ),
    click.option(
        "--adapter-command",
        multiple=True,
        metavar="C",
        is_eager=True,
        expose_value=False,
        callback=_kept,
        help="A finished application: 'app --prompt {prompt}'; it is told base URL and key by "
        "KIMI_BASE_URL, KIMI_API_KEY and OPENAI_…. Repeatable.",
    ),
)

endpoint = _all(
    click.option("--base-url", envvar="KIMI_BASE_URL", metavar="U", help="The live endpoint."),
    click.option(
        "--api-key",
        envvar="KIMI_API_KEY",
        metavar="K",
        callback=_warned,
        help="Its key. Better by KIMI_API_KEY: others can read a command line.",
    ),
)

samples = click.option(
    "--samples",
    type=click.IntRange(min=1),
    metavar="N",
    help="Requests for each requirement that is decided by a share; default: as it says itself.",
)

load_target = click.option(
    "--target",
    type=click.Choice(["simulator", "live"]),
    help="What is loaded. Default: live with a base URL, else the simulator.",
)

duration = click.option(
    "--duration", type=seconds, default="60s", show_default=True, help="How long: 30s, 10m, 1h."
)

json_flag = click.option("--json", "as_json", is_flag=True, help="Answer with JSON on stdout.")
