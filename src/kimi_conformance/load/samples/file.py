"""
Reads samples, a million in well under a second: columns of numbers, not objects.

Requests come in groups of one kind, and a group as columns: arrays of the same length, in the
order they were written. Whoever wants single requests has `SampleFile.samples`, made one by one.
"""

import json
import math
import struct
import sys
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from itertools import chain, repeat
from operator import add
from typing import Any

from kimi_conformance.errors import RunError
from kimi_conformance.load.samples.format import (
    FIELDS,
    GAPS,
    READABLE,
    RECORD,
    REQUESTS,
    ROWS,
    blocks,
)
from kimi_conformance.load.samples.log import NO_COUNT
from kimi_conformance.load.samples.records import (
    End,
    Ended,
    ErrorClass,
    Header,
    Kind,
    Sample,
    Step,
    Tick,
)

__all__ = ["Group", "SampleFile", "from_halves", "read_samples"]

_OFFSETS = {
    name: struct.calcsize("<" + "".join(code for _, code, _ in FIELDS[:number]))
    for number, (name, _, _) in enumerate(FIELDS)
}
_CODES = {name: code for name, code, _ in FIELDS}
_STORED = {"f": "f", "I": "I", "e": "H"}  # array has no half-precision floats


class Group:
    """The requests of one kind, as columns of equal length; NaN where a time is not known.

    Args:
        kind: What they have in common.
        records: Their records, joined.
        bases: What `intended` of each counts from: moments, and for how many in a row.
        gaps: Between chunks with generated content, in seconds, and how often: of requests
            that are judged.
    """

    def __init__(
        self,
        kind: Kind,
        records: bytes,
        bases: Sequence[tuple[float, int]],
        gaps: Mapping[float, int],
    ) -> None:
        self.kind = kind
        self.gaps = gaps
        self._records = records
        self._bases = bases

    def __len__(self) -> int:
        return len(self._records) // RECORD.size

    @cached_property
    def intended(self) -> "array[float]":
        """When each should have been sent, in seconds of the run."""
        bases = chain.from_iterable(repeat(base, count) for base, count in self._bases)
        return array("d", map(add, bases, self.column("intended")))

    @cached_property
    def end(self) -> "array[float]":
        """When each ended, in seconds of the run."""
        return array("d", map(add, self.intended, self.column("response")))

    def column(self, name: str) -> "array[Any]":
        """A field of the records as it stands there; see `format.FIELDS`."""
        values = self.stored(name)
        if _CODES[name] == "e":
            return array("f", struct.unpack(f"={len(values)}e", values.tobytes()))
        return values

    def stored(self, name: str) -> "array[Any]":
        """The same, with half-precision floats as their bits."""
        code: Any = _STORED[_CODES[name]]
        values: array[Any] = array(code)
        step, offset = RECORD.size // values.itemsize, _OFFSETS[name] // values.itemsize
        values.frombytes(memoryview(self._records).cast(code)[offset::step].tobytes())
        if sys.byteorder == "big":
            values.byteswap()
        return values

    def samples(self) -> Iterator[Sample]:
        """Its requests one by one."""
        columns = [self.intended, *(self.column(name) for name, _, _ in FIELDS[1:])]
        return (_sample(self.kind, *row) for row in zip(*columns, strict=True))


