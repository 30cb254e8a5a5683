"""
What did not pass, grouped by cause, so that one fault is read once.

A failure's cause is its requirement with its reason. What could not be decided is grouped by
the reason alone: when nobody listens, a hundred requirements share one cause.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kimi_conformance.reporting.exchanges import ShownExchange, shown_exchange
from kimi_conformance.reporting.quantity import seconds
from kimi_conformance.reporting.states import STATES, State
from kimi_conformance.reporting.visible import one_line, shortened
from kimi_conformance.requirements import Catalogue, Level, Requirement
from kimi_conformance.runs import Run
from kimi_conformance.verdicts import Outcome, Verdict

__all__ = ["Cause", "Member", "ShownRequirement", "causes", "shown_requirement"]

MEMBERS = 30  # of one cause that are shown
EXCHANGES = 6  # of one cause that are shown
DETAIL_SHOWN = 12_000  # characters

_GROUPED = (Verdict.FAILED, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.KNOWN_FAILURE)
_VARYING = re.compile(r"0x[0-9a-f]+|\b(?=\w*\d)[0-9a-zA-Z]{12,}\b|\b\d{4,}(\.\d+)?\b")
_WORST_LEVEL_FIRST = list(Level)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRequirement:
    """A requirement as it is shown.

    Attributes:
        known: Whether this catalogue has it; where not, the texts say so.
    """

    id: str
    level: str
    plane: str
    topic: str
    text: str
    source: str
    evidence: str
    resolution: str
    known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One check that did not pass for a cause; `exchanges` are those worth showing."""

    check: str
    sut: str
    seconds: str
    detail: str
    note: str
    exchanges: tuple[ShownExchange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why checks did not pass.

    Attributes:
        anchor: Its place in a page.
        state: Of its checks.
        reason: In one line.
        requirements: One for a failure, one or more otherwise.
        suts: Who is concerned.
        checks: How many checks it has.
        members: The first of them.
        note: What is not shown, or "".
    """

    anchor: str
    state: State
    reason: str
    requirements: tuple[ShownRequirement, ...]
    suts: tuple[str, ...]
    checks: int
    members: tuple[Member, ...]
    note: str


def shown_requirement(id: str, catalogue: Catalogue, outcome: Outcome | None) -> ShownRequirement:
    """A requirement by its id; `outcome` speaks for one that the catalogue lacks."""
    known = catalogue.by_id.get(id)
    if known is not None:
        return _shown(known)
    return ShownRequirement(
        id=id,
        level=outcome.level if outcome else "",
        plane=outcome.plane if outcome else "",
        topic="not in this catalogue",
        text="This catalogue has no such requirement: the run was made with another one.",
        source="",
        evidence="",
        resolution="",
        known=False,
    )


def _shown(requirement: Requirement) -> ShownRequirement:
    return ShownRequirement(
        id=requirement.id,
        level=requirement.level,
        plane=requirement.plane,
        topic=requirement.topic,
        text=requirement.text,
        source=requirement.source,
        evidence=", ".join(requirement.evidence),
        resolution=requirement.resolution or "",
        known=True,
    )


def causes(run: Run, outcomes: Iterable[Outcome], catalogue: Catalogue) -> tuple[Cause, ...]:
    """All causes: the worst state first, then the most binding, then the most frequent."""
    groups: dict[tuple[str, str, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.verdict in _GROUPED:
            groups[_cause_of(outcome)].append(outcome)
    ordered = sorted(groups.values(), key=_weight)
    return tuple(
        _cause(number, group, run, catalogue) for number, group in enumerate(ordered, start=1)
    )


def _cause_of(outcome: Outcome) -> tuple[str, str, str]:
    requirement = outcome.requirement if outcome.verdict is Verdict.FAILED else ""
    return outcome.verdict, requirement, _VARYING.sub("…", outcome.reason)


def _weight(group: Sequence[Outcome]) -> tuple[int, int, int, str]:
    return (
        list(STATES).index(group[0].verdict),
        min(_WORST_LEVEL_FIRST.index(outcome.level) for outcome in group),
        -len(group),
        min(outcome.requirement for outcome in group),
    )


def _cause(number: int, group: Sequence[Outcome], run: Run, catalogue: Catalogue) -> Cause:
    by_requirement = {outcome.requirement: outcome for outcome in group}
    members: list[Member] = []
    room = EXCHANGES
    for outcome in group[:MEMBERS]:
        member = _member(outcome, run, room)
        room -= len(member.exchanges)
        members.append(member)
    hidden = len(group) - len(members)
    return Cause(
        anchor=f"cause-{number}",
        state=STATES[group[0].verdict],
        reason=one_line(group[0].reason) or "no reason was recorded",
        requirements=tuple(
            shown_requirement(id, catalogue, outcome) for id, outcome in by_requirement.items()
        ),
        suts=tuple(dict.fromkeys(outcome.sut for outcome in group)),
        checks=len(group),
        members=tuple(members),
        note=f"{hidden} more checks are in the evidence file." if hidden else "",
    )


def _member(outcome: Outcome, run: Run, room: int) -> Member:
    detail, left_out = shortened(outcome.detail, DETAIL_SHOWN)
    kept = [run.exchanges[id] for id in outcome.exchanges if id in run.exchanges]
    shown = kept[-room:] if room else []  # the last ones are nearest to the failure
    hidden = len(outcome.exchanges) - len(shown)
    notes = [left_out, f"{hidden} more exchanges are in the evidence file" if hidden else ""]
    return Member(
        check=outcome.id,
        sut=outcome.sut,
        seconds=seconds(outcome.seconds),
        detail=detail,
        note=", ".join(note for note in notes if note),
        exchanges=tuple(shown_exchange(record) for record in shown),
    )
