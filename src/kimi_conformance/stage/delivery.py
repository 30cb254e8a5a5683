"""
One answer that goes out on its own clock.

Every frame has a time that counts from the moment its request was there in whole, never from
the frame before, so a late one does not make the next one late.
"""

import asyncio
import math
import socket
import struct
from collections.abc import Callable, Sequence

from kimi_conformance.stage.connection import Connection
from kimi_conformance.stage.http1 import Received, answer_head, has_body
from kimi_conformance.wire.exchange import Answer, Broken, Ending, Frame, Headers, Relay, header

__all__ = ["Delivery"]

LONGEST_SILENCE = 120.0  # seconds that a stalled connection is held at most

_LAST_CHUNK = b"0\r\n\r\n"


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
