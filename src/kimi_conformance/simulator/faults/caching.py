"""Faults of explicit context caching."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kimi_conformance.simulator import tokens
from kimi_conformance.simulator.faults.change import on_json, with_header, with_json
from kimi_conformance.simulator.faults.fault import (
    Change,
    Parameters,
    Sound,
    caching,
    chats,
    sent,
    with_sent,
    without_headers,
)
from kimi_conformance.simulator.faults.rows import Rows
from kimi_conformance.simulator.routes import CACHING as PATH
from kimi_conformance.simulator.routes import TAGS
from kimi_conformance.simulator.world import Cache
from kimi_conformance.wire.exchange import Answer, Request

__all__ = ["CACHING"]

NAME = "x-msh-context-cache"
RESET = "x-msh-context-cache-reset-ttl"
SAVED = "Msh-Context-Cache-Token-Saved"
LONG = 10**9  # seconds


def _about_cache(edit: Callable[[dict[str, Any]], object]) -> Change:
    """Edit what the routes of caches say, those of tags left out."""
    edited = on_json(edit)

    def change(request: Request, sound: Sound, parameters: Parameters) -> Answer:
        if not caching(request) or request.path.startswith(TAGS):
            return sound.reply(request)
        return edited(request, sound, parameters)

    return change


def _on_creation(edit: Callable[[dict[str, Any]], object]) -> Change:
    edited = _about_cache(edit)

    def change(request: Request, sound: Sound, parameters: Parameters) -> Answer:
        if (request.method, request.path) != ("POST", PATH):
            return sound.reply(request)
        return edited(request, sound, parameters)

    return change


def _named(request: Request, sound: Sound) -> Cache | None:
    """The cache that a chat names."""
    return sound.world.caches.get(request.header(NAME) or "") if chats(request) else None


def _claims_hit(request: Request, sound: Sound, cache: Cache | None) -> Answer:
    """Say that the cache served a chat that it did not serve."""
    answer = sound.reply(request)
    if cache is None or answer.status != 200 or answer.header(SAVED) is not None:
        return answer
    answer = with_header(answer, "Msh-Context-Cache-Id", cache.id)
    answer = with_header(answer, SAVED, str(cache.tokens))
    return with_header(answer, "Msh-Context-Cache-Token-Exp", str(cache.expired_at))


def _hit_on_other_messages(request: Request, sound: Sound, _: Parameters) -> Answer:
    return _claims_hit(request, sound, _named(request, sound))


def _hit_on_other_tools(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Look at messages only."""
    cache = _named(request, sound)
    if cache is not None:
        messages = sent(request).get("messages") or []
        same = json.dumps(messages[: len(cache.messages)], sort_keys=True) == json.dumps(
            cache.messages, sort_keys=True
        )
        cache = cache if same else None
    return _claims_hit(request, sound, cache)


