"""`kimi-conformance drift`: what an endpoint says now that it did not say when recorded."""

from pathlib import Path

import click

from kimi_conformance import suite as suites
from kimi_conformance.cli.asking import completing, live_options, options
from kimi_conformance.cli.asking.gathering import gathered
from kimi_conformance.cli.asking.helping import command
from kimi_conformance.cli.asking.pacing import pacing
from kimi_conformance.cli.drifting.order import CASSETTES, Order

__all__ = ["drift"]

_order = gathered(
    "order",
    Order,
    click.option(
        "--from",
        "from_",
        default=CASSETTES,
        show_default=True,
        metavar="CASSETTES|RUN",
        help="What was said before: 'cassettes', or a run's folder or file.",
    ),
    click.option("--from-edition", metavar="E", help="Of which edition the cassettes are."),
    click.option(
        "--to",
        required=True,
        metavar="LIVE|SIMULATOR|RUN",
        help="Who says it now: 'live', 'simulator', or a run's folder or file.",
    ),
    options.edition,
    live_options.live,
    live_options.allowance,
    pacing,
    click.option(
        "--fault",
        "faults",
        multiple=True,
        metavar="NAME",
        shell_complete=completing.faults,
        help="Of the simulator. Repeatable.",
    ),
    click.option(
        "--seed", type=int, default=0, show_default=True, metavar="N", help="Of the simulator."
    ),
)


@command(
    "drift --to simulator --edition 2026-09",
    {
        "What is compared": ("--from", "--from-edition", "--to", "--edition"),
        "The simulator": ("--fault", "--seed"),
    },
)
@_order
@options.out
@options.json_file
def drift(order: Order, out: Path, json_file: str | None) -> int:
    """Hold recordings against what is answered now, and name each change once.

    Each request is sent twice: what differs between the two answers is noise. A change is
    classed, and said to be the provider's, the document's, the recording's or our own.

    Exit codes: 0 no drift, 1 drift, 3 it could not be looked.
    """
    # It knows all that answers, so it is slow to import, and a shell that completes need not wait.
    from kimi_conformance.cli.drifting.asked import held_against

    return held_against(suites.find(), order, out=out, json_file=json_file)
