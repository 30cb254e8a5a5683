"""What looking for drift amounts to, and what it leaves in the evidence of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from kimi_conformance.cli.drifting.found import Found
from kimi_conformance.drift import Age, Change
from kimi_conformance.verdicts import RunVerdict

__all__ = ["drift_answer", "drift_record", "looked_record", "verdict_of"]


def verdict_of(found: Found) -> tuple[RunVerdict, str]:
    """Whether there is drift, and the sentence that belongs to it."""
    if found.changes:
        count = len(found.changes)
        because = f"{count} change{'' if count == 1 else 's'} in {found.compared} answers"
        return RunVerdict.NOT_CONFORMANT, f"{because}; {found.ended}" if found.ended else because
    if not found.looked:
        return RunVerdict.INCONCLUSIVE, found.ended or "nothing could be compared"
    because = f"{found.compared} of {found.asked} answers are what was recorded"
    return RunVerdict.CONFORMANT, f"{because}; {found.ended}" if found.ended else because


def drift_record(change: Change) -> dict[str, Any]:
    """The record of a change."""
    kind = asdict(change)
    return {"record": "drift", "class": kind.pop("kind").value, **kind}


def looked_record(
    found: Found, before: str, after: str, fresh: Sequence[Age] = ()
) -> dict[str, Any]:
    """The record of having looked: at what, and at what not."""
    verdict, because = verdict_of(found)
    return {
        "record": "looked",
        "from": before,
        "to": after,
        "verdict": verdict.value,
        "because": because,
        "asked": found.asked,
        "compared": found.compared,
        "left": {reason: count for reason, count in found.left.items() if count},
        "ended": found.ended,
        "places": found.places,
        "ages": [{**asdict(age), "oldest": age.oldest.isoformat()} for age in fresh],
    }


def drift_answer(looked: Mapping[str, Any], changes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What machines are told, from the records."""
    hidden = {"record", "places"}
    return {
        **{key: value for key, value in looked.items() if key not in hidden},
        "changes": [
            {key: value for key, value in change.items() if key != "record"} for change in changes
        ],
    }
