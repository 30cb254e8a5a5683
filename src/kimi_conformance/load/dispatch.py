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

from kimi_conformance.load.arrivals import Arrival

__all__ = ["Dispatcher"]


@dataclass(slots=True, eq=False)
class _Place:
    """Where a free user waits."""

    waiter: Any
    arrival: Arrival | None = None


class Dispatcher:
    """A schedule that runs.

    Args:
        arrivals: The schedule.
        zero: When it begins, on `time.perf_counter`.
        length: How many seconds of it there are.
    """

    def __init__(self, arrivals: Iterable[Arrival], zero: float, length: float) -> None:
        self.zero = zero
        self._length = length
        self._arrivals = arrivals
        self._due: deque[Arrival] = deque()
        self._free: deque[_Place] = deque()

    def run(self) -> None:
        """Go through the schedule to its end, or the end of the run."""
        for arrival in takewhile(lambda arrival: arrival.at < self._length, self._arrivals):
            while (early := self.zero + arrival.at - time.perf_counter()) > 0:
                gevent.sleep(early)
            self._due.append(arrival)
            self._hand_out()

    def take(self) -> Arrival:
        """The next arrival for this user, who waits for it."""
        if self._due and not self._free:
            return self._due.popleft()
        place = _Place(Waiter())
        self._free.append(place)
        try:
            place.waiter.get()
        except BaseException:  # the user leaves; what was given to them is still to be sent
            if place.arrival is None:
                self._free.remove(place)
            else:
                self._due.appendleft(place.arrival)
            raise
        assert place.arrival is not None, "only giving wakes"
        return place.arrival

    def left(self) -> list[Arrival]:
        """What was due and is not handed out."""
        return list(self._due)

    def _hand_out(self) -> None:
        loop: Any = gevent.get_hub().loop
        while self._due and self._free:
            place = self._free.popleft()
            place.arrival = self._due.popleft()
            loop.run_callback(place.waiter.switch, None)
