"""From the evidence of a run to what is remembered of it: pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kimi_conformance.errors import RunError
from kimi_conformance.history.past import Kind, LoadResult, ObjectiveResult, PastRun
from kimi_conformance.requirements import Catalogue
from kimi_conformance.runs import Run
from kimi_conformance.verdicts import RunVerdict

__all__ = ["past_run"]

_COUNTED_BY = {"ttft_share": "ttft_s", "itl_share": "itl_s", "response_share": "response_s"}


def past_run(run: Run, catalogue: Catalogue, *, folder: str, digest: str) -> PastRun:
    """What is remembered of a run, whole or cut short.

    Args:
        run: Its evidence.
        catalogue: The requirements, for the verdicts on wire laws.
        folder: Where the evidence is.
        digest: SHA-256 of the evidence, in hex.

    Raises:
        RunError: A record lacks what every suite writes.
        UsageError: A law of it is in no catalogue any more.
    """
    header, footer = run.header, run.footer if run.complete else None
    try:
        return PastRun(
            id=str(header["run"]),
            job=str(header["job"]),
            started=_moment(header["started"]),
            ended=_moment(footer["ended"]) if footer else None,
            lane=str(header["lane"]),
            source=str(header["source"]),
            edition=str(header["edition"]),
            version=str(header["suite"]["version"]),
            verdict=RunVerdict(footer["verdict"]).value if footer else None,
            because=str(footer["because"]) if footer else "it was cut short",
            folder=folder,
            digest=digest,
            outcomes=tuple(run.outcomes(catalogue)),
            loads=tuple(_load(record) for record in run.loads),
        )
    except (LookupError, TypeError, ValueError) as error:
        raise RunError(
            f"The run at {folder} lacks what every run has ({type(error).__name__}: {error}); it "
            "is not in the history."
        ) from error


def _moment(text: str) -> float:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} names no time zone")
    return at.timestamp()


def _load(record: Mapping[str, Any]) -> LoadResult:
    target = record["target"]
    requests = int(record["requests"])
    return LoadResult(
        scenario=str(record["scenario"]),
        kind=str(target["kind"]),
        base_url=str(target.get("base_url") or ""),
        model=str(target.get("model") or ""),
        started=_moment(record["started"]),
        duration_s=float(record["duration_s"]),
        requests=requests,
        counts=bool(record["valid"] and record["complete"] and requests),
        errors={str(name): int(count) for name, count in record["errors"].items()},
        objectives=tuple(_objective(entry, record) for entry in record["objectives"]),
        samples=str((record.get("samples") or {}).get("file") or ""),
    )


def _objective(entry: Mapping[str, Any], record: Mapping[str, Any]) -> ObjectiveResult:
    name, metric, value = str(entry["name"]), str(entry["metric"]), entry["value"]
    timing = record["timing"].get(metric) or {}
    kind, good, total = Kind.OTHER, None, None
    if (counted := _counted(name, metric, value, record)) is not None:
        kind, (good, total) = Kind.SHARE, counted
    elif value is not None and timing and value == timing["mean"]:
        kind, total = Kind.MEAN, int(timing["n"])
    return ObjectiveResult(
        name=name,
        metric=metric,
        kind=kind,
        target=float(entry["target"]),
        comparison=str(entry["comparison"]),
        value=value,
        low=entry["low"],
        high=entry["high"],
        verdict=str(entry["verdict"]),
        good=good,
        total=total,
    )


def _counted(
    name: str, metric: str, value: float | None, record: Mapping[str, Any]
) -> tuple[int, int] | None:
    """How many values of a share were good, and how many there were; None: it is no share."""
    for budget in record.get("error_budgets", ()):
        if budget["name"] == name:
            return int(budget["values"]) - int(budget["bad"]), int(budget["values"])
    # Runs of before there were error budgets: the whole number is the product, rounding undone.
    if metric == "success_share":
        total = int(record["requests"])
    elif metric in _COUNTED_BY:
        total = int((record["timing"].get(_COUNTED_BY[metric]) or {"n": 0})["n"])
    else:
        return None
    return round((value or 0.0) * total), total
