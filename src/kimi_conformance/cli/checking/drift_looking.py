"""
What drift is looked for in, by whom it is answered, and what came of it.

Long because the ways to look at recordings, and to answer them, are read against each other.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from kimi_conformance.cassettes import read
from kimi_conformance.checks.bench import PLACEHOLDER_KEY
from kimi_conformance.checks.evidence import restored
from kimi_conformance.checks.sound import FIXED_TIME
from kimi_conformance.cli.checking.replaying import Recording, Session
from kimi_conformance.drift import Answers, Change, Seen, compare, compare_models, grouped, observe
from kimi_conformance.drift.observing import Trait, masked, route_of
from kimi_conformance.editions import Edition
from kimi_conformance.errors import BudgetError, TransportError
from kimi_conformance.requirements import Plane
from kimi_conformance.runs import Run
from kimi_conformance.simulator import Simulator
from kimi_conformance.simulator.faults import parse_switch
from kimi_conformance.stage import Budget, Live, Pace, Paced, Source
from kimi_conformance.stage.live import is_chat
from kimi_conformance.stage.source import Closable
from kimi_conformance.suite import Suite
from kimi_conformance.verdicts import is_outage
from kimi_conformance.wire.exchange import Answer, Exchange, Request
from kimi_conformance.wire.json_values import elements, members, parse_json
from kimi_conformance.wire.validators import judge

__all__ = [
    "Found",
    "Limits",
    "Target",
    "against",
    "between",
    "live_target",
    "look",
    "recordings_of",
    "recordings_of_run",
    "simulated",
]

_MODELS = "/v1/models"
_SOURCES = ("simulator", "live")


class Open(Protocol):
    """Opens the target for one pass; a simulator is a new one each time."""

    def __call__(self, number: int) -> Source:
        """What answers in the pass of this number, 0 or 1."""
        ...


@dataclass(slots=True)
class Found:
    """What came of looking.

    Attributes:
        changes: Each once.
        asked: How many recorded requests there were.
        places: Those that were answered so that they could be compared.
        left: Why the others were not, with the count of each reason.
        ended: What ended the looking before its end, or "".
    """

    changes: Sequence[Change] = ()
    asked: int = 0
    places: list[str] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)
    ended: str = ""

    @property
    def compared(self) -> int:
        """How many could be compared."""
        return len(self.places)

    @property
    def looked(self) -> bool:
        """Whether enough was compared to say that there is no drift."""
        return self.compared > 0 and self.compared >= self.left["no answer that tells anything"]


@dataclass(frozen=True, slots=True)
class Limits:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Who is asked.

    Attributes:
        open: See `Open`.
        api_key: That it takes.
        edition: The edition that it is held against.
        model: What is asked in place of models that it does not have.
        now: Its clock, in seconds since the Unix epoch.
    """

    open: Open
    api_key: str
    edition: Edition
    model: str
    now: Callable[[], float]


def recordings_of(suite: Suite, edition: str, folder: Path | None = None) -> list[Recording]:
    """The cassettes of an edition's endpoint plane, in order of value.

    First one of each topic, then a second of each, and so on; those that ask no model come before
    all others but the first of each topic, since they cost next to nothing.

    Raises:
        CassetteError: One is damaged.
    """
    root = folder or suite.cassettes
    files = sorted((root / edition / "endpoint").rglob("*.yaml"))
    names = [file.relative_to(root).with_suffix("").as_posix() for file in files]
    found = [
        Recording(name=name, exchanges=read(file, name).interactions)
        for name, file in zip(names, files, strict=True)
    ]
    return _by_value(_once(sorted(found, key=lambda one: (_cost(one), one.name))))


def _by_value(recordings: Iterable[Recording]) -> list[Recording]:
    """The same, of each topic the first first; they come cheapest first."""
    seen: Counter[tuple[str, bool]] = Counter()
    placed = []
    for number, one in enumerate(recordings):
        asks = _cost(one)[0] > 0
        topic = (one.name.split("/")[2], asks)
        placed.append((seen[topic] > 0, asks, seen[topic], number, one))
        seen[topic] += 1
    return [one for *_, one in sorted(placed, key=lambda each: each[:4])]


def recordings_of_run(run: Run) -> list[Recording]:
    """What a run exchanged with an endpoint; exchanges that are not kept whole are left out."""
    whole = [
        exchange
        for record in run.exchanges.values()
        if record["source"] in _SOURCES and (exchange := restored(record)) is not None
    ]
    return [Recording(name=f"{run.header['run']}/{one.id}", exchanges=(one,)) for one in whole]


def _cost(recording: Recording) -> tuple[int, int]:
    """First what asks no model, then by how much is sent."""
    chats = sum(is_chat(one.request) for one in recording.exchanges)
    return chats, len(recording.exchanges)


