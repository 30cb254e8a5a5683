"""
A connection that is read in the moment its bytes are there.

The socket is read in the callback of gevent's event loop, not by a greenlet that is woken for
each piece: it would first wait in a queue behind all others, and each piece would cost two
switches. The greenlet that asked sleeps until the answer has ended.

On Linux the kernel says when it received the bytes, so that time spent by this process on
other streams does not count as the server's. Its stamp is of the wall clock: how long the
bytes waited is taken between it and the wall clock now, and set off against the monotonic
clock now, in one breath; so a clock that is set during a run spoils no time but those between
stamp and reading. A stamp that cannot be true, before the request or in the future, is not
used: then the time is that of the callback, as it is on other systems. How often that was so
is counted. Bytes that are read together have one stamp, of the last of them.
"""

import _socket
import errno
import math
import os
import socket
import struct
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from ssl import MemoryBIO, SSLContext, SSLError, SSLObject, SSLWantReadError, SSLZeroReturnError
from typing import Any

import gevent
import gevent.socket
from gevent.hub import Waiter

from kimi_conformance.load.client.incoming import Incoming, Limits

__all__ = ["Address", "Connection", "Counts"]

_READ, _WRITE = 1, 2  # of libev
_BUFFER = bytearray(256 * 1024)  # all callbacks run one after the other, so one is enough
_BUFFERS = [_BUFFER]
_VIEW = memoryview(_BUFFER)
_RECORD = 16_384  # bytes in a record of TLS, at most
_TIMESTAMPNS = 35  # SO_TIMESTAMPNS, of asm-generic/socket.h; Python has no name for it
_STAMP = struct.Struct("@ll")
_ANCILLARY = socket.CMSG_SPACE(_STAMP.size)
_STAMPED = os.uname().sysname == "Linux" and _STAMP.size == 16


@dataclass(slots=True)
class Counts:
    """What all connections of a process read.

    Attributes:
        reads: How often bytes were read.
        unstamped: How many of them have no true stamp of the kernel.
        received: How many bytes.
        connected: How many connections were opened.
    """

    reads: int = 0
    unstamped: int = 0
    received: int = 0
    connected: int = 0


@dataclass(frozen=True, slots=True)
class Address:
    """Where an endpoint is.

    Attributes:
        tls: How to encrypt, or None: it is not.
    """

    host: str
    port: int
    tls: SSLContext | None


