"""Options about a live endpoint: which one, what it offers, what it is sent, what that costs."""

from collections.abc import Sequence
from dataclasses import dataclass

import click

from kimi_conformance.cli.asking import completing
from kimi_conformance.cli.asking.gathering import gathered
from kimi_conformance.cli.asking.offered import parse_without
from kimi_conformance.cli.asking.options import endpoint
from kimi_conformance.cli.asking.target import LiveEndpoint

__all__ = ["Allowance", "Offered", "Planning", "allowance", "live", "offered", "planning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What the user says of the endpoint.

    Attributes:
        model_is: Which model of the edition its model is, or None: the one of its name.
        without: The capabilities that it does not offer, each once; or "unserved" among them.
    """

    model_is: str | None
    without: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How much may be sent; None is no limit.

    Attributes:
        max_requests: Requests, with those that find out whether there is anything to judge.
        max_tokens: Tokens asked for.
    """

    max_requests: int | None
    max_tokens: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """Whether only a plan is wanted, and what tokens cost in it.

    Attributes:
        plan_only: Nothing is sent.
        price_in: Dollars a million prompt tokens, or None: as the edition lists the model.
        price_out: The same of answers.
    """

    plan_only: bool
    price_in: float | None
    price_out: float | None


live = gathered(
    "live",
    LiveEndpoint,
    endpoint,
    click.option(
        "--model", metavar="M", shell_complete=completing.models, help="The model to ask."
    ),
)


def _offered(model_is: str | None, without: Sequence[str]) -> Offered:
    return Offered(model_is=model_is, without=parse_without(without))


offered = gathered(
    "offered",
    _offered,
    click.option(
        "--model-is",
        metavar="ID",
        shell_complete=completing.models,
        help="Which model of the edition that is, where the endpoint names it otherwise.",
    ),
    click.option(
        "--without",
        multiple=True,
        metavar="A,B",
        shell_complete=completing.capabilities,
        help="What the endpoint does not offer: caching, files, …; or 'unserved', whatever it "
        "answers 404 for. Its checks are then not claimed.",
    ),
)

allowance = gathered(
    "allowance",
    Allowance,
    click.option(
        "--max-requests",
        type=click.IntRange(min=1),
        metavar="N",
        help="Budget on live: requests.",
    ),
    click.option(
        "--max-tokens",
        type=click.IntRange(min=1),
        metavar="N",
        help="Budget on live: tokens asked for.",
    ),
)

planning = gathered(
    "planning",
    Planning,
    click.option("--plan", "plan_only", is_flag=True, help="Say what it would cost; send nothing."),
    click.option("--price-in", type=float, metavar="D", help="Dollars a million prompt tokens."),
    click.option("--price-out", type=float, metavar="D", help="The same of answers."),
)
