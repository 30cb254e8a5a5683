"""What this machine allows: files, room, clocks."""

import os
import resource
import shutil
import socket
import struct
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kimi_conformance.cli.health.finding import Finding, broken, hint, well

__all__ = [
    "Clock",
    "Disk",
    "clock_findings",
    "disk_findings",
    "file_findings",
    "observe_clock",
    "observe_disk",
    "observe_files",
]

MIB = 2**20
LEAST_FREE = 50 * MIB  # a run with its reports takes some 10 MiB
GOOD_FREE = 1024 * MIB  # samples of a soak test: some 100 bytes a request, for hours
LEAST_FILES = 256  # pytest, a stage and a client, with room
GOOD_FILES = 2048  # the ramp has 400 users: a connection each, on both ends if it is the simulator
NO_LIMIT = 2**63  # files
COARSE = 0.001  # seconds; a gap between tokens is some ms
_TIMESTAMPNS = 35  # SO_TIMESTAMPNS, of asm-generic/socket.h; Python has no name for it
_STAMP = struct.Struct("@ll")


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Where reports go.

    Attributes:
        folder: That of the runs, which need not be there yet.
        refused: Why nothing can be written there, or "".
        free: Bytes.
    """

    folder: Path
    refused: str
    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """How finely time can be told.

    Attributes:
        tick: The least step of the monotonic clock that was seen, in seconds.
        stamped: Whether the kernel says when bytes came in.
    """

    tick: float
    stamped: bool


def observe_disk(folder: Path) -> Disk:
    """Whether a run could be written below a folder; nothing is left behind.

    A folder that is not there is not made: the nearest one above it is asked.
    """
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    refused = ""
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        refused = f"{there}: {error.strerror}"
    return Disk(folder=folder, refused=refused, free=shutil.disk_usage(there).free)


def observe_files() -> tuple[int, int]:
    """How many files this process may open, and how many it could allow itself; or NO_LIMIT."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (
        NO_LIMIT if soft == resource.RLIM_INFINITY else soft,
        NO_LIMIT if hard == resource.RLIM_INFINITY else hard,
    )


def observe_clock() -> Clock:
    """What the clocks of this machine can tell."""
    steps: list[float] = []
    last = time.monotonic()
    until = time.perf_counter() + 0.2
    while len(steps) < 100 and time.perf_counter() < until:
        now = time.monotonic()
        if now != last:
            steps.append(now - last)
            last = now
    return Clock(tick=min(steps, default=1.0), stamped=_stamped())


def _stamped() -> bool:
    """Whether a message on loopback comes with the kernel's time of it."""
    if os.uname().sysname != "Linux":
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver, suppress(OSError):
        receiver.settimeout(1)
        receiver.bind(("127.0.0.1", 0))
        receiver.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)
        receiver.sendto(b"x", receiver.getsockname())
        _, said, _, _ = receiver.recvmsg(1, socket.CMSG_SPACE(_STAMP.size))
        return any((level, kind) == (socket.SOL_SOCKET, _TIMESTAMPNS) for level, kind, _ in said)
    return False


def disk_findings(seen: Disk) -> Iterator[Finding]:
    """What is to be said of the place for reports."""
    if seen.refused:
        yield broken(
            "reports",
            f"{seen.folder} cannot be written: {seen.refused}",
            "No run can leave evidence or a report there.",
            "Change to a folder of your own, or name one with --out",
        )
        return
    free = f"{seen.free / MIB:,.0f} MiB are free"
    if seen.free < LEAST_FREE:
        yield broken(
            "disk",
            free,
            "A run that cannot write its evidence breaks off.",
            "Delete old runs below reports/out, or name another disk with --out",
        )
    elif seen.free < GOOD_FREE:
        yield hint(
            "disk",
            free,
            "Enough for checks; the samples of a load test of hours may need more.",
            "Delete old runs below reports/out, or name another disk with --out",
        )
    else:
        yield well("reports", f"{seen.folder} can be written; {free}")


def file_findings(soft: int, hard: int) -> Iterator[Finding]:
    """What is to be said of the limit of open files."""
    text = f"a process may have {soft:,} open"
    mend = f"ulimit -n {GOOD_FILES}"
    if hard < GOOD_FILES:
        mend += f"  # the machine allows {hard:,}: raise nofile in /etc/security/limits.conf"
    if soft < LEAST_FILES:
        yield broken("open files", text, "Runs break off with 'Too many open files'.", mend)
    elif soft < GOOD_FILES:
        yield hint(
            "open files",
            text,
            "Scenarios with hundreds of users need more: ramp has 400, with a connection each.",
            mend,
        )
    else:
        yield well("open files", text if soft < NO_LIMIT else "no limit")


def clock_findings(seen: Clock) -> Iterator[Finding]:
    """What is to be said of the clocks."""
    if seen.tick > COARSE:
        yield hint(
            "clock",
            f"the monotonic clock goes in steps of {seen.tick * 1000:.3g} ms",
            "Gaps between tokens that are shorter cannot be told: ITL is too coarse.",
            "Choose a finer clock: cat /sys/devices/system/clocksource/clocksource0/"
            "available_clocksource",
        )
    else:
        yield well("clock", f"steps of {seen.tick * 1e6:.2g} µs")
    if seen.stamped:
        yield well("time stamps", "the kernel says when bytes came in")
    else:
        yield hint(
            "time stamps",
            "the kernel does not say when bytes came in (SO_TIMESTAMPNS)",
            "TTFT and ITL of load runs hold the time that this process was busy, too.",
            "Put the load on from Linux, outside of sandboxes that filter socket options",
        )
