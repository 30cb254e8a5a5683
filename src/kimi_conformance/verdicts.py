"""
From the outcome of each check to one verdict on the run.

A run is CONFORMANT only if no MUST failed and at least 95 % of the applicable MUSTs were
decided. What was not decided is never counted as held. A failure that a baseline excuses is
decided and known; an excuse that no longer holds makes the run red, whatever its level. So does
a recording of the suite's own that cannot be played, and a check that broke leaves the run open:
both are the suite's to mend, and a share of undecided checks is not there to hide them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from kimi_conformance.requirements import Level, Plane

__all__ = [
    "DECIDED_SHARE",
    "Conclusion",
    "Excuse",
    "InconclusiveError",
    "Outcome",
    "RunVerdict",
    "Verdict",
    "conclude",
    "is_outage",
    "worst_of",
]

DECIDED_SHARE = 0.95
"""Of the applicable MUSTs; below it a run decides nothing."""


class Verdict(StrEnum):
    """What one check says of one SUT."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CLAIMED = "not_claimed"  # the SUT does not claim the capability
    INCONCLUSIVE = "inconclusive"  # a prerequisite did not hold: never green
    KNOWN_FAILURE = "known_failure"  # listed in the baseline, with reason and expiry
    ERROR = "error"  # the suite itself broke


class Excuse(StrEnum):
    """What a baseline has to do with an outcome."""

    KNOWN = "known"  # it foretold the failure
    STALE = "stale"  # it foretold a failure, but the check passes
    EXPIRED = "expired"  # it foretold the failure, but only until a day that has passed


def is_outage(status: int, body: bytes) -> bool:
    """Whether an answer says that the API was busy (429) or broken (5xx), or the account empty.

    Nothing is decided then, neither about the API nor about its client. An empty account was
    told with 403 until 2025, and with 429 since.

    >>> is_outage(429, b""), is_outage(504, b""), is_outage(404, b"")
    (True, True, False)
    >>> is_outage(403, b'{"error":{"type":"exceeded_current_quota_error"}}')
    True
    """
    is_empty = status == 403 and b'"exceeded_current_quota_error"' in body
    return status == 429 or status >= 500 or is_empty


class InconclusiveError(Exception):
    """Raised in a check: a prerequisite did not hold, so it can decide nothing."""


class RunVerdict(StrEnum):
    """What a whole run says of its SUTs; `exit_code` is what the command returns."""

    CONFORMANT = "CONFORMANT"
    NOT_CONFORMANT = "NOT CONFORMANT"
    INCONCLUSIVE = "INCONCLUSIVE"

    @property
    def exit_code(self) -> int:
        """0 held, 1 not held, 3 inconclusive."""
        return {"CONFORMANT": 0, "NOT CONFORMANT": 1, "INCONCLUSIVE": 3}[self.value]


