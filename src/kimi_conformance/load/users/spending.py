"""
What a load run may spend, and the account of what it has spent.

A request is paid for at its worst before it is sent: a token for each byte of its body (no token
is shorter), and all the tokens that its answer may have. When it has ended, what was counted on
the wire takes the place of that, where the answer says it. So what is under way never leads
beyond a limit. Several workers each get a share of the limits, and the shares never add up to
more.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from kimi_conformance.errors import BudgetError, UsageError

__all__ = ["MILLION", "Account", "Reserved", "Spending", "asked_for"]

MILLION = 1_000_000
_KNOWN = 1000  # request bodies whose worst case is remembered,
_KNOWN_BYTES = 16_384  # of those that are no longer than this
_REFUSED = range(400, 500)  # nothing is generated for them, so nothing is to be paid


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What may be spent; None is no limit.

    Attributes:
        max_requests: Requests that may be sent.
        max_tokens: Tokens, of prompts and answers.
        max_cost: Dollars.
        price_in: Dollars a million tokens of prompts, or None: not known.
        price_out: The same of answers.
        unsaid_tokens: Of an answer, at most, where the request does not say.
        sent: Requests that were sent before the load: they count as spent.

    Raises:
        UsageError: A limit is not above zero, or there is one of dollars and no price.
    """

    max_requests: int | None = None
    max_tokens: int | None = None
    max_cost: float | None = None
    price_in: float | None = None
    price_out: float | None = None
    unsaid_tokens: int = 1024
    sent: int = 0

    def __post_init__(self) -> None:
        for option, limit in self.limits.items():
            if not (math.isfinite(limit) and limit > 0):
                raise UsageError(f"{option} is {limit:,.10g}; it must be a number above 0.")
        if self.max_cost is not None and not self.priced:
            raise UsageError(
                "--max-cost needs a price, and the edition lists none for this model: give "
                "--price-in and --price-out, in dollars a million tokens."
            )

    @property
    def priced(self) -> bool:
        """Whether it is known what tokens cost."""
        return self.price_in is not None and self.price_out is not None

    @property
    def limits(self) -> dict[str, float]:
        """The limits that there are, by their options."""
        found = {
            "--max-requests": self.max_requests,
            "--max-tokens": self.max_tokens,
            "--max-cost": self.max_cost,
        }
        return {option: limit for option, limit in found.items() if limit is not None}

    def dollars(self, prompt: float, answer: float) -> float:
        """What so many tokens cost; 0 where no price is known."""
        return (prompt * (self.price_in or 0.0) + answer * (self.price_out or 0.0)) / MILLION

    def share(self, number: int, count: int) -> Self:
        """What one of several workers may spend.

        >>> [Spending(max_requests=5).share(number, 2).max_requests for number in range(2)]
        [3, 2]

        Args:
            number: Of the worker, from 0 on.
            count: How many there are.

        Raises:
            UsageError: There are fewer requests or tokens than workers.
        """
        for option, limit in self.limits.items():
            if limit < count and option != "--max-cost":
                raise UsageError(
                    f"{option} {limit:,.10g} cannot be shared by {count} workers: give more, or "
                    "take fewer workers."
                )
        return replace(
            self,
            max_requests=_part(self.max_requests, number, count),
            max_tokens=_part(self.max_tokens, number, count),
            max_cost=None if self.max_cost is None else self.max_cost / count * _A_LITTLE_LESS,
            sent=0 if number else self.sent,
        )


_A_LITTLE_LESS = 1 - 1e-12  # shares that are rounded up would add up to more


def _part(whole: int | None, number: int, count: int) -> int | None:
    return None if whole is None else whole // count + (number < whole % count)


@dataclass(frozen=True, slots=True)
class Reserved:
    """The worst that one request may cost, in tokens."""

    prompt: int
    answer: int


class Account:
    """What was spent of it.

    Attributes:
        requests: Sent, with those before the load.
        prompt: Tokens, of those that ended as the answers count them, of others at their worst.
        answer: Likewise.
        refused: Requests that were not sent, since a limit might have been passed.
        reached: The option of the limit that ended it, or "": none has.
    """

    def __init__(self, spending: Spending) -> None:
        self.spending = spending
        self.requests = spending.sent
        self.prompt = self.answer = self.refused = 0
        self.reached = ""
        self._known: dict[bytes, Reserved] = {}

    @property
    def tokens(self) -> int:
        """Of prompts and answers."""
        return self.prompt + self.answer

    @property
    def dollars(self) -> float:
        """What these cost; 0 where no price is known."""
        return self.spending.dollars(self.prompt, self.answer)

    def reserve(self, body: bytes) -> Reserved:
        """Pay for a request that is about to be sent, at its worst.

        Args:
            body: Of the request; one that has no messages asks for no tokens.

        Raises:
            BudgetError: A limit might be passed; nothing was paid.
        """
        worst = self._worst(body)
        spent = {
            "--max-requests": self.requests + 1,
            "--max-tokens": self.tokens + worst.prompt + worst.answer,
            "--max-cost": self.spending.dollars(
                self.prompt + worst.prompt, self.answer + worst.answer
            ),
        }
        for option, limit in self.spending.limits.items():
            if spent[option] > limit:
                self.refused += 1
                self.reached = self.reached or option
                raise BudgetError(
                    f"{option} {limit:,.10g} does not cover another request, which may take "
                    f"{worst.prompt + worst.answer} tokens."
                )
        self.requests += 1
        self.prompt += worst.prompt
        self.answer += worst.answer
        return worst

    def settle(
        self, paid: Reserved, status: int | None, prompt: int | None, answer: int | None
    ) -> None:
        """Put what was counted in the place of the worst, for a request that has ended.

        Args:
            paid: As `reserve` gave it.
            status: Of HTTP, or None: there was no answer, so who knows what was generated.
            prompt: Tokens as the answer counts them, or None.
            answer: Likewise.
        """
        if status in _REFUSED:
            prompt, answer = 0, 0
        if prompt is None or answer is None:
            return
        self.prompt += prompt - paid.prompt
        self.answer += answer - paid.answer

    def row(self) -> dict[str, Any]:
        """What is noted of it beside the samples."""
        return {
            "row": "spent",
            "limits": self.spending.limits,
            "requests": self.requests,
            "tokens": self.tokens,
            "dollars": round(self.dollars, 9) if self.spending.priced else None,
            "refused": self.refused,
            "reached": self.reached,
        }

    def _worst(self, body: bytes) -> Reserved:
        found = self._known.get(body)
        if found is None:
            request = json.loads(body) if body else {}
            asks = "messages" in request
            unsaid = self.spending.unsaid_tokens
            found = Reserved(len(body), asked_for(request, unsaid)) if asks else Reserved(0, 0)
            if len(self._known) < _KNOWN and len(body) <= _KNOWN_BYTES:
                self._known[body] = found
        return found


def asked_for(request: Mapping[str, Any], unsaid: int) -> int:
    """The tokens that the answers to a request may have: `n` of them may be asked for at once."""
    wanted = request.get("max_completion_tokens", request.get("max_tokens"))
    most = wanted if isinstance(wanted, int) and wanted > 0 else unsaid
    choices = request.get("n")
    return most * (choices if isinstance(choices, int) and choices > 1 else 1)
