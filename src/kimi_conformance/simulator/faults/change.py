"""Ways to write a fault's change in one line: by what it edits."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kimi_conformance.simulator.faults.fault import Change, Parameters, Sound, sent, with_sent
from kimi_conformance.simulator.go_json import go_json
from kimi_conformance.simulator.streaming import DONE
from kimi_conformance.simulator.world import World
from kimi_conformance.wire.exchange import Answer, Frame, Headers, Request
from kimi_conformance.wire.sse import decode

__all__ = [
    "Timed",
    "as_json",
    "is_json",
    "is_stream",
    "json_of",
    "on_answer",
    "on_chunk",
    "on_chunks",
    "on_exchange",
    "on_frames",
    "on_json",
    "on_refusal",
    "on_sent",
    "timed_chunks",
    "with_chunks",
    "with_header",
    "with_json",
]


@dataclass(slots=True)
class Timed:
    """A chunk of a stream.

    Attributes:
        at: When it leaves, in seconds.
        body: Its JSON, free to be changed.
    """

    at: float
    body: dict[str, Any]

    @property
    def choice(self) -> dict[str, Any]:
        """Its choice, or {}."""
        choices = self.body.get("choices")
        return choices[0] if choices else {}

    @property
    def delta(self) -> dict[str, Any]:
        """What its choice adds, or {}."""
        delta = self.choice.get("delta")
        return delta if isinstance(delta, dict) else {}


def is_json(answer: Answer) -> bool:
    """Whether the answer is a success in JSON."""
    return answer.status == 200 and _has_type(answer, "application/json")


def is_stream(answer: Answer) -> bool:
    """Whether the answer is an event stream."""
    return answer.status == 200 and _has_type(answer, "text/event-stream")


def _has_type(answer: Answer, type: str) -> bool:
    return (answer.header("Content-Type") or "").startswith(type)


def json_of(answer: Answer) -> Any:
    """The JSON of an answer, a new value each time."""
    return json.loads(answer.body)


def with_json(answer: Answer, body: object, *, status: int | None = None) -> Answer:
    """The same answer with another body, sent when the first one was."""
    at = answer.frames[0].at if answer.frames else 0.0
    frames = (Frame(at, go_json(body)),)
    return replace(answer, status=status or answer.status, frames=frames)


def with_header(answer: Answer, name: str, value: str | None) -> Answer:
    """The same answer with a header set, or with None, left out."""
    kept: Headers = tuple(pair for pair in answer.headers if pair[0].lower() != name.lower())
    return replace(answer, headers=kept if value is None else (*kept, (name, value)))


def timed_chunks(answer: Answer) -> list[Timed]:
    """The chunks of a stream, without [DONE]; new values each time."""
    events = decode(answer.frames).events
    return [Timed(at, json.loads(event.data)) for at, event in events if event.data != "[DONE]"]


def with_chunks(answer: Answer, chunks: Sequence[Timed]) -> Answer:
    """The same answer with other chunks, and [DONE] after them."""
    frames = [Frame(chunk.at, b"data: " + go_json(chunk.body) + b"\n\n") for chunk in chunks]
    end = answer.frames[-1].at if answer.frames else 0.0
    return replace(answer, frames=(*frames, Frame(end, DONE)))


def on_answer(edit: Callable[[Answer], Answer | None]) -> Change:
    """Edit every answer; None leaves it.

    Where another fault has taken away what this one would edit, there is nothing left to do.
    """

    def change(request: Request, sound: Sound, _: Parameters) -> Answer:
        answer = sound.reply(request)
        try:
            return edit(answer) or answer
        except (AttributeError, LookupError, TypeError, ValueError):
            return answer

    return change


def on_exchange(edit: Callable[[Request, Answer, World], Answer | None]) -> Change:
    """The same, for an edit that looks at the request or at the world too."""

    def change(request: Request, sound: Sound, parameters: Parameters) -> Answer:
        edited = on_answer(lambda answer: edit(request, answer, sound.world))
        return edited(request, sound, parameters)

    return change


def on_json(edit: Callable[[dict[str, Any]], object]) -> Change:
    """Edit the JSON of a success in place."""

    def edited(body: dict[str, Any]) -> dict[str, Any]:
        edit(body)
        return body

    return as_json(edited)


def as_json(make: Callable[[dict[str, Any]], object]) -> Change:
    """Put something else in the place of a success in JSON."""

    def edited(answer: Answer) -> Answer | None:
        return with_json(answer, make(json_of(answer))) if is_json(answer) else None

    return on_answer(edited)


def on_refusal(edit: Callable[[Answer], Answer]) -> Change:
    """Edit the answers with an error in Kimi's envelope."""

    def edited(answer: Answer) -> Answer | None:
        if answer.status < 400 or not _has_type(answer, "application/json"):
            return None
        return edit(answer) if isinstance(json_of(answer).get("error"), dict) else None

    return on_answer(edited)


def on_chunks(edit: Callable[[list[Timed]], list[Timed] | None]) -> Change:
    """Edit the list of a stream's chunks: in place, or by returning another."""

    def edited(answer: Answer) -> Answer | None:
        if not is_stream(answer):
            return None
        chunks = timed_chunks(answer)
        return with_chunks(answer, edit(chunks) or chunks)

    return on_answer(edited)


def on_chunk(edit: Callable[[Timed], object]) -> Change:
    """Edit each chunk of a stream in place."""

    def edited(chunks: list[Timed]) -> None:
        for chunk in chunks:
            edit(chunk)

    return on_chunks(edited)


def on_frames(edit: Callable[[list[Frame]], list[Frame]]) -> Change:
    """Edit the frames of a stream, one an event, [DONE] among them."""

    def edited(answer: Answer) -> Answer | None:
        if not is_stream(answer):
            return None
        return replace(answer, frames=tuple(edit(list(answer.frames))))

    return on_answer(edited)


def on_sent(edit: Callable[[dict[str, Any]], object]) -> Change:
    """Edit the JSON that was sent, in place, before the sound API sees it."""

    def change(request: Request, sound: Sound, _: Parameters) -> Answer:
        body = sent(request)
        if not body:
            return sound.reply(request)
        edit(body)
        return sound.reply(with_sent(request, body))

    return change
