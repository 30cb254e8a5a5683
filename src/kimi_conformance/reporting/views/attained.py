"""What was promised of a service over a window, and what was kept, ready to be shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from kimi_conformance.history.attainment import Budget, Burn, Level
from kimi_conformance.history.incidents import Incident, State
from kimi_conformance.history.service_level import CHECKS, PROBE, Month, Service, ServiceLevel
from kimi_conformance.reporting.views.view import Headline
from kimi_conformance.reporting.wording.intervals import interval, minute
from kimi_conformance.reporting.wording.quantity import TARGETS, called, duration, formatter, share
from kimi_conformance.reporting.wording.states import STATES
from kimi_conformance.reporting.wording.states import State as Shown
from kimi_conformance.slo import Attained, Comparison
from kimi_conformance.verdicts import RunVerdict

__all__ = [
    "NIGHT_WORDS",
    "IncidentRow",
    "LevelRow",
    "ServicePage",
    "ServiceSection",
    "attained",
    "state_of",
    "word_of",
]

_HEADLINES = {
    RunVerdict.CONFORMANT: ("KEPT", "held"),
    RunVerdict.NOT_CONFORMANT: ("NOT KEPT", "broken"),
    RunVerdict.INCONCLUSIVE: ("INCONCLUSIVE", "open"),
}
_NOTHING = ("UNKNOWN", "open")
_SIGNS = {Comparison.AT_LEAST: "≥", Comparison.AT_MOST: "≤"}
_MONTH_STATES = (State.GOOD, State.BAD, State.UNDECIDED, State.UNKNOWN)
NIGHT_WORDS = {
    State.GOOD: "kept",
    State.BAD: "missed",
    State.UNDECIDED: "undecided",
    State.UNKNOWN: "unknown",
}
DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelRow:
    """One objective; texts are ready to be printed, "–" where there is no budget."""

    state: Shown
    label: str
    method: str
    target: str
    value: str
    interval: str
    measured: str
    budget: str
    spent: str
    left: str
    spent_share: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRow:
    """One incident; texts are ready to be printed."""

    start: str
    end: str
    length: str
    length_s: float
    cause: str
    what: str
    where: str
    seen: str
    unknown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSection:
    """One model as one source saw it.

    Attributes:
        facts: Label, value and note of how much is known.
        budgets: Rows of objective, calls that may be bad, that were, that still may be, share.
        burns: Rows of objective, windows, rate now, rate in the short window, highest rate,
            whether it alerts.
        month_columns, months: A row a quantity, a column a month.
    """

    anchor: str
    source: str
    model: str
    note: str
    facts: tuple[tuple[str, str, str], ...]
    levels: tuple[LevelRow, ...]
    budgets: tuple[tuple[str, ...], ...]
    burns: tuple[tuple[str, ...], ...]
    month_columns: tuple[str, ...]
    months: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePage:
    """The whole page."""

    headline: Headline
    period: str
    about: str
    alerts: tuple[str, ...]
    incidents: tuple[IncidentRow, ...]
    services: tuple[ServiceSection, ...]


def attained(found: ServiceLevel, about: str) -> ServicePage:
    """The page of a service level.

    Args:
        found: What was kept.
        about: Whose level it is, as a sentence.
    """
    word, tone = _headline(found)
    window = found.window
    return ServicePage(
        headline=Headline(word=word, tone=tone, because=found.because),
        period=f"{_day(window.first)} to {_day(window.last)} (UTC)",
        about=about,
        alerts=tuple(_alerts(found)),
        incidents=tuple(map(_incident, found.incidents)),
        services=tuple(
            _section(number, service) for number, service in enumerate(found.services, start=1)
        ),
    )


def word_of(found: ServiceLevel) -> str:
    """The verdict in a word; UNKNOWN where nothing was measured."""
    return _headline(found)[0]


def _headline(found: ServiceLevel) -> tuple[str, str]:
    measured = any(service.levels for service in found.services)
    return _HEADLINES[found.verdict] if measured else _NOTHING


def _alerts(found: ServiceLevel) -> list[str]:
    if not found.services:
        return [
            "Nothing is known of this window: no probe and no load test is in the history. "
            "Unknown time is not up time."
        ]
    return [
        f"{called(level.name)} of {service.model} ({service.source}) burns its budget "
        f"{_rate(burn.rate)} as fast as promised, over the last {duration(burn.long_s)}."
        for service in found.services
        for level in service.levels
        for burn in level.burns
        if burn.alerts
    ]


def _section(number: int, service: Service) -> ServiceSection:
    levels = sorted(service.levels, key=_place)
    rows = [_level(level) for level in levels]
    return ServiceSection(
        anchor=f"service-{number}",
        source=_SOURCES.get(service.source, f"Nights, {service.source}"),
        model=service.model,
        note=_NOTES.get(service.source, _NOTE),
        facts=tuple(_facts(service)),
        levels=tuple(rows),
        budgets=tuple(
            (row.label, row.budget, row.spent, row.left, row.spent_share)
            for row, level in zip(rows, levels, strict=True)
            if level.budget is not None
        ),
        burns=tuple(_burn(level, burn) for level in levels for burn in level.burns),
        month_columns=("", *(f"{month.window.first:%b %Y}" for month in service.months)),
        months=tuple(_month_rows(service)),
    )


_SOURCES = {PROBE: "Probes", CHECKS: "Nights, checks only"}
_NOTES = {
    PROBE: "One small request an interval. A probe speaks for the time until the next one was due; "
    "time without one is unknown, and never counted as up.",
    CHECKS: "One nightly run a day that had no load test: no objective was measured, only whether "
    "the API did what is documented. A day without one is unknown.",
}
_NOTE = (
    "One load test a night. A day without one, or with one that does not count, is unknown, and "
    "never counted as kept."
)


def _facts(service: Service) -> list[tuple[str, str, str]]:
    covered = service.coverage
    if covered is None:
        days = sum(service.nights.values())
        return [
            (NIGHT_WORDS[state], f"{service.nights[state]:,}", f"of {days} nights")
            for state in _MONTH_STATES
        ]
    up = covered.up_share
    return [
        ("up", "–" if up is None else share(up), "of the known time"),
        ("bad", _length(covered.bad_s), "seen to be bad"),
        ("unknown", _length(covered.unknown_s), "nobody looked"),
        ("known", share(covered.known_share), "of the window"),
    ]


def _place(level: Level) -> tuple[int, str]:
    """The four targets first, as every page of this suite has them."""
    known = list(TARGETS)
    return (known.index(level.name) if level.name in known else len(known), level.name)


def _level(level: Level) -> LevelRow:
    write = formatter(level.metric)
    budget = level.budget
    used = budget.share_spent if budget else None
    return LevelRow(
        state=state_of(level.verdict),
        label=called(level.name),
        method=level.method,
        target=f"{_SIGNS[Comparison(level.comparison)]} {write(level.target)}",
        value=_text(level.value, write),
        interval=interval(level.low, level.high, write),
        measured=f"{level.measured:,}",
        budget=_count(budget.total) if budget else "–",
        spent=f"{budget.spent:,}" if budget else "–",
        left=_count(budget.left) if budget else "–",
        spent_share="–" if used is None else f"{used:.0%}",
    )


def _burn(level: Level, burn: Burn) -> tuple[str, ...]:
    return (
        called(level.name),
        f"{duration(burn.long_s)} and {duration(burn.short_s)}",
        _rate(burn.rate),
        _rate(burn.short_rate),
        _rate(burn.worst),
        f"{burn.threshold:g}×",
        "yes" if burn.alerts else "no",
    )


def _month_rows(service: Service) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for level in sorted(service.levels, key=_place):
        label, write = called(level.name), formatter(level.metric)
        cells = [month.levels.get(level.name) for month in service.months]
        rows.append((label, *("unknown" if c is None else _month_value(c, write) for c in cells)))
        if level.budget is not None:
            budgets = [cell.budget if cell else None for cell in cells]
            rows.append((f"{label}: budget left", *map(_month_budget, budgets)))
    rows.append(("Incidents", *(str(month.incidents) for month in service.months)))
    rows.extend(_month_time(service.months))
    return rows


def _month_value(level: Level, write: Callable[[float], str]) -> str:
    return f"{_text(level.value, write)} ({state_of(level.verdict).word})"


def _month_budget(budget: Budget | None) -> str:
    return "–" if budget is None else f"{_count(budget.left)} of {_count(budget.total)}"


def _month_time(months: Sequence[Month]) -> list[tuple[str, ...]]:
    covered = [month.coverage for month in months if month.coverage is not None]
    if covered:
        ups = [each.up_share for each in covered]
        return [
            ("Up, of known time", *("unknown" if up is None else share(up) for up in ups)),
            ("Bad time", *(_length(each.bad_s) for each in covered)),
            ("Unknown time", *(_length(each.unknown_s) for each in covered)),
        ]
    return [
        (f"Nights {NIGHT_WORDS[state]}", *(str(month.nights[state]) for month in months))
        for state in _MONTH_STATES
    ]


def _incident(incident: Incident) -> IncidentRow:
    seen = "probes" if incident.source == PROBE else "nights"
    seen = seen if incident.seen != 1 else seen[:-1]
    return IncidentRow(
        start=minute(incident.start),
        end=f"{minute(incident.end)}{' (still open)' if incident.is_open else ''}",
        length=_length(incident.length_s),
        length_s=incident.length_s,
        cause=incident.cause,
        what=incident.what,
        where=f"{incident.source}, {incident.model}",
        seen=f"{incident.seen:,} {seen}",
        unknown=_length(incident.unknown_s) if incident.unknown_s else "",
    )


def state_of(verdict: Attained | None) -> Shown:
    """How a verdict is shown; None is unknown, which is not met."""
    return STATES["not_measured" if verdict is None else verdict.value]


def _text(value: float | None, write: Callable[[float], str]) -> str:
    return "–" if value is None else write(value)


def _count(value: float) -> str:
    """A number of bad calls: whole where it is.

    >>> _count(310.0), _count(125.61), _count(0.04), _count(-124.0)
    ('310', '125.6', '0.04', '−124')
    """
    text = f"{abs(value):,.1f}".removesuffix(".0") if abs(value) >= 1 else f"{abs(value):.2g}"
    return f"−{text}" if value < 0 else text


def _rate(rate: float | None) -> str:
    return "unknown" if rate is None else f"{rate:.3g}×"


def _length(seconds: float) -> str:
    """How long something lasted, in days where it did.

    >>> _length(180000.0), _length(600)
    ('2 d 2 h', '10 min')
    """
    if seconds < 2 * DAY:
        return duration(seconds)
    days, rest = divmod(round(seconds), DAY)
    return f"{days} d {rest // 3600} h" if rest >= 3600 else f"{days} d"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
