"""Faults of access and of the error envelope, and one for each rule that is not asked."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from kimi_conformance.simulator.batches import CREATE_BATCH_RULES
from kimi_conformance.simulator.cache_rules import CREATE_CACHE_RULES, CREATE_TAG_RULES
from kimi_conformance.simulator.chat_rules import CHAT_RULES
from kimi_conformance.simulator.faults.change import (
    json_of,
    on_answer,
    on_refusal,
    with_header,
    with_json,
)
from kimi_conformance.simulator.faults.fault import (
    Change,
    Fault,
    Parameters,
    Sound,
    batches,
    caching,
    chats,
    files,
    formulas,
    sent,
    with_key,
)
from kimi_conformance.simulator.files import UPLOAD_RULES
from kimi_conformance.simulator.formulas import FIBER_RULES
from kimi_conformance.simulator.rules import RuleTable
from kimi_conformance.simulator.schema_rules import SCHEMA_RULES
from kimi_conformance.simulator.thinking_rules import THINKING_RULES
from kimi_conformance.wire.exchange import Answer, Frame, Request

__all__ = ["REFUSALS"]


def _waives(*rules: str) -> Change:
    return lambda request, sound, _: sound.reply(request, *rules)


def _model_before_key(request: Request, sound: Sound, _: Parameters) -> Answer:
    answer = sound.reply(request)
    if answer.status != 401 or not chats(request):
        return answer
    let_in = sound.reply(with_key(request, sound.world.api_key))
    return let_in if let_in.status == 404 else answer


def _forbids(answer: Answer) -> Answer:
    return replace(answer, status=403) if answer.status == 401 else answer


def _lacks(name: str) -> Change:
    """Leave out one field of the error."""

    def edited(answer: Answer) -> Answer:
        body = json_of(answer)
        body["error"].pop(name)
        return with_json(answer, body)

    return on_refusal(edited)


def _as_text(answer: Answer) -> Answer:
    return with_json(answer, {"error": json_of(answer)["error"]["message"]})


def _flat(answer: Answer) -> Answer:
    return with_json(answer, json_of(answer)["error"])


def _as_page(answer: Answer) -> Answer:
    text = json_of(answer)["error"]["message"].encode()
    page = b"<html><head><title>" + text + b"</title></head><body></body></html>"
    return replace(
        with_header(answer, "Content-Type", "text/html"), frames=(Frame(answer.frames[0].at, page),)
    )


def _of_unknown_type(answer: Answer) -> Answer:
    body = json_of(answer)
    body["error"]["type"] = "something_went_wrong"
    return with_json(answer, body)


def _of_other_type(answer: Answer) -> Answer:
    """Call everything an invalid request, whatever the status."""
    body = json_of(answer)
    body["error"]["type"] = "invalid_request_error"
    return with_json(answer, body)


def _mute(answer: Answer) -> Answer:
    body = json_of(answer)
    body["error"]["message"] = "Bad Request"
    return with_json(answer, body)


def _path_as_page(answer: Answer) -> Answer | None:
    if answer.status != 404 or json_of(answer).get("error") != "url.not_found":
        return None
    html = with_header(answer, "Content-Type", "text/html")
    return replace(html, frames=(Frame(0.0, b"<h1>404 page not found</h1>"),))


def _path_accepted(answer: Answer) -> Answer | None:
    if answer.status == 404 and json_of(answer).get("error") == "url.not_found":
        return with_json(answer, {}, status=200)
    return None


_REFUSED_NEXT = {
    "model_type": ("model_not_found",),
    "messages_type": ("messages_empty",),
    "tag_type": ("cache_tag",),
    "tags_type": ("cache_tags",),
}
"""What would refuse the same request if the first rule did not."""


_OF_2026 = frozenset(rule.name for rule in (*THINKING_RULES, *SCHEMA_RULES)) | {
    "batch_endpoint",
    "batch_metadata_pair",
    "batch_metadata_too_many",
    "batch_window",
    "file_no_jsonl",
    "file_reference",
    "image_format",
    "length_mistyped",
    "logit_bias",
    "tool_choice_without_tools",
    "top_logprobs",
}
"""The rules that the editions before have no use for."""


def _accepting(table: RuleTable, touches: Any, known: set[str]) -> Iterator[Fault]:
    """One fault for each rule: it is not asked."""
    for rule in table:
        if rule.name not in known:
            known.add(rule.name)
            yield Fault(
                name=f"accepts_{rule.name}",
                text=f"Does not refuse what the rule {rule.name} refuses.",
                change=_waives(rule.name, *_REFUSED_NEXT.get(rule.name, ())),
                touches=touches,
                edition="2026-09" if rule.name in _OF_2026 else "2025-09",
            )


def _refusing(field: str) -> Fault:
    """Refuse every chat that has this field, whatever its value."""

    def change(request: Request, sound: Sound, _: Parameters) -> Answer:
        answer = sound.reply(request)
        if answer.status != 200 or field not in sent(request):
            return answer
        fills = {"field": field, "expected": "null", "actual": "this"}
        return sound.world.refuse(sound.now, "wrong_type", fills)

    return Fault(
        name=f"refuses_{field}",
        text=f"Refuses every chat that has the field {field}.",
        change=change,
        touches=lambda request: chats(request) and field in sent(request),
    )


_REFUSED_FIELDS = (
    "temperature",
    "top_p",
    "n",
    "max_tokens",
    "presence_penalty",
    "frequency_penalty",
    "stop",
    "stream",
    "stream_options",
    "tools",
    "tool_choice",
    "response_format",
)


def _every_rule() -> Iterator[Fault]:
    known: set[str] = set()
    yield from _accepting(CHAT_RULES, chats, known)
    yield from _accepting(CREATE_CACHE_RULES, caching, known)
    yield from _accepting(CREATE_TAG_RULES, caching, known)
    yield from _accepting(UPLOAD_RULES, files, known)
    yield from _accepting(CREATE_BATCH_RULES, batches, known)
    yield from _accepting(FIBER_RULES, formulas, known)


REFUSALS = (
    Fault(
        name="accepts_any_key",
        text="Accepts a wrong key.",
        change=_waives("wrong_key"),
    ),
    Fault(
        name="accepts_no_key",
        text="Answers without a key.",
        change=_waives("no_key"),
    ),
    Fault(
        name="forbidden_for_wrong_key",
        text="Answers a wrong key with 403 in place of 401.",
        change=on_answer(_forbids),
        breaks=frozenset({"WIRE-007"}),
    ),
    Fault(
        name="model_before_key",
        text="Looks for the model before it looks at the key.",
        change=_model_before_key,
        touches=chats,
    ),
    Fault(
        name="error_without_type",
        text="Leaves out error.type.",
        change=_lacks("type"),
        breaks=frozenset({"WIRE-005", "MESSAGES-004"}),
    ),
    Fault(
        name="error_without_message",
        text="Leaves out error.message.",
        change=_lacks("message"),
        breaks=frozenset({"WIRE-005", "MESSAGES-004"}),
    ),
    Fault(
        name="error_is_text",
        text="Says the error as a text, not as an object.",
        change=on_refusal(_as_text),
        breaks=frozenset({"WIRE-005", "MESSAGES-004"}),
    ),
    Fault(
        name="error_is_flat",
        text="Says message and type without the object around them.",
        change=on_refusal(_flat),
        breaks=frozenset({"WIRE-005", "MESSAGES-004"}),
    ),
    Fault(
        name="error_is_html",
        text="Says the error as a page of HTML.",
        change=on_refusal(_as_page),
        breaks=frozenset({"WIRE-003", "WIRE-004"}),
    ),
    Fault(
        name="error_is_empty",
        text="Says no error: the body is empty.",
        change=on_refusal(lambda answer: replace(answer, frames=())),
        breaks=frozenset({"WIRE-004"}),
    ),
    Fault(
        name="error_with_200",
        text="Says the error with the status 200.",
        change=on_refusal(lambda answer: replace(answer, status=200)),
        # Whatever was asked for, its laws find none of it.
        breaks=frozenset(
            {"WIRE-006", "MODELS-001", "CHAT-001", "CHAT-002", "CHAT-003", "CHAT-004", "CHAT-008"}
            | {"CHAT-009", "CACHING-001", "CACHING-002", "CACHING-003", "CACHING-005", "SSE-001"}
        ),
    ),
    Fault(
        name="error_with_500",
        text="Says every error with the status 500.",
        change=on_refusal(lambda answer: replace(answer, status=500)),
        breaks=frozenset({"WIRE-007"}),
    ),
    Fault(
        name="error_type_unknown",
        text="Says an error type that nobody knows.",
        change=on_refusal(_of_unknown_type),
        breaks=frozenset({"WIRE-008"}),
    ),
    Fault(
        name="error_type_wrong",
        text="Calls every error an invalid request.",
        change=on_refusal(_of_other_type),
        breaks=frozenset({"WIRE-007"}),
    ),
    Fault(
        name="error_message_mute",
        text="Does not say what is wrong.",
        change=on_refusal(_mute),
    ),
    Fault(
        name="unknown_path_is_html",
        text="Answers an unknown path with a page of HTML.",
        change=on_answer(_path_as_page),
        breaks=frozenset({"WIRE-003", "WIRE-004"}),
    ),
    Fault(
        name="unknown_path_accepted",
        text="Answers an unknown path with 200 and an empty object.",
        change=on_answer(_path_accepted),
    ),
    *_every_rule(),
    *map(_refusing, _REFUSED_FIELDS),
)
