"""
A load generator that costs little: raw connections, requests written beforehand.

Shared by the benchmarks. It does not read JSON; it looks for the marks of a reply's end and of
a token in the bytes, in the very moment they arrive.
"""

import asyncio
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import uvloop

__all__ = ["Tally", "Timeline", "ask_all", "ask_for", "gaps", "http_request", "run"]

_CONTENT = re.compile(rb'"content": ?"[^"]')  # a delta that says something
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED_END = b"\r\n0\r\n\r\n"

run = uvloop.run


def http_request(base_url: str, api_key: str, body: bytes) -> bytes:
    """A chat request, ready to be written."""
    parts = urlsplit(base_url)
    head = (
        f"POST {parts.path}/chat/completions HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Authorization: Bearer {api_key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass(slots=True)
class Tally:
    """What came back in a while.

    Attributes:
        replies: Those that were 200 and came to their end.
        chunks: Events of their streams.
        others: Replies of any other status.
        seconds: How long it took.
    """

    replies: int = 0
    chunks: int = 0
    others: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Timeline:
    """When one stream said what.

    Attributes:
        sent: When the request was written; monotonic seconds, as all times here.
        tokens: When each chunk with content arrived.
        first: When the first event of any kind did.
        ended: Whether the stream came to its end.
    """

    sent: float
    tokens: list[float] = field(default_factory=list)
    first: float = 0.0
    ended: bool = False


class _Connection(asyncio.Protocol):
    """One connection: a request, its reply, and what is to be done then."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.transport: Any = None
        self.done: asyncio.Future[bool] = self._loop.create_future()
        self.timeline: Timeline | None = None
        self.chunks = 0
        self._head = b""
        self._left: int | None = None  # bytes; None: chunked, or not known yet
        self._ends = b""
        self._ok = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def ask(self, request: bytes) -> "asyncio.Future[bool]":
        """Write the request; the future says whether the whole reply was a 200."""
        self.done = self._loop.create_future()
        self._head, self._left, self._ends = b"", None, b""
        self.transport.write(request)
        return self.done

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        if self.timeline is not None:
            if not self.timeline.first and b"data: " in data:
                self.timeline.first = now
            self.timeline.tokens += [now] * len(_CONTENT.findall(data))
        self.chunks += data.count(b"data: ")
        if not self._ends:  # still within the head
            self._head += data
            head, blank, data = self._head.partition(b"\r\n\r\n")
            if not blank:
                return
            self._ok = head.startswith(b"HTTP/1.1 200")
            length = _LENGTH.search(head)
            self._left = int(length[1]) if length else None
            self._ends = b"\r\n"  # what the last chunk must follow
        if self._left is not None:
            self._left -= len(data)
        self._ends = (self._ends + data)[-len(_CHUNKED_END) :]
        if self._left == 0 or (self._left is None and self._ends == _CHUNKED_END):
            self._end(ok=self._ok)

    def connection_lost(self, _: Exception | None) -> None:
        self._end(ok=False)

    def _end(self, *, ok: bool) -> None:
        if not self.done.done():
            self.done.set_result(ok)


async def _connect(base_url: str) -> _Connection:
    parts = urlsplit(base_url)
    loop = asyncio.get_running_loop()
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    _, protocol = await loop.create_connection(_Connection, host, port)
    return protocol


async def ask_for(base_url: str, request: bytes, *, seconds: float, connections: int) -> Tally:
    """Closed workload: each connection asks again as soon as it was answered."""
    tally = Tally()

    async def work() -> None:
        connection = await _connect(base_url)
        while time.monotonic() < until:
            if await connection.ask(request):
                tally.replies += 1
            else:
                tally.others += 1
                connection = await _again(connection, base_url)
        tally.chunks += connection.chunks
        connection.transport.close()

    started = time.monotonic()
    until = started + seconds
    await asyncio.gather(*(work() for _ in range(connections)))
    tally.seconds = time.monotonic() - started
    return tally


async def _again(connection: _Connection, base_url: str) -> _Connection:
    if not connection.transport.is_closing():
        return connection
    fresh = await _connect(base_url)
    fresh.chunks = connection.chunks
    return fresh


async def ask_all(base_url: str, request: bytes, *, streams: int, over: float) -> list[Timeline]:
    """Open workload: so many streams, begun evenly over some seconds, each to its end."""

    async def one(start: float) -> Timeline:
        connection = await _connect(base_url)
        await asyncio.sleep(start - time.monotonic())
        connection.timeline = timeline = Timeline(time.monotonic())
        timeline.ended = await connection.ask(request)
        connection.transport.close()
        return timeline

    begin = time.monotonic() + 0.5
    return await asyncio.gather(*(one(begin + over * each / streams) for each in range(streams)))


def gaps(timeline: Timeline) -> Iterator[float]:
    """Seconds from token to token."""
    return (after - before for before, after in zip(timeline.tokens, timeline.tokens[1:]))  # noqa: B905
