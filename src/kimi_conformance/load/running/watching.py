"""A process that is run to its end, and heard all the while."""

import subprocess
from collections import deque
from collections.abc import Callable, Mapping
from threading import Event, Thread
from typing import IO

__all__ = ["watch"]

_STOP_S = 15.0  # after being asked to stop
_TAIL = 20  # lines of its stderr that are shown when it could not start


def watch(
    command: list[str],
    environment: Mapping[str, str],
    limit_s: float,
    on_line: Callable[[str], None] | None,
) -> tuple[int, str]:
    """Run to the end, or stop it at the limit; its exit code, and the end of its stderr."""
    child = subprocess.Popen(  # noqa: S603 - this interpreter, this package
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    tail: deque[str] = deque(maxlen=_TAIL)
    tell = on_line or (lambda _: None)
    began = Event()

    def say(line: str) -> None:
        began.set()
        tell(line)

    def complain(line: str) -> None:
        tail.append(line)
        if began.is_set():  # else it is why it did not begin, which is told as an error
            tell(line)

    readers = [
        _relay(child.stdout, say),
        _relay(child.stderr, complain),
    ]
    try:
        child.wait(limit_s)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        _end(child)
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        for reader in readers:
            reader.join()
    return child.returncode, "\n".join(tail)


def _end(child: "subprocess.Popen[str]") -> None:
    child.terminate()
    try:
        child.wait(_STOP_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        child.kill()
        child.wait()


def _relay(stream: IO[str] | None, take: Callable[[str], object]) -> Thread:
    assert stream is not None, "both streams are piped"

    def read(stream: IO[str]) -> None:
        with stream:
            for line in stream:
                take(line.rstrip("\n"))

    thread = Thread(target=read, args=(stream,), daemon=True)
    thread.start()
    return thread
