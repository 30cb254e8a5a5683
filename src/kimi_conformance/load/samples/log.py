"""
Writes samples, so that a run that is killed has lost no more than its last second.

Records are put into memory as requests end, and appended to the file by whoever calls `flush`,
twice a second in a run: one write, whole blocks. What is written is the kernel's, so it survives
the process however that ends. The disk is asked to hold it (fsync) once, at the end: a machine
that loses its power may lose what it had not written by itself, with Linux some 30 seconds.
"""

import json
import math
import os
import struct
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, fields
from itertools import starmap
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kimi_conformance.errors import RunError
from kimi_conformance.load.samples.format import (
    GAPS,
    RECORD,
    REQUESTS,
    ROWS,
    SCHEMA,
    Block,
    describe,
)
from kimi_conformance.load.samples.records import End, Header, Kind, Sample, Step, Tick

__all__ = ["NO_COUNT", "Batch", "SampleLog", "first_line", "halves"]

NO_COUNT = 0xFFFF_FFFF
_NAN = math.nan
_MOST_HALF = 65_504.0  # the largest half-precision float


class Pile:
    """The records of one kind that are not written yet.

    Attributes:
        key: Of its kind.
        base: What `intended` of its records counts from.
        records: The fields of each; put in here by whoever has them, packed when taken.
        gaps: Between chunks: of requests in the warm-up, and of those that are judged.
    """

    __slots__ = ("base", "gaps", "key", "records")

    def __init__(self, key: int) -> None:
        self.key = key
        self.base = 0.0
        self.records: list[tuple[float, ...]] = []
        self.gaps: tuple[Counter[int], Counter[int]] = (Counter(), Counter())

    def take(self) -> bytes:
        """The records as bytes; they are then forgotten."""
        try:
            packed = b"".join(starmap(RECORD.pack, self.records))
        except OverflowError:  # more than 18 hours somewhere
            packed = b"".join(starmap(RECORD.pack, map(_within, self.records)))
        self.records.clear()
        return packed


class Batch:
    """Rows and records in memory, until they are taken as blocks.

    Args:
        header: Of the run.
        source: A number of this process that no other of the run has.
    """

    def __init__(self, header: Header, source: int = 0) -> None:
        self._header = header
        self._source = source
        self._piles: dict[Kind, Pile] = {}
        self._kinds: list[Any] = []
        self._rows: list[Any] = []
        self._aside: list[Step] = []

    def add(self, sample: Sample, gaps: Sequence[float] = ()) -> None:
        """Add one request, with the gaps between its chunks with generated content."""
        pile = self._piles.get(sample.kind) or self._pile(sample.kind)
        intended, start, first = sample.intended, sample.start, sample.first
        prompt, completion = sample.prompt_tokens, sample.completion_tokens
        if not pile.records:
            pile.base = intended
        pile.records.append(
            (
                intended - pile.base,
                sample.end - intended,
                _NAN if first is None else first - intended,
                start - intended,
                _NAN if sample.connect_s is None else sample.connect_s,
                _NAN if sample.first_byte is None else sample.first_byte - start,
                _NAN if sample.first_event is None else sample.first_event - start,
                _thinking(sample.first_reasoning, sample.first_answer),
                _NAN if sample.stall_s is None else sample.stall_s,
                NO_COUNT if prompt is None else min(prompt, NO_COUNT - 1),
                NO_COUNT if completion is None else min(completion, NO_COUNT - 1),
            )
        )
        if gaps:
            aside = any(step.holds(intended) for step in self._aside)
            pool = pile.gaps[self._header.judges(intended, sample.end) and not aside]
            pool.update(halves(gaps))

    def note(self, row: Tick | Step | End) -> None:
        """Add one row; what begins in a step that is noted as not judged is judged no more."""
        if isinstance(row, Step) and not row.judged:
            self._aside.append(row)
        name = type(row).__name__.lower()
        values = {field.name: getattr(row, field.name) for field in fields(row)}
        self._rows.append({"row": name, **values, "source": self._source})

    def take(self) -> bytes:
        """All that was added since the last call, as blocks."""
        blocks = [self._lines(self._kinds)] if self._kinds else []
        for pile in self._piles.values():
            if pile.records:
                base = pile.base
                blocks.append(Block(REQUESTS, pile.take(), False, self._source, pile.key, base))
            for judged, pool in zip((False, True), pile.gaps, strict=True):
                if pool:
                    payload = _numbers("H", pool) + _numbers("I", pool.values())
                    blocks.append(Block(GAPS, payload, judged, self._source, pile.key))
                    pool.clear()
        if self._rows:
            blocks.append(self._lines(self._rows))
        self._kinds.clear()
        self._rows.clear()
        return b"".join(block.encode() for block in blocks)

    def _pile(self, kind: Kind) -> Pile:
        pile = self._piles[kind] = Pile(len(self._piles))
        row = {"row": "kind", "source": self._source, "key": pile.key, **kind._asdict()}
        self._kinds.append(row)
        return pile

    def _lines(self, rows: Sequence[Any]) -> Block:
        lines = [_json(row) + b"\n" for row in rows]
        return Block(ROWS, b"".join(lines), source=self._source)


