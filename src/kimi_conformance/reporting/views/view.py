"""
From a run to all that a report shows: pure, frozen, and the only place with arithmetic.

    run + catalogue ─► Report ─► HTML, Markdown, JUnit

Every number and sentence of a page is decided here or in the modules below it; a template
only sets them. Texts are as they were received: the formats make them safe to look at.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from kimi_conformance.reporting.views.beside import Beside
from kimi_conformance.reporting.views.causes import Cause, causes
from kimi_conformance.reporting.views.changes import Changes, changes
from kimi_conformance.reporting.views.comparison import Comparison, side_by_side
from kimi_conformance.reporting.views.drifted import DriftPage, drift_of
from kimi_conformance.reporting.views.headline import (
    Headline,
    heading,
    headline_of,
    judged,
    origin,
    tested,
)
from kimi_conformance.reporting.views.history import Trend, trend
from kimi_conformance.reporting.views.matrix import Column, Matrix, anchors_of, matrix
from kimi_conformance.reporting.views.proof import Proof, Sampled, killers_of, proof, sampled
from kimi_conformance.reporting.views.recordings import recordings
from kimi_conformance.reporting.views.service import Load, Target, kept, load, targets
from kimi_conformance.reporting.wording.quantity import duration, moment
from kimi_conformance.reporting.wording.states import STATES, State
from kimi_conformance.requirements import Catalogue
from kimi_conformance.runs import Run
from kimi_conformance.verdicts import Conclusion, Outcome, Verdict, conclude

__all__ = ["Case", "Headline", "Report", "Segment", "Sut", "view"]

_FIRST = 5  # failures that are named beside the verdict
_BAR = (
    Verdict.PASSED,
    Verdict.KNOWN_FAILURE,
    Verdict.FAILED,
    Verdict.ERROR,
    Verdict.INCONCLUSIVE,
    Verdict.NOT_CLAIMED,
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar: a state, how often it occurs, and where it lies, in percent."""

    state: State
    count: int
    width: float
    begin: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sut:
    """Who was judged, with a verdict of its own; `headline` is None where no check ran."""

    column: Column
    headline: Headline | None
    bar: tuple[Segment, ...]
    capabilities: str


