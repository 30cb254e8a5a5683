"""
The OpenAPI 3.1 document of the simulated API, made from what it serves.

Paths come from the route table, the statuses of refusals from the rules and the edition's
words, the bounds of requests from its limits: so the document says what the simulator does,
and `schemathesis` holds it to that.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kimi_conformance.editions import Edition
from kimi_conformance.simulator import openapi_schemas as schemas
from kimi_conformance.simulator.batches import CREATE_BATCH_RULES
from kimi_conformance.simulator.cache_rules import (
    CREATE_CACHE_RULES,
    CREATE_TAG_RULES,
    MODIFY_CACHE_RULES,
)
from kimi_conformance.simulator.chat_rules import CHAT_RULES, ESTIMATE_RULES
from kimi_conformance.simulator.files import UPLOAD_RULES
from kimi_conformance.simulator.formulas import FIBER_RULES
from kimi_conformance.simulator.rules import RuleTable

__all__ = ["document"]

JSON, EVENTS, TEXT = "application/json", "text/event-stream", "text/plain"
FORM = "multipart/form-data"
KEY = ("no_key", "wrong_key")
BODY = ("malformed_json",)
ACCOUNT = ("no_balance", "max_rpm", "max_concurrency", "max_tpm", "max_tpd", "cache_not_found")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Operation:
    """What the document says of one route.

    Attributes:
        summary: What it does.
        answer: The name of the schema of its answer, or None: it has none in JSON.
        rules: What its body is judged by.
        required: The fields that its body must have.
        errors: The keys of its errors besides those of the key and of the rules.
        streams: Whether it may answer with an event stream.
        query: Its query parameters.
    """

    summary: str
    answer: str | None = None
    rules: RuleTable | None = None
    required: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    streams: bool = False
    query: tuple[str, ...] = ()


_PAGES = ("limit", "after")
_ORDERED_PAGES = ("limit", "order", "after", "before")
_OPERATIONS: Mapping[tuple[str, str], _Operation] = {
    ("GET", "/v1/models"): _Operation(summary="List models", answer="ModelList"),
    ("POST", "/v1/chat/completions"): _Operation(
        summary="Create a chat completion",
        answer="Completion",
        rules=CHAT_RULES,
        required=("model", "messages"),
        errors=ACCOUNT,
        streams=True,
    ),
    ("POST", "/v1/tokenizers/estimate-token-count"): _Operation(
        summary="Estimate the tokens of a prompt",
        answer="Estimate",
        rules=ESTIMATE_RULES,
        required=("model", "messages"),
    ),
    ("GET", "/v1/users/me/balance"): _Operation(summary="Check the balance", answer="Balance"),
    ("POST", "/v1/embeddings"): _Operation(summary="Not offered", errors=("not_open",)),
    ("POST", "/v1/caching"): _Operation(
        summary="Create a context cache",
        answer="Cache",
        rules=CREATE_CACHE_RULES,
        required=("model", "messages"),
    ),
    ("GET", "/v1/caching"): _Operation(
        summary="List context caches",
        answer="CacheList",
        query=_ORDERED_PAGES,
    ),
    ("GET", "/v1/caching/{id}"): _Operation(
        summary="Show a context cache", answer="Cache", errors=("cache_not_found",)
    ),
    ("PUT", "/v1/caching/{id}"): _Operation(
        summary="Change a context cache",
        answer="Cache",
        rules=MODIFY_CACHE_RULES,
        errors=("cache_not_found",),
    ),
    ("DELETE", "/v1/caching/{id}"): _Operation(
        summary="Delete a context cache", answer="CacheDeleted", errors=("cache_not_found",)
    ),
    ("POST", "/v1/caching/refs/tags"): _Operation(
        summary="Give a tag to a context cache",
        answer="Tag",
        rules=CREATE_TAG_RULES,
        required=("tag", "cache_id"),
        errors=("cache_not_found",),
    ),
    ("GET", "/v1/caching/refs/tags"): _Operation(
        summary="List tags", answer="TagList", query=_ORDERED_PAGES
    ),
    ("GET", "/v1/caching/refs/tags/{tag}"): _Operation(
        summary="Show a tag", answer="Tag", errors=("cache_tag_not_found",)
    ),
    ("GET", "/v1/caching/refs/tags/{tag}/content"): _Operation(
        summary="Show the context cache of a tag", answer="Cache", errors=("cache_tag_not_found",)
    ),
    ("DELETE", "/v1/caching/refs/tags/{tag}"): _Operation(
        summary="Delete a tag", answer="TagDeleted"
    ),
    ("POST", "/v1/files"): _Operation(
        summary="Upload a file", answer="File", rules=UPLOAD_RULES, errors=("malformed_form",)
    ),
    ("GET", "/v1/files"): _Operation(summary="List files", answer="FileList"),
    ("GET", "/v1/files/{id}"): _Operation(
        summary="Show a file", answer="File", errors=("file_not_found",)
    ),
    ("DELETE", "/v1/files/{id}"): _Operation(
        summary="Delete a file", answer="FileDeleted", errors=("file_not_found",)
    ),
    ("GET", "/v1/files/{id}/content"): _Operation(
        summary="Read a file", errors=("file_not_found",)
    ),
    ("POST", "/v1/batches"): _Operation(
        summary="Create a batch",
        answer="Batch",
        rules=CREATE_BATCH_RULES,
        required=("input_file_id", "endpoint", "completion_window"),
        errors=("batch_input",),
    ),
    ("GET", "/v1/batches"): _Operation(summary="List batches", answer="BatchList", query=_PAGES),
    ("GET", "/v1/batches/{id}"): _Operation(
        summary="Show a batch", answer="Batch", errors=("batch_not_found",)
    ),
    ("POST", "/v1/batches/{id}/cancel"): _Operation(
        summary="Cancel a batch", answer="Batch", errors=("batch_not_found", "batch_over")
    ),
    ("GET", "/v1/formulas/{uri}/tools"): _Operation(
        summary="Show the functions of an official tool",
        answer="Tools",
        errors=("formula_not_found",),
    ),
    ("POST", "/v1/formulas/{uri}/fibers"): _Operation(
        summary="Run an official tool",
        answer="Fiber",
        rules=FIBER_RULES,
        required=("name", "arguments"),
        errors=("formula_not_found",),
    ),
    ("POST", "/anthropic/v1/messages"): _Operation(
        summary="Create a message, as on Anthropic's API",
        answer="Message",
        rules=CHAT_RULES,
        required=("model", "messages"),
        errors=ACCOUNT,
        streams=True,
    ),
}


def document(edition: Edition, served: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The document of an edition.

    Args:
        edition: Whose limits and words count.
        served: Method and path of each route, as in the route table.
    """
    paths: dict[str, dict[str, Any]] = {}
    routes = list(served)
    for method, path in routes:
        operation = _OPERATIONS[method, path]
        described = _described(edition, method, path, operation)
        if method == "POST" and (links := _links(path, routes)):
            described["responses"]["200"]["links"] = links
        paths.setdefault(_split(path), {})[method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": "Kimi API, simulated", "version": edition.name},
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas.answers(edition),
        },
    }