def _hit_for_any_model(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Serve models that are not of the family."""
    cache, rules = _named(request, sound), sound.world.edition.caching
    if cache is None or rules is None:
        return sound.reply(request)
    served = rules.families.get(cache.model, ())
    foreign = sent(request).get("model") not in served
    as_served = with_sent(request, {**sent(request), "model": served[0]} if served else {})
    would = foreign and sound.reply(as_served).header(SAVED) is not None
    return _claims_hit(request, sound, cache if would else None)


def _mismatch_is_error(request: Request, sound: Sound, _: Parameters) -> Answer:
    answer = sound.reply(request)
    if request.header(NAME) is None or answer.status != 200 or answer.header(SAVED) is not None:
        return answer
    error = {"message": "Invalid request: cache mismatch", "type": "invalid_request_error"}
    return sound.world.reply(sound.now, {"error": error}, status=400)


def _never_hits(request: Request, sound: Sound, _: Parameters) -> Answer:
    return sound.reply(without_headers(request, NAME) if chats(request) else request)


def _keys_count(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Take another order of keys for another message."""
    cache = _named(request, sound)
    if cache is not None:
        messages = sent(request).get("messages") or []
        if json.dumps(messages[: len(cache.messages)]) != json.dumps(cache.messages):
            return sound.reply(without_headers(request, NAME))
    return sound.reply(request)


def _normalises(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Take messages for equal that differ in white space."""
    cache = _named(request, sound)
    if cache is not None:
        messages = sent(request).get("messages") or []
        if _squeezed(messages[: len(cache.messages)]) != _squeezed(cache.messages):
            cache = None
    return _claims_hit(request, sound, cache)


def _squeezed(messages: object) -> str:
    return "".join(json.dumps(messages, sort_keys=True).split())


def _ttl_kept(request: Request, sound: Sound, _: Parameters) -> Answer:
    return sound.reply(without_headers(request, RESET) if chats(request) else request)


def _ttl_added(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Count the new time from the old expiry, not from now."""
    cache = _named(request, sound)
    answer = sound.reply(request)
    ttl = request.header(RESET)
    if cache is None or not (ttl or "").isdecimal() or answer.header(SAVED) is None:
        return answer
    later = cache.expired_at + int(ttl or 0)
    sound.world.caches[cache.id] = replace(cache, expired_at=later)
    return with_header(answer, "Msh-Context-Cache-Token-Exp", str(later))


def _ignores_expiry(request: Request, sound: Sound, _: Parameters) -> Answer:
    cache = _named(request, sound)
    if cache is None or sound.now < cache.expired_at:
        return sound.reply(request)
    sound.world.caches[cache.id] = replace(cache, expired_at=int(sound.now) + 60)
    answer = sound.reply(request)
    if request.header(RESET) is None:
        sound.world.caches[cache.id] = cache
    return answer


def _never_expires(request: Request, sound: Sound, parameters: Parameters) -> Answer:
    """Show expired caches as ready."""

    def edit(body: dict[str, Any]) -> None:
        if body.get("status") == "inactive":
            body["status"] = "ready"

    return _about_cache(edit)(request, sound, parameters)


def _keeps_deleted(request: Request, sound: Sound, _: Parameters) -> Answer:
    caches = dict(sound.world.caches)
    answer = sound.reply(request)
    if request.method == "DELETE":
        sound.world.caches.update(caches)
    return answer


def _unknown_is_fine(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Delete what is not there with success."""
    answer = sound.reply(request)
    if not (caching(request) and request.method == "DELETE" and answer.status == 404):
        return answer
    id = request.path.rpartition("/")[2]
    deleted = {"deleted": True, "id": id, "object": "context_cache_object.deleted"}
    return with_json(answer, deleted, status=200)


def _sets_saved(value: str | None, *, on_miss: bool) -> Change:
    """Set or leave out the header that tells what was saved, on hits or on misses."""

    def change(request: Request, sound: Sound, _: Parameters) -> Answer:
        answer = sound.reply(request)
        missed = answer.header(SAVED) is None
        if not chats(request) or answer.status != 200 or missed is not on_miss:
            return answer
        return with_header(answer, SAVED, value)

    return change


def _without_cached_tokens(request: Request, sound: Sound, parameters: Parameters) -> Answer:
    return on_json(lambda body: body.get("usage", {}).pop("cached_tokens", None))(
        request, sound, parameters
    )


def _creation_refused(request: Request, sound: Sound, _: Parameters) -> Answer:
    if request.method == "POST" and request.path == PATH:
        return sound.world.refuse(sound.now, "server_error")
    return sound.reply(request)


def _ttl_fixed(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Give every cache the default time to live."""
    body = sent(request)
    if caching(request) and body:
        body.pop("ttl", None)
        body.pop("expired_at", None)
        return sound.reply(with_sent(request, body))
    return sound.reply(request)


def _counts_no_cache_tools(body: dict[str, Any]) -> None:
    if "tokens" in body:
        body["tokens"] = tokens.of_messages(body["messages"]) // 2


def _unlisted(body: dict[str, Any]) -> None:
    if isinstance(body.get("data"), list):
        body["data"] = []


_row = Rows(caching)
_used = Rows(chats)


CACHING = (
    _row("cache_refused", "Fails to make a cache.", _creation_refused),
    _row(
        "cache_without_id",
        "Makes a cache without an id.",
        _on_creation(lambda body: body.pop("id")),
        "CACHING-002",
    ),
    _row(
        "cache_id_empty",
        "Makes a cache with an empty id.",
        _on_creation(lambda body: body.update(id="")),
        "CACHING-002",
    ),
    _row(
        "cache_object_wrong",
        "Calls a cache something else.",
        _on_creation(lambda body: body.update(object="cache")),
        "CACHING-001",
    ),
    _row(
        "cache_status_wrong",
        "Says a status that nobody knows.",
        _on_creation(lambda body: body.update(status="active")),
        "CACHING-003",
    ),
    _row(
        "cache_error_mute",
        "Says that a cache failed, and not why.",
        _on_creation(lambda body: body.update(status="error")),
        "CACHING-004",
    ),
    _row("cache_ttl_fixed", "Does not look at ttl and expired_at.", _ttl_fixed),
    _row("cache_tokens_wrong", "Counts a cache wrongly.", _on_creation(_counts_no_cache_tools)),
    _row("cache_unlisted", "Lists no caches.", _about_cache(_unlisted)),
    _row("cache_never_inactive", "Shows expired caches as ready.", _never_expires),
    _row("cache_keeps_deleted", "Deletes in words only.", _keeps_deleted),
    _row("cache_deletes_unknown", "Deletes what is not there.", _unknown_is_fine),
    _row(
        "cache_deletion_mute",
        "Does not say that a cache was deleted.",
        _about_cache(lambda body: body.clear() if body.get("deleted") else None),
        "CACHING-005",
    ),
    _used("cache_hit_on_mismatch", "Uses a cache of other messages.", _hit_on_other_messages),
    _used("cache_hit_on_other_tools", "Uses a cache of other tools.", _hit_on_other_tools),
    _used("cache_hit_on_other_model", "Uses a cache for a foreign model.", _hit_for_any_model),
    _used("cache_hit_on_white_space", "Takes similar messages for equal.", _normalises),
    _used("cache_mismatch_is_error", "Refuses a chat that does not fit.", _mismatch_is_error),
    _used("cache_never_hits", "Never uses a cache.", _never_hits),
    _used("cache_key_order_counts", "Misses on another order of keys.", _keys_count),
    _used("cache_ttl_kept", "Does not reset the expiry.", _ttl_kept),
    _used("cache_ttl_added", "Adds to the old expiry.", _ttl_added),
    _used("cache_expiry_ignored", "Uses caches that have expired.", _ignores_expiry),
    _used(
        "cache_saved_on_miss",
        "Says on a miss that tokens were saved.",
        _sets_saved("128", on_miss=True),
    ),
    _used(
        "cache_saved_zero",
        "Says on a hit that no token was saved.",
        _sets_saved("0", on_miss=False),
        "USAGE-008",
    ),
    _used(
        "cache_saved_missing",
        "Does not say on a hit how much was saved.",
        _sets_saved(None, on_miss=False),
    ),
    _used(
        "cache_usage_mute",
        "Does not count cached tokens in the usage.",
        _without_cached_tokens,
    ),
)
