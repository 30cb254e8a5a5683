"""Recordings held against what a target answers now: each request is sent to it twice."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from kimi_conformance.checks.factories import PLACEHOLDER_KEY
from kimi_conformance.cli.drifting.answered import broken_laws, tells_nothing, traits_of
from kimi_conformance.cli.drifting.found import Found
from kimi_conformance.cli.drifting.listed import listed_by, models_changed, substitutes
from kimi_conformance.cli.drifting.recordings import Recording, asks_a_model
from kimi_conformance.cli.drifting.replaying import Session
from kimi_conformance.cli.drifting.target import Target, fixed_time, simulator_of
from kimi_conformance.drift import Answers, compare, grouped, route_of
from kimi_conformance.editions import Edition
from kimi_conformance.errors import BudgetError, TransportError
from kimi_conformance.stage.source import Closable
from kimi_conformance.wire.exchange import Answer, Exchange, Request
from kimi_conformance.wire.json_values import members, parse_json

__all__ = ["Deadline", "against", "look"]

_Asked = tuple[Request, Answer]  # what was sent today, and the answer to it


@dataclass(frozen=True, slots=True)
class Deadline:
    """When to stop, besides the budget.

    Attributes:
        until: Clock time at which no more is begun, or None.
        clock: What it is read from.
    """

    until: float | None
    clock: Callable[[], float]

    @property
    def passed(self) -> bool:
        """Whether the time is over."""
        return self.until is not None and self.clock() >= self.until


def look(
    recordings: Sequence[Recording], old: Edition, target: Target, until: float | None = None
) -> Found:
    """As `against`; what ends it before it has begun is told like what ends it later.

    Args:
        recordings: Held against what is answered now.
        old: Their edition.
        target: Who is asked.
        until: Monotonic time at which no more is begun, or None.
    """
    found = Found(asked=sum(len(one.exchanges) for one in recordings))
    if not recordings:
        found.ended = "there is no recording"
        return found
    try:
        return asyncio.run(against(recordings, old, target, Deadline(until, time.monotonic)))
    except (TransportError, BudgetError) as error:
        found.left["not reached"] = found.asked
        found.ended = str(error)
        return found


async def against(
    recordings: Sequence[Recording], old: Edition, target: Target, deadline: Deadline
) -> Found:
    """Hold recordings against what a target answers now.

    Raises:
        TransportError: It did not even tell its models.
        BudgetError: The budget does not cover that.
    """
    found = Found(asked=sum(len(one.exchanges) for one in recordings))
    source = target.open(0)
    try:
        listed = await listed_by(source, target)
        answers = await _ask(recordings, old, target, deadline, listed, found)
    finally:
        if isinstance(source, Closable):  # a live one is the same in all passes
            await source.aclose()
    found.left["not reached"] += found.asked - found.compared - found.left.total()
    models = models_changed(recordings, listed, old, target.edition)
    found.changes = grouped([*models, *compare(answers)])
    return found


async def _ask(
    recordings: Sequence[Recording],
    old: Edition,
    target: Target,
    deadline: Deadline,
    listed: Mapping[str, int | None],
    found: Found,
) -> list[Answers]:
    """What each recorded request is answered, until something ends it."""
    model_for = substitutes(recordings, listed, old, target)
    models = (*model_for, *listed, *(model.id for model in old.models))
    answers: list[Answers] = []
    no_more_chats = False
    for recording in recordings:
        if deadline.passed:
            found.ended = "the time is over"
            break
        asks = asks_a_model(recording)
        if asks and no_more_chats:
            continue
        sessions = _sessions(old, target, model_for)
        try:
            async for one in _answers(recording, sessions, models, found):
                answers.append(one)  # noqa: PERF401 - what came before the end is kept
        except BudgetError as error:
            found.ended = str(error)
            if not asks:
                break
            no_more_chats = True  # there may be enough for what asks no model
        except TransportError as error:
            found.ended = str(error)
            break
    return answers


def _sessions(old: Edition, target: Target, model_for: Mapping[str, str]) -> Sequence[Session]:
    """The two passes of the target, and what each edition says of the same requests."""
    return [
        Session(source=source, api_key=key, model_for=swapped, now=now)
        for source, key, swapped, now in (
            (target.open(0), target.api_key, model_for, target.now),
            (target.open(1), target.api_key, model_for, target.now),
            (simulator_of(old), PLACEHOLDER_KEY, {}, fixed_time),
            (simulator_of(target.edition), PLACEHOLDER_KEY, model_for, fixed_time),
        )
    ]


async def _answers(
    recording: Recording, sessions: Sequence[Session], models: Sequence[str], found: Found
) -> AsyncIterator[Answers]:
    """What was asked of the target twice, and of both editions, where they can be compared."""
    for recorded in recording.exchanges:
        first, second, old, new = [await session.ask(recorded) for session in sessions]
        if first is None or second is None:
            found.left["it needs what was not given before"] += 1
        elif any(tells_nothing(recorded.answer, answer) for _, answer in (first, second)):
            found.left["no answer that tells anything"] += 1
        else:
            place = f"{recording.name}{recorded.id}"
            found.places.append(place)
            asked = members(parse_json(recorded.request.body)).get("model")
            one = Answers(
                place=place,
                route=route_of(recorded.request, recorded.answer),
                recorded=traits_of(recorded.request, recorded.answer, models),
                first=traits_of(*first, models),
                second=traits_of(*second, models),
                same_model=asked not in sessions[0].model_for,
                same_request=first[0].body == second[0].body,
            )
            yield _explained(one, recorded, (first, second), (old, new), models)


def _explained(
    one: Answers,
    recorded: Exchange,
    told: tuple[_Asked, _Asked],
    editions: tuple[_Asked | None, _Asked | None],
    models: Sequence[str],
) -> Answers:
    """With the laws that are broken, and what the editions say, where anything is another."""
    first, second = told
    laws = set[str]()
    if first[1].body != recorded.answer.body:
        laws = broken_laws(*first) & broken_laws(*second)
    if one.recorded == one.first == one.second and not laws:
        return one
    old, new = editions
    return replace(
        one,
        old=old and traits_of(*old, models),
        new=new and traits_of(*new, models),
        laws=tuple(sorted(laws - broken_laws(recorded.request, recorded.answer))),
        laws_of_edition=tuple(sorted(broken_laws(*new))) if new else (),
    )
