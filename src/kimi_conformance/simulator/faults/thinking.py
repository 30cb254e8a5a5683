"""Faults of models that think, and of the automatic cache: the editions from 2026 on."""

from collections.abc import Callable, Iterator
from typing import Any

from kimi_conformance.simulator.faults.change import Timed, on_chunks, on_json, on_sent
from kimi_conformance.simulator.faults.fault import (
    Change,
    Parameters,
    Sound,
    chats,
    sent,
    streams,
    with_sent,
)
from kimi_conformance.simulator.faults.rows import Rows
from kimi_conformance.wire.exchange import Answer, Request

__all__ = ["THINKING"]

Body = dict[str, Any]


def _completion(edit: Callable[[Body], object]) -> Change:
    """Edit whole answers and chunks alike: each has choices."""
    whole = on_json(edit)

    def each(chunks: list[Timed]) -> None:
        for chunk in chunks:
            edit(chunk.body)

    streamed = on_chunks(each)

    def change(request: Request, sound: Sound, parameters: Parameters) -> Answer:
        return (streamed if streams(request) else whole)(request, sound, parameters)

    return change


def _usages(body: Body) -> Iterator[Body]:
    """Those of an answer or of a chunk, at the top and in its choices."""
    for place in (body, *body["choices"]):
        if "usage" in place:
            yield place["usage"]


def _hidden(body: Body) -> None:
    for choice in body["choices"]:
        said = choice.get("message") or choice.get("delta") or {}
        if "reasoning_content" in said:
            said["reasoning_content"] = ""


def _uncounted(body: Body) -> None:
    for usage in _usages(body):
        usage["completion_tokens_details"] = {"reasoning_tokens": 0}


def _cached_for_free(body: Body) -> None:
    """Leave what was cached out of the prompt."""
    for usage in _usages(body):
        cached = usage.get("cached_tokens", 0)
        usage["prompt_tokens"] -= cached
        usage["total_tokens"] -= cached


def _thoughts_last(chunks: list[Timed]) -> list[Timed]:
    """Send the thoughts after the words, and before the end."""
    thoughts = [chunk for chunk in chunks if "reasoning_content" in chunk.delta]
    words = [chunk for chunk in chunks if chunk.delta.get("content")]
    others = [chunk for chunk in chunks if chunk not in thoughts and chunk not in words]
    return [*others[:1], *words, *thoughts, *others[1:]]


def _nothing_fixed(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Refuse a sampling value where there is only one, even this one."""
    answer = sound.reply(request)
    body, edition = sent(request), sound.world.edition
    model = edition.find(str(body.get("model")))
    fixed = edition.families[model.family].fixed if model else {}
    for field in fixed:
        if answer.status == 200 and body.get(field) is not None:
            fills = {"field": field, "value": "none"}
            return sound.world.refuse(sound.now, "value_fixed", fills)
    return answer


def _forgets_required(body: Body) -> None:
    if body.get("tool_choice") == "required":
        body["tool_choice"] = "auto"


def _forgets_none(body: Body) -> None:
    if body.get("tool_choice") == "none":
        body["tool_choice"] = "auto"


def _refers(request: Request) -> bool:
    """Chats that refer to a file."""
    return chats(request) and b"ms://" in request.body


def _finds_no_file(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Refuse every reference to a file, as if it were not there."""
    answer = sound.reply(request)
    if answer.status != 200 or not _refers(request):
        return answer
    return sound.world.refuse(sound.now, "file_not_found", {"id": ""})


def _refuses_thoughts(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Take no message back that has a thought in it."""
    answer = sound.reply(request)
    messages = sent(request).get("messages")
    for message in messages if isinstance(messages, list) else ():
        if answer.status == 200 and isinstance(message, dict) and "reasoning_content" in message:
            return sound.world.refuse(sound.now, "role_unknown", {"position": 1, "role": "thought"})
    return answer


def _drops_schema(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Take a schema, if it may be one, and answer as if there were none."""
    answer, body = sound.reply(request), sent(request)
    form = body.get("response_format")
    if answer.status != 200 or not isinstance(form, dict) or form.get("type") != "json_schema":
        return answer
    return sound.reply(with_sent(request, {**body, "response_format": {"type": "text"}}))


_row = Rows(chats, edition="2026-09")

THINKING = (
    _row("reasoning_hidden", "Does not show what it thought.", _completion(_hidden)),
    _row("reasoning_uncounted", "Says that nothing was thought.", _completion(_uncounted)),
    _row(
        "reasoning_last",
        "Streams its thoughts after its words.",
        on_chunks(_thoughts_last),
        touches=streams,
    ),
    _row(
        "ignores_thinking",
        "Thinks though it was told not to.",
        on_sent(lambda body: body.pop("thinking", None)),
    ),
    _row(
        "ignores_max_completion_tokens",
        "Goes on beyond max_completion_tokens.",
        on_sent(lambda body: body.pop("max_completion_tokens", None)),
    ),
    _row("fixed_value_refused", "Refuses the sampling values that are right.", _nothing_fixed),
    _row(
        "required_call_optional",
        "Takes a tool_choice of required for auto.",
        on_sent(_forgets_required),
    ),
    _row(
        "forbidden_call_made",
        "Takes a tool_choice of none for auto.",
        on_sent(_forgets_none),
    ),
    _row(
        "file_never_found",
        "Does not find the files that a message refers to.",
        _finds_no_file,
        touches=_refers,
    ),
    _row(
        "cached_not_counted",
        "Leaves what was cached out of the prompt.",
        _completion(_cached_for_free),
        "USAGE-003",
    ),
    _row("refuses_reasoning", "Does not take back what it thought.", _refuses_thoughts),
    _row("schema_dropped", "Answers in prose where a schema was given.", _drops_schema),
    _row(
        "schema_dropped_in_streams",
        "Streams prose where a schema was given.",
        _drops_schema,
        touches=streams,
    ),
)
