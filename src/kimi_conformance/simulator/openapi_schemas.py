"""
The JSON schemas of the simulator's OpenAPI document, from its rules and the edition.

What a field may be is asked of the rules themselves: a value that is of no JSON type breaks
each rule about a type, and its words name the type that was expected. Numbers, words and
lengths are the edition's. A field that no rule judges is not in the schema: it is ignored.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from kimi_conformance.editions import Edition
from kimi_conformance.simulator.rules import Case, RuleTable

__all__ = [
    "Schema",
    "answers",
    "families",
    "fiber",
    "message_body",
    "models",
    "of_body",
    "segment",
    "upload",
]

JSON = "application/json"
HELLO = {"role": "user", "content": "Hello."}
Schema = Mapping[str, Any]

_OF_NO_TYPE = object()
_TEXT: Schema = {"type": "string"}
_WHOLE: Schema = {"type": "integer"}
_NUMBER: Schema = {"type": "number"}
_FLAG: Schema = {"type": "boolean"}
_TABLE: Schema = {"type": "object"}
_TABLES: Schema = {"type": "array", "items": _TABLE}
_TYPES: Mapping[str, Schema] = {
    "bool": _FLAG,
    "int": _WHOLE,
    "float": _NUMBER,
    "string": _TEXT,
    "[]object": _TABLES,
    "[]string": {"type": "array", "items": _TEXT},
    "object": _TABLE,
    "string or []string": {"type": ["string", "array"], "items": _TEXT},
    "string or object": {"type": ["string", "object"]},
}


def of_body(edition: Edition, rules: RuleTable, required: Iterable[str], models: Schema) -> Schema:
    """The schema of a body that rules judge.

    Args:
        edition: Whose limits count.
        rules: All that may be wrong with it.
        required: The fields that it must have.
        models: What its `model` may be.
    """
    fields = {
        name: _or_null(_narrowed(edition, name, _TYPES[expected]))
        for name, expected in _expected(edition, rules).items()
        if name not in {"model", "messages"}
    }
    if "messages" in required:
        conversation = {"type": "array", "items": _message(edition), "minItems": 1}
        fields = {"model": models, "messages": conversation, **fields}
    return {"type": "object", "properties": fields, "required": list(required)}


def message_body(edition: Edition) -> Schema:
    """The body of a message on the Anthropic face: what is translated into fields of a chat."""
    said = {"role": one_of("user", "assistant"), "content": {"type": ["string", "array", "null"]}}
    turn = {"type": "object", "properties": said, "required": ["role"]}
    fields = {
        "model": models(edition),
        "messages": {"type": "array", "items": {**turn, "examples": [HELLO]}, "minItems": 1},
        "max_tokens": _or_null(_WHOLE),
        "stream": _or_null(_FLAG),
    }
    return {"type": "object", "properties": fields, "required": ["model", "messages"]}


def _or_null(schema: Schema) -> Schema:
    """Null is as good as absent."""
    kinds = schema.get("type", [])
    return {**schema, "type": [*([kinds] if isinstance(kinds, str) else kinds), "null"]}


def models(edition: Edition) -> Schema:
    """What a chat may ask."""
    return one_of(*(model.id for model in edition.models))


def families(edition: Edition) -> Schema:
    """What a cache may be made for."""
    return one_of(*edition.caching.families) if edition.caching else _TEXT


def fiber(edition: Edition) -> Schema:
    """The body of a run of an official tool."""
    names = [formula.name for formula in edition.formulas]
    arguments = {"type": "string", "contentMediaType": JSON, "examples": ["{}"]}
    return record(name=one_of(*names), arguments=arguments)


def segment(edition: Edition, name: str) -> Schema:
    """What may stand in a path: an official tool's name in two parts, or an id."""
    parts = [formula.uri.split("/") for formula in edition.formulas]
    known = {"owner": [part[0] for part in parts], "name": [part[1] for part in parts]}
    if name in known:
        return one_of(*dict.fromkeys(known[name]))
    if name == "tag":  # whatever it is, deleting it succeeds
        return {"type": "string", "minLength": 1}
    return {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}


def _expected(edition: Edition, rules: RuleTable) -> Mapping[str, str]:
    """The type of each field that has a rule about its type, as the rule words it."""
    found = {}
    for rule in rules:
        if rule.about is not None and rule.name == f"{rule.about}_type":
            fills = next(rule.find(Case({rule.about: _OF_NO_TYPE}, edition)))
            found[rule.about] = str(fills["expected"])
    return found


def _narrowed(edition: Edition, name: str, schema: Schema) -> Schema:
    """A field's type within the edition's limits."""
    limits = edition.limits
    if name in limits.ranges:
        low, high = limits.ranges[name]
        return {**schema, "minimum": low, "maximum": high}
    tag = {"pattern": edition.caching.tag} if edition.caching else {}
    narrower: Mapping[str, Schema] = {
        "tag": {**schema, **tag},
        "tags": {**schema, "items": {**_TEXT, **tag}},
        "stop": {**schema, "maxItems": limits.stops},
        "tools": {**schema, "maxItems": limits.tools},
        "response_format": {
            "type": "object",
            "properties": {"type": {"enum": list(limits.response_formats)}},
        },
    }
    return narrower.get(name, schema)


