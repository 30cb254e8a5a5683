"""
Explicit context caching: `/v1/caching`, and how a chat uses a cache. Tags: `cache_tags`.

A cache serves a chat when the chat's model belongs to the cache's family, the first messages
deep-equal the cached ones and the tools equal the cached tools. The order of keys in an
object makes no difference; the order in lists and the form of Unicode do. No tools, null and
an empty list are the same. Anything else is a miss, which is no error: the chat runs without
the cache and its answer lacks the cache's headers.

Source: context-caching page of 2024-06, API reference of 2025. What an error looks like is
documented for none of these; the edition's texts say which words are assumed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kimi_conformance.simulator import cache_tags, tokens
from kimi_conformance.simulator.pages import page_of, read_query
from kimi_conformance.simulator.rules import Case
from kimi_conformance.simulator.world import Cache, World
from kimi_conformance.wire.exchange import Answer, Headers, Request

__all__ = ["Use", "create", "delete", "listing", "look_up", "modify", "named", "show"]


@dataclass(frozen=True, slots=True)
class Use:
    """A cache that serves a chat.

    Attributes:
        cache: After its expiry was reset, where that was asked for.
        dry_run: Whether the chat only wants to know that it would.
    """

    cache: Cache
    dry_run: bool

    @property
    def headers(self) -> Headers:
        """What the answer to the chat carries."""
        return (
            ("Msh-Context-Cache-Id", self.cache.id),
            ("Msh-Context-Cache-Token-Saved", str(self.cache.tokens)),
            ("Msh-Context-Cache-Token-Exp", str(self.cache.expired_at)),
        )


def fingerprint(messages: Sequence[Any], listed_tools: Sequence[Any]) -> str:
    """Equal for deep-equal messages and tools: canonical JSON, its keys sorted."""
    return json.dumps([list(messages), list(listed_tools)], sort_keys=True)


def create(world: World, now: float, case: Case) -> Answer:
    """POST /v1/caching, of a body that broke no rule."""
    rules = world.edition.caching
    assert rules is not None
    body, messages, listed = case.body, list(case.messages), list(case.tools)
    metadata, tags = body.get("metadata"), body.get("tags")
    size = tokens.of_messages(messages) + tokens.of_tools(listed)
    cache = Cache(
        id=f"cache-{world.digest('cache', 10)}",
        model=str(body.get("model") or ""),
        messages=messages,
        tools=listed,
        name=body.get("name") or "",
        description=body.get("description") or "",
        metadata=metadata if isinstance(metadata, dict) else {},
        created_at=int(now),
        expired_at=_expiry(body, now) or int(now) + rules.default_ttl,
        ready_at=now + world.cache_pending,
        tokens=size,
        fingerprint=fingerprint(messages, listed),
        too_large=size > rules.max_tokens,
    )
    world.caches[cache.id] = cache
    for name in tags if isinstance(tags, list) else ():
        cache_tags.give(world, now, str(name), cache.id)
    return show(world, now, cache)


def modify(world: World, now: float, cache: Cache, body: Mapping[str, Any]) -> Answer:
    """PUT /v1/caching/{id}: an update makes a cache pending anew, also one that was inactive."""
    changed = replace(
        cache,
        expired_at=_expiry(body, now) or cache.expired_at,
        metadata=body.get("metadata") or cache.metadata,
        ready_at=now + world.cache_pending,
    )
    world.caches[cache.id] = changed
    return show(world, now, changed)


def delete(world: World, now: float, cache: Cache) -> Answer:
    """DELETE /v1/caching/{id}: its tags go with it."""
    world.caches.pop(cache.id, None)
    cache_tags.drop_of(world, cache.id)
    deleted = {"deleted": True, "id": cache.id, "object": "context_cache_object.deleted"}
    return world.reply(now, deleted)


def show(world: World, now: float, cache: Cache) -> Answer:
    """GET /v1/caching/{id}."""
    return world.reply(now, _shown(world, now, cache))


def listing(world: World, now: float, query: str) -> Answer:
    """GET /v1/caching: `limit`, `order`, `after` and `before` (both exclusive), `metadata[k]`."""
    asked = read_query(query)
    wanted = {
        key.removeprefix("metadata[").removesuffix("]"): value
        for key, value in asked.items()
        if key.startswith("metadata[")
    }
    caches = {
        id: cache
        for id, cache in world.caches.items()
        if all(cache.metadata.get(key) == value for key, value in wanted.items())
    }
    shown = [_shown(world, now, cache) for cache in page_of(caches, asked)]
    return world.reply(now, {"object": "list", "data": shown})


def look_up(world: World, now: float, request: Request, case: Case) -> Use | None:
    """The cache that a chat names in its headers, if it serves it."""
    id = request.header("X-Msh-Context-Cache")
    cache = world.caches.get(id) if id else None
    if cache is None or not _serves(world, cache, case):
        return None
    ttl = request.header("X-Msh-Context-Cache-Reset-TTL")
    dry_run = request.header("X-Msh-Context-Cache-DryRun") == "1"
    return _use(world, now, cache, ttl, dry_run=dry_run)


def named(world: World, now: float, content: str, model: Any) -> Use | None:
    """The cache that a message of the role cache names, if it can be used for the model.

    The content of such a message: "cache_id=cache-…;reset_ttl=3600;dry_run=1", or "tag=…;…".
    """
    asked = dict(item.partition("=")[::2] for item in content.split(";"))
    tag = world.tags.get(asked.get("tag", ""))
    cache = world.caches.get(tag.cache_id if tag else asked.get("cache_id", ""))
    if cache is None or not _is_of_family(world, cache, model):
        return None
    return _use(world, now, cache, asked.get("reset_ttl"), dry_run=asked.get("dry_run") == "1")


def _use(world: World, now: float, cache: Cache, ttl: str | None, *, dry_run: bool) -> Use | None:
    """Reset the expiry to now + ttl, which revives an inactive cache, and see if it is ready."""
    if ttl is not None and ttl.isdecimal() and ttl.isascii() and int(ttl) > 0:
        revived = cache.status(now) == "inactive"
        ready_at = now + world.cache_pending if revived else cache.ready_at
        cache = replace(cache, expired_at=int(now) + int(ttl), ready_at=ready_at)
        world.caches[cache.id] = cache
    return Use(cache, dry_run) if cache.status(now) == "ready" else None


def _serves(world: World, cache: Cache, case: Case) -> bool:
    start = case.messages[: len(cache.messages)]
    return (
        _is_of_family(world, cache, case.body.get("model"))
        and fingerprint(start, case.tools) == cache.fingerprint
    )


def _is_of_family(world: World, cache: Cache, model: Any) -> bool:
    rules = world.edition.caching
    return rules is not None and model in rules.families.get(cache.model, ())


def _expiry(body: Mapping[str, Any], now: float) -> int | None:
    """When a cache is to expire, or None: the body does not say."""
    ttl, expired_at = body.get("ttl"), body.get("expired_at")
    if type(ttl) is int and ttl > 0:
        return int(now) + ttl
    return expired_at if type(expired_at) is int and expired_at > 0 else None


def _shown(world: World, now: float, cache: Cache) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": cache.id,
        "status": cache.status(now),
        "object": "context-cache",
        "created_at": cache.created_at,
        "tokens": cache.tokens,
        "expired_at": cache.expired_at,
        "model": cache.model,
        "messages": cache.messages,
        "tools": cache.tools,
        "name": cache.name,
        "description": cache.description,
        "metadata": cache.metadata,
    }
    if cache.too_large:
        error = world.edition.errors["cache_too_large"]
        body["error"] = {"type": error.type, "message": error.message}
    return body
