"""Requirements by topic against SUTs: who keeps what, at one glance."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kimi_conformance.reporting.views.causes import (
    NO_KILLERS,
    Cause,
    Killers,
    ShownRequirement,
    shown_requirement,
)
from kimi_conformance.reporting.wording.states import STATES, State, worst
from kimi_conformance.requirements import Catalogue, Level
from kimi_conformance.verdicts import Outcome

__all__ = ["Cell", "Column", "Exclusion", "Matrix", "Row", "Topic", "anchors_of", "matrix"]


@dataclass(frozen=True, slots=True)
class Column:
    """A SUT; `key` is short for it, unique in its report, and not of its choosing."""

    plane: str
    name: str
    version: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """What one SUT made of one requirement, or of a topic.

    Attributes:
        state: The worst among its checks.
        words: The same with numbers.
        anchor: Of the cause, "" where there is none.
    """

    state: State
    words: str
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A requirement with a cell for each column.

    Attributes:
        states: The keys of the cells' states, worst first.
        found: For filters: "s1:failed" for each SUT that it concerns.
    """

    requirement: ShownRequirement
    cells: tuple[Cell, ...]
    states: tuple[str, ...]
    found: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """A file of the catalogue; `sums` has a cell for each column."""

    name: str
    rows: tuple[Row, ...]
    sums: tuple[Cell, ...]
    state: State


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What was decided not to be checked."""

    id: str
    topic: str
    text: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """The whole table.

    Attributes:
        legend: The states that occur in it.
        levels: That occur in it, the most binding first.
        other_editions: How many requirements hold only in other editions.
    """

    columns: tuple[Column, ...]
    topics: tuple[Topic, ...]
    legend: tuple[State, ...]
    levels: tuple[str, ...]
    excluded: tuple[Exclusion, ...]
    requirements: int
    other_editions: int


_Found = Mapping[tuple[str, str, str], Sequence[Outcome]]


def matrix(
    columns: Sequence[Column],
    outcomes: Sequence[Outcome],
    found_causes: Sequence[Cause],
    catalogue: Catalogue,
    edition: str,
    killers: Killers = NO_KILLERS,
) -> Matrix:
    """Set the outcomes of a run against what the catalogue asks for in an edition."""
    found: dict[tuple[str, str, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        found[outcome.requirement, outcome.plane, outcome.sut].append(outcome)
    anchors = anchors_of(found_causes)
    shown, others = _shown_requirements(columns, outcomes, catalogue, edition, killers)
    by_topic: dict[str, list[Row]] = defaultdict(list)
    for requirement in shown:
        by_topic[requirement.topic].append(_row(requirement, columns, found, anchors))
    topics = tuple(_topic(name, rows) for name, rows in by_topic.items())
    occurring = {cell.state.key for t in topics for row in t.rows for cell in row.cells}
    return Matrix(
        columns=tuple(columns),
        topics=topics,
        legend=tuple(state for key, state in STATES.items() if key in occurring and state.letter),
        levels=tuple(
            level for level in Level if level in {requirement.level for requirement in shown}
        ),
        excluded=tuple(
            Exclusion(entry.id, entry.topic, entry.text, entry.excluded)
            for entry in catalogue
            if entry.excluded is not None
        ),
        requirements=len(shown),
        other_editions=others,
    )


def anchors_of(found_causes: Sequence[Cause]) -> dict[tuple[str, str], str]:
    """Where the worst cause of a requirement and a SUT stands."""
    return {
        (requirement.id, sut): cause.anchor
        for cause in reversed(found_causes)
        for requirement in cause.requirements
        for sut in cause.suts
    }


def _shown_requirements(
    columns: Sequence[Column],
    outcomes: Sequence[Outcome],
    catalogue: Catalogue,
    edition: str,
    killers: Killers,
) -> tuple[list[ShownRequirement], int]:
    """The requirements of this edition and these planes, and how many are of other editions."""
    checked = {outcome.requirement: outcome for outcome in outcomes}
    planes = {column.plane for column in columns}
    asked = [r for r in catalogue if r.excluded is None and r.plane in planes]
    held = [r.id for r in asked if edition in r.editions or not edition or r.id in checked]
    known = set(held)
    unknown = [id for id in checked if id not in known]
    shown = [shown_requirement(id, catalogue, checked.get(id), killers) for id in [*held, *unknown]]
    return shown, len(asked) - len(held)


def _row(
    requirement: ShownRequirement,
    columns: Sequence[Column],
    found: _Found,
    anchors: Mapping[tuple[str, str], str],
) -> Row:
    cells = []
    for column in columns:
        of_cell = found.get((requirement.id, column.plane, column.name), ())
        otherwise = "not_run" if requirement.plane == column.plane else "no_matter"
        state = worst((outcome.verdict for outcome in of_cell), otherwise)
        anchor = anchors.get((requirement.id, column.name), "") if of_cell else ""
        cells.append(Cell(state, _words(of_cell, state), anchor))
    return Row(
        requirement,
        tuple(cells),
        states=tuple(key for key in STATES if key in {cell.state.key for cell in cells}),
        found=tuple(
            f"{column.key}:{cell.state.key}"
            for column, cell in zip(columns, cells, strict=True)
            if cell.state.letter
        ),
    )


def _words(outcomes: Sequence[Outcome], state: State) -> str:
    counts = Counter(outcome.verdict for outcome in outcomes)
    parts = [f"{counts[v]} {STATES[v].word}" for v in sorted(counts, key=list(STATES).index)]
    return ", ".join(parts) if parts else state.word


def _topic(name: str, rows: Sequence[Row]) -> Topic:
    sums = tuple(_sum(cells) for cells in zip(*(row.cells for row in rows), strict=True))
    return Topic(name, tuple(rows), sums, worst((s for r in rows for s in r.states), "not_run"))


def _sum(cells: Sequence[Cell]) -> Cell:
    keys = [cell.state.key for cell in cells if cell.state.key != "no_matter"]
    if not keys:
        return Cell(STATES["no_matter"], "")
    run = [key for key in keys if key != "not_run"]
    return Cell(worst(run, "not_run"), f"{keys.count('passed')}/{len(keys)}")
