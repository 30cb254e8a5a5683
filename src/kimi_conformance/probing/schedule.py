"""
When probes are sent, and that each is remembered before the next.

Beats are an interval apart, each moved by a jitter, so that probes of many machines do not come
together and no rhythm of the service is met again and again. A beat whose time has passed, since
the process slept or the round before took too long, is left out, never made up for: that time
was not observed, and shows as unknown.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from kimi_conformance.errors import BudgetError, RunError
from kimi_conformance.history.past import Probe
from kimi_conformance.probing.request import Found
from kimi_conformance.stage import Budget
from kimi_conformance.wire.exchange import Request

__all__ = ["JITTER", "Asking", "Prober", "Times"]

JITTER = 0.1  # of the interval, to both sides


class Asking(Protocol):
    """Sends the request of a probe."""

    def request(self, model: str) -> Request:
        """What is sent to ask a model."""
        ...

    def ask(self, request: Request) -> Found:
        """Send it, and read the answer to its end."""
        ...


class Times(Protocol):
    """The clocks, and how to wait."""

    def now(self) -> float:
        """Seconds since 1970: when it is."""
        ...

    def ticks(self) -> float:
        """Monotonic seconds: how long something takes."""
        ...

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until somebody asks to stop; whether somebody did."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Prober:
    """Sends probes until it is told to stop.

    Attributes:
        asking: Sends one.
        base_url: Of whom; it is remembered with each probe.
        models: Which models are asked, one after the other, in each round.
        interval_s: From one round to the next.
        remember: Takes each probe at once.
        warn: Takes a sentence where a probe could not be remembered; it then shows as unknown.
        budget: What may be spent.
        times: The clocks.
        random: Of the jitter.
    """

    asking: Asking
    base_url: str
    models: Sequence[str]
    interval_s: float
    remember: Callable[[Probe], None]
    warn: Callable[[str], None]
    budget: Budget
    times: Times
    random: Random

    def once(self) -> list[Probe]:
        """One round; what was sent.

        Raises:
            BudgetError: The budget does not cover the round.
        """
        return [self._probe(model) for model in self.models]

    def run(self, for_s: float | None = None) -> str:
        """Rounds until told to stop, the time is over, or the budget is; why it ended."""
        begin = self.times.ticks()
        end = math.inf if for_s is None else begin + for_s
        beat = 0
        while True:
            due = begin + self._moment(beat)
            if due >= end:
                self.times.wait(max(end - self.times.ticks(), 0.0))
                return "the time is over"
            if self.times.wait(max(due - self.times.ticks(), 0.0)):
                return "it was told to stop"
            try:
                self.once()
            except BudgetError as error:
                return str(error)
            passed = (self.times.ticks() - begin) / self.interval_s
            beat = max(beat + 1, math.ceil(passed - JITTER))

    def _moment(self, beat: int) -> float:
        """When a beat is due, in seconds from the beginning; the first is due at once."""
        moved = self.random.uniform(-JITTER, JITTER) if beat else 0.0
        return (beat + moved) * self.interval_s

    def _probe(self, model: str) -> Probe:
        request = self.asking.request(model)
        before = self.budget.tokens
        self.budget.spend(request)
        at = self.times.now()
        found = self.asking.ask(request)
        probe = Probe(
            at=at,
            interval_s=self.interval_s,
            base_url=self.base_url,
            model=model,
            error=found.error.value,
            status=found.status,
            detail=found.detail,
            ttft_s=found.ttft_s,
            response_s=found.response_s,
            tokens=self.budget.tokens - before,
        )
        try:
            self.remember(probe)
        except RunError as error:
            self.warn(f"A probe was not remembered, so its time will be unknown. {error}")
        return probe
