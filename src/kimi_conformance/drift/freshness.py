"""
How long a recording may be believed, by what it says.

    subject      amber after   red after   since
    model list    7 days        30 days    models come and go within weeks
    error text   60 days       180 days    words are changed without notice
    shape        90 days       365 days    fields stay, once clients rely on them

A recording is as old as the day on which it was made. Playing it, comparing with it or reading
it does not make it younger; only recording it anew does. Age is told in the report of a night
and never decides a pull request. A recording of the simulator does not age: it says what an
edition says, and it is never more than that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

__all__ = ["Age", "Colour", "Subject", "ages", "colour_of"]


class Subject(StrEnum):
    """What a recording is believed about."""

    MODEL_LIST = "model list"
    ERROR_TEXT = "error text"
    SHAPE = "shape"


class Colour(StrEnum):
    """How much it may be believed."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


LIMITS: Mapping[Subject, tuple[int, int]] = {  # days: amber after, red after
    Subject.MODEL_LIST: (7, 30),
    Subject.ERROR_TEXT: (60, 180),
    Subject.SHAPE: (90, 365),
}
_COLOURS = tuple(Colour)


@dataclass(frozen=True, slots=True, kw_only=True)
class Age:
    """How old the recordings of one subject are.

    Attributes:
        subject: What they say.
        recordings: How many.
        oldest: The day of the oldest.
        days: Its age.
        colour: By the limits of the subject.
    """

    subject: Subject
    recordings: int
    oldest: date
    days: int
    colour: Colour


def ages(recorded: Iterable[tuple[Subject, date]], today: date) -> list[Age]:
    """The age of each subject's oldest recording, the worst colour first."""
    days_of: dict[Subject, list[date]] = {}
    for subject, day in recorded:
        days_of.setdefault(subject, []).append(day)
    found = [_age(subject, days, today) for subject, days in days_of.items()]
    return sorted(found, key=lambda age: (-_COLOURS.index(age.colour), age.subject))


def _age(subject: Subject, days: list[date], today: date) -> Age:
    oldest = min(days)
    age = (today - oldest).days
    colour = colour_of(subject, age)
    return Age(subject=subject, recordings=len(days), oldest=oldest, days=age, colour=colour)


def colour_of(subject: Subject, days: int) -> Colour:
    """How much a recording of this age may be believed about this subject."""
    amber, red = LIMITS[subject]
    return Colour.RED if days > red else Colour.AMBER if days > amber else Colour.GREEN
