"""
Which error of ours another one stands for, where no answer tells.

The order is the documents': a timeout is looked for before its parent, the connection error.
What nobody has foreseen becomes a plain LLMError that quotes it.
"""

from kimi_conformance.adapters.reference.errors import (
    LLMConnectionError,
    LLMError,
    LLMTimeoutError,
)
from kimi_conformance.adapters.reference.refusals import quoted
from kimi_conformance.http import httpx

__all__ = ["handle_llm_error"]

_FAILURES: tuple[tuple[tuple[type[Exception], ...], type[LLMError], str], ...] = (
    ((httpx.TimeoutException, TimeoutError), LLMTimeoutError, "no answer came in time"),
    ((httpx.TransportError, OSError, UnicodeError), LLMConnectionError, "the connection failed"),
    ((httpx.HTTPError, httpx.InvalidURL), LLMError, "the answer cannot be read"),
)


def handle_llm_error(error: Exception, secret: str = "", at: str = "") -> LLMError:
    """The LLM error that an error stands for; it is returned, and whoever called raises it.

    Args:
        error: What was raised; it becomes the cause. An LLM error stands for itself.
        secret: The key, which no message may show.
        at: Where it was raised, for the message: "POST /v1/chat/completions".

    Source: Letta processing flow, section 3.4.1.
    """
    if isinstance(error, LLMError):
        return error
    handled = _handled(error, secret, at)
    handled.__cause__ = error
    return handled


def _handled(error: Exception, secret: str, at: str) -> LLMError:
    text = quoted(str(error), secret)
    for kinds, ours, what in _FAILURES:
        if isinstance(error, kinds):
            where = f" at {at}" if at else ""
            why = f"{type(error).__name__}: {text}" if text else type(error).__name__
            return ours(f"Error: {what}{where} ({why})")
    return LLMError(f"Unhandled LLM error: {text}")
