"""
The traits of an answer: all that a client may rely on, and nothing that a model made up.

A trait is a place and what stands there. Values that are another in each answer (ids, times,
the text of a model) are left out or reduced to their form; what is left is equal in two
answers of one API, apart from the noise that two answers to one request show.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any

from kimi_conformance.wire.chat_stream import DONE, ChatStream
from kimi_conformance.wire.exchange import Answer, Request
from kimi_conformance.wire.json_values import NOT_JSON, elements, members, parse_json

__all__ = ["Dimension", "Trait", "Traits", "masked", "observe", "route_of"]


class Dimension(StrEnum):
    """What a trait is about."""

    STATUS = "status"  # of HTTP, and of an error its type
    TRANSPORT = "transport"  # content type, headers, how the body ended
    GRAMMAR = "grammar"  # of events: line ends, terminator, types
    ORDER = "order"  # of the chunks of a stream
    SHAPE = "shape"  # which fields, of which type
    WORD = "word"  # values that programs compare: "stop", "chat.completion"
    FORM = "form"  # of ids
    TEXT = "text"  # of errors
    QUANTITY = "quantity"  # of tokens


@dataclass(frozen=True, slots=True, order=True)
class Trait:
    """A place in an answer.

    Attributes:
        dimension: What is said there.
        path: Where: "choices[].message.content"; of a chunk it begins with "chunk.".
    """

    dimension: Dimension
    path: str


Traits = Mapping[Trait, str]

VALUED_HEADERS = ("vary", "msh-trace-mode")
SHOWN_HEADERS = (
    *VALUED_HEADERS,
    "location",
    "msh-context-cache-id",
    "msh-context-cache-token-exp",
    "msh-context-cache-token-saved",
    "msh-cooldown-seconds",
    "msh-request-id",
    "retry-after",
    "x-retry-after",
)  # those that a recording keeps
WORDS = frozenset(
    {
        *("object", "type", "code", "scode", "status", "purpose", "role", "owned_by"),
        *("finish_reason", "stop_reason"),
    }
)
FREE = frozenset({"arguments", "body", "input", "metadata", "output", "parameters", "properties"})
_HEX = re.compile(
    r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
    r"|(?<![0-9A-Za-z])(?=[a-z]*\d)[0-9a-z]{16,}(?![0-9A-Za-z])"
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_CALL = re.compile(r"(functions\.)?.+?([:_])\d+")  # a tool call: name and count
_OWN = re.compile(r"(?<=/)(?:[a-z]+-)?(?=[0-9a-z]*\d)[0-9a-z-]{12,}(?=/|$)")
_TAGGED = re.compile(r"(?<=/tags/)[^/]+")


def route_of(request: Request, answer: Answer) -> str:
    """What was asked, with names in place of ids; a stream is another route than one piece.

    >>> route_of(Request(method="GET", path="/v1/files/d30bv01kkclptuv48kug"), Answer())
    'GET /v1/files/{id}'
    """
    path = _TAGGED.sub("{tag}", _OWN.sub("{id}", request.path))
    return f"{request.method} {path}{' (stream)' if _is_stream(answer) else ''}"


def observe(answer: Answer, models: Sequence[str] = ()) -> Traits:
    """The traits of an answer.

    Args:
        answer: As received, in whole.
        models: Ids that stand for the model that was asked, wherever an error quotes it.
    """
    found = dict(_transport(answer))
    if _is_stream(answer):
        found.update(_stream(answer))
    else:
        body = parse_json(answer.body)
        if body is not NOT_JSON:
            found.update(_values(body, ""))
            error = _error(body, models)
            found.update(error)
            said = error.get(Trait(Dimension.TEXT, "error.message"), "")
            if answer.status >= 400 and said:
                kind = members(members(body).get("error")).get("type")
                found[Trait(Dimension.STATUS, "")] += f" {kind or 'error'}"
        elif answer.body:
            found[Trait(Dimension.SHAPE, "body")] = "not JSON"
    return found


def masked(text: str, models: Sequence[str] = ()) -> str:
    """A text without what is another each time: ids, numbers, the model that was asked.

    >>> masked("Not found the cache cache-er8f4x1zwq9p2m7k, try after 12 s")
    'Not found the cache cache-<id>, try after <n> s'
    """
    for model in sorted(filter(None, models), key=len, reverse=True):
        text = text.replace(model, "<model>")
    return _NUMBER.sub("<n>", _HEX.sub("<id>", text))


def _is_stream(answer: Answer) -> bool:
    return (answer.header("content-type") or "").startswith("text/event-stream")


def _transport(answer: Answer) -> Iterator[tuple[Trait, str]]:
    yield Trait(Dimension.STATUS, ""), str(answer.status)
    kind = (answer.header("content-type") or "none").replace(" ", "").lower()
    yield Trait(Dimension.TRANSPORT, "content-type"), kind
    yield Trait(Dimension.TRANSPORT, "ending"), answer.ending.value
    for name in SHOWN_HEADERS:
        value = answer.header(name)
        if value is not None:
            shown = value if name in VALUED_HEADERS else "sent"
            yield Trait(Dimension.TRANSPORT, f"header {name}"), shown


def _stream(answer: Answer) -> Iterator[tuple[Trait, str]]:
    stream = ChatStream(answer.frames)
    body = answer.body
    line_end = "CRLF" if b"\r\n" in body else "CR" if b"\r" in body else "LF"
    yield Trait(Dimension.GRAMMAR, "line end"), line_end
    last = stream.events[-1] if stream.events else None
    yield Trait(Dimension.GRAMMAR, "terminator"), DONE if last and last.done else "none"
    named = [event.event for _, event in stream.decoded.events if event.event]
    kinds = named or [_kind(chunk.body) for chunk in stream.chunks]
    yield Trait(Dimension.ORDER, ""), " ".join(kind for kind, _ in groupby(kinds))
    merged: dict[Trait, set[str]] = {}
    for chunk in stream.chunks:
        for trait, value in _values(chunk.body, "chunk").items():
            merged.setdefault(trait, set()).update(value.split("|"))
    for trait, values in merged.items():
        if trait.dimension is not Dimension.QUANTITY or len(values) == 1:
            yield trait, "|".join(sorted(values))


def _kind(chunk: Mapping[str, Any]) -> str:
    """What a chunk brings; an empty text beside the role is part of the role."""
    first = members(next(iter(elements(chunk.get("choices"))), None))
    if not first:
        return "usage" if chunk.get("usage") else "empty"
    if first.get("finish_reason"):
        return "finish"
    delta = members(first.get("delta"))
    if "role" in delta:
        return "role"
    return next(
        (name for name in ("tool_calls", "reasoning_content") if delta.get(name)), "content"
    )


def _error(body: Any, models: Sequence[str]) -> dict[Trait, str]:
    error = members(body).get("error")
    message = members(error).get("message") or (members(body).get("message") if error else None)
    if not isinstance(message, str):
        return {}
    return {Trait(Dimension.TEXT, "error.message"): masked(message, models)}


def _values(value: Any, path: str) -> dict[Trait, str]:
    """Shapes, words, id forms and counts of tokens in a JSON value."""
    found: dict[Trait, set[str]] = {}
    for trait, said in _walk(value, path):
        found.setdefault(trait, set()).add(said)
    return {trait: "|".join(sorted(said)) for trait, said in found.items()}


def _walk(value: Any, path: str) -> Iterator[tuple[Trait, str]]:
    if path:
        yield Trait(Dimension.SHAPE, path), _type(value)
    name = path.rpartition(".")[2]
    if isinstance(value, dict | list):
        inside = () if name in FREE else _inside(value, path)
        for inner, where in inside:
            yield from _walk(inner, where)
    elif isinstance(value, str) and value and name in WORDS:
        yield Trait(Dimension.WORD, path), value
    elif isinstance(value, str) and value and name == "id":
        yield Trait(Dimension.FORM, path), _form(value)
    elif "usage." in path and isinstance(value, int):
        yield Trait(Dimension.QUANTITY, path), str(value)


def _inside(value: Mapping[str, Any] | Sequence[Any], path: str) -> Iterator[tuple[Any, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield inner, f"{path}.{key}" if path else key
    else:
        for inner in value:
            yield inner, f"{path}[]"


def _form(id: str) -> str:
    """The form of an id: what it is of stands for itself, what is another each time does not.

    >>> _form("get_weather:0"), _form("chatcmpl-68c0bf8088f068151459af7b")
    ('<name>:<n>', 'chatcmpl-<24>')
    """
    call = _CALL.fullmatch(id)
    if call:
        return f"{call[1] or ''}<name>{call[2]}<n>"
    parts = _HEX.split(id)  # what is around the random parts
    lengths = ["-".join(f"<{len(piece)}>" for piece in one.split("-")) for one in _HEX.findall(id)]
    rest = [_NUMBER.sub("<n>", part) for part in parts]
    return "".join(part for pair in zip(rest, [*lengths, ""], strict=True) for part in pair)


_TYPES: Mapping[type, str] = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "number",
    float: "number",
    type(None): "null",
}


def _type(value: Any) -> str:
    return _TYPES.get(type(value), "unknown")
