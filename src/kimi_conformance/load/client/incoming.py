"""
One answer as it arrives: fed by whoever reads the connection, judged by `reply` when it ended.

Nothing is kept of a stream but what `scan` notes, unless the wire laws are to judge it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kimi_conformance.load.client.framing import Framing, NotHTTPError
from kimi_conformance.load.client.scan import StreamScan
from kimi_conformance.wire.exchange import Frame

__all__ = ["Incoming", "Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long, and how much, one request may take; None: without a limit.

    Attributes:
        whole_s: From its start to its last byte, at most 18 hours.
        connect_s: To be connected, TLS included.
        first_byte_s: From sending to the first byte of an answer.
        silence_s: From one arrival of bytes to the next.
        body_bytes: A body that is not streamed, all of it; of a stream, one event.
        answer_bytes: All of an answer, head and framing included.
        kept_bytes: Of a body that is kept as it came; a longer one is not.
    """

    whole_s: float = 120.0
    connect_s: float = 10.0
    first_byte_s: float | None = None
    silence_s: float | None = None
    body_bytes: int = 16 * 2**20
    answer_bytes: int = 64 * 2**20  # some 200,000 tokens, one a chunk
    kept_bytes: int = 8 * 2**20


_CODINGS = {b"": ""} | {
    name.encode(): name for name in ("br", "compress", "deflate", "gzip", "x-gzip", "zstd")
}


_LEAST_KEPT = 256  # bytes that a piece counts for at least: keeping it takes as much
_NO_STREAM: Final = StreamScan()  # of all answers that are none; nothing is fed to it


class Incoming:
    """One answer. Times are on the monotonic clock that the connection is read by.

    Args:
        start: When the request began: it may have waited for a connection since.
        streamed: Whether a stream was asked for.
        keep: Whether the body is kept as it came, for the laws of the wire.
        limits: What it may take.

    Attributes:
        start: As given.
        sent: When the request was written.
        connect_s: How long connecting took, or None: an open connection was used.
        first_byte: When the first byte of the answer was there, or None.
        last: When the last bytes were there; `sent` before any.
        received: Bytes of the answer, head and framing included.
        broken: Why it did not come to its end, in a few words of ours; "" where it did.
        frames: The body as it came, where `keep` was asked for; seconds since `sent`.
        too_long: Whether it was to be kept, and was too long for that.
        scan: What the stream said; empty where none was asked for, or the status is not 200.
    """

    __slots__ = (
        "_body",
        "_framing",
        "_keep",
        "_kept",
        "_limits",
        "_most",
        "_size",
        "_streamed",
        "broken",
        "connect_s",
        "first_byte",
        "frames",
        "last",
        "received",
        "scan",
        "sent",
        "start",
        "too_long",
    )

    def __init__(self, start: float, *, streamed: bool, keep: bool, limits: Limits) -> None:
        self.start = self.sent = self.last = start
        self.connect_s: float | None = None
        self.first_byte: float | None = None
        self.received = 0
        self.broken = ""
        self.frames: list[Frame] = []
        self.scan = StreamScan() if streamed else _NO_STREAM
        self._framing = Framing()
        self._streamed = streamed
        self._keep = keep
        self._kept = 0
        self.too_long = False
        self._limits = limits
        self._most = limits.body_bytes
        self._body: list[bytes] = []
        self._size = 0

    @property
    def status(self) -> int | None:
        """Of HTTP, or None: no answer began."""
        return self._framing.status

    @property
    def head(self) -> bytes:
        """The status line and headers as they came."""
        return self._framing.head

    @property
    def headers(self) -> Mapping[bytes, bytes]:
        """By their names in lower case."""
        return self._framing.headers

    @property
    def body(self) -> bytes:
        """All of a body that is not read as a stream."""
        return b"".join(self._body)

    @property
    def coding(self) -> str:
        """The content coding, or "something else"; "" for none, which is what was asked for."""
        coding = self._framing.headers.get(b"content-encoding", b"").lower()
        return "" if coding == b"identity" else _CODINGS.get(coding, "something else")

    @property
    def reusable(self) -> bool:
        """Whether another request may follow on the connection."""
        return self._framing.complete and self._framing.reusable and not self.broken

    def take(self, data: bytes, at: float) -> bool:
        """Take the next bytes; whether the answer ended with them, well or not."""
        if self.first_byte is None:
            self.first_byte = at
        self.last = at
        self.received += len(data)
        framing = self._framing
        try:
            body = framing.feed(data)
        except NotHTTPError as error:
            self.broken = f"the answer is no HTTP: {error}"
            return True
        if body:
            if self._streamed and framing.status == 200:
                size = self.scan.feed(body, at)
            else:
                self._body.append(body)
                self._size = size = self._size + len(body)
            if self._keep:
                self._keep_piece(body, at)
            if size > self._most:
                self.broken = f"the body passed {self._most:,} bytes"
                return True
        if self.received > self._limits.answer_bytes:
            self.broken = f"the answer passed {self._limits.answer_bytes:,} bytes"
            return True
        return framing.complete

    def _keep_piece(self, body: bytes, at: float) -> None:
        self.frames.append(Frame(at - self.sent, body))
        self._kept += max(len(body), _LEAST_KEPT)
        if self._kept > self._limits.kept_bytes:
            self.too_long, self._keep = True, False
            self.frames.clear()

    def end(self, why: str = "") -> None:
        """The connection ended, in order or because of `why`."""
        if why or not self._framing.end():
            self.broken = why or ("the answer broke off" if self.received else "no answer")

    def due(self) -> float:
        """When it is given up unless more comes before."""
        limits = self._limits
        due = self.start + limits.whole_s
        if limits.first_byte_s is not None and self.first_byte is None:
            due = min(due, self.sent + limits.first_byte_s)
        if limits.silence_s is not None:
            due = min(due, self.last + limits.silence_s)
        return due

    def why_due(self) -> str:
        """Which limit is the first to be passed, in a few words."""
        limits, due = self._limits, self.due()
        if due == self.start + limits.whole_s:
            return f"took longer than {limits.whole_s:g} s"
        if limits.silence_s is not None and due == self.last + limits.silence_s:
            return f"silent for {limits.silence_s:g} s"
        return f"no first byte within {limits.first_byte_s:g} s"
