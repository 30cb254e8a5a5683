"""
Whose key it is: an organisation with a balance and, where it has a tier, rate limits.

A chat is paid for when its answer begins: each token of the prompt, cached ones at their own
price, and of the answer, at the prices of the edition's model. The last chat may end in a
debt; at 0 or below nothing is inferred any more. What a model costs is third-party knowledge
(the edition says from where), and no answer tells it; one of unknown price costs nothing.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from kimi_conformance.editions import Price
from kimi_conformance.simulator.rate_limits import RateLimits, Refusal

__all__ = ["BALANCE", "Account"]

BALANCE = 49.5  # of an account of which nothing else is said
DECIMALS = 9  # a token costs whole billionths


@dataclass(slots=True, kw_only=True)
class Account:
    """An organisation.

    Attributes:
        balance: Cash in dollars; a debt is below 0.
        metered: Whether chats are paid for; else the balance stays as it is.
        limits: Of its tier, or None: nothing is limited.
    """

    balance: float = BALANCE
    metered: bool = False
    limits: RateLimits | None = None

    @property
    def shown(self) -> Mapping[str, float]:
        """As the API tells it: a debt is negative cash, and available are then the vouchers, none.

        Source: API reference, balance; a measured debt of -31.14918.
        """
        cash = self.balance
        return {"available_balance": max(cash, 0), "voucher_balance": 0, "cash_balance": cash}

    def admit(self, now: float, tokens: int) -> Refusal | None:
        """Let a chat of so many tokens, prompt and longest answer, through, or say why not."""
        return None if self.limits is None else self.limits.admit(now, tokens)

    @contextmanager
    def unlimited(self) -> Iterator[None]:
        """Chats are paid for, but wait in a queue of their own: those of a batch."""
        limits, self.limits = self.limits, None
        try:
            yield
        finally:
            self.limits = limits

    def settle(
        self, until: float, price: Price | None, prompt: int, cached: int, answer: int
    ) -> None:
        """Charge an admitted chat, in tokens, and keep its place until it is over."""
        if self.limits is not None:
            self.limits.hold(until)
        if self.metered and price is not None:
            old = price.input if price.cached is None else price.cached
            cost = (prompt - cached) * price.input + cached * old + answer * price.output
            self.balance = round(self.balance - cost / 1_000_000, DECIMALS)
