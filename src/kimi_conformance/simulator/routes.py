"""
The simulated API: one request in, one answer out.

`reply_to` does no I/O, reads no clock and makes no random choice that the world's seed and
the request do not decide. It changes nothing but the world it is given: the caches in it, and
the number of answers given.

The order of refusals is the real one: path, then key, then body, then model, then the rest.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NoReturn
from urllib.parse import unquote

from kimi_conformance.editions import Edition, Formula
from kimi_conformance.simulator import (
    anthropic,
    batches,
    cache_tags,
    caching,
    files,
    formulas,
    openapi,
)
from kimi_conformance.simulator.cache_rules import (
    CREATE_CACHE_RULES,
    CREATE_TAG_RULES,
    MODIFY_CACHE_RULES,
)
from kimi_conformance.simulator.cache_tags import TAGS
from kimi_conformance.simulator.chat import chat
from kimi_conformance.simulator.chat_rules import ESTIMATE_RULES
from kimi_conformance.simulator.rules import Case, RuleTable
from kimi_conformance.simulator.world import CacheTag, World
from kimi_conformance.wire.exchange import Answer, Request

__all__ = [
    "BATCHES",
    "CACHING",
    "CHAT",
    "FILES",
    "FORMULAS",
    "MESSAGES",
    "OPENAPI",
    "ROUTES",
    "TAGS",
    "reply_to",
    "served",
]

CHAT = "/v1/chat/completions"
CACHING = "/v1/caching"
FILES = "/v1/files"
BATCHES = "/v1/batches"
FORMULAS = "/v1/formulas"
MESSAGES = "/anthropic/v1/messages"
OPENAPI = "/openapi.json"  # our own: the real API has no such path

Route = Callable[[World, float, Request, frozenset[str]], Answer]
Body = Mapping[str, Any]


def reply_to(
    request: Request, world: World, now: float, waived: frozenset[str] = frozenset()
) -> Answer:
    """What the API answers.

    Args:
        request: As it came off the wire, its path from "/v1" on.
        world: What the simulator knows; caches in it change, and `number` grows by one.
        now: Seconds since the Unix epoch.
        waived: The rules that are not asked, by name: faults waive some.
    """
    world.number += 1
    if (request.method, request.path) == ("GET", OPENAPI):
        return world.reply(now, openapi.document(world.edition, served(world.edition)))
    route = _find(request) if _is_offered(world.edition, request.path) else None
    if route is None:
        return _unknown_path(world, now, request)
    refused = _refused_key(world, request)
    if refused is not None and refused not in waived:
        return world.refuse(now, refused)
    try:
        return route(world, now, request, waived)
    except RecursionError:  # nested deeper than we can follow
        return world.refuse(now, "malformed_json")


def _refused_key(world: World, request: Request) -> str | None:
    """Why the key is refused, as the key of an error, or None: it is accepted."""
    given = request.header("Authorization") or ""
    if not given and request.path == MESSAGES:
        given = f"Bearer {request.header('x-api-key') or ''}"
    scheme, _, key = given.partition(" ")
    key = key.strip()
    if not key:
        return "no_key" if not scheme or scheme.lower() == "bearer" else "wrong_key"
    right = scheme.lower() == "bearer" and key == world.api_key
    return None if right else "wrong_key"


def _unknown_path(world: World, now: float, request: Request) -> Answer:
    """The one error of another shape: an unknown path, or a wrong method on a known one."""
    body = {
        "code": 5,
        "error": "url.not_found",
        "message": "没找到对象",
        "method": request.method,
        "scode": "0x5",
        "status": False,
        "ua": request.header("User-Agent") or "",
        "url": request.path,
    }
    return world.reply(now, body, status=404)


def _models(world: World, now: float, _: Request, __: frozenset[str]) -> Answer:
    item = world.edition.item
    data = []
    for model in world.edition.models:
        known = {
            **item.constants,
            "created": int(now),
            "id": model.id,
            "object": "model",
            "context_length": model.context_window,
            "supports_image_in": model.vision,
            "supports_video_in": model.video,
            "supports_reasoning": model.thinking,
            "supports_dynamic_tools": model.dynamic_tools,
            **model.item,
        }
        data.append({field: known[field] for field in item.fields if field in known})
    return world.reply(now, {"object": "list", "data": data})


def _balance(world: World, now: float, _: Request, __: frozenset[str]) -> Answer:
    data = world.account.shown
    return world.reply(now, {"code": 0, "data": data, "scode": "0x0", "status": True})


def _not_open(world: World, now: float, _: Request, __: frozenset[str]) -> Answer:
    return world.refuse(now, "not_open")


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


def _float(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse_constant(text)


_decode = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_float).decode


def _with_body(serve: Callable[[World, float, Request, Body, frozenset[str]], Answer]) -> Route:
    """A route whose request has a JSON object."""

    def route(world: World, now: float, request: Request, waived: frozenset[str]) -> Answer:
        try:
            body = _decode(request.body.decode())
        except ValueError:
            return world.refuse(now, "malformed_json")
        if not isinstance(body, dict):
            return world.refuse(now, "malformed_json")
        return serve(world, now, request, body, waived)

    return route


def _ruled(rules: RuleTable, serve: Callable[[World, float, Case], Answer]) -> Route:
    """A route that answers what breaks none of these rules."""

    def judged(world: World, now: float, _: Request, body: Body, waived: frozenset[str]) -> Answer:
        case = Case(body, world.edition, now)
        wrong = rules.broken(case, waived)
        return serve(world, now, case) if wrong is None else world.refuse(now, *wrong)

    return _with_body(judged)


def _estimate(world: World, now: float, case: Case) -> Answer:
    return world.reply(now, {"data": {"total_tokens": case.prompt}})


def _list(world: World, now: float, request: Request, _: frozenset[str]) -> Answer:
    return caching.listing(world, now, request.query)


def _show_tagged(world: World, now: float, tag: CacheTag) -> Answer:
    """As documented, the same as asking for the tag's cache by its id."""
    asks_for_cache = Request(method="GET", path=f"{CACHING}/{tag.cache_id}")
    return _show_cache(world, now, asks_for_cache, frozenset())