def _once(recordings: Iterable[Recording]) -> Iterator[Recording]:
    """Without those that send only what one before them sends too."""
    seen: set[tuple[Any, ...]] = set()
    for one in recordings:
        sent = tuple(_sent(exchange) for exchange in one.exchanges)
        if sent not in seen:
            seen.add(sent)
            yield one


def _sent(exchange: Exchange) -> tuple[Any, ...]:
    request = exchange.request
    return request.method, request.path, request.query, request.body, exchange.answer.status


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
        return asyncio.run(against(recordings, old, target, Limits(until, time.monotonic)))
    except (TransportError, BudgetError) as error:
        found.left["not reached"] = found.asked
        found.ended = str(error)
        return found


async def against(
    recordings: Sequence[Recording], old: Edition, target: Target, limits: Limits
) -> Found:
    """Hold recordings against what a target answers now.

    Raises:
        TransportError: It did not even tell its models.
        BudgetError: The budget does not cover that.
    """
    found = Found(asked=sum(len(one.exchanges) for one in recordings))
    source = target.open(0)
    try:
        listed = await _listed(source, target)
        answers = await _ask(recordings, old, target, limits, listed, found)
    finally:
        if isinstance(source, Closable):  # a live one is the same in all passes
            await source.aclose()
    found.left["not reached"] += found.asked - found.compared - found.left.total()
    differences = [*_models(recordings, listed, old, target.edition), *compare(answers)]
    found.changes = grouped(differences)
    return found


async def _ask(
    recordings: Sequence[Recording],
    old: Edition,
    target: Target,
    limits: Limits,
    listed: Mapping[str, int | None],
    found: Found,
) -> list[Answers]:
    """What each recorded request is answered, until something ends it."""
    model_for = _substitutes(recordings, listed, old, target)
    models = (*model_for, *listed, *(model.id for model in old.models))
    answers: list[Answers] = []
    no_more_chats = False
    for recording in recordings:
        if limits.passed:
            found.ended = "the time is over"
            break
        asks = _cost(recording)[0] > 0
        if asks and no_more_chats:
            continue
        sessions = [
            Session(source=source, api_key=key, model_for=swapped, now=now)
            for source, key, swapped, now in (
                (target.open(0), target.api_key, model_for, target.now),
                (target.open(1), target.api_key, model_for, target.now),
                (_simulator(old), PLACEHOLDER_KEY, {}, _fixed),
                (_simulator(target.edition), PLACEHOLDER_KEY, model_for, _fixed),
            )
        ]
        try:
            async for one in _answers(recording, sessions, models, model_for, found):
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


