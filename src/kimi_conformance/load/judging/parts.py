"""What a run says of its parts: each by itself, how soon it recovered, and which rate it bears."""

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import chain
from typing import Any

from kimi_conformance.load.samples.file import Group
from kimi_conformance.load.samples.records import Step, Tick
from kimi_conformance.load.users.search import Tried, saturation
from kimi_conformance.slo import Objective
from kimi_conformance.statistics import summary

__all__ = ["parts"]

_QUIET = 3  # seconds in a row that are good again: then it has recovered
_COLUMNS = {"response_s": "response", "ttft_s": "first"}


class _Calls:
    """The logical calls of a group, by their intended start."""

    def __init__(self, group: Group) -> None:
        self.kind = group.kind
        intended = group.intended
        order = sorted(range(len(group)), key=intended.__getitem__)
        self._intended = array("d", map(intended.__getitem__, order))
        self._ends = array("d", sorted(group.end))
        self._times = {
            name: array("f", map(group.column(column).__getitem__, order))
            for name, column in _COLUMNS.items()
        }

    def begun(self, begin: float, end: float) -> slice:
        """Those that were to begin in a time."""
        return slice(bisect_left(self._intended, begin), bisect_left(self._intended, end))

    def ended(self, begin: float, end: float) -> int:
        """How many ended in a time."""
        return bisect_left(self._ends, end) - bisect_left(self._ends, begin)

    def times(self, name: str, among: slice) -> "array[float]":
        """A time of some of them; NaN where there is none."""
        return self._times[name][among]


@dataclass(frozen=True, slots=True)
class _Promise:
    """A share of calls that is promised: of those that kept a bound, or of successful ones."""

    share: float
    metric: str
    bound: float | None

    def kept(self, calls: Sequence[_Calls], begin: float, end: float) -> bool:
        """Whether it was kept by the calls that were to begin in a time."""
        spans = [(each, each.begun(begin, end)) for each in calls if each.kind.counts]
        good = sum(self._good(each, span) for each, span in spans if each.kind.ok)
        return good >= self.share * sum(_size(span) for _, span in spans)

    def _good(self, calls: _Calls, span: slice) -> int:
        if self.bound is None:
            return _size(span)
        bound = self.bound
        # What has no first token is no stream: nothing was promised of it.
        return sum(not time > bound for time in calls.times(self.metric, span))


def parts(
    steps: Sequence[Step],
    groups: Sequence[Group],
    ticks: Sequence[Tick],
    objectives: Sequence[Objective],
    end: float,
) -> dict[str, Any]:
    """What goes into the load record, JSON types only; nothing of a run without parts.

    Args:
        steps: The parts.
        groups: The requests.
        ticks: Of all processes.
        objectives: What was promised of the scenario.
        end: Where the run ended.
    """
    if not steps:
        return {}
    calls = [_Calls(group) for group in groups]
    found: dict[str, Any] = {"steps": [_part(step, calls, ticks) for step in steps]}
    aside = [step for step in steps if not step.judged and step.broke is None]
    if aside:
        promises = _promises(objectives)
        found["recovery"] = [
            {"after": step.name, "seconds": _recovery(calls, step.end, end, promises)}
            for step in aside
        ]
    tried = [Tried(step.rate or 0.0, step.broke) for step in steps if step.broke is not None]
    if tried:
        answer = saturation(tried)
        found["saturation"] = {**asdict(answer), "words": answer.words}
    return found


def _part(step: Step, calls: Sequence[_Calls], ticks: Sequence[Tick]) -> dict[str, Any]:
    """One part: by what was to begin in it, but for the goodput: by what ended in it."""
    spans = [(each, each.begun(step.begin, step.end)) for each in calls]
    good = [(each, span) for each, span in spans if each.kind.ok]
    requests, succeeded = (sum(_size(span) for _, span in among) for among in (spans, good))
    counted = sum(_size(span) for each, span in spans if each.kind.counts)
    ended = sum(each.ended(step.begin, step.end) for each, _ in good)
    seconds = step.end - step.begin
    return {
        **{each.name: getattr(step, each.name) for each in fields(step)},
        "requests": requests,
        "offered_per_s": requests / seconds if seconds else None,
        "goodput_per_s": ended / seconds if seconds else None,
        "success_share": succeeded / counted if counted else None,
        "attempts": sum(each.kind.attempts * _size(span) for each, span in spans),
        "refused": sum(tick.refused for tick in ticks if step.holds(tick.at)),
        **{
            name: _few(chain.from_iterable(each.times(name, span) for each, span in good))
            for name in _COLUMNS
        },
    }


def _recovery(
    calls: Sequence[_Calls], after: float, end: float, promises: Sequence[_Promise]
) -> float | None:
    """Seconds from a moment until what was asked is served as promised again; None: it was not.

    That is the first second from which on three in a row, those in which anything was asked, kept
    each promise about single calls: success, and the bounds of response time and TTFT.
    """
    begin, quiet = 0, 0
    for second in range(max(math.ceil(end - after), 0)):
        since, until = after + second, min(after + second + 1, end)
        if not any(_size(each.begun(since, until)) for each in calls if each.kind.counts):
            continue
        kept = all(promise.kept(calls, since, until) for promise in promises)
        begin, quiet = (begin if quiet else second, quiet + 1) if kept else (second + 1, 0)
        if quiet == _QUIET:
            return float(begin)
    return None


def _promises(objectives: Sequence[Objective]) -> list[_Promise]:
    """Those about single calls."""
    return [
        _Promise(each.objective, each.metric, each.bound)
        for each in objectives
        if each.objective is not None
        and (each.metric == "success" or (each.metric in _COLUMNS and each.bound is not None))
    ]


def _size(span: slice) -> int:
    return int(span.stop) - int(span.start)


def _few(values: Iterable[float]) -> dict[str, Any]:
    found = summary([value for value in values if value == value])  # NaN is not itself
    return {"n": found.n, "mean": found.mean, "p50": found.p50, "p95": found.p95}
