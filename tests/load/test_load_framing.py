from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_conformance.load.client.framing import Framing, NotHTTPError

CHUNKED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n"
    b'00D;name="value";other\r\n of the world\r\n'
    b"1  \r\n!\r\n"
    b"0\r\nX-Trailer: 1\r\n\r\n"
)
SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\nhello of the world!"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
BODY = b"hello of the world!"


def fed(*pieces: bytes) -> tuple[Framing, bytes]:
    framing = Framing()
    return framing, b"".join(framing.feed(piece) for piece in pieces)


@pytest.mark.parametrize("answer", [CHUNKED, SIZED, INTERIM + CHUNKED, INTERIM + SIZED])
def test_an_answer_cut_anywhere_is_the_same_answer(answer: bytes) -> None:
    for cut in range(len(answer) + 1):
        framing, body = fed(answer[:cut], answer[cut:])

        assert (framing.status, body, framing.complete) == (200, BODY, True)
        assert framing.reusable


@given(st.sampled_from([CHUNKED, SIZED, INTERIM + CHUNKED]), st.lists(st.integers(0, 200)))
def test_an_answer_in_any_pieces_is_the_same_answer(answer: bytes, cuts: list[int]) -> None:
    ends = sorted({*(cut for cut in cuts if cut < len(answer)), len(answer)})

    framing, body = fed(*(answer[one:two] for one, two in pairwise([0, *ends])))

    assert (body, framing.complete) == (BODY, True)


@pytest.mark.parametrize("answer", [CHUNKED, SIZED])
def test_an_answer_is_complete_with_its_last_byte_and_not_before(answer: bytes) -> None:
    framing, _ = fed(answer[:-1])

    assert not framing.complete
    assert not framing.end()


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    framing, body = fed(b"HTTP/1.1 200 OK\r\n\r\nhel", b"lo")

    assert (body, framing.complete, framing.reusable) == (b"hello", False, False)
    assert framing.end()


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_is_complete_with_its_head(status: int) -> None:
    framing, body = fed(b"HTTP/1.1 %d X\r\nContent-Length: 9\r\n\r\n" % status)

    assert (body, framing.complete) == (b"", True)


def test_an_empty_body_is_complete_at_once() -> None:
    assert fed(b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n")[0].complete


@pytest.mark.parametrize(
    ("head", "reusable"),
    [
        (b"HTTP/1.1 200 OK\r\nConnection: Close\r\n", False),
        (b"HTTP/1.0 200 OK\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", True),
        (b"HTTP/1.1 200\r\n", True),
    ],
)
def test_the_head_says_whether_the_connection_stays(head: bytes, reusable: bool) -> None:
    framing, _ = fed(head + b"Content-Length: 0\r\n\r\n")

    assert framing.reusable == reusable


@pytest.mark.parametrize("rest", [[SIZED + b"HTTP/1.1 200 OK\r\n"], [SIZED, b"more"]])
def test_a_connection_that_says_more_than_was_asked_is_not_used_again(rest: list[bytes]) -> None:
    framing, body = fed(*rest)

    assert (body, framing.complete, framing.reusable) == (BODY, True, False)


def test_headers_are_known_by_lower_case_and_joined() -> None:
    framing, _ = fed(b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a:  2 \r\nContent-Length: 0\r\n\r\n")

    assert framing.headers[b"x-a"] == b"1, 2"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "no HTTP"),
        (b"HTTP/2.0 200 OK\r\n\r\n", "no HTTP"),
        (b"HTTP/1.1 999 OK\r\n\r\n", "no HTTP"),
        (b"HTTP/1.1 101 Switching\r\n\r\n", "switch of protocols"),
        (b"HTTP/1.1 200 OK\r\nno field\r\n\r\n", "header"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "coding"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "no number"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\n", "no number"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", "longer"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, "head of more than 64 KiB"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 70_000,
            "without a size",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"x" * 70_000,
            "trailers",
        ),
    ],
)
def test_what_is_no_answer_is_refused(answer: bytes, reason: str) -> None:
    with pytest.raises(NotHTTPError, match=reason):
        fed(answer)


def test_an_equal_length_given_twice_is_one_length() -> None:
    framing, body = fed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok")

    assert (body, framing.complete) == (b"ok", True)


def test_a_large_chunk_in_pieces_is_whole() -> None:
    content = b"x" * 100_000
    framing, body = fed(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"%X\r\n" % len(content) + content[:60_000],
        content[60_000:] + b"\r\n000\r\n\r\n",
    )

    assert (body, framing.complete) == (content, True)
