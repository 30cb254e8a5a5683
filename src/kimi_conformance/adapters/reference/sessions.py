"""
A conversation whose system message and tools the API keeps in a cache.

The API uses a cache only if the request repeats the cached messages at its start, field by
field, and the same tools; otherwise it charges the full price and says nothing. So before
every request the client compares what it is about to send with what it has cached:

- the same: the request goes with the cache's id, and its life starts anew;
- changed: the old cache is deleted and a new one made;
- asked with another key, or at another base URL: likewise, the old one with its own key;
- nothing to cache (no system message at the start, or a model that has no explicit caches):
  the request goes without, and the cache is kept for the requests that fit it again.

Two things are the same if they are the same JSON, whatever the order of keys inside an
object; texts are compared code point by code point, so é in one piece and in two differ.
Tools that are missing, null and an empty list are the same.

A cache is a convenience and never the reason for an error. Where it cannot be made within a
few seconds, the request goes without, and no other attempt is made until the content
changes. A cache that has not been used for its whole life is used all the same: the header
that resets its life brings it back (context caching page of 2024-06), and if the API has
lost it, the request merely costs what it costs. So the client's clock does not matter.
"""

import asyncio
import contextlib
import json
import logging
import re
import threading
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any

from kimi_conformance.adapters.protocol import ChatRequest, Chunk, Completion
from kimi_conformance.adapters.reference import operations
from kimi_conformance.adapters.reference.drivers import AsyncDriver, SyncDriver
from kimi_conformance.adapters.reference.effects import Operation
from kimi_conformance.adapters.reference.errors import LLMError
from kimi_conformance.adapters.reference.refusals import reading
from kimi_conformance.adapters.reference.settings import KimiSettings
from kimi_conformance.adapters.reference.tools import offered

__all__ = ["RESET_TTL", "USE", "KimiSession", "SessionCache", "SyncKimiSession"]

logger = logging.getLogger(__name__)

USE = "X-Msh-Context-Cache"
RESET_TTL = "X-Msh-Context-Cache-Reset-TTL"
FAMILY = "moonshot-v1"  # the only one with explicit caches
MEMBERS = "moonshot-v1-"
TTL_S = 3600
BUDGET_S = 5.0  # a chat waits no longer than this for a cache to be made, nor to be deleted
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}")  # it goes into a header and into a path
_GONE = {200, 202, 204, 404}  # 404: it was gone already
_UNUSABLE = {"error", "inactive"}


class SessionCache:
    """The cache of one session: what it holds, and whether it is there.

    Its operations must not run side by side; a session sees to that.

    Args:
        settings: Where the API is.
        session_id: For the log.
        enabled: Whether the API has explicit caches; without, nothing is ever cached.
        owners: The session of each live cache, shared by all sessions of a client. An id
            that another session has is not taken: deleting one would take it from both.
    """

    def __init__(
        self,
        settings: KimiSettings,
        session_id: str,
        owners: dict[str, "SessionCache"],
        *,
        enabled: bool,
    ) -> None:
        self.settings = settings
        self._session_id = session_id
        self._owners = owners
        self._content: str | None = None  # what is cached, or could not be
        self._open = enabled
        self._left = False
        self._next: tuple[KimiSettings, bool] | None = None
        self.id: str | None = None

    def rebind(self, settings: KimiSettings, *, enabled: bool) -> None:
        """Use other settings from the next request on.

        A cache belongs to the account that made it, so it is deleted with the key of that one.
        """
        self._next = settings, enabled

    def prepare(self, request: ChatRequest) -> Operation[Mapping[str, str]]:
        """Make the cache fit the request, and give the headers that the request then bears.

        Raises:
            MissingKeyError: There is no key.
            InvalidKeyError: It cannot be sent.
            TypeError, ValueError: The request cannot be written as JSON.
        """
        if self._next is not None:
            yield from self._drop()
            (self.settings, enabled), self._next = self._next, None
            self._open = enabled and not self._left
        cached = _cacheable(request)
        if cached is None or not self._open:
            return {}
        content = json.dumps(cached, ensure_ascii=False, sort_keys=True)
        if content != self._content:
            yield from self._drop()
            self.id = yield from self._create(cached)
            self._content = content
        if self.id is None:
            return {}
        logger.debug(
            "Prepared request for session %s to use cache %s via Headers",
            self._session_id,
            self.id,
        )
        headers = {USE: self.id, RESET_TTL: str(TTL_S)}
        for name, value in headers.items():
            logger.debug("Set cache header %s: %s", name, value)
        return headers

    def leave(self) -> Operation[None]:
        """Delete the cache for good; whether the API did is not told."""
        self._open, self._left = False, True
        yield from self._drop()

    def _create(self, cached: Mapping[str, Any]) -> Operation[str | None]:
        key = self.settings.usable_key(operations.NO_CHAT_KEY)
        tools = {"tools": cached["tools"]} if cached["tools"] else {}
        body = {"model": FAMILY, "messages": cached["messages"], **tools, "ttl": TTL_S}
        send = operations.send_of(
            self.settings, key, "POST", "caching", body, silence_s=BUDGET_S, budget_s=BUDGET_S
        )
        try:
            id = self._taken(reading((yield send), key))
        except LLMError as error:
            logger.debug("No Kimi cache for session %s: %s", self._session_id, error)
            return None
        logger.debug(
            "Created new Kimi cache for session %s with cache ID: %s", self._session_id, id
        )
        return id

    def _taken(self, made: Any) -> str:
        id = made.get("id") if isinstance(made, Mapping) else None
        if not isinstance(id, str) or not _ID.fullmatch(id):
            raise LLMError("Error: the API gave no usable cache id")
        if made.get("status") in _UNUSABLE:
            raise LLMError(f"Error: the API made the cache with status {made['status']}")
        if self._owners.setdefault(id, self) is not self:
            raise LLMError("Error: the API gave the cache id of another session")
        return id

    def _drop(self) -> Operation[None]:
        id, self.id, self._content = self.id, None, None
        if id is None:
            return
        self._owners.pop(id, None)
        key = self.settings.usable_key(operations.NO_CHAT_KEY)
        send = operations.send_of(
            self.settings,
            key,
            "DELETE",
            f"caching/{id}",
            silence_s=BUDGET_S,
            budget_s=BUDGET_S,
        )
        try:
            status = (yield send).status
        except LLMError as error:
            logger.debug("Kimi cache %s may live on: %s", id, error)
        else:
            if status not in _GONE:
                logger.debug("Kimi cache %s may live on: HTTP status %d", id, status)