def worst_of(verdicts: Iterable[RunVerdict]) -> RunVerdict:
    """The one that counts among several, at least one: a broken run before an undecided one."""
    order = (RunVerdict.NOT_CONFORMANT, RunVerdict.INCONCLUSIVE, RunVerdict.CONFORMANT)
    return min(verdicts, key=order.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one check said of one SUT.

    Attributes:
        id: The check, without its SUT: "adapter/filter/other_ids_are_dropped[gpt-4]".
        requirement: The id of the requirement it decides.
        level: Of that requirement.
        plane: The side of the wire that was judged.
        sut: The adapter's name, or "endpoint" (with the fault's name behind a colon where
            the simulator was made wrong on purpose).
        verdict: What it said.
        seconds: Set-up, call and tear-down.
        reason: Why it did not pass, in one line, or "".
        detail: The whole of it: assertion, expectation, traceback.
        exchanges: Ids of the exchanges that the stage journaled for it.
        edition: The API's edition it was judged against.
        lane: "cassette", "simulator" or "live": what answered where no script did.
        excuse: What a baseline has to do with it, or None: nothing.
        unplayable: The recording that is missing, damaged, or not what the suite itself asks
            for, or "".
    """

    id: str
    requirement: str
    level: Level
    plane: Plane
    sut: str
    verdict: Verdict
    seconds: float
    reason: str = ""
    detail: str = ""
    exchanges: tuple[str, ...] = ()
    edition: str = ""
    lane: str = ""
    excuse: Excuse | None = None
    unplayable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """One verdict with its denominators.

    Attributes:
        verdict: On all the outcomes together.
        because: The sentence that a person should read first.
        counts: How many outcomes had each verdict; every verdict is a key.
        declared: Outcomes in all.
        applicable: Those of a MUST whose capability is claimed.
        decided: Applicable ones that passed, failed, or failed as the baseline foretold.
    """

    verdict: RunVerdict
    because: str
    counts: Mapping[Verdict, int]
    declared: int
    applicable: int
    decided: int


def conclude(outcomes: Iterable[Outcome]) -> Conclusion:
    """One verdict on these outcomes: of a whole run, or of one SUT in it."""
    everything = list(outcomes)
    counts = Counter(outcome.verdict for outcome in everything)
    musts = [
        outcome
        for outcome in everything
        if outcome.level is Level.MUST and outcome.verdict is not Verdict.NOT_CLAIMED
    ]
    failed = [o for o in musts if o.verdict is Verdict.FAILED and o.excuse is not Excuse.STALE]
    lapsed = [o for o in everything if o.excuse in {Excuse.STALE, Excuse.EXPIRED}]
    errors = [o for o in everything if o.verdict is Verdict.ERROR]
    undecided = {Verdict.INCONCLUSIVE, Verdict.ERROR}
    decided = [outcome for outcome in musts if outcome.verdict not in undecided]
    verdict, because = _judge(
        applicable=len(musts),
        decided=len(decided),
        known=sum(outcome.verdict is Verdict.KNOWN_FAILURE for outcome in decided),
        broken=sorted({outcome.requirement for outcome in failed}),
        lapsed=sorted({outcome.requirement for outcome in lapsed}),
        unplayable=sorted({outcome.unplayable for outcome in errors if outcome.unplayable}),
        errors=sorted({outcome.requirement for outcome in errors}),
    )
    return Conclusion(
        verdict=verdict,
        because=because,
        counts={verdict: counts[verdict] for verdict in Verdict},
        declared=len(everything),
        applicable=len(musts),
        decided=len(decided),
    )


def _judge(
    *,
    applicable: int,
    decided: int,
    known: int,
    broken: list[str],
    lapsed: list[str],
    unplayable: list[str],
    errors: list[str],
) -> tuple[RunVerdict, str]:
    red = []
    if broken:
        what = "requirement is broken" if len(broken) == 1 else "requirements are broken"
        red.append(f"{len(broken)} {what}: {_first(broken)}")
    if lapsed:
        red.append(f"the baseline excuses what it no longer may: {_first(lapsed)}")
    if unplayable:
        what = "recording" if len(unplayable) == 1 else "recordings"
        red.append(
            f"{len(unplayable)} {what} cannot be played: {_first(unplayable)}. Make it anew with: "
            f"kimi-conformance record {unplayable[0]}"
        )
    if red:
        return RunVerdict.NOT_CONFORMANT, "; ".join(red)
    if not applicable:
        return RunVerdict.INCONCLUSIVE, "no applicable MUST was checked"
    if decided < DECIDED_SHARE * applicable:
        return (
            RunVerdict.INCONCLUSIVE,
            f"only {decided} of {applicable} applicable MUST checks could be decided",
        )
    if errors:
        return RunVerdict.INCONCLUSIVE, f"checks broke, of {_first(errors)}: see their reasons"
    if known:
        held = f"{decided - known} of {decided} decided MUST checks hold, and the baseline excuses"
        return RunVerdict.CONFORMANT, f"{held} the other {known}"
    return RunVerdict.CONFORMANT, f"all {decided} decided MUST checks hold"


def _first(ids: list[str]) -> str:
    return ", ".join(ids[:5]) + (" …" if len(ids) > 5 else "")
