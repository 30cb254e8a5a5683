"""`kimi-conformance simulate`."""

import gc
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from select import select
from threading import Thread
from typing import Any

import click

from kimi_conformance.cli.asking import completing
from kimi_conformance.cli.asking.gathering import gathered
from kimi_conformance.cli.asking.helping import command
from kimi_conformance.cli.asking.stopping import told_to_stop
from kimi_conformance.cli.asking.target import DEFAULT_EDITION
from kimi_conformance.cli.loading.workers import Plan, serve, serve_by_workers
from kimi_conformance.errors import UsageError
from kimi_conformance.simulator import Latency

__all__ = ["simulate"]

TIERS = ("free", "t1", "t2", "t3", "t4", "t5", "none")
DEFAULT_TIER = "t5"


def _amount(option: str, metavar: str, help: str) -> Callable[[Any], Any]:
    return click.option(
        option,
        type=click.FloatRange(min=0),
        default=0.0,
        show_default=True,
        metavar=metavar,
        help=help,
    )


_latency = gathered(
    "latency",
    Latency,
    _amount("--ttft", "SECONDS", "To the first token."),
    _amount("--itl", "SECONDS", "Between tokens."),
    _amount("--jitter", "SHARE", "Spread of both: 0.1 is some 10 %."),
)


@command(
    "simulate --port 8000 --fault server_error:p=0.02",
    {
        "What is served": ("--edition", "--tier", "--balance", "--fault", "--seed"),
        "How fast": ("--ttft", "--itl", "--jitter", "--workers"),
        "Where": ("--host", "--port", "--send-log", "--json"),
    },
)
@click.option(
    "--edition",
    default=DEFAULT_EDITION,
    show_default=True,
    metavar="E",
    shell_complete=completing.editions,
    help="The API as of which date.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="H",
    help="The address to listen on.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="P",
    help="Of that address; 0, the default, takes a free one.",
)
@click.option(
    "--tier",
    type=click.Choice(TIERS),
    help="Whose rate limits hold: chats at a time, chats and tokens a minute, tokens a day. "
    f"Default: {DEFAULT_TIER}, or none with several workers.",
)
@click.option(
    "--balance",
    type=float,
    metavar="DOLLARS",
    help="Start with so much, and pay for each chat what the model costs; at 0 there are no more. "
    "Default: chats are free.",
)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    metavar="N",
    help="Of replies and latency.",
)
@_latency
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME[:k=v,…]",
    shell_complete=completing.faults,
    help="Be wrong on purpose: server_error:p=0.02 for 2 % of requests, nth=3 for the third only. "
    "Repeatable.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    metavar="N",
    help="Processes on the port. They share nothing, so --tier and --balance need one; a cache, "
    "file or batch is known only to the worker that made it, and each counts nth for itself.",
)
@click.option(
    "--send-log",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write here, a JSON line an answer, when each frame was due and when it was sent.",
)
@click.option(
    "--json",
    "json_to",
    type=click.Choice(["-"]),
    is_flag=False,
    flag_value="-",
    help="Say where, in one line of JSON on stdout; the same as a bare --json.",
)
@click.option("--until-eof", is_flag=True, hidden=True, help="End when stdin does.")
def simulate(
    edition: str,
    host: str,
    port: int,
    tier: str | None,
    balance: float | None,
    seed: int,
    latency: Latency,
    faults: tuple[str, ...],
    workers: int,
    send_log: Path | None,
    json_to: str | None,
    until_eof: bool,
) -> None:
    """Serve the embedded Kimi API until SIGTERM or Ctrl-C."""
    if workers > 1 and (balance is not None or tier not in {None, "none"}):
        raise UsageError(
            "Several workers would each count for themselves. Leave out --tier and --balance, "
            "or --workers."
        )
    chosen = tier or (DEFAULT_TIER if workers == 1 else "none")
    plan = Plan(
        edition=edition,
        api_key=f"sk-{secrets.token_hex(24)}",
        host=host,
        port=port,
        seed=seed,
        latency=latency,
        faults=faults,
        balance=balance,
        tier=None if chosen == "none" else chosen,
        send_log=send_log,
    )
    if send_log is not None:
        _empty(send_log)
    with _stop(until_eof=until_eof) as stop:
        if workers == 1:
            with serve(plan) as url:
                gc.freeze()  # what is there now stays: no pause to look through it again
                _announce(plan, url, as_json=json_to is not None)
                select([stop], [], [])
        else:
            with serve_by_workers(plan, workers, stop) as (url, crew):
                if url:
                    _announce(plan, url, as_json=json_to is not None)
                crew.watch(stop)


def _announce(plan: Plan, url: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"base_url": url, "api_key": plan.api_key}))
    else:
        click.echo(f"export KIMI_BASE_URL={url}\nexport KIMI_API_KEY={plan.api_key}")
        click.echo(f"Serving edition {plan.edition}. Ctrl-C ends it.", err=True)


def _empty(file: Path) -> None:
    """Begin the file anew: workers append to it."""
    try:
        file.write_bytes(b"")
    except OSError as error:
        raise UsageError(
            f"The send log {file} cannot be written: {error.strerror}. Name another file."
        ) from error


@contextmanager
def _stop(*, until_eof: bool) -> Iterator[int]:
    """A file descriptor that becomes readable at SIGTERM or Ctrl-C.

    Args:
        until_eof: Whether it does so at the end of stdin too: whoever started this process and
            was killed could not tell it to stop.
    """
    readable, writable = os.pipe()

    def leave() -> None:
        os.write(writable, b"x")

    def await_end() -> None:
        with suppress(OSError):  # the pipe is closed where it was told otherwise before
            while os.read(0, 4096):
                pass
            leave()

    if until_eof:
        Thread(target=await_end, daemon=True).start()
    try:
        with told_to_stop(leave):
            yield readable
    finally:
        os.close(readable)
        os.close(writable)