def _list_files(world: World, now: float, _: Request, __: frozenset[str]) -> Answer:
    return files.listing(world, now)


def _list_batches(world: World, now: float, request: Request, _: frozenset[str]) -> Answer:
    return batches.listing(world, now, request.query)


def _kept(where: str, missing: str, serve: Callable[[World, float, Any], Answer]) -> Route:
    """A route about one thing that the world keeps `where`; its id stands in the path."""

    def route(world: World, now: float, request: Request, _: frozenset[str]) -> Answer:
        id = request.path.split("/")[3]
        thing = getattr(world, where).get(id)
        if thing is None:
            return world.refuse(now, missing, {"id": id})
        return serve(world, now, thing)

    return route


_show_cache = _kept("caches", "cache_not_found", caching.show)


def _modify(world: World, now: float, request: Request, waived: frozenset[str]) -> Answer:
    def modify(world: World, now: float, cache: Any) -> Answer:
        def change(world: World, now: float, case: Case) -> Answer:
            return caching.modify(world, now, cache, case.body)

        return _ruled(MODIFY_CACHE_RULES, change)(world, now, request, waived)

    return _kept("caches", "cache_not_found", modify)(world, now, request, waived)


def _formula(serve: Callable[[World, float, Formula, Request, frozenset[str]], Answer]) -> Route:
    """A route about the official tool that the path names."""

    def route(world: World, now: float, request: Request, waived: frozenset[str]) -> Answer:
        uri = unquote("/".join(request.path.split("/")[3:5]))
        formula = formulas.find(world.edition, uri)
        if formula is None:
            return world.refuse(now, "formula_not_found", {"uri": uri})
        return serve(world, now, formula, request, waived)

    return route


def _tools(world: World, now: float, formula: Formula, _: Request, __: frozenset[str]) -> Answer:
    return formulas.tools(world, now, formula)


