"""`kimi-conformance check`."""

from dataclasses import asdict
from functools import partial
from pathlib import Path

import click

from kimi_conformance import suite as suites
from kimi_conformance.cli.asking import completing, live_options, options
from kimi_conformance.cli.asking.helping import command
from kimi_conformance.cli.asking.live_options import Allowance, Offered, Planning
from kimi_conformance.cli.asking.target import (
    LANES,
    LiveEndpoint,
    UnusableTargetError,
    inspect,
    known_model,
    lane_of,
    unasked,
)
from kimi_conformance.cli.checking.judging import judge, plan_of
from kimi_conformance.cli.keeping.history_file import remembered
from kimi_conformance.cli.showing import show

__all__ = ["check"]


@command("check --lane simulator --topic streaming --topic tools")
@click.option("--plane", type=click.Choice(["adapter", "endpoint"]), help="Judge this one only.")
@options.adapters
@options.edition
@click.option("--lane", type=click.Choice(LANES), help="What answers. Default: cassette.")
@live_options.live
@live_options.offered
@live_options.allowance
@options.samples
@live_options.planning
@click.option(
    "--requirement",
    "requirements",
    multiple=True,
    metavar="ID",
    shell_complete=completing.requirements,
    help="Only this one. Repeatable.",
)
@click.option(
    "--topic",
    "topics",
    multiple=True,
    metavar="T",
    shell_complete=completing.topics,
    help="Only this topic. Repeatable.",
)
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0.1),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a check may take.",
)
@options.baseline
@options.out
@remembered
@options.json_file
def check(
    plane: str | None,
    adapters: tuple[str, ...],
    edition: str | None,
    lane: str | None,
    live: LiveEndpoint,
    offered: Offered,
    allowance: Allowance,
    samples: int | None,
    planning: Planning,
    requirements: tuple[str, ...],
    topics: tuple[str, ...],
    time_limit: float,
    baseline: Path | None,
    out: Path,
    json_file: str | None,
) -> int:
    """Run the checks of one or both planes.

    With a base URL the endpoint there is judged live; without one, recordings answer.
    """
    suite = suites.find()
    find = (
        partial(unasked, suite)
        if planning.plan_only
        else partial(inspect, suite, lane_of(lane, live.base_url, default="cassette"))
    )
    try:
        target = find(edition=edition, live=live, without=offered.without)
    except UnusableTargetError as error:
        show.answer(
            {"verdict": "INCONCLUSIVE", "because": str(error), "checks": [], "counts": {}},
            json_file,
        )
        raise
    plan = plan_of(
        target,
        adapters or ("reference",),
        plane=plane,
        requirements=requirements,
        topics=topics,
        **asdict(allowance),
        model_is=known_model(suite, target, offered.model_is),
        without=target.without,
        samples=samples,
        time_limit=time_limit,
        baseline=baseline,
    )
    if planning.plan_only:
        from kimi_conformance.cli.checking.plan import (  # it knows all mutants: slow to import
            Prices,
            tell,
        )

        tell(suite, target, plan, Prices(planning.price_in, planning.price_out), json_file)
        return 0
    return judge(suite, "check", target, plan, out=out, json_file=json_file)
