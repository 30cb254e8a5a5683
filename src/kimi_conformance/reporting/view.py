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
from typing import Any

from kimi_conformance.reporting.causes import Cause, causes
from kimi_conformance.reporting.matrix import Column, Matrix, matrix
from kimi_conformance.reporting.quantity import duration, moment
from kimi_conformance.reporting.service import Load, Target, is_loopback, kept, load, targets
from kimi_conformance.reporting.states import STATES, State
from kimi_conformance.requirements import Catalogue
from kimi_conformance.runs import Run
from kimi_conformance.verdicts import Conclusion, Outcome, RunVerdict, Verdict, conclude

__all__ = ["Case", "Headline", "Proof", "Report", "Segment", "Sut", "view"]

_TONES = {
    RunVerdict.CONFORMANT: "held",
    RunVerdict.NOT_CONFORMANT: "broken",
    RunVerdict.INCONCLUSIVE: "open",
}
_ORIGINS = {
    "simulator": "The embedded simulator answered, not the real API.",
    "cassette": "Recordings answered (cassettes); each of them says where it was made.",
}
_BAR = (
    Verdict.PASSED,
    Verdict.KNOWN_FAILURE,
    Verdict.FAILED,
    Verdict.ERROR,
    Verdict.INCONCLUSIVE,
    Verdict.NOT_CLAIMED,
)


@dataclass(frozen=True, slots=True)
class Headline:
    """The verdict on the run.

    Attributes:
        word: "CONFORMANT", "NOT CONFORMANT" or "INCONCLUSIVE".
        tone: "held", "broken" or "open", for colour and shape.
        because: The sentence to read first.
    """

    word: str
    tone: str
    because: str


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar: a state, how often it occurs, and percent of the whole."""

    state: State
    count: int
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sut:
    """Who was judged, with a verdict of its own; `headline` is None where no check ran."""

    column: Column
    headline: Headline | None
    bar: tuple[Segment, ...]
    capabilities: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What is known of the checks themselves.

    Attributes:
        sound: Whether nothing below is amiss.
        killed: "118 of 120".
        findings: What is amiss by name: a heading with its entries; empty lists are left out.
        killers: For each check the mutants that it catches.
    """

    sound: bool
    killed: str
    findings: tuple[tuple[str, tuple[str, ...]], ...]
    killers: tuple[tuple[str, str], ...]


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
        tested: One sentence: who was judged against what.
        origin: One sentence: who answered, named for what it is.
        complete: Whether the run came to its own end.
        alerts: What a reader must know before anything else, loudest first.
        conclusion: Over all outcomes: the denominators.
        facts: The numbers beside the verdict: label, value, explanation.
        bar: All outcomes by state.
        kept: How many of all objectives were kept.
        failures, undecided, known: Causes by what they mean.
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
    tested: str
    origin: str
    complete: bool
    headline: Headline
    alerts: tuple[str, ...]
    conclusion: Conclusion
    facts: tuple[tuple[str, str, str], ...]
    bar: tuple[Segment, ...]
    suts: tuple[Sut, ...]
    targets: tuple[Target, ...]
    kept: str
    failures: tuple[Cause, ...]
    undecided: tuple[Cause, ...]
    known: tuple[Cause, ...]
    matrix: Matrix | None
    loads: tuple[Load, ...]
    proofs: tuple[Proof, ...]
    answered: str
    versions: tuple[tuple[str, str], ...]
    configuration: tuple[tuple[str, str], ...]
    libraries: tuple[tuple[str, str], ...]
    cases: tuple[Case, ...]


def view(run: Run, catalogue: Catalogue) -> Report:
    """All that is to be shown of a run, complete or cut short."""
    header = run.header
    outcomes = run.outcomes(catalogue)
    conclusion = conclude(outcomes)
    headline, alerts = _headline(run, conclusion, checked=bool(outcomes))
    found = causes(run, outcomes, catalogue)
    loads = tuple(load(number, record) for number, record in enumerate(run.loads, start=1))
    columns = _columns(header, outcomes)
    edition = str(header.get("edition", ""))
    return Report(
        run=str(header.get("run", "")),
        job=str(header.get("job", "")),
        started=moment(str(header.get("started", ""))),
        lasted=duration(run.footer["seconds"]) if run.footer else "cut short",
        edition=edition,
        lane=str(header.get("lane", "")),
        tested=_tested(columns, edition),
        origin=_origin(header),
        complete=run.complete,
        headline=headline,
        alerts=(*alerts, *(f"{one.scenario}: {text}" for one in loads for text in one.warnings)),
        conclusion=conclusion,
        facts=_facts(conclusion),
        bar=_bar(conclusion),
        suts=tuple(_sut(column, run, outcomes) for column in columns),
        targets=targets(run.loads),
        kept=kept(loads),
        failures=_of(found, Verdict.FAILED),
        undecided=_of(found, Verdict.ERROR, Verdict.INCONCLUSIVE),
        known=_of(found, Verdict.KNOWN_FAILURE),
        matrix=matrix(columns, outcomes, found, catalogue, edition) if outcomes else None,
        loads=loads,
        proofs=tuple(_proof(record) for record in run.proofs),
        answered=_answered(run),
        versions=_versions(header),
        configuration=_pairs(header.get("configuration")),
        libraries=_pairs(header.get("libraries")),
        cases=tuple(Case(outcome, _topic(outcome, catalogue)) for outcome in outcomes),
    )


