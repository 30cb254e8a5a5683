"""
Ends the processes of adapters whose own tester was ended, however that was.

A process and all that it started are one group of processes, and bear a mark. A guard, a small
process of its own, is told of each; its standard input ends when this process does, by a signal
that nobody can catch included, and then it ends all that is left. The kernel's own ways would not
do: PR_SET_PDEATHSIG follows the thread that started a process and not the process of that thread,
and what the process itself has started escapes it; PR_SET_CHILD_SUBREAPER brings orphans here
without a word on whose they were.
"""

import atexit
import os
import secrets
import subprocess
import sys
import threading
from contextlib import suppress
from functools import cache

from kimi_conformance.adapters.process import strays
from kimi_conformance.adapters.process.strays import MARK, end_group, end_strays

__all__ = ["MARK", "end_group", "end_strays", "forget", "new_mark", "watch"]


class _Guard:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-I", "-S", strays.__file__],
            # Not to be ended with a process that a tester of a tester has started.
            env={name: value for name, value in os.environ.items() if name != MARK},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # not to be ended by the Ctrl-C that ends its tester
        )

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        with self._lock, suppress(BrokenPipeError, ValueError):  # ended at exit
            self._process.stdin.write(f"{line}\n".encode())
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


def new_mark() -> str:
    """A mark for the environment of a process, which nothing else bears."""
    return secrets.token_hex(16)


def watch(group: int, mark: str) -> None:
    """See to it that this group of processes, and what bears its mark, ends with this process."""
    _guard().tell(f"{group} {mark}")


def forget(group: int) -> None:
    """The group is no more; its number may be given to others."""
    _guard().tell(f"-{group}")
