"""An adapter that means harm: `rude_client.py HARM`, which is done in place of listing models."""

import itertools
import json
import os
import signal
import sys
import time
from typing import Any

HARM = sys.argv[1]
HELLO = {"protocol": "1.0", "name": "rude", "version": "1", "capabilities": ["models"]}


def say(**message: Any) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def harm(id: int) -> None:  # noqa: C901 - each harm is a branch of its own
    ask = {"method": "clock.now", "client": 1, "params": {}}
    if HARM == "asks-without-end":
        for number in itertools.count():
            say(ask=number, **{**ask, "method": "x" * 10_000})
    elif HARM == "logs-without-end":
        while True:
            say(log={"level": "INFO", "logger": "x" * 100, "text": "\x1b[2J" * 10_000})
    elif HARM == "one-line-without-end":
        while True:
            write(b"x" * 2**20)
    elif HARM == "chunks-nobody-asked-for":
        while True:
            say(id=id, chunk={"at": 0, "body": {"x": "x" * 10_000}})
    elif HARM == "answers-twice":
        say(id=id, result=[])
        say(id=id, result=[])
    elif HARM == "no-utf8":
        write(b'{"id": %d, "result": "\xff\xfe"}\n' % id)
    elif HARM == "nesting":
        write(b'{"id": %d, "result": ' % id + b"[" * 100_000 + b"\n")
    elif HARM == "nested-question":
        deep: Any = 0
        for _ in range(900):
            deep = [deep]
        say(ask=deep, **ask)
    elif HARM == "digits":
        write(b'{"id": %d, "result": ' % id + b"9" * 5000 + b"}\n")
    elif HARM == "unhashable-client":
        say(ask=1, **{**ask, "client": [1]})
        say(id=id, result=[])
    elif HARM == "half-a-line":
        write(b'{"id": %d, "resu' % id)
        os._exit(0)
    elif HARM == "floods-its-errors":
        for _ in range(300):
            os.write(2, b"\x1b]0;owned\x07 sk-of-a-user-0123456789 \xff" * 3000)
        os._exit(1)
    elif HARM == "forks":
        for _ in range(40):
            if not os.fork():
                time.sleep(60)
        say(id=id, result=[{"id": str(os.getpgid(0))}])
    elif HARM == "leaves-its-session":
        told, tells = os.pipe()
        if not os.fork():
            os.setsid()
            if not os.fork():
                os.write(tells, b"%d" % os.getpgrp())
                time.sleep(60)
            os._exit(0)
        os.wait()
        say(id=id, result=[{"id": os.read(told, 99).decode()}])
    elif HARM == "stops-itself":
        os.kill(os.getpid(), signal.SIGSTOP)


def main() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for line in sys.stdin:
        message = json.loads(line)
        id, method = message.get("id"), message.get("method")
        if method == "hello":
            say(id=id, result=HELLO)
        elif method == "list_models":
            harm(id)
        elif id is not None:
            say(id=id, result=None)
    if HARM == "forks":
        time.sleep(60)  # its standard input has ended; it does not care


main()
