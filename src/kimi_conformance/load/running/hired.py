"""The workers that a master starts on its own machine, ended however the run ends."""

import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import gevent

__all__ = ["LOOPBACK", "hired"]

LOOPBACK = "127.0.0.1"
_LOOK_S = 0.05  # between looks whether one has left
_LEAVE_S = 5.0  # that their processes may take to end


@contextmanager
def hired(
    options: Namespace, length_s: float, port: int, dismiss: Callable[[], object]
) -> Iterator[Mapping[int, "subprocess.Popen[bytes]"]]:
    """As many as were asked for, by their process ids; they end with this process.

    Args:
        options: The master's arguments.
        length_s: How long the run is.
        port: Where the master listens.
        dismiss: Tells all workers that it is over, those of other machines too.
    """
    children: dict[int, subprocess.Popen[bytes]] = {}
    command = [sys.executable, "-m", "kimi_conformance.load", *_arguments(options, length_s, port)]
    try:
        for _ in range(options.processes):
            child = subprocess.Popen(  # noqa: S603 - this interpreter, this package
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
            children[child.pid] = child
        yield children
    finally:
        dismiss()
        limit = time.monotonic() + _LEAVE_S
        for child in children.values():
            while child.poll() is None and time.monotonic() < limit:
                gevent.sleep(_LOOK_S)
            if child.poll() is None:
                child.kill()
                child.wait()


def _arguments(options: Namespace, length_s: float, port: int) -> Iterator[str]:
    yield str(options.scenario)
    yield from ("--base-url", options.base_url, "--model", options.model)
    yield from ("--duration", f"{length_s:.6f}s")
    yield from ("--samples", str(options.samples), "--with-parent")
    yield from ("--worker", f"{LOOPBACK}:{port}", "--wait", f"{options.wait:g}")
    for folder in options.fixtures:
        yield from ("--fixtures", str(folder))
