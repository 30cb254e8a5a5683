"""
When the service was not as promised, and when nobody looked.

Time is covered by what was observed: a probe speaks for the time until the next one was due,
a night for its day. What nobody observed is unknown; it is never counted as up. An incident
begins with the first bad observation and ends with the last one before a good one. What is
not known, or not decided, in between neither ends it nor counts as bad.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from kimi_conformance.history.past import LoadResult, PastRun, Probe
from kimi_conformance.history.window import Window, day_of
from kimi_conformance.verdicts import RunVerdict

__all__ = [
    "Coverage",
    "Incident",
    "Night",
    "Span",
    "State",
    "coverage",
    "judged_load",
    "judged_run",
    "night_incidents",
    "nights",
    "probe_incidents",
    "spans",
]

OVERDUE = 1.5  # intervals after which the next probe was missed; jitter alone makes no gap
LEAST_PROBES = 2  # bad ones in succession that make an incident: one alone may be an accident
LEAST_S = 60.0  # bad time that makes one

_SLOW = "slow"
_RESOURCES = "resources"
_CONFORMANCE = "conformance"
_RESOURCE_METRICS = ("cpu_percent", "memory_percent", "cpu_share", "memory_share")


class State(StrEnum):
    """What is known of a span of time."""

    GOOD = "good"
    BAD = "bad"
    UNDECIDED = "undecided"  # it was measured, but too little to tell
    UNKNOWN = "unknown"  # nobody looked


_BY_VERDICT: Mapping[str, State] = {
    RunVerdict.CONFORMANT: State.GOOD,
    RunVerdict.NOT_CONFORMANT: State.BAD,
    RunVerdict.INCONCLUSIVE: State.UNDECIDED,
}


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of time.

    Attributes:
        cause: The class of what was wrong, or "".
        what: The same in words, or "".
    """

    start: float
    end: float
    state: State
    cause: str = ""
    what: str = ""

    @property
    def length_s(self) -> float:
        """How long it is."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Night:
    """What the runs of a day say; its span is theirs."""

    day: date
    span: Span


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a window was what, in seconds."""

    good_s: float
    bad_s: float
    unknown_s: float

    @property
    def known_share(self) -> float:
        """How much of the window anybody looked at."""
        whole = self.good_s + self.bad_s + self.unknown_s
        return (self.good_s + self.bad_s) / whole if whole else 0.0

    @property
    def up_share(self) -> float | None:
        """How much of the known time was good; None where nothing is known."""
        known = self.good_s + self.bad_s
        return self.good_s / known if known else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A time in which the service was not as promised.

    Attributes:
        source: "probe", the load scenario, or "checks".
        start, end: Of the first and the last bad observation.
        seen: How many bad observations.
        bad_s: Time that was seen to be bad.
        unknown_s: Time between start and end of which nothing is known.
        cause: The class that was seen most: "server", "slow", "resources", …
        what: What was said of it most.
        is_open: Whether nothing good was seen after it.
    """

    source: str
    model: str
    start: float
    end: float
    seen: int
    bad_s: float
    unknown_s: float
    cause: str
    what: str
    is_open: bool

    @property
    def length_s(self) -> float:
        """From its start to its end."""
        return self.end - self.start


def spans(probes: Sequence[Probe], window: Window) -> list[Span]:
    """The time of a window as the probes of one model cover it, without a gap."""
    found: list[Span] = []
    clock, last = window.start, window.end
    for place, probe in enumerate(probes):
        if probe.at > clock:
            found.append(Span(clock, probe.at, State.UNKNOWN))
        following = probes[place + 1].at if place + 1 < len(probes) else last
        due = following - probe.at <= OVERDUE * probe.interval_s
        end = min(following if due else probe.at + probe.interval_s, last)
        state = State.GOOD if probe.ok else State.BAD
        found.append(Span(probe.at, end, state, "" if probe.ok else probe.error, probe.detail))
        clock = end
    if clock < last:
        found.append(Span(clock, last, State.UNKNOWN))
    return [span for span in found if span.length_s > 0]


def coverage(pieces: Iterable[Span], window: Window) -> Coverage:
    """How much of a window the pieces say to be what."""
    sums: defaultdict[State, float] = defaultdict(float)
    first, last = window.start, window.end
    for span in pieces:
        inside = min(span.end, last) - max(span.start, first)
        if inside > 0:
            sums[span.state] += inside
    good, bad = sums[State.GOOD], sums[State.BAD]
    return Coverage(good, bad, max(last - first - good - bad, 0.0))


def nights(judged: Iterable[Span], window: Window) -> list[Night]:
    """Each day of a window, by the runs of one sort, oldest first; its span is theirs.

    A day is as bad as the worst of them; it is good only if one of them was.
    """
    by_day: dict[date, list[Span]] = {day: [] for day in window.days()}
    for span in judged:
        if (day := day_of(span.start)) in by_day:
            by_day[day].append(span)
    return [Night(day, _worst(day, among)) for day, among in by_day.items()]


def probe_incidents(pieces: Sequence[Span], model: str) -> list[Incident]:
    """The incidents that the probes of a model saw."""
    return [
        incident
        for incident in _incidents(pieces, "probe", model)
        if incident.seen >= LEAST_PROBES and incident.bad_s >= LEAST_S
    ]


def night_incidents(nights: Sequence[Night], source: str, model: str) -> list[Incident]:
    """The incidents that the nights of one sort saw."""
    return _incidents([night.span for night in nights], source, model)


def judged_load(load: LoadResult) -> Span:
    """A load, bad where it missed an objective, good where it met all of them."""
    missed = [each for each in load.objectives if each.verdict == "missed"]
    if not load.counts:
        return Span(load.started, load.ended, State.UNKNOWN)
    if missed:
        names = [each.name for each in missed]
        return Span(load.started, load.ended, State.BAD, _cause(load), f"missed {', '.join(names)}")
    kept = load.objectives and all(each.verdict == "met" for each in load.objectives)
    return Span(load.started, load.ended, State.GOOD if kept else State.UNDECIDED)


def judged_run(run: PastRun) -> Span:
    """A run, by its verdict; one that was cut short tells nothing."""
    end = run.started if run.ended is None else run.ended
    state = _BY_VERDICT.get(run.verdict or "", State.UNKNOWN)
    bad = state is State.BAD
    return Span(run.started, end, state, _CONFORMANCE * bad, run.because * bad)


def _incidents(pieces: Sequence[Span], source: str, model: str) -> list[Incident]:
    found: list[tuple[int, int]] = []  # places of the first bad piece, and after the last
    is_open = False
    for place, span in enumerate(pieces):
        if span.state is State.BAD:
            first = found.pop()[0] if is_open else place
            found.append((first, place + 1))
            is_open = True
        elif span.state is State.GOOD:
            is_open = False
    return [
        _incident(pieces[first:end], source, model, is_open=is_open and (first, end) == found[-1])
        for first, end in found
    ]


def _incident(pieces: Sequence[Span], source: str, model: str, *, is_open: bool) -> Incident:
    bad = [span for span in pieces if span.state is State.BAD]
    causes, words = (Counter(each) for each in zip(*((s.cause, s.what) for s in bad), strict=True))
    return Incident(
        source=source,
        model=model,
        start=bad[0].start,
        end=bad[-1].end,
        seen=len(bad),
        bad_s=sum(span.length_s for span in bad),
        unknown_s=sum(span.length_s for span in pieces if span.state is State.UNKNOWN),
        cause=causes.most_common(1)[0][0],
        what=words.most_common(1)[0][0],
        is_open=is_open,
    )


def _cause(load: LoadResult) -> str:
    """The commonest error where too many calls failed; else what was too much."""
    metrics = [each.metric for each in load.objectives if each.verdict == "missed"]
    if "success_share" in metrics and load.errors:
        return max(load.errors, key=lambda name: (load.errors[name], name))
    return _RESOURCES if all(metric.endswith(_RESOURCE_METRICS) for metric in metrics) else _SLOW


def _worst(day: date, among: Sequence[Span]) -> Span:
    for state in (State.BAD, State.GOOD, State.UNDECIDED, State.UNKNOWN):
        of_state = [span for span in among if span.state is state]
        if of_state:
            first = of_state[0]
            return Span(first.start, of_state[-1].end, state, first.cause, first.what)
    begin = Window(day, day, float("inf"))
    return Span(begin.start, begin.end, State.UNKNOWN)
