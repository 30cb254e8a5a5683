"""Laws of batches: what `/v1/batches` tells of them."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from kimi_conformance.requirements import Plane
from kimi_conformance.wire.json_values import is_count, is_text, members, shown
from kimi_conformance.wire.law import Law
from kimi_conformance.wire.laws.described import described
from kimi_conformance.wire.reading import Reading

__all__ = ["LAWS", "STATUSES"]

STATUSES = (
    *("validating", "failed", "in_progress", "finalizing", "completed", "expired"),
    *("cancelling", "cancelled"),
)
_ALL = "/v1/batches"
_ONE = re.compile(r"/v1/batches/[^/]+(/cancel)?")
_TEXTS = ("id", "endpoint", "input_file_id", "completion_window")


def _batches(reading: Reading) -> Sequence[Any]:
    """The batches that an answer describes: one, or those of a list."""
    is_one = reading.path == _ALL or _ONE.fullmatch(reading.path) is not None
    return described(reading, _ALL, is_one=is_one)


def _has_batches(reading: Reading) -> bool:
    return bool(_batches(reading))


def _wrong_batch(reading: Reading) -> Iterator[str]:
    for batch in _batches(reading):
        called = shown(batch.get("id"))
        if batch.get("object") != "batch":
            yield f"{called} has the object {shown(batch.get('object'))}"
        for name in _TEXTS:
            if not is_text(batch.get(name)):
                yield f"{called} has {name} {shown(batch.get(name))}, not a text"
        if batch.get("status") not in STATUSES:
            yield f"{called} has the status {shown(batch.get('status'))}"
        for name, value in batch.items():
            if name.endswith("_at") and not (value is None or is_count(value)):
                yield f"{called} has {name} {shown(value)}, neither a time nor null"
        if not is_count(batch.get("created_at")):
            yield f"{called} has created_at {shown(batch.get('created_at'))}, not a time"


def _counts(batch: Any) -> dict[str, Any]:
    told = members(batch.get("request_counts"))
    return {name: told.get(name) for name in ("completed", "failed", "total")} if told else {}


def _has_counts(reading: Reading) -> bool:
    return any(_counts(batch) for batch in _batches(reading))


def _wrong_counts(reading: Reading) -> Iterator[str]:
    for batch in _batches(reading):
        counts = _counts(batch)
        if not counts:
            continue
        wrong = [name for name, value in counts.items() if not is_count(value)]
        for name in wrong:
            yield f"request_counts.{name} is {shown(counts[name])}, not a whole number"
        if not wrong and counts["completed"] + counts["failed"] > counts["total"]:
            yield f"more requests ended than there are: {shown(counts)}"


def _is_list(reading: Reading) -> bool:
    asked = reading.method == "GET" and reading.path == _ALL and reading.ok
    return asked and isinstance(reading.json, dict) and reading.json.get("error") is None


def _wrong_list(reading: Reading) -> Iterator[str]:
    body = members(reading.json)
    if body.get("object") != "list":
        yield f"object is {shown(body.get('object'))}"
    if not isinstance(body.get("data"), list):
        yield f"data is {shown(body.get('data'))}, not an array"
    if not isinstance(body.get("has_more"), bool):
        yield f"has_more is {shown(body.get('has_more'))}, neither true nor false"


LAWS = (
    Law("BATCHES-001", Plane.ENDPOINT, _has_batches, _wrong_batch),
    Law("BATCHES-002", Plane.ENDPOINT, _has_counts, _wrong_counts),
    Law("BATCHES-003", Plane.ENDPOINT, _is_list, _wrong_list),
)
