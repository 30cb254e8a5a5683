"""Samples whose run was killed before it could judge them."""

from dataclasses import replace
from pathlib import Path

from kimi_conformance.cli.keeping.damage import OF_VALUES
from kimi_conformance.cli.showing.show import say
from kimi_conformance.errors import KimiConformanceError
from kimi_conformance.load.running.launch import judge_samples
from kimi_conformance.runs import Run

__all__ = ["with_unjudged"]


def with_unjudged(run: Run, folder: Path) -> Run:
    """The run with a load record for each samples file in its folder that has none.

    They are judged by what was promised when the load began. Samples that cannot be read are
    told of and left out. Nothing is written.
    """
    known = {load["samples"]["file"] for load in run.loads}
    found = []
    for samples in sorted(folder.glob("*.samples")):
        if samples.name in known:
            continue
        try:
            found.append(judge_samples(samples))
        except KimiConformanceError as error:
            say(f"{samples.name} is left out: {error}", "-")
        except OF_VALUES as error:
            say(f"{samples.name} is left out: no run writes what it holds: {error!r:.200}", "-")
    return replace(run, loads=[*run.loads, *found])
