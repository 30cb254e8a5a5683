"""Many values that are looked at many times: in order once, and small in memory."""

import math
import struct
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, chain, repeat
from operator import mul
from typing import overload

__all__ = ["Ascending", "Pooled", "ascending", "at_most"]


class Ascending(Sequence[float]):
    """Values in ascending order, in eight bytes each.

    >>> list(Ascending([0.5, 0.25]))
    [0.25, 0.5]
    """

    def __init__(self, values: Iterable[float]) -> None:
        ordered = sorted(values)
        self._values = array("d", struct.pack(f"{len(ordered)}d", *ordered))  # at half the cost

    def __len__(self) -> int:
        return len(self._values)

    @overload
    def __getitem__(self, place: int) -> float: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[float]: ...

    def __getitem__(self, place: int | slice) -> float | Sequence[float]:
        return self._values[place]

    def __iter__(self) -> Iterator[float]:
        return iter(self._values)

    @cached_property
    def mean(self) -> float | None:
        """The arithmetic mean, or None of nothing."""
        return math.fsum(self._values) / len(self._values) if self._values else None

    def squares(self, centre: float) -> float:
        """The sum of the squared distances from a number."""
        return math.fsum([off * off for off in map(centre.__rsub__, self._values)])

    def at_most(self, bound: float) -> int:
        """How many values are at or under a bound."""
        return bisect_right(self._values, bound)


class Pooled(Sequence[float]):
    """Many values, of which many are the same, in ascending order.

    A sequence like any other, but it takes the room of the different values only, and the
    functions of this module take their time only.

    >>> list(Pooled({0.5: 2, 0.25: 1}))
    [0.25, 0.5, 0.5]
    """

    def __init__(self, counts: Mapping[float, int]) -> None:
        self._values = sorted(value for value, count in counts.items() if count)
        self._counts = [counts[value] for value in self._values]
        self._ends = list(accumulate(self._counts))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, place: int) -> float: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[float]: ...

    def __getitem__(self, place: int | slice) -> float | Sequence[float]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        return self._values[bisect_right(self._ends, place % len(self))]

    def __iter__(self) -> Iterator[float]:
        return chain.from_iterable(map(repeat, self._values, self._counts))

    @cached_property
    def mean(self) -> float | None:
        """The arithmetic mean, or None of nothing."""
        total = math.fsum(map(mul, self._values, self._counts))
        return total / len(self) if self._ends else None

    def squares(self, centre: float) -> float:
        """The sum of the squared distances from a number."""
        squares = [(value - centre) ** 2 for value in self._values]
        return math.fsum(map(mul, squares, self._counts))

    def at_most(self, bound: float) -> int:
        """How many values are at or under a bound."""
        place = bisect_right(self._values, bound)
        return self._ends[place - 1] if place else 0


def ascending(values: Sequence[float]) -> Ascending | Pooled:
    """The same values in order, at no cost where they are."""
    return values if isinstance(values, Ascending | Pooled) else Ascending(values)


def at_most(values: Sequence[float], bound: float) -> int:
    """How many values are at or under a bound."""
    if isinstance(values, Ascending | Pooled):
        return values.at_most(bound)
    return sum(value <= bound for value in values)
