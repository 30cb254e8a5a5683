"""Faults of the Anthropic face."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from kimi_conformance.simulator.faults.change import (
    json_of,
    on_answer,
    on_exchange,
    on_json,
    on_refusal,
    on_sent,
    with_json,
)
from kimi_conformance.simulator.faults.fault import (
    Change,
    Parameters,
    Sound,
    messages,
    sent,
    without_headers,
)
from kimi_conformance.simulator.faults.rows import Rows
from kimi_conformance.simulator.go_json import go_json
from kimi_conformance.simulator.world import World
from kimi_conformance.wire.exchange import Answer, Frame, Request

__all__ = ["MESSAGES"]

Event = tuple[str, dict[str, Any]]


def _asks(request: Request) -> bool:
    return messages(request) and request.method == "POST"


def _streams(request: Request) -> bool:
    return _asks(request) and sent(request).get("stream") is True


def _events(answer: Answer) -> list[Event]:
    return [_read(frame.data) for frame in answer.frames]


def _read(data: bytes) -> Event:
    name, _, body = data.removeprefix(b"event: ").partition(b"\ndata: ")
    return name.decode(), json.loads(body)


def _on_events(edit: Callable[[list[Event]], Sequence[Event] | None]) -> Change:
    """Edit the events of a stream: in place, or by giving others."""

    def edited(request: Request, answer: Answer, _: World) -> Answer | None:
        if not _streams(request) or answer.status != 200:
            return None
        events = _events(answer)
        others = edit(events)
        at = answer.frames[-1].at
        written = [_written(at, event) for event in (events if others is None else others)]
        return replace(answer, frames=tuple(written))

    return on_exchange(edited)


def _written(at: float, event: Event) -> Frame:
    name = f"event: {event[0]}\n" if event[0] else ""
    return Frame(at, f"{name}data: ".encode() + go_json(event[1]) + b"\n\n")


def _without(kind: str) -> Change:
    return _on_events(lambda events: [event for event in events if event[0] != kind])


def _nameless(events: list[Event]) -> Sequence[Event]:
    return [("", body) for _, body in events]


def _in_usage(events: list[Event]) -> None:
    for _, body in events:
        if "usage" in body:
            body["usage"]["input_tokens"] += 100


def _arguments_cut(events: list[Event]) -> Sequence[Event]:
    kept: list[Event] = []
    for name, body in events:
        if body.get("delta", {}).get("type") == "input_json_delta" and kept[-1][0] == name:
            continue
        kept.append((name, body))
    return kept


def _pings(events: list[Event]) -> Sequence[Event]:
    return [events[0], ("ping", {"type": "ping"}), *events[1:]]


def _whole(edit: Callable[[dict[str, Any]], object]) -> Change:
    """Edit whole messages."""
    edited = on_json(edit)

    def change(request: Request, sound: Sound, parameters: Parameters) -> Answer:
        if _streams(request):
            return sound.reply(request)
        return edited(request, sound, parameters)

    return change


def _as_completion(body: dict[str, Any]) -> None:
    """Say the text as the other face does."""
    texts = [block["text"] for block in body["content"] if block["type"] == "text"]
    body["content"] = "".join(texts)


def _ended(body: dict[str, Any]) -> None:
    if body["stop_reason"] == "max_tokens":
        body["stop_reason"] = "end_turn"


def _ends(events: list[Event]) -> None:
    for _, body in events:
        if body["type"] == "message_delta":
            _ended(body["delta"])


def _hides_length(request: Request, sound: Sound, parameters: Parameters) -> Answer:
    hide = _on_events(_ends) if _streams(request) else _whole(_ended)
    return hide(request, sound, parameters)


def _input_as_text(body: dict[str, Any]) -> None:
    for block in body["content"]:
        if block["type"] == "tool_use":
            block["input"] = json.dumps(block["input"])


def _no_results(body: dict[str, Any]) -> None:
    """Drop the results of tools on the way."""
    for message in body.get("messages") or ():
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, list):
            message["content"] = [block for block in content if block["type"] != "tool_result"]


def _kimis_envelope(answer: Answer) -> Answer:
    body = json_of(answer)
    return with_json(answer, {"error": body["error"]})


def _anthropics_envelope(answer: Answer) -> Answer | None:
    """Refuse a key in words that only clients of the other API know."""
    if answer.status != 401:
        return None
    error = {"type": "authentication_error", "message": json_of(answer)["error"]["message"]}
    return with_json(answer, {"type": "error", "error": error})


def _own_header_only(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Do not look at x-api-key."""
    return sound.reply(without_headers(request, "x-api-key"))


def _not_allowed(request: Request, answer: Answer, _: World) -> Answer | None:
    if answer.status != 404 or request.method == "POST":
        return None
    error = {"message": "Method Not Allowed", "type": "invalid_request_error"}
    return with_json(answer, {"type": "error", "error": error}, status=405)


def _takes_anything(request: Request, sound: Sound, _: Parameters) -> Answer:
    rules = ("messages_type", "messages_empty", "role_unknown")
    return sound.reply(request, *rules)


_row = Rows(_asks)

MESSAGES = (
    _row(
        "message_content_text",
        "Says content as a text.",
        _whole(_as_completion),
        "MESSAGES-001",
    ),
    _row(
        "message_cached_text",
        "Counts what came from a cache in texts.",
        _whole(lambda body: body["usage"].update(cache_creation_input_tokens="")),
        "MESSAGES-002",
    ),
    _row(
        "message_stop_missing",
        "Does not end a streamed message.",
        _without("message_stop"),
        "MESSAGES-003",
        touches=_streams,
    ),
    _row(
        "message_block_open",
        "Does not end the blocks of a streamed message.",
        _without("content_block_stop"),
        "MESSAGES-003",
        touches=_streams,
    ),
    _row(
        "message_events_nameless", "Gives events no names.", _on_events(_nameless), touches=_streams
    ),
    _row("message_usage_grows", "Counts more at the end.", _on_events(_in_usage), touches=_streams),
    _row("message_hides_length", "Hides that an answer was cut.", _hides_length),
    _row(
        "message_input_text",
        "Says the input of a tool as text.",
        _whole(_input_as_text),
        "MESSAGES-001",
    ),
    _row(
        "message_input_cut", "Streams half an input.", _on_events(_arguments_cut), touches=_streams
    ),
    _row("message_drops_results", "Drops the results of tools.", on_sent(_no_results)),
    _row(
        "message_drops_system",
        "Drops the system text.",
        on_sent(lambda body: body.pop("system", None)),
    ),
    _row("message_error_kimi", "Refuses in Kimi's envelope.", on_refusal(_kimis_envelope)),
    _row(
        "message_key_anthropic",
        "Refuses a key in Anthropic's envelope.",
        on_answer(_anthropics_envelope),
    ),
    _row("message_bearer_only", "Takes no x-api-key.", _own_header_only),
    _row(
        "message_method_is_405",
        "Answers a wrong method on the Anthropic face with 405.",
        on_exchange(_not_allowed),
        touches=messages,
    ),
    _row("message_takes_anything", "Takes any messages.", _takes_anything),
    _row("message_pings", "Sends pings.", _on_events(_pings), touches=_streams, benign=True),
)
