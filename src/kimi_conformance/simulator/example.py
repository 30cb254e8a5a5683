"""
A value that a JSON schema allows: the arguments of a simulated tool call.

Ordinary schemas are served: type, const, enum, default, properties and required, items,
anyOf and oneOf, allOf, $ref into $defs, bounds, lengths, multipleOf, uniqueItems and the
common formats. `pattern`, `not` and conditions are not looked at.
"""

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["example"]

DEEPEST = 12  # levels; below them optional properties are left out, so that recursion ends
MOST_WITHIN = 4  # levels of allOf inside allOf
WORD = "moon"
LONGEST = 10_000  # characters or items, whatever the schema demands
FORMATS = {
    "date": "2025-09-10",
    "date-time": "2025-09-10T08:00:00Z",
    "time": "08:00:00Z",
    "email": "kimi@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "hostname": "example.com",
}

Schema = Mapping[str, Any]


def example(schema: Any) -> Any:
    """A value that is valid against the schema; for no schema, an empty object."""
    return _value(schema, schema, 0, 0) if isinstance(schema, Mapping) and schema else {}


def _value(schema: Any, root: Schema, nth: int, depth: int) -> Any:
    """The nth of several different values, as far as the schema allows several."""
    if not isinstance(schema, Mapping):
        return WORD
    schema = _resolved(schema, root, depth)
    if "const" in schema:
        return schema["const"]
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][nth % len(schema["enum"])]
    kind = _kind(schema)
    if kind == "object":
        return _object(schema, root, depth)
    if kind == "array":
        return _array(schema, root, depth)
    if kind in {"integer", "number"}:
        return _number(schema, nth, whole=kind == "integer")
    if kind == "boolean":
        return nth % 2 == 0
    return None if kind == "null" else _text(schema, nth)


def _resolved(schema: Schema, root: Schema, depth: int, within: int = 0) -> Schema:
    """The schema with references followed, and one way taken where it offers several."""
    for _ in range(DEEPEST):
        if isinstance(schema.get("$ref"), str):
            schema = _target(schema["$ref"], root)
        elif several := _several(schema, depth):
            rest = {key: value for key, value in schema.items() if key not in {"anyOf", "oneOf"}}
            schema = _merged(rest, several)
        elif isinstance(schema.get("allOf"), list):
            rest = {key: value for key, value in schema.items() if key != "allOf"}
            for part in schema["allOf"]:
                if isinstance(part, Mapping) and within < MOST_WITHIN:
                    rest = _merged(rest, _resolved(part, root, depth, within + 1))
            schema = rest
        else:
            break
    return schema


def _target(reference: str, root: Schema) -> Schema:
    found: Schema = root
    for step in reference.removeprefix("#").split("/")[1:]:
        below = found.get(step.replace("~1", "/").replace("~0", "~"))
        found = below if isinstance(below, Mapping) else {}
    return found


def _several(schema: Schema, depth: int) -> Schema | None:
    """The branch to take: the first, or deep down the last, where recursion often ends."""
    for key in ("anyOf", "oneOf"):
        branches = schema.get(key)
        if isinstance(branches, list) and branches:
            branch = branches[0 if depth < DEEPEST else -1]
            return branch if isinstance(branch, Mapping) else {}
    return None


def _merged(one: Schema, other: Schema) -> dict[str, Any]:
    merged = {**one, **other}
    if "properties" in one and "properties" in other:
        merged["properties"] = {**one["properties"], **other["properties"]}
    if "required" in one and "required" in other:
        merged["required"] = [*one["required"], *other["required"]]
    return merged


def _kind(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "null")
    if isinstance(kind, str):
        return kind
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema else "string"


def _object(schema: Schema, root: Schema, depth: int) -> dict[str, Any]:
    properties = schema.get("properties")
    properties = properties if isinstance(properties, Mapping) else {}
    required = schema.get("required")
    required = (
        [each for each in required if isinstance(each, str)] if (isinstance(required, list)) else []
    )
    names = [name for name in properties if name in required or depth < DEEPEST // 4]
    missing = [name for name in required if name not in properties]
    return {
        name: _value(properties.get(name, {}), root, 0, depth + 1) for name in (*names, *missing)
    }


def _array(schema: Schema, root: Schema, depth: int) -> list[Any]:
    least = max(_size(schema, "minItems", 0), 1 if depth < DEEPEST else 0)
    most = _size(schema, "maxItems", least)
    items = schema.get("items", {})
    return [_value(items, root, nth, depth + 1) for nth in range(min(least, most))]


def _number(schema: Schema, nth: int, *, whole: bool) -> int | float:
    """A multiple of the step inside the bounds, or between them where there is none."""
    step = abs(_limit(schema, "multipleOf", 1)) or 1
    low, high = _limit(schema, "minimum", -math.inf), _limit(schema, "maximum", math.inf)
    above = _limit(schema, "exclusiveMinimum", -math.inf)
    below = _limit(schema, "exclusiveMaximum", math.inf)
    first = max(1, _up(low, step), _up(above, step, beyond=True))
    last = min(-_up(-high, step), -_up(-below, step, beyond=True))
    if not whole and "multipleOf" not in schema and first > last:
        low, high = max(low, above), min(high, below)
        return (low * (nth + 1) + high) / (nth + 2) if math.isfinite(low) else high - 1 - nth
    value = (first + nth if first <= last else last - nth) * step
    return int(value) if whole or value == int(value) else value


def _up(bound: float, step: float, *, beyond: bool = False) -> float:
    """The least multiple of the step, as a count of steps, that is at (or beyond) the bound."""
    if math.isinf(bound):
        return bound
    count = math.ceil(bound / step)
    return count + 1 if beyond and count * step == bound else count


def _text(schema: Schema, nth: int) -> str:
    form = schema.get("format")
    known = FORMATS.get(form) if isinstance(form, str) else None
    if known is not None and nth == 0:
        return known
    text = WORD if nth == 0 else f"{WORD}{nth}"
    least, most = _size(schema, "minLength", 0), _size(schema, "maxLength", LONGEST)
    text += "x" * (least - len(text))
    return text[-most:] if most else ""


def _size(schema: Schema, key: str, default: int) -> int:
    value = schema.get(key, default)
    return min(value, LONGEST) if type(value) is int and value >= 0 else default


def _limit(schema: Schema, key: str, default: float) -> float:
    value = schema.get(key, default)
    return value if type(value) in {int, float} and value == value else default
