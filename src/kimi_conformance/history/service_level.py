"""
What was promised over a window and what was kept: of probes and of nights, by model.

Nothing is added up over models, nor over scenarios: they ask different things.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kimi_conformance.history.attainment import Event, Level, between, level
from kimi_conformance.history.incidents import (
    Coverage,
    Incident,
    Night,
    Span,
    State,
    coverage,
    judged_load,
    judged_run,
    night_incidents,
    nights,
    probe_incidents,
    spans,
)
from kimi_conformance.history.past import Kind, LoadResult, ObjectiveResult, PastRun, Probe
from kimi_conformance.history.window import Window
from kimi_conformance.slo import Attained, Objective
from kimi_conformance.verdicts import DECIDED_SHARE, RunVerdict

__all__ = [
    "CHECKS",
    "PROBE",
    "Month",
    "Service",
    "ServiceLevel",
    "probed_objectives",
    "service_level",
]

PROBE = "probe"
CHECKS = "checks"
_MEASURED_BY_PROBES = ("success", "response_s", "ttft_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """One month of a service, or the part of it that lies in the window.

    Attributes:
        levels: By objective; what was not measured is missing.
        coverage: Of the probes; None of a load scenario.
        nights: How many days were in each state; empty of probes.
        incidents: How many began in it.
    """

    window: Window
    levels: Mapping[str, Level]
    coverage: Coverage | None
    nights: Mapping[State, int]
    incidents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One model as one source saw it.

    Attributes:
        source: "probe", the load scenario, or "checks": nights without a load test.
        model: Which model was asked; of checks, which edition.
        coverage, nights: As in `Month`, over the whole window.
    """

    source: str
    model: str
    levels: tuple[Level, ...]
    coverage: Coverage | None
    nights: Mapping[State, int]
    incidents: tuple[Incident, ...]
    months: tuple[Month, ...]

    @property
    def known_share(self) -> float:
        """How much of the window anybody looked at: of time by probes, of days by loads."""
        if self.coverage is not None:
            return self.coverage.known_share
        return 1 - self.nights[State.UNKNOWN] / sum(self.nights.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLevel:
    """The service level over a window.

    Attributes:
        verdict: CONFORMANT only if every objective was met, and enough of the window is known:
            the share of it that a run must decide too.
        because: The sentence that a person should read first.
    """

    window: Window
    verdict: RunVerdict
    because: str
    services: tuple[Service, ...]

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """Those of all services, oldest first."""
        found = (incident for service in self.services for incident in service.incidents)
        return tuple(sorted(found, key=lambda incident: incident.start))


def service_level(
    window: Window,
    loads: Iterable[LoadResult],
    probes: Iterable[Probe],
    promised: Sequence[Objective],
    runs: Iterable[PastRun] = (),
) -> ServiceLevel:
    """Hold what was seen in a window against what was promised.

    Args:
        window: The days.
        loads: Those of the window, oldest first; each names its own objectives.
        probes: Those of the window, oldest first.
        promised: What was promised of probes.
        runs: The nights that had no load test, oldest first: their verdict tells of incidents,
            but no objective.
    """
    by_load: dict[tuple[str, str], list[LoadResult]] = defaultdict(list)
    for load in loads:
        by_load[load.scenario, load.model].append(load)
    by_model: dict[str, list[Probe]] = defaultdict(list)
    for probe in probes:
        by_model[probe.model].append(probe)
    by_edition: dict[str, list[PastRun]] = defaultdict(list)
    for run in runs:
        by_edition[run.edition].append(run)
    services = (
        *(_probed(model, among, window, promised) for model, among in sorted(by_model.items())),
        *(_loaded(*key, among, window) for key, among in sorted(by_load.items())),
        *(_checked(edition, among, window) for edition, among in sorted(by_edition.items())),
    )
    verdict, because = _verdict(services)
    return ServiceLevel(window=window, verdict=verdict, because=because, services=services)


def probed_objectives(objectives: Iterable[Objective]) -> tuple[Objective, ...]:
    """Those that single calls can show: shares, and means, of what a probe measures."""
    return tuple(
        each
        for each in objectives
        if each.metric in _MEASURED_BY_PROBES and each.statistic in {None, "mean"}
    )


def _probed(
    model: str, probes: Sequence[Probe], window: Window, promised: Sequence[Objective]
) -> Service:
    pieces = spans(probes, window)
    events = {each.name: _probe_events(each, probes) for each in promised}
    return _service(PROBE, model, events, window, probe_incidents(pieces, model), pieces=pieces)


def _loaded(scenario: str, model: str, loads: Sequence[LoadResult], window: Window) -> Service:
    seen = nights(map(judged_load, loads), window)
    events: dict[str, list[Event]] = defaultdict(list)
    for load in loads:
        if load.counts:
            for result in load.objectives:
                events[result.name].append(Event(load.ended, result))
    incidents = night_incidents(seen, scenario, model)
    return _service(scenario, model, events, window, incidents, seen=seen)


def _checked(edition: str, runs: Sequence[PastRun], window: Window) -> Service:
    seen = nights(map(judged_run, runs), window)
    what = f"edition {edition}"
    return _service(CHECKS, what, {}, window, night_incidents(seen, CHECKS, what), seen=seen)


def _service(
    source: str,
    model: str,
    events: Mapping[str, Sequence[Event]],
    window: Window,
    incidents: Sequence[Incident],
    *,
    pieces: Sequence[Span] | None = None,
    seen: Sequence[Night] = (),
) -> Service:
    return Service(
        source=source,
        model=model,
        levels=tuple(_levels(source, model, events, window, burning=True).values()),
        coverage=None if pieces is None else coverage(pieces, window),
        nights=_by_state(seen),
        incidents=tuple(incidents),
        months=tuple(
            Month(
                window=month,
                levels=_levels(source, model, events, month),
                coverage=None if pieces is None else coverage(pieces, month),
                nights=_by_state(
                    [night for night in seen if month.first <= night.day <= month.last]
                ),
                incidents=sum(month.start <= each.start < month.end for each in incidents),
            )
            for month in window.months()
        ),
    )


def _levels(
    source: str,
    model: str,
    events: Mapping[str, Sequence[Event]],
    window: Window,
    *,
    burning: bool = False,
) -> dict[str, Level]:
    inside = {name: between(of, window.start, window.end) for name, of in events.items()}
    end = window.end if burning else None
    return {name: level(source, model, of, end) for name, of in inside.items() if of}


def _by_state(seen: Sequence[Night]) -> dict[State, int]:
    states = [night.span.state for night in seen]
    return {state: states.count(state) for state in State} if states else {}


def _probe_events(objective: Objective, probes: Sequence[Probe]) -> list[Event]:
    """What each probe says of an objective; a time only where the reply was usable."""
    found = []
    for probe in probes:
        value = _value(objective, probe)
        if value is None:
            continue
        is_share = objective.statistic is None
        good = int(value > 0 if objective.bound is None else value <= objective.bound)
        result = ObjectiveResult(
            name=objective.name,
            metric=f"{objective.metric.removesuffix('_s')}_share" if is_share else objective.metric,
            kind=Kind.SHARE if is_share else Kind.MEAN,
            target=objective.target,
            comparison=objective.comparison.value,
            value=float(good) if is_share else value,
            low=None,
            high=None,
            verdict="",
            good=good if is_share else None,
            total=1,
        )
        found.append(Event(probe.at, result))
    return found


def _value(objective: Objective, probe: Probe) -> float | None:
    if objective.metric == "success":
        return float(probe.ok)
    if not probe.ok:
        return None
    return probe.ttft_s if objective.metric == "ttft_s" else probe.response_s


def _verdict(services: Sequence[Service]) -> tuple[RunVerdict, str]:
    levels = [level for service in services for level in service.levels]
    if not levels:
        return RunVerdict.INCONCLUSIVE, (
            "unknown, not met: nothing that was promised was measured in this window"
        )
    missed = _names(level for level in levels if level.verdict is Attained.MISSED)
    if missed:
        return RunVerdict.NOT_CONFORMANT, f"missed: {missed}"
    open_ones = _names(level for level in levels if level.verdict is not Attained.MET)
    if open_ones:
        return RunVerdict.INCONCLUSIVE, f"not decided: {open_ones}"
    measured = [service for service in services if service.levels]
    least = min(measured, key=lambda service: service.known_share)
    if least.known_share < DECIDED_SHARE:
        return RunVerdict.INCONCLUSIVE, (
            f"all that was measured was met, but only {least.known_share:.1%} of the window is "
            f"known ({least.source}, {least.model}); {DECIDED_SHARE:.0%} are needed"
        )
    return RunVerdict.CONFORMANT, f"all {len(levels)} objectives were met"


def _names(levels: Iterable[Level]) -> str:
    return ", ".join(f"{each.name} ({each.source}, {each.model})" for each in levels)
