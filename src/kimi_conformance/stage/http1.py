"""
HTTP/1.1 as the stage reads and writes it: bytes in, requests out, and the head of an answer.

No socket here. We do this ourselves because the stage has to break HTTP on purpose, which
servers keep one from, and because a load test is answered by it: a general server spends more
on a request than the whole simulator does.

Source: RFC 9112 (message framing), RFC 9110 (which answers have no body).
"""

import re
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from kimi_conformance.wire.exchange import Headers

__all__ = ["BadRequestError", "Received", "RequestReader", "answer_head", "has_body"]

LARGEST_HEAD = 64 * 2**10  # bytes
LARGEST_BODY = 64 * 2**20  # bytes of a request
_LONGEST_LENGTH = 18  # digits; Python refuses to read 4301

_BLANK = b"\r\n\r\n"
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FRAMING = {"transfer-encoding", "connection", "date", "keep-alive"}  # ours to say
_INFLATE = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # zlib's word for the format


class BadRequestError(Exception):
    """What came is no request that we take; the connection cannot be read any further.

    Attributes:
        status: What to answer.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class _Head:
    """What stands before a body.

    Attributes:
        length: Of the body in bytes, or None: it comes in chunks.
        keeps: Whether the connection serves another request after this one.
        chunks: Whether the client reads chunked answers: not one of HTTP/1.0.
        waits: Whether the client wants to be told to go on before it sends the body.
        coding: Of the content, or "".
    """

    method: str
    target: str
    headers: Headers
    length: int | None
    keeps: bool
    chunks: bool
    waits: bool
    coding: str


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it was read.

    Attributes:
        method: As sent.
        target: Path and query, as sent.
        headers: In the order and case they were sent, read as Latin-1.
        body: After transfer decoding, and decompressed.
        keeps: Whether the connection serves another request after this one.
        chunks: Whether the answer may come in chunks.
    """

    method: str
    target: str
    headers: Headers
    body: bytes
    keeps: bool
    chunks: bool


