"""
What can go wrong, by who must act.

    KimiConformanceError
    ├── UsageError          you: an option, a name, a file or a setting is wrong
    │   └── BudgetError     you: the run would have passed the budget it was given
    ├── ApiError            the endpoint answered with an HTTP error
    ├── TransportError      the endpoint did not answer, or its answer broke off
    ├── AdapterError        the adapter could not be opened, hung, or broke its protocol
    ├── CassetteError       the recording is missing, damaged, or holds something else
    └── RunError            the evidence file is damaged or cannot be written

Every message says what happened, where, the nearest thing that would have worked, and
what to do next.
"""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "AdapterError",
    "ApiError",
    "BudgetError",
    "CassetteError",
    "KimiConformanceError",
    "RunError",
    "TransportError",
    "UsageError",
    "nearest",
]

_MOST = 50  # names that a message lists whole; of more it shows a few
_SHOWN = 10


class KimiConformanceError(Exception):
    """The root of every error that this package raises on purpose."""


class UsageError(KimiConformanceError):
    """An option, a name, a file or a setting is wrong: the caller can put it right."""


class BudgetError(UsageError):
    """The run would have sent more requests or tokens than it was allowed to."""


class ApiError(KimiConformanceError):
    """The endpoint answered with an HTTP error.

    Attributes:
        status: The HTTP status, 400 to 599.
        type: `error.type` of the envelope, or None where the body is no Kimi envelope.
        message: `error.message`, or the body's text.
    """

    def __init__(self, status: int, type: str | None, message: str) -> None:
        super().__init__(f"{status} {type or 'error'}: {message}")
        self.status = status
        self.type = type
        self.message = message


class TransportError(KimiConformanceError):
    """No answer came, or it broke off before its end."""


class AdapterError(KimiConformanceError):
    """The adapter could not be opened, took too long, or answered outside its protocol."""


class CassetteError(KimiConformanceError):
    """The recording is missing, damaged, or does not hold what was asked of it."""


class RunError(KimiConformanceError):
    """The evidence file of a run is damaged, or it cannot be written."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that names what was probably meant, for the end of an error message.

    >>> nearest("steady_caht", ["steady_chat", "spike"])
    "Did you mean 'steady_chat'?"
    >>> nearest("zzz", ["b", "a"])
    'Known: a, b.'
    >>> nearest("zzz", map(str, range(100, 200)))[-26:]
    '107, 108, 109 and 90 more.'
    >>> nearest("2024-01", ["2025-09", "2026-09"])
    'Known: 2025-09, 2026-09.'
    """
    names = sorted(known)
    is_word = any(map(str.isalpha, name))  # dates share most of what they are made of
    close = get_close_matches(name, names, n=1, cutoff=0.6 if is_word else 0.75)
    if close:
        return f"Did you mean '{close[0]}'?"
    if not names:
        return "None is known."
    more = f" and {len(names) - _SHOWN} more" if len(names) > _MOST else ""
    return f"Known: {', '.join(names[: _SHOWN if more else None])}{more}."
