"""
When requests arrive in an open workload: schedules, seeded, so that a run can be repeated.

Users of a closed workload wait for replies, so a slow server is asked less. In an open one
requests come when they come. Each is timed from the moment it was to be sent, so that it counts
what it waited for a free user too.
"""

import math
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice, pairwise, repeat
from typing import Protocol, Self

from kimi_conformance.errors import UsageError

__all__ = ["Arrival", "Arrivals", "Constant", "Poisson", "share_of"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request that is to be sent.

    Attributes:
        at: When, in seconds since the schedule began.
        prompt_tokens: How long its prompt is, or None: the scenario knows.
        answer_tokens: How long its answer is to be, likewise.
    """

    at: float
    prompt_tokens: int | None = None
    answer_tokens: int | None = None


class Arrivals(Protocol):
    """A schedule: arrivals in order, the same ones each time it is gone through."""

    def __iter__(self) -> Iterator[Arrival]:
        """The arrivals; there may be no end to them."""
        ...

    def stretched(self, factor: float) -> Self:
        """The schedule for a run that is longer by this factor; its rates stay."""
        ...


@dataclass(frozen=True, slots=True)
class Constant:
    """Requests at even intervals.

    >>> [arrival.at for arrival, _ in zip(Constant(4), range(3))]
    [0.25, 0.5, 0.75]

    Attributes:
        rate: Requests a second; or steps of it: until which second how many, ascending.

    Raises:
        UsageError: A rate is below 0, or the steps do not ascend.
    """

    rate: float | tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        _check(self.rate)

    def __iter__(self) -> Iterator[Arrival]:
        return _arrivals(self.rate, repeat(1.0))

    def stretched(self, factor: float) -> Self:
        """As in `Arrivals`."""
        return replace(self, rate=_stretched(self.rate, factor))


@dataclass(frozen=True, slots=True)
class Poisson:
    """Requests of many people who do not know of each other.

    Attributes:
        rate: As in `Constant`; on average.
        seed: The same seed gives the same arrivals.

    Raises:
        UsageError: As in `Constant`.
    """

    rate: float | tuple[tuple[float, float], ...]
    seed: int = 0

    def __post_init__(self) -> None:
        _check(self.rate)

    def __iter__(self) -> Iterator[Arrival]:
        dice = random.Random(self.seed)  # noqa: S311 - a schedule is no secret
        return _arrivals(self.rate, iter(lambda: dice.expovariate(1.0), None))

    def stretched(self, factor: float) -> Self:
        """As in `Arrivals`."""
        return replace(self, rate=_stretched(self.rate, factor))


def share_of(arrivals: Iterable[Arrival], index: int, count: int) -> Iterator[Arrival]:
    """What one of several processes sends, so that together they send each arrival once.

    >>> [arrival.at for arrival, _ in zip(share_of(Constant(4), 1, 2), range(3))]
    [0.5, 1.0, 1.5]

    Args:
        arrivals: The schedule that all of them have.
        index: Which process this is, from 0.
        count: How many there are.
    """
    return islice(iter(arrivals), index, None, count)


def _stretched(
    rate: float | tuple[tuple[float, float], ...], factor: float
) -> float | tuple[tuple[float, float], ...]:
    if isinstance(rate, int | float):
        return rate
    return tuple((until * factor, each) for until, each in rate)


def _steps(
    rate: float | tuple[tuple[float, float], ...],
) -> tuple[tuple[float, float], ...]:
    return ((math.inf, float(rate)),) if isinstance(rate, int | float) else rate


def _check(rate: float | tuple[tuple[float, float], ...]) -> None:
    steps = _steps(rate)
    if any(not (math.isfinite(each) and each >= 0) for _, each in steps):
        raise UsageError(f"A rate of arrivals is a number from 0 on, not {rate}.")
    if any(later <= earlier for (earlier, _), (later, _) in pairwise(steps)):
        raise UsageError(f"Steps of arrivals end one after the other, not as in {rate}.")


def _arrivals(
    rate: float | tuple[tuple[float, float], ...], gaps: Iterable[float]
) -> Iterator[Arrival]:
    """Arrivals whose gaps are these at a rate of 1; at other rates time runs faster or slower."""
    left = iter(gaps)
    at, gap = 0.0, next(left)
    for until, each in _steps(rate):
        while each and at + gap / each < until:
            at += gap / each
            yield Arrival(at)
            gap = next(left)
        if math.isinf(until):
            return
        gap -= (until - at) * each
        at = until
