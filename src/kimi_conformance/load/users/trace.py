"""
Requests as they came once: their times and sizes, from a file of JSON lines.

    {"timestamp": 27482, "input_length": 6955, "output_length": 52}

The timestamp is in milliseconds from any beginning, the lengths are in tokens; further members
are passed over. Published traces of LLM services have these three, Mooncake's by these names.
No text is in such a file: what is asked is made up, as long as it says.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from kimi_conformance.errors import UsageError
from kimi_conformance.load.users.arrivals import Arrival
from kimi_conformance.wire.json_values import is_count

__all__ = ["Trace", "read_trace"]

_EXAMPLE = '{"timestamp": 27482, "input_length": 6955, "output_length": 52}'
LONGEST = 2**20  # tokens, the largest window there is
_LENGTHS = ("input_length", "output_length")


@dataclass(frozen=True, slots=True)
class Trace:
    """A schedule that was recorded; a run of another length takes more or fewer of it.

    Attributes:
        arrivals: In order, the first one at 0.0.
    """

    arrivals: tuple[Arrival, ...]

    def __iter__(self) -> Iterator[Arrival]:
        return iter(self.arrivals)

    def stretched(self, factor: float) -> Self:
        """Itself: what came is not stretched."""
        del factor
        return self


def read_trace(path: Path) -> Trace:
    """Read a trace.

    Raises:
        UsageError: It cannot be read or is empty, or a line is none, or comes before the one
            above it; the message names the line.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(
            f"The trace {path} cannot be read: {why}. Name a file of JSON lines such as {_EXAMPLE}"
        ) from error
    arrivals: list[Arrival] = []
    begin = last = 0.0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{path.name}, line {number}"
        at, prompt, answer = _entry(line, where)
        if not arrivals:
            begin = last = at
        if at < last:
            raise UsageError(f"{where} came before the line above it. Sort the file by timestamp.")
        arrivals.append(Arrival((at - begin) / 1000, prompt, answer))
        last = at
    if not arrivals:
        raise UsageError(f"The trace {path} is empty. Its lines look like this: {_EXAMPLE}")
    return Trace(tuple(arrivals))


def _entry(line: str, where: str) -> tuple[float, int, int]:
    try:
        entry: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where} is not JSON: {error}. A line looks like this: {_EXAMPLE}") from (
            error
        )
    if not isinstance(entry, dict):
        raise UsageError(f"{where} is no object. A line looks like this: {_EXAMPLE}")
    at = entry.get("timestamp")
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at < 1e15:
        raise UsageError(f"{where}: 'timestamp' is {at!r:.60}, not milliseconds from 0 on.")
    for name in _LENGTHS:
        if not is_count(length := entry.get(name)) or length > LONGEST:
            raise UsageError(f"{where}: '{name}' is {length!r:.60}, not a number of tokens.")
    return float(at), entry["input_length"], entry["output_length"]
