"""
Sends recorded requests again, as one client would: in order, with the ids of today.

What an answer names by an id (a file, a cache) is named otherwise the next time, so later
requests of the recording carry the id that was given now. Where nothing was given, the
requests that need it are left out: their answers would tell of the first one only. The key was
taken out of every recording; what was refused for its key is sent without one, or with a wrong
one, as the refusal says.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeGuard

from kimi_conformance.checks import WRONG_KEY
from kimi_conformance.stage import Source
from kimi_conformance.stage.source import arrived
from kimi_conformance.wire.erasing import erase, erase_in_frames
from kimi_conformance.wire.exchange import Answer, Exchange, Request
from kimi_conformance.wire.json_values import is_count, members, parse_json

__all__ = ["LONGEST_ID", "Session"]

_KEYLESS = "incorrect_api_key_error"  # how a request without any key is refused
_MOMENTS = ("created_at", "created")
LONGEST_ID = 256  # characters of one that is sent back
LAST_MOMENT = 2**53  # seconds since the Unix epoch that a float can tell apart


@dataclass(slots=True, kw_only=True)
class Session:
    """One pass through a recording.

    Attributes:
        source: What answers.
        api_key: What it takes.
        model_for: Which model is asked in place of a recorded one.
        now: Seconds since the Unix epoch.
        given: Ids of today by those of the recording.
        lost: Recorded ids in whose place nothing was given.
    """

    source: Source
    api_key: str
    model_for: Mapping[str, str]
    now: Callable[[], float]
    given: dict[str, str] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)

    async def ask(self, recorded: Exchange) -> tuple[Request, Answer] | None:
        """What is sent today and answered in whole; None: it needs what was not given.

        Raises:
            TransportError: Nobody answered.
            BudgetError: The budget does not cover it.
        """
        if any(id.encode() in _told(recorded.request) for id in self.lost):
            return None
        request = self._request(recorded)
        answer = self._clean(await arrived(await self.source.answer(request)))
        self._learn(recorded.answer, answer)
        return request, answer

    def _clean(self, answer: Answer) -> Answer:
        """The answer as a recording would have it: without the key."""

        def clean(data: bytes) -> bytes:
            return erase(data, (self.api_key,))

        headers = [
            (name, clean(value.encode("latin-1", "replace")).decode("latin-1"))
            for name, value in answer.headers
        ]
        return replace(answer, headers=tuple(headers), frames=erase_in_frames(answer.frames, clean))

    def _request(self, recorded: Exchange) -> Request:
        request = recorded.request
        headers = tuple(
            (name, self._renamed(value))
            for name, value in request.headers
            if name.lower() not in {"content-length", "accept-encoding", "authorization"}
        )
        key = _key_for(recorded.answer, self.api_key)
        named = (("Authorization", f"Bearer {key}"),) if key is not None else ()
        return replace(
            request,
            path=self._renamed(request.path),
            query=self._renamed(request.query),
            headers=(*headers, ("Accept-Encoding", "identity"), *named),
            body=self._body(recorded),
        )

    def _body(self, recorded: Exchange) -> bytes:
        data = recorded.request.body
        for old, new in self.given.items():
            data = data.replace(old.encode(), new.encode())
        body = parse_json(data)
        if not isinstance(body, dict):
            return data
        changed = dict(body)
        if (model := body.get("model")) in self.model_for:
            changed["model"] = self.model_for[str(model)]
        moment = _moment(recorded.answer)
        if _is_moment(body.get("expired_at")) and moment is not None:
            changed["expired_at"] = int(body["expired_at"] - moment + self.now())
        if changed == body:
            return data
        return json.dumps(changed, ensure_ascii=False, separators=(",", ":")).encode()

    def _renamed(self, text: str) -> str:
        for old, new in self.given.items():
            text = text.replace(old, new)
        return text

    def _learn(self, recorded: Answer, answer: Answer) -> None:
        before = dict(_ids(parse_json(recorded.body), ""))
        after = dict(_ids(parse_json(answer.body), "")) if answer.status < 400 else {}
        for place, id in before.items():
            if place in after:
                if after[place] != id:
                    self.given[id] = after[place]
            elif answer.status >= 400 > recorded.status:
                self.lost.add(id)


def _told(request: Request) -> bytes:
    return f"{request.path}?{request.query}\n{request.headers}\n".encode() + request.body


def _key_for(recorded: Answer, api_key: str) -> str | None:
    """The key that makes the recorded answer's case: the right one, a wrong one, or none."""
    if recorded.status != 401:
        return api_key
    error = members(members(parse_json(recorded.body)).get("error"))
    return None if error.get("type") == _KEYLESS else WRONG_KEY


def _moment(recorded: Answer) -> float | None:
    body = members(parse_json(recorded.body))
    moments = (body.get(name) for name in _MOMENTS)
    return next((float(value) for value in moments if _is_moment(value)), None)


def _is_moment(value: Any) -> TypeGuard[int]:
    return is_count(value) and value < LAST_MOMENT


def _ids(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Ids by where they stand; those of completions, which nobody refers to, do no harm."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, str) and (key == "id" or key.endswith("_id")) and _is_id(inner):
                yield f"{place}.{key}", inner
            else:
                yield from _ids(inner, f"{place}.{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _ids(inner, f"{place}[{number}]")


def _is_id(text: str) -> bool:
    """Whether it can stand in a path and in a header, and is no word that stands anywhere."""
    return 7 < len(text) <= LONGEST_ID and text.isascii() and text.isprintable()
