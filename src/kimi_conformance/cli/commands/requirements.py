"""`kimi-conformance requirements`: what must hold."""

from collections import defaultdict
from typing import Any

import click

from kimi_conformance import suite as suites
from kimi_conformance.cli.asking import completing, options
from kimi_conformance.cli.asking.helping import command
from kimi_conformance.cli.keeping.proof import checks_by_requirement, killers_by_requirement
from kimi_conformance.cli.showing import show
from kimi_conformance.errors import UsageError, nearest

__all__ = ["requirements"]


@command("requirements --topic streaming")
@click.option("--topic", metavar="T", shell_complete=completing.topics, help="Only this topic.")
@options.json_flag
def requirements(topic: str | None, as_json: bool) -> None:
    """List what must hold, and what is left out and why."""
    suite = suites.find()
    known = {each.topic for each in suite.catalogue()}
    if topic is not None and topic not in known:
        raise UsageError(f"No requirements are about '{topic}'. {nearest(topic, known)}")
    catalogue = [each for each in suite.catalogue() if topic in {None, each.topic}]
    checks = checks_by_requirement(suite.conformance)
    killers = killers_by_requirement()
    rows: list[dict[str, Any]] = [
        {
            "id": each.id,
            "topic": each.topic,
            "level": each.level.value,
            "plane": each.plane.value,
            "text": each.text,
            "source": each.source,
            "evidence": [word.value for word in each.evidence],
            "editions": list(each.editions),
            "capability": each.capability,
            "resolution": each.resolution,
            "checks": checks.get(each.id, []),
            "excluded": each.excluded,
            "killers": sorted(killers.get(each.id, ())),
        }
        for each in catalogue
    ]
    if as_json:
        show.answer({"requirements": rows}, "-")
        return
    by_topic: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_topic[row["topic"]].append(row)
    for name, members in by_topic.items():
        click.echo(f"\n{name}")
        for row in members:
            state = "excluded" if row["excluded"] else f"{len(row['checks'])} checks"
            click.echo(f"  {row['id']:<14} {row['level']:<7} {state:<10} {row['text']}")
    checked = sum(not row["excluded"] for row in rows)
    click.echo(f"\n{len(rows)} requirements: {checked} checked, {len(rows) - checked} excluded.")
