"""
The evidence of a run: JSON lines, one record each.

    header     by what, when and how it was run; first line
    sut        one system under test: plane, name, version, claimed capabilities
    plan       how many checks are going to run, for whoever shows progress
    baseline   a known failure of one SUT, as its baseline lists it, and the day of judging
    exchange   one request with its answer, bodies shortened beyond a limit, secrets removed;
               since schema 2 each message says whether its body is whole
    check      one Outcome; refers to exchanges by id; in a matrix "alike" names the other SUTs
               of which it is known to hold too
    law        how one wire law fared in one check: applied so often, violated so; none where
               it had nothing to judge
    sample     of one check, how many trials were good, and what that shows of the share
    budget     what was spent on a live endpoint, and how much was not sent for it
    drift      one change against a recording: its class, where, before, after, who changed
    looked     that drift was looked for: at how many answers, and at which not and why
    load       the result of one load scenario; refers to its samples by file and digest
    proof      what selfcheck found: mutants, benign variants, vacuum
    footer     when it ended and with which verdict, and which each part had; no footer means
               that it was cut short

Records are appended as they come, each in one write, so that whatever a killed run had
found out can still be read. Everything else (HTML, JUnit, Markdown) is made from this file.
Each record's keys are described by reports/schemas/run.schema.json; more keys are welcome.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from kimi_conformance.baselines import KnownFailure, excused
from kimi_conformance.errors import RunError
from kimi_conformance.requirements import Catalogue, Level, Plane
from kimi_conformance.verdicts import Excuse, Outcome, Verdict

__all__ = [
    "SCHEMA",
    "LawTally",
    "Record",
    "Run",
    "baseline_record",
    "check_record",
    "encode",
    "law_record",
    "parse",
]

SCHEMA = 2
"""Of the records; a reader refuses a newer one and reads every older one."""

_KNOWN = frozenset(Outcome.__slots__)  # keys of a check record; more are welcome

Record = Mapping[str, Any]
"""A line of the evidence."""
# Of an outcome, with a default.
_LATER_TEXTS = {"reason", "detail", "edition", "lane", "unplayable"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LawTally:
    """How one wire law fared in the exchanges of one check.

    Attributes:
        law: The id of the requirement that the law decides: "SSE-004".
        plane: Whose side was judged.
        sut: As in `Outcome`.
        check: The id of the check.
        applied: In how many exchanges the law had something to judge.
        violations: One sentence each.
        exchanges: Ids of the exchanges that violate it.
    """

    law: str
    plane: Plane
    sut: str
    check: str
    applied: int
    violations: tuple[str, ...] = ()
    exchanges: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as its evidence file tells it.

    Attributes:
        header: The first record, with the sut records as its "suts".
        checks: Outcomes in the order they were found, laws not among them.
        laws: Tallies, one a law and check.
        baselines: The baseline records.
        exchanges: The exchange records by id.
        samples: The sample records.
        budgets: The budget records, one a part: "checks", "drift", "inspection".
        drifts: The drift records.
        looked: The record of having looked for drift, or None: nobody did.
        loads: The load records.
        proofs: The proof records.
        footer: The last record, or None: the run was cut short.
        torn: Whether the last line was not written to its end.
    """

    header: Record
    checks: Sequence[Outcome] = ()
    laws: Sequence[LawTally] = ()
    baselines: Sequence[Record] = ()
    exchanges: Mapping[str, Record]
    samples: Sequence[Record] = ()
    budgets: Sequence[Record] = ()
    drifts: Sequence[Record] = ()
    looked: Record | None = None
    loads: Sequence[Record] = ()
    proofs: Sequence[Record] = ()
    footer: Record | None = None
    torn: bool = False

    @property
    def complete(self) -> bool:
        """Whether the run came to its own end."""
        return self.footer is not None and not self.torn

    @property
    def refused(self) -> int:
        """How many requests of checks were not sent, since the budget did not cover them.

        Those of drift are none of a check's: `looked` tells what it was not enough for.
        """
        return sum(each["refused"] for each in self.budgets if each.get("part") != "drift")

    def outcomes(self, catalogue: Catalogue) -> list[Outcome]:
        """Every check's outcome, and one for each wire law and SUT.

        Checks were judged in the light of the baseline when they ended, laws are here.
        """
        laws = _law_outcomes(self.laws, catalogue)
        return [*self.checks, *(_excused_law(law, self.baselines) for law in laws)]


