"""
Connections to the stage: when a request was there, and whose turn it is to be answered.

The moment is noted when the bytes arrive, and answers are made afterwards: of a crowd that comes
at once, nobody's clock starts later because others were served first.

What sends an answer is a `Delivery`; a connection has one at a time.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from kimi_conformance.stage.http1 import (
    BadRequestError,
    Received,
    RequestReader,
    answer_head,
)

__all__ = ["Arrivals", "Connection"]

AT_ONCE = 16  # requests that are answered before frames which are due get their turn
MOST_UNREAD = 2**20  # bytes that wait behind a request before we stop reading

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class UnderWay(Protocol):
    """An answer that is being sent."""

    def go_on(self) -> None:
        """Send what is due: there is room again."""
        ...

    def abandon(self) -> None:
        """Send no more: the client has left."""
        ...


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
        self.delivery: UnderWay | None = None
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
        delivery, self.delivery = self.delivery, None  # each of them holds the other
        if delivery is not None:
            delivery.abandon()

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