def _split(path: str) -> str:
    """A template whose parameters are one segment each."""
    return path.replace("{uri}", "{owner}/{name}")


def _described(edition: Edition, method: str, path: str, operation: _Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": _name(method, path),
        "summary": operation.summary,
        "responses": _responses(edition, path, operation),
    }
    parameters = [*_in_path(edition, _split(path)), *_in_query(operation)]
    if parameters:
        described["parameters"] = parameters
    if (body := _body(edition, path, method, operation)) is not None:
        described["requestBody"] = {"required": True, "content": body}
    return described


def _links(path: str, routes: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """From what creates a thing to all that can be done with it."""
    return {
        _name(method, other): {
            "operationId": _name(method, other),
            "parameters": {name: f"$response.body#/{name}"},
        }
        for method, other in routes
        for name in ("id", "tag")
        if other.startswith(f"{path}/{{{name}}}")
    }


def _name(method: str, path: str) -> str:
    return re.sub(r"[^a-z]+", "-", f"{method} {path}".lower()).strip("-")


def _in_path(edition: Edition, path: str) -> Iterable[dict[str, Any]]:
    for part in path.split("/"):
        if part.startswith("{"):
            name = part.strip("{}")
            schema = schemas.segment(edition, name)
            yield {"name": name, "in": "path", "required": True, "schema": schema}


def _in_query(operation: _Operation) -> Iterable[dict[str, Any]]:
    for name in operation.query:
        yield {"name": name, "in": "query", "required": False, "schema": {"type": "string"}}


def _body(edition: Edition, path: str, method: str, operation: _Operation) -> Any:
    if (method, path) == ("POST", "/v1/files"):
        return {FORM: {"schema": schemas.upload(edition)}}
    if operation.rules is None:
        return None
    if path.endswith("/fibers"):
        return {JSON: {"schema": schemas.fiber(edition)}}
    if operation.answer == "Message":
        return {JSON: {"schema": schemas.message_body(edition)}}
    of_caches = operation.answer == "Cache"
    models = schemas.families(edition) if of_caches else schemas.models(edition)
    schema = schemas.of_body(edition, operation.rules, operation.required, models)
    return {JSON: {"schema": schema}}


def _responses(edition: Edition, path: str, operation: _Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    if operation.answer is not None:
        content = {JSON: {"schema": _named(operation.answer)}}
        if operation.streams:
            content[EVENTS] = {"schema": {"type": "string"}}
        responses["200"] = {"description": operation.summary, "content": content}
    elif path.endswith("/content"):
        content = {TEXT: {"schema": {"type": "string"}}}
        responses["200"] = {"description": operation.summary, "content": content}
    for status, words in sorted(_refusals(edition, operation).items()):
        responses[str(status)] = {
            "description": " / ".join(sorted(words)),
            "content": {JSON: {"schema": _named("Error")}},
        }
    return responses


def _refusals(edition: Edition, operation: _Operation) -> Mapping[int, set[str]]:
    """The statuses that it may refuse with, and the types of error of each."""
    keys = {*KEY, *operation.errors}
    if operation.rules is not None:
        keys |= {*BODY, *(rule.error for rule in operation.rules)}
    found: dict[int, set[str]] = {}
    for key in keys & edition.errors.keys():
        error = edition.errors[key]
        found.setdefault(error.status, set()).add(error.type)
    return found


def _named(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
