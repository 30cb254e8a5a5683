"""What was found of one part of an installation."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "Health", "broken", "hint", "well"]


class Health(StrEnum):
    """How it stands with a part."""

    WELL = "ok"
    HINT = "hint"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        part: Of the installation: "Python".
        health: How it stands with it.
        text: What was seen.
        means: What that means for whoever uses it; "" where all is well.
        mend: What to type, or to do; "" where all is well.
    """

    part: str
    health: Health
    text: str
    means: str = ""
    mend: str = ""


def well(part: str, text: str) -> Finding:
    """Nothing is to be done."""
    return Finding(part=part, health=Health.WELL, text=text)


def hint(part: str, text: str, means: str, mend: str) -> Finding:
    """It works, but not as well as it could, or not for everything."""
    return Finding(part=part, health=Health.HINT, text=text, means=means, mend=mend)


def broken(part: str, text: str, means: str, mend: str) -> Finding:
    """Something that the suite promises does not work."""
    return Finding(part=part, health=Health.BROKEN, text=text, means=means, mend=mend)
