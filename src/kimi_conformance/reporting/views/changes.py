"""What is different from an earlier run: requirements that went over, numbers that moved."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kimi_conformance.reporting.views.matrix import Column
from kimi_conformance.reporting.views.service import Objective, load
from kimi_conformance.reporting.wording.quantity import moment
from kimi_conformance.reporting.wording.states import State, worst
from kimi_conformance.requirements import Catalogue
from kimi_conformance.runs import Run
from kimi_conformance.verdicts import Outcome

__all__ = ["Change", "Changes", "Moved", "changes"]

_BROKEN = ("failed", "error", "missed")
_OPEN = ("inconclusive", "undecided")
_NOT_COMPARED = ("not_run", "no_matter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One requirement of one SUT that is in another state than before.

    Attributes:
        anchor: Of the cause in this run, or "".
    """

    requirement: str
    text: str
    sut: str
    before: State
    after: State
    anchor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One objective of one scenario that both runs measured."""

    scenario: str
    label: str
    target: str
    before: str
    after: str
    state_before: State
    state_after: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """A run against an earlier one.

    Attributes:
        since: Which run it is held against, in words.
        summary: One sentence.
        worse, better, other: Requirements by what became of them.
        moved: Objectives.
    """

    since: str
    summary: str
    worse: tuple[Change, ...]
    better: tuple[Change, ...]
    other: tuple[Change, ...]
    moved: tuple[Moved, ...]


_Key = tuple[str, str, str]  # requirement, plane, SUT; scenario, model, objective


def changes(
    run: Run,
    earlier: Run,
    catalogue: Catalogue,
    columns: Sequence[Column],
    anchors: Mapping[tuple[str, str], str],
) -> Changes | None:
    """Hold a run against an earlier one, or give None where they judged nothing in common.

    Args:
        run: The later run.
        earlier: The earlier run.
        catalogue: Of the later run.
        columns: The SUTs of the later run.
        anchors: Where the cause of a requirement and a SUT stands.
    """
    before, after = (_states(each.outcomes(catalogue)) for each in (earlier, run))
    order = {(column.plane, column.name): number for number, column in enumerate(columns)}
    found = [
        _change(key, catalogue, before[key], state, anchors)
        for key, state in sorted(
            after.items(), key=lambda pair: (order.get(pair[0][1:], len(order)), pair[0])
        )
        if key in before and before[key].key != state.key
    ]
    by_tone: defaultdict[str, list[Change]] = defaultdict(list)
    for change in found:
        by_tone[_tone(change.before.key, change.after.key)].append(change)
    moved = _moved(run.loads, earlier.loads)
    common = len(after.keys() & before.keys())
    if not common and not moved:
        return None
    return Changes(
        since=f"{earlier.header.get('run', '')} ({moment(str(earlier.header.get('started', '')))})",
        summary=_summary(by_tone, moved, common=common, new=len(after) - common),
        worse=tuple(by_tone["worse"]),
        better=tuple(by_tone["better"]),
        other=tuple(by_tone["other"]),
        moved=moved,
    )


def _states(outcomes: Iterable[Outcome]) -> dict[_Key, State]:
    verdicts: defaultdict[_Key, list[str]] = defaultdict(list)
    for outcome in outcomes:
        verdicts[outcome.requirement, outcome.plane, outcome.sut].append(outcome.verdict)
    return {key: worst(found, "not_run") for key, found in verdicts.items()}


def _change(
    key: _Key,
    catalogue: Catalogue,
    before: State,
    after: State,
    anchors: Mapping[tuple[str, str], str],
) -> Change:
    id, _, sut = key
    known = catalogue.by_id.get(id)
    return Change(
        requirement=id,
        text=known.text if known else "not in this catalogue",
        sut=sut,
        before=before,
        after=after,
        anchor=anchors.get((id, sut), ""),
    )


def _tone(before: str, after: str) -> str:
    """Worse where it holds no longer or is decided no longer, better where it is again."""
    ranks = [_rank(before), _rank(after)]
    if ranks[0] == ranks[1]:
        return "other"
    return "worse" if ranks[1] > ranks[0] else "better"


def _rank(key: str) -> int:
    return 2 if key in _BROKEN else 1 if key in _OPEN else 0


def _moved(
    later: Sequence[Mapping[str, Any]], earlier: Sequence[Mapping[str, Any]]
) -> tuple[Moved, ...]:
    before = dict(_objectives(earlier))
    return tuple(
        Moved(
            scenario=", ".join(part for part in (scenario, model) if part),
            label=now.label,
            target=now.target,
            before=then.value,
            after=now.value,
            state_before=then.state,
            state_after=now.state,
        )
        for (scenario, model, name), now in _objectives(later)
        if (then := before.get((scenario, model, name))) is not None
    )


def _objectives(
    records: Iterable[Mapping[str, Any]],
) -> list[tuple[_Key, Objective]]:
    return [
        ((record["scenario"], str(record["target"].get("model") or ""), objective.name), objective)
        for record in records
        for objective in load(1, record).objectives
    ]


def _summary(
    found: Mapping[str, Sequence[Change]], moved: Sequence[Moved], *, common: int, new: int
) -> str:
    words = {"worse": "worse", "better": "better", "other": "different"}
    parts = [f"{len(found[key])} {word}" for key, word in words.items() if found.get(key)]
    parts += [f"{new:,} not judged before"] if new else []
    sentences = [f"Requirements: {', '.join(parts)}." if parts else "No requirement changed."]
    if not common:
        sentences = []
    if moved:
        turned = sum(each.state_before != each.state_after for each in moved)
        objectives = f"{turned} of {len(moved)}" if turned else "none"
        sentences.append(f"Objectives with another verdict: {objectives}.")
    return " ".join(sentences)
