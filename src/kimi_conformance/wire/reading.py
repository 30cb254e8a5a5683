"""
An exchange as the laws look at it: each part is decoded once, and nothing raises.

What cannot be read says so (`NOT_JSON`, None), so that a law about something else has
nothing to judge and stays silent: one fault should be one law's.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from kimi_conformance.wire.chat_stream import ChatStream, Piece
from kimi_conformance.wire.exchange import Ending, Exchange, Frame, Headers, header
from kimi_conformance.wire.inflating import CODINGS, Inflater, TooLargeError
from kimi_conformance.wire.json_values import (
    NOT_JSON,
    elements,
    is_count,
    members,
    parse_json,
)

__all__ = ["CHAT", "Reading", "Reply", "ToolCall", "Usage", "media_type"]

CHAT = "/v1/chat/completions"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call in an answer; of a streamed one, the pieces joined.

    Attributes:
        id: As it stood, None where it was absent.
        name: Of the function, likewise.
        arguments: Likewise; of a streamed call, all texts joined.
    """

    id: Any
    name: Any
    arguments: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One choice of an answer, streamed or not.

    Attributes:
        where: "choice 0", for messages.
        finish_reason: As it stood, None where the choice did not end.
        tool_calls: In the order of their beginnings.
    """

    where: str
    finish_reason: Any
    tool_calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """A usage that is not null, and where it stood.

    Attributes:
        where: "the body", "event 7, choice 0", for messages.
        body: As it stood.
        in_place: Whether that is where Kimi puts a usage: in a whole answer anywhere, in a
            stream in a choice that ends, or in a chunk without choices.
    """

    where: str
    body: Any
    in_place: bool


def media_type(headers: Headers) -> tuple[str, str | None]:
    """The media type in lower case ("" where none is given), and its charset or None."""
    value, *parameters = (header(headers, "Content-Type") or "").split(";")
    charset = None
    for parameter in parameters:
        name, _, setting = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = setting.strip().strip('"').lower()
    return value.strip().lower(), charset


class Reading:
    """One exchange, decoded on demand.

    An answer that a source wrote onto the connection byte by byte (`Answer.raw`) has no
    status, no headers and no body here: of it only the ending can be judged.
    """

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.method = exchange.request.method
        self.path = exchange.request.path
        answer = exchange.answer
        self.status: int | None = None if answer.raw else answer.status
        self.headers: Headers = () if answer.raw else answer.headers
        self.whole = answer.ending is Ending.COMPLETE

    @cached_property
    def sent(self) -> Any:
        """The decoded body of the request, or `NOT_JSON`."""
        return parse_json(self.exchange.request.body)

    @cached_property
    def asked(self) -> Mapping[str, Any]:
        """The members of that body: what the request asks for."""
        return members(self.sent)

    @property
    def on_v1(self) -> bool:
        """Whether the path belongs to the OpenAI-like face."""
        return self.path.startswith("/v1/")

    @cached_property
    def ok(self) -> bool:
        """Whether the status is one of success."""
        return self.status is not None and 200 <= self.status < 300

    @cached_property
    def is_chat(self) -> bool:
        """Whether it asks for a chat completion."""
        return self.method == "POST" and self.path == CHAT

    @cached_property
    def asks_for_stream(self) -> bool:
        """Whether the request says `stream: true`."""
        return self.asked.get("stream") is True

    @cached_property
    def is_stream(self) -> bool:
        """Whether the answer is a chat stream: asked for, granted, and not given as JSON."""
        return (
            self.is_chat
            and self.ok
            and self.asks_for_stream
            and self.body is not None
            and media_type(self.headers)[0] != "application/json"
        )

    @cached_property
    def is_completion(self) -> bool:
        """Whether the answer is a chat completion in one piece, of whatever JSON."""
        return self.is_chat and self.ok and not self.asks_for_stream and self.json is not NOT_JSON

    @property
    def coding(self) -> str:
        """The content coding in lower case; "identity" where none is given."""
        return (header(self.headers, "Content-Encoding") or "identity").strip().lower()

    @cached_property
    def frames(self) -> Sequence[Frame] | None:
        """The body's frames with the content coding undone; None where that fails."""
        answer = self.exchange.answer
        if answer.raw:
            return ()
        if self.coding == "identity":
            return answer.frames
        if self.coding not in CODINGS:
            return None
        try:
            return list(_inflated(answer.frames))
        except (zlib.error, TooLargeError):
            return None

    @cached_property
    def body(self) -> bytes | None:
        """All frames joined, or None."""
        return None if self.frames is None else b"".join(frame.data for frame in self.frames)

    @cached_property
    def json(self) -> Any:
        """The decoded body of the answer, or `NOT_JSON`."""
        return NOT_JSON if self.body is None else parse_json(self.body)

    @cached_property
    def stream(self) -> ChatStream:
        """The answer read as a chat stream."""
        return ChatStream(self.frames or ())

    @cached_property
    def replies(self) -> Sequence[Reply]:
        """The choices of a chat answer, of either kind."""
        if self.is_stream:
            return [_streamed(index, pieces) for index, pieces in self.stream.pieces.items()]
        if not self.is_completion:
            return ()
        choices = elements(members(self.json).get("choices"))
        return [_whole(place, members(choice)) for place, choice in enumerate(choices)]

    @cached_property
    def usages(self) -> Sequence[Usage]:
        """Every usage that is not null in a chat answer, of either kind."""
        if self.is_stream:
            found = _streamed_usages(self.stream)
        elif self.is_completion:
            found = _whole_usages(members(self.json))
        else:
            return ()
        return [usage for usage in found if usage.body is not None]

    @property
    def model(self) -> Any:
        """The model that a chat answer names first, or None."""
        if self.is_stream:
            return next((chunk.body.get("model") for chunk in self.stream.chunks), None)
        return members(self.json).get("model")


