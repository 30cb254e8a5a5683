"""
From the samples of a run to its load record: pure, and the same for whoever asks again.

What is judged: the requests that were under way between the end of the warm-up and the planned
end (`Header.judges`), and the state of the machines in between. Failures count against the share
of good calls and enter no time. The charts show the whole run, warm-up included.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import chain, compress
from typing import Any, TypeVar

from kimi_conformance.load.generator import saturation
from kimi_conformance.load.sample_file import Group, SampleFile, from_halves
from kimi_conformance.load.sample_format import FORMAT
from kimi_conformance.load.sample_log import NO_COUNT
from kimi_conformance.load.samples import Ended, ErrorClass, Header, Tick
from kimi_conformance.slo import Attainment, Measured, Objectives, judge
from kimi_conformance.statistics import Pooled, histogram, mean, percentile, summary

__all__ = ["load_record"]

# From 1 ms on, ten steps to each factor of ten, up to 100 s.
_EDGES = tuple(float(f"{10 ** (step / 10):.3g}") for step in range(-30, 21))

Thing = TypeVar("Thing")

_SECOND = 1.0  # what a tick covers
_TIMED = ("ttft_s", "itl_s", "response_s")
_MORE = ("first_event_s", "thinking_s", "stall_s", "connect_s", "late_s")

_Column = Callable[[Tick], float | None]
_OWNERS: Mapping[str, tuple[_Column, _Column]] = {
    "host": (lambda tick: tick.host_cpu, lambda tick: tick.host_memory),
    "load": (lambda tick: tick.load_cpu, lambda tick: tick.load_memory),
    "target": (lambda tick: tick.target_cpu, lambda tick: tick.target_memory),
}


class _Judged:
    """A group, and which of its requests are judged."""

    def __init__(self, group: Group, header: Header) -> None:
        self.group = group
        self.ok = group.kind.ok
        moments = zip(group.intended, group.end, strict=True)
        self._chosen = bytes([header.judges(intended, end) for intended, end in moments])
        self.count = sum(self._chosen)

    def values(self, name: str) -> list[float]:
        """The numbers of a column, of those that are judged."""
        values = compress(self.group.column(name), self._chosen)
        return [value for value in values if value == value]  # NaN is not itself

    def pool(self, name: str) -> Counter[int]:
        """How often each number of a column of half-precision floats is there, by its bits."""
        return Counter(compress(self.group.stored(name), self._chosen))

    def tokens(self, name: str) -> int:
        """The sum of a column of counts, of those that are judged."""
        counts = compress(self.group.column(name), self._chosen)
        return sum(count for count in counts if count != NO_COUNT)


def load_record(
    file: SampleFile, objectives: Objectives, *, name: str, sha256: str
) -> dict[str, Any]:
    """The load record of a run, whole or cut short; JSON types only.

    Args:
        file: What was sampled.
        objectives: What was promised.
        name: The samples file's name, relative to where the record is kept.
        sha256: The digest of its bytes, in hex.
    """
    header = file.header
    why = file.end.why if file.end else Ended.KILLED
    complete = why is Ended.COMPLETE
    groups = [each for each in file.groups if complete or not _unfinished(each)]
    judged = [_Judged(group, header) for group in groups]
    begin, end = header.warm_up_s, header.planned_s
    ticks = [tick for tick in file.ticks if begin <= tick.at - _SECOND / 2 < end]
    faults = file.end.faults if file.end else ()
    invalid = [*(f"the scenario raised {fault}" for fault in faults), *saturation(ticks)]
    values = _values(judged, ticks)
    measured = Measured(values=values, complete=complete, valid=not invalid)
    return {
        "record": "load",
        "scenario": header.scenario,
        "question": header.question,
        "workload": header.workload,
        "target": {"kind": header.kind, "base_url": header.base_url, "model": header.model},
        "started": header.started,
        "duration_s": _length(file),
        "planned_s": header.planned_s,
        "warm_up_s": header.warm_up_s,
        "ended": str(why),
        "complete": complete,
        "valid": not invalid,
        "invalid_because": invalid,
        "requests": sum(each.count for each in judged),
        "objectives": [
            _attainment(judge(objective, measured)) for objective in objectives.of(header.scenario)
        ],
        "timing": {metric: asdict(summary(values[metric])) for metric in (*_TIMED, *_MORE)},
        "errors": _errors(judged),
        "failures": _details(judged),
        "tokens": {
            "prompt": sum(each.tokens("prompt_tokens") for each in judged),
            "completion": sum(each.tokens("completion_tokens") for each in judged),
        },
        "resources": _resources(ticks),
        "generator": _generator(ticks, values["late_s"]),
        "series": _series(groups, file.ticks, _length(file)),
        "histogram": {metric: asdict(histogram(values[metric], _EDGES)) for metric in _TIMED},
        "samples": {
            "file": name,
            "sha256": sha256,
            "count": file.count,
            "format": FORMAT,
            "torn": file.torn,
        },
    }


def _unfinished(group: Group) -> bool:
    """Whether they were under way at the end; counted only where they had time to end."""
    return group.kind.error is ErrorClass.UNFINISHED


def _values(judged: Sequence[_Judged], ticks: Sequence[Tick]) -> dict[str, Sequence[float]]:
    """By metric, ascending where it is a time: what is sorted is sorted again at no cost."""
    good = [each for each in judged if each.ok]
    requests, succeeded = (sum(each.count for each in among) for among in (judged, good))
    gaps: Counter[float] = Counter()
    for each in good:
        gaps.update(each.group.gaps)
    values: dict[str, Sequence[float]] = {
        "success": [1.0] * succeeded + [0.0] * (requests - succeeded),
        "response_s": _sorted(good, "response"),
        "ttft_s": _sorted(good, "first"),
        "itl_s": Pooled(gaps),
        "first_event_s": _pooled(good, "first_event"),
        "thinking_s": _pooled(good, "thinking"),
        "stall_s": _pooled(good, "stall"),
        "connect_s": _pooled(good, "connect"),
        "late_s": _pooled(judged, "late"),
    }
    for owner, columns in _OWNERS.items():
        prefix = "" if owner == "load" else f"{owner}_"
        for metric, column in zip(("cpu_percent", "memory_percent"), columns, strict=True):
            values[prefix + metric] = _known(map(column, ticks))
    return values


def _sorted(judged: Iterable[_Judged], column: str) -> list[float]:
    return sorted(chain.from_iterable(each.values(column) for each in judged))


def _pooled(judged: Iterable[_Judged], column: str) -> Pooled:
    """The numbers of a column from 0 on: below it, and beyond all measure, stands for none."""
    pool: Counter[int] = Counter()
    for each in judged:
        pool.update(each.pool(column))
    floats = zip(from_halves(list(pool)), pool.values(), strict=True)
    return Pooled({value: count for value, count in floats if 0 <= value < math.inf})


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _attainment(attainment: Attainment) -> dict[str, Any]:
    return {
        key: str(value) if isinstance(value, str) else value
        for key, value in asdict(attainment).items()
    }


def _errors(judged: Sequence[_Judged]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for each in judged:
        if not each.ok and each.count:
            counts[str(each.group.kind.error)] += each.count
    return dict(counts)


def _details(judged: Sequence[_Judged]) -> list[dict[str, Any]]:
    counts: Counter[tuple[str, str]] = Counter()
    for each in judged:
        if not each.ok and each.count:
            counts[str(each.group.kind.error), each.group.kind.detail] += each.count
    return [
        {"class": error, "detail": detail, "count": count}
        for (error, detail), count in counts.most_common(20)
    ]


def _resources(ticks: Sequence[Tick]) -> dict[str, Any]:
    resources: dict[str, Any] = {}
    for owner, columns in _OWNERS.items():
        found = [_known(map(column, ticks)) for column in columns]
        resources[owner] = {
            metric: {"mean": mean(values), "peak": max(values, default=None)}
            for metric, values in zip(("cpu_percent", "memory_percent"), found, strict=True)
        }
    if not any(tick.target_cpu is not None for tick in ticks):
        resources["target"] = None
    return resources


def _generator(ticks: Sequence[Tick], late: Sequence[float]) -> dict[str, Any]:
    lags = [lag for tick in ticks for lag in tick.lags]
    reads, chunks = sum(tick.reads for tick in ticks), sum(tick.chunks for tick in ticks)
    unstamped, shared = sum(tick.unstamped for tick in ticks), sum(tick.shared for tick in ticks)
    return {
        "own_core_percent": mean([tick.own_core for tick in ticks]),
        "hub_lag_p99_s": percentile(lags, 99),
        "hub_lag_max_s": max(lags, default=None),
        "late_p99_s": percentile(late, 99),
        "late_max_s": late[-1] if len(late) else None,
        "unstamped_share": unstamped / reads if reads else None,
        "shared_share": shared / chunks if chunks else None,
        "collections": sum(tick.collections for tick in ticks),
        "users_peak": max((tick.users for tick in ticks), default=None),
    }


def _length(file: SampleFile) -> float:
    """When the last thing happened that the file tells of, in seconds."""
    if file.end:
        return file.end.at
    moments = [max(group.end) for group in file.groups if len(group)]
    return max(chain(moments, (tick.at for tick in file.ticks)), default=0.0)


def _series(groups: Sequence[Group], ticks: Sequence[Tick], length: float) -> dict[str, Any]:
    """What happened in each second; a request belongs to the second that it ended in."""
    seconds = range(math.ceil(length))
    states = _by_second([(tick.at - _SECOND / 2, tick) for tick in ticks], len(seconds))
    ended = [_counts(groups, len(seconds)), _counts(_failed(groups), len(seconds))]
    good = [group for group in groups if group.kind.ok]
    times, firsts = (
        _by_second(
            chain.from_iterable(zip(group.end, group.column(name), strict=True) for group in good),
            len(seconds),
        )
        for name in ("response", "first")
    )
    return {
        "second": list(seconds),
        "requests": ended[0],
        "failures": ended[1],
        "mean_response_s": [mean(among) for among in times],
        "p95_response_s": [percentile(among, 95) for among in times],
        "mean_ttft_s": [
            mean([value for value in among if not math.isnan(value)]) for among in firsts
        ],
        "cpu_percent": [mean([tick.host_cpu for tick in among]) for among in states],
        "memory_percent": [mean([tick.host_memory for tick in among]) for among in states],
        "load_cpu_percent": [mean([tick.load_cpu for tick in among]) for among in states],
        "users": [max((tick.users for tick in among), default=None) for among in states],
    }


def _failed(groups: Sequence[Group]) -> list[Group]:
    return [group for group in groups if not group.kind.ok]


def _counts(groups: Sequence[Group], seconds: int) -> list[int]:
    """How many requests ended in each second."""
    found = Counter(chain.from_iterable(map(int, group.end) for group in groups))
    counts = [0] * seconds
    for second, count in found.items():
        counts[min(max(second, 0), seconds - 1)] += count
    return counts


def _by_second(things: Iterable[tuple[float, Thing]], seconds: int) -> list[list[Thing]]:
    """The things of each second; what lies beyond the last one belongs to it."""
    found: defaultdict[int, list[Thing]] = defaultdict(list)
    for at, thing in things:
        found[int(at)].append(thing)
    buckets: list[list[Thing]] = [[] for _ in range(seconds)]
    for second, among in found.items():
        buckets[min(max(second, 0), seconds - 1)] += among
    return buckets
