"""Two runs side by side, ready to be shown."""

from collections.abc import Callable
from dataclasses import dataclass

from kimi_conformance.history.comparison import Change, Comparison, Side
from kimi_conformance.history.regression import Direction, Shift, Steadiness, Sure
from kimi_conformance.reporting.views.view import Headline
from kimi_conformance.reporting.wording.intervals import interval, minute
from kimi_conformance.reporting.wording.quantity import formatter, seconds
from kimi_conformance.reporting.wording.states import STATES, State
from kimi_conformance.reporting.wording.visible import one_line

__all__ = [
    "ChangeRow",
    "ComparePage",
    "ShiftRow",
    "compared",
    "how_sure",
]

_DIRECTIONS = {
    Direction.WORSE: "missed",
    Direction.BETTER: "met",
    Direction.NOT_SHOWN: "undecided",
    Direction.NOT_COMPARED: "not_measured",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """A check; texts are ready to be printed, states None where it is not in that run."""

    before: State | None
    after: State | None
    requirement: str
    check: str
    sut: str
    reason: str
    reason_before: str
    sure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftRow:
    """An objective; texts are ready to be printed."""

    state: State
    direction: str
    name: str
    where: str
    before: str
    before_interval: str
    after: str
    after_interval: str
    difference: str
    p: str
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparePage:
    """The whole comparison.

    Attributes:
        sides: Label, and what and when it was, of the two.
        sections: Anchor, title and rows, what matters most first; none is empty.
        slowest: Rows of check, before, after.
    """

    headline: Headline
    sides: tuple[tuple[str, str], tuple[str, str]]
    sections: tuple[tuple[str, str, tuple[ChangeRow, ...]], ...]
    objectives: tuple[ShiftRow, ...]
    slowest: tuple[tuple[str, ...], ...]


def compared(found: Comparison) -> ComparePage:
    """The page of a comparison."""
    tone = "broken" if found.worse else "held" if found.decided else "open"
    word = {"broken": "WORSE", "held": "NOT WORSE", "open": "INCONCLUSIVE"}[tone]
    sections = (
        ("failing", "Newly failing", found.newly_failing),
        ("undecided", "Not decided any more", found.undecided),
        ("reasons", "Failing for another reason", found.changed_reason),
        ("passing", "Newly passing", found.newly_passing),
        ("gone", "Gone", found.gone),
        ("new", "New", found.new),
    )
    return ComparePage(
        headline=Headline(word=word, tone=tone, because=found.because),
        sides=(_side(found.first), _side(found.second)),
        sections=tuple(
            (anchor, title, tuple(map(_change, changes)))
            for anchor, title, changes in sections
            if changes
        ),
        objectives=tuple(map(_shift, found.objectives)),
        slowest=tuple(
            (
                each.outcome.id,
                each.outcome.sut,
                "–" if each.before is None else seconds(each.before.seconds),
                seconds(each.outcome.seconds),
            )
            for each in found.slowest
        ),
    )


def _side(side: Side) -> tuple[str, str]:
    run = side.run
    verdict = run.verdict or "cut short"
    return side.label, f"{run.job}, {minute(run.started)}, edition {run.edition}: {verdict}"


def _change(change: Change) -> ChangeRow:
    before, after, outcome = change.before, change.after, change.outcome
    return ChangeRow(
        before=STATES[before.verdict.value] if before else None,
        after=STATES[after.verdict.value] if after else None,
        requirement=outcome.requirement,
        check=outcome.id,
        sut=outcome.sut,
        reason=one_line(outcome.reason),
        reason_before=one_line(before.reason) if before and after else "",
        sure=how_sure(change.steadiness) if change.steadiness else "",
    )


def how_sure(steady: Steadiness) -> str:
    """How sure it is that a change has a cause.

    >>> how_sure(Steadiness(Sure.FLAKY, 12, 4, 0.6))
    'flaky: flipped 4 times in 12 runs'
    >>> how_sure(Steadiness(Sure.STEADY, 20, 0, 0.168))
    'steady: never flipped in 20 runs, so in 17 % of runs at most'
    """
    if steady.sure is Sure.UNSURE:
        return f"unsure: only {steady.runs} earlier run{'' if steady.runs == 1 else 's'}"
    often = {0: "never flipped", 1: "flipped once"}
    flipped = often.get(steady.flips, f"flipped {steady.flips} times")
    text = f"{steady.sure.value}: {flipped} in {steady.runs} runs"
    if steady.sure is Sure.FLAKY or steady.at_most is None:
        return text
    return f"{text}, so in {100 * steady.at_most:.0f} % of runs at most"


def _shift(shift: Shift) -> ShiftRow:
    write = formatter(shift.after.metric)
    before, after = shift.before, shift.after
    return ShiftRow(
        state=STATES[_DIRECTIONS[shift.direction]],
        direction=shift.direction.value,
        name=shift.name,
        where=f"{shift.scenario}, {shift.model}",
        before="–" if before.value is None else write(before.value),
        before_interval=interval(before.low, before.high, write),
        after="–" if after.value is None else write(after.value),
        after_interval=interval(after.low, after.high, write),
        difference=interval(shift.low, shift.high, _signed(write)),
        p="–" if shift.p is None else "< 0.001" if shift.p < 0.001 else f"{shift.p:.3f}",
        method=shift.method,
    )


def _signed(write: Callable[[float], str]) -> Callable[[float], str]:
    """Of a difference: both signs are written, and the share's way of rounding is kept."""
    return lambda value: f"{'−' if value < 0 else '+'}{write(abs(value))}"
