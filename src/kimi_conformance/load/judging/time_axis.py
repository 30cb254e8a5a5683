"""
Time in buckets, for charts: 600 of them at most.

A bucket is a second; of a run of more than ten minutes it is as many whole seconds as it takes.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property

__all__ = ["MOST", "Axis"]

MOST = 600  # buckets: a chart has no more dots in its width


class Axis:
    """Where moments of a run lie.

    Args:
        length: Of the run, in seconds.

    Attributes:
        width: Of a bucket, in seconds.
        count: How many there are.
    """

    def __init__(self, length: float) -> None:
        self.width = max(math.ceil(length / MOST), 1)
        self.count = max(math.ceil(length / self.width), 1)
        self._by_second = [second // self.width for second in range(max(math.ceil(length), 1))]

    @cached_property
    def begins(self) -> list[int]:
        """When each begins, in seconds."""
        return [number * self.width for number in range(self.count)]

    def places(self, moments: Sequence[float]) -> list[int]:
        """The bucket of each moment; what lies beyond the last one belongs to it."""
        seconds = map(int, moments)
        try:
            return list(map(self._by_second.__getitem__, seconds))
        except IndexError:
            last = len(self._by_second) - 1
            return [self._by_second[min(max(int(each), 0), last)] for each in moments]

    def counts(self, moments: Iterable[float]) -> list[int]:
        """How many moments lie in each bucket."""
        counts = [0] * self.count
        for second, count in Counter(map(int, moments)).items():
            counts[self._by_second[min(max(second, 0), len(self._by_second) - 1)]] += count
        return counts

    def cuts(self, places: Sequence[int]) -> list[int]:
        """Where each bucket begins among ascending places, and where the last one ends."""
        return [bisect_left(places, number) for number in range(self.count + 1)]
