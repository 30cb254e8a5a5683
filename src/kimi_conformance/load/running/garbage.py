"""
Keeps garbage collection out of a run, within bounds.

A collection stops everything for as long as it takes to look at every object, and what a run
keeps is many. Nothing here leaves cycles behind in number, so there is nothing to collect;
should a scenario do so, its memory is watched, and collected when it has grown much.
"""

import gc
from types import TracebackType
from typing import Self

import psutil

__all__ = ["Garbage"]

_GROWTH = 256 * 2**20  # bytes of resident memory since the last collection


class Garbage:
    """While it is entered, nothing is collected but by `watch`."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._resident = 0
        self._enabled = True

    def watch(self) -> bool:
        """Collect if memory has grown much; whether that was so."""
        resident = self._process.memory_info().rss
        if resident - self._resident < _GROWTH:
            return False
        gc.collect()
        self._resident = self._process.memory_info().rss
        return True

    def __enter__(self) -> Self:
        self._enabled = gc.isenabled()
        gc.collect()
        gc.freeze()
        gc.disable()
        self._resident = self._process.memory_info().rss
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        gc.unfreeze()
        if self._enabled:
            gc.enable()
