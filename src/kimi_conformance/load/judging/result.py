"""
From the samples of a run to its load record: pure, and the same for whoever asks again.

What is judged: the requests that were under way between the end of the warm-up and the planned
end (`Header.judges`), and the state of the machines in between. Failures count against the share
of good calls and enter no time. The charts show the whole run, warm-up included.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any

from kimi_conformance.load.judging.answers import answers
from kimi_conformance.load.judging.budget import budget
from kimi_conformance.load.judging.failures import failures
from kimi_conformance.load.judging.figures import (
    DRAWN,
    EXACT,
    bounds_of,
    by_model,
    goodput_values,
    machine_values,
    times_by_name,
    timing_of,
    together_by_name,
    tokens_of,
    values_of,
)
from kimi_conformance.load.judging.generator import validity
from kimi_conformance.load.judging.judged import Judged, pooled_column
from kimi_conformance.load.judging.machines import SECOND, resources, together
from kimi_conformance.load.judging.series import series
from kimi_conformance.load.judging.throughput import Window, throughput
from kimi_conformance.load.judging.time_axis import Axis
from kimi_conformance.load.samples.file import Group, SampleFile
from kimi_conformance.load.samples.format import FORMAT
from kimi_conformance.load.samples.records import Ended, ErrorClass, Step, Tick
from kimi_conformance.load.users.search import GENERATOR
from kimi_conformance.slo import Attainment, Measured, Objectives, judge
from kimi_conformance.statistics import histogram, mean, percentile

__all__ = ["load_record"]

# From 1 ms on, ten steps to each factor of ten, up to 100 s.
_EDGES = tuple(float(f"{10 ** (step / 10):.3g}") for step in range(-30, 21))


def load_record(
    file: SampleFile, objectives: Objectives, *, name: str, sha256: str
) -> dict[str, Any]:
    """The load record of a run, whole or cut short; JSON types only.

    Names say the unit: `_s` seconds, `_percent` percent of the host, `_per_s` a second, `share`
    from 0 to 1, `_tokens` and all else are counts. What was not measured is null. Keys, but for
    those that say what was run:

    - `valid`, `invalid_because`: whether it counts, and why not, a reason each; `distrusted`: by
      metric why its figures decide nothing; `notes`: what happened and spoiled nothing.
    - `requests`: how many are judged. `attempts`: `calls`, the `requests` on the wire that they
      took, how many were `retried` and `rescued` by it, the `most` attempts of one.
    - `objectives`: as `slo.Attainment`. `error_budgets`, one a share that is promised: `budget`,
      a share; `values` and `bad` ones; `spent`, 1 is all of it; by bucket of the series
      `burn_rate`, 1 is as fast as is allowed, and `spent_by`, what was spent until its end
      (both null for gaps and machines, which are of no single request).
    - `throughput`: `window_s`; `requests_per_s`, `completed_per_s`, `tokens_per_s`; `goodput`:
      `bounds` by metric in seconds, `good`, `share`, `requests_per_s`, `tokens_per_s`.
    - `timing`: by metric n, mean, p50, p90, p95, p99, max, in the metric's unit. `histogram`.
    - `models`: by model `requests`, `success_share`, `tokens`, `timing`, `throughput`.
    - `by_name`, `trend`, `cached_tokens`: as `answers` says. `steps`, `recovery`, `saturation`: as
      `parts` says.
    - `errors`: counts by class. `error_classes`: each with its `count`, `share` of the requests,
      and why it `counts`. `failures`: counts by class and detail. `not_counted`: the same of
      those that count neither for nor against, and `why`.
    - `resources`: by `host`, `load`, `target` and metric the `mean`, `p95` and `peak`; where
      a statistic of it is promised also `target`, and `over`, the share of seconds above it.
    - `generator`: its health; `held`: arrivals that waited for a free user, `held_p99_s` how long.
    - `series`: lists of one value a bucket of `bucket_s`, 600 at most; `second` is where a bucket
      begins. A second: `offered`, `requests` that ended, `completed`, `failures`, `good`, and
      `errors` by class, those caused on purpose as `expected`. `in_flight` at its end. Of
      `response_s` and `ttft_s` each `mean_`, `p50_`, `p95_`, `p99_`. `cpu_percent` and
      `memory_percent` (host), both with `load_` and `target_`: means, with `_peak` the peaks.
    - `conformance`, added by `judge_samples`: as `kept.conformance`; in `by_requests_under_way`
      the violations `per_1000` replies by how many requests were under way, up to `up_to`.

    Args:
        file: What was sampled.
        objectives: What was promised.
        name: The samples file's name, relative to where the record is kept.
        sha256: The digest of its bytes, in hex.
    """
    header, length = file.header, _length(file)
    why = file.end.why if file.end else Ended.KILLED
    complete = why is Ended.COMPLETE
    promised = objectives.of(header.scenario)
    aside = [step for step in file.steps if not step.judged]
    unfinished = [] if complete else [each for each in file.groups if _unfinished(each)]
    groups = [each for each in file.groups if complete or not _unfinished(each)]
    axis = Axis(length)
    cut = [Judged(each, header, axis, aside) for each in unfinished]
    every = [Judged(each, header, axis, aside) for each in groups]
    judged = [each for each in every if each.kind.counts]
    window = Window(begin=header.warm_up_s, end=min(header.planned_s, length), aside=aside)
    found = validity(
        file.ticks,
        late_s=pooled_column([each for each in judged if each.kind.held is False], "late"),
        begin=header.warm_up_s,
        end=header.planned_s,
        faults=file.end.faults if file.end else (),
        aside=[step for step in aside if step.broke == GENERATOR],
    )
    seconds = together(file.ticks, file.hosts)
    ticks = [t for t in seconds if header.warm_up_s <= t.at - SECOND / 2 < header.planned_s]
    ticks = _outside(ticks, aside)
    by_name = times_by_name(judged)
    times = together_by_name(by_name, judged)
    runs = {metric: times[metric].runs for metric in EXACT}
    values = {**values_of(judged, times), **machine_values(ticks)}
    measured = Measured(
        values=values,
        goodput={
            each.bounds: goodput_values(judged, each.bounds) for each in promised if each.bounds
        },
        complete=complete,
        valid=not found.invalid,
        distrusted=found.distrusted,
    )
    targets = {o.metric: o.target for o in promised if o.statistic and o.metric in values}
    bounds = bounds_of(promised)
    good = [each.good(bounds) for each in every]
    done = throughput(judged, bounds, window)
    drawn = series(groups, every, seconds, axis, good, runs)
    return {
        "record": "load",
        "scenario": header.scenario,
        "question": header.question,
        "workload": header.workload,
        "target": {"kind": header.kind, "base_url": header.base_url, "model": header.model},
        "started": header.started,
        "duration_s": length,
        "planned_s": header.planned_s,
        "warm_up_s": header.warm_up_s,
        "ended": str(why),
        "complete": complete,
        "valid": not found.invalid,
        "invalid_because": list(found.invalid),
        "distrusted": dict(found.distrusted),
        "notes": list(found.notes),
        "requests": sum(each.count for each in judged),
        "objectives": [_attainment(judge(objective, measured)) for objective in promised],
        "error_budgets": [
            budget(each, measured, judged, axis) for each in promised if each.objective
        ],
        "throughput": done,
        "timing": timing_of(values),
        "models": by_model(judged, values, done, bounds, window),
        **answers(file, groups, every, promised, by_name, _over_time(axis, drawn)),
        **failures(every, cut),
        "tokens": tokens_of(judged),
        "resources": resources(ticks, targets),
        "generator": _generator(ticks, values["late_s"], judged),
        "series": drawn,
        "histogram": {metric: asdict(histogram(values[metric], _EDGES)) for metric in DRAWN},
        "samples": {
            "file": name,
            "sha256": sha256,
            "count": file.count,
            "format": FORMAT,
            "torn": file.torn,
        },
    }


def _outside(ticks: Sequence[Tick], aside: Sequence[Step]) -> list[Tick]:
    """Those of seconds that are not set aside."""
    return [t for t in ticks if not any(step.holds(t.at - SECOND / 2) for step in aside)]


def _unfinished(group: Group) -> bool:
    """Whether they were under way at the end; counted only where they had time to end."""
    return group.kind.error is ErrorClass.UNFINISHED


def _over_time(
    axis: Axis, drawn: Mapping[str, Sequence[float | None]]
) -> dict[str, list[tuple[float, float | None]]]:
    """By metric the middle of each bucket, and the mean of its values."""
    middles = [begin + axis.width / 2 for begin in axis.begins]
    return {
        metric: list(zip(middles, drawn.get(f"mean_{metric}", ()), strict=False))
        for metric in EXACT
    }


def _attainment(attainment: Attainment) -> dict[str, Any]:
    return {
        key: str(value) if isinstance(value, str) else value
        for key, value in asdict(attainment).items()
    }


def _generator(
    ticks: Sequence[Tick], late: Sequence[float], judged: Iterable[Judged]
) -> dict[str, Any]:
    lags = [lag for tick in ticks for lag in tick.lags]
    reads, chunks = sum(tick.reads for tick in ticks), sum(tick.chunks for tick in ticks)
    unstamped, shared = sum(tick.unstamped for tick in ticks), sum(tick.shared for tick in ticks)
    held = [each for each in judged if each.kind.held]
    return {
        "own_core_percent": mean([tick.own_core for tick in ticks]),
        "hub_lag_p99_s": percentile(lags, 99),
        "hub_lag_max_s": max(lags, default=None),
        "late_p99_s": percentile(late, 99),
        "late_max_s": late[-1] if len(late) else None,
        "held": sum(each.count for each in held),
        "held_p99_s": percentile(pooled_column(held, "late"), 99),
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
