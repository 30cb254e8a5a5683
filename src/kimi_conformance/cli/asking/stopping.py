"""SIGTERM and Ctrl-C as a wish to stop, not as an error."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

__all__ = ["told_to_stop"]

STOPS = (signal.SIGTERM, signal.SIGINT)
_OVER = b"\0"  # the number of no signal


@contextmanager
def told_to_stop(leave: Callable[[], object]) -> Iterator[None]:
    """Call this, and raise nothing, when somebody asks to stop: what is under way is finished.

    A handler of Python's would not do: it is run by the main thread, which sleeps on where the
    system has told another one, as it does to a process that was stopped and goes on. So the
    signal's number is written to a pipe, by whoever hears it, and a thread of ours calls `leave`.
    """
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    listening = Thread(target=_listen, args=(readable, leave), daemon=True)
    before = {name: signal.signal(name, lambda *_: None) for name in STOPS}
    waking = signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    listening.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(waking)
        for name, handler in before.items():
            signal.signal(name, handler)
        os.write(writable, _OVER)
        listening.join()
        os.close(readable)
        os.close(writable)


def _listen(readable: int, leave: Callable[[], object]) -> None:
    while (heard := os.read(readable, 1)) != _OVER:
        if ord(heard) in STOPS:
            leave()