def _message(edition: Edition) -> Schema:
    roles = list(edition.limits.roles) + (["cache"] if edition.caching else [])
    return {
        "type": "object",
        "properties": {"role": {"enum": roles}, "content": {"type": ["string", "array", "null"]}},
        "required": ["role"],
        "examples": [HELLO],
    }


def upload(edition: Edition) -> Schema:
    """The form of an upload."""
    purposes = list(edition.files.purposes) if edition.files else []
    fields = {
        "file": {"type": "string", "format": "binary", "minLength": 1},
        "purpose": {"enum": purposes},
    }
    return {"type": "object", "properties": fields, "required": ["file", "purpose"]}


def record(**fields: Schema) -> Schema:
    """An object with these fields, and perhaps more."""
    return {"type": "object", "properties": fields, "required": list(fields)}


def one_of(*words: object) -> Schema:
    """One of these words."""
    return {"enum": list(words)}


def _list_of(schema: Schema) -> Schema:
    return record(object=one_of("list"), data={"type": "array", "items": schema})


def _deleted(kind: str) -> Schema:
    return record(deleted=one_of(True), id=_TEXT, object=one_of(kind))


_MAYBE_TEXT: Schema = {"type": ["string", "null"]}
_MAYBE_WHEN: Schema = {"type": ["integer", "null"]}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_USAGE = record(prompt_tokens=_COUNT, completion_tokens=_COUNT, total_tokens=_COUNT)
_FINISHED = one_of("stop", "length", "tool_calls")
_MESSAGE = record(role=one_of("assistant"), content=_MAYBE_TEXT)
_CHOICE = record(index=_COUNT, message=_MESSAGE, finish_reason=_FINISHED)
_FILE = record(
    id=_TEXT,
    object=one_of("file"),
    bytes=_COUNT,
    created_at=_COUNT,
    filename=_TEXT,
    purpose=_TEXT,
    status=_TEXT,
)
_CACHE = record(
    id=_TEXT,
    status=one_of("pending", "ready", "error", "inactive"),
    object=one_of("context-cache"),
    created_at=_COUNT,
    tokens=_COUNT,
    expired_at=_COUNT,
    model=_TEXT,
    messages=_TABLES,
    tools={"type": "array"},
)
_TAG = record(
    cache_id=_TEXT, created_at=_COUNT, object=one_of("cache_object.tag"), owned_by=_TEXT, tag=_TEXT
)
_BATCH = record(
    id=_TEXT,
    object=one_of("batch"),
    endpoint=_TEXT,
    input_file_id=_TEXT,
    completion_window=_TEXT,
    status=one_of(
        "validating",
        "failed",
        "in_progress",
        "finalizing",
        "completed",
        "expired",
        "cancelling",
        "cancelled",
    ),
    output_file_id=_MAYBE_TEXT,
    error_file_id=_MAYBE_TEXT,
    created_at=_COUNT,
    completed_at=_MAYBE_WHEN,
    request_counts=record(completed=_COUNT, failed=_COUNT, total=_COUNT),
    metadata={"type": ["object", "null"]},
)
_BALANCE = record(available_balance=_NUMBER, voucher_balance=_NUMBER, cash_balance=_NUMBER)

_ANSWERS: Mapping[str, Schema] = {
    "Batch": _BATCH,
    "BatchList": {**_list_of(_BATCH), "required": ["object", "data", "has_more"]},
    "Balance": record(code=_WHOLE, data=_BALANCE, scode=_TEXT, status=_FLAG),
    "Cache": _CACHE,
    "CacheDeleted": _deleted("context_cache_object.deleted"),
    "CacheList": _list_of(_CACHE),
    "Completion": record(
        id=_TEXT,
        object=one_of("chat.completion"),
        created=_COUNT,
        model=_TEXT,
        choices={"type": "array", "items": _CHOICE, "minItems": 1},
        usage=_USAGE,
    ),
    "Error": record(error=record(message=_TEXT, type=_TEXT)),
    "Estimate": record(data=record(total_tokens=_COUNT)),
    "Fiber": record(
        object=one_of("fiber"), status=one_of("succeeded"), context=record(input=_TEXT)
    ),
    "File": _FILE,
    "FileDeleted": _deleted("file"),
    "FileList": _list_of(_FILE),
    "Message": record(
        id=_TEXT,
        type=one_of("message"),
        role=one_of("assistant"),
        model=_TEXT,
        content=_TABLES,
        stop_reason=one_of("end_turn", "max_tokens", "tool_use"),
        usage=record(input_tokens=_COUNT, output_tokens=_COUNT),
    ),
    "Tag": _TAG,
    "TagDeleted": record(
        deleted=one_of(True), object=one_of("cache_object.tag.deleted"), tag=_TEXT
    ),
    "TagList": _list_of(_TAG),
    "Tools": record(tools=_TABLES),
    "UnknownPath": record(code=_WHOLE, error=one_of("url.not_found"), method=_TEXT, url=_TEXT),
}


def answers(edition: Edition) -> Mapping[str, Schema]:
    """What answers hold, by the name that the document gives it; more fields are allowed."""
    listed = record(id=models(edition), object=one_of("model"))
    return {**_ANSWERS, "ModelList": _list_of(listed)}
