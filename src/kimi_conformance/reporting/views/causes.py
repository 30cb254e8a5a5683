"""
What did not pass, grouped by cause, so that one fault is read once.

A failure's cause is its requirement with its reason. What could not be decided is grouped by
the reason alone: when nobody listens, a hundred requirements share one cause.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from kimi_conformance.reporting.views.exchanges import ShownExchange, shown_exchange
from kimi_conformance.reporting.wording.quantity import seconds
from kimi_conformance.reporting.wording.states import STATES, State
from kimi_conformance.reporting.wording.visible import one_line, shortened
from kimi_conformance.requirements import Catalogue, Level, Requirement
from kimi_conformance.runs import Run
from kimi_conformance.verdicts import Outcome, Verdict

__all__ = [
    "NO_KILLERS",
    "Cause",
    "Killers",
    "Member",
    "ShownRequirement",
    "causes",
    "shown_requirement",
]

Killers = Mapping[str, Sequence[str]]  # what breaks a requirement, by its id
NO_KILLERS: Killers = MappingProxyType({})

MEMBERS = 30  # of one cause that are shown
EXCHANGES = 6  # of one cause that are shown
DETAIL_SHOWN = 12_000  # characters
DETAIL_LEAST = 400  # characters, however full the page is
PAGE_SHOWN = 400_000  # characters of exchanges, of all causes together

_GROUPED = (Verdict.FAILED, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.KNOWN_FAILURE)
_VARYING = re.compile(r"0x[0-9a-f]+|\b(?=\w*\d)[0-9a-zA-Z]{12,}\b|\b\d{4,}(\.\d+)?\b")
_WORST_LEVEL_FIRST = list(Level)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRequirement:
    """A requirement as it is shown.

    Attributes:
        killers: Mutants and faults that break it, and so prove that it can be seen to fail.
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
    killers: tuple[str, ...]
    known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One check that did not pass for a cause; `exchanges` are those worth showing."""

    check: str
    plane: str
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
        topics: Of its requirements.
        found: For filters: "s1:failed" for each SUT.
        checks: How many checks it has.
        members: The first of them.
        note: What is not shown, or "".
    """

    anchor: str
    state: State
    reason: str
    requirements: tuple[ShownRequirement, ...]
    suts: tuple[str, ...]
    topics: tuple[str, ...]
    found: tuple[str, ...]
    checks: int
    members: tuple[Member, ...]
    note: str


def shown_requirement(
    id: str, catalogue: Catalogue, outcome: Outcome | None, killers: Killers = NO_KILLERS
) -> ShownRequirement:
    """A requirement by its id; `outcome` speaks for one that the catalogue lacks."""
    known = catalogue.by_id.get(id)
    if known is not None:
        return _shown(known, tuple(killers.get(id, ())))
    return ShownRequirement(
        id=id,
        level=outcome.level if outcome else "",
        plane=outcome.plane if outcome else "",
        topic="not in this catalogue",
        text="This catalogue has no such requirement: the run was made with another one.",
        source="",
        evidence="",
        resolution="",
        killers=(),
        known=False,
    )


def _shown(requirement: Requirement, killers: tuple[str, ...]) -> ShownRequirement:
    return ShownRequirement(
        id=requirement.id,
        level=requirement.level,
        plane=requirement.plane,
        topic=requirement.topic,
        text=requirement.text,
        source=requirement.source,
        evidence=", ".join(requirement.evidence),
        resolution=requirement.resolution or "",
        killers=killers,
        known=True,
    )


def causes(
    run: Run,
    outcomes: Iterable[Outcome],
    catalogue: Catalogue,
    keys: Mapping[tuple[str, str], str] = MappingProxyType({}),
    killers: Killers = NO_KILLERS,
) -> tuple[Cause, ...]:
    """All causes: the worst state first, then the most binding, then the most frequent.

    Args:
        run: For its exchanges.
        outcomes: What is grouped.
        catalogue: What was asked for.
        keys: A short name of each SUT, by plane and name.
        killers: What breaks each requirement.
    """
    groups: dict[tuple[str, str, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.verdict in _GROUPED:
            groups[_cause_of(outcome)].append(outcome)
    room = _Room()
    return tuple(
        _cause(f"cause-{number}", group, run, _Beside(catalogue, keys, killers), room)
        for number, group in enumerate(sorted(groups.values(), key=_weight), start=1)
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


@dataclass(frozen=True, slots=True)
class _Beside:
    """What is known beside the outcomes."""

    catalogue: Catalogue
    keys: Mapping[tuple[str, str], str]
    killers: Killers


class _Room:
    """How many characters of evidence a page has left; the worst causes come first."""

    def __init__(self) -> None:
        self.left = PAGE_SHOWN

    def text(self, text: str) -> tuple[str, str]:
        """A text, shorter where there is little room, and a note on what was left out."""
        shown, note = shortened(text, min(DETAIL_SHOWN, max(self.left, DETAIL_LEAST)))
        self.left -= len(shown)
        return shown, note

    def take(self, shown: Iterable[ShownExchange]) -> tuple[ShownExchange, ...]:
        """As many of the exchanges as still fit, the last ones first to get room."""
        fitting: list[ShownExchange] = []
        for one in reversed(tuple(shown)):
            size = len(one.request_body.text) + len(one.answer_body.text) + len(one.curl)
            if size > self.left:
                break
            self.left -= size
            fitting.insert(0, one)
        return tuple(fitting)


def _cause(anchor: str, group: Sequence[Outcome], run: Run, beside: _Beside, page: _Room) -> Cause:
    requirements = tuple(
        shown_requirement(id, beside.catalogue, outcome, beside.killers)
        for id, outcome in {outcome.requirement: outcome for outcome in group}.items()
    )
    members: list[Member] = []
    room = EXCHANGES
    for outcome in group[:MEMBERS]:
        member = _member(outcome, run, room, page)
        room -= len(member.exchanges)
        members.append(member)
    hidden = len(group) - len(members)
    keys = {(outcome.plane, outcome.sut): outcome.verdict for outcome in group}
    return Cause(
        anchor=anchor,
        state=STATES[group[0].verdict],
        reason=one_line(group[0].reason) or "no reason was recorded",
        requirements=requirements,
        suts=tuple(dict.fromkeys(outcome.sut for outcome in group)),
        topics=tuple(dict.fromkeys(each.topic for each in requirements if each.known)),
        found=tuple(f"{beside.keys.get(sut, '')}:{verdict}" for sut, verdict in keys.items()),
        checks=len(group),
        members=tuple(members),
        note=f"{hidden} more checks are in the evidence file." if hidden else "",
    )


def _member(outcome: Outcome, run: Run, room: int, page: _Room) -> Member:
    detail, left_out = page.text(outcome.detail)
    kept = [run.exchanges[id] for id in outcome.exchanges if id in run.exchanges]
    nearest = kept[-room:] if room else []  # the last ones are nearest to the failure
    shown = page.take(shown_exchange(record) for record in nearest)
    hidden = len(outcome.exchanges) - len(shown)
    more = f"{hidden} more exchange{'' if hidden == 1 else 's'}"
    notes = [left_out, f"{more} in the evidence file" if hidden else ""]
    return Member(
        check=outcome.id,
        plane=outcome.plane,
        sut=outcome.sut,
        seconds=seconds(outcome.seconds),
        detail=detail,
        note=", ".join(note for note in notes if note),
        exchanges=shown,
    )
