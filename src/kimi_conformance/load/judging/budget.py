"""
Error budgets: how much may go wrong, how much did, and when.

A share that is promised leaves 1 − objective to go wrong. `spent` is the share of that which is
used up by what went wrong, of as many requests as there were: 1 is all of it. The burn rate of a
bucket is how many times faster than the promise allows it was spent there.

Source: Beyer et al., The Site Reliability Workbook, chapters 2 and 5.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from kimi_conformance.load.judging.judged import Judged
from kimi_conformance.load.judging.time_axis import Axis
from kimi_conformance.slo import BOUNDABLE, Measured, Objective
from kimi_conformance.statistics import at_most

__all__ = ["budget"]


def budget(
    objective: Objective,
    measured: Measured,
    judged: Sequence[Judged],
    axis: Axis,
) -> Mapping[str, Any]:
    """The error budget of an objective that promises a share.

    Args:
        objective: The promise.
        measured: What was judged.
        judged: The groups of requests that count.
        axis: The buckets.
    """
    allowed = objective.tolerated or 0.0
    values = measured.of(objective)
    total = len(values)
    bad = (
        at_most(values, 0.0)
        if objective.bound is None
        else total - at_most(values, objective.bound)
    )
    flags = [_flags(objective, each) for each in judged]
    burn = spent = None
    if all(each is not None for each in flags) and total:
        known = [each for each in flags if each is not None]
        alls = _in_buckets(axis, judged, [one for one, _ in known])
        bads = _in_buckets(axis, judged, [other for _, other in known])
        burn = [b / a / allowed if a else None for a, b in zip(alls, bads, strict=True)]
        spent = [so_far / total / allowed for so_far in accumulate(bads)]
    return {
        "name": objective.name,
        "budget": allowed,
        "values": total,
        "bad": bad,
        "spent": bad / total / allowed if total else None,
        "burn_rate": burn,
        "spent_by": spent,
    }


def _flags(objective: Objective, each: Judged) -> tuple[bytes, bytes] | None:
    """Which requests the objective is about, and which of them are bad; None: nobody knows."""
    nothing = bytes(len(each))
    if objective.metric == "success":
        return each.chosen, nothing if each.ok else each.chosen
    if objective.metric == "goodput":
        return each.chosen, each.besides(each.within(objective.bounds))
    if objective.metric not in BOUNDABLE or objective.bound is None:
        return None
    if not each.ok:
        return nothing, nothing
    return each.known(objective.metric), each.beyond(objective.metric, objective.bound)


def _in_buckets(axis: Axis, judged: Sequence[Judged], flags: Sequence[bytes]) -> Sequence[int]:
    counts = map(Judged.ended, judged, flags)
    return [sum(column) for column in zip(*counts, strict=True)] or [0] * axis.count
