"""Options that several commands share, said once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = [
    "adapters",
    "baseline",
    "budget",
    "duration",
    "edition",
    "endpoint",
    "json_file",
    "json_flag",
    "live",
    "load_target",
    "out",
    "seconds",
]

Command = TypeVar("Command", bound=Callable[..., Any])


class Duration(click.ParamType[float]):
    """A length of time: "30s", "10m", "1h" or plain seconds; gives seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        from kimi_conformance.errors import UsageError
        from kimi_conformance.load.duration import parse_duration

        if isinstance(value, int | float):
            return float(value)
        try:
            return parse_duration(value)
        except UsageError as error:
            self.fail(str(error), param, ctx)


seconds = Duration()

edition = click.option(
    "--edition", default=None, metavar="E", help="The API as of which date; found out on live."
)

adapters = click.option(
    "--adapter",
    "adapters",
    multiple=True,
    metavar="A",
    help="An adapter: a name, or package.module:factory. Repeatable.",
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

json_file = click.option(
    "--json",
    "json_file",
    metavar="FILE",
    help="Write the answer as JSON; '-' is stdout, everything else then goes to stderr.",
)


def _all(*chosen: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def apply(command: Command) -> Command:
        for option in reversed(chosen):
            command = option(command)
        return command

    return apply


endpoint = _all(
    click.option("--base-url", envvar="KIMI_BASE_URL", metavar="U", help="The live endpoint."),
    click.option(
        "--api-key",
        envvar="KIMI_API_KEY",
        metavar="K",
        help="Its key. Better by KIMI_API_KEY: others can read a command line.",
    ),
)

live = _all(endpoint, click.option("--model", metavar="M", help="The model to ask."))

budget = _all(
    click.option("--max-requests", type=int, metavar="N", help="Budget on live: requests."),
    click.option("--max-tokens", type=int, metavar="N", help="Budget on live: tokens asked for."),
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
