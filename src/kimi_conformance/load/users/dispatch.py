"""
Hands arrivals to users who are free, each at its time.

One greenlet for all users: a timer for each of them would drift apart, and a user who is busy
would not notice that the next request is due. What is due while nobody is free waits in line,
and is timed from when it was due.
"""

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import gevent
from gevent.hub import Waiter

from kimi_conformance.load.users.arrivals import Arrival

__all__ = ["Dispatcher", "Taken"]


@dataclass(slots=True, eq=False)
class _Place:
    """Where a free user waits."""

    waiter: Any
    taken: "Taken | None" = None


@dataclass(frozen=True, slots=True)
class Taken:
    """An arrival that a user has.

    Attributes:
        arrival: Which.
        held: Whether nobody was free when it was due.
    """

    arrival: Arrival
    held: bool


class Dispatcher:
    """A schedule that runs.

    Args:
        arrivals: The schedule.
        zero: When it begins, on `time.perf_counter`.
        length: How many seconds of it there are.

    Attributes:
        zero: As given.
        count: How many arrivals were due since it was last set to 0.
    """

    def __init__(self, arrivals: Iterable[Arrival], zero: float, length: float) -> None:
        self.zero = zero
        self.count = 0
        self._length = length
        self._arrivals = arrivals
        self._due: deque[Taken] = deque()
        self._free: deque[_Place] = deque()

    def run(self) -> None:
        """Go through the schedule to its end, or the end of the run."""
        for arrival in takewhile(lambda arrival: arrival.at < self._length, self._arrivals):
            while (early := self.zero + arrival.at - time.perf_counter()) > 0:
                gevent.sleep(early)
            self.count += 1
            self._due.append(Taken(arrival, held=not self._free))
            self._hand_out()

    def take(self) -> Taken:
        """The next arrival for this user, who waits for it."""
        if self._due and not self._free:
            return self._due.popleft()
        place = _Place(Waiter())
        self._free.append(place)
        try:
            place.waiter.get()
        except BaseException:  # the user leaves; what was given to them is still to be sent
            if place.taken is None:
                self._free.remove(place)
            else:
                self._due.appendleft(place.taken)
            raise
        assert place.taken is not None, "only giving wakes"
        return place.taken

    def left(self) -> list[Arrival]:
        """What was due and is not handed out."""
        return [taken.arrival for taken in self._due]

    def drop(self) -> list[Arrival]:
        """The same, and they will not be."""
        dropped = self.left()
        self._due.clear()
        return dropped

    def _hand_out(self) -> None:
        loop: Any = gevent.get_hub().loop
        while self._due and self._free:
            place = self._free.popleft()
            place.taken = self._due.popleft()
            loop.run_callback(place.waiter.switch, None)
