"""Faults of chat completions: of whole answers, and of what a request asks for."""

from collections.abc import Callable
from typing import Any

from kimi_conformance.simulator.faults.change import on_json, on_sent
from kimi_conformance.simulator.faults.fault import (
    Change,
    Parameters,
    Sound,
    chats,
    wholes,
)
from kimi_conformance.simulator.faults.rows import Rows
from kimi_conformance.wire.exchange import Answer, Request

__all__ = ["COMPLETIONS"]

Body = dict[str, Any]


def _completion(edit: Callable[[Body], object]) -> Change:
    """Edit whole chat completions."""
    edited = on_json(edit)

    def change(request: Request, sound: Sound, parameters: Parameters) -> Answer:
        if not wholes(request):
            return sound.reply(request)
        return edited(request, sound, parameters)

    return change


def _sets(name: str, value: object) -> Change:
    return _completion(lambda body: body.update({name: value}))


def _lacks(name: str) -> Change:
    return _completion(lambda body: body.pop(name))


def _choices(edit: Callable[[Body], object]) -> Change:
    def edit_all(body: Body) -> None:
        for choice in body["choices"]:
            edit(choice)

    return _completion(edit_all)


def _messages(edit: Callable[[Body], object]) -> Change:
    return _choices(lambda choice: edit(choice["message"]))


def _usage(**changes: Callable[[Body], object]) -> Change:
    """Set counts of the usage, each from the usage as it was."""

    def edit(body: Body) -> None:
        was = dict(body["usage"])
        body["usage"].update({name: count(was) for name, count in changes.items()})

    return _completion(edit)


def _calls(edit: Callable[[Body], object]) -> Change:
    def edit_all(message: Body) -> None:
        for call in message.get("tool_calls", ()):
            edit(call)

    return _messages(edit_all)


def _from_one(body: Body) -> None:
    for choice in body["choices"]:
        choice["index"] += 1


def _ends_in_calls(choice: Body) -> None:
    if choice["finish_reason"] == "stop":
        choice["finish_reason"] = "tool_calls"


def _ends_in_stop(choice: Body) -> None:
    if choice["finish_reason"] == "tool_calls":
        choice["finish_reason"] = "stop"


def _hides_length(choice: Body) -> None:
    if choice["finish_reason"] == "length":
        choice["finish_reason"] = "stop"


def _same_ids(message: Body) -> None:
    for call in message.get("tool_calls", ()):
        call["id"] = message["tool_calls"][0]["id"]


def _cut_arguments(call: Body) -> None:
    call["function"]["arguments"] = call["function"]["arguments"][:-1]


def _object_arguments(call: Body) -> None:
    call["function"]["arguments"] = {"as": "an object"}


def _wrong_arguments(call: Body) -> None:
    call["function"]["arguments"] = '{"nobody_asked_for_this":true}'


def _renamed(call: Body) -> None:
    call["function"]["name"] += "_v2"


def _ignores(name: str) -> Change:
    return on_sent(lambda body: body.pop(name, None))


def _counts_no_tools(request: Request, sound: Sound, parameters: Parameters) -> Answer:
    """Count the prompt as if no tools had been sent."""
    bare = _ignores("tools")(request, sound, parameters)

    def edit(body: Body) -> None:
        cached = body["usage"].get("cached_tokens", 0)
        prompt = max(bare.json["usage"]["prompt_tokens"], cached)
        body["usage"].update(prompt_tokens=prompt)
        body["usage"].update(total_tokens=prompt + body["usage"]["completion_tokens"])

    return _completion(edit)(request, sound, parameters)


_whole = Rows(wholes)
_asked = Rows(chats)


