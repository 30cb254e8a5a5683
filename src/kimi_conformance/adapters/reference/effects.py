"""
What an operation asks of the world, and what it is given.

An operation (list the models, ask, make a cache) is written once, as a generator: it yields
what is to be sent and is given the answer, or the error is raised where it stands; it yields
how long to wait and goes on after that. So
building requests and reading answers is free of I/O, and the same lines serve callers that
are asynchronous and callers that are not; `drivers` performs them.
"""

import math
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from kimi_conformance.http import httpx

__all__ = ["Answer", "Operation", "Send", "Wait"]

CONNECT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Send this request and come back with its answer.

    Attributes:
        method: "GET".
        url: Where to.
        headers: All that the client library does not add by itself.
        content: The body, or None.
        silence_s: How long the other side may say nothing.
        budget_s: How long all of it may take.
    """

    method: str
    url: httpx.URL
    headers: Mapping[str, str]
    content: bytes | None = None
    silence_s: float
    budget_s: float = math.inf

    @property
    def secret(self) -> str:
        """The key that it carries, which no message may show."""
        return self.headers.get("Authorization", "").removeprefix("Bearer ")

    def arguments(self) -> dict[str, Any]:
        """The same, as the client library's `stream` takes it."""
        longest = min(self.silence_s, self.budget_s)
        return {
            "method": self.method,
            "url": self.url,
            "headers": dict(self.headers),
            "content": self.content,
            "timeout": httpx.Timeout(longest, connect=min(longest, CONNECT_S)),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer, whatever its status; `headers` are looked up in any case."""

    status: int
    headers: httpx.Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """Let this much time pass; there is no answer to it."""

    seconds: float


T = TypeVar("T")
Operation: TypeAlias = Generator[Send | Wait, Answer, T]
