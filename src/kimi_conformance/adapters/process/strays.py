"""
Ends what a process has started, whatever group or session that has gone to.

What descends from a process has its environment, so a mark in there is found again in /proc,
whoever the parent is by now. It is no prison: what drops its environment and leaves its group
survives, and so does, where there is no /proc (macOS), whatever leaves its group.

Run as a program, this is the guard of `process.guard`: it reads "GROUP MARK" for what it is to
end when its standard input does, and "-GROUP" for what is over. It needs the standard library.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

__all__ = ["MARK", "end_group", "end_strays"]

MARK = "KIMI_CONFORMANCE_MARK"  # the variable that holds it
_ROUNDS = 50  # of looking: who is being ended may have started another, or take its time
_PAUSE = 0.01  # seconds between two


def end_group(group: int) -> None:
    """End every process of a group now."""
    with suppress(ProcessLookupError, PermissionError):  # macOS: a group of zombies only
        os.killpg(group, signal.SIGKILL)


def end_strays(marks: Iterable[str]) -> None:
    """End every process that bears one of these marks; at most half a second."""
    wanted = [f"{MARK}={mark}\0".encode() for mark in marks]
    for _ in range(_ROUNDS):
        found = [process for process in _processes() if _bears(process, wanted)]
        for process in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(int(process), signal.SIGKILL)
        if not found:
            return
        time.sleep(_PAUSE)


def _processes() -> Iterator[str]:
    with suppress(OSError), os.scandir("/proc") as entries:  # there may be none
        yield from (entry.name for entry in entries if entry.name.isdigit())


def _bears(process: str, wanted: Iterable[bytes]) -> bool:
    """Whether a process has one of these in its environment; one of somebody else has none."""
    try:
        with open(f"/proc/{process}/environ", "rb") as file:  # noqa: PTH123 - the guard starts quickly
            environment = file.read()
    except OSError:
        return False
    return any(each in environment for each in wanted)


def _main() -> None:
    watched: dict[int, str] = {}
    for line in sys.stdin:
        group, _, mark = line.strip().partition(" ")
        if int(group) > 0:
            watched[int(group)] = mark
        else:
            watched.pop(-int(group), None)
    for group in watched:
        end_group(group)
    if watched:
        end_strays(watched.values())


if __name__ == "__main__":
    _main()
