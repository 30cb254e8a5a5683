"""What a hostile endpoint answers with, as pieces that are written until the reader leaves."""

import itertools
import zlib
from collections.abc import Callable, Iterator, Mapping

__all__ = ["ENDLESS", "MALFORMED", "VALUES", "answer", "bomb", "chunk", "head", "redirect"]

Make = Callable[[], Iterator[bytes]]


def head(*fields: bytes, status: bytes = b"200 OK") -> bytes:
    return b"".join([b"HTTP/1.1 ", status, b"\r\n", *(each + b"\r\n" for each in fields), b"\r\n"])


def answer(body: bytes, *fields: bytes, status: bytes = b"200 OK") -> Make:
    length = b"Content-Length: %d" % len(body)
    return lambda: iter(
        (head(b"Content-Type: application/json", length, *fields, status=status), body)
    )


def redirect(status: int, location: str) -> Make:
    return answer(b"", f"Location: {location}".encode(), status=b"%d Elsewhere" % status)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def bomb(size: int, wbits: int = 31) -> bytes:
    """So many zeros, gzip (31) or zlib (15): a thousandth of it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    parts = [packer.compress(bytes(2**20)) for _ in range(size // 2**20)]
    return b"".join(parts) + packer.flush()


def _headers() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    for number in itertools.count():
        yield b"X-%d: %b\r\n" % (number, b"a" * 1000)


def _one_header() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nX: "
    yield from itertools.repeat(b"a" * 10_000)


def _interim() -> Iterator[bytes]:
    yield from itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def _gigabyte() -> Iterator[bytes]:
    yield head(b"Content-Length: 1073741824")
    yield from itertools.repeat(b" " * 2**20, 1024)


_STREAM = head(b"Content-Type: text/event-stream", b"Transfer-Encoding: chunked")


def _events() -> Iterator[bytes]:
    yield _STREAM
    event = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
    yield from itertools.repeat(chunk(event * 1000))


def _tiny_pieces() -> Iterator[bytes]:
    yield _STREAM
    yield from itertools.repeat(chunk(b"\n") * 10_000)


def _one_line() -> Iterator[bytes]:
    yield _STREAM + chunk(b"data: ")
    yield from itertools.repeat(chunk(b"a" * 2**16))


def _chunk_extension() -> Iterator[bytes]:
    yield head(b"Transfer-Encoding: chunked") + b"1;"
    yield from itertools.repeat(b"a" * 10_000)


def _trailers() -> Iterator[bytes]:
    yield head(b"Transfer-Encoding: chunked") + b"0\r\n"
    yield from itertools.repeat(b"X: a\r\n" * 1000)


ENDLESS: Mapping[str, Make] = {
    "headers": _headers,
    "one header": _one_header,
    "interim answers": _interim,
    "a gigabyte": _gigabyte,
    "events": _events,
    "tiny pieces": _tiny_pieces,
    "one line": _one_line,
    "chunk extension": _chunk_extension,
    "trailers": _trailers,
}

MALFORMED: Mapping[str, Make] = {
    "huge chunk": lambda: iter((head(b"Transfer-Encoding: chunked") + b"FFFFFFFFFFFFFFFF\r\nabc",)),
    "negative chunk": lambda: iter((head(b"Transfer-Encoding: chunked") + b"-1\r\nabc",)),
    "huge length": lambda: iter((head(b"Content-Length: " + b"9" * 30) + b"{}",)),
    "negative length": lambda: iter((head(b"Content-Length: -1") + b"{}",)),
    "two lengths": lambda: iter((head(b"Content-Length: 1", b"Content-Length: 2") + b"{}",)),
    "short body": lambda: iter((head(b"Content-Length: 100") + b"{}",)),
    "switch": lambda: iter((head(b"Upgrade: h2c", status=b"101 Switching") + b"abc",)),
    "no status": lambda: iter((b"HTTP/1.1 \x1b[31m\r\n\r\n",)),
    "header without name": lambda: iter((b"HTTP/1.1 200 OK\r\n: a\r\n\r\n",)),
}

VALUES: Mapping[str, bytes] = {
    "deep": b"[" * 100_000,
    "deep, closed": b'{"a":' * 900 + b"1" + b"}" * 900,
    "digits": b'{"id":' + b"9" * 5000 + b"}",
    "many digits": b'{"data":[{"id":"a","created":%b,"context_length":%b}]}' % ((b"9" * 4000,) * 2),
    "no numbers": b'{"data":[{"id":"a","created":NaN,"context_length":Infinity}]}',
    "half a pair": b'{"data":[{"id":"\\ud800","context_length":"\\udfff"}]}',
    "twice": b'{"data":[{"id":"a","id":"b"}],"data":7}',
    "no UTF-8": b'{"data":[{"id":"\xff\xfe"}]}',
    "other types": b'{"data":{"id":[1]},"object":[],"error":7}',
    "odd ids": b'{"data":[{"id":7},{"id":null},[],{"id":""},{"id":"' + b"a" * 10**6 + b'"}]}',
    "steering": b'{"data":[{"id":"\\u001b]0;owned\\u0007\\u202e::error::x","context_length":8}]}',
    "paths": b'{"data":[{"id":"../../../../tmp/owned"},{"id":"/etc/x"},{"id":"a\\u0000b"}]}',
}
