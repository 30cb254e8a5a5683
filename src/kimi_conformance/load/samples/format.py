"""
The file of samples: a line of JSON, then blocks.

The line says what was run, and describes the records, so that a program in any language reads
them with what stands there. Then come blocks, each a header of 24 bytes and its payload, all
numbers little-endian:

    offset  type  what
    0       u8    what the payload is: 1 rows, 2 requests, 3 gaps
    1       u8    of gaps: 1 where the requests are judged, 0 where they fell into the warm-up
    2       u16   source: which process wrote it
    4       u16   key: which kind the requests are of; 0 in blocks of rows
    6       u16   0
    8       u32   length of the payload in bytes
    12      u32   CRC-32 of the header, with 0 in this place, and the payload
    16      f64   base: the moment in seconds that `intended` counts from

- **rows**: lines of JSON, objects whose `row` is "source", "kind", "tick", "step", "spent", "lost"
  or "end". A kind gives a key of its source the name, model, status and so on that its requests
  have in common; it comes before them. What a source has spent is told again and again, and the
  last time counts.
- **requests**: one record of 32 bytes each, as `FIELDS` says. Times are seconds. What is not
  known is NaN, of tokens 4294967295. The two that judgements rest on, `response` and `first`,
  are as exact as 24 bits are (0.1 µs at one second), the others as 11 bits (0.05 %).
- **gaps**: between chunks with generated content, pooled over all requests of that kind that
  ended since the block before: pairs of a gap, as the bits of a half-precision float in
  seconds (so within 0.05 %), and a u32 count; first all gaps, then all counts. Gaps of single
  requests are not kept: there are fifty and more for each.

Blocks stand by themselves, so those of several processes are joined by putting them into one
file. A file that was cut inside a block has lost that block and no other.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kimi_conformance.errors import RunError

__all__ = [
    "FIELDS",
    "FORMAT",
    "GAPS",
    "READABLE",
    "RECORD",
    "REQUESTS",
    "ROWS",
    "SCHEMA",
    "Block",
    "blocks",
    "describe",
]

SCHEMA = 3
READABLE = (2, SCHEMA)  # 2 had no attempts, expected and held in its kinds
FORMAT = f"kimi-conformance samples {SCHEMA}"
ROWS, REQUESTS, GAPS = 1, 2, 3

# Name, type as in the module struct, and what it counts from.
FIELDS: tuple[tuple[str, str, str], ...] = (
    ("intended", "f", "seconds from the block's base to when it should have been sent"),
    ("response", "f", "seconds from there to its end"),
    ("first", "f", "seconds from there to the first chunk with generated content"),
    ("late", "e", "seconds from there to its start"),
    ("connect", "e", "seconds that connecting took; NaN: an open connection was used"),
    ("first_byte", "e", "seconds from its start to the first byte of the answer"),
    ("first_event", "e", "seconds from its start to the first event of a stream"),
    (
        "thinking",
        "e",
        "seconds from the first reasoning to the first answer; infinite: no answer came; "
        "negative: the answer was first; NaN: there was no reasoning",
    ),
    ("stall", "e", "the longest seconds without generated content, once there was some"),
    ("prompt_tokens", "I", "as the reply counts them"),
    ("completion_tokens", "I", "likewise"),
)
RECORD = struct.Struct("<" + "".join(code for _, code, _ in FIELDS))
_HEAD = struct.Struct("<BBHHHIId")


@dataclass(frozen=True, slots=True)
class Block:
    """One block; the fields are described above."""

    content: int
    payload: bytes | memoryview
    judged: bool = False
    source: int = 0
    key: int = 0
    base: float = 0.0

    @property
    def size(self) -> int:
        """How many bytes it takes in the file."""
        return _HEAD.size + len(self.payload)

    def encode(self) -> bytes:
        """Its bytes in the file."""
        payload = bytes(self.payload)
        return self._head(zlib.crc32(payload, zlib.crc32(self._head(0)))) + payload

    def _head(self, checksum: int) -> bytes:
        judged, length = int(self.judged), len(self.payload)
        return _HEAD.pack(
            self.content, judged, self.source, self.key, 0, length, checksum, self.base
        )


def blocks(content: memoryview, where: str) -> Iterator[Block | None]:
    """The blocks one after the other; at the end None where the last one is not whole.

    Raises:
        RunError: One that is not the last is damaged.
    """
    place = 0
    while place < len(content):
        begin = place + _HEAD.size
        if begin > len(content):
            yield None
            return
        kind, judged, source, key, _, length, checksum, base = _HEAD.unpack_from(content, place)
        place = begin + length
        if place > len(content):
            yield None
            return
        block = Block(kind, content[begin:place], bool(judged), source, key, base)
        whole = zlib.crc32(block.payload, zlib.crc32(block._head(0)))
        if whole != checksum and place == len(content):
            yield None
            return
        if whole != checksum:
            raise RunError(f"{where} is damaged {begin - _HEAD.size} bytes after its first line.")
        yield block


def describe() -> dict[str, Any]:
    """What the first line says of the records."""
    fields = [{"name": name, "type": code, "what": what} for name, code, what in FIELDS]
    return {"size": RECORD.size, "byte_order": "little", "fields": fields}
