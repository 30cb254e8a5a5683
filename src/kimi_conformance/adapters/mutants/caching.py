"""Clients that make, use or remove caches in a wrong way, as it is seen on the wire."""

import json
from collections.abc import Mapping
from typing import Any

from kimi_conformance.adapters.mutants.mutant import Mutant, body_of, with_body
from kimi_conformance.adapters.reference.sessions import RESET_TTL, USE
from kimi_conformance.http import httpx

__all__ = ["MUTANTS"]


def _makes(request: httpx.Request) -> bool:
    return request.method == "POST" and request.url.path.endswith("/caching")


def _deletes(request: httpx.Request) -> bool:
    return request.method == "DELETE"


def _uses(request: httpx.Request) -> bool:
    return USE in request.headers


class OtherCreation(Mutant):
    """Sends another body to make a cache."""

    def body(self, sound: dict[str, Any]) -> Mapping[str, Any]:
        """The body that is sent."""
        raise NotImplementedError

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """Change creations only."""
        if not _makes(request):
            return request
        return with_body(request, self.body(json.loads(request.content)))


class OtherUse(Mutant):
    """Changes a chat that uses a cache."""

    def using(self, request: httpx.Request) -> httpx.Request:
        """What is sent in place of such a chat."""
        raise NotImplementedError

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """Change such chats only."""
        return self.using(request) if _uses(request) else request


class CachesElsewhere(Mutant):
    """Makes caches at a path that the API does not have."""

    breaks = frozenset(
        {
            "CACHE-01",
            "CACHE-03",
            "CACHE-04",
            "CACHE-05",
            "CACHE-06",
            "CACHE-07",
            "CACHE-08",
            "CACHE-09",
            "CACHE-18",
            "CACHE-20",
            "CACHE-21",
            "CACHE-26",
            "CACHE-28",
            "CACHE-29",
            "CACHE-30",
            "CACHE-31",
            "CACHE-32",
            "CACHE-33",
            "CACHE-35",
            "CACHE-38",
        }
    )

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """Another path."""
        if _makes(request):
            path = request.url.path.replace("/caching", "/caches")
            request.url = request.url.copy_with(path=path)
        return request


class CachesForOneModel(OtherCreation):
    """Names the chat's model where the family belongs."""

    breaks = frozenset({"CACHE-04", "CACHE-26", "CACHE-35"})

    def body(self, sound: dict[str, Any]) -> Mapping[str, Any]:
        """A concrete model."""
        return {**sound, "model": "moonshot-v1-8k"}


class CachesWithoutNames(OtherCreation):
    """Caches role and content of a message, and nothing else of it."""

    breaks = frozenset({"CACHE-05", "CACHE-14", "CACHE-15", "CACHE-16", "CACHE-19", "CACHE-35"})

    def body(self, sound: dict[str, Any]) -> Mapping[str, Any]:
        """Messages with two fields."""
        messages = [
            {"role": message["role"], "content": message["content"]}
            for message in sound["messages"]
        ]
        return {**sound, "messages": messages}


class CachesForSixMinutes(OtherCreation):
    """Asks for a tenth of an hour."""

    breaks = frozenset({"CACHE-06", "CACHE-26"})

    def body(self, sound: dict[str, Any]) -> Mapping[str, Any]:
        """A digit too few."""
        return {**sound, "ttl": 360}


class CachesTidiedText(OtherCreation):
    """Strips white space off what it caches."""

    breaks = frozenset({"CACHE-13", "CACHE-15", "CACHE-19"})

    def body(self, sound: dict[str, Any]) -> Mapping[str, Any]:
        """Messages whose text is not quite the one sent."""
        messages = [
            {**message, "content": message["content"].strip()}
            if isinstance(message["content"], str)
            else message
            for message in sound["messages"]
        ]
        return {**sound, "messages": messages}


class CachesNoTools(OtherCreation):
    """Leaves the tools out of the cache."""

    breaks = frozenset({"CACHE-16", "CACHE-18", "CACHE-19"})

    def body(self, sound: dict[str, Any]) -> Mapping[str, Any]:
        """Messages only."""
        return {name: value for name, value in sound.items() if name != "tools"}


class CachesWithAFieldOfItsOwn(OtherCreation):
    """Sends a field that the API does not know."""

    breaks = frozenset({"CACHE-38"})

    def body(self, sound: dict[str, Any]) -> Mapping[str, Any]:
        """One field more."""
        return {**sound, "priority": 1}


class UsesNoCache(OtherUse):
    """Makes caches and forgets to use them."""

    breaks = frozenset({"CACHE-08", "CACHE-09", "CACHE-32", "CACHE-35"})

    def using(self, request: httpx.Request) -> httpx.Request:
        """Without both headers."""
        del request.headers[USE], request.headers[RESET_TTL]
        return request


class MistypesTheReset(OtherUse):
    """Sends the reset under a name that the API does not know."""

    breaks = frozenset({"CACHE-09", "CACHE-25", "CACHE-32", "CACHE-38"})

    def using(self, request: httpx.Request) -> httpx.Request:
        """X-Msh-Context-Cache-TTL."""
        request.headers["X-Msh-Context-Cache-TTL"] = request.headers.pop(RESET_TTL)
        return request


class RenewsForSixMinutes(OtherUse):
    """Renews a cache for a tenth of an hour."""

    breaks = frozenset({"CACHE-09"})

    def using(self, request: httpx.Request) -> httpx.Request:
        """A digit too few."""
        request.headers[RESET_TTL] = "360"
        return request


