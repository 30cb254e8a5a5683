"""
The source that replays a recording, strictly.

Method, path, query and canonical JSON body must be those of an interaction that was not
used yet; nothing else is answered. `unused` tells what the client never asked for.
"""

import json
from collections.abc import Sequence
from dataclasses import replace

from kimi_conformance.cassettes.cassette import Cassette
from kimi_conformance.errors import CassetteError
from kimi_conformance.wire.exchange import Answer, Exchange, Frame, Request

__all__ = ["Player"]


class Player:
    """Plays one cassette for one client.

    Args:
        cassette: What was recorded.
        name: What messages call it.
    """

    kind = "cassette"

    def __init__(self, cassette: Cassette, name: str) -> None:
        self._name = name
        self._left = list(cassette.interactions)
        self._all = tuple(cassette.interactions)

    @property
    def unused(self) -> Sequence[Exchange]:
        """The interactions that nobody asked for."""
        return tuple(self._left)

    async def answer(self, request: Request) -> Answer:
        """The recorded answer to this request.

        Raises:
            CassetteError: None was recorded, or it was used already.
        """
        wanted = _key(request)
        for exchange in self._left:
            if _key(exchange.request) == wanted:
                self._left.remove(exchange)
                return _at_once(exchange.answer)
        raise CassetteError(self._explain(request))

    def _explain(self, request: Request) -> str:
        line = f"{request.method} {request.path}"
        again = f"Record it anew with: kimi-conformance record {self._name}"
        used = [e for e in self._all if _key(e.request) == _key(request)]
        if used:
            return (
                f"Cassette '{self._name}' holds {line} {len(used)} time(s), and it was asked for "
                f"once more. {again}"
            )
        similar = [e for e in self._all if f"{e.request.method} {e.request.path}" == line]
        if not similar:
            held = ", ".join(
                dict.fromkeys(f"{e.request.method} {e.request.path}" for e in self._all)
            )
            return f"Cassette '{self._name}' holds no {line}. It holds: {held}. {again}"
        differences = _differences(similar[0].request, request)
        return (
            f"Cassette '{self._name}' holds no interaction for {line} with this request.\n"
            f"Closest: {similar[0].id}, which differs in {', '.join(differences)}.\n{again}"
        )


def _at_once(answer: Answer) -> Answer:
    """The answer in its pieces, but without the time that they took: nobody waits in a gate."""
    return replace(answer, frames=tuple(Frame(0.0, frame.data) for frame in answer.frames))


def _key(request: Request) -> tuple[str, str, str, str | bytes]:
    return request.method, request.path, request.query, _canonical(request.body)


def _canonical(body: bytes) -> str | bytes:
    """JSON with sorted keys, so that only what it says counts; other bodies as they are."""
    try:
        return json.dumps(json.loads(body), sort_keys=True, ensure_ascii=False)
    except ValueError:
        return body


def _differences(recorded: Request, asked: Request) -> list[str]:
    if recorded.query != asked.query:
        return ["the query"]
    try:
        return list(_paths(recorded.json, asked.json, "")) or ["nothing but its number of uses"]
    except ValueError:
        return ["the body, which is no JSON"]


def _paths(recorded: object, asked: object, at: str) -> list[str]:
    """Where two JSON values differ: "messages[1].content", the first eight of them."""
    if isinstance(recorded, dict) and isinstance(asked, dict):
        keys = sorted({*recorded, *asked})
        nested = [
            _paths(recorded.get(key), asked.get(key), f"{at}.{key}" if at else key)
            for key in keys
            if recorded.get(key) != asked.get(key)
        ]
    elif isinstance(recorded, list) and isinstance(asked, list) and len(recorded) == len(asked):
        nested = [
            _paths(old, new, f"{at}[{place}]")
            for place, (old, new) in enumerate(zip(recorded, asked, strict=True))
            if old != new
        ]
    else:
        return [at or "the body"]
    return [path for paths in nested for path in paths][:8]
