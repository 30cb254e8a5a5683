"""Where the recordings of a run come from, and how old they were."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from kimi_conformance.drift.freshness import Subject, colour_of

__all__ = ["Recorded", "recordings"]

_ORIGINS = {"live": "the live API", "simulator": "the simulator, not the real API"}


@dataclass(frozen=True, slots=True, order=True)
class Recorded:
    """One recording.

    Attributes:
        source: "live" or "simulator".
        recorded_on: The day, ISO 8601.
        subject: What it is believed about, where its age is judged: in a night, of a live one.
    """

    source: str
    recorded_on: str
    subject: str = ""


def recordings(found: Iterable[Recorded], started: str) -> tuple[tuple[str, ...], ...]:
    """Rows of origin, how many, the oldest day, the newest, and the age of the oldest.

    Args:
        found: The recordings that the run could use.
        started: When it began, ISO 8601: what their age is counted from.
    """
    days: dict[tuple[str, str], list[str]] = {}
    for one in sorted(found, key=lambda each: (each.source, each.subject, each.recorded_on)):
        days.setdefault((one.source, one.subject), []).append(one.recorded_on)
    return tuple(
        (
            ", ".join(filter(None, (_ORIGINS.get(source, source), subject))),
            f"{len(some):,}",
            some[0],
            some[-1],
            _age(some, started, subject),
        )
        for (source, subject), some in days.items()
    )


def _age(days: Sequence[str], started: str, subject: str) -> str:
    try:
        count = (date.fromisoformat(started[:10]) - date.fromisoformat(days[0])).days
    except ValueError:
        return "–"
    told = f"{count} day{'' if count == 1 else 's'}"
    return f"{told}: {colour_of(Subject(subject), count).value}" if subject else told
