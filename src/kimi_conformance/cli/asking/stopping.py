"""SIGTERM and Ctrl-C as a wish to stop, not as an error."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["told_to_stop"]


@contextmanager
def told_to_stop(leave: Callable[[], object]) -> Iterator[None]:
    """Call this, and raise nothing, when somebody asks to stop: what is under way is finished."""

    def heard(_signal: int, _frame: FrameType | None) -> None:
        leave()

    before = {name: signal.signal(name, heard) for name in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
