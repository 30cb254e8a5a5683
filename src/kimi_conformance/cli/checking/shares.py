"""
Deals the checks of one run to several processes, which write into one evidence file.

Some checks wait: for silence, for an answer that is held back, for a program of their own. While
one process waits, another one works, so there are more of them than processors. A process takes
whole topics, by the size of their files, which tells about how long they take.
"""

import heapq
import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from pathlib import Path

from kimi_conformance.cli.checking.pytest_child import CheckRun, files_of
from kimi_conformance.suite import Suite

__all__ = ["in_shares"]

MOST = 4  # shares of a run; each takes two seconds to begin, of the ten that the checks take


def in_shares(
    runs: Sequence[tuple[CheckRun, Path]], suite: Suite, processors: int = os.cpu_count() or 1
) -> list[tuple[CheckRun, Path]]:
    """The runs, each in as many parts as keep the processors busy, with its evidence file."""
    number = min(ceil((processors + 1) / len(runs)), MOST)
    return [(share, evidence) for run, evidence in runs for share in _shares_of(run, suite, number)]


def _shares_of(run: CheckRun, suite: Suite, number: int) -> list[CheckRun]:
    sizes: dict[str, int] = defaultdict(int)
    for file in files_of(run, suite):
        sizes[file.stem.removeprefix("test_")] += file.stat().st_size
    dealt: list[tuple[int, int, list[str]]] = [(0, place, []) for place in range(number)]
    for topic in sorted(sizes, key=sizes.__getitem__, reverse=True):
        size, place, topics = dealt[0]
        topics.append(topic)
        heapq.heapreplace(dealt, (size + sizes[topic], place, topics))
    shares = [sorted(topics) for _, _, topics in sorted(dealt, key=lambda each: each[1]) if topics]
    return [replace(run, topics=topics, share=place) for place, topics in enumerate(shares, 1)]
