"""Faults of how a chat is read and counted, and of the stream beside the whole answer."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kimi_conformance.simulator.asked import text_of
from kimi_conformance.simulator.faults.change import (
    Timed,
    json_of,
    on_chunk,
    on_chunks,
    on_exchange,
    on_json,
    on_sent,
    with_json,
)
from kimi_conformance.simulator.faults.fault import (
    Change,
    Parameters,
    Sound,
    chats,
    sent,
    streams,
    wholes,
)
from kimi_conformance.simulator.faults.rows import Rows
from kimi_conformance.simulator.world import World
from kimi_conformance.wire.exchange import Answer, Request

__all__ = ["PROMPTS"]

Body = dict[str, Any]
KNOWN = frozenset(
    {
        *("model", "messages", "max_tokens", "temperature", "top_p", "n", "stop"),
        *("stream", "stream_options", "tools", "tool_choice", "response_format"),
        *("presence_penalty", "frequency_penalty"),
    }
)


def _chats_only(change: Change) -> Change:
    def only(request: Request, sound: Sound, parameters: Parameters) -> Answer:
        return change(request, sound, parameters) if chats(request) else sound.reply(request)

    return only


def _prompt_plus(count: Callable[[Request, World], int]) -> Change:
    """Count so many prompt tokens more in a whole answer."""

    def edit(request: Request, answer: Answer, world: World) -> Answer | None:
        if not wholes(request) or answer.status != 200:
            return None
        body = json_of(answer)
        more = count(request, world)
        for name in ("prompt_tokens", "total_tokens"):
            body["usage"][name] += more
        return with_json(answer, body)

    return on_exchange(edit)


def _drift(_: Request, world: World) -> int:
    return world.number


def _first_key(request: Request, _: World) -> int:
    return int(next(iter(sent(request)), "model") != "model")


def _refuses(wrong: Callable[[Body], bool], field: str) -> Change:
    def change(request: Request, sound: Sound, _: Parameters) -> Answer:
        answer = sound.reply(request)
        if not chats(request) or answer.status != 200 or not wrong(sent(request)):
            return answer
        fills = {"field": field, "expected": "null", "actual": "this"}
        return sound.world.refuse(sound.now, "wrong_type", fills)

    return change


def _messages(body: Body) -> list[Body]:
    messages = body.get("messages")
    return [m for m in messages if isinstance(m, dict)] if isinstance(messages, list) else []


def _has_parts(body: Body) -> bool:
    return any(isinstance(message.get("content"), list) for message in _messages(body))


def _has_results(body: Body) -> bool:
    return any(message.get("role") == "tool" for message in _messages(body))


def _has_unknown(body: Body) -> bool:
    return not set(body) <= KNOWN


def _last_only(body: Body) -> None:
    if isinstance(body.get("messages"), list):
        body["messages"] = body["messages"][-1:]


def _asks_for_usage(body: Body) -> None:
    body["stream_options"] = {"include_usage": True}


def _streams_when_named(body: Body) -> None:
    if "stream" in body:
        body["stream"] = True


def _repeats_partial(request: Request, answer: Answer, _: World) -> Answer | None:
    """Begin the answer with the beginning that was given."""
    last = (_messages(sent(request)) or [{}])[-1]
    if not wholes(request) or answer.status != 200 or last.get("partial") is not True:
        return None
    body = json_of(answer)
    for choice in body["choices"]:
        message = choice["message"]
        message["content"] = text_of(last.get("content")) + text_of(message.get("content"))
    return with_json(answer, body)


def _reasons_too_much(body: Body) -> None:
    usage = body.get("usage")
    if usage and "completion_tokens" in usage:
        more = usage["completion_tokens"] + 1
        usage["completion_tokens_details"] = {"reasoning_tokens": more}


def _one_chunk(chunks: list[Timed]) -> list[Timed]:
    """Say the whole text of each choice in one chunk."""
    first: dict[int, Timed] = {}
    kept = []
    for chunk in chunks:
        text = chunk.delta.get("content")
        index = chunk.choice.get("index", 0)
        if text and index in first:
            first[index].delta["content"] += text
            continue
        if text:
            first[index] = chunk
        kept.append(chunk)
    return kept


def _one_more(chunk: Timed) -> None:
    for usage in (chunk.choice.get("usage"), chunk.body.get("usage")):
        if usage:
            usage["prompt_tokens"] += 1
            usage["total_tokens"] += 1


def _first_choice_only(chunk: Timed) -> None:
    if chunk.choice.get("index"):
        chunk.choice.pop("usage", None)


def _on_stream(edit: Callable[[Body], object]) -> Change:
    edited = on_sent(edit)

    def change(request: Request, sound: Sound, parameters: Parameters) -> Answer:
        asked = streams(request)
        return edited(request, sound, parameters) if asked else sound.reply(request)

    return change


_row = Rows(chats)

PROMPTS = (
    _row("prompt_drifts", "Counts more at every call.", _prompt_plus(_drift)),
    _row("key_order_counts", "Counts more where model is not first.", _prompt_plus(_first_key)),
    _row("forgets_turns", "Reads the last message only.", _chats_only(on_sent(_last_only))),
    _row("refuses_parts", "Takes texts only, no parts.", _refuses(_has_parts, "content")),
    _row("refuses_results", "Takes no results of tools.", _refuses(_has_results, "role")),
    _row("refuses_unknown", "Takes no unknown field.", _refuses(_has_unknown, "unknown")),
    _row("partial_repeated", "Repeats the beginning it was given.", on_exchange(_repeats_partial)),
    replace(
        _row(
            "partial_repeated_in_2026",
            "Repeats the beginning it was given, as a model that could think.",
            on_exchange(_repeats_partial),
        ),
        edition="2026-09",
    ),
    _row(
        "reasoning_more_than_completion",
        "Counts more reasoning than answer.",
        _chats_only(on_json(_reasons_too_much)),
        "USAGE-004",
        touches=wholes,
    ),
    _row(
        "streams_when_named",
        "Streams for stream: false too.",
        _chats_only(on_sent(_streams_when_named)),
        "WIRE-003",
        "WIRE-004",
    ),
    _row("one_chunk", "Streams all text in a chunk.", on_chunks(_one_chunk), touches=streams),
    _row("stream_prompt_more", "Counts streams higher.", on_chunk(_one_more), touches=streams),
    _row(
        "usage_chunk_unasked",
        "Sends the usage chunk unasked.",
        _on_stream(_asks_for_usage),
        touches=streams,
    ),
    _row(
        "usage_of_first_choice",
        "Streams the usage of the first choice only.",
        on_chunk(_first_choice_only),
        touches=streams,
    ),
)
