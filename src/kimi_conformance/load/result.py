"""
From the samples of a run to its load record: pure, and the same for whoever asks again.

What is judged: the requests that were under way between the end of the warm-up and the planned
end, and the state of the machines in between. One that began in the warm-up and ended after it
counts: a user whose first question hangs asks no other, and would otherwise not be seen at all.
Failures count against the share of good calls and enter no time. The charts show the whole
run, warm-up included.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from kimi_conformance.load.generator import saturation
from kimi_conformance.load.samples import (
    FORMAT,
    Ended,
    ErrorClass,
    Sample,
    SampleFile,
    Tick,
)
from kimi_conformance.slo import Attainment, Measured, Objectives, judge
from kimi_conformance.statistics import histogram, mean, percentile, summary

__all__ = ["load_record"]

# From 1 ms on, ten steps to each factor of ten, up to 100 s.
_EDGES = tuple(float(f"{10 ** (step / 10):.3g}") for step in range(-30, 21))

Thing = TypeVar("Thing")

_SECOND = 1.0  # what a tick covers

_Column = Callable[[Tick], float | None]
_OWNERS: Mapping[str, tuple[_Column, _Column]] = {
    "host": (lambda tick: tick.host_cpu, lambda tick: tick.host_memory),
    "load": (lambda tick: tick.load_cpu, lambda tick: tick.load_memory),
    "target": (lambda tick: tick.target_cpu, lambda tick: tick.target_memory),
}


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
    samples = _counted(file.samples, complete=complete)
    begin, end = header.warm_up_s, header.planned_s
    judged = [sample for sample in samples if begin <= sample.end and sample.intended < end]
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
        "requests": len(judged),
        "objectives": [
            _attainment(judge(objective, measured)) for objective in objectives.of(header.scenario)
        ],
        "timing": {
            metric: asdict(summary(values[metric])) for metric in ("ttft_s", "itl_s", "response_s")
        },
        "errors": dict(Counter(str(sample.error) for sample in judged if not sample.ok)),
        "failures": _details(judged),
        "tokens": {
            "prompt": sum(sample.prompt_tokens or 0 for sample in judged),
            "completion": sum(sample.completion_tokens or 0 for sample in judged),
        },
        "resources": _resources(ticks),
        "generator": _generator(ticks),
        "series": _series(samples, file.ticks, _length(file)),
        "histogram": {
            metric: asdict(histogram(values[metric], _EDGES))
            for metric in ("ttft_s", "itl_s", "response_s")
        },
        "samples": {
            "file": name,
            "sha256": sha256,
            "count": len(file.samples),
            "format": FORMAT,
            "torn": file.torn,
        },
    }


def _counted(samples: Sequence[Sample], *, complete: bool) -> list[Sample]:
    """All samples; without those under way at the end where they were given no time to end."""
    return [sample for sample in samples if complete or sample.error is not ErrorClass.UNFINISHED]


def _values(samples: Sequence[Sample], ticks: Sequence[Tick]) -> dict[str, list[float]]:
    good = [sample for sample in samples if sample.ok]
    values: dict[str, list[float]] = {
        "success": [float(sample.ok) for sample in samples],
        "response_s": [sample.response_s for sample in good],
        "ttft_s": [sample.ttft_s for sample in good if sample.ttft_s is not None],
        "itl_s": [gap for sample in good for gap in sample.gaps],
    }
    for owner, columns in _OWNERS.items():
        prefix = "" if owner == "load" else f"{owner}_"
        for metric, column in zip(("cpu_percent", "memory_percent"), columns, strict=True):
            values[prefix + metric] = _known(map(column, ticks))
    return values


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _attainment(attainment: Attainment) -> dict[str, Any]:
    return {
        key: str(value) if isinstance(value, str) else value
        for key, value in asdict(attainment).items()
    }


def _details(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    counts = Counter((str(sample.error), sample.detail) for sample in samples if not sample.ok)
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


def _generator(ticks: Sequence[Tick]) -> dict[str, Any]:
    lags = [lag for tick in ticks for lag in tick.lags]
    return {
        "own_core_percent": mean([tick.own_core for tick in ticks]),
        "hub_lag_p99_s": percentile(lags, 99),
        "hub_lag_max_s": max(lags, default=None),
        "users_peak": max((tick.users for tick in ticks), default=None),
    }


def _length(file: SampleFile) -> float:
    """When the last thing happened that the file tells of, in seconds."""
    moments = [sample.end for sample in file.samples] + [tick.at for tick in file.ticks]
    return file.end.at if file.end else max(moments, default=0.0)


def _series(samples: Sequence[Sample], ticks: Sequence[Tick], length: float) -> dict[str, Any]:
    """What happened in each second; a request belongs to the second that it ended in."""
    seconds = range(math.ceil(length))
    ended = _by_second([(sample.end, sample) for sample in samples], len(seconds))
    states = _by_second([(tick.at - _SECOND / 2, tick) for tick in ticks], len(seconds))
    good = [[sample for sample in among if sample.ok] for among in ended]
    times = [[sample.response_s for sample in among] for among in good]
    firsts = [_known(sample.ttft_s for sample in among) for among in good]
    return {
        "second": list(seconds),
        "requests": [len(among) for among in ended],
        "failures": [len(among) - len(fine) for among, fine in zip(ended, good, strict=True)],
        "mean_response_s": [mean(among) for among in times],
        "p95_response_s": [percentile(among, 95) for among in times],
        "mean_ttft_s": [mean(among) for among in firsts],
        "cpu_percent": [mean([tick.host_cpu for tick in among]) for among in states],
        "memory_percent": [mean([tick.host_memory for tick in among]) for among in states],
        "load_cpu_percent": [mean([tick.load_cpu for tick in among]) for among in states],
        "users": [max((tick.users for tick in among), default=None) for among in states],
    }


def _by_second(things: Sequence[tuple[float, Thing]], seconds: int) -> list[list[Thing]]:
    buckets: list[list[Thing]] = [[] for _ in range(seconds)]
    for at, thing in things:
        if buckets:
            buckets[min(max(int(at), 0), seconds - 1)].append(thing)
    return buckets
