"""
Undoes a content coding, and never gives more than it was allowed to.

A thousand bytes can stand for a million, and those for a thousand million: whoever inflates
what came from outside says beforehand how much is too much.
"""

import zlib

__all__ = ["CODINGS", "LARGEST", "Inflater", "TooLargeError"]

CODINGS = ("gzip", "x-gzip", "deflate")  # the content codings that the standard library reads
LARGEST = 64 * 2**20  # bytes of one body
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


class TooLargeError(Exception):
    """What was inflated passed what was allowed."""


class Inflater:
    """One body, gzip or zlib, fed as it arrives.

    Args:
        most: How many bytes it may come to.
    """

    def __init__(self, most: int = LARGEST) -> None:
        self._inflating = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._left = most

    @property
    def eof(self) -> bool:
        """Whether the compressed body has come to its end."""
        return self._inflating.eof

    def feed(self, data: bytes) -> bytes:
        """What the next bytes stand for.

        Raises:
            zlib.error: They are neither gzip nor zlib.
            TooLargeError: There is more of it than was allowed; nothing of these is given.
        """
        inflated = self._inflating.decompress(data, self._left + 1)
        self._left -= len(inflated)
        if self._left < 0:
            raise TooLargeError
        return inflated
