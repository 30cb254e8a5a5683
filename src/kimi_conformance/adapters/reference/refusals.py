"""
Which error an answer stands for.

The API's envelope is {"error": {"message", "type"}}, but a gateway answers HTML, an unknown
path gets {"code": 5, "error": "url.not_found", …}, and nothing at all may come. What the
endpoint says is carried on, shortened, without control characters and without the key.
"""

import contextlib
import json
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from kimi_conformance.adapters.reference.effects import Answer
from kimi_conformance.adapters.reference.errors import (
    LLMAuthenticationError,
    LLMBadRequestError,
    LLMContextWindowExceededError,
    LLMError,
    LLMModelRetiredError,
    LLMNotFoundError,
    LLMPermissionDeniedError,
    LLMQuotaError,
    LLMRateLimitError,
    LLMServerError,
    LLMTimeoutError,
    LLMUnusableAnswerError,
)
from kimi_conformance.http import httpx

__all__ = ["decoded", "holds_error", "quoted", "reading", "refusal"]

LONGEST_QUOTE = 300  # characters
LONGEST_READ = 65_536  # what comes after so much is of no interest

_ALWAYS = {"exceeded_current_quota_error": LLMQuotaError}  # 403 in 2024, 429 since 2025
_BY_STATUS: Mapping[int, type[LLMError]] = {
    400: LLMBadRequestError,
    401: LLMAuthenticationError,
    402: LLMQuotaError,
    403: LLMPermissionDeniedError,
    404: LLMNotFoundError,
    408: LLMTimeoutError,
    413: LLMBadRequestError,
    422: LLMBadRequestError,
    429: LLMRateLimitError,
}
_BY_TYPE: Mapping[str, type[LLMError]] = {  # where the status says nothing: inside a 200
    "content_filter": LLMBadRequestError,
    "engine_overloaded_error": LLMRateLimitError,
    "incorrect_api_key_error": LLMAuthenticationError,
    "invalid_authentication_error": LLMAuthenticationError,
    "invalid_request_error": LLMBadRequestError,
    "permission_denied_error": LLMPermissionDeniedError,
    "rate_limit_reached_error": LLMRateLimitError,
    "resource_not_found_error": LLMNotFoundError,
    "server_error": LLMServerError,
    "server_unavailable": LLMServerError,
    "unexpected_output": LLMServerError,
}
# The texts of 2024, of the documents and of 2026; all come as invalid_request_error.
_TOO_LONG = re.compile(
    r"exceeded model token limit|model max length exceeded|input token length too long",
    re.IGNORECASE,
)
_WAIT = re.compile(r"try again after (\d+(?:\.\d+)?) ?s", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


def reading(answer: Answer, secret: str, retired: str = "") -> Any:
    """The JSON of an answer that grants what was asked.

    Args:
        answer: What came.
        secret: The key, which no message may show.
        retired: What to say where there is no such model and the client knows why, or "".

    Raises:
        LLMError: The status is none of 200 to 299, the body is an error all the same, or it
            is no JSON.
    """
    if not 200 <= answer.status < 300:
        raise _refused(answer, secret, retired)
    try:
        body = decoded(answer.body)
    except ValueError as error:
        text = quoted(_text(answer.body), secret) or "nothing"
        raise LLMUnusableAnswerError(
            f"Error: the answer is no JSON but says: {text}", status=answer.status
        ) from error
    if holds_error(body):
        raise refusal(body, secret, answer.status, retired)
    return body


def refusal(body: Any, secret: str, status: int, retired: str = "") -> LLMError:
    """The error that a decoded body stands for; the arguments are those of `reading`."""
    type, text = _envelope(body)
    error = _error(status, type, quoted(text, secret), secret, _asked_in(text))
    return _explained(error, type, retired)


def holds_error(body: Any) -> bool:
    """Whether a body is an error although it came with a good status."""
    return isinstance(body, Mapping) and bool(body.get("error")) and not body.get("choices")


def decoded(data: bytes | str) -> Any:
    """JSON as Python values.

    Raises:
        ValueError: It is no JSON, or nested so deeply that nobody can have meant it.
    """
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def quoted(text: str, secret: str, longest: int = LONGEST_QUOTE) -> str:
    """What somebody else said, fit for one line of ours and without the key."""
    printable = (each if each.isprintable() else " " for each in text[:LONGEST_READ])
    line = " ".join("".join(printable).split())
    if secret:
        # Also where it was taken apart by what has just become a space.
        line = re.sub(" ?".join(re.escape(each) for each in secret), "***", line)
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _refused(answer: Answer, secret: str, retired: str) -> LLMError:
    try:
        type, text = _envelope(decoded(answer.body))
    except ValueError:
        type, text = None, _text(answer.body)
    if 300 <= answer.status < 400:
        type, text = None, f"redirected to {answer.headers.get('location')}, not followed"
    asked = _asked_by(answer.headers)
    if asked is None:
        asked = _asked_in(text)
    error = _error(answer.status, type, quoted(text, secret), secret, asked)
    return _explained(error, type, retired)


def _explained(error: LLMError, type: str | None, retired: str) -> LLMError:
    """The error with the reason that the API leaves out: it calls a retired model unknown."""
    if retired and isinstance(error, LLMNotFoundError) and type == "resource_not_found_error":
        return LLMModelRetiredError(f"{error.message}. {retired}", status=error.status)
    return error


def _error(
    status: int, type: str | None, text: str, secret: str, retry_after_s: float | None
) -> LLMError:
    kind = _kind(status, type, text)
    named = f"{status} {quoted(type, secret)}" if type else str(status)
    message = f"HTTP error: {named}: {text or 'no reason given'}"
    if kind is LLMAuthenticationError:
        message = f"Failed to authenticate with Kimi API: {message}"
    return kind(message, status=status, retry_after_s=retry_after_s)


def _kind(status: int, type: str | None, text: str) -> type[LLMError]:
    if type in _ALWAYS:
        return _ALWAYS[type]
    if status >= 500:
        return LLMServerError
    kind = _BY_STATUS.get(status) or _BY_TYPE.get(type or "", LLMError)
    if kind is LLMBadRequestError and _TOO_LONG.search(text):
        return LLMContextWindowExceededError
    return kind


def _envelope(body: Any) -> tuple[str | None, str]:
    """Type and text of an error body, however its sender has wrapped it."""
    if not isinstance(body, Mapping):
        return None, "" if body is None else json.dumps(body, ensure_ascii=False)
    error = body.get("error", body)
    if isinstance(error, Mapping) and isinstance(error.get("error"), Mapping):
        error = error["error"]
    if not isinstance(error, Mapping):  # {"error": "url.not_found", "message": …}
        return str(error), str(body.get("message") or "")
    type = error.get("type")
    text = error.get("message")
    if text is None:
        text = json.dumps(error, ensure_ascii=False) if error else ""
    return (type if isinstance(type, str) else None), str(text)


def _asked_by(headers: httpx.Headers) -> float | None:
    """The wait that the header Retry-After asks for: seconds, or a date.

    A date is measured from the answer's own, so that the clock of the machine does not matter.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        until = parsedate_to_datetime(value)
        return max((until - parsedate_to_datetime(headers.get("date", ""))).total_seconds(), 0.0)
    return None


def _asked_in(text: str) -> float | None:
    """The wait that the API's text asks for: "please try again after 1 seconds"."""
    asked = _WAIT.search(text[:LONGEST_READ])
    return float(asked[1]) if asked else None


def _text(body: bytes) -> str:
    """What a body that is no JSON says: the title of a page, or all of it."""
    text = body[:LONGEST_READ].decode(errors="replace")
    title = _TITLE.search(text)
    return title[1] if title else text
