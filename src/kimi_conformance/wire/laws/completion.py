"""Laws of a chat completion: the whole answer, and what it shares with a streamed one."""

from collections.abc import Iterator
from typing import Any

from kimi_conformance.requirements import Plane
from kimi_conformance.wire.json_values import elements, is_count, is_text, members, shown
from kimi_conformance.wire.law import Law
from kimi_conformance.wire.reading import Reading

__all__ = ["FINISH_REASONS", "LAWS"]

FINISH_REASONS = ("stop", "length", "tool_calls", "content_filter")

_STANDS_FOR_ANOTHER = ("moonshot-v1-auto", "kimi-latest")  # picked by length: no echo is promised


def _is_completion(reading: Reading) -> bool:
    return reading.is_completion


def _choices(reading: Reading) -> list[Any]:
    return [members(choice) for choice in elements(members(reading.json).get("choices"))]


def _has_choices(reading: Reading) -> bool:
    return reading.is_completion and bool(_choices(reading))


def _has_messages(reading: Reading) -> bool:
    return reading.is_completion and any(
        isinstance(choice.get("message"), dict) for choice in _choices(reading)
    )


def _wrong_object(reading: Reading) -> Iterator[str]:
    kind = members(reading.json).get("object")
    if kind != "chat.completion":
        yield f"object is {shown(kind)}"


def _wrong_id(reading: Reading) -> Iterator[str]:
    value = members(reading.json).get("id")
    if not is_text(value):
        yield f"id is {shown(value)}, not a text"


def _wrong_created(reading: Reading) -> Iterator[str]:
    value = members(reading.json).get("created")
    if not (is_count(value) and value > 0):
        yield f"created is {shown(value)}, not a time"


def _wrong_choices(reading: Reading) -> Iterator[str]:
    choices = members(reading.json).get("choices")
    if not (isinstance(choices, list) and choices):
        yield f"choices is {shown(choices)}, not an array with something in it"
        return
    indices = [choice.get("index") for choice in _choices(reading)]
    numbers = [index for index in indices if is_count(index)]
    if sorted(numbers) != list(range(len(choices))):
        yield f"the indices of {len(choices)} choices are {shown(indices)}"


def _wrong_role(reading: Reading) -> Iterator[str]:
    for place, choice in enumerate(_choices(reading)):
        role = members(choice.get("message")).get("role")
        if role != "assistant":
            yield f"choice {place} has the role {shown(role)}"


def _wrong_content(reading: Reading) -> Iterator[str]:
    for place, choice in enumerate(_choices(reading)):
        message = choice.get("message")
        if not isinstance(message, dict):
            continue
        if "content" not in message:
            yield f"choice {place} has no content, not even null"
        for name in ("content", "reasoning_content"):
            text = message.get(name)
            if not (text is None or isinstance(text, str)):
                yield f"choice {place} has {name} {shown(text)}, neither text nor null"


def _wrong_reason(reading: Reading) -> Iterator[str]:
    for place, choice in enumerate(_choices(reading)):
        if choice.get("finish_reason") not in FINISH_REASONS:
            yield f"choice {place} has finish_reason {shown(choice.get('finish_reason'))}"


def _names_models(reading: Reading) -> bool:
    wanted = reading.asked.get("model")
    answers = reading.is_completion or (reading.is_stream and bool(reading.stream.chunks))
    return answers and is_text(wanted) and wanted not in _STANDS_FOR_ANOTHER


def _other_model(reading: Reading) -> Iterator[str]:
    if reading.model != reading.asked["model"]:
        yield f"{shown(reading.asked['model'])} was asked for, {shown(reading.model)} answers"


def _wanted_choices(reading: Reading) -> int | None:
    """The number that the request asks for: 1 where it says nothing, by the documents."""
    count = reading.asked.get("n")
    if count is None:
        return 1
    return count if is_count(count) and count > 0 else None


def _counts_choices(reading: Reading) -> bool:
    answers = reading.is_completion or (reading.is_stream and reading.whole)
    return answers and _wanted_choices(reading) is not None


def _wrong_count(reading: Reading) -> Iterator[str]:
    wanted = _wanted_choices(reading)
    found = len(reading.stream.pieces) if reading.is_stream else len(_choices(reading))
    if found != wanted:
        yield f"n asks for {wanted} choices, {found} came"
    elif reading.is_stream and sorted(reading.stream.pieces) != list(range(found)):
        yield f"the indices of {found} choices are {shown(sorted(reading.stream.pieces))}"


LAWS = (
    Law("CHAT-001", Plane.ENDPOINT, _is_completion, _wrong_object),
    Law("CHAT-002", Plane.ENDPOINT, _is_completion, _wrong_id),
    Law("CHAT-003", Plane.ENDPOINT, _is_completion, _wrong_created),
    Law("CHAT-004", Plane.ENDPOINT, _is_completion, _wrong_choices),
    Law("CHAT-005", Plane.ENDPOINT, _has_choices, _wrong_role),
    Law("CHAT-006", Plane.ENDPOINT, _has_messages, _wrong_content),
    Law("CHAT-007", Plane.ENDPOINT, _has_choices, _wrong_reason),
    Law("CHAT-008", Plane.ENDPOINT, _names_models, _other_model),
    Law("CHAT-009", Plane.ENDPOINT, _counts_choices, _wrong_count),
)
