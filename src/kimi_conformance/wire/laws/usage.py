"""Laws of usage: where it stands, and that its numbers agree."""

from collections.abc import Iterator, Mapping
from typing import Any

from kimi_conformance.requirements import Plane
from kimi_conformance.wire.exchange import header
from kimi_conformance.wire.json_values import is_count, members, shown
from kimi_conformance.wire.law import Law
from kimi_conformance.wire.reading import Reading, Usage

__all__ = ["LAWS"]

_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
_SAVED = "Msh-Context-Cache-Token-Saved"


def _has_usage(reading: Reading) -> bool:
    return bool(reading.usages)


def _no_counts(reading: Reading) -> Iterator[str]:
    for usage in reading.usages:
        for name in _COUNTS:
            value = members(usage.body).get(name)
            if not is_count(value):
                yield f"in {usage.where}, {name} is {shown(value)}, not a number of tokens"


def _counted(reading: Reading) -> list[Usage]:
    """The usages whose three numbers are numbers; USAGE-001 judges the others."""
    return [
        usage
        for usage in reading.usages
        if all(is_count(members(usage.body).get(name)) for name in _COUNTS)
    ]


def _has_counts(reading: Reading) -> bool:
    return bool(_counted(reading))


def _wrong_sum(reading: Reading) -> Iterator[str]:
    for usage in _counted(reading):
        prompt, completion, total = (usage.body[name] for name in _COUNTS)
        if total != prompt + completion:
            yield f"in {usage.where}, {shown(prompt)} + {shown(completion)} is not {shown(total)}"


def _cached(usage: Usage) -> Mapping[str, Any]:
    """What a usage says of cached tokens, by the name it says it under; null says nothing."""
    body = members(usage.body)
    said = {
        "cached_tokens": body.get("cached_tokens"),
        "prompt_tokens_details.cached_tokens": members(body.get("prompt_tokens_details")).get(
            "cached_tokens"
        ),
    }
    return {name: value for name, value in said.items() if value is not None}


def _names_cached(reading: Reading) -> bool:
    return any(_cached(usage) for usage in _counted(reading))


def _wrong_cached(reading: Reading) -> Iterator[str]:
    for usage in _counted(reading):
        said = _cached(usage)
        prompt = usage.body["prompt_tokens"]
        for name, value in said.items():
            if not is_count(value):
                yield f"in {usage.where}, {name} is {shown(value)}, not a number of tokens"
            elif value > prompt:
                yield f"in {usage.where}, {name} is {value} of {prompt} prompt tokens"
        if len({value for value in said.values() if is_count(value)}) > 1:
            yield f"in {usage.where}, the cached tokens are {shown(dict(said))}"


def _reasoning(usage: Usage) -> Any:
    return members(members(usage.body).get("completion_tokens_details")).get("reasoning_tokens")


def _names_reasoning(reading: Reading) -> bool:
    return any(_reasoning(usage) is not None for usage in _counted(reading))


def _wrong_reasoning(reading: Reading) -> Iterator[str]:
    for usage in _counted(reading):
        value, completion = _reasoning(usage), usage.body["completion_tokens"]
        if value is None:
            continue
        if not is_count(value):
            yield f"in {usage.where}, reasoning_tokens is {shown(value)}, not a number of tokens"
        elif value > completion:
            yield f"in {usage.where}, reasoning_tokens is {value} of {completion} completion tokens"


def _has_streamed_usage(reading: Reading) -> bool:
    return reading.is_stream and bool(reading.usages)


def _out_of_place(reading: Reading) -> Iterator[str]:
    for usage in reading.usages:
        if not usage.in_place:
            yield f"{usage.where} has a usage, and is neither an end nor without choices"


def _repeats(reading: Reading) -> bool:
    """Whether one choice is counted more than once; of several, each has a count of its own."""
    return reading.is_stream and len(reading.stream.pieces) == 1 and len(_counted(reading)) > 1


def _disagree(reading: Reading) -> Iterator[str]:
    first, *others = _counted(reading)
    for other in others:
        for name in _COUNTS:
            if first.body[name] != other.body[name]:
                yield (
                    f"{name} is {shown(first.body[name])} in {first.where} "
                    f"and {shown(other.body[name])} in {other.where}"
                )


def _includes_usage(reading: Reading) -> bool:
    return (
        reading.is_stream
        and reading.whole
        and members(reading.asked.get("stream_options")).get("include_usage") is True
    )


def _not_included(reading: Reading) -> Iterator[str]:
    numbers = [
        chunk.number
        for chunk in reading.stream.chunks
        if chunk.body.get("choices") == [] and isinstance(chunk.body.get("usage"), dict)
    ]
    if len(numbers) != 1:
        yield f"include_usage asks for one chunk with the usage and no choice, {len(numbers)} came"
        return
    last = max((many[-1].number for many in reading.stream.pieces.values()), default=0)
    if numbers[0] < last:
        yield f"the usage came at event {numbers[0]}, before the choices ended at event {last}"


def _saves(reading: Reading) -> bool:
    """Whether header and body both speak of cached tokens, of one choice."""
    return (
        header(reading.headers, _SAVED) is not None
        and len(reading.replies) == 1
        and _names_cached(reading)
    )


def _other_saving(reading: Reading) -> Iterator[str]:
    saved = (header(reading.headers, _SAVED) or "").strip()
    read = [each for each in _counted(reading) if members(each.body)["prompt_tokens"]]
    for usage in read:  # a dry run of a cache reads no prompt, and tells what it would save
        for name, value in _cached(usage).items():
            if is_count(value) and saved != str(value):
                yield f"{_SAVED} is {shown(saved)}, {name} in {usage.where} is {value}"


LAWS = (
    Law("USAGE-001", Plane.ENDPOINT, _has_usage, _no_counts),
    Law("USAGE-002", Plane.ENDPOINT, _has_counts, _wrong_sum),
    Law("USAGE-003", Plane.ENDPOINT, _names_cached, _wrong_cached),
    Law("USAGE-004", Plane.ENDPOINT, _names_reasoning, _wrong_reasoning),
    Law("USAGE-005", Plane.ENDPOINT, _has_streamed_usage, _out_of_place),
    Law("USAGE-006", Plane.ENDPOINT, _repeats, _disagree),
    Law("USAGE-007", Plane.ENDPOINT, _includes_usage, _not_included),
    Law("USAGE-008", Plane.ENDPOINT, _saves, _other_saving),
)
