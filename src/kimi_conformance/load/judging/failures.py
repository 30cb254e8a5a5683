"""
What went wrong, apart by who must act, and what of it counts against the promise.

A failure is left out of the count where nobody broke a promise: where the scenario caused it on
purpose, where the time was up, and in the warm-up. All of that is named, with how often.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from kimi_conformance.load.judging.judged import Judged
from kimi_conformance.load.samples.records import ErrorClass

__all__ = ["failures"]

_SHOWN = 20  # details; the rest is in the samples

# Why a class of failures counts against the share of good calls.
_COUNTS: Mapping[ErrorClass, str] = {
    ErrorClass.CLIENT: "HTTP 4xx: every request of a scenario is meant to be valid, so the "
    "endpoint refused what it should answer",
    ErrorClass.RATE_LIMIT: "HTTP 429 that the scenario did not set out to cause: the load is one "
    "that the service is promised to bear",
    ErrorClass.SERVER: "HTTP 5xx: the service failed",
    ErrorClass.TRANSPORT: "no answer, one that broke off, or none in time: the caller has nothing",
    ErrorClass.INVALID: "an answer that is no usable and complete reply: the caller cannot use it",
    ErrorClass.UNFINISHED: "still under way when the run and its grace were over, or never sent "
    "because nobody was free: it had its time",
}
_ON_PURPOSE = "the scenario set out to cause it"
_CUT_SHORT = "it was under way when the run was cut short, and might still have been answered"
_OUTSIDE = "it ended in the warm-up, or should have been sent after the end"


def failures(every: Sequence[Judged], cut: Sequence[Judged]) -> dict[str, Any]:
    """The parts of the load record that tell of failures.

    Args:
        every: The requests of the run.
        cut: Those that are left out because the run was cut short.
    """
    bad = [each for each in every if not each.ok]
    counted = [each for each in bad if each.kind.counts]
    classes, details = _by_class(counted), _by_detail(counted)
    requests = sum(each.count for each in every if each.kind.counts)
    return {
        "errors": dict(classes),
        "failures": [
            {"class": error, "detail": detail, "count": count}
            for (error, detail), count in details.most_common(_SHOWN)
        ],
        "error_classes": [
            {
                "class": str(error),
                "count": classes[str(error)],
                "share": classes[str(error)] / requests if requests else None,
                "counts": why,
            }
            for error, why in _COUNTS.items()
        ],
        "not_counted": [
            *_left_out(_by_detail([e for e in bad if not e.kind.counts]), _ON_PURPOSE),
            *_left_out(_by_detail(cut), _CUT_SHORT),
            *_left_out(_by_detail(counted, outside=True), _OUTSIDE),
        ],
        "attempts": _attempts([each for each in every if each.kind.counts]),
    }


def _by_class(judged: Sequence[Judged]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for each in judged:
        counts[str(each.kind.error)] += each.count
    return +counts


def _by_detail(judged: Sequence[Judged], *, outside: bool = False) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    for each in judged:
        kind = each.kind
        count = len(each) - each.count if outside else each.count
        counts[str(kind.error), kind.detail] += count
    return +counts


def _left_out(counts: Counter[tuple[str, str]], why: str) -> list[dict[str, Any]]:
    return [
        {"class": error, "detail": detail, "count": count, "why": why}
        for (error, detail), count in counts.most_common(_SHOWN)
    ]


def _attempts(judged: Sequence[Judged]) -> dict[str, int]:
    """How often calls were tried; `rescued` are those that succeeded at a later attempt."""
    tried = [(each.kind.attempts, each.count, each.ok) for each in judged]
    return {
        "calls": sum(count for _, count, _ in tried),
        "requests": sum(attempts * count for attempts, count, _ in tried),
        "retried": sum(count for attempts, count, _ in tried if attempts > 1),
        "rescued": sum(count for attempts, count, ok in tried if attempts > 1 and ok),
        "most": max((attempts for attempts, count, _ in tried if count), default=0),
    }
