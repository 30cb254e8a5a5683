"""`kimi-conformance simulate`."""

import json
import secrets
import signal
import threading
from types import FrameType

import click

from kimi_conformance import suite as suites
from kimi_conformance.cli.target import DEFAULT_EDITION
from kimi_conformance.simulator import Latency, Simulator
from kimi_conformance.simulator.faults import parse_switch
from kimi_conformance.stage import Stage

__all__ = ["simulate"]


@click.command()
@click.option("--edition", default=DEFAULT_EDITION, show_default=True, help="The API as of when.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=int, default=0, help="0, the default, takes a free one.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of replies and latency.")
@click.option("--ttft", type=float, default=0.0, help="Seconds to the first token.")
@click.option("--itl", type=float, default=0.0, help="Seconds between tokens.")
@click.option("--jitter", type=float, default=0.0, help="Spread of both: 0.1 is some 10 %.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME[:k=v,…]",
    help="Be wrong on purpose: server_error:p=0.02 for 2 % of requests, nth=3 for every third.",
)
@click.option("--json", "as_json", is_flag=True, help="Say where, in one line of JSON.")
def simulate(
    edition: str,
    host: str,
    port: int,
    seed: int,
    ttft: float,
    itl: float,
    jitter: float,
    faults: tuple[str, ...],
    as_json: bool,
) -> None:
    """Serve the embedded Kimi API until SIGTERM or Ctrl-C."""
    key = f"sk-{secrets.token_hex(24)}"
    source = Simulator(
        suites.find().edition(edition),
        api_key=key,
        seed=seed,
        latency=Latency(ttft=ttft, itl=itl, jitter=jitter),
        faults=[parse_switch(fault) for fault in faults],
    )
    stop = threading.Event()

    def leave(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {name: signal.signal(name, leave) for name in (signal.SIGTERM, signal.SIGINT)}
    try:
        with Stage(host=host, port=port) as stage:
            lane = stage.open_lane(source, name="", journal=False)
            if as_json:
                click.echo(json.dumps({"base_url": lane.base_url, "api_key": key}))
            else:
                click.echo(f"export KIMI_BASE_URL={lane.base_url}\nexport KIMI_API_KEY={key}")
                click.echo(f"Serving edition {edition}. Ctrl-C ends it.", err=True)
            stop.wait()
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
