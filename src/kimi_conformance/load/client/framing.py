"""
Where an HTTP/1.1 answer begins and ends: bytes in, body out.

It does no I/O, so how the network cuts the bytes makes no difference. Interim answers (1xx)
are passed over. A body is framed by chunks, by its length, or by the end of the connection.
What is no HTTP is refused at the first byte that shows it: a load generator that guesses
would measure something else.

Source: RFC 9112, sections 4, 6 and 7.
"""

import re
from collections.abc import Callable, Mapping

__all__ = ["Framing", "NotHTTPError"]

_HEAD_LIMIT = 65_536  # bytes; of trailers and of one chunk's size line likewise
_MOST_INTERIM = 100  # answers before the answer
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5]\d\d)(?: [^\r\n]*)?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):(.*)", re.DOTALL)
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?")
_SIZES = {b"%x" % size: size for size in range(1, 2048)}
_BODILESS = frozenset({204, 304})


class NotHTTPError(Exception):
    """The bytes are no HTTP/1.1 answer; the message says why, in a few words of ours."""


class Framing:
    """One answer, however it is cut.

    >>> framing = Framing()
    >>> framing.feed(b"HTTP/1.1 200 OK" + CRLF + b"Content-Length: 2" + CRLF + CRLF + b"o")
    b'o'
    >>> framing.feed(b"k"), framing.complete
    (b'k', True)

    Attributes:
        status: Of the final answer, or None: its head is not whole yet.
        headers: By lower-case name; of several fields of one name, joined by ", ".
        head: The bytes of the final head, without the blank line.
        complete: Whether the whole answer was there.
        reusable: Whether another request may follow on the connection; sound once complete.
    """

    __slots__ = (
        "_gap",
        "_interim",
        "_left",
        "_rest",
        "_step",
        "complete",
        "head",
        "headers",
        "reusable",
        "status",
    )

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: Mapping[bytes, bytes] = {}
        self.head = b""
        self.complete = False
        self.reusable = False
        self._rest = b""  # read, but not understood yet
        self._left = 0  # bytes of the body, or of the current chunk, that are still to come
        self._interim = 0  # answers so far that were none yet
        self._gap = False  # the line end after a chunk is still to come
        # Plain functions: bound methods would make a cycle, and nothing collects it in a run.
        self._step: Callable[[Framing, bytes], bytes] = Framing._read_head

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of the connection, and give those of the body among them.

        Raises:
            NotHTTPError: This is no HTTP, or a head without end.
        """
        if self._rest:
            data, self._rest = self._rest + data, b""
        elif self._step is Framing._by_chunks and not self._left and not self._gap:
            # As nearly all pieces of a stream are: one chunk and nothing else.
            end = data.find(b"\r\n")
            size = _SIZES.get(data[:end])
            if size and end + size + 4 == len(data) and data.endswith(b"\r\n"):
                return data[end + 2 : -2]
        return self._step(self, data)

    def end(self) -> bool:
        """The connection ended: whether the answer is complete with that."""
        if self._step is Framing._until_the_end:
            self.complete = True
        return self.complete

    def _read_head(self, data: bytes) -> bytes:
        while data:
            end = data.find(b"\r\n\r\n")
            if (len(data) if end < 0 else end) > _HEAD_LIMIT:
                raise NotHTTPError("a head of more than 64 KiB")
            if end < 0:
                if not data.startswith(b"HTTP/1."[: len(data)]):
                    raise NotHTTPError("no HTTP")
                self._rest = data
                return b""
            status = self._understand(data[:end])
            data = data[end + 4 :]
            if status == 101:
                raise NotHTTPError("a switch of protocols that nobody asked for")
            if status >= 200:
                self.status = status
                return self._step(self, data)
            self._interim += 1
            if self._interim > _MOST_INTERIM:
                raise NotHTTPError("interim answers without end")
        return b""

    def _understand(self, head: bytes) -> int:
        """Read one head, and choose how its body is framed; its status."""
        first, *lines = head.split(b"\r\n")
        found = _STATUS.fullmatch(first)
        if found is None:
            raise NotHTTPError("no HTTP")
        status = int(found[2])
        if status < 200:
            return status
        headers = _fields(lines)
        self.head, self.headers = head, headers
        connection = headers.get(b"connection", b"").lower()
        self.reusable = b"close" not in connection and (
            found[1] == b"1" or b"keep-alive" in connection
        )
        self._step = self._framing_of(status, headers)
        return status

    def _framing_of(
        self, status: int, headers: Mapping[bytes, bytes]
    ) -> "Callable[[Framing, bytes], bytes]":
        if status in _BODILESS:
            return Framing._by_length
        coding = headers.get(b"transfer-encoding", b"").lower()
        if coding:
            if coding != b"chunked":
                raise NotHTTPError("a transfer coding that nobody asked for")
            return Framing._by_chunks
        if b"content-length" in headers:
            lengths = {length.strip() for length in headers[b"content-length"].split(b",")}
            length = lengths.pop()
            if lengths or not length.isdigit() or len(length) > 15:
                raise NotHTTPError("a Content-Length that is no number")
            self._left = int(length)
            return Framing._by_length
        self.reusable = False
        return Framing._until_the_end

    def _by_length(self, data: bytes) -> bytes:
        left = self._left
        if len(data) < left:
            self._left = left - len(data)
            return data
        return self._finish(data[:left], data[left:])

    def _until_the_end(self, data: bytes) -> bytes:
        return data

    def _by_chunks(self, data: bytes) -> bytes:
        pieces = []
        place, size = 0, len(data)
        while place < size:
            if self._left:
                piece = data[place : place + self._left]
                pieces.append(piece)
                place += len(piece)
                self._left -= len(piece)
                self._gap = not self._left
            elif self._gap:
                if size - place < 2:
                    break
                if data[place : place + 2] != b"\r\n":
                    raise NotHTTPError("a chunk that is longer than it says")
                place += 2
                self._gap = False
            else:
                end = data.find(b"\r\n", place)
                if (size if end < 0 else end) - place > _HEAD_LIMIT:
                    raise NotHTTPError("a chunk without a size")
                if end < 0:
                    break
                found = _CHUNK.fullmatch(data, place, end)
                if found is None:
                    raise NotHTTPError("a chunk whose size is no number")
                place = end + 2
                self._left = int(found[1], 16)
                if not self._left:
                    self._step = Framing._read_trailers
                    self._read_trailers(data[place:])
                    return b"".join(pieces)
        self._rest = data[place:]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _read_trailers(self, data: bytes) -> bytes:
        """What follows the last chunk: fields that nobody here needs, then a blank line."""
        if data.startswith(b"\r\n"):
            return self._finish(b"", data[2:])
        end = data.find(b"\r\n\r\n")
        if (len(data) if end < 0 else end) > _HEAD_LIMIT:
            raise NotHTTPError("trailers of more than 64 KiB")
        if end >= 0:
            return self._finish(b"", data[end + 4 :])
        self._rest = data
        return b""

    def _finish(self, last: bytes, surplus: bytes) -> bytes:
        self.complete = True
        if surplus:  # nobody asked for it: whose answer is it?
            self.reusable = False
        self._step = Framing._ignore
        return last

    def _ignore(self, surplus: bytes) -> bytes:
        if surplus:
            self.reusable = False
        return b""


def _fields(lines: list[bytes]) -> dict[bytes, bytes]:
    headers: dict[bytes, bytes] = {}
    for line in lines:
        found = _FIELD.fullmatch(line)
        if found is None:
            raise NotHTTPError("a header that is none")
        name, value = found[1].lower(), found[2].strip(b" \t")
        headers[name] = headers[name] + b", " + value if name in headers else value
    return headers
