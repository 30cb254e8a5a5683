"""
What is wrong, by the history and by runs, and what was looked at and is right.

An alert ends only when somebody looked and it was right: a night that was cut short, or an
objective that nobody measured, ends nothing. So each source also says what it looked at.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kimi_conformance.alerts.alert import Alert, AlertKind
from kimi_conformance.history.incidents import Incident
from kimi_conformance.history.past import LoadResult
from kimi_conformance.history.regression import Direction, Shift, shifts
from kimi_conformance.history.service_level import PROBE, Service, ServiceLevel
from kimi_conformance.runs import Run
from kimi_conformance.slo import Attained
from kimi_conformance.verdicts import RunVerdict, worst_of

__all__ = ["Findings", "of_run", "of_service"]

_GONE = frozenset({"transport", "server"})  # error classes that say that nobody serves
_TIMES = ("response_s", "ttft_s", "itl_s")
MODELS = "GET /v1/models"  # the list of models is held against the recorded one in each look
Record = Mapping[str, Any]
GRAVE = frozenset({"breaking", "model retired", "window changed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What is wrong, and what was looked at.

    Attributes:
        active: Alerts, each key once.
        looked: Keys of all that was judged, the active ones among them.
        places: Recorded exchanges that were held against what is answered now.
    """

    active: tuple[Alert, ...] = ()
    looked: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()

    def __add__(self, other: "Findings") -> "Findings":
        """Both together; of one key the first says what is wrong."""
        keys = {alert.key for alert in self.active}
        more = tuple(alert for alert in other.active if alert.key not in keys)
        return Findings(
            active=self.active + more,
            looked=self.looked | other.looked,
            places=self.places | other.places,
        )

    def has_looked_at(self, alert: Alert) -> bool:
        """Whether what an open alert is about was judged, at all places at which it was seen."""
        if alert.places:
            return self.places.issuperset(alert.places)
        return alert.key in self.looked


@dataclass(frozen=True, slots=True)
class _Look:
    """One thing that was judged; without a text it is right."""

    kind: AlertKind
    about: str
    text: str = ""
    places: tuple[str, ...] = ()


def of_service(found: ServiceLevel, loads: Sequence[LoadResult], now: float) -> Findings:
    """What the service level over a window says, and whether the last load was slower.

    Args:
        found: As the history has it.
        loads: Those of the window, oldest first.
        now: Seconds since the Unix epoch.
    """
    looks = [look for service in found.services for look in _of_one(service)]
    return _findings([*looks, *_slower(loads)], now)


def of_run(run: Run, now: float) -> Findings:
    """What one run says: of a night its verdict, and drift; one cut short says nothing."""
    if not run.complete or run.footer is None:
        return Findings()
    about = f"edition {run.header['edition']}, {run.header['source']}"
    found = _of_drift(run, about, now)
    if run.header["job"] == "drift":
        return found
    wrong, text = _without_drift(run.footer)
    if wrong is RunVerdict.INCONCLUSIVE:
        return found
    is_wrong = wrong is RunVerdict.NOT_CONFORMANT
    return (
        _findings([_Look(AlertKind.NOT_CONFORMANT, about, text if is_wrong else "")], now) + found
    )


def _without_drift(footer: Record) -> tuple[RunVerdict, str]:
    """The verdict of all other parts of a run: drift has alerts of its own."""
    parts = [each for each in footer.get("parts", ()) if each["part"] != "drift"] or [footer]
    worst = worst_of(RunVerdict(each["verdict"]) for each in parts)
    texts = [str(each.get("because", "")) for each in parts if each["verdict"] == worst]
    return worst, "; ".join(texts)


def _of_drift(run: Run, about: str, now: float) -> Findings:
    """An alert a route that has changed gravely; it ends where the same requests are as before."""
    by_route: dict[str, list[Record]] = defaultdict(list)
    for record in run.drifts:
        if record["class"] in GRAVE:
            by_route[record["where"].partition(": ")[0]].append(record)
    looks = [
        _Look(
            AlertKind.DRIFT,
            f"{route}, {about}",
            _changed(changes),
            tuple(sorted({f"{about}: {place}" for each in changes for place in each["places"]})),
        )
        for route, changes in by_route.items()
    ]
    compared = run.looked["places"] if run.looked is not None else ()
    compared = [*compared, MODELS] if compared else []
    return replace(_findings(looks, now), places=frozenset(f"{about}: {p}" for p in compared))


def _changed(changes: Sequence[Record]) -> str:
    first, more = changes[0], len(changes) - 1
    what = first["where"].partition(": ")[2]
    text = f"{first['class']}: {what}: {first['before']} → {first['after']}"
    return f"{text}; and {more} more" if more else text


def _findings(looks: Iterable[_Look], now: float) -> Findings:
    texts: dict[tuple[AlertKind, str], _Look] = {}
    for look in looks:
        known = texts.get((look.kind, look.about))
        texts[look.kind, look.about] = known if known and known.text else look
    alerts = {
        key: Alert(kind=key[0], about=key[1], text=look.text, since=now, places=look.places)
        for key, look in texts.items()
    }
    return Findings(
        active=tuple(alert for alert in alerts.values() if alert.text),
        looked=frozenset(alert.key for alert in alerts.values()),
    )


def _of_one(service: Service) -> Iterable[_Look]:
    where = f"{service.model}, {service.source}"
    for level in service.levels:
        about = f"{level.name} of {where}"
        if level.verdict in {Attained.MET, Attained.MISSED} and level.value is not None:
            missed = level.verdict is Attained.MISSED
            text = f"{level.value:.4g}, promised was {level.target:g}" if missed else ""
            yield _Look(AlertKind.MISSED, about, text)
        fast = [burn for burn in level.burns if burn.alerts]
        known = [burn for burn in level.burns if burn.rate is not None]
        if fast:
            rate, hours = fast[0].rate, fast[0].long_s / 3600
            text = f"{rate:.1f} times as fast as promised over {hours:g} h"
            yield _Look(AlertKind.BURNING, about, text)
        elif known:
            yield _Look(AlertKind.BURNING, about)
    if service.source == PROBE:
        gone = [one for one in service.incidents if one.is_open and one.cause in _GONE]
        if gone:
            yield _Look(AlertKind.UNREACHABLE, where, _told(gone[-1]))
        elif service.coverage is not None and service.coverage.good_s > 0:
            yield _Look(AlertKind.UNREACHABLE, where)


def _told(incident: Incident) -> str:
    return f"{incident.what or incident.cause}, {incident.seen} times in succession"


def _slower(loads: Sequence[LoadResult]) -> Iterable[_Look]:
    """The last load of each scenario and model against the one before it."""
    by_kind: dict[tuple[str, str, str], list[LoadResult]] = defaultdict(list)
    for load in loads:
        if load.counts:
            by_kind[load.scenario, load.model, load.base_url].append(load)
    for pair in (among[-2:] for among in by_kind.values() if len(among) > 1):
        for shift in shifts(pair[:1], pair[1:], ({}, {})):
            if (
                shift.after.metric.endswith(_TIMES)
                and shift.direction is not Direction.NOT_COMPARED
            ):
                about = f"{shift.name} of {shift.model}, {shift.scenario}"
                worse = shift.direction is Direction.WORSE
                yield _Look(AlertKind.SLOWER, about, _shifted(shift) if worse else "")


def _shifted(shift: Shift) -> str:
    before, after = shift.before.value or 0.0, shift.after.value or 0.0
    return f"{after:.3g} s, before {before:.3g} s (p {shift.p:.3f}, {shift.method})"
