"""Clients whose sessions make, keep, tell of or give up their caches in a wrong way."""

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from kimi_conformance.adapters.mutants.listing import unlogged
from kimi_conformance.adapters.mutants.mutant import Mutant, with_body
from kimi_conformance.adapters.protocol import CachingSession, ChatRequest, Clock, Completion
from kimi_conformance.adapters.reference import sessions
from kimi_conformance.adapters.reference.effects import Operation
from kimi_conformance.adapters.reference.sessions import SessionCache
from kimi_conformance.http import httpx

__all__ = ["MUTANTS"]

Headers = Mapping[str, str]
EMPTY = "<nothing>"


class _AlwaysNew(SessionCache):
    def prepare(self, request: ChatRequest) -> Operation[Headers]:
        self.id = self._content = None
        return (yield from super().prepare(request))


class _CleanedBetween(SessionCache):
    def prepare(self, request: ChatRequest) -> Operation[Headers]:
        yield from self._drop()
        return (yield from super().prepare(request))


class _KeptOutdated(SessionCache):
    def _drop(self) -> Operation[None]:
        if self._open:
            self.id = self._content = None
            return
        yield from super()._drop()


class _KeptAtExit(SessionCache):
    def leave(self) -> Operation[None]:
        self._open = False
        yield from ()


class _OldHeaders(SessionCache):
    _last: Headers = {}  # noqa: RUF012 - never changed in place

    def prepare(self, request: ChatRequest) -> Operation[Headers]:
        self._last = (yield from super().prepare(request)) or self._last
        return self._last


class _CacheOrNothing(SessionCache):
    _made = False

    def prepare(self, request: ChatRequest) -> Operation[Headers]:
        headers = yield from super().prepare(request)
        if self._content is not None and not headers and not self._made:
            raise RuntimeError("no cache could be made")
        self._made = True
        return headers


class _EveryModel(SessionCache):
    def prepare(self, request: ChatRequest) -> Operation[Headers]:
        return (yield from super().prepare(replace(request, model="moonshot-v1-8k")))


class _EveryMessage(SessionCache):
    def prepare(self, request: ChatRequest) -> Operation[Headers]:
        if all(message["role"] != "system" for message in request.messages):
            said = {**request.messages[0], "role": "system"}
            request = replace(request, messages=[said])
        return (yield from super().prepare(request))


class MakesACacheForEveryRequest(Mutant):
    """Pays for a cache again and again."""

    breaks = frozenset({"CACHE-07", "CACHE-20", "CACHE-27", "CACHE-28", "CACHE-31"})
    cache_class = _AlwaysNew


class CleansUpBetweenRequests(Mutant):
    """Deletes a cache before the next request could use it."""

    breaks = frozenset({"CACHE-07", "CACHE-27", "CACHE-28", "CACHE-31"})
    cache_class = _CleanedBetween


class KeepsOutdatedCaches(Mutant):
    """Leaves the old cache to the API when the content changes."""

    breaks = frozenset({"CACHE-20", "CACHE-27"})
    cache_class = _KeptOutdated


class LeavesCachesBehind(Mutant):
    """Exits without deleting its caches."""

    breaks = frozenset({"CACHE-27"})
    cache_class = _KeptAtExit


class UsesTheOldCacheInstead(Mutant):
    """Goes on using the old cache where no new one can be made."""

    breaks = frozenset({"CACHE-19", "CACHE-22"})
    cache_class = _OldHeaders


class InsistsOnACache(Mutant):
    """Does not chat without a cache."""

    breaks = frozenset({"CACHE-23"})
    cache_class = _CacheOrNothing


class CachesForEveryModel(Mutant):
    """Makes caches for chats that cannot use them."""

    breaks = frozenset({"CACHE-34"})
    cache_class = _EveryModel


class CachesWhateverIsSaid(Mutant):
    """Caches the user's words where there is no system message."""

    breaks = frozenset({"CACHE-34"})
    cache_class = _EveryMessage


class _EvenEmpty(SessionCache):
    def prepare(self, request: ChatRequest) -> Operation[Headers]:
        messages = [
            {**each, "content": EMPTY} if each.get("content") == "" else each
            for each in request.messages
        ]
        return (yield from super().prepare(replace(request, messages=messages)))


class CachesEmptyMessages(Mutant):
    """Caches a system message that says nothing."""

    breaks = frozenset({"CACHE-34"})
    cache_class = _EvenEmpty

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """Nothing where the cache was led to believe that there is something."""
        if EMPTY.encode() not in request.content:
            return request
        return with_body(request, json.loads(request.content.replace(EMPTY.encode(), b"")))


class _Clocked(SessionCache):
    clock: Clock


class _Ageing(_Clocked):
    life: ClassVar[float] = 3600.0
    _made_at = 0.0

    def prepare(self, request: ChatRequest) -> Operation[Headers]:
        now = self.clock.now()
        if now > self._made_at + self.life:
            yield from self._drop()
            self._made_at = now
        return (yield from super().prepare(request))


class _Skewed(_Clocked):
    _ends_at = 0.0

    def prepare(self, request: ChatRequest) -> Operation[Headers]:
        if self.id is not None and self.clock.now() > self._ends_at:
            yield from self._drop()
        return (yield from super().prepare(request))

    def _taken(self, made: Any) -> str:
        id = super()._taken(made)
        self._ends_at = made.get("expired_at", 0.0)
        return id


class LooksAtItsClock(Mutant):
    """Decides by its own clock whether a cache is still there."""

    def new_cache(self, session_id: str, owners: dict[str, SessionCache]) -> SessionCache:
        """A cache with a clock."""
        cache = super().new_cache(session_id, owners)
        cache.clock = self.binding.clock  # type: ignore[attr-defined]
        return cache


