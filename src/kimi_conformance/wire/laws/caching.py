"""Laws of explicit context caching: what `/v1/caching` answers."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from kimi_conformance.requirements import Plane
from kimi_conformance.wire.json_values import NOT_JSON, elements, is_text, members, shown
from kimi_conformance.wire.law import Law
from kimi_conformance.wire.reading import Reading

__all__ = ["LAWS", "STATUSES"]

STATUSES = ("pending", "ready", "error", "inactive")

_CREATE_OR_LIST = "/v1/caching"
_ONE = re.compile(r"/v1/caching/(?!refs(/|$))[^/]+")  # refs/… are tags, not caches


def _answers(reading: Reading) -> bool:
    return reading.ok and reading.json is not NOT_JSON


def _is_list(reading: Reading) -> bool:
    return reading.method == "GET" and reading.path == _CREATE_OR_LIST


def _is_one(reading: Reading) -> bool:
    if reading.path == _CREATE_OR_LIST:
        return reading.method == "POST"
    return reading.method in {"GET", "PUT"} and _ONE.fullmatch(reading.path) is not None


def _caches(reading: Reading) -> Sequence[Any]:
    """The caches that an answer describes: one, or those of a list."""
    if not _answers(reading):
        return ()
    if _is_list(reading):
        return [members(item) for item in elements(members(reading.json).get("data"))]
    return [members(reading.json)] if _is_one(reading) else ()


def _has_caches(reading: Reading) -> bool:
    return bool(_caches(reading))


def _wrong_object(reading: Reading) -> Iterator[str]:
    for cache in _caches(reading):
        if cache.get("object") != "context-cache":
            yield f"object is {shown(cache.get('object'))}"


def _wrong_id(reading: Reading) -> Iterator[str]:
    for cache in _caches(reading):
        if not is_text(cache.get("id")):
            yield f"id is {shown(cache.get('id'))}, not a text"


def _wrong_status(reading: Reading) -> Iterator[str]:
    for cache in _caches(reading):
        if cache.get("status") not in STATUSES:
            yield f"{shown(cache.get('id'))} has status {shown(cache.get('status'))}"


def _has_failed(reading: Reading) -> bool:
    return any(cache.get("status") == "error" for cache in _caches(reading))


def _no_reason(reading: Reading) -> Iterator[str]:
    for cache in _caches(reading):
        error = members(cache.get("error"))
        if cache.get("status") == "error" and not all(map(is_text, map(error.get, _REASON))):
            yield f"{shown(cache.get('id'))} failed with {shown(cache.get('error'))}"


_REASON = ("type", "message")


def _is_deletion(reading: Reading) -> bool:
    return (
        reading.method == "DELETE"
        and _ONE.fullmatch(reading.path) is not None
        and _answers(reading)
    )


def _not_deleted(reading: Reading) -> Iterator[str]:
    body = members(reading.json)
    expected = {
        "deleted": True,
        "id": reading.path.rpartition("/")[2],
        "object": "context_cache_object.deleted",
    }
    for name, value in expected.items():
        if body.get(name) != value:
            yield f"{name} is {shown(body.get(name))}, not {shown(value)}"


LAWS = (
    Law("CACHING-001", Plane.ENDPOINT, _has_caches, _wrong_object),
    Law("CACHING-002", Plane.ENDPOINT, _has_caches, _wrong_id),
    Law("CACHING-003", Plane.ENDPOINT, _has_caches, _wrong_status),
    Law("CACHING-004", Plane.ENDPOINT, _has_failed, _no_reason),
    Law("CACHING-005", Plane.ENDPOINT, _is_deletion, _not_deleted),
)
