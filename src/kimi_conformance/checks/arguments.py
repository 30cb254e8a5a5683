"""
Whether the arguments of a tool call are what the tool's schema allows.

The part of JSON schema that our own tools are written in: types, properties, required and
additional ones, items and their number, enums, bounds and lengths. A keyword beyond that
counts as kept, so no call is blamed for what is not understood here.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["flaw_of_call", "flaws"]

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
}


def flaw_of_call(name: object, arguments: object, tools: Sequence[Mapping[str, Any]]) -> str:
    """What is wrong with a call of one of these tools, in one line; "" where nothing is."""
    offered = {tool["function"]["name"]: tool["function"]["parameters"] for tool in tools}
    if name not in offered:
        return f"{name!r} is not offered"
    if not isinstance(arguments, str):
        return f"arguments are {arguments!r}, no text"
    try:
        value = json.loads(arguments)
    except ValueError:
        return f"arguments are no JSON: {arguments[:80]!r}"
    return next(flaws(value, offered[str(name)], "arguments"), "")


def flaws(value: Any, schema: Mapping[str, Any], where: str) -> Iterator[str]:
    """Where and how a value is not what a schema allows, in one line each."""
    kind = schema.get("type")
    if isinstance(kind, str) and not _is_of(value, kind):
        yield f"{where} is {json.dumps(value)[:80]}, not of the type {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is {json.dumps(value)[:80]}, none of {schema['enum']}"
    yield from _out_of_bounds(value, schema, where)
    if isinstance(value, dict):
        yield from _wrong_properties(value, schema, where)
    if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for place, each in enumerate(value):
            yield from flaws(each, schema["items"], f"{where}[{place}]")


def _is_of(value: Any, kind: str) -> bool:
    if kind in {"integer", "number"}:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and (kind == "number" or value == int(value))
    return isinstance(value, _TYPES.get(kind, (object,)))


def _out_of_bounds(value: Any, schema: Mapping[str, Any], where: str) -> Iterator[str]:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    sizes = (
        (value if number else None, "minimum", "maximum"),
        (len(value) if isinstance(value, str) else None, "minLength", "maxLength"),
        (len(value) if isinstance(value, list) else None, "minItems", "maxItems"),
    )
    for size, least, most in sizes:
        if size is not None and size < schema.get(least, size):
            yield f"{where} is below its {least} of {schema[least]}"
        if size is not None and size > schema.get(most, size):
            yield f"{where} is above its {most} of {schema[most]}"


def _wrong_properties(
    value: Mapping[str, Any], schema: Mapping[str, Any], where: str
) -> Iterator[str]:
    known = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{where} lacks {name}"
    for name, each in value.items():
        if name in known:
            yield from flaws(each, known[name], f"{where}.{name}")
        elif schema.get("additionalProperties") is False:
            yield f"{where} has {name}, which the tool does not know"
