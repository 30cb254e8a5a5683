"""`kimi-conformance nightly` and `sla`: the jobs that load, too."""

import time
from dataclasses import asdict, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import click

from kimi_conformance import suite as suites
from kimi_conformance.adapters.registry import installed
from kimi_conformance.cli.asking import completing, live_options, load_options, options
from kimi_conformance.cli.asking.days import Days, days
from kimi_conformance.cli.asking.helping import command
from kimi_conformance.cli.asking.live_options import Allowance, Offered, Planning
from kimi_conformance.cli.asking.load_options import Bounds, Wanted
from kimi_conformance.cli.asking.pacing import Pacing, limits, pacing
from kimi_conformance.cli.asking.target import LiveEndpoint, inspect, known_model, unasked
from kimi_conformance.cli.checking.judging import Part, judge, plan_of
from kimi_conformance.cli.keeping.history_file import remembered
from kimi_conformance.cli.keeping.run_folder import RunFolder, read_run
from kimi_conformance.cli.loading.asked import loaded
from kimi_conformance.cli.loading.plan import foreseen, guard, plan_of_load, say_load
from kimi_conformance.cli.loading.run import Order, load_with_rest
from kimi_conformance.cli.showing import show
from kimi_conformance.verdicts import RunVerdict

__all__ = ["nightly", "sla"]

SHORT_LOAD = 30.0  # seconds
LOAD = "steady_chat"  # what a nightly run loads with
_NEEDS = {"openai": "openai"}  # adapters whose client is an extra of ours


def available() -> tuple[str, ...]:
    """The adapters of this environment whose client is installed, the reference first."""
    names = [name for name in installed() if find_spec(_NEEDS.get(name, "sys")) is not None]
    return tuple(sorted(names, key=lambda name: (name != "reference", name)))


@command("nightly --lane simulator --load-duration 30s")
@options.adapters
@options.edition
@click.option(
    "--lane",
    type=click.Choice(["live", "simulator"]),
    default="live",
    show_default=True,
    help="What answers: the endpoint at KIMI_BASE_URL, or the embedded simulator.",
)
@live_options.live
@live_options.offered
@live_options.allowance
@pacing
@options.samples
@live_options.planning
@click.option(
    "--max-cost",
    type=click.FloatRange(min=0, min_open=True),
    metavar="DOLLARS",
    help="Budget in dollars, by the price of the model.",
)
@load_options.yes_live
@click.option(
    "--load-duration",
    type=options.seconds,
    help="How long the load test takes: 30s on the simulator; live, none unless said here.",
)
@click.option("--no-load", is_flag=True, help="Leave the load test out.")
@click.option("--no-drift", is_flag=True, help="Do not look for drift.")
@options.baseline
@options.out
@remembered
@options.json_file
def nightly(
    adapters: tuple[str, ...],
    edition: str | None,
    lane: str,
    live: LiveEndpoint,
    offered: Offered,
    allowance: Allowance,
    pacing: Pacing,
    samples: int | None,
    planning: Planning,
    max_cost: float | None,
    yes_live: bool,
    load_duration: float | None,
    no_load: bool,
    no_drift: bool,
    baseline: Path | None,
    out: Path,
    json_file: str | None,
) -> int:
    """Judge adapters and endpoint, look for drift, then load the endpoint a little.

    The key is read from KIMI_API_KEY, the endpoint from KIMI_BASE_URL. One budget is for all:
    checks come first, then drift, then the load; a share of it is kept for those that wait.

    Exit codes: 0 all held, 1 something did not hold or there is drift, 3 it could not be looked.
    """
    began = time.monotonic()
    # It plays cassettes, so it is slow to import, and a shell that completes need not wait for it.
    from kimi_conformance.cli.checking.night import (
        Night,
        Spent,
        look_for_drift,
        priced,
        recordings_offered,
    )

    suite = suites.find()
    bounds = Bounds(
        **asdict(allowance),
        max_cost=max_cost,
        price_in=planning.price_in,
        price_out=planning.price_out,
    )
    asked = foreseen(suite, lane, edition=edition, live=live)
    seconds = None if no_load else load_duration or (SHORT_LOAD if lane == "simulator" else None)
    if seconds is not None and lane == "live" and not planning.plan_only:
        guard(suite, LOAD, asked, seconds, bounds, yes_live=yes_live)
    find = partial(unasked, suite) if planning.plan_only else partial(inspect, suite, lane)
    target = find(edition=edition, live=live, without=offered.without)
    wanted = {"checks": True, "drift": not no_drift, "load": seconds is not None}
    night = Night(
        parts=[part for part, asked_for in wanted.items() if asked_for],
        bounds=priced(suite, target, bounds),
        began=began,
        seconds=pacing.time_total,
        load_s=seconds or 0.0,
    )
    ends, mine = night.ends("checks"), night.bounds_of("checks", Spent())
    pace = limits(pacing, suite.edition(target.edition))
    plan = plan_of(
        target,
        adapters or available(),
        **mine._asdict(),
        time_total=None if ends is None else max(ends - time.monotonic(), 0.0),
        **pace,
        model_is=known_model(suite, target, offered.model_is),
        without=target.without,
        samples=samples,
        baseline=baseline,
    )
    if planning.plan_only:
        from kimi_conformance.cli.checking.plan import (  # it knows all mutants: slow to import
            Prices,
            tell,
        )

        whole = replace(plan, **asdict(allowance))
        again = [] if no_drift else recordings_offered(suite, target)[0]
        prices = Prices(planning.price_in, planning.price_out)
        tell(suite, target, whole, prices, json_file, again)
        if load_duration is None or no_load:
            show.say("A load test (--load-duration) is not in it.", json_file)
        else:
            show.say("", json_file)
            inspected = replace(asked, requests=0)  # it is in the plan of the checks
            say_load(plan_of_load(suite, LOAD, inspected, load_duration, bounds), json_file)
        return 0

    def loaded_last(folder: RunFolder) -> tuple[RunVerdict, str]:
        left = night.bounds_of("load", Spent.by(read_run(folder.evidence).budgets))
        order = Order(scenario=LOAD, duration_s=seconds or 0.0, bounds=left)
        return load_with_rest(suite, order, target, folder)

    parts: dict[str, Part] = {
        "drift": partial(look_for_drift, suite, night, target, pace),
        "load": loaded_last,
    }
    return judge(
        suite,
        "nightly",
        target,
        plan,
        out=out,
        json_file=json_file,
        parts={name: part for name, part in parts.items() if wanted[name]},
    )


@command(
    "sla steady_chat --duration 10m",
    {"A report of the history, in place of a measurement": ("--from", "--to", "--format")},
)
@click.argument("scenario", default="steady_chat", shell_complete=completing.scenarios)
@load_options.wanted
@days
@options.out
@remembered
@options.json_file
def sla(
    scenario: str,
    wanted: Wanted,
    days: Days,
    out: Path,
    json_file: str | None,
) -> int:
    """Measure the service level: what was promised, what was kept, how sure that is.

    The objectives stand in loadtests/slo.toml; the report shows each with its interval.
    With --from, nothing is measured: the report is of the history, over a window of days.
    """
    suite = suites.find()
    if days.is_window:
        from kimi_conformance.cli.keeping import sla_window  # it renders: slow to import

        return sla_window.report(suite, days, wanted, out=out, json_file=json_file)
    return loaded(suite, "sla", scenario, wanted, out=out, json_file=json_file)
