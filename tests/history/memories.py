"""Runs, loads and probes as they could have been."""

from datetime import UTC, datetime
from typing import Any

from kimi_conformance.history.past import Kind, LoadResult, ObjectiveResult, PastRun, Probe
from kimi_conformance.requirements import Level, Plane
from kimi_conformance.verdicts import Outcome, Verdict

DAY = 86_400.0


def at(text: str) -> float:
    """Seconds since 1970 of a moment in UTC: "2026-08-01 02:00"."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def outcome(id: str = "adapter/filter/keeps", verdict: str = "passed", **more: Any) -> Outcome:
    values: dict[str, Any] = {
        "requirement": "FILTER-01",
        "level": Level.MUST,
        "plane": Plane.ADAPTER,
        "sut": "reference",
        "seconds": 0.1,
        "edition": "2025-09",
        "lane": "simulator",
    }
    return Outcome(**{**values, "id": id, "verdict": Verdict(verdict), **more})


def share(
    good: int, total: int, name: str = "success_rate", target: float = 0.99, verdict: str = "met"
) -> ObjectiveResult:
    value = good / total if total else None
    return ObjectiveResult(
        name=name,
        metric="success_share",
        kind=Kind.SHARE,
        target=target,
        comparison="at_least",
        value=value,
        low=value,
        high=value,
        verdict=verdict,
        good=good,
        total=total,
    )


def mean_of(
    value: float, n: int = 100, verdict: str = "met", reach: float = 0.05
) -> ObjectiveResult:
    return ObjectiveResult(
        name="mean_response_s",
        metric="response_s",
        kind=Kind.MEAN,
        target=2.0,
        comparison="at_most",
        value=value,
        low=value - reach,
        high=value + reach,
        verdict=verdict,
        total=n,
    )


def load(started: float, *objectives: ObjectiveResult, **more: Any) -> LoadResult:
    values: dict[str, Any] = {
        "scenario": "steady_chat",
        "kind": "live",
        "base_url": "https://api.example/v1",
        "model": "kimi-k2",
        "duration_s": 600.0,
        "requests": 1000,
        "counts": True,
        "errors": {},
    }
    return LoadResult(**{**values, "started": started, "objectives": objectives, **more})


def past(id: str = "20260801-020000-nightly", **more: Any) -> PastRun:
    started = more.get("started", at("2026-08-01 02:00"))
    values: dict[str, Any] = {
        "job": "nightly",
        "ended": started + 900,
        "lane": "live",
        "source": "live (https://api.example/v1)",
        "edition": "2025-09",
        "version": "0.1.0",
        "verdict": "CONFORMANT",
        "because": "every MUST held",
        "folder": f"reports/out/{id}",
        "digest": id,
    }
    return PastRun(**{**values, "id": id, "started": started, **more})


def probe(moment: float, error: str = "ok", **more: Any) -> Probe:
    values: dict[str, Any] = {
        "interval_s": 60.0,
        "base_url": "https://api.example/v1",
        "model": "kimi-k2",
        "status": 200 if error == "ok" else None,
        "detail": "" if error == "ok" else "no answer",
        "ttft_s": 0.4 if error == "ok" else None,
        "response_s": 0.8,
        "tokens": 40,
    }
    return Probe(**{**values, "at": moment, "error": error, **more})
