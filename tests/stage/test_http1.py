"""Requests are cut out of bytes as RFC 9112 says, however the bytes arrive."""

import gzip
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_conformance.stage.http1 import (
    BadRequestError,
    Received,
    RequestReader,
    answer_head,
    has_body,
)

POST = b"POST /v1/x?q=1 HTTP/1.1\r\nHost: h\r\nX-Own:  a b\t\r\nContent-Length: 5\r\n\r\nhello"
CHUNKS = (
    b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3;note=1\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: t\r\n\r\n"
)
BARE = b"GET /g HTTP/1.1\r\n\r\n"


def read(*pieces: bytes) -> list[Received]:
    reader = RequestReader()
    found = []
    for piece in pieces:
        reader.feed(piece)
        while (received := reader.next()) is not None:
            found.append(received)
    return found


def test_a_request_with_a_length() -> None:
    (request,) = read(POST)

    assert (request.method, request.target, request.body) == ("POST", "/v1/x?q=1", b"hello")
    assert request.headers == (("Host", "h"), ("X-Own", "a b"), ("Content-Length", "5"))
    assert request.keeps
    assert request.chunks


def test_a_request_in_chunks() -> None:
    (request,) = read(CHUNKS)

    assert request.body == b"hello"


@given(st.lists(st.sampled_from([POST, CHUNKS, BARE]), min_size=1, max_size=4), st.data())
def test_requests_are_the_same_however_their_bytes_are_cut(
    requests: list[bytes], data: st.DataObject
) -> None:
    sent = b"".join(requests)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(sent) - 1), max_size=8)))
    pieces = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]

    assert read(*pieces) == [request for each in requests for request in read(each)]


def test_byte_by_byte() -> None:
    assert read(*(bytes([byte]) for byte in POST + CHUNKS)) == read(POST) + read(CHUNKS)


@pytest.mark.parametrize(
    ("version", "connection", "keeps"),
    [
        ("1.1", "", True),
        ("1.1", "close", False),
        ("1.1", "TE, Close", False),
        ("1.0", "", False),
        ("1.0", "keep-alive", True),
    ],
)
def test_whether_the_connection_is_kept(version: str, connection: str, keeps: bool) -> None:
    (request,) = read(f"GET / HTTP/{version}\r\nConnection: {connection}\r\n\r\n".encode())

    assert request.keeps is keeps
    assert request.chunks is (version == "1.1")


def test_a_target_may_name_the_host() -> None:
    (request,) = read(b"GET http://127.0.0.1:80/v1/models?a HTTP/1.1\r\n\r\n")

    assert request.target == "/v1/models?a"


def test_an_empty_line_before_a_request_is_skipped() -> None:
    assert read(b"\r\n\r\n" + BARE) == read(BARE)


@pytest.mark.parametrize("packed", [gzip.compress(b"hello", mtime=0), zlib.compress(b"hello")])
def test_a_compressed_body_is_unpacked(packed: bytes) -> None:
    coding = "deflate" if packed[0] == 0x78 else "gzip"
    head = f"POST / HTTP/1.1\r\nContent-Encoding: {coding}\r\nContent-Length: {len(packed)}\r\n\r\n"

    (request,) = read(head.encode() + packed)

    assert request.body == b"hello"


def test_a_client_that_waits_is_told_once_to_go_on() -> None:
    reader = RequestReader()
    reader.feed(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")

    asked = [reader.next(), reader.wants_to_be_told(), reader.wants_to_be_told()]
    reader.feed(b"ok")
    received = reader.next()

    assert asked == [None, True, False]
    assert received is not None
    assert received.body == b"ok"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"G@T / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nSpace : v\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n folded: v\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\na: b\nc: d\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\n", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", 413),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 70_000, 400),
        (b"GET / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nno", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, 431),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431),
    ],
)
def test_what_is_no_request_is_refused(sent: bytes, status: int) -> None:
    with pytest.raises(BadRequestError) as refused:
        read(sent)

    assert refused.value.status == status


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(noise: bytes) -> None:
    with suppress(BadRequestError):
        assert all(request.method for request in read(noise, b"\r\n\r\n"))


def test_a_head_says_what_the_source_says_and_how_it_is_framed() -> None:
    head = answer_head(
        429, (("Retry-After", "1"), ("Connection", "x"), ("Date", "x")), "Content-Length: 3"
    )

    first, *lines = head.decode().split("\r\n")
    assert first == "HTTP/1.1 429 Too Many Requests"
    assert lines[:2] == ["Retry-After: 1", "Content-Length: 3"]
    assert lines[2].startswith("Date: ")
    assert lines[2].endswith(" GMT")
    assert lines[3:] == ["", ""]


def test_a_status_that_nobody_knows_has_no_phrase() -> None:
    assert answer_head(499, ()).startswith(b"HTTP/1.1 499 \r\n")


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\rb"])
def test_a_header_cannot_begin_another(value: str) -> None:
    with pytest.raises(ValueError, match="line end"):
        answer_head(200, (("X", value),))


@pytest.mark.parametrize(
    ("method", "status", "expected"),
    [("GET", 200, True), ("HEAD", 200, False), ("GET", 204, False), ("GET", 304, False)],
)
def test_which_answers_have_a_body(method: str, status: int, expected: bool) -> None:
    assert has_body(method, status) is expected


def test_what_does_not_begin_as_a_request_is_refused_before_its_end() -> None:
    hello_of_tls = b"\x16\x03\x01\x02\x00\x01\x00"
    with pytest.raises(BadRequestError, match="no request line"):
        read(hello_of_tls)


def test_half_an_empty_line_before_a_request_is_waited_out() -> None:
    assert [each.target for each in read(b"\r", b"\n" + BARE)] == ["/g"]
