"""How a requirement, an objective, or the share of passed checks went from run to run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kimi_conformance.errors import UsageError, nearest
from kimi_conformance.history.past import PastRun
from kimi_conformance.history.regression import Steadiness, steadiness
from kimi_conformance.statistics import wilson
from kimi_conformance.verdicts import Outcome, Verdict

__all__ = ["PASS_SHARE", "Point", "Trend", "knows", "trend"]

PASS_SHARE = "pass_share"  # noqa: S105 - a share of checks, no password
_ORDER = (
    *(Verdict.FAILED, Verdict.ERROR, Verdict.INCONCLUSIVE),
    *(Verdict.KNOWN_FAILURE, Verdict.NOT_CLAIMED, Verdict.PASSED),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One run.

    Attributes:
        value: A share, or the objective's value; None: not known.
        low, high: Its 95 % interval, or None.
        state: The verdict of the requirement or objective, or "".
    """

    run: str
    started: float
    value: float | None
    low: float | None
    high: float | None
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One quantity over runs.

    Attributes:
        metric: How its values are written: "passed_share", "response_s".
        target: What is promised, or None.
        points: Oldest first.
        steadiness: Of a requirement that is decided by several runs; else None.
    """

    subject: str
    metric: str
    target: float | None
    points: tuple[Point, ...]
    steadiness: Steadiness | None = None


def trend(subject: str, runs: Sequence[PastRun], sut: str | None = None) -> Trend:
    """How a subject went over runs, oldest first.

    Args:
        subject: The id of a requirement, the name of an objective, or "pass_share".
        runs: Whole ones, oldest first.
        sut: The SUT or model it is about, or None: all.

    Raises:
        UsageError: No run knows the subject.
    """
    if subject == PASS_SHARE:
        points = [_passed(run, _outcomes(run, None, sut)) for run in runs]
        return Trend(subject=subject, metric="passed_share", target=None, points=tuple(points))
    if any(_outcomes(run, subject, sut) for run in runs):
        points = [_requirement(run, _outcomes(run, subject, sut)) for run in runs]
        states = [Verdict(point.state) for point in points if point.state]
        return Trend(
            subject=subject,
            metric="passed_share",
            target=None,
            points=tuple(points),
            steadiness=steadiness(states),
        )
    found = _objective(subject, runs, sut)
    if found is not None:
        return found
    raise UsageError(_why_nothing(subject, runs, sut))


def _why_nothing(subject: str, runs: Sequence[PastRun], sut: str | None) -> str:
    """Why no run says anything of a subject, and what would have been understood."""
    loads = [(run, load) for run in runs for load in run.loads]
    told = [(run, load) for run, load in loads if subject in {e.name for e in load.objectives}]
    of = {each.sut for run in runs for each in run.outcomes if each.requirement == subject}
    of |= {load.model for _, load in told}
    if sut is not None and of and sut not in of:
        return f"No run in the history knows '{subject}' of {sut}. {nearest(sut, of)}"
    if told:
        return (
            f"No load run in the history that has '{subject}' counts: each was invalid, cut short "
            "or empty. The report of the last one says why: "
            f"kimi-conformance report {told[-1][0].folder}"
        )
    known = {outcome.requirement for run in runs for outcome in run.outcomes}
    known |= {each.name for _, load in loads for each in load.objectives}
    return f"No run in the history knows '{subject}'. {nearest(subject, {*known, PASS_SHARE})}"


def knows(run: PastRun, subject: str) -> bool:
    """Whether a whole run has anything to say of a subject."""
    if subject == PASS_SHARE:
        return bool(run.outcomes)
    return bool(_outcomes(run, subject, None)) or any(
        each.name == subject for load in run.loads for each in load.objectives
    )


def _outcomes(run: PastRun, requirement: str | None, sut: str | None) -> list[Outcome]:
    return [
        each
        for each in run.outcomes
        if requirement in {None, each.requirement} and sut in {None, each.sut}
    ]


def _passed(run: PastRun, outcomes: Iterable[Outcome]) -> Point:
    """The share of the checks that apply; what was not decided is not passed."""
    verdicts = [each.verdict for each in outcomes if each.verdict is not Verdict.NOT_CLAIMED]
    passed = verdicts.count(Verdict.PASSED)
    interval = wilson(passed, len(verdicts))
    return Point(
        run=run.id,
        started=run.started,
        value=passed / len(verdicts) if verdicts else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        state="",
    )


def _requirement(run: PastRun, outcomes: Sequence[Outcome]) -> Point:
    """The worst verdict of its checks, and the share of them that passed."""
    verdicts = [each.verdict for each in outcomes]
    state = min(verdicts, key=_ORDER.index).value if verdicts else ""
    value = verdicts.count(Verdict.PASSED) / len(verdicts) if verdicts else None
    return Point(run=run.id, started=run.started, value=value, low=None, high=None, state=state)


def _objective(name: str, runs: Sequence[PastRun], model: str | None) -> Trend | None:
    points, last = [], None
    for run in runs:
        results = [
            each
            for load in run.loads
            for each in load.objectives
            if each.name == name and model in {None, load.model} and load.counts
        ]
        for result in results:
            last = result
            points.append(
                Point(
                    run=run.id,
                    started=run.started,
                    value=result.value,
                    low=result.low,
                    high=result.high,
                    state=result.verdict,
                )
            )
    if last is None:
        return None
    return Trend(subject=name, metric=last.metric, target=last.target, points=tuple(points))
