"""
The states that a report shows, each by shape, letter and colour, so that none relies on one.

The order of the table is the order of badness: where several checks decide one requirement,
the first state among theirs is shown. A requirement that was decided only in part is
therefore never shown as passed.
"""

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["STATES", "State", "worst"]


@dataclass(frozen=True, slots=True)
class State:
    """How one state is shown.

    Attributes:
        key: A `Verdict`'s value, a state of an objective, or one of those below; also the
            name of the CSS class.
        letter: What stands inside the shape.
        word: What is read aloud and written beside it.
        meaning: One sentence for the legend.
    """

    key: str
    letter: str
    word: str
    meaning: str


STATES = {
    state.key: state
    for state in (
        State("failed", "F", "failed", "The requirement does not hold."),
        State("error", "E", "error", "The suite itself broke: nothing was decided."),
        State("inconclusive", "I", "inconclusive", "A prerequisite did not hold: never green."),
        State("known_failure", "K", "known failure", "Fails as the baseline file says it would."),
        State("not_claimed", "N", "not claimed", "The SUT does not claim the capability."),
        State("passed", "P", "passed", "Every check of it held."),
        State("not_run", "–", "not run", "This run has no check of it."),
        State("no_matter", "", "other plane", "It is about the other side of the wire."),
        State("missed", "✕", "missed", "The whole interval is on the bad side of the target."),
        State("undecided", "?", "undecided", "The interval spans the target: measure longer."),
        State("met", "✓", "met", "The whole interval is on the good side of the target."),
        State("not_measured", "–", "not measured", "This run has no load test."),
    )
}


def worst(keys: Iterable[str], otherwise: str) -> State:
    """The state that is shown for several, or for none."""
    found = set(keys)
    return next((state for key, state in STATES.items() if key in found), STATES[otherwise])
