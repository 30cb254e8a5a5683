"""
What happened over time, for the charts: the whole run, warm-up included.

A request belongs to the bucket that it ended in, but for `offered`, where it is the one that it
should have been sent in.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, chain, compress
from operator import sub
from typing import Any

from kimi_conformance.load.judging.judged import Judged
from kimi_conformance.load.judging.machines import OWNERS, SECOND, known
from kimi_conformance.load.judging.time_axis import Axis
from kimi_conformance.load.samples.file import Group
from kimi_conformance.load.samples.records import Tick
from kimi_conformance.statistics import at_rank, mean

__all__ = ["series"]


def series(
    groups: Sequence[Group],
    judged: Sequence[Judged],
    ticks: Sequence[Tick],
    axis: Axis,
    good: Sequence[bytes],
    times: Mapping[str, Sequence[Sequence[float]]],
) -> dict[str, Any]:
    """The series, each with one value a bucket; None where there is none.

    Args:
        groups: All requests.
        judged: The same in the order in which they ended.
        ticks: One a second.
        axis: The buckets.
        good: Of each group, the flags of those that kept the bounds of goodput.
        times: By metric, the values of good requests by bucket, in order.
    """
    offered = axis.counts(chain.from_iterable(group.intended for group in groups))
    over = [each.ended(b"\1" * len(each)) for each in judged]
    done = _total(over, axis)
    fine = [each.ok for each in judged]
    failed = [each.kind.counts and not each.ok for each in judged]
    return {
        "bucket_s": axis.width,
        "second": axis.begins,
        "offered": _rate(offered, axis),
        "requests": _rate(done, axis),
        "completed": _rate(_total(compress(over, fine), axis), axis),
        "failures": _rate(_total(compress(over, failed), axis), axis),
        "good": _rate(_total(map(Judged.ended, judged, good), axis), axis),
        "in_flight": list(accumulate(map(sub, offered, done))),
        "errors": _errors(judged, over, axis),
        **_times(times, axis),
        **_machines(ticks, axis),
    }


def _times(
    times: Mapping[str, Sequence[Sequence[float]]], axis: Axis
) -> dict[str, list[float | None]]:
    found: dict[str, list[float | None]] = {}
    for metric, runs in times.items():
        among = runs or [[]] * axis.count  # nothing was good
        found[f"mean_{metric}"] = [mean(some) for some in among]
        for percent in (50, 95, 99):
            found[f"p{percent}_{metric}"] = [at_rank(some, percent) for some in among]
    return found


def _errors(
    judged: Sequence[Judged], over: Sequence[Sequence[int]], axis: Axis
) -> dict[str, list[float]]:
    """Failures a second by class; those that were caused on purpose by a name of their own."""
    found: dict[str, list[Sequence[int]]] = {}
    for each, counts in zip(judged, over, strict=True):
        kind = each.kind
        if not kind.ok:
            found.setdefault(str(kind.error) if kind.counts else "expected", []).append(counts)
    return {name: _rate(_total(counts, axis), axis) for name, counts in found.items()}


def _machines(ticks: Sequence[Tick], axis: Axis) -> dict[str, list[float | None]]:
    """Means and peaks of each bucket, in percent of the host."""
    among: list[list[Tick]] = [[] for _ in range(axis.count)]
    if among:
        for tick, place in zip(
            ticks, axis.places([tick.at - SECOND / 2 for tick in ticks]), strict=True
        ):
            among[place].append(tick)
    found: dict[str, list[float | None]] = {}
    for owner, columns in OWNERS.items():
        prefix = "" if owner == "host" else f"{owner}_"
        for metric, column in zip(("cpu_percent", "memory_percent"), columns, strict=True):
            values = [known(map(column, some)) for some in among]
            found[prefix + metric] = [mean(some) for some in values]
            found[f"{prefix}{metric}_peak"] = [max(some, default=None) for some in values]
    found["users"] = [max((tick.users for tick in some), default=None) for some in among]
    return found


def _total(counts: Iterable[Sequence[int]], axis: Axis) -> list[int]:
    return [sum(column) for column in zip(*counts, strict=True)] or [0] * axis.count


def _rate(counts: Sequence[int], axis: Axis) -> list[float]:
    return [count / axis.width for count in counts]
