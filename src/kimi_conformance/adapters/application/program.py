"""
One run of a program: in a folder of its own, in a group of processes of its own, for a while.

What it has started ends with it, and also where its tester is ended (see `process.guard`).
"""

import asyncio
import os
import select
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO

from kimi_conformance.adapters.process.command import environment_for
from kimi_conformance.adapters.process.guard import (
    MARK,
    end_group,
    end_strays,
    forget,
    new_mark,
    watch,
)
from kimi_conformance.adapters.protocol import ApplicationRun, Binding

__all__ = ["LONGEST", "TIME_LIMIT", "environment_of", "run_program"]

TIME_LIMIT = 20.0  # seconds, below the limit of a check
LONGEST = 2**20  # bytes that are kept of an output; the rest is read and dropped
_LAST_WORDS = 1.0  # seconds for what a descendant that got away still holds open
_LOOK_UP_MS = 200  # until it is seen that nobody listens any more
_PIECE = 2**16


def environment_of(binding: Binding) -> dict[str, str]:
    """What a program is told: base URL and key under Kimi's names and OpenAI's.

    Of this process's environment it sees what is no key and no client's setting.
    """
    given = {"BASE_URL": binding.base_url, "API_KEY": binding.api_key}
    told = {
        f"{maker}_{name}": value
        for maker in ("KIMI", "OPENAI")
        for name, value in given.items()
        if value is not None
    }
    return {**environment_for(os.environ), **binding.environment, **told}


async def run_program(
    argv: Sequence[str], environment: Mapping[str, str], time_limit: float = TIME_LIMIT
) -> ApplicationRun:
    """Run a program to its end, or to its time limit.

    Args:
        argv: The program and its arguments, `len(argv) >= 1`.
        environment: All that it sees.
        time_limit: In seconds.

    Raises:
        OSError: It cannot be started.
        ValueError: An argument or a variable holds a NUL.
    """
    with tempfile.TemporaryDirectory(
        prefix="kimi-application-", ignore_cleanup_errors=True
    ) as folder:
        running = _Running(argv, environment, folder)
        try:
            return await asyncio.to_thread(running.result, time_limit)
        finally:
            running.end()


class _Running:
    """A program that was started, what it says being read from the first moment."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], folder: str) -> None:
        self._mark = new_mark()
        self._process = subprocess.Popen(  # noqa: S603 - a program that the user named
            list(argv),
            env={**environment, MARK: self._mark},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        watch(self._process.pid, self._mark)
        self._lock = threading.Lock()
        self._ended = False
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._said = [_Said(self._process.stdout), _Said(self._process.stderr)]

    def result(self, time_limit: float) -> ApplicationRun:
        """Wait for its end, or bring it about when its time is over."""
        exit_code = None
        with suppress(subprocess.TimeoutExpired):
            exit_code = self._process.wait(time_limit)
        self.end()
        output, errors = (each.text() for each in self._said)
        return ApplicationRun(exit_code=exit_code, output=output, errors=errors)

    def end(self) -> None:
        """End it and all that it has started, once."""
        with self._lock:
            if self._ended:
                return
            self._ended = True
            end_group(self._process.pid)
            self._process.wait()
            end_strays([self._mark])
            forget(self._process.pid)


class _Said:
    """What comes out of a pipe, its beginning kept."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._kept = bytearray()
        self._over = False
        self._thread = threading.Thread(target=self._read, name="application output", daemon=True)
        self._thread.start()

    def text(self) -> str:
        """What was said; bytes that are no UTF-8 are replaced. Nothing is read any more."""
        self._thread.join(_LAST_WORDS)
        self._over = True
        return bytes(self._kept).decode("utf-8", "replace")

    def _read(self) -> None:
        with self._pipe as pipe:
            ready = select.poll()
            ready.register(pipe)
            while not self._over:
                if ready.poll(_LOOK_UP_MS):
                    piece = os.read(pipe.fileno(), _PIECE)
                    if not piece:
                        return
                    self._kept += piece[: max(0, LONGEST - len(self._kept))]
