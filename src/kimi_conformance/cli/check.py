"""`kimi-conformance check`."""

from pathlib import Path

import click

from kimi_conformance import suite as suites
from kimi_conformance.cli import options, show
from kimi_conformance.cli.judging import judge, plan_of
from kimi_conformance.cli.target import LANES, UnusableTargetError, inspect, lane_of

__all__ = ["check"]


@click.command()
@click.option("--plane", type=click.Choice(["adapter", "endpoint"]), help="Judge this one only.")
@options.adapters
@options.edition
@click.option("--lane", type=click.Choice(LANES), help="What answers. Default: cassette.")
@options.live
@options.budget
@click.option("--requirement", "requirements", multiple=True, metavar="ID", help="Only this one.")
@click.option("--topic", "topics", multiple=True, metavar="T", help="Only this topic.")
@click.option("--time-limit", type=float, default=30.0, show_default=True, help="Seconds a check.")
@options.baseline
@options.out
@options.json_file
def check(
    plane: str | None,
    adapters: tuple[str, ...],
    edition: str | None,
    lane: str | None,
    base_url: str | None,
    api_key: str | None,
    model: str | None,
    max_requests: int | None,
    max_tokens: int | None,
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
    try:
        target = inspect(
            suite,
            lane_of(lane, base_url, default="cassette"),
            edition=edition,
            base_url=base_url,
            api_key=api_key,
            model=model,
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
        time_limit=time_limit,
        baseline=baseline,
    )
    return judge(suite, "check", target, plan, out=out, json_file=json_file)
