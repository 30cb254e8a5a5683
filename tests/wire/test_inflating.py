"""What is inflated comes to so many bytes and no more, however it arrives."""

import gzip
import tracemalloc
import zlib

import pytest

from kimi_conformance.wire.inflating import Inflater, TooLargeError


@pytest.mark.parametrize(
    "packed", [gzip.compress(b"0123456789", mtime=0), zlib.compress(b"0123456789")]
)
def test_as_many_bytes_as_are_allowed_are_given(packed: bytes) -> None:
    whole, pieces = Inflater(10), Inflater(10)

    assert whole.feed(packed) == b"0123456789"
    assert b"".join(pieces.feed(packed[n : n + 1]) for n in range(len(packed))) == b"0123456789"
    assert (whole.eof, pieces.eof, Inflater().eof) == (True, True, False)


def test_one_byte_more_than_is_allowed_is_too_many() -> None:
    with pytest.raises(TooLargeError):
        Inflater(9).feed(gzip.compress(b"0123456789"))


def test_what_comes_in_pieces_is_added_up() -> None:
    packer, inflater = zlib.compressobj(), Inflater(10)
    first = packer.compress(b"012345") + packer.flush(zlib.Z_SYNC_FLUSH)
    second = packer.compress(b"678901") + packer.flush(zlib.Z_SYNC_FLUSH)

    assert inflater.feed(first) == b"012345"
    with pytest.raises(TooLargeError):
        inflater.feed(second)


def test_no_more_is_inflated_than_is_allowed() -> None:
    bomb = gzip.compress(bytes(8 * 2**20))
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            Inflater(1000).feed(bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 2**20


def test_what_is_neither_gzip_nor_zlib_is_refused() -> None:
    with pytest.raises(zlib.error):
        Inflater().feed(b"plain")
