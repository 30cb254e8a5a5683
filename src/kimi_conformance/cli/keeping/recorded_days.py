"""When what recordings say was recorded: the end of each file tells, the rest is not read."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from kimi_conformance.drift import Age, Subject, ages
from kimi_conformance.suite import Suite

__all__ = ["ages_of", "recorded_days"]

_PROVENANCE = re.compile(r"^  (source|recorded_on): ['\"]?([\w-]+)", re.MULTILINE)
_END = 4096  # bytes that hold the provenance
_SUBJECTS = {"models": Subject.MODEL_LIST, "errors": Subject.ERROR_TEXT, "auth": Subject.ERROR_TEXT}


def recorded_days(folder: Path) -> Iterator[tuple[Subject, date]]:
    """Subject and day of each recording of the live API below an edition's folder.

    Those of the simulator are left out: they say what an edition says, and do not age.
    """
    for file in sorted((folder / "endpoint").rglob("*.yaml")):
        said = dict(_PROVENANCE.findall(_end(file)))
        if said.get("source") == "live" and "recorded_on" in said:
            subject = _SUBJECTS.get(file.parent.name, Subject.SHAPE)
            yield subject, date.fromisoformat(said["recorded_on"])


def ages_of(suite: Suite, edition: str) -> list[Age]:
    """How old the live recordings of an edition are today, by what they say."""
    return ages(recorded_days(suite.cassettes / edition), datetime.now(UTC).date())


def _end(file: Path) -> str:
    with file.open("rb") as content:
        content.seek(max(file.stat().st_size - _END, 0))
        return content.read().decode("utf-8", "replace").rpartition("\nprovenance:\n")[2]
