"""How an interval, and a moment of it, is written for people."""

from collections.abc import Callable
from datetime import UTC, datetime

__all__ = ["interval", "minute"]


def interval(low: float | None, high: float | None, write: Callable[[float], str]) -> str:
    """Both ends, or the one that is known.

    >>> interval(1.0, None, "{:g} s".format), interval(None, None, str)
    ('from 1 s', '–')
    """
    if low is None:
        return "–" if high is None else f"up to {write(high)}"
    return f"from {write(low)}" if high is None else f"{write(low)} to {write(high)}"


def minute(at: float) -> str:
    """A moment in UTC, from seconds since 1970, short enough for a table.

    >>> minute(1785549600.0)
    '2026-08-01 02:00'
    """
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"
