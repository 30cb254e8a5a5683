"""Finds what a report shows beside its run: the run before, the history, mutants, prices."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kimi_conformance.cli.keeping.history_file import DEFAULT, chosen
from kimi_conformance.cli.keeping.proof import killers_by_requirement
from kimi_conformance.cli.keeping.recorded_days import recorded_days
from kimi_conformance.errors import KimiConformanceError
from kimi_conformance.history.past import PastRun
from kimi_conformance.history.store import History
from kimi_conformance.reporting.views.beside import Beside
from kimi_conformance.reporting.views.history import Point
from kimi_conformance.reporting.views.recordings import Recorded
from kimi_conformance.runs import Run, parse
from kimi_conformance.suite import Suite
from kimi_conformance.verdicts import Verdict

__all__ = ["beside"]

_SAME = ("job", "lane", "edition")  # what two runs have in common that can be held together
_SHOWN = 20  # runs of a trend
_PROVENANCE = re.compile(r"^  (source|recorded_on): ['\"]?([\w-]+)", re.MULTILINE)
_LOOKED_AT = 200  # newest runs of a history, among which those of the same kind are


def beside(run: Run, folder: Path, suite: Suite) -> Beside:
    """What there is beside a run; what cannot be read is left out, since the run stands alone.

    Args:
        run: What was found.
        folder: Where its evidence is; runs before it are beside that.
        suite: For the prices of its edition.
    """
    edition = suite.editions().get(str(run.header.get("edition")))
    models = edition.models if edition else ()
    return Beside(
        earlier=_earlier(run, folder),
        history=_history(run),
        killers={id: sorted(names) for id, names in killers_by_requirement().items()},
        recordings=_recordings(run, suite),
        prices={model.id: model.price for model in models if model.price is not None},
    )


def _earlier(run: Run, folder: Path) -> Run | None:
    """The newest run before this one that is of its kind and came to its own end."""
    for file in _before(folder):
        if _is_like(_header(file), run.header):
            try:
                with file.open("rb") as lines:
                    found = parse(lines, str(file))
            except (OSError, KimiConformanceError):
                continue
            if found.complete:
                return found
    return None


def _before(folder: Path) -> Iterator[Path]:
    own = folder.resolve()
    files = sorted(own.parent.glob("*/run.jsonl"), reverse=True)
    return (file for file in files if file.parent.name < own.name)


def _header(file: Path) -> Mapping[str, Any]:
    try:
        with file.open("rb") as lines:
            header = json.loads(lines.readline())
    except (OSError, ValueError):
        return {}
    return header if isinstance(header, dict) else {}


def _is_like(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(key) == other.get(key) for key in _SAME) and _scenario(one) == _scenario(
        other
    )


def _scenario(header: Mapping[str, Any]) -> object:
    """Of a run that loads one scenario; a nightly run names none."""
    return (header.get("configuration") or {}).get("scenario")


def _history(run: Run) -> tuple[Point, ...]:
    """The newest runs of this kind that a history remembers, if there is one."""
    file = chosen() or DEFAULT
    if not file.exists():
        return ()
    try:
        with History(file) as history:
            alike = [
                past
                for past in history.runs(limit=_LOOKED_AT)
                if past.complete and all(getattr(past, key) == run.header.get(key) for key in _SAME)
            ]
            return tuple(_point(history.filled(past)) for past in alike[-_SHOWN:])
    except KimiConformanceError:
        return ()


def _recordings(run: Run, suite: Suite) -> tuple[Recorded, ...]:
    """Of the edition, where recordings answered; only the end of each file is read.

    In a night on the live API those of it, whose age is then judged: never in a pull request.
    """
    folder = suite.cassettes / str(run.header.get("edition"))
    if (run.header.get("job"), run.header.get("lane")) == ("nightly", "live"):
        return tuple(
            Recorded("live", day.isoformat(), subject.value)
            for subject, day in recorded_days(folder)
        )
    if run.header.get("lane") != "cassette":
        return ()
    files = sorted(folder.rglob("*.yaml"))
    found = (dict(_PROVENANCE.findall(_end(file))) for file in files)
    return tuple(
        Recorded(each["source"], each["recorded_on"])
        for each in found
        if each.keys() == {"source", "recorded_on"}
    )


def _end(file: Path) -> str:
    """The last 4 kB: what follows the interactions is their provenance."""
    with file.open("rb") as content:
        content.seek(max(file.stat().st_size - 4096, 0))
        return content.read().decode("utf-8", "replace").rpartition("\nprovenance:\n")[2]


def _point(past: PastRun) -> Point:
    verdicts = [outcome.verdict for outcome in past.outcomes]
    shares = [
        objective.value
        for load in past.loads
        for objective in load.objectives
        if objective.name == "success_rate" and objective.value is not None
    ]
    return Point(
        run=past.id,
        started=datetime.fromtimestamp(past.started, UTC).isoformat(timespec="seconds"),
        verdict=past.verdict or "",
        passed=verdicts.count(Verdict.PASSED),
        failed=verdicts.count(Verdict.FAILED),
        declared=len(verdicts),
        success=min(shares, default=None),
    )