class SampleLog:
    """A samples file that is being written.

    Args:
        path: The file, a new one.
        header: Of the run.
        source: As in `Batch`.

    Raises:
        RunError: The file exists already, or cannot be written.
    """

    def __init__(self, path: Path, header: Header, source: int = 0) -> None:
        self.path = path
        self._batch = Batch(header, source)
        self._size = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        try:
            self._descriptor = os.open(path, flags, 0o644)
        except OSError as error:
            raise self._failure(error) from error
        self.add, self.note = self._batch.add, self._batch.note
        self.write(first_line(header))

    def flush(self) -> None:
        """Append what was added since the last call.

        Raises:
            RunError: It cannot be written; what was, stays readable.
        """
        if content := self._batch.take():
            self.write(content)

    def write(self, content: bytes) -> None:
        """Append whole blocks, of this process or of another.

        Raises:
            RunError: As in `flush`.
        """
        left = memoryview(content)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            os.ftruncate(self._descriptor, self._size)  # no half block, more may follow
            raise self._failure(error) from error
        self._size += len(content)

    def close(self) -> None:
        """Write what is left, and let the disk hold it all; the file takes no more."""
        try:
            self.flush()
            os.fsync(self._descriptor)
        except OSError as error:
            raise self._failure(error) from error
        finally:
            os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _failure(self, error: OSError) -> RunError:
        return RunError(f"The samples cannot be written to {self.path}: {error.strerror}.")


def first_line(header: Header) -> bytes:
    """The first line of a samples file."""
    line = {"record": "samples", "schema": SCHEMA, **asdict(header), "requests": describe()}
    return _json(line) + b"\n"


def _thinking(reasoning: float | None, answer: float | None) -> float:
    if reasoning is None:
        return _NAN
    return math.inf if answer is None else answer - reasoning


def _within(record: tuple[float, ...]) -> tuple[float, ...]:
    """With its half-precision floats as large as they can be, and what stands for none kept."""
    halves = (
        max(-_MOST_HALF, min(value, _MOST_HALF)) if value < math.inf else value
        for value in record[3:9]
    )
    return (*record[:3], *halves, *record[9:])


def halves(values: Sequence[float]) -> "array[int]":
    """As half-precision floats, given as their bits: the buckets that gaps are counted in."""
    try:
        packed = struct.pack(f"={len(values)}e", *values)
    except OverflowError:
        packed = struct.pack(f"={len(values)}e", *(min(value, _MOST_HALF) for value in values))
    return array("H", packed)


def _numbers(code: str, values: Any) -> bytes:
    return struct.pack(f"<{len(values)}{code}", *values)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