class Connection:
    """One connection, opened by its first use; for one greenlet at a time.

    Args:
        address: Where to.
        limits: Of connecting.
        counts: Counted up.

    Raises:
        OSError: It could not be opened; `strerror` says why.
        TimeoutError: Not in time.
    """

    __slots__ = (
        "_counts",
        "_from_wire",
        "_incoming",
        "_loop",
        "_socket",
        "_timer",
        "_tls",
        "_to_wire",
        "_unsent",
        "_waiter",
        "_wakes",
        "_watch",
        "_watch_write",
        "closed",
    )

    def __init__(self, address: Address, limits: Limits, counts: Counts) -> None:
        self._loop: Any = gevent.get_hub().loop
        self._counts = counts
        self._incoming: Incoming | None = None
        self._waiter: Any = None
        self._timer: Any = None
        self._wakes = math.inf  # when the timer is due, on the monotonic clock
        self._tls: SSLObject | None = None
        self._unsent: deque[memoryview] = deque()
        self._watch_write: Any = None
        self.closed = False
        late = TimeoutError(errno.ETIMEDOUT, f"no connection within {limits.connect_s:g} s")
        with gevent.Timeout(limits.connect_s, late):
            self._socket = _connect(address)
            try:
                if address.tls is not None:
                    self._shake_hands(address.tls, address.host)
            except BaseException:
                self._socket.close()
                raise
        self._watch = self._loop.io(self._socket.fileno(), _READ)
        self._watch.start(self._on_readable)
        counts.connected += 1

    def exchange(self, request: Sequence[bytes], incoming: Incoming) -> None:
        """Send the pieces, and wait until the answer ended or was given up; `incoming` tells how.

        A greenlet that is killed while it waits leaves the connection closed.
        """
        self._incoming = incoming
        self._waiter = waiter = Waiter()
        incoming.sent = incoming.last = time.perf_counter()
        due = incoming.due()
        if due < self._wakes:  # else the alarm of an earlier exchange rings in time to look
            self._wake_at(due)
        try:
            self._send(request)
            waiter.get()
        finally:
            under_way: Incoming | None = self._incoming  # still, where whoever asked was killed
            if under_way is not None or not incoming.reusable:
                self.close()
            self._waiter = None

    def close(self) -> None:
        """Close it, whatever is under way."""
        if self.closed:
            return
        self.closed = True
        self._incoming = None
        for watcher in (self._watch, self._watch_write, self._timer):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        self._socket.close()

    def _on_readable(self) -> None:
        now = time.perf_counter()
        try:
            size, ancillary, _, _ = self._socket.recvmsg_into(_BUFFERS, _ANCILLARY)
        except BlockingIOError:
            return
        except OSError as error:
            self._finish(error.strerror or "the connection broke")
            return
        incoming, counts = self._incoming, self._counts
        counts.reads += 1
        counts.received += size
        if ancillary:
            seconds, nanoseconds = _STAMP.unpack(ancillary[0][2])
            waited = time.time_ns() - seconds * 1_000_000_000 - nanoseconds
            at = time.perf_counter() - waited * 1e-9
            if waited < 0 or (incoming is not None and at < incoming.last):
                counts.unstamped += 1
                at = now
        else:
            counts.unstamped += size > 0
            at = now
        if self._tls is None:
            data, ended = bytes(_VIEW[:size]), not size
        else:
            data, ended = self._decrypt(size)
        if incoming is None:  # nobody asked: surplus, or the server closes
            if data or ended:
                self.close()
        elif data and incoming.take(data, at):
            self._finish()
        elif ended:
            incoming.end()
            self._finish()

    def _decrypt(self, size: int) -> tuple[bytes, bool]:
        """What the bytes in the buffer mean, and whether they are the last ones."""
        tls, bio = self._tls, self._from_wire
        assert tls is not None
        if not size:
            return b"", True
        bio.write(_VIEW[:size])
        pieces = []
        try:
            while True:
                pieces.append(tls.read(_RECORD))
                if not (bio.pending or tls.pending()):
                    break
        except SSLWantReadError:
            pass
        except SSLZeroReturnError:
            return b"".join(pieces), True
        except SSLError as error:
            if self._incoming is not None:
                self._incoming.broken = f"TLS: {error.reason or 'broken'}"
            return b"".join(pieces), True
        if self._to_wire.pending:  # an answer to a change of keys
            self._write(self._to_wire.read())
        return b"".join(pieces), False

    def _send(self, request: Sequence[bytes]) -> None:
        for piece in request:
            if self._tls is not None:
                self._tls.write(piece)
                piece = self._to_wire.read()  # noqa: PLW2901 - what is sent of it
            self._write(piece)

    def _write(self, data: bytes | memoryview) -> None:
        if self._unsent:
            self._unsent.append(memoryview(data))
            return
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._finish(error.strerror or "the connection broke")
            return
        if sent < len(data):
            self._unsent.appendleft(memoryview(data)[sent:])
            if self._watch_write is None:
                self._watch_write = self._loop.io(self._socket.fileno(), _WRITE)
            self._watch_write.start(self._on_writable)

    def _on_writable(self) -> None:
        self._watch_write.stop()
        waiting, self._unsent = self._unsent, deque()
        while waiting and not self._unsent:
            self._write(waiting.popleft())
            if self.closed:
                return
        self._unsent += waiting

    def _wake_at(self, due: float) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
        self._wakes = due
        self._timer = self._loop.timer(max(due - time.perf_counter(), 0.0))
        self._timer.start(self._on_time, update=True)

    def _on_time(self) -> None:
        self._wakes = math.inf
        self._on_readable()  # what waits there was in time
        incoming = self._incoming
        if incoming is None:
            return
        due = incoming.due()
        if due > time.perf_counter():
            self._wake_at(due)
        else:
            self._finish(incoming.why_due())

    def _finish(self, why: str = "") -> None:
        """The answer ended; wake who waits for it, after all that is to be read now."""
        incoming, self._incoming = self._incoming, None
        if incoming is None:
            self.close()
            return
        if why:
            incoming.end(why)
        if self._unsent or not incoming.reusable:
            self.close()
        self._loop.run_callback(self._waiter.switch, None)

    def _shake_hands(self, context: SSLContext, host: str) -> None:
        self._from_wire, self._to_wire = MemoryBIO(), MemoryBIO()
        self._tls = context.wrap_bio(self._from_wire, self._to_wire, server_hostname=host)
        while True:
            try:
                self._tls.do_handshake()
            except SSLWantReadError:
                self._flush()
                self._fill()
            else:
                self._flush()
                return

    def _flush(self) -> None:
        data = self._to_wire.read()
        while data:
            try:
                data = data[self._socket.send(data) :]
            except BlockingIOError:
                _wait(self._socket, _WRITE)

    def _fill(self) -> None:
        while True:
            try:
                data = self._socket.recv(65_536)
                break
            except BlockingIOError:
                _wait(self._socket, _READ)
        if not data:
            raise ConnectionError(errno.ECONNRESET, "the server ended the TLS handshake")
        self._from_wire.write(data)


def _connect(address: Address) -> Any:
    """A connected socket that does not block, at the first address that takes us."""
    places = _places(address)
    failure: OSError | None = None
    for family, kind, protocol, _, place in places:
        opened = _socket.socket(family, kind, protocol)
        try:
            opened.setblocking(False)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if _STAMPED:
                opened.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)
            code = opened.connect_ex(place)
            if code == errno.EINPROGRESS:
                _wait(opened, _WRITE)
                code = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if not code:
                return opened
            failure = OSError(code, os.strerror(code))
        except BaseException:
            opened.close()
            raise
        opened.close()
    assert failure is not None, "a name that is known has an address"
    raise failure


def _places(address: Address) -> list[Any]:
    try:  # a number needs no resolver, which would be a thread's work
        return _socket.getaddrinfo(
            address.host, address.port, type=_socket.SOCK_STREAM, flags=_socket.AI_NUMERICHOST
        )
    except _socket.gaierror:
        return list(gevent.socket.getaddrinfo(address.host, address.port, type=_socket.SOCK_STREAM))


def _wait(opened: Any, event: int) -> None:
    """Let others run until the socket is ready."""
    hub = gevent.get_hub()
    watcher = hub.loop.io(opened.fileno(), event)
    try:
        hub.wait(watcher)
    finally:
        watcher.close()
