"""Faults of a cache's life: what is kept of it, and for how long."""

from collections.abc import Callable
from dataclasses import replace

from kimi_conformance.simulator.faults.change import json_of, on_exchange, with_json
from kimi_conformance.simulator.faults.fault import (
    Change,
    Parameters,
    Sound,
    caching,
    chats,
    sent,
    with_sent,
)
from kimi_conformance.simulator.faults.rows import Rows
from kimi_conformance.simulator.world import Cache, World
from kimi_conformance.wire.exchange import Answer, Request

__all__ = ["CACHE_LIFE"]

NAME = "x-msh-context-cache"
HOUR = 3600  # seconds


def _forgets_tools(request: Request, answer: Answer, _: World) -> Answer | None:
    """Show a cache without its tools."""
    if not caching(request) or request.method != "GET" or answer.status != 200:
        return None
    body = json_of(answer)
    if "tools" in body:
        body["tools"] = []
    return with_json(answer, body)


def _kept(change: Callable[[Cache, Cache], Cache]) -> Change:
    """Change what a modification makes of a cache; given the cache before it, and after it."""

    def changed(request: Request, sound: Sound, _: Parameters) -> Answer:
        id = request.path.rpartition("/")[2]
        before = sound.world.caches.get(id)
        answer = sound.reply(request)
        after = sound.world.caches.get(id)
        if request.method == "PUT" and before is not None and after is not None:
            sound.world.caches[id] = change(before, after)
        return answer

    return changed


def _every_use_prolongs(request: Request, sound: Sound, _: Parameters) -> Answer:
    cache = sound.world.caches.get(request.header(NAME) or "") if chats(request) else None
    if cache is not None:
        later = int(sound.now) + HOUR
        sound.world.caches[cache.id] = replace(cache, expired_at=later)
    return sound.reply(request)


def _unknown_is_empty(request: Request, answer: Answer, _: World) -> Answer | None:
    """Show and change a cache that is not there as if it were."""
    if not caching(request) or request.method not in {"GET", "PUT"} or answer.status != 404:
        return None
    body = {
        "id": request.path.rpartition("/")[2],
        "object": "context-cache",
        "status": "inactive",
    }
    return with_json(answer, body, status=200)


def _ignores_reference(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Drop a message of the role cache, in place of using the cache."""
    body = sent(request)
    messages = body.get("messages")
    if not chats(request) or not isinstance(messages, list):
        return sound.reply(request)
    kept = [m for m in messages if not (isinstance(m, dict) and m.get("role") == "cache")]
    if len(kept) == len(messages):
        return sound.reply(request)
    return sound.reply(with_sent(request, {**body, "messages": kept}))


def _takes_tools(request: Request, sound: Sound, _: Parameters) -> Answer:
    return sound.reply(request, "cache_role_with_tools")


def _for_anybody(request: Request, sound: Sound, _: Parameters) -> Answer:
    return sound.reply(request, "wrong_key", "no_key")


_row = Rows(caching)

CACHE_LIFE = (
    _row("cache_forgets_tools", "Shows a cache without its tools.", on_exchange(_forgets_tools)),
    _row(
        "cache_change_ignored",
        "Changes a cache in words only.",
        _kept(lambda before, _: before),
    ),
    _row(
        "cache_change_forgets_name",
        "Forgets a cache's name when it is changed.",
        _kept(lambda _, after: replace(after, name="")),
    ),
    _row(
        "cache_unknown_is_empty", "Shows caches that are not there.", on_exchange(_unknown_is_empty)
    ),
    _row("cache_for_anybody", "Shows caches to anybody.", _for_anybody),
    _row(
        "cache_use_prolongs", "Prolongs a cache at every use.", _every_use_prolongs, touches=chats
    ),
    _row("cache_role_takes_tools", "Takes tools beside a role cache.", _takes_tools, touches=chats),
    _row(
        "cache_message_ignored",
        "Ignores messages of the role cache.",
        _ignores_reference,
        touches=chats,
    ),
)