def _headline(
    run: Run, conclusion: Conclusion, *, checked: bool
) -> tuple[Headline, tuple[str, ...]]:
    """The footer's verdict, unless the evidence before it is worse or it is missing."""
    if not run.complete or run.footer is None:
        alert = (
            "This run was cut short: its evidence ends without a footer. What was found until "
            "then is shown; what is missing counts as not decided."
        )
        return _judged(conclusion, complete=False), (alert,)
    verdict = RunVerdict(run.footer["verdict"])
    if checked and verdict is RunVerdict.CONFORMANT is not conclusion.verdict:
        alert = f"The run's footer says {verdict}, but its checks do not bear that out."
        return _spoken(conclusion.verdict, conclusion.because), (alert,)
    return _spoken(verdict, str(run.footer.get("because") or conclusion.because)), ()


def _judged(conclusion: Conclusion, *, complete: bool) -> Headline:
    """What the outcomes say; half a run can break a requirement, but show none to hold."""
    if conclusion.verdict is RunVerdict.CONFORMANT and not complete:
        return _spoken(RunVerdict.INCONCLUSIVE, "the run did not come to its end")
    return _spoken(conclusion.verdict, conclusion.because)


def _spoken(verdict: RunVerdict, because: str) -> Headline:
    return Headline(verdict, _TONES[verdict], because[:1].upper() + because[1:])


def _columns(header: Mapping[str, Any], outcomes: Sequence[Outcome]) -> tuple[Column, ...]:
    """The SUTs that the header names, then any that only the outcomes name."""
    named = {
        (str(sut["plane"]), str(sut["name"])): str(sut.get("version") or "")
        for sut in header.get("suts", ())
    }
    for outcome in outcomes:
        named.setdefault((outcome.plane, outcome.sut), "")
    return tuple(Column(plane, name, version) for (plane, name), version in named.items())


def _tested(columns: Sequence[Column], edition: str) -> str:
    names = [
        " ".join(part for part in ("the " * (c.plane == "endpoint") + c.name, c.version) if part)
        for c in columns
    ]
    if not names:
        return "No SUT was judged."
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    verb = "was" if len(names) == 1 else "were"
    against = f"edition {edition} of the API" if edition else "the API"
    sentence = f"{listed} {verb} judged against {against}."
    return sentence[:1].upper() + sentence[1:] if sentence.startswith("the ") else sentence


def _origin(header: Mapping[str, Any]) -> str:
    """Who answered; an endpoint is called live only where it is on another machine."""
    lane, source = str(header.get("lane", "")), str(header.get("source", ""))
    if lane != "live":
        return _ORIGINS.get(lane) or f"Lane “{lane}”, source “{source}”: who answered is unknown."
    if not source.startswith("live"):
        return f"The live lane was asked for, but what answered is: {source}."
    place = source.removeprefix("live").strip(" ()") or "its address was not recorded"
    if is_loopback(place):
        return f"An endpoint on this machine answered: {place}."
    return f"A live endpoint answered: {place}."


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
    return tuple(
        Segment(
            STATES[verdict],
            conclusion.counts[verdict],
            round(100 * conclusion.counts[verdict] / conclusion.declared, 3),
        )
        for verdict in _BAR
        if conclusion.counts[verdict]
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
        headline=_judged(conclusion, complete=run.complete) if own else None,
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


def _proof(record: Mapping[str, Any]) -> Proof:
    headings = {
        "unkilled": "Checks that no mutant can make fail",
        "alive": "Mutants that no check catches",
        "benign_red": "Legal oddities that a check refuses",
        "vacuum_passes": "Checks that pass with nobody there",
    }
    findings = tuple(
        (heading, tuple(str(entry) for entry in record[key]))
        for key, heading in headings.items()
        if record.get(key)
    )
    return Proof(
        sound=not findings,
        killed=f"{record['killed']:,} of {record['checks']:,}",
        findings=findings,
        killers=tuple(
            (check, ", ".join(names)) for check, names in (record.get("killers") or {}).items()
        ),
    )


def _topic(outcome: Outcome, catalogue: Catalogue) -> str:
    requirement = catalogue.by_id.get(outcome.requirement)
    return requirement.topic if requirement else "unknown"
