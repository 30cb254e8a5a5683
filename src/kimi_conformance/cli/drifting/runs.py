"""One run held against another: what both asked."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kimi_conformance.cli.drifting.answered import tells_nothing, traits_of
from kimi_conformance.cli.drifting.found import Found
from kimi_conformance.cli.drifting.recordings import Recording
from kimi_conformance.drift import Answers, Trait, compare, grouped, route_of
from kimi_conformance.drift.observing import masked
from kimi_conformance.editions import Edition
from kimi_conformance.wire.exchange import Exchange

__all__ = ["between"]


def between(recordings: Sequence[Recording], after: Sequence[Recording], edition: Edition) -> Found:
    """Hold one run against another: what both asked, as often as the second one did.

    Amounts and the order of chunks are compared only where the second run asked twice.
    """
    found = Found(asked=len(recordings))
    later: dict[tuple[Any, ...], list[Exchange]] = {}
    for recording in after:
        later.setdefault(_key(recording.exchanges[0]), []).append(recording.exchanges[0])
    models = [model.id for model in edition.models]
    answers: list[Answers] = []
    for recording in recordings:
        recorded = recording.exchanges[0]
        same = later.get(_key(recorded), [])
        told = [one.answer for one in same if not tells_nothing(recorded.answer, one.answer)]
        if not told:
            found.left["not asked again" if not same else "no answer that tells anything"] += 1
            continue
        found.places.append(recording.name)
        traits = [traits_of(recorded.request, answer, models) for answer in told]
        answers.append(
            Answers(
                place=recording.name,
                route=route_of(recorded.request, recorded.answer),
                recorded=traits_of(recorded.request, recorded.answer, models),
                first=traits[0],
                second=traits[1] if len(traits) > 1 else None,
            )
        )
    found.changes = grouped(compare(answers, _varied([*recordings, *after], models)))
    return found


def _varied(recordings: Sequence[Recording], models: Sequence[str]) -> Iterator[tuple[str, Trait]]:
    """What differs between two answers to one request within the runs."""
    seen: dict[tuple[Any, ...], Mapping[Trait, str]] = {}
    for recording in recordings:
        one = recording.exchanges[0]
        traits = traits_of(one.request, one.answer, models)
        before = seen.setdefault((recording.name.rpartition("/")[0], *_key(one)), traits)
        for trait in traits.keys() | before.keys():
            if traits.get(trait) != before.get(trait):
                yield route_of(one.request, one.answer), trait


def _key(exchange: Exchange) -> tuple[Any, ...]:
    request = exchange.request
    body = request.body.decode("utf-8", "replace")
    return request.method, masked(request.path), masked(request.query), masked(body)
