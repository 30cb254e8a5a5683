"""Laws of uploaded files: what `/v1/files` tells of them."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from kimi_conformance.requirements import Plane
from kimi_conformance.wire.json_values import is_count, is_text, members, shown
from kimi_conformance.wire.law import Law
from kimi_conformance.wire.laws.described import described
from kimi_conformance.wire.reading import Reading

__all__ = ["LAWS"]

_ALL = "/v1/files"
_ONE = re.compile(r"/v1/files/[^/]+")
_TEXTS = ("id", "purpose", "status")
_COUNTS = ("bytes", "created_at")


def _files(reading: Reading) -> Sequence[Any]:
    """The files that an answer describes: one, or those of a list."""
    is_created = reading.path == _ALL and reading.method == "POST"
    is_read = reading.method == "GET" and _ONE.fullmatch(reading.path) is not None
    return described(reading, _ALL, is_one=is_created or is_read)


def _has_files(reading: Reading) -> bool:
    return bool(_files(reading))


def _wrong_file(reading: Reading) -> Iterator[str]:
    for file in _files(reading):
        called = shown(file.get("id"))
        if file.get("object") != "file":
            yield f"{called} has the object {shown(file.get('object'))}"
        for name in _TEXTS:
            if not is_text(file.get(name)):
                yield f"{called} has {name} {shown(file.get(name))}, not a text"
        if not isinstance(file.get("filename"), str):  # which may be empty
            yield f"{called} has the filename {shown(file.get('filename'))}"
        for name in _COUNTS:
            if not is_count(file.get(name)):
                yield f"{called} has {name} {shown(file.get(name))}, not a whole number"


def _is_deletion(reading: Reading) -> bool:
    return (
        reading.method == "DELETE"
        and _ONE.fullmatch(reading.path) is not None
        and reading.ok
        and isinstance(reading.json, dict)
        and reading.json.get("error") is None
    )


def _not_deleted(reading: Reading) -> Iterator[str]:
    body = members(reading.json)
    expected = {"deleted": True, "id": reading.path.rpartition("/")[2], "object": "file"}
    for name, value in expected.items():
        if body.get(name) != value:
            yield f"{name} is {shown(body.get(name))}, not {shown(value)}"


LAWS = (
    Law("FILES-001", Plane.ENDPOINT, _has_files, _wrong_file),
    Law("FILES-002", Plane.ENDPOINT, _is_deletion, _not_deleted),
)
