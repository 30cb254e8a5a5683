"""
When a virtual user sends a request again, and how long after; pure.

A logical call is one or several attempts. The time that an API asks for is kept: in seconds, in
a header or in the words of the refusal ("please try again after 3 seconds"). Where it asks for
none, the wait doubles from attempt to attempt.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from kimi_conformance.load.samples.records import ErrorClass
from kimi_conformance.wire.json_values import is_text, members, parse_json

__all__ = ["Retries", "asked_wait"]

# A request that is wrong stays wrong, and one that is unfinished at the end is not repeated.
_REPEATABLE = frozenset(
    {ErrorClass.RATE_LIMIT, ErrorClass.SERVER, ErrorClass.TRANSPORT, ErrorClass.INVALID}
)
_HEADERS = (b"retry-after", b"x-retry-after", b"msh-cooldown-seconds")
_IN_WORDS = re.compile(r"try again after (\d+(?:\.\d+)?) ?s", re.IGNORECASE)
_QUOTA = "exceeded_current_quota_error"  # a 429 since 2025; no wait fills an account


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How patient a virtual user is.

    Attributes:
        attempts: How often a request is sent at most, the first time included.
        factor_s: The wait after the first attempt, where the API asks for none; it doubles.
        cap_s: No wait of the user's own choosing is longer.
        longest_s: If the API asks for a longer wait than this, the user gives up.
        spread: Up to which share a wait is made longer, by chance: users who were refused
            together would come again together.
    """

    attempts: int = 4
    factor_s: float = 0.5
    cap_s: float = 10.0
    longest_s: float = 60.0
    spread: float = 0.1

    def pause(
        self, attempt: int, error: ErrorClass, asked_s: float | None, chance: float
    ) -> float | None:
        """Seconds to wait after this attempt has failed, or None: there is no other.

        Args:
            attempt: The first one is number 1.
            error: How it ended.
            asked_s: How long the API asks to wait, or None: it says nothing of that.
            chance: A number from 0 to 1.
        """
        if attempt >= self.attempts or error not in _REPEATABLE:
            return None
        if asked_s is not None and asked_s > self.longest_s:
            return None
        wait = asked_s or min(self.factor_s * 2.0 ** (attempt - 1), self.cap_s)
        return wait * (1 + self.spread * chance)


def asked_wait(headers: Mapping[bytes, bytes], body: bytes) -> float | None:
    """Seconds that a refusal asks to wait, or None: it asks for none.

    An account without money asks for ever: infinity.

    Args:
        headers: By their names in lower case.
        body: Of the refusal.
    """
    error = members(members(parse_json(body)).get("error"))
    if error.get("type") == _QUOTA:
        return float("inf")
    for name in _HEADERS:
        value = headers.get(name, b"").strip()
        if value.isdigit():
            return float(value)
    message = error.get("message")
    found = _IN_WORDS.search(message) if is_text(message) else None
    return float(found[1]) if found else None
