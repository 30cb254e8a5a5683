"""
The protocol as JSON Schema, and what is wrong with a message by it.

The schema says of each message what belongs in it, and of each method what it is answered
with; it follows from the same table as the messages themselves. `problems` reads the part of
JSON Schema that is used here, so that nobody needs a library to verify an adapter.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import quote, unquote

from kimi_conformance.adapters.process.answering import QUESTIONS
from kimi_conformance.adapters.process.methods import METHODS, PROTOCOL, SESSION_METHODS, Method
from kimi_conformance.adapters.process.thrown import error_schema
from kimi_conformance.adapters.protocol import CAPABILITIES

__all__ = ["problems", "schema"]

Schema = Mapping[str, Any]

_INTEGER: Schema = {"type": "integer"}
_NUMBER: Schema = {"type": "number"}
_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "object"}
_ERROR: Schema = {"$ref": "#/$defs/Error"}


def _object(properties: Mapping[str, Schema], *, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


_BINDING = _object(
    {
        "base_url": _nullable(_TEXT),
        "api_key": _nullable(_TEXT),
        "environment": _TEXTS,
        "context_cache": _nullable({"type": "boolean"}),
        "patience": _nullable(_NUMBER),
        "attempts": _nullable(_INTEGER),
        "edition": _nullable(_TEXT),
        "clock": {"enum": ["machine", "check"]},
    }
)
_HELLO = _object(
    {
        "protocol": {"type": "string", "pattern": r"^[0-9]+\.[0-9]+$"},
        "name": _TEXT,
        "version": _TEXT,
        "capabilities": {"type": "array", "items": {"enum": sorted(CAPABILITIES)}},
        "features": {"type": "array", "items": _TEXT},
    },
    optional=("features",),
)


@cache
def schema() -> Schema:
    """The whole protocol.

    `$defs` has, besides the parts: "to the process" and "from the process", one message each;
    for each method "METHOD asked", and "METHOD answered", which is its result or, of a
    stream, each of its chunks.
    """
    shared: dict[str, Schema] = {"Error": error_schema()}
    asked: dict[str, Schema] = {
        "hello asked": _asked("hello", _object({"protocol": _TEXT}), client=False),
        "open asked": _asked("open", _BINDING),
        "close asked": _asked("close", None),
    }
    answered: dict[str, Schema] = {
        "hello answered": _HELLO,
        "open answered": {"type": "null"},
        "close answered": {"type": "null"},
    }
    for name, method in {**METHODS, **SESSION_METHODS}.items():
        asked[f"{name} asked"] = _asked(name, _params(method, shared))
        answered[f"{name} answered"] = method.result.schema(shared)
    to = [_reference(name) for name in asked]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Process adapters of kimi-conformance, protocol {PROTOCOL}",
        "description": "One line of JSON a message; see docs/process-adapter.md.",
        "anyOf": [_reference("to the process"), _reference("from the process")],
        "$defs": {
            "to the process": {
                "anyOf": [
                    *to,
                    _object({"cancel": _INTEGER}),
                    _object({"answer": _INTEGER, "result": {}}),
                    _object({"answer": _INTEGER, "error": _ERROR}),
                ]
            },
            "from the process": {
                "anyOf": [
                    _object({"id": _INTEGER, "result": {}}),
                    _object({"id": _INTEGER, "error": _ERROR}),
                    _object({"id": _INTEGER, "chunk": {}}),
                    *(_question(name, needs) for name, needs in QUESTIONS.items()),
                    _object({"log": _object({"level": _TEXT, "logger": _TEXT, "text": _TEXT})}),
                ]
            },
            **asked,
            **answered,
            **dict(sorted(shared.items())),
        },
    }


def _reference(name: str) -> Schema:
    """To the definition of this name. Source: RFC 3986, a URI holds no space as it is."""
    return {"$ref": f"#/$defs/{quote(name)}"}


def _asked(name: str, params: Schema | None, *, client: bool = True) -> Schema:
    parts: dict[str, Schema] = {"id": _INTEGER, "method": {"const": name}}
    if client:
        parts["client"] = _INTEGER
    if params is not None:
        parts["params"] = params
    return _object(parts)


def _params(method: Method, shared: dict[str, Schema]) -> Schema:
    parts = {name: shape.schema(shared) for name, shape in method.parameters.items()}
    optional = tuple(name for name in parts if name not in method.required)
    if method.name in SESSION_METHODS:
        parts = {"session": _INTEGER, **parts}
    return _object(parts, optional=optional)


def _question(name: str, needs: Mapping[str, str]) -> Schema:
    params = _object({part: {"type": kind} for part, kind in needs.items()})
    parts: dict[str, Schema] = {"ask": _INTEGER, "client": _INTEGER, "method": {"const": name}}
    return _object({**parts, "params": params}, optional=() if needs else ("params",))


def problems(name: str, value: Any) -> list[str]:
    """What is wrong with a value by the definition of this name; nothing is a good answer."""
    return list(_problems(_reference(name), value, "it"))


_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


def _problems(rules: Schema, value: Any, where: str) -> Iterator[str]:
    for rule, given in rules.items():
        if rule in _RULES:
            yield from _RULES[rule](given, value, where)
    if rules.get("additionalProperties") is False and isinstance(value, dict):
        for name in value.keys() - rules["properties"].keys():
            yield f"{where} has {name!r:.60}, which is none of its parts"


def _ref(target: str, value: Any, where: str) -> Iterator[str]:
    name = unquote(target.removeprefix("#/$defs/"))
    yield from _problems(schema()["$defs"][name], value, where)


def _type(kind: str, value: Any, where: str) -> Iterator[str]:
    fits = isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
    if not fits:
        yield f"{where} is to be {kind}, and is {value!r:.60}"


def _any_of(choices: list[Schema], value: Any, where: str) -> Iterator[str]:
    tried = [list(_problems(choice, value, where)) for choice in choices]
    if all(tried):
        yield from min(tried, key=len)


def _enum(allowed: list[Any], value: Any, where: str) -> Iterator[str]:
    if value not in allowed:
        yield f"{where} is {value!r:.60}, and none of {', '.join(map(repr, allowed))}"


def _pattern(pattern: str, value: Any, where: str) -> Iterator[str]:
    if isinstance(value, str) and not re.search(pattern, value):
        yield f"{where} is {value!r:.60}, which does not fit {pattern}"


def _properties(parts: Mapping[str, Schema], value: Any, where: str) -> Iterator[str]:
    for name, rules in parts.items():
        if isinstance(value, dict) and name in value:
            yield from _problems(rules, value[name], f"{where}.{name}")


def _required(names: list[str], value: Any, where: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (f"{where} lacks '{name}'" for name in names if name not in value)


def _items(rules: Schema, value: Any, where: str) -> Iterator[str]:
    for index, each in enumerate(value if isinstance(value, list) else ()):
        yield from _problems(rules, each, f"{where}[{index}]")


def _min_items(least: int, value: Any, where: str) -> Iterator[str]:
    if isinstance(value, list) and len(value) < least:
        yield f"{where} has {len(value)} items, and is to have {least} or more"


def _max_items(most: int, value: Any, where: str) -> Iterator[str]:
    if isinstance(value, list) and len(value) > most:
        yield f"{where} has {len(value)} items, and is to have {most} or fewer"


_RULES: Mapping[str, Callable[[Any, Any, str], Iterator[str]]] = {
    "$ref": _ref,
    "type": _type,
    "anyOf": _any_of,
    "enum": _enum,
    "const": lambda only, value, where: _enum([only], value, where),
    "pattern": _pattern,
    "properties": _properties,
    "required": _required,
    "items": _items,
    "minItems": _min_items,
    "maxItems": _max_items,
}
