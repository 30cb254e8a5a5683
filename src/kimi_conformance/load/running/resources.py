"""
CPU and memory of the host, of the load processes, and of the target where it is local.

Everything is in percent of the whole host: all its cores, all its memory. CPU is taken from
the difference of two readings of the counters, so a reading says what happened since the
one before it. Reading takes a few milliseconds of file reading: call it off the event loop.

The clocks are read in the same breath: whether somebody set the wall clock, and whether the
machine was suspended, which on Linux the clock that the load is timed by does not count.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

__all__ = ["Reading", "Sampler", "Usage"]


@dataclass(frozen=True, slots=True)
class Usage:
    """In percent of the whole host."""

    cpu: float
    memory: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was used since the reading before.

    Attributes:
        host: By anybody.
        load: By the load processes and their children.
        target: By the target and its children, or None: it runs elsewhere, or is gone.
        clock_set_s: How far the wall clock went on beyond the time that passed, suspension
            included; below 0: it fell behind. Some microseconds mean nothing.
        asleep_s: How long the machine was suspended; 0 where the system does not tell.
    """

    host: Usage
    load: Usage
    target: Usage | None
    clock_set_s: float = 0.0
    asleep_s: float = 0.0


class Sampler:
    """Reads the counters each time it is asked.

    Args:
        load: The process id of the load generator, or of each of its processes; one that is
            the child of another is counted once.
        target: The process id of the target, or None.
    """

    def __init__(self, load: int | Sequence[int], target: int | None = None) -> None:
        self._cores = psutil.cpu_count() or 1
        self._memory = psutil.virtual_memory().total
        self._load = _Trees((load,) if isinstance(load, int) else load)
        self._target = _Trees((target,)) if target is not None else None
        self._host = _host_cpu()
        self._clocks = _clocks()

    def read(self) -> Reading:
        """What was used since the last call, or since this object was made."""
        clocks, host = _clocks(), _host_cpu()
        passed, lived, walked = map(float.__sub__, clocks, self._clocks)
        self._clocks = clocks
        busy, total = host[0] - self._host[0], host[1] - self._host[1]
        self._host = host
        share = 100 * busy / total if total > 0 else 0.0
        nothing = Usage(0.0, 0.0)
        return Reading(
            host=Usage(min(max(share, 0.0), 100.0), psutil.virtual_memory().percent),
            load=self._usage(self._load, passed) or nothing,
            target=self._usage(self._target, passed) if self._target else None,
            clock_set_s=walked - lived,
            asleep_s=max(lived - passed, 0.0),
        )

    def _usage(self, trees: "_Trees", passed: float) -> Usage | None:
        spent = trees.spent()
        if spent is None or passed <= 0:
            return None
        seconds, resident = spent
        return Usage(
            cpu=100 * seconds / (passed * self._cores), memory=100 * resident / self._memory
        )


class _Trees:
    """Processes with their children, theirs, and so on."""

    def __init__(self, roots: Sequence[int]) -> None:
        self._roots = roots
        self._before: Mapping[tuple[int, float], float] = {}
        self.spent()

    def spent(self) -> tuple[float, int] | None:
        """CPU seconds since the last call, and resident bytes; None: all of them are gone.

        What a process spent that began and ended between two calls is not seen.
        """
        members: set[psutil.Process] = set()
        for pid in self._roots:
            try:
                root = psutil.Process(pid)
                members.update((root, *root.children(recursive=True)))
            except psutil.Error:  # it is gone, but another may live
                continue
        if not members:
            return None
        now: dict[tuple[int, float], float] = {}
        resident = 0
        for process in members:
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    resident += process.memory_info().rss
                    now[process.pid, process.create_time()] = times.user + times.system
            except psutil.Error:  # it ended while we looked
                continue
        # A process that is new since the last call spent all its time since then.
        spent = sum(seconds - self._before.get(key, 0.0) for key, seconds in now.items())
        self._before = now
        return max(spent, 0.0), resident


def _host_cpu() -> tuple[float, float]:
    """Busy and total CPU seconds of the host since it was started."""
    times = psutil.cpu_times()
    # Guests are counted within user and nice already (Linux, proc_stat(5)).
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    total = sum(times) - guests
    return total - times.idle - getattr(times, "iowait", 0.0), total


def _clocks() -> tuple[float, float, float]:
    """Seconds of a clock that stops while the machine is suspended, one that does not, the wall's.

    Source: clock_gettime(2), CLOCK_BOOTTIME; where there is none, nothing is told of suspension.
    """
    now, wall = time.monotonic(), time.time()
    alive = getattr(time, "CLOCK_BOOTTIME", None)
    return now, now if alive is None else time.clock_gettime(alive), wall
