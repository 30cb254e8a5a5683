"""Clients that break a wire law in what they send, whatever they send it for."""

import json
from typing import Any

from kimi_conformance.adapters.mutants.mutant import Mutant, with_body
from kimi_conformance.http import httpx

__all__ = ["MUTANTS"]


class OtherChat(Mutant):
    """Sends what `body` makes of the body of a chat outside of sessions."""

    def body(self, sound: dict[str, Any]) -> object:
        """The body that is sent."""
        raise NotImplementedError

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """Change such chats only."""
        if self.doing != "chat":
            return request
        return with_body(request, self.body(json.loads(request.content)))


class SendsPythonInPlaceOfJSON(OtherChat):
    """Writes a body as the language prints it."""

    breaks = frozenset(
        {
            "CONFIG-22",
            "FILTER-10",
            "MM-01",
            "PERF-09",
            "REQ-03",
            "REQ-04",
            "REQ-06",
            "REQ-08",
            "REQ-09",
            "REQ-17",
            "RETRY-06",
            "SENT-001",
            "TOOL-01",
            "TOOL-02",
            "TOOL-05",
            "TOOL-05-K2",
            "UX-06",
        }
    )

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """Single quotes."""
        request = super().outgoing(request)
        if self.doing == "chat":
            literal = repr(json.loads(request.content)).encode()
            request.stream = httpx.ByteStream(literal)
            request.headers["Content-Length"] = str(len(literal))
        return request

    def body(self, sound: dict[str, Any]) -> object:
        """The same."""
        return sound


class SignsInUTF8(Mutant):
    """Puts its maker's name into a header, in characters that no header may hold."""

    breaks = frozenset({"SENT-004"})

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """A user agent of the Moonshot."""
        others = [pair for pair in request.headers.raw if pair[0].lower() != b"user-agent"]
        request.headers = httpx.Headers([*others, (b"User-Agent", "月之暗面".encode())])
        return request


class NamesNoModel(OtherChat):
    """Leaves the choice of the model to the API."""

    breaks = frozenset({"FILTER-10", "REQ-04", "REQ-06", "REQ-08", "SENT-006", "UX-06"})

    def body(self, sound: dict[str, Any]) -> object:
        """Without the model."""
        return {name: value for name, value in sound.items() if name != "model"}


class InventsARole(OtherChat):
    """Speaks of a human where the API says user."""

    breaks = frozenset({"MM-01", "REQ-04", "REQ-06", "SENT-007"})

    def body(self, sound: dict[str, Any]) -> object:
        """Roles of another API."""
        return {**sound, "messages": [{**each, "role": "human"} for each in sound["messages"]]}


class DropsToolResults(Mutant):
    """Tells the API which tools were called, and not what they said."""

    breaks = frozenset({"REQ-15", "SENT-009", "TOOL-03", "TOOL-06"})

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """Chats without tool messages."""
        if not request.url.path.endswith("/chat/completions"):
            return request
        body = json.loads(request.content)
        kept = [message for message in body["messages"] if message["role"] != "tool"]
        return with_body(request, {**body, "messages": kept})


MUTANTS = (
    SendsPythonInPlaceOfJSON,
    SignsInUTF8,
    NamesNoModel,
    InventsARole,
    DropsToolResults,
)
