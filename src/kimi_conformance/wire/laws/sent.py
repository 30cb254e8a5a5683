"""Laws of what a client sends."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from kimi_conformance.requirements import Plane
from kimi_conformance.wire.json_values import NOT_JSON, elements, is_text, members, shown
from kimi_conformance.wire.law import Law
from kimi_conformance.wire.reading import CHAT, Reading, media_type

__all__ = ["LAWS", "ROLES"]

ROLES = ("system", "user", "assistant", "tool", "cache")  # cache: explicit caching only

_BEARER = re.compile(r"Bearer [!-~]+")  # one token of visible ASCII
# A control character but TAB, or what is outside Latin-1. A server that reads headers as UTF-8
# shows a byte that is none as U+DC80 to U+DCFF.
_NOT_IN_HEADER = re.compile(r"[^\t -~\xa0-\xff\udca0-\udcff]")
_UPLOADS = "/v1/files"  # multipart, not JSON
_NEEDS_BODY = (CHAT, "/v1/caching", "/v1/tokenizers/estimate-token-count", "/v1/batches")
_CACHE_HEADER = "x-msh-context-cache"


def _always(_: Reading) -> bool:
    return True


def _owes_json(reading: Reading) -> bool:
    return (
        reading.method in {"POST", "PUT", "PATCH"}
        and reading.path != _UPLOADS
        and (bool(reading.exchange.request.body) or reading.path in _NEEDS_BODY)
    )


def _is_no_json(reading: Reading) -> Iterator[str]:
    if reading.sent is NOT_JSON:
        yield f"the body is no JSON in UTF-8: {shown(reading.exchange.request.body)}"


def _wrong_type(reading: Reading) -> Iterator[str]:
    kind, charset = media_type(reading.exchange.request.headers)
    if kind != "application/json":
        yield f"Content-Type is {shown(reading.exchange.request.header('Content-Type'))}"
    elif charset not in {None, "utf-8"}:
        yield f"Content-Type names the charset {shown(charset)}"


def _keys(reading: Reading) -> list[str]:
    headers = reading.exchange.request.headers
    return [value for name, value in headers if name.lower() == "authorization"]


def _sends_key(reading: Reading) -> bool:
    return bool(_keys(reading))


def _wrong_key(reading: Reading) -> Iterator[str]:
    """The values are not shown: one may be a key."""
    keys = _keys(reading)
    if len(keys) > 1:
        yield f"Authorization is sent {len(keys)} times"
    for key in keys:
        if _BEARER.fullmatch(key) is None:
            yield "Authorization is not 'Bearer ' and one token of visible ASCII characters"


def _has_headers(reading: Reading) -> bool:
    return bool(reading.exchange.request.headers)


def _wrong_headers(reading: Reading) -> Iterator[str]:
    for name, value in reading.exchange.request.headers:
        if wrong := _NOT_IN_HEADER.search(name + value):
            yield f"the header {shown(name)} holds U+{ord(wrong[0]):04X}"


def _wrong_path(reading: Reading) -> Iterator[str]:
    if not reading.path.startswith("/"):
        yield f"the path {shown(reading.path)} does not begin with a slash"
    elif reading.path != "/" and "" in reading.path[1:].split("/"):
        yield f"the path {shown(reading.path)} has an empty segment"


def _is_chat(reading: Reading) -> bool:
    return reading.is_chat and reading.sent is not NOT_JSON


def _no_model(reading: Reading) -> Iterator[str]:
    model = reading.asked.get("model")
    if not is_text(model):
        yield f"model is {shown(model)}, not a text"


def _wrong_messages(reading: Reading) -> Iterator[str]:
    messages = reading.asked.get("messages")
    if not (isinstance(messages, list) and messages):
        yield f"messages is {shown(messages)}, not an array with something in it"
    for place, message in enumerate(elements(messages)):
        role = members(message).get("role")
        if role not in ROLES:
            yield f"messages[{place}] has the role {shown(role)}"


def _names_cache(reading: Reading) -> bool:
    headers = reading.exchange.request.headers
    return any(name.lower().startswith(_CACHE_HEADER) for name, _ in headers)


def _cache_elsewhere(reading: Reading) -> Iterator[str]:
    if not reading.is_chat:
        yield f"{reading.method} {shown(reading.path)} carries an X-Msh-Context-Cache header"


def _messages(reading: Reading) -> Sequence[Any]:
    return [members(message) for message in elements(reading.asked.get("messages"))]


def _has_tool_turns(reading: Reading) -> bool:
    return reading.is_chat and any(
        message.get("role") == "tool" or elements(message.get("tool_calls"))
        for message in _messages(reading)
    )


def _unanswered_calls(reading: Reading) -> Iterator[str]:
    """Each call of an assistant is answered before anybody else speaks, and only it is.

    Tool messages that come before any assistant may answer a call that a cache holds.
    """
    messages = _messages(reading)
    waiting: list[str] | None = None if _begins_with_cache(messages) else []
    asked_at = 0
    for place, message in enumerate([*messages, {"role": "user"}]):
        if message.get("role") == "tool" and waiting is not None:
            answered = message.get("tool_call_id")
            if is_text(answered) and answered in waiting:
                waiting.remove(answered)
            else:
                yield f"messages[{place}] answers {shown(answered)}, which no call waits for"
        elif message.get("role") in ("user", "assistant"):
            for missing in waiting or ():
                yield f"messages[{asked_at}] calls {shown(missing)}, and no tool message answers"
            calls = elements(message.get("tool_calls"))
            ids = [members(call).get("id") for call in calls]
            waiting, asked_at = [id for id in ids if is_text(id)], place


def _begins_with_cache(messages: Sequence[Any]) -> bool:
    return bool(messages) and messages[0].get("role") == "cache"


LAWS = (
    Law("SENT-001", Plane.ADAPTER, _owes_json, _is_no_json),
    Law("SENT-002", Plane.ADAPTER, _owes_json, _wrong_type),
    Law("SENT-003", Plane.ADAPTER, _sends_key, _wrong_key),
    Law("SENT-004", Plane.ADAPTER, _has_headers, _wrong_headers),
    Law("SENT-005", Plane.ADAPTER, _always, _wrong_path),
    Law("SENT-006", Plane.ADAPTER, _is_chat, _no_model),
    Law("SENT-007", Plane.ADAPTER, _is_chat, _wrong_messages),
    Law("SENT-008", Plane.ADAPTER, _names_cache, _cache_elsewhere),
    Law("SENT-009", Plane.ADAPTER, _has_tool_turns, _unanswered_calls),
)
