"""
One connection to the stage: requests come in, answers go out on their own clock.

Every frame has a time that counts from the moment its request was there in whole, never from
the frame before, so a late one does not make the next one late. That moment is noted when the
bytes arrive, and answers are made afterwards: of a crowd that comes at once, nobody's clock
starts later because others were served first.

Long because it is one protocol of the event loop, whose callbacks share the state of a connection.
"""

import asyncio
import math
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from kimi_conformance.stage.http1 import (
    BadRequestError,
    Received,
    RequestReader,
    answer_head,
    has_body,
)
from kimi_conformance.wire.exchange import Answer, Broken, Ending, Frame, Headers, Relay, header

__all__ = ["Arrivals", "Connection", "Delivery"]

LONGEST_SILENCE = 120.0  # seconds that a stalled connection is held at most
AT_ONCE = 16  # requests that are answered before frames which are due get their turn
MOST_UNREAD = 2**20  # bytes that wait behind a request before we stop reading

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"


class Serve(Protocol):
    """What answers a request."""

    def __call__(self, connection: "Connection", received: Received, started: float) -> None:
        """Begin a delivery on the connection; `started` is when the request was there."""
        ...


class Arrivals:
    """Requests that are there in whole and wait to be answered, in the order they came.

    Args:
        serve: Answers one.
        clock: Monotonic seconds.
    """

    def __init__(self, serve: Serve, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._connections: set[Connection] = set()
        self._empty = asyncio.Event()
        self._serve = serve
        self._waiting: deque[tuple[Connection, Received, float]] = deque()
        self._called = False

    def add(self, connection: "Connection", received: Received, at: float) -> None:
        """Note when it came; it is answered in the loop's next round."""
        self._waiting.append((connection, received, at))
        self._call(connection.loop)

    def come(self, connection: "Connection") -> None:
        """A client has connected."""
        self._connections.add(connection)

    def gone(self, connection: "Connection") -> None:
        """It has left."""
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    async def close(self) -> None:
        """Break off all connections, and wait until each has heard of it."""
        self._empty.clear()
        for connection in self._connections:
            connection.transport.abort()
        if self._connections:
            await self._empty.wait()

    def _call(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._called:
            self._called = True
            loop.call_soon(self._answer, loop)

    def _answer(self, loop: asyncio.AbstractEventLoop) -> None:
        self._called = False
        waiting = self._waiting
        for _ in range(min(AT_ONCE, len(waiting))):
            self._serve(*waiting.popleft())
        if waiting:
            self._call(loop)


class Connection(asyncio.Protocol):
    """What one client sends and is sent, one request at a time.

    Attributes:
        loop: The stage's.
        transport: To the client.
        lost: Whether the client has left.
        delivery: The answer that is under way, or None.
    """

    def __init__(self, arrivals: Arrivals) -> None:
        self.loop = asyncio.get_running_loop()
        self.transport: Any = None
        self.lost = False
        self.delivery: Delivery | None = None
        self._arrivals = arrivals
        self._reader = RequestReader()
        self._busy = False
        self._full = False
        self._room = asyncio.Event()
        self._room.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        self.transport = transport
        self._arrivals.come(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """It has left, or we have closed."""
        self.lost = True
        self._room.set()
        self._arrivals.gone(self)
        if self.delivery is not None:
            self.delivery.abandon()

    def data_received(self, data: bytes) -> None:
        """It has sent something."""
        at = self._arrivals.clock()
        self._reader.feed(data)
        if not self._busy:
            self._next(at)
        elif self._reader.size > MOST_UNREAD and not self._full:
            self._full = True
            self.transport.pause_reading()

    def pause_writing(self) -> None:
        """It reads more slowly than we write."""
        self._room.clear()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._room.set()
        if self.delivery is not None:
            self.delivery.go_on()

    @property
    def peer(self) -> object:
        """The client's address and port, which no other connection has at the same time."""
        return self.transport.get_extra_info("peername")

    @property
    def has_room(self) -> bool:
        """Whether more can be written."""
        return self._room.is_set()

    async def room(self) -> None:
        """Wait until more can be written."""
        await self._room.wait()

    def done(self, *, keeps: bool) -> None:
        """The answer is over; take the next request, or close."""
        self.delivery = None
        if not keeps:
            self.transport.close()
            return
        self._busy = False
        if self._full:
            self._full = False
            self.transport.resume_reading()
        self._next(self._arrivals.clock())

    def _next(self, at: float) -> None:
        try:
            received = self._reader.next()
        except BadRequestError as wrong:
            self._refuse(wrong)
            return
        if received is not None:
            self._busy = True
            self._arrivals.add(self, received, at)
        elif self._reader.wants_to_be_told():
            self.transport.write(_CONTINUE)

    def _refuse(self, wrong: BadRequestError) -> None:
        self._busy = True
        text = f"{wrong}\n".encode()
        headers = (("Content-Type", "text/plain; charset=utf-8"),)
        framing = (f"Content-Length: {len(text)}", "Connection: close")
        self.transport.write(answer_head(wrong.status, headers, *framing) + text)
        self.transport.close()


class Delivery:
    """Sends one answer, and knows what really went out, and when.

    Args:
        connection: To the client.
        received: What it asked.
        started: When the request was there in whole, on the clock.
        clock: Monotonic seconds.
        ended: Called once, when no more will be sent.
        remembers: Whether `frames` are kept.

    Attributes:
        frames: What was sent so far, with the times at which it was; seconds from `started`.
        ending: How it ended.
        asking: The task that gets the answer, where the source needs one.
    """

    __slots__ = (
        "_at",
        "_chunked",
        "_clock",
        "_connection",
        "_ended",
        "_head",
        "_headers",
        "_keeps",
        "_over",
        "_raw",
        "_received",
        "_remembers",
        "_silent",
        "_status",
        "_timer",
        "_whole",
        "answer",
        "asking",
        "ending",
        "frames",
        "started",
    )

    def __init__(
        self,
        connection: Connection,
        received: Received,
        started: float,
        clock: Callable[[], float],
        ended: "Callable[[Delivery], None]",
        *,
        remembers: bool,
    ) -> None:
        self.started = started
        self.frames: list[Frame] = []
        self.ending = Ending.ABANDONED
        self.asking: asyncio.Task[None] | None = None
        self.answer: Answer | None = None
        self._connection = connection
        self._received = received
        self._clock = clock
        self._ended = ended
        self._remembers = remembers
        self._status = 0
        self._headers: Headers = ()
        self._raw = False
        self._at = 0  # the next frame
        self._head = b""
        self._timer: asyncio.TimerHandle | None = None
        self._over = False
        self._silent = False
        self._chunked = False
        self._keeps = False
        self._whole = False  # a short answer: its head waits for its body
        connection.delivery = self

    @property
    def passed(self) -> float:
        """Seconds since the request was there in whole."""
        return self._clock() - self.started

    def sent(self) -> Answer:
        """What the client was sent so far."""
        return Answer(
            status=self._status,
            headers=self._headers,
            frames=tuple(self.frames),
            ending=self.ending,
            raw=self._raw,
        )

    def send(self, answer: Answer) -> None:
        """Begin to send an answer that is known beforehand."""
        self.answer = answer
        self._status, self._headers, self._raw = answer.status, answer.headers, answer.raw
        if not answer.raw:
            frames = answer.frames
            self._whole = len(frames) < 2 and answer.ending is Ending.COMPLETE
            self._open(sum(len(frame.data) for frame in frames) if self._whole else None)
        self.go_on()

    async def relay(self, relay: Relay) -> None:
        """Send an answer that is still arriving from somewhere else."""
        self._status, self._headers = relay.status, relay.headers
        self._open(None)
        self._write(())
        ending = Ending.COMPLETE
        try:
            async for frame in relay.frames:
                self._write((frame,))
                await self._connection.room()
        except Broken as broken:
            ending = broken.ending
        self._end(ending)

    def abandon(self) -> None:
        """The client has left; what it was sent stays known."""
        if self.asking is not None:
            self.asking.cancel()
        self._finish()

    def go_on(self) -> None:
        """Send what is due, and wake up when the next frame is."""
        answer, connection = self.answer, self._connection
        if answer is None or self._over or self._timer is not None or not connection.has_room:
            return
        frames, first = answer.frames, self._at
        now = self._clock() - self.started
        count = len(frames)
        at = first
        while at < count and frames[at].at <= now:
            at += 1
        self._at = at
        if at > first or (self._head and not (self._whole and count)):
            last = at == count and answer.ending is Ending.COMPLETE
            self._write(frames[first:at] if at - first < count else frames, last=last)
        if at == count:
            self._end(answer.ending)
        else:
            self._timer = self._connection.loop.call_later(
                _whole_ms(self.started + frames[at].at, self.started + now), self._wake
            )

    def _wake(self) -> None:
        self._timer = None
        self.go_on()

    def _open(self, length: int | None) -> None:
        """Make the head: with this length, or in chunks, or until the connection is closed."""
        received = self._received
        given = header(self._headers, "Content-Length")
        framing = []
        self._silent = not has_body(received.method, self._status)
        if given is None and self._status >= 200 and self._status != 204:
            if length is not None:
                framing.append(f"Content-Length: {length}")
            elif received.chunks:
                framing.append("Transfer-Encoding: chunked")
                self._chunked = not self._silent
        self._keeps = received.keeps and (received.chunks or length is not None)
        if not self._keeps:
            framing.append("Connection: close")
        elif not received.chunks:  # a client of HTTP/1.0 wants to be told
            framing.append("Connection: keep-alive")
        self._head = answer_head(self._status, self._headers, *framing)

    def _write(self, frames: Sequence[Frame], *, last: bool = False) -> None:
        """Write the head, where it has not gone yet, and these frames."""
        pieces = [self._head]
        self._head = b""
        if self._silent:
            pass
        elif self._chunked:
            for frame in frames:
                if frame.data:
                    pieces += (b"%x\r\n" % len(frame.data), frame.data, b"\r\n")
            if last:
                pieces.append(_LAST_CHUNK)
        else:
            pieces += [frame.data for frame in frames]
        data = b"".join(pieces)
        if data and not self._connection.lost:
            self._connection.transport.write(data)
        if self._remembers and frames:
            at = self._clock() - self.started
            self.frames += [Frame(at, frame.data) for frame in frames]

    def _end(self, ending: Ending) -> None:
        """Nothing more is to be sent: hand the connection on, or break it off as told."""
        connection = self._connection
        if ending is Ending.COMPLETE and not self._raw:
            self.ending = ending
            if self._chunked and self.answer is None:
                connection.transport.write(_LAST_CHUNK)
            self._finish()
            connection.done(keeps=self._keeps)
            return
        self.ending = Ending.CUT if ending is Ending.COMPLETE else ending
        if ending is Ending.STALLED:  # until the client leaves
            self._timer = connection.loop.call_later(LONGEST_SILENCE, connection.transport.close)
            return
        if ending is Ending.RESET:
            wire: socket.socket = connection.transport.get_extra_info("socket")
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.transport.abort()
        else:
            connection.transport.close()
        self._finish()

    def _finish(self) -> None:
        if not self._over:
            self._over = True
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._ended(self)


def _whole_ms(due: float, now: float) -> float:
    """How long to wait from now, in seconds, so as not to wake before a time is due.

    The loop's timers count whole milliseconds of the same clock, so the next whole one is
    meant: up to 1 ms late, never early.
    """
    return max(math.ceil(due * 1000) - math.floor(now * 1000), 1) / 1000