def _run(
    world: World, now: float, formula: Formula, request: Request, waived: frozenset[str]
) -> Answer:
    def judged(world: World, now: float, _: Request, body: Body, waived: frozenset[str]) -> Answer:
        case = Case({**body, "formula": formula.uri}, world.edition, now)
        wrong = formulas.FIBER_RULES.broken(case, waived)
        if wrong is not None:
            return world.refuse(now, *wrong)
        return formulas.run(world, now, formula, case)

    return _with_body(judged)(world, now, request, waived)


ROUTES: Mapping[tuple[str, str], Route] = {
    ("GET", "/v1/models"): _models,
    ("POST", CHAT): _with_body(chat),
    ("POST", "/v1/tokenizers/estimate-token-count"): _ruled(ESTIMATE_RULES, _estimate),
    ("GET", "/v1/users/me/balance"): _balance,
    ("POST", "/v1/embeddings"): _not_open,
    ("POST", CACHING): _ruled(CREATE_CACHE_RULES, caching.create),
    ("GET", CACHING): _list,
    ("GET", f"{CACHING}/{{id}}"): _show_cache,
    ("PUT", f"{CACHING}/{{id}}"): _modify,
    ("DELETE", f"{CACHING}/{{id}}"): _kept("caches", "cache_not_found", caching.delete),
    ("POST", TAGS): _ruled(CREATE_TAG_RULES, cache_tags.create),
    ("GET", TAGS): cache_tags.listing,
    ("GET", f"{TAGS}/{{tag}}"): cache_tags.named(cache_tags.show),
    ("GET", f"{TAGS}/{{tag}}/content"): cache_tags.named(_show_tagged),
    ("DELETE", f"{TAGS}/{{tag}}"): cache_tags.delete,
    ("POST", FILES): files.upload,
    ("GET", FILES): _list_files,
    ("GET", f"{FILES}/{{id}}"): _kept("files", "file_not_found", files.show),
    ("DELETE", f"{FILES}/{{id}}"): _kept("files", "file_not_found", files.delete),
    ("GET", f"{FILES}/{{id}}/content"): _kept("files", "file_not_found", files.content),
    ("POST", BATCHES): _ruled(batches.CREATE_BATCH_RULES, batches.create),
    ("GET", BATCHES): _list_batches,
    ("GET", f"{BATCHES}/{{id}}"): _kept("batches", "batch_not_found", batches.show),
    ("POST", f"{BATCHES}/{{id}}/cancel"): _kept("batches", "batch_not_found", batches.cancel),
    ("GET", f"{FORMULAS}/{{uri}}/tools"): _formula(_tools),
    ("POST", f"{FORMULAS}/{{uri}}/fibers"): _formula(_run),
    ("POST", MESSAGES): _with_body(anthropic.messages),
}
"""What is served, by method and path; `{id}` and `{tag}` are one segment, `{uri}` two."""

_SEGMENTS = {"{id}": "[^/]+", "{tag}": "[^/]+", "{uri}": "[^/]+/[^/]+"}
_PATTERNS = [
    (
        method,
        re.compile("".join(_SEGMENTS.get(p, re.escape(p)) for p in re.split(r"({\w+})", path))),
        route,
    )
    for (method, path), route in ROUTES.items()
    if "{" in path
]
_PART_OF_EDITIONS = {
    CACHING: "caching",
    FILES: "files",
    BATCHES: "batches",
    FORMULAS: "formulas",
    MESSAGES: "messages",
}


def _find(request: Request) -> Route | None:
    route = ROUTES.get((request.method, request.path))
    if route is not None and "{" not in request.path:
        return route
    for method, pattern, served_by in _PATTERNS:
        if method == request.method and pattern.fullmatch(request.path):
            return served_by
    return None


@lru_cache(maxsize=256)
def _is_offered(edition: Edition, path: str) -> bool:
    """Whether the edition has what this path belongs to."""
    parts = (name for start, name in _PART_OF_EDITIONS.items() if path.startswith(start))
    return all(getattr(edition, name) for name in parts)


def served(edition: Edition) -> list[tuple[str, str]]:
    """Method and path of everything that an edition offers, in the order of the table."""
    return [(method, path) for method, path in ROUTES if _is_offered(edition, path)]
