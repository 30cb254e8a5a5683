"""`kimi-conformance check`."""

from functools import partial
from pathlib import Path

import click

from kimi_conformance import suite as suites
from kimi_conformance.cli.asking import completing, options
from kimi_conformance.cli.asking.helping import command
from kimi_conformance.cli.asking.offered import parse_without
from kimi_conformance.cli.asking.target import (
    LANES,
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
@options.live
@options.offered
@options.budget
@options.samples
@options.planning
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
    base_url: str | None,
    api_key: str | None,
    model: str | None,
    model_is: str | None,
    without: tuple[str, ...],
    max_requests: int | None,
    max_tokens: int | None,
    samples: int | None,
    plan_only: bool,
    price_in: float | None,
    price_out: float | None,
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
        if plan_only
        else partial(inspect, suite, lane_of(lane, base_url, default="cassette"), api_key=api_key)
    )
    try:
        target = find(
            edition=edition, base_url=base_url, model=model, without=parse_without(without)
        )
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
        max_requests=max_requests,
        max_tokens=max_tokens,
        model_is=known_model(suite, target, model_is),
        without=target.without,
        samples=samples,
        time_limit=time_limit,
        baseline=baseline,
    )
    if plan_only:
        from kimi_conformance.cli.checking.plan import (  # it knows all mutants: slow to import
            Prices,
            tell,
        )

        tell(suite, target, plan, Prices(price_in, price_out), json_file)
        return 0
    return judge(suite, "check", target, plan, out=out, json_file=json_file)
