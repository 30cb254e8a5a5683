"""
When requests arrive in an open workload: schedules, seeded, so that a run can be repeated.

Users of a closed workload wait for replies, so a slow server is asked less. In an open one
requests come when they come. Each is timed from the moment it was to be sent, so that it counts
what it waited for a free user too.
"""

import json
import math
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import repeat
from pathlib import Path
from typing import Any, Protocol, Self

from kimi_conformance.errors import UsageError

__all__ = ["Arrival", "Arrivals", "Constant", "Poisson", "Trace", "read_trace"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request that is to be sent.

    Attributes:
        at: When, in seconds since the schedule began.
        body: The name of a request body, or "": the scenario knows.
        fields: Fields of the body to add or replace.
    """

    at: float
    body: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)


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
    """

    rate: float | tuple[tuple[float, float], ...]

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
    """

    rate: float | tuple[tuple[float, float], ...]
    seed: int = 0

    def __iter__(self) -> Iterator[Arrival]:
        dice = random.Random(self.seed)  # noqa: S311 - a schedule is no secret
        return _arrivals(self.rate, iter(lambda: dice.expovariate(1.0), None))

    def stretched(self, factor: float) -> Self:
        """As in `Arrivals`."""
        return replace(self, rate=_stretched(self.rate, factor))


@dataclass(frozen=True, slots=True)
class Trace:
    """Requests as they came once; a run of another length takes more or fewer of them.

    Attributes:
        arrivals: In order.
    """

    arrivals: tuple[Arrival, ...]

    def __iter__(self) -> Iterator[Arrival]:
        return iter(self.arrivals)

    def stretched(self, factor: float) -> Self:
        """Itself: what came is not stretched."""
        del factor
        return self


def read_trace(path: Path) -> Trace:
    """Read a trace: JSON lines such as `{"at": 0.25, "body": "chat/greeting", "max_tokens": 8}`.

    Raises:
        UsageError: It cannot be read, or a line is no arrival, or comes before an earlier one.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The trace {path} cannot be read: {error}") from error
    arrivals: list[Arrival] = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            arrival = _arrival(line, f"{path.name}, line {number}")
            if arrivals and arrival.at < arrivals[-1].at:
                raise UsageError(
                    f"{path.name}, line {number} comes before the line above it. Sort it by 'at'."
                )
            arrivals.append(arrival)
    return Trace(tuple(arrivals))


def _arrival(line: str, where: str) -> Arrival:
    try:
        entry = json.loads(line)
        at, body = float(entry.pop("at")), entry.pop("body", "")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f'{where} is no arrival. Write {{"at": seconds, "body": "chat/greeting"}} and what '
            "else the request body is to have."
        ) from error
    if not (math.isfinite(at) and at >= 0 and isinstance(body, str)):
        raise UsageError(f"{where}: 'at' is in seconds from 0 on, and 'body' is a name.")
    return Arrival(at, body, entry)


def _stretched(
    rate: float | tuple[tuple[float, float], ...], factor: float
) -> float | tuple[tuple[float, float], ...]:
    if isinstance(rate, int | float):
        return rate
    return tuple((until * factor, each) for until, each in rate)


def _arrivals(
    rate: float | tuple[tuple[float, float], ...], gaps: Iterable[float]
) -> Iterator[Arrival]:
    """Arrivals whose gaps are these at a rate of 1; at other rates time runs faster or slower."""
    steps = ((math.inf, float(rate)),) if isinstance(rate, int | float) else rate
    if any(not (math.isfinite(each) and each >= 0) for _, each in steps):
        raise UsageError(f"A rate of arrivals is a number from 0 on, not {rate}.")
    left = iter(gaps)
    at, gap = 0.0, next(left)
    for until, each in steps:
        while each and at + gap / each < until:
            at += gap / each
            yield Arrival(at)
            gap = next(left)
        if math.isinf(until):
            return
        gap -= (until - at) * each
        at = until
