"""Two runs, or two SUTs or models of one, side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kimi_conformance.history.past import LoadResult, PastRun
from kimi_conformance.history.regression import (
    Direction,
    Samples,
    Shift,
    Steadiness,
    Sure,
    shifts,
    steadiness,
)
from kimi_conformance.verdicts import Outcome, Verdict

__all__ = ["Change", "Comparison", "Side", "compare"]

SLOWEST = 10  # checks that are named
BAD = (Verdict.FAILED, Verdict.ERROR)

Earlier = Callable[[str, str], Sequence[Verdict]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two.

    Attributes:
        sut: The SUT it is about, or None: all.
        model: The model whose loads it is about, or None: all.
        samples: The values behind its loads, where they are still there.
    """

    run: PastRun
    sut: str | None = None
    model: str | None = None
    samples: Samples

    @property
    def label(self) -> str:
        """What it is called."""
        part = self.sut or self.model
        return f"{self.run.id}:{part}" if part else self.run.id

    @property
    def outcomes(self) -> Sequence[Outcome]:
        """The outcomes it is about; none of a model, which no check is of."""
        if self.model is not None:
            return ()
        return [each for each in self.run.outcomes if self.sut in {None, each.sut}]

    @property
    def loads(self) -> Sequence[LoadResult]:
        """The loads it is about."""
        return [each for each in self.run.loads if self.model in {None, each.model}]


@dataclass(frozen=True, slots=True)
class Change:
    """A check in both; one of the two may be missing.

    Attributes:
        steadiness: How the check behaved before the second run; None where nothing is new.
    """

    before: Outcome | None
    after: Outcome | None
    steadiness: Steadiness | None = None

    @property
    def outcome(self) -> Outcome:
        """The newer of the two."""
        found = self.after or self.before
        assert found is not None, "one of the two is there"
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is different.

    Attributes:
        newly_failing: Failed or broke now, and did not before.
        newly_passing: Failed or broke before, and passes now.
        undecided: Passed or failed before, and is not decided now.
        changed_reason: Fails as before, but says another reason.
        gone, new: Only in the first, only in the second.
        objectives: Those that both measured.
        slowest: The checks that took longest in the second, longest first.
    """

    first: Side
    second: Side
    newly_failing: tuple[Change, ...]
    newly_passing: tuple[Change, ...]
    undecided: tuple[Change, ...]
    changed_reason: tuple[Change, ...]
    gone: tuple[Change, ...]
    new: tuple[Change, ...]
    objectives: tuple[Shift, ...]
    slowest: tuple[Change, ...]

    @property
    def worse(self) -> bool:
        """Whether anything fails that did not, or an objective is shown to be worse."""
        return bool(self.newly_failing) or any(
            shift.direction is Direction.WORSE for shift in self.objectives
        )

    @property
    def decided(self) -> bool:
        """Whether both runs came to their end, and nothing lost its verdict."""
        return self.first.run.complete and self.second.run.complete and not self.undecided

    @property
    def because(self) -> str:
        """The sentence that a person should read first."""
        parts = []
        if self.newly_failing:
            flaky = [
                each
                for each in self.newly_failing
                if each.steadiness and each.steadiness.sure is Sure.FLAKY
            ]
            note = f" ({len(flaky)} of them flaky)" if flaky else ""
            parts.append(f"{_checks(len(self.newly_failing))} newly failing{note}")
        worse = [each.name for each in self.objectives if each.direction is Direction.WORSE]
        if worse:
            parts.append(f"worse: {', '.join(worse)}")
        if self.undecided:
            parts.append(f"{_checks(len(self.undecided))} not decided any more")
        runs = (self.first.run, self.second.run)
        parts += [f"{run.id} was cut short" for run in runs if not run.complete]
        return "; ".join(parts) or "nothing got worse"


def compare(first: Side, second: Side, earlier: Earlier) -> Comparison:
    """Hold a run, or a part of it, against another.

    Args:
        first: What was before, or one SUT or model.
        second: What is now, or another one.
        earlier: The verdicts of a check on a SUT before the second run, oldest first.
    """
    # Two SUTs are compared check by check, whatever each is called.
    by_name = first.sut is None or second.sut is None
    before = {_key(each, by_name): each for each in first.outcomes}
    after = {_key(each, by_name): each for each in second.outcomes}
    both = [(before[key], after[key]) for key in after if key in before]

    def changes(
        what: Callable[[Outcome, Outcome], bool], *, judged: bool = False
    ) -> tuple[Change, ...]:
        return tuple(
            Change(old, now, steadiness(earlier(now.id, now.sut)) if judged else None)
            for old, now in both
            if what(old, now)
        )

    slow = sorted(after.items(), key=lambda item: -item[1].seconds)[:SLOWEST]
    return Comparison(
        first=first,
        second=second,
        newly_failing=changes(
            lambda old, now: now.verdict in BAD and old.verdict not in BAD, judged=True
        ),
        newly_passing=changes(
            lambda old, now: old.verdict in BAD and now.verdict is Verdict.PASSED, judged=True
        ),
        undecided=changes(_lost),
        changed_reason=changes(
            lambda old, now: old.verdict in BAD and now.verdict in BAD and old.reason != now.reason
        ),
        gone=tuple(Change(each, None) for key, each in before.items() if key not in after),
        new=tuple(Change(None, each) for key, each in after.items() if key not in before),
        objectives=shifts(
            first.loads,
            second.loads,
            (first.samples, second.samples),
            across_models=None not in {first.model, second.model},
        ),
        slowest=tuple(Change(before.get(key), now) for key, now in slow),
    )


def _key(outcome: Outcome, by_name: bool) -> tuple[str, str]:
    return outcome.id, outcome.sut if by_name else ""


def _lost(old: Outcome, now: Outcome) -> bool:
    decided = (*BAD, Verdict.PASSED)
    return old.verdict in decided and now.verdict is Verdict.INCONCLUSIVE


def _checks(count: int) -> str:
    return f"{count} check{'' if count == 1 else 's'}"
