"""
What the reference adapter raises, by what its user can do about it.

    LLMError                            the API, or the way to it, did not do what was asked
    ├── LLMAuthenticationError          the key is not accepted
    ├── LLMPermissionDeniedError        the key may not do this
    ├── LLMNotFoundError                there is no such model or path
    │   └── LLMModelRetiredError            there was such a model, and now there is another
    ├── LLMBadRequestError              the request is wrong
    │   └── LLMContextWindowExceededError   it is too long for the model
    ├── LLMRateLimitError               too much at once: wait
    ├── LLMQuotaError                   the account is empty: waiting does not help
    ├── LLMServerError                  the API failed
    ├── LLMUnusableAnswerError          it answered, but with nothing that can be used
    ├── LLMTimeoutError                 no answer came in time
    └── LLMConnectionError              no answer came, or it broke off
    ValueError                          a setting or an argument is wrong; nothing was sent
    ├── MissingKeyError
    ├── InvalidKeyError
    ├── InvalidBaseUrlError
    └── HandleNotFoundError

The names are those of the documents (processing-flow 3.4.1, troubleshooting 2.2 and 3.1.1).
A chat that was tried again in vain raises the class of its last error, with that error as the
cause and a message that begins with "Retries exhausted: ". No message holds the API key,
whatever the endpoint answered.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar

__all__ = [
    "ErrorCode",
    "HandleNotFoundError",
    "InvalidBaseUrlError",
    "InvalidKeyError",
    "LLMAuthenticationError",
    "LLMBadRequestError",
    "LLMConnectionError",
    "LLMContextWindowExceededError",
    "LLMError",
    "LLMModelRetiredError",
    "LLMNotFoundError",
    "LLMPermissionDeniedError",
    "LLMQuotaError",
    "LLMRateLimitError",
    "LLMServerError",
    "LLMTimeoutError",
    "LLMUnusableAnswerError",
    "MissingKeyError",
]


class ErrorCode(StrEnum):
    """What went wrong, for code that does not look at classes."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    NOT_FOUND = "NOT_FOUND"
    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    CONTEXT_WINDOW_EXCEEDED = "CONTEXT_WINDOW_EXCEEDED"
    RATE_LIMIT_EXCEEDED = "RATE_LIMIT_EXCEEDED"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"
    TIMEOUT = "TIMEOUT"
    UNAVAILABLE = "UNAVAILABLE"


class LLMError(Exception):
    """The root of what can go wrong between the client and the API.

    Attributes:
        message: The text, without the key.
        code: What went wrong, or None where the class says no more than "error".
        status: The HTTP status, or None where no answer came.
        retry_after_s: How long the API asks to wait before the next attempt, or None.
    """

    usual_code: ClassVar[ErrorCode | None] = None

    def __init__(
        self,
        message: str,
        code: ErrorCode | None = None,
        status: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.usual_code
        self.status = status
        self.retry_after_s = retry_after_s


class LLMAuthenticationError(LLMError):
    """The API does not accept the key."""

    usual_code = ErrorCode.UNAUTHENTICATED


class LLMPermissionDeniedError(LLMError):
    """The key is good, but not for this."""

    usual_code = ErrorCode.PERMISSION_DENIED


class LLMNotFoundError(LLMError):
    """There is no such model or path."""

    usual_code = ErrorCode.NOT_FOUND


class LLMModelRetiredError(LLMNotFoundError):
    """The API has retired the model; the message names the one to use in its place."""


class LLMBadRequestError(LLMError):
    """The request is wrong; the same one again will fail again."""

    usual_code = ErrorCode.INVALID_ARGUMENT


class LLMContextWindowExceededError(LLMBadRequestError):
    """Prompt and answer do not fit into the model's window."""

    usual_code = ErrorCode.CONTEXT_WINDOW_EXCEEDED


class LLMRateLimitError(LLMError):
    """Too many requests or tokens at once, or too busy an API: later it may work."""

    usual_code = ErrorCode.RATE_LIMIT_EXCEEDED


class LLMQuotaError(LLMError):
    """The account has nothing left to spend. No LLMRateLimitError, since waiting is in vain."""

    usual_code = ErrorCode.QUOTA_EXCEEDED


class LLMServerError(LLMError):
    """The API failed at its own work."""

    usual_code = ErrorCode.INTERNAL_SERVER_ERROR


class LLMUnusableAnswerError(LLMError):
    """The API granted the request, but its answer holds no message."""


class LLMTimeoutError(LLMError):
    """No answer came in time."""

    usual_code = ErrorCode.TIMEOUT


class LLMConnectionError(LLMError):
    """No answer came, or it broke off before its end."""

    usual_code = ErrorCode.UNAVAILABLE


class MissingKeyError(ValueError):
    """There is no key to send."""


class InvalidKeyError(ValueError):
    """The key cannot stand in an HTTP header."""


class InvalidBaseUrlError(ValueError):
    """The base URL names no place that requests could go to."""


class HandleNotFoundError(ValueError):
    """No model has this handle.

    Attributes:
        handle: What was asked for.
        available: The handles that there are.
    """

    def __init__(self, handle: str, available: Sequence[str]) -> None:
        super().__init__(
            f"No model has the handle '{handle}'. Available: {', '.join(available) or 'none'}."
        )
        self.handle = handle
        self.available = tuple(available)
