"""Options of load runs: whom they load, what they may spend, which processes put the load on."""

from dataclasses import dataclass
from typing import NamedTuple

import click

from kimi_conformance.cli.asking import live_options, options
from kimi_conformance.cli.asking.gathering import gathered
from kimi_conformance.cli.asking.options import seconds
from kimi_conformance.cli.asking.target import LiveEndpoint, lane_of
from kimi_conformance.errors import UsageError
from kimi_conformance.load.running.crew import address
from kimi_conformance.load.running.launch import Crew

__all__ = ["Bounds", "Hands", "Wanted", "wanted", "yes_live"]

_MOST_PROCESSES = 64


class Bounds(NamedTuple):
    """What the user allows a run to spend, and says that tokens cost."""

    max_requests: int | None = None
    max_tokens: int | None = None
    max_cost: float | None = None
    price_in: float | None = None
    price_out: float | None = None


class Hands(NamedTuple):
    """Which processes put the load on.

    Attributes:
        crew: Of this run.
        worker: The address of the master that this process is to work for, or None.
    """

    crew: Crew = Crew()
    worker: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What load is wanted, and of whom.

    Attributes:
        target: "simulator" or "live", or None: live where a base URL is given.
        edition: Of the API, or None: that of the scenario, or of what a live endpoint lists.
        live: The live endpoint; its model is asked of the simulator, too.
        duration: Seconds.
        bounds: What it may spend.
        plan: Which share of requests is expected to be bad, where only a plan is wanted.
        yes_live: Whether a live endpoint may be loaded with more than a few requests.
        wait_for: Seconds that the target may take to come up; None: it must be there.
        hands: Which processes put the load on.
    """

    target: str | None
    edition: str | None
    live: LiveEndpoint
    duration: float
    bounds: Bounds
    plan: float | None
    yes_live: bool
    wait_for: float | None
    hands: Hands

    @property
    def lane(self) -> str:
        """What is loaded: "simulator" or "live"."""
        return lane_of(self.target, self.live.base_url, default="simulator")


_bounds = gathered(
    "bounds",
    Bounds,
    click.option("--max-requests", type=click.IntRange(min=1), metavar="N", help="Send no more."),
    click.option(
        "--max-tokens",
        type=click.IntRange(min=1),
        metavar="N",
        help="Of prompts and answers together; what is under way counts at its worst.",
    ),
    click.option(
        "--max-cost",
        type=click.FloatRange(min=0, min_open=True),
        metavar="DOLLARS",
        help="By the price of the model.",
    ),
    click.option(
        "--price-in",
        type=click.FloatRange(min=0),
        metavar="DOLLARS",
        help="A million prompt tokens; default: as the edition lists the model.",
    ),
    click.option(
        "--price-out", type=click.FloatRange(min=0), metavar="DOLLARS", help="The same of answers."
    ),
)


def _to_hands(
    *,
    processes: int,
    master: bool,
    master_bind: str,
    expect_workers: int | None,
    worker: str | None,
    wait_workers: float,
) -> Hands:
    if worker is not None and (master or processes > 1):
        raise UsageError("A process is a worker, or it has workers: leave out one of the two.")
    if master and processes > 1:
        raise UsageError(
            "A master of other machines starts no workers itself. Leave out --processes, and start "
            "a worker on this machine too: the same command, with --worker in place of --master."
        )
    if master and expect_workers is None:
        raise UsageError("Say how many workers the master is to wait for: --expect-workers 2")
    bind = master_bind if master else None
    for place in (bind, worker):
        if place is not None:
            address(place)  # a wrong one shows before anything is done
    return Hands(
        Crew(processes=processes, bind=bind, expect=expect_workers or 0, wait_s=wait_workers),
        worker,
    )


_hands = gathered(
    "hands",
    _to_hands,
    click.option(
        "--processes",
        type=click.IntRange(1, _MOST_PROCESSES),
        metavar="N",
        default=1,
        show_default=True,
        help="Spread the load over so many processes of this machine.",
    ),
    click.option("--master", is_flag=True, help="Lead workers on other machines."),
    click.option(
        "--master-bind",
        metavar="HOST:PORT",
        default="127.0.0.1:5557",
        show_default=True,
        help="Where they come to. Whoever reaches it can join: let only workers reach it.",
    ),
    click.option(
        "--expect-workers",
        type=click.IntRange(min=1),
        metavar="N",
        help="How many of them there are.",
    ),
    click.option(
        "--worker", metavar="HOST:PORT", help="Work for the master there; all else as it has it."
    ),
    click.option(
        "--wait-workers",
        type=seconds,
        default="60s",
        show_default=True,
        help="How long master and workers wait for each other.",
    ),
)

_wait_for = click.option(
    "--wait-for",
    type=seconds,
    metavar="TIME",
    help="Wait so long for the target to come up; default: it must be there.",
)

yes_live = click.option(
    "--yes-live", is_flag=True, help="Load a live endpoint with more than a few requests."
)

_plan = gathered(
    "plan",
    lambda plan_only, expect_bad: expect_bad if plan_only else None,
    click.option(
        "--plan", "plan_only", is_flag=True, help="Say what it would send and cost; send nothing."
    ),
    click.option(
        "--expect-bad",
        type=click.FloatRange(0, 1),
        default=0.0,
        show_default=True,
        metavar="SHARE",
        help="For the plan: which share of the requests will be bad.",
    ),
)

wanted = gathered(
    "wanted",
    Wanted,
    options.load_target,
    options.edition,
    live_options.live,
    options.duration,
    _bounds,
    _plan,
    yes_live,
    _wait_for,
    _hands,
)
