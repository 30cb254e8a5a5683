"""What is remembered as rows of tables, and back."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from kimi_conformance.history.past import Kind, ObjectiveResult, PastRun, Probe
from kimi_conformance.requirements import Level, Plane
from kimi_conformance.verdicts import Excuse, Outcome, Verdict

__all__ = [
    "LOAD",
    "OBJECTIVE",
    "OUTCOME",
    "PROBE",
    "RUN",
    "insert",
    "objective_of",
    "outcome_of",
    "outcome_row",
]

RUN = (
    *("id", "job", "started", "ended", "lane", "source", "edition", "version"),
    *("verdict", "because", "folder", "digest"),
)
LOAD = (
    *("scenario", "kind", "base_url", "model", "started", "duration_s"),
    *("requests", "counts", "errors", "samples"),
)
OBJECTIVE = [field.name for field in fields(ObjectiveResult)]
PROBE = [field.name for field in fields(Probe)]
OUTCOME = (
    *("checked.id", "requirement", "level", "plane"),
    *("sut", "verdict", "seconds", "reason", "excuse"),
)


def insert(table: str, columns: Sequence[str]) -> str:
    """The statement that adds a row with a value for each of these columns."""
    marks = ", ".join("?" for _ in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - ours


def outcome_row(run: int | None, outcome: Outcome) -> tuple[Any, ...]:
    """The values of an outcome: those of its row, then those that tell which check it is of."""
    return (
        *(run, outcome.sut, outcome.verdict, outcome.seconds, outcome.reason, outcome.excuse),
        *(outcome.id, outcome.requirement, outcome.level, outcome.plane),
    )


def outcome_of(row: Sequence[Any], run: PastRun) -> Outcome:
    """An outcome of a run, from the values of `OUTCOME`."""
    id, requirement, level, plane, sut, verdict, seconds, reason, excuse = row
    return Outcome(
        id=id,
        requirement=requirement,
        level=Level(level),
        plane=Plane(plane),
        sut=sut,
        verdict=Verdict(verdict),
        seconds=seconds,
        reason=reason,
        edition=run.edition,
        lane=run.lane,
        excuse=Excuse(excuse) if excuse else None,
    )


def objective_of(row: Sequence[Any]) -> ObjectiveResult:
    """An objective, from the values of `OBJECTIVE`."""
    values = dict(zip(OBJECTIVE, row, strict=True))
    return ObjectiveResult(**{**values, "kind": Kind(values["kind"])})