def encode(record: Record) -> bytes:
    """One line, newline included, ready to be appended in one write.

    Text that is no Unicode (half a surrogate pair) is written as JSON escapes.
    """
    try:
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        line = json.dumps(record, separators=(",", ":")).encode()
    return line + b"\n"


def check_record(outcome: Outcome) -> Record:
    """The record of a check's outcome."""
    return {"record": "check", **_values(outcome)}


def law_record(tally: LawTally) -> Record:
    """The record of a law's tally."""
    return {"record": "law", **_values(tally)}


def _values(found: Outcome | LawTally) -> Record:
    """Its fields by name; unlike `asdict`, uncopied: a gate writes tens of thousands."""
    return {name: getattr(found, name) for name in found.__slots__}


def baseline_record(sut: str, entry: KnownFailure, today: date) -> Record:
    """The record of an entry of a SUT's baseline, and the day on which it is judged."""
    days = {"expires": entry.expires.isoformat(), "today": today.isoformat()}
    return {"record": "baseline", "sut": sut, **asdict(entry), **days}


def parse(lines: Iterable[bytes], where: str = "the run file") -> Run:
    """Read the evidence of a run, cut short or not.

    A last line without its newline is left out and marks the run as torn.

    Raises:
        RunError: The first line is no header, a line in the middle is no record, or the
            file was written by a newer suite.
    """
    records: list[Record] = []
    torn = False
    for number, line in enumerate(lines, start=1):
        if torn:
            raise RunError(f"{where}, line {number - 1} is cut off in the middle of the file.")
        if not line.endswith(b"\n"):
            torn = True
            continue
        records.append(_decode(line, f"{where}, line {number}"))
    if not records or records[0].get("record") != "header":
        raise RunError(
            f"{where} does not begin with a header: it is no run of this suite, or empty. "
            "Runs are written by: kimi-conformance gate, nightly, sla, check, load"
        )
    schema = records[0].get("schema", 0)
    if not isinstance(schema, int) or schema > SCHEMA:
        raise RunError(
            f"{where} has schema {schema!r:.40}, this suite reads up to {SCHEMA}. "
            "Read it with a newer kimi-conformance."
        )
    try:
        return _assemble(records, torn=torn)
    except (LookupError, TypeError, ValueError) as error:
        raise RunError(
            f"{where} has a record that lacks what each has ({type(error).__name__}: "
            f"{error!s:.200}). All that is wrong: kimi-conformance report {where} --validate"
        ) from error


def _decode(line: bytes, where: str) -> Record:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{where} is not JSON: {error}") from error
    if not isinstance(record, dict) or not isinstance(record.get("record"), str):
        raise RunError(f'{where} is no record: it has no "record" key that names its kind.')
    return record


def _assemble(records: Sequence[Record], *, torn: bool) -> Run:
    of_kind: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        of_kind[record["record"]].append(record)
    return Run(
        header={**records[0], "suts": of_kind["sut"] or records[0].get("suts", [])},
        checks=[outcome for record in of_kind["check"] for outcome in _outcomes(record)],
        laws=[_tally(record) for record in of_kind["law"]],
        baselines=[_excuse(record) for record in of_kind["baseline"]],
        exchanges={_text(record, "id"): record for record in of_kind["exchange"]},
        samples=of_kind["sample"],
        budgets=of_kind["budget"],
        drifts=of_kind["drift"],
        looked=of_kind["looked"][-1] if of_kind["looked"] else None,
        loads=of_kind["load"],
        proofs=of_kind["proof"],
        footer=of_kind["footer"][-1] if of_kind["footer"] else None,
        torn=torn,
    )


