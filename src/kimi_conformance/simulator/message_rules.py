"""What messages must not be: the rows that chats and caches share."""

from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from kimi_conformance.simulator.rules import Case, Fills, Rule, mistyped

__all__ = ["MESSAGE_RULES"]


def _mistyped_message(case: Case) -> Iterator[Fills]:
    for message in case.messages:
        if not isinstance(message, dict):
            yield mistyped("messages", "[]object", message)
            return


def _mistyped_content(case: Case) -> Iterator[Fills]:
    for _, message in case.placed:
        content = message.get("content")
        if type(content) not in {str, list, type(None)}:
            yield mistyped("messages.content", "[]object", content)
        elif isinstance(content, list) and not all(isinstance(part, dict) for part in content):
            yield mistyped("messages.content", "[]object", content[0])


def _no_messages(case: Case) -> Iterator[Fills]:
    if not case.messages:
        yield {}


def _unknown_role(case: Case) -> Iterator[Fills]:
    for position, message in case.placed:
        role = message.get("role")
        if role not in case.edition.limits.roles:
            yield {"position": position, "role": "" if role is None else role}


def _empty_assistant(case: Case) -> Iterator[Fills]:
    """An assistant's message that says nothing, unless it is to be continued (`partial`)."""
    for position, message in case.placed:
        if (
            message.get("role") == "assistant"
            and not message.get("content")
            and not message.get("tool_calls")
            and message.get("partial") is not True
        ):
            yield {"position": position, "role": "assistant"}


def _unanswered_calls(case: Case) -> Iterator[Fills]:
    """The tool messages that answer an assistant's calls follow it directly."""
    messages = [message for _, message in case.placed]
    for number, message in enumerate(messages, start=1):
        calls = message.get("tool_calls") if message.get("role") == "assistant" else None
        if not isinstance(calls, list):
            continue
        answers = takewhile(lambda each: each.get("role") == "tool", messages[number:])
        answered = [each.get("tool_call_id") for each in answers]
        ids = [call.get("id") for call in calls if isinstance(call, dict)]
        open_ids = [str(id) for id in ids if id not in answered]
        if open_ids:
            yield {"ids": ", ".join(open_ids)}


def _tool_answers(case: Case) -> Iterator[tuple[int, Any, set[Any]]]:
    """Each tool message: its position, its tool_call_id, and the ids called before it."""
    called: set[Any] = set()
    for position, message in case.placed:
        calls = message.get("tool_calls")
        if isinstance(calls, list):
            called |= {str(call.get("id")) for call in calls if isinstance(call, dict)}
        if message.get("role") == "tool":
            yield position, message.get("tool_call_id"), called


def _answer_without_id(case: Case) -> Iterator[Fills]:
    for position, id, _ in _tool_answers(case):
        if not isinstance(id, str) or not id:
            yield {"position": position}


def _answer_to_nothing(case: Case) -> Iterator[Fills]:
    for _, id, called in _tool_answers(case):
        if isinstance(id, str) and id and id not in called:
            yield {"id": id}


MESSAGE_RULES = (
    Rule("messages_empty", "messages_empty", _no_messages),
    Rule("message_type", "wrong_type", _mistyped_message),
    Rule("role_unknown", "role_unknown", _unknown_role),
    Rule("content_type", "wrong_type", _mistyped_content),
    Rule("assistant_empty", "message_empty", _empty_assistant),
    Rule("tool_calls_unanswered", "tool_calls_unanswered", _unanswered_calls),
    Rule("tool_call_id_missing", "tool_call_id_missing", _answer_without_id),
    Rule("tool_call_id_unknown", "tool_call_id_unknown", _answer_to_nothing),
)
