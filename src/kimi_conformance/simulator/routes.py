"""
The simulated API: one request in, one answer out.

`reply_to` does no I/O, reads no clock and makes no random choice that the world's seed and
the request do not decide. It changes nothing but the world it is given: the caches in it, and
the number of answers given.

The order of refusals is the real one: path, then key, then body, then model, then the rest.
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from kimi_conformance.simulator import caching
from kimi_conformance.simulator.cache_rules import CREATE_CACHE_RULES, MODIFY_CACHE_RULES
from kimi_conformance.simulator.chat import chat
from kimi_conformance.simulator.chat_rules import ESTIMATE_RULES
from kimi_conformance.simulator.rules import Case, RuleTable
from kimi_conformance.simulator.world import World
from kimi_conformance.wire.exchange import Answer, Request

__all__ = ["CACHING", "CHAT", "ROUTES", "reply_to"]

CHAT = "/v1/chat/completions"
CACHING = "/v1/caching"

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
    route = ROUTES.get((request.method, request.path)) or _route_of_one_cache(request)
    if route is None or (world.edition.caching is None and request.path.startswith(CACHING)):
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
    scheme, _, key = (request.header("Authorization") or "").partition(" ")
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
            "supports_reasoning": model.thinking,
        }
        data.append({field: known[field] for field in item.fields})
    return world.reply(now, {"object": "list", "data": data})


def _balance(world: World, now: float, _: Request, __: frozenset[str]) -> Answer:
    """A debt shows as negative cash; then what is available is the vouchers, here none."""
    cash = world.balance
    data = {"available_balance": max(cash, 0), "voucher_balance": 0, "cash_balance": cash}
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


ROUTES: Mapping[tuple[str, str], Route] = {
    ("GET", "/v1/models"): _models,
    ("POST", CHAT): _with_body(chat),
    ("POST", "/v1/tokenizers/estimate-token-count"): _ruled(ESTIMATE_RULES, _estimate),
    ("GET", "/v1/users/me/balance"): _balance,
    ("POST", "/v1/embeddings"): _not_open,
    ("POST", CACHING): _ruled(CREATE_CACHE_RULES, caching.create),
    ("GET", CACHING): _list,
}


def _show(world: World, now: float, request: Request, _: frozenset[str]) -> Answer:
    return caching.show(world, now, world.caches[_cache_id(request)])


def _delete(world: World, now: float, request: Request, _: frozenset[str]) -> Answer:
    return caching.delete(world, now, world.caches[_cache_id(request)])


def _modify(world: World, now: float, request: Request, waived: frozenset[str]) -> Answer:
    def change(world: World, now: float, case: Case) -> Answer:
        return caching.modify(world, now, world.caches[_cache_id(request)], case.body)

    return _ruled(MODIFY_CACHE_RULES, change)(world, now, request, waived)


_ON_ONE_CACHE: Mapping[str, Route] = {"GET": _show, "PUT": _modify, "DELETE": _delete}


def _cache_id(request: Request) -> str:
    return request.path.removeprefix(f"{CACHING}/")


def _route_of_one_cache(request: Request) -> Route | None:
    serve = _ON_ONE_CACHE.get(request.method)
    id = _cache_id(request)
    if serve is None or not request.path.startswith(f"{CACHING}/") or not id or "/" in id:
        return None

    def route(world: World, now: float, request: Request, waived: frozenset[str]) -> Answer:
        if id not in world.caches:
            return world.refuse(now, "cache_not_found", {"id": id})
        return serve(world, now, request, waived)

    return route
