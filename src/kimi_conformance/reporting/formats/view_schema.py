"""
The shape of the view data, for whoever writes templates of their own: a JSON Schema.

It is read off the frozen dataclasses that `Report` leads to: their fields, types and
docstrings. The schema is committed as reports/schemas/view.schema.json, and a test holds the
two together, so that nobody changes under others' templates unawares:

    a field or class more             the second number of VERSION goes up
    one less, renamed, another type   the first does, and the second is 0
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from inspect import cleandoc
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from kimi_conformance.reporting.views.view import Report

__all__ = ["VERSION", "breaks", "table", "view_schema"]

VERSION = "1.1"

_PLAIN: Mapping[type, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    NoneType: {"type": "null"},
}
_ENTRY = re.compile(r"^ {4}(?P<names>\w+(?:, \w+)*): (?P<text>.*(?:\n {8}.*)*)", re.MULTILINE)


def view_schema() -> dict[str, Any]:
    """The schema of today's view data."""
    definitions: dict[str, Any] = {}
    waiting: list[type] = [Report]
    while waiting:
        cls = waiting.pop(0)
        if cls.__name__ not in definitions:
            hints = get_type_hints(cls)
            definitions[cls.__name__] = _class(cls, hints)
            waiting += [found for hint in hints.values() for found in _dataclasses(hint)]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:kimi-conformance:view:{VERSION}",
        "title": "What a template of kimi-conformance is given as `report`",
        "version": VERSION,
        "$ref": f"#/$defs/{Report.__name__}",
        "$defs": dict(sorted(definitions.items())),
    }


def breaks(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What a template written for the old schema may miss in the new one: "Report.kept"."""
    found = []
    for name, before in old["$defs"].items():
        after = new["$defs"].get(name, {"properties": {}})["properties"]
        for field, shape in before["properties"].items():
            if _without_words(after.get(field)) != _without_words(shape):
                found.append(f"{name}.{field}")
    return found


def table(schema: Mapping[str, Any]) -> str:
    """The fields of the report as a table in Markdown: name, type, meaning."""
    definitions = schema["$defs"]
    lines = ["| `report.` | is | what |", "| --- | --- | --- |"]
    for name, shape in definitions[Report.__name__]["properties"].items():
        named = re.findall(r"#/\$defs/(\w+)", str(shape))
        words = shape.get("description") or " ".join(
            definitions[each]["description"] for each in named
        )
        lines.append(f"| `{name}` | {_told(shape)} | {words} |")
    return "\n".join(lines)


def _told(shape: Mapping[str, Any]) -> str:
    """A type in words: "list of Cause"."""
    if "$ref" in shape:
        return str(shape["$ref"]).rpartition("/")[2]
    if "anyOf" in shape:
        return " or ".join(_told(each) for each in shape["anyOf"])
    if "prefixItems" in shape:
        return f"({', '.join(_told(each) for each in shape['prefixItems'])})"
    if shape.get("type") == "array":
        return f"list of {_told(shape['items'])}"
    return str(shape.get("type", "one of several words"))


def _without_words(shape: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return shape and {key: value for key, value in shape.items() if key != "description"}


def _class(cls: type, hints: Mapping[str, Any]) -> dict[str, Any]:
    words = _words(cls)
    names = [field.name for field in fields(cls)]
    return {
        "type": "object",
        "description": cleandoc(cls.__doc__ or "").partition("\n")[0],
        "properties": {
            name: {
                **_type(hints[name]),
                **({"description": words[name]} if name in words else {}),
            }
            for name in names
        },
        "required": names,
        "additionalProperties": False,
    }


def _words(cls: type) -> dict[str, str]:
    """What the docstring says of each attribute."""
    section = cleandoc(cls.__doc__ or "").partition("Attributes:\n")[2]
    return {
        name: re.sub(r"\s+", " ", entry["text"])
        for entry in _ENTRY.finditer(section)
        for name in entry["names"].split(", ")
    }


def _type(hint: Any) -> dict[str, Any]:
    """The schema of one type; it knows those that a view is made of, and refuses others.

    Raises:
        TypeError: The type is none of them.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if origin in {UnionType, Union}:
        return {"anyOf": [_type(each) for each in arguments]}
    if origin is tuple and arguments[-1] is not Ellipsis:
        return {
            "type": "array",
            "prefixItems": [_type(each) for each in arguments],
            "minItems": len(arguments),
            "maxItems": len(arguments),
        }
    if origin in {tuple, Sequence}:
        return {"type": "array", "items": _type(arguments[0])}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _type(arguments[1])}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [each.value for each in hint]}
    if isinstance(hint, type) and is_dataclass(hint):
        return {"$ref": f"#/$defs/{hint.__name__}"}
    raise TypeError(f"A view is made of plain values, tuples and dataclasses, not of {hint}")


def _dataclasses(hint: Any) -> Iterator[type]:
    if isinstance(hint, type) and is_dataclass(hint):
        yield hint
    for each in get_args(hint):
        yield from _dataclasses(each)
