"""
Takes time away from programs, as a machine that stands still does: now one of their processes
is stopped for a moment, now another, at moments that a seed gives.
"""

import contextlib
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil

__all__ = ["Starved", "starving"]

WORK = (0.2, 1.2)  # seconds between two stops
STOP = (1.0, 2.0)  # seconds that a stop takes


@dataclass
class Starved:
    """How long each stop took, in seconds."""

    stops: list[float] = field(default_factory=list)


@contextlib.contextmanager
def starving(*programs: int, seed: int) -> Iterator[Starved]:
    """Stop these processes and those they have started, one at a time, until it is left.

    A program that only waits for processes of its own is passed over.
    """
    found, ended = Starved(), threading.Event()
    chosen = random.Random(seed)
    thread = threading.Thread(target=_starve, args=(programs, chosen, found, ended))
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def _starve(
    programs: tuple[int, ...], chosen: random.Random, found: Starved, ended: threading.Event
) -> None:
    while not ended.wait(chosen.uniform(*WORK)):
        at_work = [each for pid in programs for each in _workers(pid)]
        if not at_work:
            continue
        process, seconds = chosen.choice(at_work), chosen.uniform(*STOP)
        with contextlib.suppress(psutil.NoSuchProcess):
            process.suspend()
            try:
                ended.wait(seconds)
            finally:
                process.resume()
            found.stops.append(seconds)


def _workers(pid: int) -> list[psutil.Process]:
    """The processes below this one, or itself, if there are none."""
    try:
        program = psutil.Process(pid)
        return program.children(recursive=True) or [program]
    except psutil.NoSuchProcess:
        return []
