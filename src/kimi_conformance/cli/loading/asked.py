"""What `load` and `sla` are asked for: a run, a plan of one, or work for a master."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kimi_conformance.cli.asking.target import Target, UnreachableTargetError, inspect
from kimi_conformance.cli.loading.plan import foreseen, guard, plan_of_load, tell_load
from kimi_conformance.cli.loading.run import Order, measure, passed_on
from kimi_conformance.cli.showing import show
from kimi_conformance.errors import UsageError
from kimi_conformance.load.running.launch import serve_master
from kimi_conformance.load.users.scenario import read_header
from kimi_conformance.suite import Suite

__all__ = ["Whom", "loaded"]

_AGAIN = 0.5  # seconds between two looks for a target


@dataclass(frozen=True, slots=True)
class Whom:
    """Who is to be loaded, as the user has said it; None: not said."""

    lane: str
    edition: str | None
    base_url: str | None
    api_key: str | None
    model: str | None


def loaded(
    suite: Suite,
    job: str,
    order: Order,
    whom: Whom,
    *,
    plan: float | None,
    yes_live: bool,
    wait_for: float | None,
    worker: str | None,
    out: Path,
    json_file: str | None,
) -> int:
    """Do what `load` and `sla` are asked for; the exit code.

    Args:
        suite: The content.
        job: The command's name.
        order: What load is wanted.
        whom: Who is to be loaded.
        plan: Which share of requests is expected to be bad, where only a plan is wanted.
        yes_live: Whether a live endpoint may be loaded with more than a few requests.
        wait_for: Seconds that the target may take to come up, or None.
        worker: The address of the master to work for, or None.
        out: Where the run's folder is made.
        json_file: Where the machine's answer goes, or None.
    """
    header = read_header(suite.scenario(order.scenario))
    simulated = whom.lane == "simulator"
    if simulated and (worker is not None or order.crew.bind is not None):
        raise UsageError(
            "Workers of several machines need a target that all of them reach: name it with "
            "--base-url."
        )
    if whom.edition and header.edition and whom.edition != header.edition:
        show.say(
            f"{order.scenario} is written for edition {header.edition}: in {whom.edition} its "
            "objectives may mean something else.",
            "-",
        )
    edition = whom.edition or (header.edition if simulated else None)
    url, model = whom.base_url, whom.model
    asked = foreseen(suite, whom.lane, edition=edition, base_url=url, model=model)
    shape = (suite, order.scenario, asked, order.duration_s, order.bounds)
    if plan is not None:
        tell_load(plan_of_load(*shape, plan), json_file)
        return 0
    if worker is None:
        guard(*shape, yes_live=yes_live)
    find = partial(
        inspect,
        suite,
        whom.lane,
        edition=edition,
        base_url=url,
        api_key=whom.api_key,
        model=model,
    )
    target = _once_up(find, wait_for)
    if worker is not None:
        _serve(suite, order, target, worker, out)
        return 0
    return measure(suite, job, target, order, out=out, json_file=json_file)


def _once_up(find: Callable[[], Target], seconds: float | None) -> Target:
    """The target, once it is up.

    Args:
        find: Looks for it.
        seconds: How long it may take to come up; None: it must be there.

    Raises:
        UnreachableTargetError: It is not.
    """
    limit = time.monotonic() + (seconds or 0.0)
    told = False
    while True:
        try:
            return find()
        except UnreachableTargetError as error:
            if time.monotonic() >= limit:
                raise
            if not told:
                show.say(f"{error} Waiting for it …", "-")
            told = True
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
