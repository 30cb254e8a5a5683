"""Faults of the tags of context caches."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kimi_conformance.simulator import cache_tags
from kimi_conformance.simulator.faults.change import json_of, on_exchange, on_json, with_json
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
from kimi_conformance.simulator.routes import CACHING, TAGS
from kimi_conformance.simulator.world import World
from kimi_conformance.wire.exchange import Answer, Request

__all__ = ["CACHE_TAGS"]

_Edit = Callable[[dict[str, Any]], dict[str, Any]]


def _tags(request: Request) -> bool:
    """Requests that manage tags."""
    return request.path == TAGS or request.path.startswith(f"{TAGS}/")


def _content(request: Request) -> bool:
    """Requests for what a tag stands for."""
    return request.path.startswith(f"{TAGS}/") and request.path.endswith("/content")


def _creates_caches(request: Request) -> bool:
    return (request.method, request.path) == ("POST", CACHING)


def _deletes(request: Request) -> bool:
    return request.method == "DELETE" and _tags(request)


def _lists(request: Request) -> bool:
    return (request.method, request.path) == ("GET", TAGS)


def _gives(request: Request) -> bool:
    return (request.method, request.path) == ("POST", TAGS)


def _keeps_the_first(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Answer as if a tag that is there had moved, and leave it where it was."""
    before = dict(sound.world.tags)
    answer = sound.reply(request)
    if _gives(request):
        sound.world.tags.update(before)
    return answer


def _keeps_deleted(request: Request, sound: Sound, _: Parameters) -> Answer:
    before = dict(sound.world.tags)
    answer = sound.reply(request)
    if _deletes(request):
        sound.world.tags.update(before)
    return answer