class RequestReader:
    """Cuts what a connection sends into requests."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._head: _Head | None = None
        self._pieces: list[bytes] = []  # of a chunked body
        self._size = 0
        self._told = False

    def feed(self, data: bytes) -> None:
        """Take what has come in."""
        self._bytes += data

    @property
    def size(self) -> int:
        """How many bytes wait to be read."""
        return len(self._bytes)

    def wants_to_be_told(self) -> bool:
        """Whether the client waits for "100 Continue"; true once a request."""
        if self._head is None or self._told or not self._head.waits:
            return False
        self._told = True
        return True

    def next(self) -> Received | None:
        """The next request that is there in whole, or None.

        Raises:
            BadRequestError: It is malformed, or larger than we take.
        """
        if self._head is None and not self._read_head():
            return None
        head = self._head
        assert head is not None
        body = self._read_body(head)
        if body is None:
            return None
        self._head, self._told = None, False
        if head.coding:
            body = _inflated(body, head.coding)
        return Received(head.method, head.target, head.headers, body, head.keeps, head.chunks)

    def _read_head(self) -> bool:
        data = self._bytes
        while data[:2] == b"\r\n":  # RFC 9112, 2.2: an empty line before a request is skipped
            del data[:2]
        if data and data[0] != ord("\r") and not data[:1].isalpha():
            raise BadRequestError(400, "That is no request line.")  # TLS, say, which would wait
        end = data.find(_BLANK)
        if max(end, len(data) if end < 0 else 0) > LARGEST_HEAD:
            raise BadRequestError(431, "The head of a request may have 64 KiB.")
        if end < 0:
            return False
        self._head = _parsed(bytes(data[:end]))
        del data[: end + 4]
        return True

    def _read_body(self, head: _Head) -> bytes | None:
        if head.length is None:
            return self._read_chunks()
        if head.length > LARGEST_BODY:
            raise BadRequestError(413, "The stage takes up to 64 MiB.")
        if len(self._bytes) < head.length:
            return None
        body = bytes(self._bytes[: head.length])
        del self._bytes[: head.length]
        return body

    def _read_chunks(self) -> bytes | None:
        data = self._bytes
        while 0 <= (end := data.find(b"\r\n")) <= LARGEST_HEAD:
            size = _chunk_size(bytes(data[:end]))
            if size == 0:
                return self._read_trailer(end)
            if self._size + size > LARGEST_BODY:
                raise BadRequestError(413, "The stage takes up to 64 MiB.")
            if len(data) < end + 2 + size + 2:
                return None
            if data[end + 2 + size : end + 4 + size] != b"\r\n":
                raise BadRequestError(400, "A chunk is not as long as it says.")
            self._pieces.append(bytes(data[end + 2 : end + 2 + size]))
            self._size += size
            del data[: end + 4 + size]
        if len(data) > LARGEST_HEAD:
            raise BadRequestError(400, "A chunk has no size.")
        return None

    def _read_trailer(self, last: int) -> bytes | None:
        """Drop what stands after the last chunk, up to the empty line."""
        end = self._bytes.find(_BLANK, last)
        if (end if end >= 0 else len(self._bytes)) > LARGEST_HEAD:
            raise BadRequestError(431, "What follows a body may have 64 KiB.")
        if end < 0:
            return None
        del self._bytes[: end + 4]
        body = b"".join(self._pieces)
        self._pieces, self._size = [], 0
        return body


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    if not digits or not all(each in b"0123456789abcdefABCDEF" for each in digits):
        raise BadRequestError(400, "A chunk's size is no hexadecimal number.")
    return int(digits, 16)


@lru_cache(maxsize=128)
def _parsed(data: bytes) -> _Head:
    """Read a head; a client that asks the same way again and again is read once."""
    first, *lines = data.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not _TOKEN.fullmatch(words[0]) or not words[1]:
        raise BadRequestError(400, "That is no request line.")
    method, target, version = words
    if version not in {"HTTP/1.1", "HTTP/1.0"}:
        raise BadRequestError(505, "The stage speaks HTTP/1.1.")
    headers = tuple(map(_field, lines))
    named = {name.lower(): value for name, value in headers}
    asks = {option.strip().lower() for option in named.get("connection", "").split(",")}
    modern = version == "HTTP/1.1"
    coding = named.get("content-encoding", "").lower()
    return _Head(
        method=method,
        target=_relative(target),
        headers=headers,
        length=_length(headers, named),
        keeps="close" not in asks and (modern or "keep-alive" in asks),
        chunks=modern,
        waits=modern and named.get("expect", "").lower() == "100-continue",
        coding=coding if coding in _INFLATE else "",
    )


def _field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not _TOKEN.fullmatch(name) or "\n" in value or "\0" in value:
        raise BadRequestError(400, f"That is no header: {line[:80]!r}.")
    return name, value.strip(" \t")


def _relative(target: str) -> str:
    """The target without scheme and host, which only proxies are sent."""
    if target.startswith("/"):
        return target
    _, scheme, rest = target.partition("://")
    _, slash, path = rest.partition("/")
    return f"/{path}" if scheme and slash else target


def _length(headers: Headers, named: dict[str, str]) -> int | None:
    lengths = {value for name, value in headers if name.lower() == "content-length"}
    coding = named.get("transfer-encoding", "").lower()
    if coding:
        if coding != "chunked" or lengths:
            raise BadRequestError(400, "A body has a length, or comes in chunks.")
        return None
    if not lengths:
        return 0
    (text,) = lengths if len(lengths) == 1 else ("",)
    if not (text.isascii() and text.isdigit()):
        raise BadRequestError(400, "The length of the body is no number.")
    if len(text) > _LONGEST_LENGTH:
        raise BadRequestError(413, "The stage takes up to 64 MiB.")
    return int(text)


def _inflated(body: bytes, coding: str) -> bytes:
    reader = zlib.decompressobj(_INFLATE[coding])
    try:
        inflated = reader.decompress(body, LARGEST_BODY)
    except zlib.error as error:
        raise BadRequestError(400, f"The body is not {coding}.") from error
    if reader.unconsumed_tail:
        raise BadRequestError(413, "The stage takes up to 64 MiB.")
    return inflated


def has_body(method: str, status: int) -> bool:
    """Whether an answer has a body at all."""
    return method != "HEAD" and status >= 200 and status not in {204, 304}


def answer_head(status: int, headers: Sequence[tuple[str, str]], *framing: str) -> bytes:
    """The head of an answer.

    Args:
        status: Of the answer.
        headers: What the source says; the headers that frame a message are left out, except
            a Content-Length, which is the source's to say.
        framing: Whole lines that we add.
    """
    lines = [_status_line(status)]
    lines += [f"{name}: {value}" for name, value in headers if name.lower() not in _FRAMING]
    lines += framing
    lines.append(_date(int(time.time())))
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1:
        raise ValueError("A header has a line end in it; use a raw answer for that.")
    return text.encode() + _BLANK


@lru_cache(maxsize=32)
def _status_line(status: int) -> str:
    try:
        return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP/1.1 {status} "


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return f"Date: {formatdate(second, usegmt=True)}"
