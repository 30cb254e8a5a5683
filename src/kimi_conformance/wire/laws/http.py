"""Laws of every answer: it is whole, it is JSON, and an error says so in Kimi's way."""

import re
import zlib
from collections.abc import Iterator, Mapping

from kimi_conformance.requirements import Plane
from kimi_conformance.wire.exchange import Ending, header
from kimi_conformance.wire.inflating import CODINGS, Inflater, TooLargeError
from kimi_conformance.wire.json_values import NOT_JSON, is_text, members, shown
from kimi_conformance.wire.law import Law
from kimi_conformance.wire.reading import Reading, media_type

__all__ = ["LAWS", "STATUSES_BY_TYPE"]

STATUSES_BY_TYPE: Mapping[str, tuple[int, ...]] = {
    "content_filter": (400,),
    "invalid_request_error": (400,),
    "invalid_authentication_error": (401,),
    "incorrect_api_key_error": (401,),
    "permission_denied_error": (403,),
    "exceeded_current_quota_error": (403, 429),  # 403 was seen in 2024 and 2025 only
    "resource_not_found_error": (404,),
    "engine_overloaded_error": (429,),
    "rate_limit_reached_error": (429,),
    "client_closed_request": (499,),
    "server_error": (500,),
    "unexpected_output": (500,),
    "server_unavailable": (503,),
}
"""The statuses that each error type comes with: documented error table and recordings."""

_WAIT = re.compile(r"[0-9]+|[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT")
_SECONDS = re.compile(r"[0-9]{1,9}")
_OWN_WAITS = ("X-Retry-After", "Msh-Cooldown-Seconds")
_OWN_ERRORS = ("/v1/caching", "/v1/batches", "/v1/responses")  # tell how a task went, not the call
_WITHOUT_BODY = (204, 304)
_WITH_JSON = ("GET", "POST", "PUT", "PATCH", "DELETE")


def _was_awaited(reading: Reading) -> bool:
    """Whether the client stayed to the end: else nobody knows if there was one."""
    return reading.exchange.answer.ending is not Ending.ABANDONED


def _is_cut(reading: Reading) -> Iterator[str]:
    if not reading.whole:
        yield f"the body did not come to its end: {reading.exchange.answer.ending.value}"


def _has_length(reading: Reading) -> bool:
    return (
        reading.whole
        and reading.method != "HEAD"
        and reading.status not in _WITHOUT_BODY
        and header(reading.headers, "Content-Length") is not None
    )


def _wrong_length(reading: Reading) -> Iterator[str]:
    size = len(reading.exchange.answer.body)
    for name, value in reading.headers:
        if name.lower() == "content-length" and not _says(value.strip(), size):
            yield f"Content-Length is {shown(value)}, the body has {size} bytes"


def _says(value: str, size: int) -> bool:
    """Whether a Content-Length names this size: ASCII digits only, leading zeros allowed."""
    return value.isascii() and value.isdigit() and (value.lstrip("0") or "0") == str(size)


def _owes_json(reading: Reading) -> bool:
    """Whether this answer must be JSON: on /v1, and neither a stream, a file nor a gateway's."""
    if not reading.on_v1 or reading.method not in _WITH_JSON or reading.status in _WITHOUT_BODY:
        return False
    if reading.ok:
        is_file = reading.path.startswith("/v1/files/") and reading.path.endswith("/content")
        return not (is_file or reading.asks_for_stream)
    is_page = media_type(reading.headers)[0] == "text/html"
    return reading.status is not None and not (reading.status == 504 and is_page)


def _wrong_type(reading: Reading) -> Iterator[str]:
    kind, charset = media_type(reading.headers)
    if kind != "application/json":
        yield f"Content-Type is {shown(header(reading.headers, 'Content-Type'))}"
    elif charset not in {None, "utf-8"}:
        yield f"Content-Type names the charset {shown(charset)}"


def _owes_whole_json(reading: Reading) -> bool:
    return _owes_json(reading) and reading.whole and reading.body is not None


def _is_no_json(reading: Reading) -> Iterator[str]:
    if reading.json is NOT_JSON:
        yield f"the body is no JSON in UTF-8: {shown(reading.body)}"


def _is_error(reading: Reading) -> bool:
    return (
        _owes_json(reading) and not reading.ok and reading.json is not NOT_JSON and _failed(reading)
    )


def _failed(reading: Reading) -> bool:
    return reading.status is not None and reading.status >= 400


def _is_unknown_path(reading: Reading) -> bool:
    """Whether it is the one error of another shape, which the gateway gives."""
    body = members(reading.json)
    return (
        reading.status == 404
        and body.get("error") == "url.not_found"
        and is_text(body.get("message"))
    )


