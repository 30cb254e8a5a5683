"""A finished application that means harm: `rude_program.py HARM NOTE`."""

import os
import signal
import sys
import time

HARM, NOTE = sys.argv[1:]


def flood(pipe: int) -> None:
    while True:
        os.write(pipe, b"\x1b]0;owned\x07" * 10_000)


def stray(environment: dict[str, str]) -> None:
    """A grandchild in a session of its own that holds the pipes, and writes on."""
    if os.fork():
        os.wait()
        while not os.path.exists(NOTE):  # noqa: PTH110 - it starts quickly
            time.sleep(0.01)
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    code = (
        f"import os; open({NOTE + '.new'!r}, 'w').write(str(os.getpid()))\n"
        f"os.rename({NOTE + '.new'!r}, {NOTE!r})\n"
        "while True: os.write(1, b'x')"
    )
    os.execve(sys.executable, [sys.executable, "-I", "-S", "-c", code], environment)


if HARM == "prints-without-end":
    flood(1)
elif HARM == "errs-without-end":
    flood(2)
elif HARM == "hears-no-signal":
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.write(1, b"ready")
    time.sleep(60)
elif HARM == "leaves-a-stray":
    stray(dict(os.environ))
elif HARM == "leaves-a-stray-without-mark":
    stray({})
elif HARM == "stays-with-a-stray":
    stray(dict(os.environ))
    time.sleep(60)