def _inflated(frames: Sequence[Frame]) -> Iterator[Frame]:
    """Undo gzip or zlib frame by frame; raises zlib.error or TooLargeError."""
    inflater = Inflater()
    for frame in frames:
        if data := inflater.feed(frame.data):
            yield Frame(frame.at, data)


def _whole(place: int, choice: Any) -> Reply:
    calls = elements(members(choice.get("message")).get("tool_calls"))
    return Reply(
        where=f"choice {place}",
        finish_reason=choice.get("finish_reason"),
        tool_calls=tuple(_call([members(call)]) for call in calls),
    )


def _streamed(index: int, pieces: Sequence[Piece]) -> Reply:
    calls: dict[int, list[Any]] = {}
    for piece in pieces:
        for call in elements(piece.delta.get("tool_calls")):
            place = members(call).get("index")
            if is_count(place):
                calls.setdefault(place, []).append(call)
    reasons = [piece.finish_reason for piece in pieces if piece.finish_reason is not None]
    return Reply(
        where=f"choice {index}",
        finish_reason=reasons[0] if reasons else None,
        tool_calls=tuple(_call(parts) for parts in calls.values()),
    )


def _call(parts: Sequence[Any]) -> ToolCall:
    functions = [members(part.get("function")) for part in parts]
    arguments = [function.get("arguments") for function in functions]
    texts = [text for text in arguments if isinstance(text, str)]
    return ToolCall(
        id=parts[0].get("id"),
        name=functions[0].get("name"),
        arguments="".join(texts) if texts else arguments[0],
    )


def _whole_usages(body: Any) -> Iterator[Usage]:
    yield Usage(where="the body", body=body.get("usage"), in_place=True)
    for place, choice in enumerate(elements(body.get("choices"))):
        usage = members(choice).get("usage")
        yield Usage(where=f"choice {place}", body=usage, in_place=True)


def _streamed_usages(stream: ChatStream) -> Iterator[Usage]:
    for chunk in stream.chunks:
        where = f"event {chunk.number}"
        alone = chunk.body.get("choices") == []
        yield Usage(where=where, body=chunk.body.get("usage"), in_place=alone)
        for choice in chunk.choices:
            index = members(choice).get("index")
            yield Usage(
                where=f"{where}, choice {index if is_count(index) else '?'}",
                body=members(choice).get("usage"),
                in_place=members(choice).get("finish_reason") is not None,
            )
