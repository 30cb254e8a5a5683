"""A span of whole days in UTC, and the months in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from kimi_conformance.errors import UsageError

__all__ = ["DAY_S", "Window", "day_of", "parse_window"]

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Window:
    """Days, both ends included.

    Attributes:
        first: The first day.
        last: The last day.
        now: When it was asked for; what lies after it has not happened.
    """

    first: date
    last: date
    now: float

    @property
    def start(self) -> float:
        """When the first day begins, in seconds since 1970."""
        return _begin(self.first)

    @property
    def end(self) -> float:
        """When the last day ends, or now if that is earlier."""
        return min(_begin(self.last + timedelta(days=1)), self.now)

    @property
    def length_s(self) -> float:
        """How much of it has happened."""
        return self.end - self.start

    def days(self) -> Iterator[date]:
        """Each day of which something has happened."""
        for number in range((self.last - self.first).days + 1):
            day = self.first + timedelta(days=number)
            if _begin(day) < self.now:
                yield day

    def months(self) -> "Iterator[Window]":
        """The window cut at the ends of months, what has not happened left out."""
        first = self.first
        while first <= self.last and _begin(first) < self.now:
            following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
            last = min(following - timedelta(days=1), self.last)
            yield Window(first, last, self.now)
            first = following


def day_of(moment: float) -> date:
    """The day, in UTC, of a moment."""
    return datetime.fromtimestamp(moment, UTC).date()


def parse_window(since: str, until: str | None, now: float) -> Window:
    """Read the two days of a window: "2026-09-01"; without the second, up to today.

    Raises:
        UsageError: One is no day, the second is before the first, or nothing has happened yet.
    """
    today = day_of(now)
    first = _day("--from", since)
    last = today if until is None else _day("--to", until)
    if last < first:
        raise UsageError(
            f"The window ends on {last}, before it begins on {first}. "
            f"Say it the other way round: --from {last} --to {first}"
        )
    if first > today:
        raise UsageError(f"The window begins on {first}, but today is {today}: nothing is known.")
    return Window(first, last, now)


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(
            f"{option} {text!r} is no day: {error}. Write year, month and day, as in 2026-09-01."
        ) from error


def _begin(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()
