"""Where the recordings of a run come from, and how old they were."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

__all__ = ["Recorded", "recordings"]

_ORIGINS = {"live": "the live API", "simulator": "the simulator, not the real API"}


@dataclass(frozen=True, slots=True, order=True)
class Recorded:
    """One recording: "live" or "simulator", and the day, ISO 8601."""

    source: str
    recorded_on: str


def recordings(found: Iterable[Recorded], started: str) -> tuple[tuple[str, ...], ...]:
    """Rows of origin, how many, the oldest day, the newest, and the age of the oldest.

    Args:
        found: The recordings that the run could use.
        started: When it began, ISO 8601: what their age is counted from.
    """
    days: dict[str, list[str]] = {}
    for one in sorted(found):
        days.setdefault(one.source, []).append(one.recorded_on)
    return tuple(
        (
            _ORIGINS.get(source, source),
            f"{len(some):,}",
            some[0],
            some[-1],
            _age(some, started),
        )
        for source, some in days.items()
    )


def _age(days: Sequence[str], started: str) -> str:
    try:
        count = (date.fromisoformat(started[:10]) - date.fromisoformat(days[0])).days
    except ValueError:
        return "–"
    return f"{count} day{'' if count == 1 else 's'}"
