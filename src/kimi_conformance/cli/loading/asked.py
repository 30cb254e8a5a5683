"""What `load` and `sla` are asked for: a run, a plan of one, or work for a master."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from kimi_conformance.cli.asking.load_options import Wanted
from kimi_conformance.cli.asking.target import Target, UnreachableTargetError, inspect
from kimi_conformance.cli.loading.plan import foreseen, guard, plan_of_load, tell_load
from kimi_conformance.cli.loading.run import Order, measure, passed_on
from kimi_conformance.cli.showing import show
from kimi_conformance.errors import UsageError
from kimi_conformance.load.running.launch import serve_master
from kimi_conformance.load.users.scenario import read_header
from kimi_conformance.suite import Suite

__all__ = ["loaded"]

_AGAIN = 0.5  # seconds between two looks for a target


def loaded(
    suite: Suite, job: str, scenario: str, wanted: Wanted, *, out: Path, json_file: str | None
) -> int:
    """Do what `load` and `sla` are asked for; the exit code.

    Args:
        suite: The content.
        job: The command's name.
        scenario: The name of one.
        wanted: What load is wanted, and of whom.
        out: Where the run's folder is made.
        json_file: Where the machine's answer goes, or None.
    """
    crew, worker = wanted.hands
    order = Order(scenario=scenario, duration_s=wanted.duration, bounds=wanted.bounds, crew=crew)
    header = read_header(suite.scenario(scenario))
    simulated = wanted.lane == "simulator"
    if simulated and (worker is not None or crew.bind is not None):
        raise UsageError(
            "Workers of several machines need a target that all of them reach: name it with "
            "--base-url."
        )
    if wanted.edition and header.edition and wanted.edition != header.edition:
        show.say(
            f"{scenario} is written for edition {header.edition}: in {wanted.edition} its "
            "objectives may mean something else.",
            "-",
        )
    edition = wanted.edition or (header.edition if simulated else None)
    asked = foreseen(suite, wanted.lane, edition=edition, live=wanted.live)
    shape = (suite, scenario, asked, order.duration_s, order.bounds)
    if wanted.plan is not None:
        tell_load(plan_of_load(*shape, wanted.plan), json_file)
        return 0
    if worker is None:
        guard(*shape, yes_live=wanted.yes_live)
    find = partial(inspect, suite, wanted.lane, edition=edition, live=wanted.live)
    target = _once_up(find, wanted.wait_for)
    if worker is not None:
        _serve(suite, order, target, worker, out)
        return 0
    return measure(suite, job, target, order, out=out, json_file=json_file)


def _once_up(find: Callable[[], Target], seconds: float | None) -> Target:
    """The target, once it is up.

    Args:
        find: Looks for it.
        seconds: How long it may take to come up after the first look; None: it must be there.

    Raises:
        UnreachableTargetError: It is not.
    """
    limit = None
    while True:
        try:
            return find()
        except UnreachableTargetError as error:
            if seconds is None or (limit is not None and time.monotonic() >= limit):
                raise
            if limit is None:
                limit = time.monotonic() + seconds
                show.say(f"{error} Waiting for it …", "-")
        time.sleep(min(_AGAIN, max(limit - time.monotonic(), 0.0)))


def _serve(suite: Suite, order: Order, target: Target, master: str, out: Path) -> None:
    """Be a worker of a master on another machine.

    Raises:
        UsageError: Nobody answers there, or the master runs something else.
    """
    show.say(f"{order.scenario}: working for {master} …", "-")
    serve_master(
        suite.scenario(order.scenario),
        master,
        base_url=str(target.base_url),
        api_key=str(target.api_key),
        model=str(target.model),
        duration_s=order.duration_s,
        out=out,
        wait_s=order.crew.wait_s,
        on_line=passed_on,
    )
