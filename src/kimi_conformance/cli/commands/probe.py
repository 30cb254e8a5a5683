"""`kimi-conformance probe`: one small request an interval, remembered at once."""

import os
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from random import Random

import click

from kimi_conformance.cli.asking import live_options, options
from kimi_conformance.cli.asking.helping import command
from kimi_conformance.cli.asking.live_options import Allowance
from kimi_conformance.cli.asking.stopping import told_to_stop
from kimi_conformance.cli.asking.target import DEFAULT_BASE_URL
from kimi_conformance.cli.keeping.history_file import history_file
from kimi_conformance.cli.showing import show
from kimi_conformance.errors import UsageError
from kimi_conformance.history.past import Probe
from kimi_conformance.history.store import History
from kimi_conformance.probing.metrics import Metrics, serve
from kimi_conformance.probing.request import Probing
from kimi_conformance.probing.schedule import Prober
from kimi_conformance.stage import Budget, refuse_unsendable

__all__ = ["probe"]

LONGEST = 30.0  # seconds that a request may take, or the interval if that is shorter


@command("probe --model kimi-k2.6 --interval 1m")
@click.option(
    "--base-url",
    envvar="KIMI_BASE_URL",
    default=DEFAULT_BASE_URL,
    show_default=True,
    metavar="U",
    help="The live endpoint; also by KIMI_BASE_URL.",
)
@click.option(
    "--model", "models", multiple=True, required=True, metavar="M", help="Whom to ask. Repeatable."
)
@click.option(
    "--interval",
    type=options.seconds,
    default="60s",
    show_default=True,
    help="From one probe to the next.",
)
@click.option(
    "--for", "for_s", type=options.seconds, metavar="TIME", help="How long; default: for ever."
)
@click.option("--once", is_flag=True, help="One round, for cron; --interval says how often.")
@live_options.allowance
@click.option(
    "--metrics-port", type=click.IntRange(0, 65535), metavar="P", help="Serve OpenMetrics there."
)
@click.option(
    "--metrics-host",
    default="127.0.0.1",
    show_default=True,
    metavar="H",
    help="The address of that port.",
)
@history_file
@options.json_file
def probe(
    base_url: str,
    models: tuple[str, ...],
    interval: float,
    for_s: float | None,
    once: bool,
    allowance: Allowance,
    metrics_port: int | None,
    metrics_host: str,
    history: Path,
    json_file: str | None,
) -> int:
    """Send one small streamed request an interval to each model, and remember how it went.

    The key is read from KIMI_API_KEY, and from nowhere else. Time in which no probe was sent is
    unknown, and never counted as up: see `kimi-conformance sla --from DATE`.

    Exit code: 0, or of --once 1 where a probe was bad.
    """
    key = os.environ.get("KIMI_API_KEY", "")
    if not key:
        raise UsageError("A probe needs a key: set KIMI_API_KEY.")
    refuse_unsendable(base_url, key)
    if interval < 1:
        raise UsageError(
            f"An interval of {interval:g} s is a load test. Probe every second at most."
        )
    seen: Counter[str] = Counter()
    times, metrics = _Times(), Metrics()
    with ExitStack() as stack:
        stack.enter_context(told_to_stop(times.stop.set))
        opened = stack.enter_context(History(history, create=True))
        if metrics_port is not None:
            port = stack.enter_context(serve(metrics, metrics_host, metrics_port))
            show.say(f"Metrics: http://{metrics_host}:{port}/metrics", json_file)

        def remember(one: Probe) -> None:
            seen[one.error] += 1
            metrics.take(one)
            show.say(_line(one), json_file)
            opened.add_probe(one)

        prober = Prober(
            asking=stack.enter_context(
                Probing(base_url, key, limit_s=min(LONGEST, interval), clock=time.perf_counter)
            ),
            base_url=base_url,
            models=models,
            interval_s=interval,
            remember=remember,
            warn=lambda text: show.say(f"Warning: {text}", "-"),
            budget=Budget(**asdict(allowance)),
            times=times,
            random=Random(),  # noqa: S311 - of jitter, no secret
        )
        if once:
            prober.once()
        else:
            show.say(f"Ended: {prober.run(for_s)}", json_file)
    bad = sum(seen.values()) - seen["ok"]
    show.answer({"probes": sum(seen.values()), "bad": bad, "by_error": dict(seen)}, json_file)
    return 1 if once and bad else 0


class _Times:
    """The system's clocks; a wait ends early when somebody asks to stop."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.now = time.time
        self.ticks = time.monotonic
        self.wait = self.stop.wait


def _line(one: Probe) -> str:
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(one.at))
    first = "" if one.ttft_s is None else f", first token after {one.ttft_s:.3f} s"
    return f"{at}  {one.model}  {one.error}{first}{f': {one.detail}' if one.detail else ''}"
