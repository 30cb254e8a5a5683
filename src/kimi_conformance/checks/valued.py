"""
In which order the checks of a live run are made, and when they must end.

Requests cost money and, on the lowest tier, minutes. So what needs no request comes first,
then what MUST hold, then what asks less, and of equals one of each topic: whatever ends the run
early, a budget or its time, what was decided by then is worth the most. What a check asks is
read off its recording.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import pytest

from kimi_conformance.checks.item import CheckItem
from kimi_conformance.requirements import Level
from kimi_conformance.stage import Paced

__all__ = ["Turns", "chats_in", "end_of", "key_of"]

_LEVELS = tuple(Level)
UNKNOWN = 8  # chats of a check without a recording that asks the API
_ASKS = ("/chat/completions\n", "/messages\n")


def key_of(check: CheckItem) -> str:
    """By which a check on its SUT is known."""
    return f"{check.sut} {check.id}"


@cache
def chats_in(cassette: Path) -> int | None:
    """How many chats a recording holds; None: there is none."""
    try:
        text = cassette.read_text("utf-8")
    except OSError:
        return None
    return sum(text.count(f"/v1{ask}") for ask in _ASKS)


def end_of(total: float) -> float:
    """When a run ends that has so many seconds, on the monotonic clock.

    What it took this process to come here is the run's time, too.
    """
    import psutil  # only a live run with a limit of time asks

    age = max(time.time() - psutil.Process().create_time(), 0.0)
    return time.monotonic() + total - age


class Turns:
    """Whose turn it is, and whether there is time.

    Args:
        cassettes: Where recordings are.
        until: When the run must end, by `clock`; None: whenever it does.
        clock: Seconds, monotonic.
        sleep: Waits so many of them.
    """

    def __init__(
        self,
        cassettes: Path,
        until: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._cassettes = cassettes
        self._until = until
        self._clock = clock
        self._sleep = sleep

    def value(self, check: CheckItem) -> tuple[int, ...]:
        """Its place in the order: the lowest first; of equals, what judges the endpoint."""
        chats = self.chats(check)
        level = _LEVELS.index(check.requirement.level)
        return min(chats, 1), level, chats, int(check.endpoint is None)

    def in_order(self, checks: Iterable[CheckItem]) -> dict[str, int]:
        """The place of each check by its id and SUT; of equals one a topic, then one more."""
        seen: Counter[tuple[object, ...]] = Counter()
        placed = []
        for number, check in enumerate(checks):
            value = self.value(check)
            kind = (value, check.id.split("/")[:2][-1])
            placed.append(((*value[:3], seen[kind], value[3], number), key_of(check)))
            seen[kind] += 1
        return {key: place for place, (_, key) in enumerate(sorted(placed))}

    def chats(self, check: CheckItem) -> int:
        """How many chats it sends, as far as is known; a scripted check sends none."""
        known = chats_in(self._cassettes / f"{check.cassette}.yaml")
        if known is None:
            return UNKNOWN if check.endpoint is not None else 0
        return known

    def await_turn(self, check: CheckItem, paced: Paced | None) -> None:
        """Wait, before a check begins, until its chats fit into the minute.

        Raises:
            pytest.skip.Exception: The time of the run is over, or would be by then.
        """
        wait = paced.room_in(self.chats(check)) if paced is not None else 0.0
        if self._until is not None and self._clock() + wait >= self._until:
            pytest.skip("not run: the time of the run was over; allow more with --time-limit-total")
        if wait > 0:
            self._sleep(wait)
