"""What is known of the checks themselves: who proves that they can fail, and how sure they are."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kimi_conformance.reporting.views.causes import Killers
from kimi_conformance.reporting.wording.quantity import share
from kimi_conformance.reporting.wording.states import STATES, State
from kimi_conformance.verdicts import Outcome

__all__ = ["Proof", "Sampled", "killers_of", "proof", "sampled"]

_DECIDED = {"reached": "passed", "missed": "failed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a search for checks that cannot fail found.

    Attributes:
        sound: Whether nothing below is amiss.
        killed: "118 of 120".
        tests: What was tried, whether it held, and a sentence on it.
        findings: What is amiss by name: a heading with its entries; empty lists are left out.
        killers: For each check the mutants that it catches.
    """

    sound: bool
    killed: str
    tests: tuple[tuple[str, State, str], ...]
    findings: tuple[tuple[str, tuple[str, ...]], ...]
    killers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """A check that was tried many times, and what that shows."""

    check: str
    requirement: str
    sut: str
    good: str
    share: str
    interval: str
    promised: str
    state: State


_TESTS = (
    ("unkilled", "Checks with a killer", "Every check catches a SUT that is wrong on purpose."),
    ("alive", "Mutants caught", "Every mutant is caught by a check."),
    ("benign_red", "Benign variants", "No legal oddity is refused."),
    ("vacuum_passes", "Vacuum", "Nothing passes with nobody there."),
)
_HEADINGS = {
    "unkilled": "Checks that no mutant can make fail",
    "alive": "Mutants that no check catches",
    "benign_red": "Legal oddities that a check refuses",
    "vacuum_passes": "Checks that pass with nobody there",
}


def proof(record: Mapping[str, Any]) -> Proof:
    """A proof record, ready to be shown."""
    findings = tuple(
        (heading, tuple(str(entry) for entry in record[key]))
        for key, heading in _HEADINGS.items()
        if record.get(key)
    )
    return Proof(
        sound=not findings,
        killed=f"{record['killed']:,} of {record['checks']:,}",
        tests=tuple(
            (name, STATES["failed"], f"{len(record[key])} found: see below.")
            if record[key]
            else (name, STATES["passed"], held)
            for key, name, held in _TESTS
            if record.get(key) is not None
        ),
        findings=findings,
        killers=tuple(
            (check, ", ".join(names)) for check, names in (record.get("killers") or {}).items()
        ),
    )


def killers_of(
    proofs: Iterable[Mapping[str, Any]], outcomes: Iterable[Outcome], declared: Killers
) -> Killers:
    """What breaks each requirement: as this run found it, else as the mutants say themselves."""
    requirement_of = {_bare(outcome.id): outcome.requirement for outcome in outcomes}
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for record in proofs:
        for check, names in (record.get("killers") or {}).items():
            if requirement := requirement_of.get(_bare(check)):
                found[requirement].update(dict.fromkeys(map(str, names)))
    return {**declared, **{id: tuple(names) for id, names in found.items()}}


def _bare(check: str) -> str:
    """A check without its variant."""
    return check.partition("[")[0]


def sampled(record: Mapping[str, Any]) -> Sampled:
    """A sample record, ready to be shown."""
    return Sampled(
        check=str(record["check"]),
        requirement=str(record["requirement"]),
        sut=str(record["sut"]),
        good=f"{record['good']:,} of {record['total']:,}",
        share="–" if record["value"] is None else share(record["value"]),
        interval=f"{share(record['low'])} to {share(record['high'])}",
        promised=f"≥ {share(record['at_least'])}",
        state=STATES[_DECIDED.get(str(record["decided"]), "inconclusive")],
    )