@dataclass(frozen=True, slots=True)
class Case:
    """One check of one SUT with the topic it belongs to, for formats that list them all."""

    outcome: Outcome
    topic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that a report shows.

    Attributes:
        run, job, started, lasted: Which run it was.
        heading: The verdict as a page names it: KEPT or NOT KEPT where only loads were judged.
        tested: One sentence: who was judged against what.
        origin: One sentence: who answered, named for what it is.
        complete: Whether the run came to its own end.
        charted: Whether there is a chart on it.
        alerts: What a reader must know before anything else, loudest first.
        conclusion: Over all outcomes: the denominators.
        facts: The numbers beside the verdict: label, value, explanation.
        bar: All outcomes by state.
        first: The failures to look at first.
        changes: What is different from an earlier run, or None: no such run was given.
        trend: How earlier runs went, or None: they were not given.
        comparison: Models side by side, or None: fewer than two were loaded.
        sampled: Checks that were tried many times.
        recordings: Rows of origin, how many, oldest day, newest day, age of the oldest.
        kept: How many of all objectives were kept.
        failures, undecided, known: Causes by what they mean.
        drift: What is answered otherwise than recorded, or None: nobody looked.
        matrix: None where no check ran.
        configuration, libraries, versions: What the run was made with.
        cases: Every outcome.
    """

    run: str
    job: str
    started: str
    lasted: str
    edition: str
    lane: str
    heading: str
    tested: str
    origin: str
    complete: bool
    charted: bool
    headline: Headline
    alerts: tuple[str, ...]
    conclusion: Conclusion
    facts: tuple[tuple[str, str, str], ...]
    bar: tuple[Segment, ...]
    suts: tuple[Sut, ...]
    targets: tuple[Target, ...]
    kept: str
    first: tuple[Cause, ...]
    changes: Changes | None
    trend: Trend | None
    comparison: Comparison | None
    sampled: tuple[Sampled, ...]
    recordings: tuple[tuple[str, ...], ...]
    failures: tuple[Cause, ...]
    undecided: tuple[Cause, ...]
    known: tuple[Cause, ...]
    matrix: Matrix | None
    drift: DriftPage | None
    loads: tuple[Load, ...]
    proofs: tuple[Proof, ...]
    answered: str
    versions: tuple[tuple[str, str], ...]
    configuration: tuple[tuple[str, str], ...]
    libraries: tuple[tuple[str, str], ...]
    cases: tuple[Case, ...]


def view(
    run: Run,
    catalogue: Catalogue,
    beside: Beside | None = None,
) -> Report:
    """All that is to be shown of a run, complete or cut short.

    Args:
        run: What was found.
        catalogue: What was asked for.
        beside: What is known besides: an earlier run, the history, mutants, prices.
    """
    beside = beside or Beside()
    header = run.header
    outcomes = run.outcomes(catalogue)
    conclusion = conclude(outcomes)
    headline, alerts = headline_of(run, conclusion, checked=bool(outcomes))
    edition = str(header.get("edition", ""))
    columns = _columns(header, outcomes)
    killers = killers_of(run.proofs, outcomes, beside.killers)
    concerned = {(outcome.plane, outcome.sut) for outcome in outcomes}
    seen = tuple(each for each in columns if (each.plane, each.name) in concerned) or columns
    keys = {(column.plane, column.name): column.key for column in columns}
    found = causes(run, outcomes, catalogue, keys, killers)
    failures = _of(found, Verdict.FAILED)
    loads = tuple(load(number, record) for number, record in enumerate(run.loads, start=1))
    past = trend(beside.history)
    return Report(
        run=str(header.get("run", "")),
        job=str(header.get("job", "")),
        started=moment(str(header.get("started", ""))),
        lasted=duration(run.footer["seconds"]) if run.footer else "cut short",
        edition=edition,
        lane=str(header.get("lane", "")),
        heading=heading(headline, checked=bool(outcomes), loaded=bool(loads)),
        tested=tested(seen, edition, loads),
        origin=origin(header),
        complete=run.complete,
        charted=any(one.charts for one in loads) or bool(past and past.chart),
        headline=headline,
        alerts=(*alerts, *(f"{one.scenario}: {text}" for one in loads for text in one.warnings)),
        conclusion=conclusion,
        facts=_facts(conclusion),
        bar=_bar(conclusion),
        suts=tuple(_sut(column, run, outcomes) for column in columns),
        targets=targets(run.loads),
        kept=kept(loads),
        first=failures[:_FIRST],
        changes=(
            changes(run, beside.earlier, catalogue, columns, anchors_of(found))
            if beside.earlier
            else None
        ),
        trend=past,
        comparison=side_by_side(run.loads, beside.prices),
        sampled=tuple(sampled(record) for record in run.samples),
        recordings=recordings(beside.recordings, str(header.get("started", ""))),
        failures=failures,
        undecided=_of(found, Verdict.ERROR, Verdict.INCONCLUSIVE),
        known=_of(found, Verdict.KNOWN_FAILURE),
        matrix=matrix(seen, outcomes, found, catalogue, edition, killers) if outcomes else None,
        drift=drift_of(run),
        loads=loads,
        proofs=tuple(proof(record) for record in run.proofs),
        answered=_answered(run),
        versions=_versions(header),
        configuration=_pairs(header.get("configuration")),
        libraries=_pairs(header.get("libraries")),
        cases=tuple(Case(outcome, _topic(outcome, catalogue)) for outcome in outcomes),
    )


def _columns(header: Mapping[str, Any], outcomes: Sequence[Outcome]) -> tuple[Column, ...]:
    """The SUTs that the header names, then any that only the outcomes name."""
    named = {
        (str(sut["plane"]), str(sut["name"])): str(sut.get("version") or "")
        for sut in header.get("suts", ())
    }
    for outcome in outcomes:
        named.setdefault((outcome.plane, outcome.sut), "")
    return tuple(
        Column(plane, name, version, f"s{number}")
        for number, ((plane, name), version) in enumerate(named.items(), start=1)
    )


def _facts(conclusion: Conclusion) -> tuple[tuple[str, str, str], ...]:
    counts = conclusion.counts
    undecided = counts[Verdict.INCONCLUSIVE] + counts[Verdict.ERROR]
    rows = (
        ("Declared", conclusion.declared, "checks, one for each SUT they concern"),
        ("Applicable", conclusion.applicable, "of a MUST whose capability is claimed"),
        ("Decided", conclusion.decided, f"of {conclusion.applicable} applicable"),
        ("Passed", counts[Verdict.PASSED], f"of {conclusion.declared} declared"),
        ("Failed", counts[Verdict.FAILED], f"and {counts[Verdict.KNOWN_FAILURE]} as known"),
        ("Not claimed", counts[Verdict.NOT_CLAIMED], "shown, never counted as passed"),
        ("Inconclusive", undecided, f"{counts[Verdict.ERROR]} of them errors of the suite"),
    )
    return tuple((label, f"{count:,}", text) for label, count, text in rows)


def _bar(conclusion: Conclusion) -> tuple[Segment, ...]:
    counts = [(verdict, conclusion.counts[verdict]) for verdict in _BAR]
    ends = list(accumulate(count for _, count in counts))
    return tuple(
        Segment(
            STATES[verdict],
            count,
            width=round(100 * count / conclusion.declared, 3),
            begin=round(100 * (end - count) / conclusion.declared, 3),
        )
        for (verdict, count), end in zip(counts, ends, strict=True)
        if count
    )


def _sut(column: Column, run: Run, outcomes: Iterable[Outcome]) -> Sut:
    own = [o for o in outcomes if (o.plane, o.sut) == (column.plane, column.name)]
    conclusion = conclude(own)
    claimed = next(
        (sut.get("capabilities", ()) for sut in run.header.get("suts", ())
         if (sut["plane"], sut["name"]) == (column.plane, column.name)),
        (),
    )  # fmt: skip
    return Sut(
        column=column,
        headline=judged(conclusion, complete=run.complete) if own else None,
        bar=_bar(conclusion),
        capabilities=", ".join(str(name) for name in claimed),
    )


def _of(found: Iterable[Cause], *verdicts: Verdict) -> tuple[Cause, ...]:
    return tuple(cause for cause in found if cause.state.key in verdicts)


def _answered(run: Run) -> str:
    sources = Counter(str(record.get("source")) for record in run.exchanges.values())
    if not sources:
        return "No exchange was kept as evidence."
    parts = ", ".join(f"{count:,} by {source}" for source, count in sources.most_common())
    return f"{len(run.exchanges):,} exchanges were kept as evidence, answered: {parts}."


def _versions(header: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    labels = {"version": "kimi-conformance", "python": "Python", "platform": "Platform"}
    suite = header.get("suite") or {}
    return tuple((label, str(suite[key])) for key, label in labels.items() if suite.get(key))


def _pairs(mapping: Mapping[str, Any] | None) -> tuple[tuple[str, str], ...]:
    return tuple(
        (str(key), value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for key, value in (mapping or {}).items()
    )


def _topic(outcome: Outcome, catalogue: Catalogue) -> str:
    requirement = catalogue.by_id.get(outcome.requirement)
    return requirement.topic if requirement else "unknown"
