"""What judging a run again brings to light: what is judged otherwise, and what could not be."""

from dataclasses import dataclass, field

__all__ = ["Difference", "Findings", "Left"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something that is judged otherwise today.

    Attributes:
        what: "check", "law", "objective" or "run".
        id: Of it; of an objective its scenario and name.
        sut: Whom it is about, or "".
        was, now: The verdicts.
        because: "law changed: …", "catalogue changed: …", "baseline changed", "objective
            changed: …", "suite changed: …".
    """

    what: str
    id: str
    sut: str
    was: str
    now: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What could not be judged again, and why; it stands as it was recorded."""

    what: str
    id: str
    why: str


@dataclass(slots=True)
class Findings:
    """What is found on the way, in the order in which it is told."""

    differences: list[Difference] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
