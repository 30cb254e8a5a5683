"""The API that cached conversations speak to: it fails as it is told, and keeps what was made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from kimi_conformance.checks.upstream import FakeClock
from kimi_conformance.stage import replies
from kimi_conformance.wire.exchange import Answer, Request

__all__ = ["DELETING", "GIVES_AN_ID", "LIFE_S", "MAKING", "SLOW", "USE", "Body", "CacheApi"]

Body = Mapping[str, Any]
USE = "X-Msh-Context-Cache"
LIFE_S = 3600
SLOW = "Take your time."  # the content whose cache is never made

MAKING: Mapping[str, Callable[[str], Answer]] = {
    "ready": replies.cache_created,
    "pending": partial(replies.cache_created, status="pending"),
    "400": lambda _: replies.refusal(400, "invalid_request_error", "no"),
    "500": lambda _: replies.server_error(),
    "no id": lambda _: replies.json_reply({"status": "ready"}),
    "an empty id": lambda _: replies.cache_created(""),
    "id null": lambda _: replies.json_reply({"id": None, "status": "ready"}),
    "status error": partial(replies.cache_created, status="error"),
    "half a body": lambda _: replies.not_json(),
    "a reset": lambda new: replies.reset(replies.cache_created(new), frames=0),
}
GIVES_AN_ID = {"ready", "pending"}
DELETING: Mapping[str, Callable[[], Answer]] = {
    "gone": replies.cache_deleted,
    "404": lambda: replies.refusal(404, "resource_not_found_error", "no"),
    "500": replies.server_error,
    "a reset": lambda: replies.reset(replies.cache_deleted(), frames=0),
}


@dataclass
class Cache:
    """A cache that was made.

    Attributes:
        session: Who asked for it.
        body: What it holds.
        expires_at: On the course's clock, in seconds.
        deletions: How often its deletion was asked for.
        gone: Whether it was deleted.
    """

    session: str
    body: Body
    expires_at: float
    deletions: int = 0
    gone: bool = False


@dataclass
class CacheApi:
    """/v1/caching and /v1/chat/completions, as far as a client can tell.

    Attributes:
        making, deleting: What comes of the next attempts, by the names above.
        session: Who is asking.
        caches: All that were ever made, by their ids.
        creations: The bodies that asked for one, whatever came of it.
        deletions: How many requests asked for a deletion.
        chats: What was asked, in order.
        held_up: Set when somebody waits for a cache that is not made.
    """

    clock: FakeClock
    making: str = "ready"
    deleting: str = "gone"
    session: str = ""
    caches: dict[str, Cache] = field(default_factory=dict)
    creations: list[Body] = field(default_factory=list)
    deletions: int = 0
    chats: list[Request] = field(default_factory=list)
    held_up: Callable[[], object] = lambda: None

    def make(self, request: Request) -> Answer:
        """Make a cache, or what comes of it now."""
        if SLOW in request.body.decode():
            self.held_up()
            return replies.never()
        self.creations.append(request.json)
        id = f"cache-{len(self.creations):04d}"
        if self.making not in GIVES_AN_ID:
            return MAKING[self.making](id)
        now = int(self.clock.now())
        self.caches[id] = Cache(self.session, request.json, now + LIFE_S)
        made = MAKING[self.making](id).json
        return replies.json_reply({**made, "created_at": now, "expired_at": now + LIFE_S})

    def delete(self, request: Request) -> Answer:
        """Delete one, or what comes of that now."""
        self.deletions += 1
        for id, cache in self.caches.items():
            if id in f"{request.path}?{request.query}":
                cache.deletions += 1
                cache.gone = cache.gone or self.deleting in {"gone", "404"}
        return DELETING[self.deleting]()

    def chat(self, request: Request) -> Answer:
        """Answer, and renew the cache that is named."""
        self.chats.append(request)
        id = request.header(USE)
        if id is None:
            return replies.completion()
        if id in self.caches:
            self.caches[id].expires_at = self.clock.now() + LIFE_S
        return replies.json_reply(replies.completion_body(), msh_context_cache_id=id)
