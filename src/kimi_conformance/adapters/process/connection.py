"""
One running process, and the messages to and from it.

Four threads keep the pipes moving, so that no side ever waits for the other to read: what
arrives is sorted by the call that it belongs to, whoever awaits that call takes it from
there, on whichever thread and in whichever event loop. Whatever the process does wrong ends
it, once and for all, and every call that it owes an answer fails by the same `AdapterError`.
"""

import asyncio
import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from queue import SimpleQueue
from typing import IO, Any

from kimi_conformance.adapters.process import guard
from kimi_conformance.adapters.process.call import Call, Reply
from kimi_conformance.adapters.process.lines import (
    LONGEST,
    LineError,
    line_of,
    message_of,
    shown,
)
from kimi_conformance.errors import AdapterError

__all__ = ["Connection"]

END_LIMIT = 2.0  # seconds that a process has to end after its standard input did
LAST_WORDS = 20  # lines of standard error that an error message quotes
MOST_ASKED = 1000  # questions at once, each of which has a thread
_TAIL = 16 * 1024  # bytes kept of standard error


class Connection:
    """A process that was started.

    Args:
        argv: The program and its arguments.
        environment: All the variables that it sees.
        name: What messages call it.
        answer: Given a question of the process (a message with "ask"), sees to its answer.
        log: Given what the process says of itself (a message's "log").

    Attributes:
        trouble: What it did wrong, or None.

    Raises:
        OSError: It cannot be started.
    """

    def __init__(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        *,
        name: str,
        answer: Callable[["Connection", Mapping[str, Any]], None],
        log: Callable[[Any], None],
    ) -> None:
        self.name = name
        self.trouble: AdapterError | None = None
        self.secrets: set[str] = set()
        self._answer = answer
        self._log = log
        self._lock = threading.Lock()
        self._calls: dict[int, Call] = {}
        self._last_id = 0
        self._ending = False
        self._over = threading.Event()
        self._tail = b""
        self._outbox: SimpleQueue[bytes | None] = SimpleQueue()
        self._unread = 0  # bytes of answers that wait in it
        self._asking = 0  # questions of the process that are not answered yet
        self._logged = 0  # bytes
        self._mark = guard.new_mark()
        self._process = subprocess.Popen(  # noqa: S603 - what to run is for the user to say
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**environment, guard.MARK: self._mark},
            start_new_session=True,  # so that what it starts can be ended with it
        )
        guard.watch(self._process.pid, self._mark)
        # The reader is the last to start: it may find at once that all is over.
        *_, self._draining, self._reading = self._threads = [
            threading.Thread(target=work, name=f"{work.__name__} {name}", daemon=True)
            for work in (self._wait, self._write, self._drain, self._read)
        ]
        for thread in self._threads:
            thread.start()

    def begin(
        self, method: str, params: Mapping[str, Any] | None = None, client: int | None = None
    ) -> Call:
        """Send a message that is to be answered.

        Raises:
            AdapterError: The process is broken.
            TypeError: The message cannot be written as JSON; nothing was sent.
            ValueError: The same.
        """
        with self._lock:
            if self.trouble is not None:
                raise self.again()
            self._last_id += 1
            call = Call(self._last_id, method)
            message: dict[str, Any] = {"id": call.id, "method": method}
            if client is not None:
                message["client"] = client
            if params is not None:
                message["params"] = params
            line = line_of(message)
            self._calls[call.id] = call
        self._outbox.put(line)
        return call

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message that is not answered: a cancellation."""
        self._outbox.put(line_of(message))

    def answer(self, message: Mapping[str, Any]) -> None:
        """Send the answer to a question, each of which has one."""
        line = line_of(message)
        with self._lock:
            self._asking -= 1
            self._unread += len(line)
            unread = self._unread
        if unread > LONGEST:
            self.break_off(f"does not read the answers to what it asks: {_mib(LONGEST)} wait")
            return
        self._outbox.put(line)

    async def reply(self, call: Call, seconds: float | None) -> Reply:
        """The next reply to a call.

        Raises:
            AdapterError: The process is broken, or silent for so long.
        """
        try:
            async with asyncio.timeout(seconds):
                reply = await asyncio.wrap_future(call.next())
        except TimeoutError:
            reply = None
        return self._taken(call, reply, seconds)

    def reply_now(self, call: Call, seconds: float | None) -> Reply:
        """The same, for callers that are not asynchronous."""
        try:
            reply = call.next().result(seconds)
        except TimeoutError:
            reply = None
        return self._taken(call, reply, seconds)

    def _taken(self, call: Call, reply: Reply | None, seconds: float | None) -> Reply:
        if reply is None:
            self.break_off(f"did not answer '{call.method}' within {seconds:g} s")
            raise self.again()
        call.ended = reply.kind != "chunk"
        if reply.kind == "broken":
            raise self.again()
        return reply

    def break_off(self, what: str) -> None:
        """End the process now, because of what it did."""
        with self._lock:
            if self._ending:
                return
            self._ending = True
        guard.end_group(self._process.pid)
        self._draining.join(0.5)  # its last words may be under way
        self._fail(f"The process '{self.name}' {what}.")

    def end(self) -> None:
        """Let the process end, and end it if it does not; returns when it is gone."""
        with self._lock:
            self._ending = True
        self._outbox.put(None)
        self._reading.join(END_LIMIT)
        guard.end_group(self._process.pid)
        self._fail(f"The process '{self.name}' was ended.")
        for thread in self._threads:
            thread.join(1.0)

    def ends_by_itself(self, seconds: float) -> int | None:
        """Close its standard input and wait; its exit code, or None: it was still there."""
        with self._lock:
            self._ending = True
        self._outbox.put(None)
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def again(self) -> AdapterError:
        """The trouble as an error of its own, for one more who is to be told."""
        self._over.wait(END_LIMIT)  # another thread may be about to find out what it was
        return AdapterError(str(self.trouble))

    def last_words(self) -> str:
        """The end of what it wrote to standard error, or ""."""
        lines = self._tail.decode("utf-8", "backslashreplace").splitlines()[-LAST_WORDS:]
        return "".join(f"\n    {shown(line, self.secrets)}" for line in lines if line.strip())

    def _fail(self, what: str) -> None:
        with self._lock:
            if self.trouble is None:
                said = self.last_words()
                self.trouble = AdapterError(what + (f" Its last words:{said}" if said else ""))
            calls, self._calls = list(self._calls.values()), {}
        self._over.set()
        self._outbox.put(None)
        for call in calls:
            call.put(Reply("broken", None))

    # ------------------------------------------------------------ the threads

    def _read(self) -> None:
        out = self._process.stdout
        assert out is not None
        with out:
            while line := out.readline(LONGEST + 1):
                if (wrong := self._sort(line)) is not None:
                    self.break_off(wrong)
                    break
        self._ended()

    def _ended(self) -> None:
        """Standard output has ended: so has the process, or it is of no more use."""
        try:
            code: int | None = self._process.wait(END_LIMIT)
        except subprocess.TimeoutExpired:
            code = None
        guard.end_group(self._process.pid)
        with self._lock:
            if self._ending:
                return
            self._ending = True
            waiting = sorted({call.method for call in self._calls.values()})
        self._draining.join(0.5)
        while_ = f" while {', '.join(map(repr, waiting))} was awaited" if waiting else ""
        self._fail(f"The process '{self.name}' {_how_it_ended(code)}{while_}.")

    def _sort(self, line: bytes) -> str | None:
        """Hand a line to whom it concerns; what is wrong with it, or None."""
        try:
            message = message_of(line)
        except LineError as error:
            return f"wrote {error} to standard output: {shown(line, self.secrets)}"
        if "log" in message:
            self._logged += len(line)
            if self._logged > LONGEST:
                return f"logged over {_mib(LONGEST)}"
            self._log(message["log"])
            return None
        if "ask" in message:
            with self._lock:
                self._asking += 1
                asking = self._asking
            if asking > MOST_ASKED:
                return f"asks {MOST_ASKED} questions before one of them is answered"
            self._answer(self, message)
            return None
        kinds = [kind for kind in ("chunk", "result", "error") if kind in message]
        if len(kinds) != 1:
            return f"wrote a message of no kind: {shown(line, self.secrets)}"
        return self._deliver(message, kinds[0], line)

    def _deliver(self, message: Mapping[str, Any], kind: str, line: bytes) -> str | None:
        id = message.get("id")
        with self._lock:
            call = self._calls.get(id) if isinstance(id, int) else None
            if call is not None and kind != "chunk":
                del self._calls[call.id]
        if call is None:
            return f"answered what nobody asks: {shown(line, self.secrets)}"
        unread = call.put(Reply(kind, message[kind], len(line)))
        if unread > LONGEST:
            return f"sent over {_mib(LONGEST)} for '{call.method}' that nobody had taken"
        return None

    def _write(self) -> None:
        into = self._process.stdin
        assert into is not None
        try:
            with into:
                while (line := self._outbox.get()) is not None:
                    into.write(line)
                    into.flush()
                    with self._lock:
                        self._unread = max(self._unread - len(line), 0)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it is gone, as the end of its output will say

    def _drain(self) -> None:
        err: IO[bytes] | None = self._process.stderr
        assert err is not None
        with err:
            while data := os.read(err.fileno(), 64 * 1024):
                self._tail = (self._tail + data)[-_TAIL:]

    def _wait(self) -> None:
        """What it started may hold its pipes open, and is to end with it."""
        self._process.wait()
        guard.end_group(self._process.pid)
        guard.end_strays([self._mark])
        guard.forget(self._process.pid)


def _mib(size: int) -> str:
    return f"{size // 2**20} MiB"


def _how_it_ended(code: int | None) -> str:
    if code is None:
        return "closed its standard output"
    if code < 0:
        return f"was ended by signal {-code}"
    return f"ended with exit code {code}"
