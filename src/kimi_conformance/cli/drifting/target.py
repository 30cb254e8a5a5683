"""Who is asked whether there is drift: the embedded simulator, or a live endpoint."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from kimi_conformance.checks.factories import PLACEHOLDER_KEY
from kimi_conformance.checks.sound import FIXED_TIME
from kimi_conformance.editions import Edition
from kimi_conformance.simulator import Simulator
from kimi_conformance.simulator.faults import parse_switch
from kimi_conformance.stage import Budget, Live, Pace, Paced, Source

__all__ = ["Open", "Target", "fixed_time", "live_target", "simulated", "simulator_of"]


class Open(Protocol):
    """Opens the target for one pass; a simulator is a new one each time."""

    def __call__(self, number: int) -> Source:
        """What answers in the pass of this number, 0 or 1."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Who is asked.

    Attributes:
        open: See `Open`.
        api_key: That it takes.
        edition: The edition that it is held against.
        model: What is asked in place of models that it does not have.
        now: Its clock, in seconds since the Unix epoch.
    """

    open: Open
    api_key: str
    edition: Edition
    model: str
    now: Callable[[], float]


def simulated(edition: Edition, faults: Sequence[str] = (), seed: int = 0) -> Target:
    """The embedded simulator as a target; the two passes ask it with different seeds."""
    return Target(
        open=lambda number: simulator_of(edition, seed=seed + number, faults=faults),
        api_key=PLACEHOLDER_KEY,
        edition=edition,
        model=edition.default_model,
        now=fixed_time,
    )


def simulator_of(edition: Edition, *, seed: int = 0, faults: Sequence[str] = ()) -> Simulator:
    """The simulator of an edition, at a time that stands still."""
    return Simulator(
        edition,
        api_key=PLACEHOLDER_KEY,
        clock=fixed_time,
        seed=seed,
        answered=1000 * seed,
        faults=[parse_switch(fault) for fault in faults],
    )


def live_target(
    base_url: str,
    api_key: str,
    edition: Edition,
    model: str | None,
    budget: Budget,
    pace: Pace,
    recent: Iterable[tuple[float, int]] = (),
) -> Target:
    """A live endpoint as a target: asked within its budget, and no faster than it may be.

    Args:
        base_url: Of the endpoint.
        api_key: Its key.
        edition: It is held against.
        model: What is asked in place of models that it does not have; None: the edition's.
        budget: What may be spent.
        pace: How fast it may be asked.
        recent: Chats that count already, see `Paced`.
    """
    live = Live(base_url, api_key, placeholder=PLACEHOLDER_KEY, budget=budget)
    paced = Paced(live, pace, recent=recent)
    return Target(
        open=lambda _number: paced,
        api_key=api_key,
        edition=edition,
        model=model or edition.default_model,
        now=time.time,
    )


def fixed_time() -> float:
    """The time of a simulator that is asked, in seconds since the Unix epoch."""
    return FIXED_TIME
