"""
What was promised of a scenario, and whether a run kept it.

An objective is a table of slo.toml, below its scenario or below `[all]`, which holds for
every scenario that has no objective of that name itself. It has one of four forms:

    [all.success_rate]             a share of good calls
    metric = "success"
    objective = 0.99

    [steady_chat.ttft]             a share of the values at or under a bound
    metric = "ttft_s"
    at_most = 0.8
    objective = 0.99

    [all.mean_response_s]          a statistic of the values: mean, p50, p90, p95 or p99
    metric = "response_s"
    statistic = "mean"
    at_most = 2.0

    [steady_chat.goodput]          a share of calls that were good in every respect at once
    metric = "goodput"
    bounds = { ttft_s = 0.8, tpot_s = 0.1 }
    objective = 0.95

An objective that decides a requirement of the catalogue names it: requirement = "PERF-01".

A verdict looks at the 95 % interval, not at the value: met only if all of it lies on the
good side, missed only if all of it lies on the bad side. Between the two the run was too
short to tell; how many more values would do is in the attainment, and before a run
`requests_to_decide` says how many it takes.
"""

from kimi_conformance.slo.judging import Attained, Attainment, Measured, judge, needed
from kimi_conformance.slo.objective import (
    BOUNDABLE,
    METRICS,
    Comparison,
    Objective,
    Objectives,
)
from kimi_conformance.slo.planning import failures_allowed, more_to_decide, requests_to_decide
from kimi_conformance.slo.reading import parse

__all__ = [
    "BOUNDABLE",
    "METRICS",
    "Attained",
    "Attainment",
    "Comparison",
    "Measured",
    "Objective",
    "Objectives",
    "failures_allowed",
    "judge",
    "more_to_decide",
    "needed",
    "parse",
    "requests_to_decide",
]
