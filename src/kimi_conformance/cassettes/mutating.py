"""
Recordings that are changed on purpose: what no check notices in them, no check protects.

A mutation takes the answer of one exchange apart, changes one thing in it, and says where. The
changed recording gets a digest that fits, so that it is the checks that have to notice.
"""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from kimi_conformance.cassettes.cassette import Cassette, digest_of
from kimi_conformance.cassettes.unspoken import UNSPOKEN
from kimi_conformance.wire.exchange import Answer, Exchange, Frame

__all__ = ["MUTATIONS", "Mutant", "mutant_of"]

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A changed recording.

    Attributes:
        cassette: It, with a digest that fits.
        mutation: The name of what was done, one of `MUTATIONS`.
        where: To what: "choices.*.delta.content", "200 → 404".
        request: Of which exchange: "POST /v1/chat/completions".
    """

    cassette: Cassette
    mutation: str
    where: str
    request: str


@dataclass(slots=True)
class _Part:
    """An event of a stream, or a whole body: its JSON, or None, with the bytes around it."""

    before: bytes
    value: Any
    after: bytes

    @property
    def data(self) -> bytes:
        if self.value is None:
            return self.before + self.after
        text = json.dumps(self.value, ensure_ascii=False, separators=(",", ":"))
        return self.before + text.encode() + self.after


@dataclass(slots=True)
class _Draft:
    """An answer, taken apart for one change."""

    status: int
    parts: list[_Part]
    speaks: Callable[[str], bool]  # whether a requirement speaks of this place
    whole: bool = True

    @property
    def streamed(self) -> bool:
        return len(self.parts) > 1


Mutation = Callable[[_Draft, random.Random], str | None]


def mutant_of(cassette: Cassette, mutation: str, seed: str) -> Mutant | None:
    """The recording with one thing changed in one of its answers; None: there is no such thing.

    The same seed gives the same mutant.
    """
    chance = random.Random(f"{seed} {mutation} {cassette.provenance.digest}")  # noqa: S311
    numbers = list(range(len(cassette.interactions)))
    chance.shuffle(numbers)
    for number in numbers:
        exchange = cassette.interactions[number]
        asked = _named(exchange)
        draft = _taken_apart(exchange.answer, partial(_is_spoken_of, mutation, asked))
        where = MUTATIONS[mutation](draft, chance)
        if where is None:
            continue
        interactions = list(cassette.interactions)
        interactions[number] = replace(exchange, answer=_put_together(exchange.answer, draft))
        made = replace(cassette.provenance, digest=digest_of(interactions))
        return Mutant(
            cassette=Cassette(provenance=made, interactions=interactions),
            mutation=mutation,
            where=where,
            request=asked,
        )
    return None


def _named(exchange: Exchange) -> str:
    """A request without the ids in its path."""
    path = exchange.request.path.split("/")
    known = [part if part.isalpha() or part == "v1" or "_" in part else "…" for part in path[1:]]
    return f"{exchange.request.method} /{'/'.join(known)}"


def _is_spoken_of(mutation: str, request: str, place: str) -> bool:
    return not any(rule.covers(mutation, request, place) for rule in UNSPOKEN)


def _taken_apart(answer: Answer, speaks: Callable[[str], bool]) -> _Draft:
    kind = answer.header("Content-Type") or ""
    if kind.startswith("text/event-stream"):
        events = answer.body.split(b"\n\n")
        parts = [_event(event + b"\n\n") for event in events[:-1]]
        return _Draft(answer.status, parts, speaks)
    return _Draft(answer.status, [_part(b"", answer.body, b"")], speaks)


def _event(text: bytes) -> _Part:
    before, data, rest = text.partition(b"data: ")
    return _part(before + data, rest.rstrip(b"\n"), b"\n\n")


def _part(before: bytes, text: bytes, after: bytes) -> _Part:
    try:
        return _Part(before, json.loads(text), after)
    except ValueError:
        return _Part(before + text, None, after)


def _put_together(answer: Answer, draft: _Draft) -> Answer:
    data = [part.data for part in draft.parts]
    if not draft.whole:
        data[-1] = data[-1][: len(data[-1]) // 2]
    frames = tuple(Frame(0.0, each) for each in data if each)
    return replace(answer, status=draft.status, frames=frames)


def _drop_chunk(draft: _Draft, chance: random.Random) -> str | None:
    """One event of a stream is missing."""
    if not draft.streamed:
        return None
    found = [part for part in draft.parts if draft.speaks(_kind_of(part))]
    if not found:
        return None
    part = chance.choice(found)
    draft.parts = [each for each in draft.parts if each is not part]
    return _kind_of(part)


def _kind_of(part: _Part) -> str:
    """What an event is for."""
    if not isinstance(part.value, dict):
        return "[DONE]"
    if "type" in part.value:
        return str(part.value["type"])
    choice = (part.value.get("choices") or [{}])[0]
    if choice.get("finish_reason"):
        return "finish_reason"
    delta = choice.get("delta", {})
    return "delta." + "+".join(sorted(key for key in delta)) if delta else "no delta"


def _finish_reason(draft: _Draft, chance: random.Random) -> str | None:
    """An answer ended for a reason that there is not."""
    return _change(
        draft,
        chance,
        lambda place, value: place[-1] in {"finish_reason", "stop_reason"} and value is not None,
        lambda _value: "finished",
    )


def _swap_ids(draft: _Draft, chance: random.Random) -> str | None:
    """Two things have each other's id, or one event has another id than the rest."""
    found = list(_leaves(draft, lambda place, value: place[-1] == "id" and isinstance(value, str)))
    if len(found) < 2:
        return None
    one = chance.choice(found)
    other = next((each for each in found if each[2] != one[2]), None)
    if other is None:
        _put(one, f"{one[2][:-1]}{'0' if one[2][-1] != '0' else '1'}")
    else:
        _put(one, other[2])
        _put(other, one[2])
    return _shown(one[1])


