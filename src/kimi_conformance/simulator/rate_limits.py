"""
The gate before the engine: how much an organisation may ask for.

    concurrency   chats that are being answered; each holds its place until its last frame
    rpm           chats in 60 s
    tpm, tpd      tokens in 60 s and in 24 h: the prompt and the most that may be answered,
                  however little is

Source: rate-limit pages of 2024 to 2026. The limits are the organisation's, whichever key or
model; what counts is the prompt with the requested `max_tokens` (or its default), not what is
produced. In every recording a refusal says to wait 1 second, whatever the wait was in truth.
On a refusal by RPM that second is in three headers too; headers of the others are not known,
so they carry none.

Assumed, as nobody says:

- Windows slide: they look back from now, so no 60 s ever have more than the limit.
- Only chats count, and only those that break no rule. A refused chat counts for nothing, and so
  do those of a batch, which are answered within hours.
- `n` answers count once, and a dry run of a cache counts as what it asks about.
- Where several limits are reached, the first of the list above is named.
- A client that leaves does not free its place: the engine goes on to the end.
"""

import heapq
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from kimi_conformance.editions import Tier
from kimi_conformance.wire.exchange import Headers

__all__ = ["RateLimits", "Refusal"]

MINUTE, DAY = 60.0, 86_400.0  # seconds
COOLDOWN = 1  # seconds to wait, as recorded

_HEADERS: Mapping[str, Headers] = {
    "rpm": tuple(
        (name, str(COOLDOWN)) for name in ("Retry-After", "X-Retry-After", "Msh-Cooldown-Seconds")
    )
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the gate is shut.

    Attributes:
        kind: "concurrency", "rpm", "tpm" or "tpd".
        limit: Of the tier.
        current: What would have been in use with this chat, more than the limit.
        seconds: After which to try again, as the API says it.
    """

    kind: str
    limit: int
    current: int
    seconds: int = COOLDOWN

    @property
    def error(self) -> str:
        """The key of the edition's words."""
        return f"max_{self.kind}"

    @property
    def fills(self) -> Mapping[str, object]:
        """What fills the words."""
        return {"limit": self.limit, "current": self.current, "seconds": self.seconds}

    @property
    def headers(self) -> Headers:
        """What the refusal carries besides."""
        return _HEADERS.get(self.kind, ())


class RateLimits:
    """What an organisation is using up of its tier.

    Time is told, in seconds, and does not run backwards.
    """

    def __init__(self, tier: Tier) -> None:
        self._places = tier.concurrency
        self._ends: list[float] = []
        self._chats = _Window("rpm", tier.rpm, MINUTE)
        self._tokens = [_Window("tpm", tier.tpm, MINUTE)]
        if tier.tpd is not None:
            self._tokens.append(_Window("tpd", tier.tpd, DAY))

    def admit(self, now: float, tokens: int) -> Refusal | None:
        """Let a chat of so many tokens through and count it, or say why not."""
        ends = self._ends
        while ends and ends[0] <= now:
            heapq.heappop(ends)
        if len(ends) >= self._places:
            return Refusal("concurrency", self._places, len(ends) + 1)
        refusal = self._chats.refusal(now, 1)
        for window in self._tokens:
            refusal = refusal or window.refusal(now, tokens)
        if refusal is None:
            self._chats.add(now, 1)
            for window in self._tokens:
                window.add(now, tokens)
        return refusal

    def hold(self, until: float) -> None:
        """Keep the admitted chat's place until its answer is over."""
        heapq.heappush(self._ends, until)


class _Window:
    """How much was used in the last `span` seconds: in `(now - span, now]`."""

    __slots__ = ("_kind", "_limit", "_span", "_spent", "_used")

    def __init__(self, kind: str, limit: int, span: float) -> None:
        self._kind = kind
        self._limit = limit
        self._span = span
        self._spent: deque[tuple[float, int]] = deque()
        self._used = 0

    def refusal(self, now: float, amount: int) -> Refusal | None:
        """Why there is no room for the amount, or None: there is."""
        spent, gone = self._spent, now - self._span
        while spent and spent[0][0] <= gone:
            self._used -= spent.popleft()[1]
        current = self._used + amount
        return Refusal(self._kind, self._limit, current) if current > self._limit else None

    def add(self, now: float, amount: int) -> None:
        self._spent.append((now, amount))
        self._used += amount
