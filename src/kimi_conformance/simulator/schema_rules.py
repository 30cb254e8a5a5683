"""
What a JSON schema must not be to be taken for a tool or a response: Moonshot's own flavour.

It is narrower than the standard, so that any value it allows can be generated. Of its limits
those are here that a client meets: keywords that are not offered, references to elsewhere, a
type beside `anyOf`, items that are no schema, required properties that are not defined.

Source: the official validator (2026-06); refusals of the live API in public issue threads.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from kimi_conformance.simulator.rules import Case, Fills, Rule, is_of

__all__ = ["SCHEMA_RULES", "flaws"]

DEEPEST = 30
MOST_VALUES = 1000  # of an enum
NOT_OFFERED = (
    "oneOf",
    "allOf",
    "not",
    "prefixItems",
    "patternProperties",
    "format",
    "exclusiveMinimum",
    "exclusiveMaximum",
)
_SAY_WHAT = ("type", "anyOf", "$ref", "enum", "const")


def flaws(schema: Any) -> Iterator[tuple[str, str]]:
    """What is wrong with a schema: where, and in the validator's words; {} is taken."""
    if schema:
        yield from _flaws(schema, "", 1)


def _flaws(schema: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if not isinstance(schema, Mapping):
        yield path, "schema must be an object"
        return
    if depth > DEEPEST:
        yield path, "schema depth exceeds maximum limit"
        return
    for keyword in NOT_OFFERED:
        if keyword in schema:
            yield path, f"keyword '{keyword}' is not supported"
    yield from ((path, text) for text in _own_flaws(schema))
    for step, inner in _within(schema):
        yield from _flaws(inner, f"{path}.{step}" if path else step, depth + 1)


def _own_flaws(schema: Mapping[str, Any]) -> Iterator[str]:
    reference, values = schema.get("$ref"), schema.get("enum")
    if not any(key in schema for key in _SAY_WHAT):
        yield "type is not defined"
    if "anyOf" in schema and "type" in schema:
        yield (
            "when using anyOf, type should be defined in anyOf items instead of the parent schema"
        )
    if isinstance(reference, str) and reference != "#" and not reference.startswith("#/$defs/"):
        yield "references must start with #/$defs/"
    if "items" in schema and not isinstance(schema["items"], Mapping):
        yield "items must be an object"
    if isinstance(values, list) and len(values) > MOST_VALUES:
        yield "enum exceeds maximum limit"
    required, properties = schema.get("required"), schema.get("properties")
    defined = properties if isinstance(properties, Mapping) else {}
    for name in required if isinstance(required, list) else ():
        if name not in defined:
            yield f"required property '{name}' is not defined in properties"


def _within(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for keyword in ("properties", "$defs"):
        inner = schema.get(keyword)
        if isinstance(inner, Mapping):
            yield from ((f"{keyword}.{name}", each) for name, each in inner.items())
    if isinstance(schema.get("items"), Mapping):
        yield "items", schema["items"]
    choices = schema.get("anyOf")
    for number, each in enumerate(choices if isinstance(choices, list) else ()):
        yield f"anyOf.{number}", each


def _flawed_parameters(case: Case) -> Iterator[Fills]:
    for tool in case.tools:
        function = tool.get("function") if isinstance(tool, dict) else None
        if isinstance(function, dict) and function.get("strict") is not False:
            for path, detail in flaws(function.get("parameters")):
                yield {"what": "tools.function.parameters", "path": path, "detail": detail}


def _asked_schema(case: Case) -> Mapping[str, Any] | None:
    """`response_format.json_schema`, {} where there is none; None: no schema is asked for."""
    form = case.body.get("response_format")
    if not isinstance(form, dict) or form.get("type") != "json_schema":
        return None
    asked = form.get("json_schema")
    return asked if isinstance(asked, dict) else {}


def _incomplete_schema(case: Case) -> Iterator[Fills]:
    asked = _asked_schema(case)
    if asked is None:
        return
    for field, expected in (("name", "string"), ("schema", "object")):
        if asked.get(field) is None or not is_of(asked[field], expected):
            yield {"field": field}


def _flawed_schema(case: Case) -> Iterator[Fills]:
    asked = _asked_schema(case)
    if asked is not None and asked.get("strict") is not False:
        for path, detail in flaws(asked.get("schema")):
            yield {"what": "response_format.json_schema", "path": path, "detail": detail}


SCHEMA_RULES = (
    Rule("parameters_flawed", "schema_flawed", _flawed_parameters, about="tools"),
    Rule(
        "response_schema_missing",
        "response_schema_missing",
        _incomplete_schema,
        about="response_format",
    ),
    Rule("response_schema_flawed", "schema_flawed", _flawed_schema, about="response_format"),
)