def _remove_field(draft: _Draft, chance: random.Random) -> str | None:
    """A field is missing."""
    found = [
        (part, place)
        for part in draft.parts
        for place, _ in _walk(part.value, ())
        if place and isinstance(place[-1], str) and draft.speaks(_shown(place))
    ]
    if not found:
        return None
    part, place = chance.choice(found)
    del _at(part.value, place[:-1])[place[-1]]
    return _shown(place)


def _alter_number(draft: _Draft, chance: random.Random) -> str | None:
    """A number is another one, below zero."""
    return _change(
        draft, chance, lambda _place, value: type(value) in {int, float}, lambda value: -value - 7
    )


def _change_type(draft: _Draft, chance: random.Random) -> str | None:
    """A value is of another type."""
    return _change(
        draft,
        chance,
        lambda _place, value: isinstance(value, str | bool | int | float),
        lambda value: [value],
    )


def _status(draft: _Draft, chance: random.Random) -> str | None:
    """Another status; none that says that the API is down, since that decides nothing."""
    before = draft.status
    if not draft.speaks(str(before)):
        return None
    draft.status = chance.choice([404, 302]) if before < 400 else chance.choice([200, 418])
    return f"{before} → {draft.status}"


def _cut_body(draft: _Draft, _chance: random.Random) -> str | None:
    """The end of the body is missing."""
    if not draft.speaks("the body") or not draft.parts or len(draft.parts[-1].data) < 2:
        return None
    draft.whole = False
    return "the body"


def _change(
    draft: _Draft,
    chance: random.Random,
    wanted: Callable[[Place, Any], bool],
    changed: Callable[[Any], Any],
) -> str | None:
    found = list(_leaves(draft, wanted))
    if not found:
        return None
    leaf = chance.choice(found)
    _put(leaf, changed(leaf[2]))
    return _shown(leaf[1])


Leaf = tuple[_Part, Place, Any]


def _leaves(draft: _Draft, wanted: Callable[[Place, Any], bool]) -> Iterator[Leaf]:
    for part in draft.parts:
        for place, value in _walk(part.value, ()):
            if not place or isinstance(value, dict | list) or not wanted(place, value):
                continue
            if draft.speaks(_shown(place)):
                yield part, place, value


def _walk(value: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    """Every value in a JSON value with its place, itself first."""
    yield place, value
    if isinstance(value, dict):
        pairs: Sequence[tuple[str | int, Any]] = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    else:
        return
    for key, inner in pairs:
        yield from _walk(inner, (*place, key))


def _put(leaf: Leaf, value: Any) -> None:
    part, place, _ = leaf
    _at(part.value, place[:-1])[place[-1]] = value


def _at(value: Any, place: Place) -> Any:
    for key in place:
        value = value[key]
    return value


def _shown(place: Place) -> str:
    """A place in JSON: choices.*.delta.content."""
    return ".".join("*" if isinstance(key, int) else key for key in place)


MUTATIONS: Mapping[str, Mutation] = {
    "drop_chunk": _drop_chunk,
    "finish_reason": _finish_reason,
    "swap_ids": _swap_ids,
    "remove_field": _remove_field,
    "alter_number": _alter_number,
    "change_type": _change_type,
    "status": _status,
    "cut_body": _cut_body,
}
