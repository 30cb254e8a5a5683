"""A streamed chat completion, put in order for those who judge or measure it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from kimi_conformance.wire.exchange import Frame
from kimi_conformance.wire.json_values import elements, is_count, members, parse_json
from kimi_conformance.wire.sse import Decoded, decode

__all__ = ["DONE", "ChatStream", "Chunk", "Piece", "StreamEvent"]

DONE = "[DONE]"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent:
    """One event of the stream.

    Attributes:
        number: Its place in the stream, from 1.
        at: Seconds, as in `Frame`.
        data: Its payload as text.
        body: The payload decoded, or `NOT_JSON`.
    """

    number: int
    at: float
    data: str
    body: Any

    @property
    def done(self) -> bool:
        """Whether it is the terminator."""
        return self.data == DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """An event whose payload is a JSON object; as received, nothing is added.

    Attributes:
        number: The event's number.
        at: Seconds, as in `Frame`.
        body: The object.
    """

    number: int
    at: float
    body: Mapping[str, Any]

    @property
    def choices(self) -> Sequence[Any]:
        """Its choices, none where there is no array of them."""
        return elements(self.body.get("choices"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What one chunk says about one choice.

    Attributes:
        number: The event's number.
        choice: The element of `choices`.
    """

    number: int
    choice: Mapping[str, Any]

    @property
    def delta(self) -> Mapping[str, Any]:
        """What it adds to the message."""
        return members(self.choice.get("delta"))

    @property
    def finish_reason(self) -> Any:
        """Why the choice ended; None where it is null or absent: it goes on."""
        return self.choice.get("finish_reason")


class ChatStream:
    """The events of a streamed answer, its chunks, and the pieces of each choice."""

    def __init__(self, frames: Iterable[Frame]) -> None:
        self.decoded: Decoded = decode(frames)

    @cached_property
    def events(self) -> Sequence[StreamEvent]:
        """All events in order."""
        return [
            StreamEvent(number=number, at=at, data=event.data, body=parse_json(event.data))
            for number, (at, event) in enumerate(self.decoded.events, start=1)
        ]

    @cached_property
    def chunks(self) -> Sequence[Chunk]:
        """The events that are JSON objects."""
        return [
            Chunk(number=event.number, at=event.at, body=event.body)
            for event in self.events
            if isinstance(event.body, dict)
        ]

    @cached_property
    def pieces(self) -> Mapping[int, Sequence[Piece]]:
        """The pieces of each choice by its index; a choice without an index has none."""
        pieces: dict[int, list[Piece]] = defaultdict(list)
        for chunk in self.chunks:
            for choice in chunk.choices:
                index = members(choice).get("index")
                if is_count(index):
                    pieces[index].append(Piece(number=chunk.number, choice=choice))
        return dict(pieces)
