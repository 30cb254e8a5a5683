"""What is sent again: the cassettes of an edition in order of value, or the exchanges of a run."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kimi_conformance.cassettes import read
from kimi_conformance.checks.evidence import restored
from kimi_conformance.runs import Run
from kimi_conformance.stage.live import is_chat
from kimi_conformance.suite import Suite
from kimi_conformance.wire.exchange import Exchange

__all__ = ["Recording", "asks_a_model", "recordings_of", "recordings_of_run"]

_SOURCES = ("simulator", "live")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What is sent again.

    Attributes:
        name: Of the cassette, or of the run.
        exchanges: In order, `len(exchanges) >= 1`.
    """

    name: str
    exchanges: Sequence[Exchange]


def recordings_of(suite: Suite, edition: str) -> list[Recording]:
    """The cassettes of an edition's endpoint plane, in order of value.

    First one of each topic, then a second of each, and so on; those that ask no model come before
    all others but the first of each topic, since they cost next to nothing.

    Raises:
        CassetteError: One is damaged.
    """
    root = suite.cassettes
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
        asks = asks_a_model(one)
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


def asks_a_model(recording: Recording) -> bool:
    """Whether any of its requests is a chat."""
    return any(is_chat(one.request) for one in recording.exchanges)


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
