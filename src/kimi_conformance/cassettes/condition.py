"""
In what condition recordings are: whether they can be read, who plays them, how old they are.

Age is told and nothing more: a recording that is old and plays is no reason to stop anybody's
work. All else is wrong, and `Ailment.red` says so.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

from kimi_conformance.cassettes.cassette import Cassette, name_of, read
from kimi_conformance.cassettes.recorder import said
from kimi_conformance.errors import CassetteError
from kimi_conformance.verdicts import Verdict

__all__ = ["Ailment", "Finding", "Play", "examine", "names_below"]

STALE_AFTER = 90  # days; what a live API did longer ago may be history


class Ailment(StrEnum):
    """What a recording may suffer from."""

    DAMAGED = "damaged"  # no YAML, no provenance, a digest that does not fit
    UNUSED = "unused"  # no check plays it
    UNPLAYABLE = "unplayable"  # its check does not pass by it
    MISSING = "missing"  # a check asks for it, and it is not there
    OUTDATED = "outdated"  # it is of the simulator, which says otherwise today
    STALE = "stale"  # old, or made by another version of the suite

    @property
    def red(self) -> bool:
        """Whether it is wrong, not only old."""
        return self is not Ailment.STALE


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one recording suffers from, and what that shows itself by."""

    cassette: str
    ailment: Ailment
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """How a check went whose recording this is.

    Attributes:
        verdict: A check whose recording is not there or does not fit is an error.
        reason: Why it did not pass, or "".
    """

    verdict: Verdict
    reason: str = ""


def names_below(folder: Path) -> list[str]:
    """The names of all recordings below a folder, in order."""
    return sorted(
        path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml")
    )


def examine(
    folder: Path,
    names: Collection[str],
    plays: Mapping[str, Play],
    *,
    suite: str,
    today: date,
    remade: Path | None = None,
) -> list[Finding]:
    """What is to be said of recordings, in the order of their names.

    Args:
        folder: Where they are.
        names: Which.
        plays: How the checks went that ran from this folder, by the names of their recordings;
            checks without a recording among them.
        suite: The version of this suite.
        today: The day on which age is counted.
        remade: Where what the simulator says today was recorded, if it was.
    """
    found = [
        finding
        for name in sorted(names)
        for finding in _of_one(folder, name, plays.get(name), suite, today, remade)
    ]
    missing = [
        Finding(cassette=name, ailment=Ailment.MISSING, reason=play.reason)
        for name, play in plays.items()
        if name not in names and play.verdict is Verdict.ERROR
    ]
    return sorted([*found, *missing], key=lambda finding: finding.cassette)


def _of_one(
    folder: Path, name: str, play: Play | None, suite: str, today: date, remade: Path | None
) -> Iterator[Finding]:
    try:
        cassette = read(folder / f"{name}.yaml", name)
    except CassetteError as error:
        yield Finding(cassette=name, ailment=Ailment.DAMAGED, reason=str(error))
        return
    made = cassette.provenance
    if name_of(made.check, made.edition) != name or play is None:
        reason = f"no check plays it; it was made of {made.check}. Remove the file."
        yield Finding(cassette=name, ailment=Ailment.UNUSED, reason=reason)
    elif play.verdict is not Verdict.PASSED:
        yield Finding(cassette=name, ailment=Ailment.UNPLAYABLE, reason=play.reason)
    elif remade is not None and made.source == "simulator" and _differs(cassette, remade, name):
        reason = "the simulator says otherwise today, or the file was changed by hand. " + (
            f"Record it anew with: kimi-conformance record {name}"
        )
        yield Finding(cassette=name, ailment=Ailment.OUTDATED, reason=reason)
    for reason in _ages(cassette, suite, today):
        yield Finding(cassette=name, ailment=Ailment.STALE, reason=reason)


def _differs(cassette: Cassette, remade: Path, name: str) -> bool:
    try:
        today = read(remade / f"{name}.yaml", name)
    except CassetteError:  # its check does not pass by the simulator: nothing to compare with
        return False
    return [said(each) for each in cassette.interactions] != [
        said(each) for each in today.interactions
    ]


def _ages(cassette: Cassette, suite: str, today: date) -> Sequence[str]:
    """Why a recording may be history; the simulator does not change by itself."""
    made, reasons = cassette.provenance, []
    days = (today - date.fromisoformat(made.recorded_on)).days
    if made.source == "live" and days > STALE_AFTER:
        reasons.append(f"recorded {days} days ago, on {made.recorded_on}")
    if made.suite != suite:
        reasons.append(f"recorded by version {made.suite} of this suite; this is {suite}")
    return reasons
