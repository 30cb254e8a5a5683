"""
When a request is sent again, and how long after.

A chat is repeated only as long as nothing of its answer has been handed on, and only where
the same request may fare better the next time:

    an answer without a message          the documented loop, with its backoff
    too much at once                     after the time that the API asks for, else the backoff
    the API failed, no answer, a lost    the backoff
    connection

A refused key, a wrong or too long request, an unknown model and an empty account are none of
these. Listing models, checking the key and keeping caches ask once.

Source of the three numbers: Letta processing flow, section 3.4.2.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from kimi_conformance.adapters.reference.effects import Operation, Wait
from kimi_conformance.adapters.reference.errors import (
    LLMConnectionError,
    LLMError,
    LLMRateLimitError,
    LLMServerError,
    LLMTimeoutError,
    LLMUnusableAnswerError,
)

__all__ = ["RetryPolicy", "retrying"]

REPEATABLE = (
    LLMUnusableAnswerError,
    LLMRateLimitError,
    LLMServerError,
    LLMTimeoutError,
    LLMConnectionError,
)
LARGEST_POWER = 1000  # 2.0 ** 1024 is no float any more

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How patient a client is with an API that fails.

    Attributes:
        attempts: How often one chat is sent at most, the first time included.
        factor_s: The wait after the first attempt; it doubles with every further one.
        cap_s: No wait of the client's own choosing is longer than this.
        longest_s: If the API asks for a longer wait than this, the user is told instead.

    Raises:
        ValueError: A number is out of its range; at least one attempt is needed.
    """

    attempts: int = 3
    factor_s: float = 0.5
    cap_s: float = 10.0
    longest_s: float = 60.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"attempts is {self.attempts}; a chat takes at least 1")
        for name in ("factor_s", "cap_s", "longest_s"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; a wait takes 0 s or more")

    def backoff(self, attempt: int) -> float:
        """Seconds to wait after this attempt has failed; the first one is number 1."""
        return float(min(self.factor_s * 2.0 ** min(attempt - 1, LARGEST_POWER), self.cap_s))

    def pause(self, attempt: int, error: LLMError) -> float:
        """Seconds to wait before the next attempt, now that this one has failed.

        Raises:
            LLMError: There is no next one: the error itself, where trying again is in vain or
                would take too long, or, after the last attempt, one that says so.
        """
        asked = error.retry_after_s or 0.0
        if not isinstance(error, REPEATABLE) or asked > self.longest_s:
            raise error
        if attempt >= self.attempts:
            raise type(error)(
                f"Retries exhausted: {error.message}",
                code=error.code,
                status=error.status,
                retry_after_s=error.retry_after_s,
            ) from error
        return asked or self.backoff(attempt)


def retrying(once: Callable[[], Operation[T]], policy: RetryPolicy) -> Operation[T]:
    """Perform an operation, anew where the policy allows it.

    Raises:
        LLMError: As `RetryPolicy.pause`.
    """
    attempt = 1
    while True:
        try:
            return (yield from once())
        except LLMError as error:
            pause = policy.pause(attempt, error)
        yield Wait(pause)
        attempt += 1