async def _answers(
    recording: Recording,
    sessions: Sequence[Session],
    models: Sequence[str],
    model_for: Mapping[str, str],
    found: Found,
) -> AsyncIterator[Answers]:
    """What was asked of the target twice, and of both editions, where they can be compared."""
    for recorded in recording.exchanges:
        first, second, old, new = [await session.ask(recorded) for session in sessions]
        if first is None or second is None:
            found.left["it needs what was not given before"] += 1
        elif _tells_nothing(recorded.answer, first[1]) or _tells_nothing(
            recorded.answer, second[1]
        ):
            found.left["no answer that tells anything"] += 1
        else:
            place = f"{recording.name}{recorded.id}"
            found.places.append(place)
            asked = members(parse_json(recorded.request.body)).get("model")
            one = Answers(
                place=place,
                route=route_of(recorded.request, recorded.answer),
                recorded=_traits(recorded.request, recorded.answer, models),
                first=_traits(*first, models),
                second=_traits(*second, models),
                same_model=asked not in model_for,
                same_request=first[0].body == second[0].body,
            )
            laws = (
                _broken(*first) & _broken(*second)
                if first[1].body != recorded.answer.body
                else set()
            )
            if one.recorded == one.first == one.second and not laws:
                yield one  # nothing to be explained
                continue
            yield replace(
                one,
                old=old and _traits(*old, models),
                new=new and _traits(*new, models),
                laws=tuple(sorted(laws - _broken(recorded.request, recorded.answer))),
                laws_of_edition=tuple(sorted(_broken(*new))) if new else (),
            )


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
        told = [one.answer for one in same if not _tells_nothing(recorded.answer, one.answer)]
        if not told:
            found.left["not asked again" if not same else "no answer that tells anything"] += 1
            continue
        found.places.append(recording.name)
        traits = [_traits(recorded.request, answer, models) for answer in told]
        answers.append(
            Answers(
                place=recording.name,
                route=route_of(recorded.request, recorded.answer),
                recorded=_traits(recorded.request, recorded.answer, models),
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
        traits = _traits(one.request, one.answer, models)
        before = seen.setdefault((recording.name.rpartition("/")[0], *_key(one)), traits)
        for trait in traits.keys() | before.keys():
            if traits.get(trait) != before.get(trait):
                yield route_of(one.request, one.answer), trait


def _key(exchange: Exchange) -> tuple[Any, ...]:
    request = exchange.request
    body = request.body.decode("utf-8", "replace")
    return request.method, masked(request.path), masked(request.query), masked(body)


def _traits(request: Request, answer: Answer, models: Sequence[str]) -> Mapping[Trait, str]:
    traits = observe(answer, models)
    if request.path == _MODELS:  # which models there are, and how many tokens, is told elsewhere
        return {trait: value for trait, value in traits.items() if trait.path != "data[].id"}
    return traits


def _tells_nothing(recorded: Answer, answer: Answer) -> bool:
    return is_outage(answer.status, answer.body) and answer.status != recorded.status


def _broken(request: Request, answer: Answer) -> set[str]:
    """The wire laws that an answer breaks."""
    exchange = Exchange(id="", request=request, answer=answer, started=0.0, source="drift")
    return {finding.law for finding in judge(exchange, Plane.ENDPOINT) if finding.violations}


def _simulator(edition: Edition, *, seed: int = 0, faults: Sequence[str] = ()) -> Simulator:
    return Simulator(
        edition,
        api_key=PLACEHOLDER_KEY,
        clock=_fixed,
        seed=seed,
        answered=1000 * seed,
        faults=[parse_switch(fault) for fault in faults],
    )


def simulated(edition: Edition, faults: Sequence[str] = (), seed: int = 0) -> Target:
    """The embedded simulator as a target; the two passes ask it with different seeds."""
    return Target(
        open=lambda number: _simulator(edition, seed=seed + number, faults=faults),
        api_key=PLACEHOLDER_KEY,
        edition=edition,
        model=edition.default_model,
        now=_fixed,
    )


def live_target(
    base_url: str,
    api_key: str,
    edition: Edition,
    model: str | None,
    budget: Budget,
    pace: Pace,
    recent: Iterable[tuple[float, int]] = (),
) -> Target:
    """A live endpoint as a target: asked within its budget, and no faster than it may be.

    Args:
        base_url: Of the endpoint.
        api_key: Its key.
        edition: It is held against.
        model: What is asked in place of models that it does not have; None: the edition's.
        budget: What may be spent.
        pace: How fast it may be asked.
        recent: Chats that count already, see `Paced`.
    """
    live = Live(base_url, api_key, placeholder=PLACEHOLDER_KEY, budget=budget)
    paced = Paced(live, pace, recent=recent)
    return Target(
        open=lambda _number: paced,
        api_key=api_key,
        edition=edition,
        model=model or edition.default_model,
        now=time.time,
    )


def _fixed() -> float:
    return FIXED_TIME


async def _listed(source: Source, target: Target) -> Mapping[str, int | None]:
    request = Request(
        method="GET", path=_MODELS, headers=(("Authorization", f"Bearer {target.api_key}"),)
    )
    nothing = Exchange(id="", request=request, answer=Answer(), started=0.0, source="drift")
    session = Session(source=source, api_key=target.api_key, model_for={}, now=target.now)
    told = await session.ask(nothing)
    return _windows(told[1]) if told is not None else {}


def _windows(answer: Answer) -> dict[str, int | None]:
    entries = [members(one) for one in elements(members(parse_json(answer.body)).get("data"))]
    return {
        entry["id"]: window if isinstance(window := entry.get("context_length"), int) else None
        for entry in entries
        if isinstance(entry.get("id"), str)
    }


def _of_edition(edition: Edition) -> dict[str, int | None]:
    return {model.id: model.context_window for model in edition.models}


def _models(
    recordings: Sequence[Recording], listed: Mapping[str, int | None], old: Edition, new: Edition
) -> Iterator[Seen]:
    for recording in recordings:
        for one in recording.exchanges:
            if one.request.path == _MODELS and one.answer.status == 200:
                before = _windows(one.answer)
                yield from compare_models(before, listed, _of_edition(old), _of_edition(new))
                return


def _substitutes(
    recordings: Sequence[Recording],
    listed: Mapping[str, int | None],
    old: Edition,
    target: Target,
) -> dict[str, str]:
    """Whom to ask in place of the models of the recordings that the target does not have."""
    asked = {
        members(parse_json(one.request.body)).get("model")
        for recording in recordings
        for one in recording.exchanges
    }
    known = {model.id for model in old.models}
    return {
        str(model): target.model
        for model in sorted(filter(None, asked), key=str)
        if model in known and model not in listed and listed
    }