class GivesCachesUpAfterAnHour(LooksAtItsClock):
    """Counts the hour from the making of a cache, whatever was renewed since."""

    breaks = frozenset({"CACHE-28", "CACHE-31"})
    cache_class = _Ageing


class TrustsItsOwnClock(LooksAtItsClock):
    """Compares the moment at which the API will forget a cache with its own clock."""

    breaks = frozenset({"CACHE-28", "CACHE-31"})
    cache_class = _Skewed


class SharesOneCache(Mutant):
    """Keeps one cache for all sessions."""

    breaks = frozenset({"CACHE-37"})
    shared: SessionCache | None = None

    def new_cache(self, session_id: str, owners: dict[str, SessionCache]) -> SessionCache:
        """The one there is."""
        self.shared = self.shared or super().new_cache(session_id, owners)
        return self.shared


class MakesCachesSideBySide(Mutant):
    """Does not wait for the cache that another request is making."""

    breaks = frozenset({"CACHE-31"})

    def session(self, session_id: str) -> CachingSession:
        """The same session, without its lock."""
        session = self.sound.session(session_id)
        session._one_at_a_time = _NoLock()
        return session


class _NoLock(asyncio.Lock):
    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_: object) -> None:
        return None


class HoldsEverybodyUp(Mutant):
    """Lets one session at a time speak to /v1/caching, so that a slow cache stops them all."""

    breaks = frozenset({"CACHE-23"})

    def begin(self) -> None:
        """Nothing is remembered yet."""
        self._one_at_a_time = asyncio.Lock()

    def session(self, session_id: str) -> CachingSession:
        """The same session, with the lock of all."""
        session = self.sound.session(session_id)
        session._one_at_a_time = self._one_at_a_time
        return session


class _Invented(SessionCache):
    def _taken(self, made: Any) -> str:
        id = made.get("id") if isinstance(made, Mapping) else None
        if not id:
            made = {"id": "cache-of-this-session", "status": "ready"}
        return super()._taken(made)


class InventsAnId(Mutant):
    """Makes an id up where the API gives none, and uses it from then on."""

    breaks = frozenset({"CACHE-19", "CACHE-23"})
    cache_class = _Invented


class _Anybodys(SessionCache):
    def _taken(self, made: Any) -> str:
        self._owners.clear()
        return super()._taken(made)


class TakesAnIdTwice(Mutant):
    """Takes an id that another session has, and deletes it for both."""

    breaks = frozenset({"CACHE-37"})
    cache_class = _Anybodys


class SharesCachesBetweenClients(Mutant):
    """Keeps caches by the name of their session, for every client of the process."""

    breaks = frozenset({"CACHE-02", "CACHE-37"})
    kept: ClassVar[dict[tuple[Clock, str], SessionCache]] = {}  # two checks have two clocks

    def new_cache(self, session_id: str, owners: dict[str, SessionCache]) -> SessionCache:
        """The one that any client has made."""
        new = super().new_cache(session_id, owners)
        return self.kept.setdefault((self.binding.clock, session_id), new)


class _CutInACall(SessionCache):
    _request: ChatRequest

    def prepare(self, request: ChatRequest) -> Operation[Headers]:
        self._request = request
        return (yield from super().prepare(request))

    def _create(self, cached: Mapping[str, Any]) -> Operation[str | None]:
        messages = list(self._request.messages)
        calls = [place for place, each in enumerate(messages) if each.get("tool_calls")]
        if calls:
            cached = {**cached, "messages": messages[: calls[0] + 1]}
        return (yield from super()._create(cached))


class CutsACacheInACall(Mutant):
    """Caches a conversation up to its first tool call, and not what the tool gave."""

    breaks = frozenset({"CACHE-19", "CACHE-38"})
    cache_class = _CutInACall


class HidesTheCache(Mutant):
    """Does not tell which cache a session uses."""

    breaks = frozenset({"CACHE-29"})

    def session(self, session_id: str) -> CachingSession:
        """The same session, its cache unknown."""
        return _Unknowing(super().session(session_id))


class _Unknowing:
    cache_id = None

    def __init__(self, sound: CachingSession) -> None:
        self._sound = sound

    async def chat(self, request: ChatRequest) -> Completion:
        return await self._sound.chat(request)


class LogsNothing(Mutant):
    """Keeps to itself what becomes of a cache."""

    breaks = frozenset({"CACHE-33"})

    def session(self, session_id: str) -> CachingSession:
        """The same session, which does not log."""
        return _Unlogged(super().session(session_id))


class _Unlogged:
    def __init__(self, sound: CachingSession) -> None:
        self._sound = sound

    @property
    def cache_id(self) -> str | None:
        return self._sound.cache_id

    async def chat(self, request: ChatRequest) -> Completion:
        with unlogged(sessions.logger, lambda record: record.levelno == logging.DEBUG):
            return await self._sound.chat(request)


MUTANTS = (
    HidesTheCache,
    LogsNothing,
    MakesACacheForEveryRequest,
    CleansUpBetweenRequests,
    KeepsOutdatedCaches,
    LeavesCachesBehind,
    UsesTheOldCacheInstead,
    InsistsOnACache,
    CachesForEveryModel,
    CachesWhateverIsSaid,
    CachesEmptyMessages,
    GivesCachesUpAfterAnHour,
    TrustsItsOwnClock,
    SharesOneCache,
    MakesCachesSideBySide,
    HoldsEverybodyUp,
    InventsAnId,
    CutsACacheInACall,
    TakesAnIdTwice,
    SharesCachesBetweenClients,
)
