"""
Tags of explicit context caches: `/v1/caching/refs/tags`.

A tag is a name that stands for a cache: given again it stands for another, and it goes when its
cache goes, since a tag without a cache is none. Any number of tags can stand for one cache.

Source: API reference of 2025, "Context Caching Tag System"; platform blog of 2024-07-08.
"""

from collections.abc import Callable
from urllib.parse import unquote

from kimi_conformance.simulator.pages import page_of, read_query
from kimi_conformance.simulator.rules import Case
from kimi_conformance.simulator.world import CacheTag, World
from kimi_conformance.wire.exchange import Answer, Request

__all__ = ["TAGS", "create", "delete", "drop_of", "give", "listing", "named", "show"]

TAGS = "/v1/caching/refs/tags"

Route = Callable[[World, float, Request, frozenset[str]], Answer]


def create(world: World, now: float, case: Case) -> Answer:
    """POST /v1/caching/refs/tags, of a body that broke no rule."""
    name, cache_id = (str(case.body.get(field) or "") for field in ("tag", "cache_id"))
    if cache_id not in world.caches:
        return world.refuse(now, "cache_not_found", {"id": cache_id})
    return show(world, now, give(world, now, name, cache_id))


def give(world: World, now: float, name: str, cache_id: str) -> CacheTag:
    """Have a tag stand for a cache, whatever it stood for."""
    world.tags.pop(name, None)
    tag = CacheTag(name=name, cache_id=cache_id, created_at=int(now))
    world.tags[name] = tag
    return tag


def drop_of(world: World, cache_id: str) -> None:
    """Forget the tags of a cache."""
    for name in [tag.name for tag in world.tags.values() if tag.cache_id == cache_id]:
        del world.tags[name]


def show(world: World, now: float, tag: CacheTag) -> Answer:
    """GET /v1/caching/refs/tags/{tag}."""
    return world.reply(now, tag.shown)


def named(serve: Callable[[World, float, CacheTag], Answer]) -> Route:
    """A route about the tag that the path names."""

    def route(world: World, now: float, request: Request, _: frozenset[str]) -> Answer:
        name = _name_in(request.path)
        tag = world.tags.get(name)
        if tag is None:
            return world.refuse(now, "cache_tag_not_found", {"tag": name})
        return serve(world, now, tag)

    return route


def _name_in(path: str) -> str:
    return unquote(path.removeprefix(f"{TAGS}/").removesuffix("/content"))


def listing(world: World, now: float, request: Request, _: frozenset[str]) -> Answer:
    """GET /v1/caching/refs/tags: pages as of caches; `after` and `before` are tags."""
    shown = [tag.shown for tag in page_of(world.tags, read_query(request.query))]
    return world.reply(now, {"object": "list", "data": shown})


def delete(world: World, now: float, request: Request, _: frozenset[str]) -> Answer:
    """DELETE /v1/caching/refs/tags/{tag}: a success, whether or not there was one."""
    name = _name_in(request.path)
    world.tags.pop(name, None)
    deleted = {"deleted": True, "object": "cache_object.tag.deleted", "tag": name}
    return world.reply(now, deleted)