def _deletes_the_cache(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Take the cache away with its tag."""
    tag = sound.world.tags.get(request.path.rpartition("/")[2])
    answer = sound.reply(request)
    if _deletes(request) and tag is not None:
        sound.world.caches.pop(tag.cache_id, None)
        cache_tags.drop_of(sound.world, tag.cache_id)
    return answer


def _outlives_its_cache(request: Request, sound: Sound, _: Parameters) -> Answer:
    before = dict(sound.world.tags)
    answer = sound.reply(request)
    if request.method == "DELETE" and not _tags(request):
        sound.world.tags.update(before)
    return answer


def _unknown_is_missing(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Refuse to delete a tag that is not there."""
    name = request.path.rpartition("/")[2]
    if _deletes(request) and name not in sound.world.tags:
        return sound.world.refuse(sound.now, "cache_tag_not_found", {"tag": name})
    return sound.reply(request)


def _unknown_is_known(request: Request, answer: Answer, _: World) -> Answer | None:
    """Describe a tag that is not there, as if it stood for nothing."""
    if not (_tags(request) and request.method == "GET" and answer.status == 404):
        return None
    tag = {"tag": request.path.split("/")[5], "cache_id": "", "object": "cache_object.tag"}
    return with_json(answer, tag, status=200)


def _content_is_the_tag(request: Request, sound: Sound, _: Parameters) -> Answer:
    if not _content(request):
        return sound.reply(request)
    return sound.reply(replace(request, path=request.path.removesuffix("/content")))


def _from_the_named(request: Request, answer: Answer, world: World) -> Answer | None:
    """Begin a page with the tag that it should begin after."""
    name = next((p[6:] for p in request.query.split("&") if p.startswith("after=")), "")
    tag = world.tags.get(name)
    if not _lists(request) or tag is None:
        return None
    body = json_of(answer)
    return with_json(answer, {**body, "data": [tag.shown, *body["data"]]})


def _all_on_a_page(request: Request, answer: Answer, world: World) -> Answer | None:
    if not _lists(request) or "limit=" not in request.query:
        return None
    tags = [tag.shown for tag in world.tags.values()]
    return with_json(answer, {**json_of(answer), "data": tags})


def _unlisted(request: Request, answer: Answer, _: World) -> Answer | None:
    return with_json(answer, {**json_of(answer), "data": []}) if _lists(request) else None


def _for_any_cache(request: Request, answer: Answer, _: World) -> Answer | None:
    if not _gives(request) or answer.status != 404:
        return None
    body = sent(request)
    tag = {"tag": body.get("tag"), "cache_id": body.get("cache_id"), "object": "cache_object.tag"}
    return with_json(answer, tag, status=200)


def _without(wanted: Callable[[Request], bool], edit: _Edit) -> Change:
    """Do not look at a part of what was sent."""

    def change(request: Request, sound: Sound, _: Parameters) -> Answer:
        if not wanted(request) or not (body := sent(request)):
            return sound.reply(request)
        return sound.reply(with_sent(request, edit(body)))

    return change


def _without_tags(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "tags"}


def _without_option(name: str) -> _Edit:
    """Of a chat whose first message has the role cache."""

    def edit(body: dict[str, Any]) -> dict[str, Any]:
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages or not isinstance(messages[0], dict):
            return body
        first = messages[0]
        if first.get("role") != "cache":
            return body
        options = str(first.get("content")).split(";")
        kept = ";".join(each for each in options if not each.startswith(f"{name}="))
        return {**body, "messages": [{**first, "content": kept}, *messages[1:]]}

    return edit


def _on_tags(edit: Callable[[dict[str, Any]], object]) -> Change:
    """Edit the description of one tag."""
    edited = on_json(lambda body: edit(body) if body.get("object") == "cache_object.tag" else None)

    def change(request: Request, sound: Sound, parameters: Parameters) -> Answer:
        if not _tags(request):
            return sound.reply(request)
        return edited(request, sound, parameters)

    return change


def _deletion_mute(request: Request, answer: Answer, _: World) -> Answer | None:
    return with_json(answer, {}) if _deletes(request) and answer.status == 200 else None


_row = Rows(_tags)

CACHE_TAGS = (
    _row(
        "tag_without_cache",
        "Does not say which cache a tag stands for.",
        _on_tags(lambda body: body.pop("cache_id")),
    ),
    _row(
        "tag_object_wrong",
        "Calls a tag something else.",
        _on_tags(lambda body: body.update(object="tag")),
    ),
    _row("tag_never_moves", "Leaves a tag where it was given first.", _keeps_the_first),
    _row("tag_keeps_deleted", "Deletes a tag in words only.", _keeps_deleted),
    _row(
        "tag_deletion_mute",
        "Does not say of a tag that it was deleted.",
        on_exchange(_deletion_mute),
    ),
    _row("tag_deletes_cache", "Deletes the cache with its tag.", _deletes_the_cache),
    _row(
        "tag_outlives_cache",
        "Keeps the tags of a deleted cache.",
        _outlives_its_cache,
        touches=caching,
    ),
    _row("tag_unknown_undeletable", "Refuses to delete what is not there.", _unknown_is_missing),
    _row("tag_unknown_is_known", "Shows tags that are not there.", on_exchange(_unknown_is_known)),
    _row("tag_content_is_tag", "Shows a tag in place of its cache.", _content_is_the_tag),
    _row(
        "tag_pages_overlap", "Begins a page with the tag before it.", on_exchange(_from_the_named)
    ),
    _row("tag_pages_endless", "Lists all tags on every page.", on_exchange(_all_on_a_page)),
    _row("tag_unlisted", "Lists no tags.", on_exchange(_unlisted)),
    _row(
        "tag_for_any_cache", "Gives tags to caches that are not there.", on_exchange(_for_any_cache)
    ),
    _row(
        "tag_for_anybody",
        "Shows tags to anybody, and lets anybody give and delete them.",
        lambda request, sound, _: sound.reply(request, "wrong_key", "no_key"),
    ),
    _row(
        "tags_of_creation_ignored",
        "Gives no tags to a new cache.",
        _without(_creates_caches, _without_tags),
        touches=caching,
    ),
    _row(
        "cache_message_tag_ignored",
        "Does not know tags in messages of the role cache.",
        _without(chats, _without_option("tag")),
        touches=chats,
    ),
    _row(
        "cache_message_ttl_ignored",
        "Does not reset the expiry for a message of the role cache.",
        _without(chats, _without_option("reset_ttl")),
        touches=chats,
    ),
    _row(
        "cache_message_dry_run_ignored",
        "Infers on a dry run that a message of the role cache asks for.",
        _without(chats, _without_option("dry_run")),
        touches=chats,
    ),
)
