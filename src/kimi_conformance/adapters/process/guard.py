"""
Ends the processes of adapters whose own tester was ended, however that was.

A process and all that it started are one group of processes. A guard, a small process of its
own, is told of each group; its standard input ends when this process does, by a signal that
nobody can catch included, and then it ends every group that is left. The kernel's own way
(PR_SET_PDEATHSIG) would not do: it follows the thread that started a process and not the
process of that thread, and what the process itself has started escapes it.
"""

import atexit
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from functools import cache

__all__ = ["end_group", "forget", "watch"]

_CODE = """
import os, signal, sys
groups = set()
for line in sys.stdin:
    group = int(line)
    (groups.add if group > 0 else groups.discard)(abs(group))
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
"""


class _Guard:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-I", "-S", "-c", _CODE],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # not to be ended by the Ctrl-C that ends its tester
        )

    def tell(self, line: int) -> None:
        assert self._process.stdin is not None
        with self._lock, suppress(BrokenPipeError, ValueError):  # ended at exit
            self._process.stdin.write(b"%d\n" % line)
            self._process.stdin.flush()

    def end(self) -> None:
        assert self._process.stdin is not None
        with self._lock, suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()


@cache
def _guard() -> _Guard:
    guard = _Guard()
    atexit.register(guard.end)
    return guard


def watch(group: int) -> None:
    """See to it that this group of processes does not outlive this process."""
    _guard().tell(group)


def forget(group: int) -> None:
    """The group is no more; its number may be given to others."""
    _guard().tell(-group)


def end_group(group: int) -> None:
    """End every process of a group now."""
    with suppress(ProcessLookupError, PermissionError):  # macOS: a group of zombies only
        os.killpg(group, signal.SIGKILL)