def _excuse(record: Record) -> Record:
    """The record, if it can be judged by later."""
    _text(record, "sut")
    _known_failure(record)
    date.fromisoformat(record["today"])
    return record


def _text(record: Record, key: str) -> str:
    value = record[key]
    if not isinstance(value, str):
        raise TypeError(f"{key} is no text")
    return value


def _texts(record: Record, key: str) -> tuple[str, ...]:
    value = record[key]
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        raise TypeError(f"{key} is no list of texts")
    return tuple(value)


def _count(record: Record, key: str) -> int:
    value = record[key]
    if not isinstance(value, int):
        raise TypeError(f"{key} is no number")
    return value


def _outcomes(record: Record) -> Iterator[Outcome]:
    """That of the record, and the same of each SUT that the check cannot tell from its own."""
    outcome = _outcome(record)
    yield outcome
    for sut in _texts(record, "alike") if "alike" in record else ():
        yield replace(outcome, sut=sut, seconds=0.0, exchanges=())


def _outcome(record: Record) -> Outcome:
    values = {key: value for key, value in record.items() if key in _KNOWN}
    for key in ("id", "requirement", "sut", *(values.keys() & _LATER_TEXTS)):
        _text(values, key)
    return Outcome(
        **{
            **values,
            "level": Level(record["level"]),
            "plane": Plane(record["plane"]),
            "verdict": Verdict(record["verdict"]),
            "excuse": Excuse(record["excuse"]) if record.get("excuse") else None,
            "exchanges": _texts(record, "exchanges") if "exchanges" in record else (),
        }
    )


def _tally(record: Record) -> LawTally:
    return LawTally(
        law=_text(record, "law"),
        plane=Plane(record["plane"]),
        sut=_text(record, "sut"),
        check=_text(record, "check"),
        applied=_count(record, "applied"),
        violations=_texts(record, "violations"),
        exchanges=_texts(record, "exchanges"),
    )


def _law_outcomes(laws: Sequence[LawTally], catalogue: Catalogue) -> list[Outcome]:
    """One outcome a law and SUT; none where no exchange gave the law anything to judge."""
    by_law: dict[tuple[str, str], list[LawTally]] = defaultdict(list)
    for tally in laws:
        by_law[tally.law, tally.sut].append(tally)
    return [
        _law_outcome(catalogue, law, sut, tallies)
        for (law, sut), tallies in by_law.items()
        if any(tally.applied for tally in tallies)
    ]


def _law_outcome(catalogue: Catalogue, law: str, sut: str, tallies: Sequence[LawTally]) -> Outcome:
    requirement = catalogue[law]
    violations = [violation for tally in tallies for violation in tally.violations]
    verdict = Verdict.FAILED if violations else Verdict.PASSED
    return Outcome(
        id=f"{tallies[0].plane}/wire/{law}",
        requirement=law,
        level=requirement.level,
        plane=tallies[0].plane,
        sut=sut,
        verdict=verdict,
        seconds=0.0,
        reason=violations[0] if violations else "",
        detail="\n".join(violations[:50]),
        exchanges=tuple(dict.fromkeys(id for tally in tallies for id in tally.exchanges)),
    )


def _excused_law(outcome: Outcome, baselines: Sequence[Record]) -> Outcome:
    """A law's outcome in the light of the entries about its SUT."""
    for record in baselines:
        if record["sut"] == outcome.sut:
            today = date.fromisoformat(record["today"])
            outcome = excused(outcome, [_known_failure(record)], today)
    return outcome


def _known_failure(record: Record) -> KnownFailure:
    return KnownFailure(
        check=record["check"],
        variants=_texts(record, "variants"),
        editions=_texts(record, "editions"),
        reason=record["reason"],
        issue=record["issue"],
        expires=date.fromisoformat(record["expires"]),
        place=record["place"],
    )
