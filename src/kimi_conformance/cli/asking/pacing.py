"""How fast a live endpoint may be asked, and for how long: said by hand, or by the tier."""

from dataclasses import dataclass
from typing import Any

import click

from kimi_conformance.cli.asking import completing
from kimi_conformance.cli.asking.gathering import gathered
from kimi_conformance.cli.asking.options import seconds
from kimi_conformance.editions import Edition
from kimi_conformance.errors import UsageError, nearest

__all__ = ["Pacing", "limits", "pacing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """What was asked for; None: until a refusal says otherwise."""

    tier: str | None = None
    rpm: int | None = None
    concurrency: int | None = None
    time_total: float | None = None


pacing = gathered(
    "pacing",
    Pacing,
    click.option(
        "--tier",
        metavar="T",
        shell_complete=completing.tiers,
        help="Keep this tier's limits on live: free, t1 … t5.",
    ),
    click.option(
        "--rpm", type=click.IntRange(min=1), metavar="N", help="Chats a minute on live, at most."
    ),
    click.option(
        "--concurrency",
        type=click.IntRange(min=1),
        metavar="N",
        help="Chats at once on live, at most. Limits are also learned from the first refusal.",
    ),
    click.option(
        "--time-limit-total",
        "time_total",
        type=seconds,
        metavar="TIME",
        help="Begin nothing on live after so long, and report what there is.",
    ),
)


def limits(pacing: Pacing, edition: Edition) -> dict[str, Any]:
    """The limits to keep, by the names of `Pace`; what is said by hand goes before the tier.

    Raises:
        UsageError: The edition has no such tier.
    """
    if pacing.tier is None:
        return {"rpm": pacing.rpm, "concurrency": pacing.concurrency, "tpm": None}
    if pacing.tier not in edition.tiers:
        raise UsageError(
            f"Edition {edition.name} has no tier '{pacing.tier}'. "
            f"{nearest(pacing.tier, edition.tiers)}"
        )
    tier = edition.tiers[pacing.tier]
    return {
        "rpm": pacing.rpm or tier.rpm,
        "concurrency": pacing.concurrency or tier.concurrency,
        "tpm": tier.tpm,
    }
