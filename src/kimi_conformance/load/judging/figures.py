"""The figures of requests and machines that objectives and reports are about."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from kimi_conformance.load.judging.judged import (
    Bounds,
    Judged,
    Timed,
    joined,
    pooled,
    pooled_column,
    timed,
)
from kimi_conformance.load.judging.machines import OWNERS, known
from kimi_conformance.load.judging.throughput import Window, throughput
from kimi_conformance.load.samples.records import Tick
from kimi_conformance.slo import BOUNDABLE, Objective
from kimi_conformance.statistics import Pooled, mean, summary

__all__ = [
    "DRAWN",
    "EXACT",
    "bounds_of",
    "by_model",
    "goodput_values",
    "machine_values",
    "times_by_name",
    "times_of",
    "timing_of",
    "together_by_name",
    "tokens_of",
    "values_of",
]

EXACT = ("response_s", "ttft_s")  # as they were measured, and over time
DRAWN = ("ttft_s", "itl_s", "response_s")  # with a histogram
_OF_CALLS = ("first_answer_s", "tpot_s", "tokens_per_s")
_MORE = ("first_event_s", "thinking_s", "stall_s", "connect_s", "late_s")


def times_of(judged: Sequence[Judged]) -> dict[str, Timed]:
    """The times that are exact, by metric."""
    times = {metric: timed(judged, metric) for metric in EXACT}
    return {**times, "first_answer_s": _first_answers(judged, times["ttft_s"])}


def times_by_name(judged: Sequence[Judged]) -> dict[str, dict[str, Timed]]:
    """As `times_of`, but for the first answers, by what samples are called."""
    named: dict[str, list[Judged]] = defaultdict(list)
    for each in judged:
        named[each.kind.name].append(each)
    return {
        name: {metric: timed(among, metric) for metric in EXACT} for name, among in named.items()
    }


def together_by_name(
    by_name: Mapping[str, Mapping[str, Timed]], judged: Sequence[Judged]
) -> dict[str, Timed]:
    """As `times_of`, put together from `times_by_name`."""
    times = {metric: joined([each[metric] for each in by_name.values()]) for metric in EXACT}
    return {**times, "first_answer_s": _first_answers(judged, times["ttft_s"])}


def _first_answers(judged: Sequence[Judged], firsts: Timed) -> Timed:
    """When the answers began; where nobody reasoned, that is the first of anything."""
    if any(each.reasoned for each in judged if each.ok):
        return timed(judged, "first_answer_s")
    return firsts


def values_of(judged: Sequence[Judged], times: Mapping[str, Timed]) -> dict[str, Sequence[float]]:
    """What was measured of requests, by metric, in order: what is sorted is sorted once."""
    good = [each for each in judged if each.ok]
    requests, succeeded = (sum(each.count for each in among) for among in (judged, good))
    gaps: Counter[float] = Counter()
    for each in good:
        gaps.update(each.gaps)
    return {
        "success": Pooled({1.0: succeeded, 0.0: requests - succeeded}),
        **{metric: each.judged for metric, each in times.items()},
        "itl_s": Pooled(gaps),
        "tpot_s": pooled(each.values("tpot_s") for each in good),
        "tokens_per_s": pooled((each.speeds() for each in good), zeros=False),
        "stall_s": pooled_column(good, "stall"),
        "first_event_s": pooled_column(good, "first_event"),
        "thinking_s": pooled_column(good, "thinking"),
        "connect_s": pooled_column(good, "connect"),
        "late_s": pooled_column(judged, "late"),
    }


def machine_values(ticks: Sequence[Tick]) -> dict[str, Sequence[float]]:
    """What was used of the machines, by metric, a value a second."""
    values: dict[str, Sequence[float]] = {}
    for owner, columns in OWNERS.items():
        prefix = "" if owner == "load" else f"{owner}_"
        for metric, column in zip(("cpu_percent", "memory_percent"), columns, strict=True):
            values[prefix + metric] = known(map(column, ticks))
    return values


def goodput_values(judged: Sequence[Judged], bounds: Bounds) -> Pooled:
    """1.0 for each request that was good in every respect, 0.0 for each other."""
    good = sum(each.within(bounds).count(1) for each in judged)
    return Pooled({1.0: good, 0.0: sum(each.count for each in judged) - good})


def bounds_of(promised: Sequence[Objective]) -> Bounds:
    """What a good request keeps: as goodput is promised, else the strictest bound of each share."""
    for objective in promised:
        if objective.bounds:
            return objective.bounds
    found: dict[str, float] = {}
    for each in promised:
        if each.objective and each.bound is not None and each.metric in BOUNDABLE:
            found[each.metric] = min(each.bound, found.get(each.metric, each.bound))
    return tuple(sorted(found.items()))


def timing_of(values: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Each metric of requests in a few numbers."""
    return {metric: asdict(summary(values[metric])) for metric in (*DRAWN, *_OF_CALLS, *_MORE)}


def tokens_of(judged: Sequence[Judged]) -> dict[str, int]:
    """All tokens, as the replies count them."""
    return {
        "prompt": sum(each.tokens("prompt_tokens")[1] for each in judged),
        "completion": sum(each.tokens("completion_tokens")[1] for each in judged),
    }


def by_model(
    judged: Sequence[Judged],
    values: Mapping[str, Sequence[float]],
    done: Mapping[str, Any],
    bounds: Bounds,
    window: Window,
) -> dict[str, Any]:
    """The same figures by model; of one model they are those of all."""
    names = sorted({each.kind.model for each in judged})
    found = {}
    for name in names:
        own = [each for each in judged if each.kind.model == name]
        of_model = values if len(names) == 1 else values_of(own, times_of(own))
        success = of_model["success"]
        found[name] = {
            "requests": len(success),
            "success_share": mean(success),
            "tokens": tokens_of(own),
            "timing": timing_of(of_model),
            "throughput": done if len(names) == 1 else throughput(own, bounds, window),
        }
    return found
