"""How much time and memory something may take that somebody else has written."""

import contextlib
import resource
import signal
from collections.abc import Iterator
from types import FrameType

import psutil

from kimi_conformance.errors import UsageError

__all__ = ["bounded"]

SECONDS = 60.0  # of wall clock
MEMORY = 2 * 2**30  # bytes of address space, beyond what the process has


@contextlib.contextmanager
def bounded(what: str) -> Iterator[None]:
    """Do what is inside within `SECONDS` and `MEMORY`; for the main thread.

    Where the system knows no limit of memory, there is none.

    Args:
        what: Takes so much, for the message: "The templates in x".

    Raises:
        UsageError: A limit was passed.
    """

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise UsageError(f"{what} took longer than {SECONDS:g} s. Look for a loop in them.")

    before = resource.getrlimit(resource.RLIMIT_AS)
    heard = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        with contextlib.suppress(ValueError, OSError):
            most = psutil.Process().memory_info().vms + MEMORY
            resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
        yield
    except MemoryError as error:
        raise UsageError(f"{what} took more than {MEMORY // 2**20} MiB of memory.") from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, heard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, before)
