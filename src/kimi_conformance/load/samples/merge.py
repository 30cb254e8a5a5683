"""
One samples file from those of several processes: of the master, and of workers.

Each worker writes a file of its own, and ships it to the master, who puts it into the run's file
as it comes. When all is well, the worker's file is deleted in the end, and there is nothing to
merge. When somebody was killed, both hold the beginning of the same, and the longer one counts.
"""

import json
import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kimi_conformance.errors import RunError
from kimi_conformance.load.samples.format import RECORD, REQUESTS, ROWS, Block, blocks

__all__ = ["Collected", "collected", "part_beside", "row_block"]

_TIMES = struct.Struct("<ff")  # the first two fields of a record: intended, response


@dataclass(frozen=True, kw_only=True)
class Collected:
    """The samples of a run, whoever wrote them.

    Attributes:
        content: As of one samples file.
        parts: Names of the workers' files that had more than the run's own.
        rows: Rows by their names, each with its source, but for kinds and ticks.
        until: By source, when the last thing happened that it noted.
        counts: By source, how many requests it noted.
    """

    content: bytes
    parts: Sequence[str] = ()
    rows: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    until: Mapping[int, float] = field(default_factory=dict)
    counts: Mapping[int, int] = field(default_factory=dict)


def part_beside(samples: Path, worker: int) -> Path:
    """Where a worker keeps its own samples; workers are counted from 1 on."""
    return samples.with_name(f"{samples.stem}.worker-{worker}.part")


def row_block(row: Mapping[str, Any], source: int) -> bytes:
    """A row as a block of its own; `source` is whom it is about."""
    line = json.dumps({**row, "source": source}, ensure_ascii=False, separators=(",", ":"))
    return Block(ROWS, line.encode() + b"\n").encode()


def collected(samples: Path) -> Collected:
    """The run's samples file with what is in files of workers beside it, each request once.

    Raises:
        RunError: It cannot be read, or a block in its middle is damaged.
    """
    content = _read(samples)
    line, found, rest = content.partition(b"\n")
    if not found:
        return Collected(content=content)
    own, torn = _by_source(rest, samples.name)
    parts = []
    for path in sorted(samples.parent.glob(f"{samples.stem}.worker-*.part")):
        head, _, more = _read(path).partition(b"\n")
        if head != line:  # of another run
            continue
        added = False
        for source, theirs in _by_source(more, path.name)[0].items():
            if _size(theirs) > _size(own.get(source, [])):
                own[source] = theirs
                added = True
        if added:
            parts.append(path.name)
    if parts:
        every = (block for found in own.values() for block in found)
        # What was not written to its end comes last: no other is damaged by it.
        content = line + b"\n" + b"".join(block.encode() for block in every) + torn
    counts = {
        source: sum(len(each.payload) // RECORD.size for each in found if each.content == REQUESTS)
        for source, found in own.items()
    }
    rows, until = _told(own)
    return Collected(content=content, parts=parts, rows=rows, until=until, counts=counts)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RunError(f"The samples {path} cannot be read: {error.strerror}.") from error


def _by_source(content: bytes, where: str) -> tuple[dict[int, list[Block]], bytes]:
    """The whole blocks of each source, in order; and what there is of one that is not whole."""
    found: dict[int, list[Block]] = defaultdict(list)
    size = 0
    for block in blocks(memoryview(content), where):
        if block is not None:
            found[block.source].append(block)
            size += block.size
    return found, content[size:]


def _size(among: Sequence[Block]) -> int:
    return sum(block.size for block in among)


def _told(own: Mapping[int, Sequence[Block]]) -> tuple[dict[str, list[Any]], dict[int, float]]:
    rows: dict[str, list[Any]] = defaultdict(list)
    until: dict[int, float] = defaultdict(float)
    for source, among in own.items():
        for block in among:
            if block.content == REQUESTS and len(block.payload) >= RECORD.size:
                last = len(block.payload) - RECORD.size
                ended = block.base + sum(_TIMES.unpack_from(block.payload, last))
                until[source] = max(until[source], ended)
            elif block.content == ROWS:
                for row in _rows(block):
                    if row["row"] == "tick":
                        until[source] = max(until[source], row["at"])
                    elif row["row"] != "kind":
                        rows[row["row"]].append(row)
    return dict(rows), dict(until)


def _rows(block: Block) -> Iterator[dict[str, Any]]:
    return map(json.loads, bytes(block.payload).splitlines())
