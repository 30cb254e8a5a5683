"""
How what a worker noted gets to the master, and neither gets lost nor is counted twice.

A worker writes to files of its own, and sends what they grew by, with the place where it stood.
The master takes only what follows directly on what it has, and answers how much that is. So a
piece that comes twice is taken once, one that is missing is sent again, and until it is
acknowledged all of it is in the worker's file.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Piece", "Receipts", "Shipment"]

_MOST = 4 * 2**20  # bytes in one message
_PATIENCE_S = 3.0  # after which what was not acknowledged is sent again


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a file: where it stood there, and its bytes."""

    at: int
    data: bytes


class Shipment:
    """The sending side of one file.

    Args:
        path: The file; it only grows, by whole blocks or lines.
        begin: Where in it the sending begins.

    Attributes:
        sent: How far it was sent.
        taken: How far the master has it.
    """

    def __init__(self, path: Path, begin: int = 0) -> None:
        self.path = path
        self.begin = self.sent = self.taken = begin
        self._heard = time.monotonic()

    def pieces(self) -> list[Piece]:
        """What is to be sent now; after a while without an answer, what was sent before too."""
        if self.taken == self.sent:
            self._heard = time.monotonic()
        elif time.monotonic() - self._heard > _PATIENCE_S:
            self.sent, self._heard = self.taken, time.monotonic()
        found = []
        with self.path.open("rb") as file:
            file.seek(self.sent)
            while data := file.read(_MOST):
                found.append(Piece(self.sent - self.begin, data))
                self.sent += len(data)
        return found

    def acknowledge(self, received: int) -> None:
        """The master has so many bytes from the beginning on."""
        place = self.begin + received
        if place > self.taken:
            self.taken, self._heard = place, time.monotonic()

    @property
    def whole(self) -> bool:
        """Whether the master has all that is in the file."""
        return self.taken >= self.path.stat().st_size


class Receipts:
    """The receiving side of all files of all workers; a file is named by worker and kind."""

    def __init__(self) -> None:
        self._received: dict[tuple[int, str], int] = {}

    def take(self, worker: int, kind: str, piece: Piece) -> bytes:
        """The bytes that are new; none where it was there already, or one before is missing."""
        key = (worker, kind)
        received = self._received.get(key, 0)
        known = received - piece.at
        if known < 0 or known >= len(piece.data):
            return b""
        self._received[key] = piece.at + len(piece.data)
        return piece.data[known:]

    def of(self, worker: int) -> Mapping[str, int]:
        """How many bytes of each kind of file there are of a worker."""
        return {kind: size for (number, kind), size in self._received.items() if number == worker}
