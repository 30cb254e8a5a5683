"""
What a run says beyond its objectives: by part of the run, by what was asked, and over time.

Pure, and of the samples alone, so that a run can be asked again. Which of it answers the question
of a scenario is said in loadtests/README.md.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from kimi_conformance.load.judging.judged import Judged, Timed
from kimi_conformance.load.judging.parts import parts
from kimi_conformance.load.judging.trend import trend_of
from kimi_conformance.load.samples.file import Group, SampleFile
from kimi_conformance.load.samples.records import Header, Tick
from kimi_conformance.slo import Objective
from kimi_conformance.statistics import summary

__all__ = ["answers"]

_MOST_NAMES = 50
_COLUMNS = ("response_s", "ttft_s")


def answers(
    file: SampleFile,
    groups: Sequence[Group],
    judged: Sequence[Judged],
    objectives: Sequence[Objective],
    times: Mapping[str, Mapping[str, Timed]],
    over_time: Mapping[str, Sequence[tuple[float, float | None]]],
) -> dict[str, Any]:
    """What goes into the load record, JSON types only.

    Args:
        file: What was sampled.
        groups: Those of its requests that are looked at.
        judged: The same, and which of them are judged.
        objectives: What was promised of the scenario.
        times: By name and metric the times of those that are judged.
        over_time: By metric the moments of the run, and the mean of good calls around each.
    """
    header = file.header
    found: dict[str, Any] = {
        "by_name": _by_name(judged, times),
        "trend": _trends(over_time, header, file.ticks),
        "cached_tokens": sum(tick.cached for tick in file.ticks if tick.at > header.warm_up_s),
    }
    end = min(header.planned_s, max((tick.at for tick in file.ticks), default=0.0))
    return {**found, **parts(file.steps, groups, file.ticks, objectives, end)}


def _by_name(judged: Sequence[Judged], times: Mapping[str, Mapping[str, Timed]]) -> dict[str, Any]:
    """By what samples call it, the most frequent first; warm-up left out."""
    named: dict[str, list[Judged]] = defaultdict(list)
    for each in judged:
        named[each.kind.name].append(each)
    found = {name: _named(among, times.get(name, {})) for name, among in named.items()}
    asked = [item for item in found.items() if item[1]["requests"]]
    most = sorted(asked, key=lambda item: (-item[1]["requests"], item[0]))
    return dict(most[:_MOST_NAMES])


def _named(among: Sequence[Judged], times: Mapping[str, Timed]) -> dict[str, Any]:
    good = [each for each in among if each.ok]
    counted = sum(each.count for each in among if each.kind.counts)
    succeeded = sum(each.count for each in good)
    return {
        "requests": sum(each.count for each in among),
        "success_share": succeeded / counted if counted else None,
        "attempts": sum(each.kind.attempts * each.count for each in among),
        **{name: _few(times[name].judged if name in times else ()) for name in _COLUMNS},
        "mean_prompt_tokens": _mean_tokens(good, "prompt_tokens"),
        "mean_completion_tokens": _mean_tokens(good, "completion_tokens"),
    }


def _mean_tokens(among: Sequence[Judged], column: str) -> float | None:
    """Of those that count them."""
    sums = [each.tokens(column) for each in among]
    known = sum(count for count, _ in sums)
    return sum(total for _, total in sums) / known if known else None


def _few(values: Sequence[float]) -> dict[str, Any]:
    found = summary(values)
    return {"n": found.n, "mean": found.mean, "p50": found.p50, "p95": found.p95}


def _trends(
    over_time: Mapping[str, Sequence[tuple[float, float | None]]],
    header: Header,
    ticks: Sequence[Tick],
) -> dict[str, Any]:
    """What creeps after the warm-up: times of good calls, memory."""
    steady = [tick for tick in ticks if tick.at > header.warm_up_s]
    lines = {
        **{
            name: [
                (at, value)
                for at, value in points
                if value is not None and header.warm_up_s <= at < header.planned_s
            ]
            for name, points in over_time.items()
        },
        "load_memory_percent": _sums((tick.at, tick.load_memory) for tick in steady),
        "target_memory_percent": _sums(
            (tick.at, tick.target_memory) for tick in steady if tick.target_memory is not None
        ),
    }
    trends = {name: trend_of(points) for name, points in lines.items()}
    return {name: asdict(trend) if trend else None for name, trend in trends.items()}


def _sums(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """What several processes noted in the same second, added up."""
    sums: dict[int, float] = defaultdict(float)
    for at, value in points:
        sums[round(at)] += value
    return [(float(second), total) for second, total in sorted(sums.items())]