def _wrong_envelope(reading: Reading) -> Iterator[str]:
    if _is_unknown_path(reading):
        return
    error = members(reading.json).get("error")
    if not isinstance(error, dict):
        yield f"status {reading.status} has no error object: {shown(reading.json)}"
        return
    for name in ("message", "type"):
        if not is_text(error.get(name)):
            yield f"error.{name} is {shown(error.get(name))}, not a text"


def _is_json_success(reading: Reading) -> bool:
    """Whether it is a success in JSON, of the call and of what was called."""
    return (
        _owes_json(reading)
        and reading.ok
        and reading.json is not NOT_JSON
        and not reading.path.startswith(_OWN_ERRORS)
    )


def _hidden_error(reading: Reading) -> Iterator[str]:
    error = members(reading.json).get("error")
    if error is not None:
        yield f"status {reading.status} carries an error: {shown(error)}"


def _error_type(reading: Reading) -> str | None:
    kind = members(members(reading.json).get("error")).get("type")
    return kind if isinstance(kind, str) and kind else None


def _has_error_type(reading: Reading) -> bool:
    return _is_error(reading) and _error_type(reading) is not None


def _has_known_error_type(reading: Reading) -> bool:
    return _is_error(reading) and _error_type(reading) in STATUSES_BY_TYPE


def _wrong_status(reading: Reading) -> Iterator[str]:
    kind = _error_type(reading) or ""
    if reading.status not in STATUSES_BY_TYPE[kind]:
        expected = " or ".join(map(str, STATUSES_BY_TYPE[kind]))
        yield f"{kind} comes with status {reading.status}, not {expected}"


def _unknown_error_type(reading: Reading) -> Iterator[str]:
    kind = _error_type(reading)
    if kind not in STATUSES_BY_TYPE:
        yield f"the error type {shown(kind)} is in no table of Kimi's errors"


def _is_coded(reading: Reading) -> bool:
    return reading.whole and reading.coding in CODINGS and bool(reading.exchange.answer.body)


def _wrong_coding(reading: Reading) -> Iterator[str]:
    inflater = Inflater()
    try:
        inflater.feed(reading.exchange.answer.body)
    except TooLargeError:
        return  # so far it is; how it ends nobody needs to know at that price
    except zlib.error as error:
        yield f"Content-Encoding is {reading.coding}, and the body is not: {error}"
        return
    if not inflater.eof:
        yield f"Content-Encoding is {reading.coding}, and the compressed body has no end"


def _names_a_wait(reading: Reading) -> bool:
    return header(reading.headers, "Retry-After") is not None


def _unreadable_wait(reading: Reading) -> Iterator[str]:
    value = (header(reading.headers, "Retry-After") or "").strip()
    if _WAIT.fullmatch(value) is None:
        yield f"Retry-After is {shown(value)}: neither whole seconds nor an HTTP date"


def _waits(reading: Reading) -> Mapping[str, str]:
    """What Kimi's own headers say of a wait, by their names."""
    told = {name: header(reading.headers, name) for name in _OWN_WAITS}
    return {name: value.strip() for name, value in told.items() if value is not None}


def _names_a_wait_of_its_own(reading: Reading) -> bool:
    return bool(_waits(reading))


def _waits_at_odds(reading: Reading) -> Iterator[str]:
    standard = (header(reading.headers, "Retry-After") or "").strip()
    told = _waits(reading)
    for name, value in told.items():
        if not (value.isascii() and value.isdigit()):
            yield f"{name} is {shown(value)}, not whole seconds"
    seconds = {int(value) for value in (*told.values(), standard) if _SECONDS.fullmatch(value)}
    if len(seconds) > 1:
        all_told = {**({"Retry-After": standard} if standard else {}), **told}
        yield ", ".join(f"{name} says {value}" for name, value in all_told.items())


LAWS = (
    Law("WIRE-001", Plane.ENDPOINT, _was_awaited, _is_cut),
    Law("WIRE-002", Plane.ENDPOINT, _has_length, _wrong_length),
    Law("WIRE-003", Plane.ENDPOINT, _owes_json, _wrong_type),
    Law("WIRE-004", Plane.ENDPOINT, _owes_whole_json, _is_no_json),
    Law("WIRE-005", Plane.ENDPOINT, _is_error, _wrong_envelope),
    Law("WIRE-006", Plane.ENDPOINT, _is_json_success, _hidden_error),
    Law("WIRE-007", Plane.ENDPOINT, _has_known_error_type, _wrong_status),
    Law("WIRE-008", Plane.ENDPOINT, _has_error_type, _unknown_error_type),
    Law("WIRE-009", Plane.ENDPOINT, _is_coded, _wrong_coding),
    Law("WIRE-010", Plane.ENDPOINT, _names_a_wait, _unreadable_wait),
    Law("WIRE-011", Plane.ENDPOINT, _names_a_wait_of_its_own, _waits_at_odds),
)