@dataclass(frozen=True, kw_only=True)
class SampleFile:
    """What a samples file holds.

    Attributes:
        groups: The requests.
        ticks: The states of the machines, in order.
        end: None where the run was killed.
        torn: Whether its last block was not written to its end.
        steps: The parts that are looked at by themselves, in order.
        hosts: The machine of each process that named it, by its source.
    """

    header: Header
    groups: Sequence[Group]
    ticks: Sequence[Tick]
    end: End | None
    torn: bool
    steps: Sequence[Step] = ()
    hosts: Mapping[int, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many requests there are."""
        return sum(map(len, self.groups))

    @cached_property
    def samples(self) -> Sequence[Sample]:
        """All requests, by their intended start; some 500 bytes of memory each."""
        every = chain.from_iterable(group.samples() for group in self.groups)
        return sorted(every, key=lambda sample: sample.intended)


def read_samples(content: bytes, where: str = "the samples file") -> SampleFile:
    """Read a samples file, of a whole run or of one that was killed.

    Raises:
        RunError: It has no header, a block in its middle is damaged, or another version of
            this suite wrote it.
    """
    line, found, rest = content.partition(b"\n")
    if not found:
        raise RunError(
            f"{where} is no samples file, or one that was cut in its first line: it holds nothing "
            "that could be judged. Run the load again."
        )
    header = _header(line, where)
    reader = _Reader(where)
    torn = False
    for block in blocks(memoryview(rest), where):
        if block is None:
            torn = True
        else:
            reader.take(block)
    ticks, ends = reader.rows["tick"], reader.rows["end"]
    return SampleFile(
        header=header,
        groups=reader.groups(),
        ticks=sorted(ticks, key=lambda tick: float(tick.at)),
        end=ends[-1] if ends else None,
        torn=torn,
        steps=sorted(set(reader.rows["step"]), key=lambda step: (step.begin, step.end)),
        hosts=reader.hosts,
    )


_OF_VALUES = (RecursionError, TypeError, ValueError, struct.error)


class _Reader:
    """Sorts blocks."""

    def __init__(self, where: str) -> None:
        self.rows: dict[str, list[Any]] = {"tick": [], "step": [], "end": []}
        self.hosts: dict[int, str] = {}
        self._where = where
        self._kinds: dict[tuple[int, int], Kind] = {}
        self._records: dict[Kind, list[Any]] = defaultdict(list)
        self._bases: dict[Kind, list[tuple[float, int]]] = defaultdict(list)
        self._gaps: dict[Kind, Counter[int]] = defaultdict(Counter)

    def take(self, block: Any) -> None:
        try:
            _TAKERS[block.content](self, block)
        except (AttributeError, LookupError, *_OF_VALUES) as error:
            raise RunError(f"{self._where} has a block that is none of ours: {error}") from error

    def groups(self) -> list[Group]:
        return [
            Group(kind, b"".join(records), self._bases[kind], _floats(self._gaps[kind]))
            for kind, records in self._records.items()
        ]

    def take_rows(self, block: Any) -> None:
        for line in bytes(block.payload).splitlines():
            row = json.loads(line)
            name, source = row.pop("row"), row.pop("source")
            if name == "kind":
                key = row.pop("key")
                self._kinds[source, key] = Kind(**{**row, "error": ErrorClass(row["error"])})
            elif name == "source":
                self.hosts[source] = str(row["host"])
            elif name in _ROWS:
                self.rows[name].append(_ROWS[name](row, source))

    def take_requests(self, block: Any) -> None:
        kind = self._kinds[block.source, block.key]
        count, surplus = divmod(len(block.payload), RECORD.size)
        if surplus:
            raise ValueError("records of another size")
        self._records[kind].append(block.payload)
        self._bases[kind].append((block.base, count))

    def take_gaps(self, block: Any) -> None:
        count = len(block.payload) // 6
        halves = struct.unpack_from(f"<{count}H", block.payload)
        counts = struct.unpack_from(f"<{count}I", block.payload, 2 * count)
        if block.judged:
            pool = self._gaps[self._kinds[block.source, block.key]]
            pool.update(dict(zip(halves, counts, strict=True)))


_TAKERS: Mapping[int, Callable[[_Reader, Any], None]] = {
    ROWS: _Reader.take_rows,
    REQUESTS: _Reader.take_requests,
    GAPS: _Reader.take_gaps,
}
_ROWS: Mapping[str, Callable[[dict[str, Any], int], Tick | Step | End]] = {
    "tick": lambda row, source: Tick(**{**row, "lags": tuple(row["lags"]), "source": source}),
    "step": lambda row, _: Step(**row),
    "end": lambda row, _: End(at=row["at"], why=Ended(row["why"]), faults=tuple(row["faults"])),
}


def _header(line: bytes, where: str) -> Header:
    try:
        header = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{where}, line 1 is not JSON: {error}") from error
    if not isinstance(header, dict) or header.get("record") != "samples":
        raise RunError(f"{where} does not begin with a header: it holds no samples of this suite.")
    if header.get("schema") not in READABLE:
        raise RunError(
            f"{where} has schema {header.get('schema')}, this suite reads "
            f"{' and '.join(map(str, READABLE))}. "
            "Read it with the kimi-conformance that wrote it."
        )
    try:
        return Header(**{each.name: header[each.name] for each in fields(Header)})
    except KeyError as error:
        raise RunError(f"{where} has a header without {error}.") from error


def from_halves(codes: Sequence[int]) -> tuple[float, ...]:
    """Half-precision floats, given as their bits."""
    return struct.unpack(f"={len(codes)}e", struct.pack(f"={len(codes)}H", *codes))


def _floats(pool: Mapping[int, int]) -> dict[float, int]:
    """The gaps in seconds, and how often."""
    return dict(zip(from_halves(list(pool)), pool.values(), strict=True))


def _sample(
    kind: Kind,
    intended: float,
    response: float,
    first: float,
    late: float,
    connect: float,
    first_byte: float,
    first_event: float,
    thinking: float,
    stall: float,
    prompt: int,
    completion: int,
) -> Sample:
    start = intended + late
    reasoning = answer = None
    if not math.isnan(first):
        at = intended + first
        answer = (
            at
            if math.isnan(thinking)
            else None
            if thinking == math.inf
            else at + max(thinking, 0.0)
        )
        reasoning = None if math.isnan(thinking) else at + max(-thinking, 0.0)
    return Sample(
        kind=kind,
        intended=intended,
        start=start,
        end=intended + response,
        connect_s=_known(connect),
        first_byte=_after(start, first_byte),
        first_event=_after(start, first_event),
        first_reasoning=reasoning,
        first_answer=answer,
        stall_s=_known(stall),
        prompt_tokens=None if prompt == NO_COUNT else prompt,
        completion_tokens=None if completion == NO_COUNT else completion,
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _after(start: float, seconds: float) -> float | None:
    return None if math.isnan(seconds) else start + seconds
