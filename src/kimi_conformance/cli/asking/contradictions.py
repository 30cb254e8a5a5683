"""Options that cannot both be meant: said before anything is run, rather than one passed over."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import click
from click.core import ParameterSource

from kimi_conformance.errors import UsageError

__all__ = ["refuse"]

_NOT_LIVE = ("cassette", "simulator")


@dataclass(frozen=True, slots=True)
class Given:
    """What was given to a command."""

    ctx: click.Context

    def __getitem__(self, name: str) -> Any:
        """The value of an option; None where the command has no such option."""
        return self.ctx.params.get(name)

    def typed(self, name: str) -> bool:
        """Whether it was given on the command line, not by the environment or as a default."""
        return self.ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two options at odds.

    Attributes:
        holds: Whether both were given.
        told: What is wrong, and what to do.
    """

    holds: Callable[[Given], object]
    told: str


CONTRADICTIONS: Sequence[Contradiction] = (
    Contradiction(
        lambda given: given.typed("base_url") and given["lane"] in _NOT_LIVE,
        "--base-url names an endpoint, and with --lane cassette or simulator none is asked. Leave "
        "out one of the two, or say --lane live.",
    ),
    Contradiction(
        lambda given: given.typed("base_url") and given["target"] == "simulator",
        "--base-url names an endpoint, and --target simulator loads the embedded one. Leave out "
        "one of the two.",
    ),
    Contradiction(
        lambda given: given["plane"] == "endpoint" and given["adapters"],
        "--plane endpoint judges no adapter, so --adapter would change nothing. Leave out one of "
        "the two.",
    ),
    Contradiction(
        lambda given: given["no_load"] and given.typed("load_duration"),
        "--no-load leaves out the load that --load-duration asks for. Leave out one of the two.",
    ),
)


def refuse(ctx: click.Context) -> None:
    """Return if what a command was given can be meant.

    Raises:
        UsageError: Two options are at odds.
    """
    given = Given(ctx)
    for each in CONTRADICTIONS:
        if each.holds(given):
            raise UsageError(each.told)
