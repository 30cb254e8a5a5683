"""Drift, ready to be shown: what changed, by its class, and how fresh the recordings are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from kimi_conformance.drift import Age, Attribution, Change, Colour, Kind, Subject
from kimi_conformance.reporting.views.headline import Headline
from kimi_conformance.reporting.wording.states import STATES, State
from kimi_conformance.reporting.wording.visible import one_line
from kimi_conformance.runs import Run
from kimi_conformance.verdicts import RunVerdict

__all__ = ["DriftPage", "DriftRow", "drift_of", "drifted"]

_WORDS: Mapping[str, str] = {
    RunVerdict.CONFORMANT: "No drift",
    RunVerdict.NOT_CONFORMANT: "Drift",
    RunVerdict.INCONCLUSIVE: "It could not be looked for drift",
}

MEANINGS: Mapping[Kind, str] = {
    Kind.BREAKING: "What a client relied on is gone, or is another.",
    Kind.MODEL_RETIRED: "A model that was listed is not listed any more.",
    Kind.WINDOW_CHANGED: "A model takes more or fewer tokens than it did.",
    Kind.TEXTUAL: "An error says the same in other words.",
    Kind.QUANTITATIVE: "The same request is counted as another number of tokens.",
    Kind.MODEL_ADDED: "A model is listed that was not.",
    Kind.ADDITIVE: "There is more than before; who ignores it loses nothing.",
}
_STATES: Mapping[Kind, str] = {
    Kind.BREAKING: "failed",
    Kind.MODEL_RETIRED: "failed",
    Kind.WINDOW_CHANGED: "failed",
}
_COLOURS: Mapping[Colour, str] = {
    Colour.GREEN: "met",
    Colour.AMBER: "undecided",
    Colour.RED: "missed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRow:
    """A change; texts are ready to be printed."""

    where: str
    before: str
    after: str
    attribution: str
    seen: str
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftPage:
    """The whole report.

    Attributes:
        sides: What was held against what, and when.
        sections: Anchor, title, meaning, state and rows, the gravest first; none is empty.
        ages: State and texts of a row: subject, recordings, oldest day, age.
        left: What could not be compared, with its count.
    """

    headline: Headline
    sides: tuple[tuple[str, str], ...]
    sections: tuple[tuple[str, str, str, State, tuple[DriftRow, ...]], ...]
    ages: tuple[tuple[State, tuple[str, ...]], ...]
    left: tuple[tuple[str, str], ...]


def drifted(
    headline: Headline,
    sides: Sequence[tuple[str, str]],
    changes: Sequence[Change],
    ages: Iterable[Age],
    left: Mapping[str, int],
) -> DriftPage:
    """The page of what was found."""
    return DriftPage(
        headline=headline,
        sides=tuple((name, one_line(text)) for name, text in sides),
        sections=tuple(
            (
                kind.replace(" ", "-"),
                kind.capitalize(),
                MEANINGS[kind],
                STATES[_STATES.get(kind, "undecided")],
                tuple(_row(change) for change in changes if change.kind is kind),
            )
            for kind in Kind
            if any(change.kind is kind for change in changes)
        ),
        ages=tuple(
            (
                STATES[_COLOURS[age.colour]],
                (
                    f"{age.subject.value}: {age.colour.value}",
                    f"{age.recordings:,}",
                    age.oldest.isoformat(),
                    f"{age.days} day{'' if age.days == 1 else 's'}",
                ),
            )
            for age in ages
        ),
        left=tuple((reason, f"{count:,}") for reason, count in left.items() if count),
    )


def drift_of(run: Run) -> DriftPage | None:
    """What a run found of drift; None where it did not look for it."""
    if run.looked is None:
        return None
    looked = run.looked
    return drifted(
        Headline(word=_WORDS[looked["verdict"]], tone="", because=str(looked["because"])),
        (("Before", str(looked["from"])), ("Now", str(looked["to"]))),
        [_change(record) for record in run.drifts],
        [_age(record) for record in looked.get("ages", ())],
        looked["left"],
    )


def _change(record: Mapping[str, Any]) -> Change:
    return Change(
        kind=Kind(record["class"]),
        where=record["where"],
        before=record["before"],
        after=record["after"],
        attribution=Attribution(record["attribution"]),
        seen=record["seen"],
        places=tuple(record.get("places", ())),
        laws=tuple(record.get("laws", ())),
    )


def _age(record: Mapping[str, Any]) -> Age:
    return Age(
        **{
            **record,
            "subject": Subject(record["subject"]),
            "oldest": date.fromisoformat(record["oldest"]),
            "colour": Colour(record["colour"]),
        }
    )


def _row(change: Change) -> DriftRow:
    laws = f"; breaks {', '.join(change.laws)}" if change.laws else ""
    return DriftRow(
        where=one_line(change.where),
        before=one_line(change.before),
        after=one_line(change.after),
        attribution=f"{change.attribution.value}{laws}",
        seen=f"{change.seen} exchange{'' if change.seen == 1 else 's'}",
        places=tuple(map(one_line, change.places)),
    )