class KimiSession:
    """A conversation of an asynchronous client; requests may run side by side."""

    def __init__(self, driver: AsyncDriver, cache: SessionCache) -> None:
        self._driver = driver
        self._cache = cache
        self._one_at_a_time = asyncio.Lock()  # of this session: others do not wait

    @property
    def cache_id(self) -> str | None:
        """The cache in use, or None."""
        return self._cache.id

    async def chat(self, request: ChatRequest) -> Completion:
        """A whole answer; raises what `KimiClient.chat` raises."""
        settings, headers = await self._prepared(request)
        return await self._driver.run(operations.chat(settings, request, headers))

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """An answer chunk by chunk; raises what `KimiClient.stream` raises."""
        settings, headers = await self._prepared(request)
        asked = operations.stream(settings, request, headers)
        async with contextlib.aclosing(self._driver.stream(*asked)) as chunks:
            async for chunk in chunks:
                yield chunk

    def rebind(self, settings: KimiSettings, *, enabled: bool) -> None:
        """Use other settings from the next request on, and a new cache with them."""
        self._cache.rebind(settings, enabled=enabled)

    async def leave(self) -> None:
        """Delete the cache for good."""
        async with self._one_at_a_time:
            await self._driver.run(self._cache.leave())

    async def _prepared(self, request: ChatRequest) -> tuple[KimiSettings, Mapping[str, str]]:
        """The settings to ask with, and the headers that name a cache made with the same."""
        async with self._one_at_a_time:
            headers = await self._driver.run(self._cache.prepare(request))
            return self._cache.settings, headers


class SyncKimiSession:
    """A conversation of a synchronous client; threads may share it."""

    def __init__(self, driver: SyncDriver, cache: SessionCache) -> None:
        self._driver = driver
        self._cache = cache
        self._one_at_a_time = threading.Lock()

    @property
    def cache_id(self) -> str | None:
        """The cache in use, or None."""
        return self._cache.id

    def chat(self, request: ChatRequest) -> Completion:
        """A whole answer; raises what `KimiClient.chat` raises."""
        headers = self._headers(request)
        return self._driver.run(operations.chat(self._cache.settings, request, headers))

    def stream(self, request: ChatRequest) -> Iterator[Chunk]:
        """An answer chunk by chunk; raises what `KimiClient.stream` raises."""
        headers = self._headers(request)
        yield from self._driver.stream(*operations.stream(self._cache.settings, request, headers))

    def leave(self) -> None:
        """Delete the cache for good."""
        with self._one_at_a_time:
            self._driver.run(self._cache.leave())

    def _headers(self, request: ChatRequest) -> Mapping[str, str]:
        with self._one_at_a_time:
            return self._driver.run(self._cache.prepare(request))


def _cacheable(request: ChatRequest) -> dict[str, Any] | None:
    """The system messages at the start of the request and its tools, or None: nothing there."""
    if not request.model.startswith(MEMBERS):
        return None
    messages = []
    for message in request.messages:
        if message.get("role") != "system":
            break
        messages.append(message)
    if not any(message.get("content") for message in messages):
        return None
    return {"messages": messages, "tools": offered(request) or []}
