"""
Exchanges that are kept as they came, for the laws of the wire to judge when the load is over.

Judging a stream takes a hundred times as long as reading it, so under load only a share is kept:
at most five a second, evenly in time, and never more than `MOST`, or 64 MiB, in all. They stand
in a file beside the samples, a line of JSON each, with how many requests were under way when it
began. An answer of many MiB is not kept, so that those under way fit into memory.
"""

import base64
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from kimi_conformance.errors import RunError
from kimi_conformance.load.client.incoming import Incoming
from kimi_conformance.requirements import Plane
from kimi_conformance.wire.erasing import erase, erase_in_frames
from kimi_conformance.wire.exchange import Answer, Ending, Exchange, Frame, Headers, Request
from kimi_conformance.wire.validators import judge

__all__ = ["MOST", "KeptLog", "conformance", "kept_beside"]

MOST = 2000
_PAUSE_S = 0.2  # from one that is kept to the next
_BYTES = 64 * 2**20  # of the file


def kept_beside(samples: Path) -> Path:
    """Where the kept exchanges of a samples file are."""
    return samples.with_suffix(".exchanges")


class KeptLog:
    """Writes exchanges.

    Args:
        path: Where to.
        secrets: Keys that must not reach it.

    Attributes:
        under_way: How many requests are under way; counted by whoever asks.

    Raises:
        RunError: The file exists already, or cannot be written.
    """

    def __init__(self, path: Path, secrets: tuple[str, ...] = ()) -> None:
        self.under_way = 0
        self._secrets = secrets
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        except OSError as error:
            raise RunError(f"Exchanges cannot be kept in {path}: {error.strerror}.") from error
        self._waiting: list[tuple[str, bytes, Incoming, int]] = []
        self._next = 0.0
        self._count = self._size = 0

    def wants(self, now: float) -> bool:
        """Whether the request that begins now is to be kept."""
        if now < self._next or self._count >= MOST or self._size >= _BYTES:
            return False
        self._next = now + _PAUSE_S
        self._count += 1
        return True

    def add(self, path: str, body: bytes, incoming: Incoming, under_way: int) -> None:
        """Keep an exchange that has ended, unless it was too long for that."""
        if incoming.too_long:
            return
        self._waiting.append((path, body, incoming, under_way))

    def flush(self) -> None:
        """Write what is waiting.

        Raises:
            RunError: It cannot be written.
        """
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            line = _line(*each, self._secrets)
            self._size += len(line)
            if self._size > _BYTES:  # no more is wanted, either
                return
            self._write(line)

    def _write(self, line: bytes) -> None:
        left = memoryview(line)
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as error:
            raise RunError(f"Exchanges cannot be kept: {error.strerror}.") from error

    def close(self) -> None:
        """Write what is waiting, and take no more."""
        try:
            self.flush()
        finally:
            os.close(self._file)


def conformance(path: Path, requests: int) -> Mapping[str, Any] | None:
    """What the laws say of the kept exchanges; None where none were kept.

    Args:
        path: Their file.
        requests: How many requests there were in all.
    """
    try:
        lines = path.read_bytes().split(b"\n")[:-1]  # what follows the last line end is torn
    except OSError:
        return None
    laws: Counter[str] = Counter()
    levels: dict[int, list[int]] = {}
    judged = broken = 0
    for exchange, under_way in _exchanges(lines):
        findings = judge(exchange, Plane.ENDPOINT)
        violated = [finding.law for finding in findings if finding.violations]
        laws.update(violated)
        judged += 1
        broken += bool(violated)
        level = levels.setdefault(1 << max(under_way - 1, 0).bit_length(), [0, 0])
        level[0] += 1
        level[1] += bool(violated)
    if not judged:
        return None
    return {
        "judged": judged,
        "share": judged / requests if requests else None,
        "violating": broken,
        "per_1000": 1000 * broken / judged,
        "laws": dict(laws),
        "by_requests_under_way": [
            {
                "up_to": bound,
                "judged": count,
                "violating": violating,
                "per_1000": 1000 * violating / count,
            }
            for bound, (count, violating) in sorted(levels.items())
        ],
    }


def _line(
    path: str, body: bytes, incoming: Incoming, under_way: int, secrets: tuple[str, ...]
) -> bytes:
    clean = partial(erase, secrets=secrets)
    frames = erase_in_frames(incoming.frames, clean)
    row = {
        "path": path,
        "body": _text(clean(body)),
        "head": _text(clean(incoming.head)),
        "broken": incoming.broken,
        "under_way": under_way,
        "frames": [(round(frame.at, 6), _text(frame.data)) for frame in frames],
    }
    return json.dumps(row, separators=(",", ":")).encode() + b"\n"


def _exchanges(lines: list[bytes]) -> Iterator[tuple[Exchange, int]]:
    for number, line in enumerate(lines):
        row = json.loads(line)
        status, headers = _head(_bytes(row["head"]))
        if status is None:
            continue  # no answer: there is nothing that a law of answers could say
        request = Request(
            method="POST",
            path=f"/v1{row['path']}",
            headers=(("Content-Type", "application/json"),),
            body=_bytes(row["body"]),
        )
        answer = Answer(
            status=status,
            headers=headers,
            frames=tuple(Frame(at, _bytes(data)) for at, data in row["frames"]),
            ending=Ending.CUT if row["broken"] else Ending.COMPLETE,
        )
        exchange = Exchange(
            id=str(number), request=request, answer=answer, started=0.0, source="live"
        )
        yield exchange, row["under_way"]


def _head(head: bytes) -> tuple[int | None, Headers]:
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split()
    fields = (line.partition(":") for line in lines)
    headers = tuple(
        (name, value.strip()) for name, _, value in fields if name.lower() not in _FRAMING
    )
    return (int(words[1]) if len(words) > 1 else None), headers


_FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "date"})


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
