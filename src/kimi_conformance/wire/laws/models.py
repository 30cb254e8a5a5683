"""Laws of the model list."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kimi_conformance.requirements import Plane
from kimi_conformance.wire.json_values import (
    NOT_JSON,
    elements,
    is_count,
    is_text,
    members,
    shown,
)
from kimi_conformance.wire.law import Law
from kimi_conformance.wire.reading import Reading

__all__ = ["LAWS"]


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_window(value: Any) -> bool:
    return is_count(value) and value > 0


_OPTIONAL: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "created": (is_count, "a time"),
    "owned_by": (is_text, "a text"),
    "context_length": (_is_window, "a number of tokens"),
    "supports_image_in": (_is_flag, "true or false"),
    "supports_video_in": (_is_flag, "true or false"),
    "supports_reasoning": (_is_flag, "true or false"),
    "supports_dynamic_tools": (_is_flag, "true or false"),
}


def _is_list(reading: Reading) -> bool:
    return (
        reading.method == "GET"
        and reading.path == "/v1/models"
        and reading.ok
        and reading.json is not NOT_JSON
    )


def _items(reading: Reading) -> list[Any]:
    return [members(item) for item in elements(members(reading.json).get("data"))]


def _has_items(reading: Reading) -> bool:
    return _is_list(reading) and bool(_items(reading))


def _names_object(reading: Reading) -> bool:
    return _is_list(reading) and "object" in members(reading.json)


def _no_array(reading: Reading) -> Iterator[str]:
    data = members(reading.json).get("data")
    if not isinstance(data, list):
        yield f"data is {shown(data)}, not an array"
    for place, item in enumerate(elements(data)):
        if not isinstance(item, dict):
            yield f"model {place} is {shown(item)}, not an object"


def _wrong_id(reading: Reading) -> Iterator[str]:
    for place, item in enumerate(_items(reading)):
        if not is_text(item.get("id")):
            yield f"model {place} has id {shown(item.get('id'))}, not a text"


def _same_id(reading: Reading) -> Iterator[str]:
    ids = Counter(item["id"] for item in _items(reading) if is_text(item.get("id")))
    for name, times in ids.items():
        if times > 1:
            yield f"{shown(name)} stands {times} times"


def _wrong_object(reading: Reading) -> Iterator[str]:
    for place, item in enumerate(_items(reading)):
        if item.get("object") != "model":
            yield f"model {place} ({shown(item.get('id'))}) has object {shown(item.get('object'))}"


def _wrong_envelope(reading: Reading) -> Iterator[str]:
    kind = members(reading.json).get("object")
    if kind != "list":
        yield f"object is {shown(kind)}"


def _wrong_optional(reading: Reading) -> Iterator[str]:
    for place, item in enumerate(_items(reading)):
        for name, (fits, what) in _OPTIONAL.items():
            if name in item and not fits(item[name]):
                yield (
                    f"model {place} ({shown(item.get('id'))}) has {name} {shown(item[name])}, "
                    f"not {what}"
                )


LAWS = (
    Law("MODELS-001", Plane.ENDPOINT, _is_list, _no_array),
    Law("MODELS-002", Plane.ENDPOINT, _has_items, _wrong_id),
    Law("MODELS-003", Plane.ENDPOINT, _has_items, _same_id),
    Law("MODELS-004", Plane.ENDPOINT, _has_items, _wrong_object),
    Law("MODELS-005", Plane.ENDPOINT, _names_object, _wrong_envelope),
    Law("MODELS-006", Plane.ENDPOINT, _has_items, _wrong_optional),
)
