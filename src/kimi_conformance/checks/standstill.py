"""
How much time this process lost while a check ran.

A client that is to give up after half a second of silence gives up as well where the machine
stands still for as long, and what it does then says nothing about it. So the time is measured
in which nobody here could work:

    stood still    a thread that wants to run every `BEAT` did not, nor did any other: the
                   process was stopped, or its machine
    kept waiting   the check's thread or the stage's was ready to run and was given no core; a
                   thread that mostly sleeps is served first, so its beat does not show that.
                   Linux tells it, other systems do not
"""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from kimi_conformance.verdicts import InconclusiveError, Verdict

__all__ = ["Loss", "Moment", "Standstill", "Tolerance", "is_untimely", "most_lost"]

BEAT = 0.05  # seconds
KEPT = 4096  # losses: beats of some minutes
_UNTIMELY = ("the check could not run for ", "the client gave up before ")
_TASKS = Path("/proc/self/task")


def is_untimely(verdict: str, reason: str) -> bool:
    """Whether a check decided nothing since time was lost in it: once more, it may."""
    return verdict == Verdict.INCONCLUSIVE and reason.startswith(_UNTIMELY)


@dataclass(frozen=True, slots=True)
class Loss:
    """So many seconds were lost between two beats, of which this is the second."""

    at: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How much a check can bear: it is decided if less than `lost` of any `within` seconds is."""

    within: float
    lost: float

    def verify(self, losses: Iterable[Loss]) -> None:
        """Return if these cannot have decided a check.

        Raises:
            InconclusiveError: They can.
        """
        lost = most_lost(losses, self.within)
        if lost >= self.lost:
            raise InconclusiveError(
                f"the check could not run for {lost:.2f} s, and {self.lost:g} s of "
                f"{self.within:g} s may change what it sees: let it run when less else does"
            )


def most_lost(losses: Iterable[Loss], seconds: float) -> float:
    """The most that was lost in any span of so many seconds; one long loss counts whole.

    >>> most_lost([Loss(0.1, 0.1), Loss(0.3, 0.2), Loss(9.0, 0.25)], 0.5)
    0.3
    """
    most = within = 0.0
    span: deque[Loss] = deque()
    for loss in losses:
        span.append(loss)
        within += loss.seconds
        while span[0].at <= loss.at - seconds:
            within -= span.popleft().seconds
        most = max(most, within)
    return round(most, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A look at the clocks.

    Attributes:
        at: Seconds, monotonic.
        worked: Seconds of CPU that this process has used.
        kept: Seconds in which the threads that are followed were ready and had no core.
    """

    at: float
    worked: float
    kept: float

    def lost_since(self, last: "Moment") -> float:
        """Seconds of those since the last beat in which nobody could work.

        Where several threads were kept waiting, they mostly wait for one another besides: the
        seconds of each are added up, to no more than have passed.
        """
        passed = self.at - last.at
        stood = passed - BEAT - (self.worked - last.worked)
        return max(stood, min(self.kept - last.kept, passed), 0.0)


class Standstill:
    """Measures, from its entering to its end, what time is lost.

    Args:
        look: Looks at the clocks; those of this process otherwise.
    """

    def __init__(self, look: Callable[[], Moment] | None = None) -> None:
        self._look = look or self._now
        self._threads = [threading.get_native_id()]
        self._losses: deque[Loss] = deque(maxlen=KEPT)
        self._last = self._look()
        self._total = 0.0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="standstill", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def follow(self, thread: threading.Thread) -> None:
        """Count what this thread is kept waiting for a core as well."""
        if thread.native_id is not None:
            self._threads.append(thread.native_id)

    @property
    def lost(self) -> float:
        """Seconds lost so far, up to now; also for a signal's handler: it takes no lock."""
        return self._total + self._look().lost_since(self._last)

    def begin(self) -> None:
        """Forget what was lost so far: a check begins."""
        with self._lock:
            self._beat()
            self._losses.clear()

    def losses(self) -> list[Loss]:
        """What was lost since the last beginning, up to now."""
        with self._lock:
            self._beat()
            return list(self._losses)

    def _run(self) -> None:
        while not self._ended.wait(BEAT):
            with self._lock:
                self._beat()

    def _beat(self) -> None:
        now = self._look()
        lost = now.lost_since(self._last)
        if lost:
            self._losses.append(Loss(now.at, lost))
        self._total += lost
        self._last = now

    def _now(self) -> Moment:
        return Moment(
            at=time.monotonic(),
            worked=time.process_time(),
            kept=sum(_kept_waiting(thread) for thread in self._threads),
        )


def _kept_waiting(thread: int) -> float:
    """Seconds in which a thread was ready and had no core; 0.0 where the system does not tell."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int((_TASKS / str(thread) / "schedstat").read_text("ascii").split()[1]) / 1e9
    return 0.0
