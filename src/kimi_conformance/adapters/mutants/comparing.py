"""Clients whose sessions compare a request in a wrong way with what their cache was made for."""

import json
from collections.abc import Mapping
from typing import Any

from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.protocol import ChatRequest
from kimi_conformance.adapters.reference.effects import Operation
from kimi_conformance.adapters.reference.sessions import SessionCache

__all__ = ["MUTANTS"]

Headers = Mapping[str, str]


class LenientCache(SessionCache):
    """Takes a request for the one before where `alike` says so."""

    _before: ChatRequest | None = None
    asked = 0

    def alike(self, before: ChatRequest, request: ChatRequest) -> bool:
        """Whether the cache of one is taken for that of the other."""
        raise NotImplementedError

    def prepare(self, request: ChatRequest) -> Operation[Headers]:
        """Compare by another rule."""
        self.asked += 1
        if self._before is None or not self.alike(self._before, request):
            self._before = request
        return (yield from super().prepare(self._before))


def _rules(request: ChatRequest) -> list[Mapping[str, Any]]:
    return [message for message in request.messages if message["role"] == "system"]


def _contents(request: ChatRequest) -> list[Any]:
    return [message["content"] for message in _rules(request)]


def _flat(content: Any) -> str:
    parts = [content] if isinstance(content, str) else [part["text"] for part in content]
    return "".join(parts)


def _tools(request: ChatRequest) -> str:
    return json.dumps(request.tools or [])  # where 1 and true differ


class _AnyOrder(LenientCache):
    def alike(self, before: ChatRequest, request: ChatRequest) -> bool:
        same = sorted(map(json.dumps, _rules(before))) == sorted(map(json.dumps, _rules(request)))
        return same and _tools(before) == _tools(request)


class _RoleAndContent(LenientCache):
    def alike(self, before: ChatRequest, request: ChatRequest) -> bool:
        return _contents(before) == _contents(request) and _tools(before) == _tools(request)


class _Beginnings(LenientCache):
    def alike(self, before: ChatRequest, request: ChatRequest) -> bool:
        begin, again = (
            [_flat(each)[:10].lower() for each in _contents(r)] for r in (before, request)
        )
        return begin == again and _tools(before) == _tools(request)


class _NoTools(LenientCache):
    def alike(self, before: ChatRequest, request: ChatRequest) -> bool:
        return _rules(before) == _rules(request)


class _ToolCount(LenientCache):
    def alike(self, before: ChatRequest, request: ChatRequest) -> bool:
        same = len(before.tools or ()) == len(request.tools or ())
        return same and _rules(before) == _rules(request)


class _Equality(LenientCache):
    def alike(self, before: ChatRequest, request: ChatRequest) -> bool:
        return _rules(before) == _rules(request) and before.tools == request.tools


class _Identity(LenientCache):
    def alike(self, before: ChatRequest, request: ChatRequest) -> bool:
        same = before.messages[0] is request.messages[0] and _tools(before) == _tools(request)
        self._content = self._content if same else None  # so that it is made anew
        return same


class _FirstTwo(LenientCache):
    def alike(self, before: ChatRequest, request: ChatRequest) -> bool:
        same = _rules(before) == _rules(request) and _tools(before) == _tools(request)
        return self.asked > 2 or same


class IgnoresTheOrderOfMessages(Mutant):
    """Compares messages as a set."""

    breaks = frozenset({"CACHE-14", "CACHE-19"})
    cache_class = _AnyOrder


class ComparesRoleAndContentOnly(Mutant):
    """Does not look at the other fields of a message."""

    breaks = frozenset({"CACHE-15", "CACHE-19"})
    cache_class = _RoleAndContent


class ComparesBeginningsOnly(Mutant):
    """Compares the first words of a message, in any case and form."""

    breaks = frozenset({"CACHE-15", "CACHE-19"})
    cache_class = _Beginnings


class IgnoresTools(Mutant):
    """Does not compare tools."""

    breaks = frozenset({"CACHE-16", "CACHE-19"})
    cache_class = _NoTools


class CountsTools(Mutant):
    """Compares the number of tools."""

    breaks = frozenset({"CACHE-16", "CACHE-19"})
    cache_class = _ToolCount


class TakesTrueForOne(Mutant):
    """Compares values as its language does, and takes 1 for true."""

    breaks = frozenset({"CACHE-16", "CACHE-19"})
    cache_class = _Equality


class ComparesTwiceOnly(Mutant):
    """Trusts its cache from the third request on."""

    breaks = frozenset({"CACHE-19"})
    cache_class = _FirstTwo


class ComparesObjects(Mutant):
    """Takes equal messages in another object for other messages."""

    breaks = frozenset({"CACHE-31"})
    cache_class = _Identity


MUTANTS = (
    IgnoresTheOrderOfMessages,
    ComparesRoleAndContentOnly,
    ComparesBeginningsOnly,
    IgnoresTools,
    CountsTools,
    TakesTrueForOne,
    ComparesTwiceOnly,
    ComparesObjects,
)
