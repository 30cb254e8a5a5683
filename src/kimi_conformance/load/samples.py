"""
The samples of a load test: every request, and once a second the state of the machines.

A file of JSON lines. The first is the header, an object that says what was run and names the
fields of the rows. Every other line is an array: the kind of the row, then its fields in the
order that the header gives.

    {"record": "samples", "schema": 1, "scenario": …, "rows": {"request": ["intended", …], …}}
    ["request", 0.51231, 0.51231, …]
    ["tick", 1.00021, 20, …]
    ["end", 30.41, "complete", []]

Each row is appended in one write as soon as it is known, so that a killed run loses only
the requests that were under way. A last line that is not whole is left out on reading. All
times are seconds since the run began, on one monotonic clock.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kimi_conformance.errors import RunError

__all__ = [
    "FORMAT",
    "End",
    "Ended",
    "ErrorClass",
    "Header",
    "Sample",
    "SampleFile",
    "SampleLog",
    "Tick",
    "read_samples",
]

SCHEMA = 1
FORMAT = f"kimi-conformance samples {SCHEMA}, JSON lines"


class ErrorClass(StrEnum):
    """How a request ended; everything but `ok` is a failure."""

    OK = "ok"
    CLIENT = "client"  # HTTP 4xx, but for 429
    RATE_LIMIT = "rate_limit"  # HTTP 429
    SERVER = "server"  # HTTP 5xx
    TRANSPORT = "transport"  # no answer, or it broke off, or not in time
    INVALID = "invalid"  # an answer that is no usable and complete reply
    UNFINISHED = "unfinished"  # still under way when the run and its grace had ended


class Ended(StrEnum):
    """Why a run was over."""

    COMPLETE = "complete"  # it lasted as long as it was meant to
    INTERRUPTED = "interrupted"  # somebody stopped it
    TIME_LIMIT = "time limit"  # it did not stop by itself
    BROKEN = "broken"  # the scenario raised
    KILLED = "killed"  # it wrote no end at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What was run.

    Attributes:
        scenario: The name of the scenario's file: "steady_chat".
        question: What the scenario asks, from its docstring.
        workload: "closed; …" or "open; …", from its docstring.
        kind: What was loaded: "simulator" or "live".
        base_url: Where it was.
        model: Which model was asked.
        started: ISO 8601, in UTC.
        planned_s: How long it was meant to last, warm-up included.
        warm_up_s: How long the warm-up lasts.
    """

    scenario: str
    question: str
    workload: str
    kind: str
    base_url: str
    model: str
    started: str
    planned_s: float
    warm_up_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One request.

    Attributes:
        intended: When it should have been sent; in a closed workload when it was.
        start: When it was sent.
        first: When the first chunk with generated content was there; None for a reply that
            is not streamed, or has none.
        end: When its last byte was there, or it was given up.
        gaps: Between the chunks with generated content, in seconds.
        name: What was asked: the name of the request body.
        model: Which model was asked.
        streamed: Whether a stream was asked for.
        status: Of HTTP, or None: no answer began.
        error: How it ended.
        detail: Why it failed, in a few words of ours; "" where it did not.
        prompt_tokens: As the reply counts them, or None.
        completion_tokens: Likewise.
    """

    intended: float
    start: float
    first: float | None
    end: float
    gaps: tuple[float, ...]
    name: str
    model: str
    streamed: bool
    status: int | None
    error: ErrorClass
    detail: str
    prompt_tokens: int | None
    completion_tokens: int | None

    @property
    def ok(self) -> bool:
        """Whether it brought a usable and complete reply."""
        return self.error is ErrorClass.OK

    @property
    def response_s(self) -> float:
        """From the intended start to the end: a client that waits to send is not hidden."""
        return self.end - self.intended

    @property
    def ttft_s(self) -> float | None:
        """From the intended start to the first generated content."""
        return None if self.first is None else self.first - self.intended


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """The state of the machines over one second; percent of the whole host unless it says so.

    Attributes:
        at: The end of that second.
        users: How many virtual users there were.
        host_cpu: CPU time spent, by anybody.
        host_memory: Memory in use, by anybody.
        load_cpu: CPU time of the load process tree.
        load_memory: Its resident memory; pages that its processes share count for each.
        target_cpu: As `load_cpu`, of the target, or None: it runs elsewhere or is gone.
        target_memory: As `load_memory`, of the target.
        own_core: CPU time of the generator in percent of one core: it has one thread.
        lags: How late, in seconds, the generator woke from each short sleep.
    """

    at: float
    users: int
    host_cpu: float
    host_memory: float
    load_cpu: float
    load_memory: float
    target_cpu: float | None
    target_memory: float | None
    own_core: float
    lags: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The last row of a run that could still write one.

    Attributes:
        at: When it ended.
        why: Why it ended.
        faults: What the scenario itself raised, one line each.
    """

    at: float
    why: Ended
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleFile:
    """What a samples file holds.

    Attributes:
        end: None where the run was killed.
        torn: Whether the last line was not written to its end.
    """

    header: Header
    samples: Sequence[Sample]
    ticks: Sequence[Tick]
    end: End | None
    torn: bool