class RenewsTwiceOnly(OtherUse):
    """Renews a cache at its first two uses."""

    breaks = frozenset({"CACHE-25"})
    uses = 0

    def using(self, request: httpx.Request) -> httpx.Request:
        """From the third use on without the reset."""
        self.uses += 1
        if self.uses > 2:
            del request.headers[RESET_TTL]
        return request


class SpreadsCacheHeaders(Mutant):
    """Sends the id of the cache with every request."""

    breaks = frozenset({"CACHE-10", "SENT-008"})
    last: str | None = None

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """The header on requests that are no chats."""
        self.last = request.headers.get(USE, self.last)
        if self.last and not request.url.path.endswith("/chat/completions"):
            request.headers[USE] = self.last
        return request


class ChatsWithTheFamily(OtherUse):
    """Names the family in a chat too."""

    breaks = frozenset({"CACHE-11", "CACHE-26", "CACHE-35"})

    def using(self, request: httpx.Request) -> httpx.Request:
        """The model of the cache."""
        return with_body(request, {**json.loads(request.content), "model": "moonshot-v1"})


class LeavesCachedMessagesOut(OtherUse):
    """Sends what is not cached, and nothing else."""

    breaks = frozenset({"CACHE-12", "CACHE-13", "CACHE-35"})

    def using(self, request: httpx.Request) -> httpx.Request:
        """Without system messages."""
        body = json.loads(request.content)
        rest = [message for message in body["messages"] if message["role"] != "system"]
        return with_body(request, {**body, "messages": rest})


class LeavesCachedToolsOut(OtherUse):
    """Sends the tools with the cache, and not with the chat."""

    breaks = frozenset({"CACHE-18"})

    def using(self, request: httpx.Request) -> httpx.Request:
        """Without tools."""
        body = json.loads(request.content)
        return with_body(request, {name: body[name] for name in body if name != "tools"})


class SendsCacheHeadersTwice(OtherUse):
    """Adds cache headers where it should set them."""

    breaks = frozenset({"CACHE-32"})

    def using(self, request: httpx.Request) -> httpx.Request:
        """Both a second time."""
        again = [(name, request.headers[name]) for name in (USE, RESET_TTL)]
        request.headers = httpx.Headers([*request.headers.multi_items(), *again])
        return request


class ReplacesTheUsualHeaders(OtherUse):
    """Sends the cache headers in place of the usual ones."""

    breaks = frozenset({"CACHE-26", "CACHE-32", "CACHE-35", "SENT-002"})

    def using(self, request: httpx.Request) -> httpx.Request:
        """Without key and content type."""
        del request.headers["Authorization"], request.headers["Content-Type"]
        return request


class RequiresAHit(Mutant):
    """Takes a miss for a failure."""

    breaks = frozenset({"CACHE-17"})

    async def carry(self, request: httpx.Request) -> httpx.Response:
        """Raise where the answer does not name the cache."""
        response = await super().carry(request)
        if _uses(request) and "Msh-Context-Cache-Id" not in response.headers:
            raise RuntimeError("the cache was not hit")
        return response


class DeletesByQuery(Mutant):
    """Names the cache to delete in the query."""

    breaks = frozenset({"CACHE-21"})

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """Send DELETE /caching?id=…, as other APIs have it."""
        if _deletes(request):
            path, _, id = request.url.path.rpartition("/")
            request.url = request.url.copy_with(path=path, params={"id": id})
        return request


class StopsAtAFailedDeletion(Mutant):
    """Does not chat until the old cache is gone."""

    breaks = frozenset({"CACHE-24"})
    failed = False

    async def carry(self, request: httpx.Request) -> httpx.Response:
        """Refuse what follows a deletion that failed."""
        if self.failed and not _deletes(request):
            raise RuntimeError("the old cache is still there")
        self.failed = _deletes(request)
        response = await super().carry(request)
        if self.failed:
            response, data = await body_of(response)
            self.failed = not _deleted(response.status_code, data)
        return response


class WaitsForAReadyCache(Mutant):
    """Does not chat while its cache is not ready, or was made with another status than 200."""

    breaks = frozenset({"CACHE-23"})
    unready = False

    async def carry(self, request: httpx.Request) -> httpx.Response:
        """Refuse what follows such a creation."""
        if self.unready and not _makes(request):
            raise RuntimeError("the cache is not ready")
        response = await super().carry(request)
        if _makes(request):
            response, data = await body_of(response)
            granted = response.is_success
            self.unready = granted and (response.status_code != 200 or b'"pending"' in data)
        return response


def _deleted(status: int, data: bytes) -> bool:
    try:
        return status == httpx.codes.OK and json.loads(data)["deleted"] is True
    except ValueError:
        return False


MUTANTS = (
    CachesElsewhere,
    CachesForOneModel,
    CachesWithoutNames,
    CachesForSixMinutes,
    CachesTidiedText,
    CachesNoTools,
    CachesWithAFieldOfItsOwn,
    UsesNoCache,
    MistypesTheReset,
    RenewsForSixMinutes,
    RenewsTwiceOnly,
    SpreadsCacheHeaders,
    ChatsWithTheFamily,
    LeavesCachedMessagesOut,
    LeavesCachedToolsOut,
    SendsCacheHeadersTwice,
    ReplacesTheUsualHeaders,
    RequiresAHit,
    DeletesByQuery,
    StopsAtAFailedDeletion,
    WaitsForAReadyCache,
)
