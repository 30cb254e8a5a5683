"""
What the history tells, for machines.

Moments are ISO 8601 in UTC, lengths are seconds, shares lie between 0 and 1; null is unknown.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from kimi_conformance.history.attainment import Level
from kimi_conformance.history.comparison import Change, Comparison
from kimi_conformance.history.incidents import Coverage, Incident, State
from kimi_conformance.history.regression import Shift
from kimi_conformance.history.service_level import ServiceLevel
from kimi_conformance.history.trend import Trend
from kimi_conformance.reporting.views.attained import NIGHT_WORDS, state_of, word_of

__all__ = ["compare_answer", "service_answer", "trend_answer"]


def service_answer(found: ServiceLevel, about: str) -> dict[str, Any]:
    """The same for machines; moments as ISO 8601, lengths in seconds."""
    return {
        "verdict": word_of(found),
        "because": found.because,
        "about": about,
        "from": found.window.first.isoformat(),
        "to": found.window.last.isoformat(),
        "until": _iso(found.window.end),
        "incidents": [_incident_answer(each) for each in found.incidents],
        "services": [
            {
                "source": service.source,
                "model": service.model,
                "known_share": service.known_share,
                "time_s": _coverage_answer(service.coverage),
                "nights": _nights_answer(service.nights),
                "objectives": [_level_answer(each) for each in service.levels],
                "months": [
                    {
                        "from": month.window.first.isoformat(),
                        "to": month.window.last.isoformat(),
                        "time_s": _coverage_answer(month.coverage),
                        "nights": _nights_answer(month.nights),
                        "incidents": month.incidents,
                        "objectives": [_level_answer(each) for each in month.levels.values()],
                    }
                    for month in service.months
                ],
            }
            for service in found.services
        ],
    }


def compare_answer(found: Comparison) -> dict[str, Any]:
    """The same for machines."""
    return {
        "worse": found.worse,
        "because": found.because,
        "first": found.first.label,
        "second": found.second.label,
        **{
            name: [_change_answer(each) for each in getattr(found, name)]
            for name in (
                *("newly_failing", "newly_passing", "undecided", "changed_reason"),
                *("gone", "new", "slowest"),
            )
        },
        "objectives": [_shift_answer(each) for each in found.objectives],
    }


def trend_answer(found: Trend) -> dict[str, Any]:
    """The same for machines."""
    steady = found.steadiness
    return {
        "subject": found.subject,
        "metric": found.metric,
        "target": found.target,
        "steadiness": steady
        and {"sure": steady.sure.value, "runs": steady.runs, "flips": steady.flips},
        "points": [
            {
                "run": point.run,
                "started": _iso(point.started),
                "value": point.value,
                "low": point.low,
                "high": point.high,
                "state": point.state or None,
            }
            for point in found.points
        ],
    }


def _incident_answer(incident: Incident) -> dict[str, Any]:
    return {
        "source": incident.source,
        "model": incident.model,
        "start": _iso(incident.start),
        "end": _iso(incident.end),
        "length_s": incident.length_s,
        "bad_s": incident.bad_s,
        "unknown_s": incident.unknown_s,
        "seen": incident.seen,
        "cause": incident.cause,
        "what": incident.what,
        "open": incident.is_open,
    }


def _level_answer(level: Level) -> dict[str, Any]:
    budget = level.budget
    return {
        "name": level.name,
        "metric": level.metric,
        "target": level.target,
        "comparison": str(level.comparison),
        "value": level.value,
        "low": level.low,
        "high": level.high,
        "verdict": state_of(level.verdict).key,
        "measured": level.measured,
        "method": level.method,
        "budget": budget
        and {
            "total": budget.total,
            "spent": budget.spent,
            "left": budget.left,
            "spent_share": budget.share_spent,
        },
        "burn": [
            {
                "window_s": burn.long_s,
                "short_window_s": burn.short_s,
                "threshold": burn.threshold,
                "rate": burn.rate,
                "short_rate": burn.short_rate,
                "worst": burn.worst,
                "alerts": burn.alerts,
            }
            for burn in level.burns
        ],
    }


def _coverage_answer(covered: Coverage | None) -> dict[str, float] | None:
    if covered is None:
        return None
    return {"up": covered.good_s, "bad": covered.bad_s, "unknown": covered.unknown_s}


def _nights_answer(nights: Mapping[State, int]) -> dict[str, int] | None:
    return {NIGHT_WORDS[state]: count for state, count in nights.items()} or None


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _change_answer(change: Change) -> dict[str, Any]:
    outcome, steady = change.outcome, change.steadiness
    return {
        "id": outcome.id,
        "requirement": outcome.requirement,
        "sut": outcome.sut,
        "before": change.before and change.before.verdict.value,
        "after": change.after and change.after.verdict.value,
        "reason": outcome.reason,
        "seconds": outcome.seconds,
        "sure": steady and steady.sure.value,
        "earlier_runs": steady and steady.runs,
        "flips": steady and steady.flips,
    }


def _shift_answer(shift: Shift) -> dict[str, Any]:
    return {
        "scenario": shift.scenario,
        "model": shift.model,
        "name": shift.name,
        "before": shift.before.value,
        "before_interval": [shift.before.low, shift.before.high],
        "after": shift.after.value,
        "after_interval": [shift.after.low, shift.after.high],
        "difference_interval": [shift.low, shift.high],
        "direction": shift.direction.value,
        "p_corrected": shift.p,
        "method": shift.method,
    }
