"""
What a fault is: a way to be wrong, put around the sound simulator.

A fault is given the request and the sound API, and gives an answer. It may change the request
before it hands it on, waive a rule, touch the world, or change the sound answer; it does no
I/O and makes no choice of its own. A fault that breaks nothing is a **benign variant**: odd,
but legal, and every check must stay green with it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kimi_conformance.simulator.go_json import go_json
from kimi_conformance.simulator.routes import BATCHES, CACHING, CHAT, FILES, FORMULAS, MESSAGES
from kimi_conformance.simulator.world import World
from kimi_conformance.wire.exchange import Answer, Request

__all__ = [
    "Change",
    "Fault",
    "Parameters",
    "Serve",
    "Sound",
    "anything",
    "batches",
    "caching",
    "chats",
    "files",
    "formulas",
    "messages",
    "models",
    "sent",
    "streams",
    "wholes",
    "with_key",
    "with_sent",
    "without_headers",
]

Parameters = Mapping[str, Any]
"""The settings of a fault, by name."""
Serve = Callable[[Request, frozenset[str]], Answer]


@dataclass(frozen=True, slots=True)
class Sound:
    """The API as it would be without this fault.

    Attributes:
        serve: Answers a request; the second argument names the rules not to ask.
        world: What the simulator knows; a fault may change it.
        now: Seconds since the Unix epoch.
    """

    serve: Serve
    world: World
    now: float

    def reply(self, request: Request, *waived: str) -> Answer:
        """The answer, with these rules waived."""
        return self.serve(request, frozenset(waived))


Change = Callable[[Request, Sound, Parameters], Answer]
"""Answers a request wrongly, by what the sound API would say."""


def anything(_: Request) -> bool:
    """Every request."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to be wrong, or to be odd.

    Attributes:
        name: Unique in the table.
        text: What the endpoint does then, as a sentence.
        change: Gives the answer.
        touches: The requests that it can make a difference to; only these are counted where
            a switch says `nth`.
        breaks: The ids of the requirements that it breaks.
        benign: Whether it is legal; then it breaks nothing.
        edition: The edition in which it is proven: the oldest of what it breaks.
        defaults: The parameters that a switch may set, with their values otherwise.
    """

    name: str
    text: str
    change: Change
    touches: Callable[[Request], bool] = anything
    breaks: frozenset[str] = frozenset()
    benign: bool = False
    edition: str = "2025-09"
    defaults: Parameters = field(default_factory=dict)


def chats(request: Request) -> bool:
    """Chat requests."""
    return request.method == "POST" and request.path == CHAT


def streams(request: Request) -> bool:
    """Chat requests that ask for a stream."""
    return chats(request) and sent(request).get("stream") is True


def wholes(request: Request) -> bool:
    """Chat requests that ask for a whole answer."""
    return chats(request) and sent(request).get("stream") is not True


def models(request: Request) -> bool:
    """Requests for the model list."""
    return request.method == "GET" and request.path == "/v1/models"


def caching(request: Request) -> bool:
    """Requests that manage caches."""
    return request.path == CACHING or request.path.startswith(f"{CACHING}/")


def files(request: Request) -> bool:
    """Requests about files."""
    return request.path == FILES or request.path.startswith(f"{FILES}/")


def batches(request: Request) -> bool:
    """Requests about batches."""
    return request.path == BATCHES or request.path.startswith(f"{BATCHES}/")


def formulas(request: Request) -> bool:
    """Requests about official tools."""
    return request.path.startswith(f"{FORMULAS}/")


def messages(request: Request) -> bool:
    """Requests to the Anthropic face."""
    return request.path == MESSAGES


def sent(request: Request) -> dict[str, Any]:
    """The JSON object that was sent, a new one each time; {} for anything else."""
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def with_sent(request: Request, body: Mapping[str, Any]) -> Request:
    """The same request with another body."""
    return replace(request, body=go_json(body))


def without_headers(request: Request, *names: str) -> Request:
    """The same request without some headers, named in lower case."""
    kept = tuple(pair for pair in request.headers if pair[0].lower() not in names)
    return replace(request, headers=kept)


def with_key(request: Request, key: str) -> Request:
    """The same request with another key."""
    bare = without_headers(request, "authorization")
    return replace(bare, headers=(*bare.headers, ("Authorization", f"Bearer {key}")))
