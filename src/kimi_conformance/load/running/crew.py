"""
Who takes part in a run of several processes, and what they say to each other.

The messages go over Locust's own connection, beside those with which it starts and stops users:

    hello    worker  who I am and what I would run; again and again until there is an answer
    welcome  master  your number, what you may spend, the header of the run; and its clock
    refused  master  why not
    clock    both    what time is it there? Only where the clocks are not the same
    ready    worker  it may begin
    begin    master  when it begins, on the worker's clock
    started  worker  everything is open: users may come
    data     worker  twice a second: pieces of its files, and how far it is
    taken    master  how much of each file has come
    over     worker  my part cannot go on, and why
    end      master  it is over, and how long what is under way may still take
    done     worker  everything has come; nothing more will

Times in messages are on the clock of `time.perf_counter` of whoever sends them.
"""

import os
import socket
from argparse import Namespace
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kimi_conformance import __version__
from kimi_conformance.errors import UsageError

if TYPE_CHECKING:  # it needs Locust
    from kimi_conformance.load.users.loaded import Loaded

__all__ = ["LIMIT_S", "Member", "address", "hello", "machine", "mismatch", "name"]

LIMIT_S = 10.0  # of silence, after which the other side is lost
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_CLOCKS = Path("/proc/self/ns/time")  # a container may have a monotonic clock of its own
_SAME = ("version", "scenario", "digest", "base_url", "model", "duration")


@dataclass(slots=True, eq=False)
class Member:
    """A worker as its master knows it.

    Attributes:
        number: From 1 on, in the order in which they came; also the source of its samples.
        client: What Locust calls it.
        host: The name of its machine.
        pid: Its process id there.
        machine: Tells machines apart whose processes share a clock.
        heard: When it was last heard of, on the master's clock.
        child: Its process, where the master has started it; its resources count as his.
        clock_error_s: How wrong its clock may be, in seconds.
        stage: The last of hello, ready, started and done that it said.
        requests, failures: As it said last.
        lost: When it was found to be gone, in seconds of the run; None: it is not.
    """

    number: int
    client: str
    host: str
    pid: int
    machine: str
    heard: float
    child: Any = None
    clock_error_s: float = 0.0
    stage: str = "hello"
    requests: int = 0
    failures: int = 0
    lost: float | None = None
    faults: list[str] = field(default_factory=list)

    def row(self, count: int) -> dict[str, Any]:
        """What is noted of it beside the samples."""
        return {
            "row": "source",
            "worker": self.number,
            "of": count,
            "host": self.host,
            "pid": self.pid,
            "clock_error_s": round(self.clock_error_s, 6),
        }


def name(kind: str) -> str:
    """What a message of ours is called among Locust's."""
    return f"kimi_{kind}"


def address(text: str) -> tuple[str, int]:
    """Host and port.

    >>> address("0.0.0.0:5557")
    ('0.0.0.0', 5557)

    Raises:
        UsageError: It is no such pair.
    """
    host, found, port = text.rpartition(":")
    if not (found and host and port.isdigit() and int(port) < 65536):
        raise UsageError(f"'{text}' is no address. Write host and port, as in 192.0.2.7:5557")
    return host.strip("[]"), int(port)


def machine() -> str:
    """The same for processes that share a monotonic clock, and for no others."""
    try:
        return f"{_BOOT.read_text('ascii').strip()} {_CLOCKS.readlink()}"
    except OSError:  # no Linux: one process of its own
        return f"{socket.gethostname()}/{os.getpid()}"


def hello(options: Namespace, loaded: "Loaded") -> dict[str, Any]:
    """What a worker says of itself; what a master compares with what it would say."""
    return {
        "version": __version__,
        "scenario": loaded.header.name,
        "digest": loaded.digest,
        "base_url": options.base_url,
        "model": options.model,
        "duration": loaded.shape.length,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "machine": machine(),
    }


def mismatch(own: dict[str, Any], theirs: dict[str, Any]) -> str:
    """In what a worker differs from its master; "" where they would run the same."""
    for key in _SAME:
        if own[key] != theirs.get(key):
            what = _WORDS.get(key, key)
            return f"its {what} is {theirs.get(key)}, the master's is {own[key]}"
    return ""


_WORDS = {"digest": "scenario file (by its SHA-256)", "base_url": "base URL"}
