"""
What a run's evidence says by the laws, requirements, baselines and objectives of today.

Judged again: the wire laws, from the exchanges that were kept whole; the level and edition of
each requirement; what the baselines excuse, on the day the run was judged; the objectives, from
the samples beside the run; and the verdict on all of it. What a check asserted stands as it was
recorded: its evidence is the outcome, and only running it again would give another.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from kimi_conformance.checks.evidence import answered_by_the_api, restored, tallies
from kimi_conformance.checks.excuses import Excuses
from kimi_conformance.cli.checking.differences import Difference, Findings, Left
from kimi_conformance.cli.checking.judging import judged_load
from kimi_conformance.cli.checking.rejudged_loads import judged_again
from kimi_conformance.requirements import Catalogue
from kimi_conformance.runs import LawTally, Run
from kimi_conformance.slo import Objectives
from kimi_conformance.suite import Suite
from kimi_conformance.verdicts import Excuse, Outcome, RunVerdict, Verdict, conclude, worst_of

__all__ = ["Rejudged", "rejudge"]

_BEFORE = {
    Excuse.KNOWN: Verdict.FAILED,
    Excuse.EXPIRED: Verdict.FAILED,
    Excuse.STALE: Verdict.PASSED,
}  # what an outcome was before a baseline was looked at
_NEEDS = {"SENT-003": "it judges the header Authorization, which no evidence holds"}
_GONE = "catalogue changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejudged:
    """What came of it.

    Attributes:
        was: The verdict of the run's footer; None: it was cut short.
        verdict: Of today; None where nothing could be judged.
        because: The sentence that belongs to it.
        exchanges: How many were judged again.
        loads: Likewise.
    """

    was: RunVerdict | None
    verdict: RunVerdict | None
    because: str
    exchanges: int
    loads: int
    differences: tuple[Difference, ...]
    left: tuple[Left, ...]

    @property
    def exit_code(self) -> int:
        """0 no difference, 1 some, 3 not all of what decides could be judged again."""
        if self.differences:
            return 1
        undone = self.verdict is None or any(each.what == "load" for each in self.left)
        return 3 if undone else 0


def rejudge(
    run: Run, suite: Suite, folder: Path, objectives: Objectives, baseline: Path | None = None
) -> Rejudged:
    """Judge the evidence of a run again.

    Args:
        run: As it was recorded.
        suite: The requirements, laws and baselines of today.
        folder: Where the samples files of the run are.
        objectives: The promises of today.
        baseline: A baseline of the user's; the one the run was started with otherwise.

    Raises:
        UsageError: A baseline is wrong.
    """
    catalogue = suite.catalogue()
    found = Findings()
    asked = _asked(catalogue, str(run.header.get("edition", "")))
    exchanges, laws = _laws(run, catalogue, asked, found)
    excuses = _excuses(run, suite, baseline, found)
    checks = list(_checks(run, catalogue, asked, excuses, found))
    baselines = run.baselines if excuses is None else tuple(excuses.records())
    today = replace(run, checks=checks, laws=laws, baselines=baselines)
    found.differences += _law_differences(run, today, catalogue, asked)
    loads = list(judged_again(run.loads, folder, objectives, found))
    verdict, because = _conclusion(today, catalogue, [record for record, _ in loads])
    was = RunVerdict(run.footer["verdict"]) if run.footer else None
    if was is not None and verdict is not None and was is not verdict:
        reason = "of what is named here" if found.differences else "suite changed: how it concludes"
        found.differences.append(
            Difference(what="run", id="verdict", sut="", was=was, now=verdict, because=reason)
        )
    return Rejudged(
        was=was,
        verdict=verdict,
        because=because,
        exchanges=exchanges,
        loads=sum(again for _, again in loads),
        differences=tuple(found.differences),
        left=tuple(found.left),
    )


def _asked(catalogue: Catalogue, edition: str) -> frozenset[str]:
    """The ids of the requirements that this edition is judged by today."""
    return frozenset(
        each.id for each in catalogue if each.excluded is None and edition in each.editions
    )


def _laws(
    run: Run, catalogue: Catalogue, asked: Collection[str], found: Findings
) -> tuple[int, list[LawTally]]:
    """How many exchanges were judged, and how each law fares in each check today."""
    stored: dict[tuple[str, str], list[LawTally]] = defaultdict(list)
    for tally in run.laws:
        stored[tally.check, tally.sut].append(tally)
    without = (run.header.get("configuration") or {}).get("without") or ()
    judged = {id for id in asked if catalogue[id].capability not in without}
    if any(tally.law in _NEEDS for tally in run.laws):
        found.left.extend(Left(what="law", id=law, why=why) for law, why in _NEEDS.items())
    count = 0
    laws: list[LawTally] = []
    for outcome in run.checks:
        before = [t for t in stored[outcome.id, outcome.sut] if t.law in asked]
        records = [run.exchanges.get(id) for id in outcome.exchanges]
        whole = [each for record in records if record and (each := restored(record)) is not None]
        if len(whole) < len(records):
            shortened = len(records) - len(whole)
            why = f"{shortened} of its {len(records)} exchanges are not kept whole"
            found.left.append(Left(what="laws of a check", id=outcome.id, why=why))
            laws += before
            continue
        count += len(whole)
        again = tallies(outcome, answered_by_the_api(whole, without))
        laws += [tally for tally in again if tally.law in judged and tally.law not in _NEEDS]
        laws += [tally for tally in before if tally.law in _NEEDS]
    return count, laws


def _excuses(run: Run, suite: Suite, own: Path | None, found: Findings) -> Excuses | None:
    """The baselines of today; None where the one that the run was judged by is not at hand."""
    configuration = run.header.get("configuration") or {}
    configured = configuration.get("baseline")
    if own is None and configured:
        own = Path(configured)
        if not own.is_file():
            why = f"{own} is not there; name the file with --baseline"
            found.left.append(Left(what="baseline", id=str(own), why=why))
            return None
    adapters = [str(sut["name"]) for sut in run.header["suts"] if sut["plane"] == "adapter"]
    return Excuses(suite, adapters, own, str(run.header.get("edition", "")), _day(run))


def _day(run: Run) -> date:
    """On which the run was judged."""
    if run.baselines:
        return date.fromisoformat(run.baselines[0]["today"])
    return datetime.fromisoformat(str(run.header["started"])).date()


def _checks(
    run: Run,
    catalogue: Catalogue,
    asked: Collection[str],
    excuses: Excuses | None,
    found: Findings,
) -> Iterator[Outcome]:
    """The outcomes of the checks that are still asked for, by the levels and baselines of today."""
    for outcome in run.checks:
        if outcome.requirement not in asked:
            found.differences.append(_not_asked("check", outcome, catalogue))
            continue
        now = outcome if excuses is None else _excused(outcome, excuses)
        if (now.verdict, now.excuse) != (outcome.verdict, outcome.excuse):
            found.differences.append(_difference("check", outcome, now, "baseline changed"))
        level = catalogue[outcome.requirement].level
        if level is not outcome.level:
            because = f"{_GONE}: {outcome.requirement} was a {outcome.level} and is a {level}"
            found.differences.append(_difference("check", outcome, now, because))
        yield replace(now, level=level)


def _excused(outcome: Outcome, excuses: Excuses) -> Outcome:
    """By the baselines of today; one that they leave as it is keeps its words too."""
    found = outcome
    if outcome.excuse is not None:
        reason = outcome.reason.rpartition(" Found: ")[2]
        found = replace(outcome, verdict=_BEFORE[outcome.excuse], excuse=None, reason=reason)
    now = excuses.judged(found)
    same = (now.verdict, now.excuse) == (outcome.verdict, outcome.excuse)
    return outcome if same else now


def _law_differences(
    run: Run, today: Run, catalogue: Catalogue, asked: Collection[str]
) -> Iterator[Difference]:
    """Each law that fares otherwise than it did; one that passes for the first time does not."""
    known = replace(run, checks=(), laws=[t for t in run.laws if t.law in catalogue.by_id])
    before = {(each.id, each.sut): each for each in known.outcomes(catalogue)}
    after = {(each.id, each.sut): each for each in replace(today, checks=()).outcomes(catalogue)}
    were, are = (_violations(each.laws) for each in (known, today))
    for law in sorted({tally.law for tally in run.laws} - catalogue.by_id.keys()):
        yield Difference(what="law", id=law, sut="", was="judged", now="not asked", because=_GONE)
    for (id, sut), was in before.items():
        key, now = (was.requirement, sut), after.get((id, sut))
        if was.requirement not in asked:
            yield _not_asked("law", was, catalogue)
        elif now is None:
            because = "law changed: nothing is there that it judges"
            yield replace(_difference("law", was, was, because), now="not judged")
        elif were[key] != are[key]:
            because = f"law changed: {were[key]} violations then, {are[key]} now"
            yield _difference("law", was, now, because)
        elif (was.verdict, was.excuse) != (now.verdict, now.excuse):
            yield _difference("law", was, now, "baseline changed")
    for new in sorted(after.keys() - before.keys()):
        if after[new].verdict is not Verdict.PASSED:
            because = "law changed: it judged nothing then"
            yield replace(_difference("law", after[new], after[new], because), was="not judged")


def _violations(laws: Iterable[LawTally]) -> Counter[tuple[str, str]]:
    counts = Counter[tuple[str, str]]()
    for tally in laws:
        counts[tally.law, tally.sut] += len(tally.violations)
    return counts


def _conclusion(
    run: Run, catalogue: Catalogue, loads: Sequence[Mapping[str, Any]]
) -> tuple[RunVerdict | None, str]:
    """The verdict of today as a job comes to it; None of a run that has nothing to judge."""
    outcomes = run.outcomes(catalogue)
    parts = [judged_load(record) for record in loads]
    if outcomes or run.checks:
        concluded = conclude(outcomes)
        parts.append((concluded.verdict, concluded.because))
    if not parts:
        return None, "the run holds neither checks nor loads"
    if run.looked is not None:  # what was answered to it was not kept
        parts.append((RunVerdict(run.looked["verdict"]), f"drift: {run.looked['because']}"))
    if refused := run.refused:
        parts.append((RunVerdict.INCONCLUSIVE, f"{refused} requests were not sent for the budget"))
    if not run.complete:
        parts.append((RunVerdict.INCONCLUSIVE, "the run did not come to its end"))
    worst = worst_of(verdict for verdict, _ in parts)
    because = "; ".join(text for verdict, text in parts if verdict is worst and text)
    return worst, because or "every objective is kept"


def _not_asked(what: str, was: Outcome, catalogue: Catalogue) -> Difference:
    requirement = catalogue.by_id.get(was.requirement)
    if requirement is None:
        why = "is gone"
    else:
        why = "is excluded" if requirement.excluded else "is not of this edition"
    return Difference(
        what=what,
        id=was.id,
        sut=was.sut,
        was=str(was.verdict),
        now="not asked",
        because=f"{_GONE}: {was.requirement} {why}",
    )


def _difference(what: str, was: Outcome, now: Outcome, because: str) -> Difference:
    return Difference(
        what=what,
        id=was.id,
        sut=was.sut,
        was=str(was.verdict),
        now=str(now.verdict),
        because=because,
    )
