"""`kimi-conformance load`."""

from pathlib import Path

import click

from kimi_conformance import suite as suites
from kimi_conformance.cli import options
from kimi_conformance.cli.loading import measure
from kimi_conformance.cli.target import inspect, lane_of

__all__ = ["load"]


@click.command()
@click.argument("scenario")
@options.load_target
@options.edition
@options.live
@options.duration
@options.out
@options.json_file
def load(
    scenario: str,
    target: str | None,
    edition: str | None,
    base_url: str | None,
    api_key: str | None,
    model: str | None,
    duration: float,
    out: Path,
    json_file: str | None,
) -> int:
    """Run one load scenario and judge it by its objectives.

    SCENARIO is a file of loadtests without its suffix: steady_chat.
    """
    suite = suites.find()
    suite.scenario(scenario)
    chosen = inspect(
        suite,
        lane_of(target, base_url, default="simulator"),
        edition=edition,
        base_url=base_url,
        api_key=api_key,
        model=model,
    )
    return measure(suite, "load", chosen, scenario, duration, out=out, json_file=json_file)