COMPLETIONS = (
    _whole(
        "object_wrong",
        "Calls a completion something else.",
        _sets("object", "text_completion"),
        "CHAT-001",
    ),
    _whole("id_missing", "Gives a completion no id.", _lacks("id"), "CHAT-002"),
    _whole("id_constant", "Gives every completion the same id.", _sets("id", "chatcmpl-1")),
    _whole("created_missing", "Does not say when.", _lacks("created"), "CHAT-003"),
    _whole("created_zero", "Says that it was 1970.", _sets("created", 0), "CHAT-003"),
    _whole("created_old", "Says that it was 2001.", _sets("created", 1_000_000_000)),
    _whole("choices_empty", "Gives no choice.", _sets("choices", []), "CHAT-004", "CHAT-009"),
    _whole("choices_from_1", "Counts choices from 1.", _completion(_from_one), "CHAT-004"),
    _whole(
        "finish_reason_wrong",
        "Ends in a way that nobody knows.",
        _choices(lambda choice: choice.update(finish_reason="eos")),
        "CHAT-007",
    ),
    _whole(
        "finish_reason_null",
        "Does not say why it ended.",
        _choices(lambda choice: choice.update(finish_reason=None)),
        "CHAT-007",
    ),
    _whole(
        "finish_tool_calls_without",
        "Says that it ended in tool calls when it calls none.",
        _choices(_ends_in_calls),
        "TOOLCALL-005",
    ),
    _whole(
        "finish_stop_with_calls",
        "Calls tools and ends in stop.",
        _choices(_ends_in_stop),
        "TOOLCALL-005",
    ),
    _whole("finish_hides_length", "Says stop where it was cut.", _choices(_hides_length)),
    _whole(
        "role_wrong",
        "Answers in the role of the user.",
        _messages(lambda message: message.update(role="user")),
        "CHAT-005",
    ),
    _whole(
        "content_missing",
        "Answers nothing.",
        _messages(lambda message: message.update(content="")),
    ),
    _whole(
        "content_parts",
        "Answers with a list of parts.",
        _messages(lambda message: message.update(content=[{"type": "text", "text": "hi"}])),
        "CHAT-006",
    ),
    _whole(
        "content_no_json",
        "Writes prose around the JSON it was asked for.",
        _messages(lambda message: message.update(content=f"Sure: {message['content']}")),
    ),
    _whole("model_other", "Answers as another model.", _sets("model", "kimi-other"), "CHAT-008"),
    _whole("usage_missing", "Does not say what it cost.", _lacks("usage")),
    _whole(
        "usage_total_wrong",
        "Adds up wrongly.",
        _usage(total_tokens=lambda was: was["total_tokens"] + 1),
        "USAGE-002",
    ),
    _whole(
        "usage_negative",
        "Counts below zero.",
        _usage(
            completion_tokens=lambda was: -was["completion_tokens"],
            total_tokens=lambda was: was["prompt_tokens"] - was["completion_tokens"],
        ),
        "USAGE-001",
    ),
    _whole(
        "usage_text",
        "Counts in texts.",
        _usage(prompt_tokens=lambda was: str(was["prompt_tokens"])),
        "USAGE-001",
    ),
    _whole(
        "usage_zero",
        "Says that nothing was generated.",
        _usage(completion_tokens=lambda _: 0, total_tokens=lambda was: was["prompt_tokens"]),
    ),
    _whole(
        "usage_constant_prompt",
        "Counts every prompt alike.",
        _usage(
            prompt_tokens=lambda was: 9 + was.get("cached_tokens", 0),
            total_tokens=lambda was: 9 + was.get("cached_tokens", 0) + was["completion_tokens"],
        ),
    ),
    _whole("usage_without_tools", "Does not count tools.", _counts_no_tools),
    _whole(
        "cached_more_than_prompt",
        "Says that more was cached than was sent.",
        _usage(cached_tokens=lambda was: was["prompt_tokens"] + 1),
        "USAGE-003",
        "USAGE-008",
    ),
    _whole(
        "call_without_id",
        "Gives tool calls no id.",
        _calls(lambda call: call.pop("id")),
        "TOOLCALL-006",
    ),
    _whole(
        "call_type_wrong",
        "Calls a tool call something else.",
        _calls(lambda call: call.update(type="tool")),
        "TOOLCALL-006",
    ),
    _whole(
        "call_ids_same",
        "Gives all tool calls one id.",
        _messages(_same_ids),
        "TOOLCALL-007",
    ),
    _whole(
        "call_id_form",
        "Gives tool calls ids of another form.",
        _calls(lambda call: call.update(id=f"call_{call['id'].replace(':', '')}")),
    ),
    _whole("call_name_other", "Calls a tool that was not offered.", _calls(_renamed)),
    _whole(
        "call_arguments_cut",
        "Leaves out the end of the arguments.",
        _calls(_cut_arguments),
        "TOOLCALL-004",
    ),
    _whole(
        "call_arguments_object",
        "Gives arguments as an object, not as a text.",
        _calls(_object_arguments),
        "TOOLCALL-004",
        "TOOLCALL-006",
    ),
    _whole(
        "call_arguments_foreign",
        "Gives arguments that the schema does not know.",
        _calls(_wrong_arguments),
    ),
    _asked("ignores_n", "Gives one choice whatever n is.", _ignores("n"), "CHAT-009"),
    _asked("ignores_max_tokens", "Goes on beyond max_tokens.", _ignores("max_tokens")),
    _asked("ignores_stop", "Goes on beyond stop words.", _ignores("stop")),
    _asked("ignores_tools", "Calls no tools.", _ignores("tools")),
    _asked("ignores_tool_choice", "Does not look at tool_choice.", _ignores("tool_choice")),
    _asked("ignores_response_format", "Gives prose for JSON.", _ignores("response_format")),
    _asked("ignores_stream", "Does not stream.", _ignores("stream"), "SSE-001"),
    _asked(
        "ignores_stream_options",
        "Gives no usage chunk though it was asked for.",
        _ignores("stream_options"),
        "USAGE-007",
    ),
)