_KINDS: Mapping[type, str] = {Sample: "request", Tick: "tick", End: "end"}
_ROWS = {kind: [field.name for field in fields(row)] for row, kind in _KINDS.items()}


class SampleLog:
    """Appends rows to a samples file.

    Raises:
        RunError: The file exists already, or cannot be written.
    """

    def __init__(self, path: Path, header: Header) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        try:
            self._descriptor = os.open(path, flags, 0o644)
        except OSError as error:
            raise RunError(f"The samples cannot be written to {path}: {error.strerror}.") from error
        self._append({"record": "samples", "schema": SCHEMA, **asdict(header), "rows": _ROWS})

    def add(self, row: Sample | Tick | End) -> None:
        """Append one row."""
        kind = _KINDS[type(row)]
        self._append([kind, *(getattr(row, name) for name in _ROWS[kind])])

    def close(self) -> None:
        """Close the file; it takes no more rows."""
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

    def _append(self, row: Any) -> None:
        line = memoryview(
            json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        )
        while line:  # one write, but on a full disk
            line = line[os.write(self._descriptor, line) :]


def read_samples(content: bytes, where: str = "the samples file") -> SampleFile:
    """Read a samples file, of a whole run or of one that was killed.

    Raises:
        RunError: It has no header, a row in its middle is none, or a newer suite wrote it.
    """
    *lines, rest = content.split(b"\n")
    header = _decode(lines[0], f"{where}, line 1") if lines else None
    if not isinstance(header, dict) or header.get("record") != "samples":
        raise RunError(f"{where} does not begin with a header: it holds no samples of this suite.")
    if header.get("schema") != SCHEMA:
        raise RunError(
            f"{where} has schema {header.get('schema')}, this suite reads {SCHEMA}. "
            "Read it with the kimi-conformance that wrote it."
        )
    rows: dict[str, list[Any]] = {kind: [] for kind in _ROWS}
    for number, line in enumerate(lines[1:], start=2):
        place = f"{where}, line {number}"
        kind, row = _row(_decode(line, place), place)
        rows[kind].append(row)
    try:
        told = Header(**{field.name: header[field.name] for field in fields(Header)})
    except KeyError as error:
        raise RunError(f"{where} has a header without {error}.") from error
    return SampleFile(
        header=told,
        samples=rows["request"],
        ticks=rows["tick"],
        end=rows["end"][-1] if rows["end"] else None,
        torn=rest != b"",
    )


def _row(values: Any, place: str) -> tuple[str, Sample | Tick | End]:
    try:
        kind, *rest = values
        named = dict(zip(_ROWS[kind], rest, strict=True))
        return kind, _READERS[kind](named)
    except (TypeError, ValueError, KeyError) as error:
        raise RunError(f"{place} is no row of a samples file.") from error


_READERS: Mapping[str, Callable[[dict[str, Any]], Sample | Tick | End]] = {
    "request": lambda row: Sample(
        **{**row, "gaps": tuple(row["gaps"]), "error": ErrorClass(row["error"])}
    ),
    "tick": lambda row: Tick(**{**row, "lags": tuple(row["lags"])}),
    "end": lambda row: End(at=row["at"], why=Ended(row["why"]), faults=tuple(row["faults"])),
}


def _decode(line: bytes, where: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise RunError(f"{where} is not JSON: {error}") from error
