"""
Searches for a course of steps on which a client breaks a law.

A *course* leads one client through steps, such as "send" or "edit_system", and raises where a
law does not hold afterwards. A *machine* lets Hypothesis choose the steps. A step is plain
JSON, {"step": "switch_session", "name": "b"}, so a course that once broke a client is kept as
a file and taken again ever after.

A course that was found is shortened here and not by Hypothesis, which would take minutes for
the last step: steps are left out as long as the law is still broken.
"""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from hypothesis import Phase, settings
from hypothesis.errors import FlakyFailure
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

__all__ = ["Course", "Machine", "Step", "search", "take_all"]

Step = Mapping[str, Any]

# A course has some twenty steps of two requests each where an ordinary example has two requests.
SHARE = 3  # of the examples that a profile allows, a machine takes one in so many
ATTEMPTS = 60  # to shorten a course; each takes it once


class Course:
    """A client, what answers it, and what must hold after each step.

    The public coroutine methods of a course are its steps; their arguments are JSON.

    Attributes:
        steps: Those taken so far.
        arrived: How many requests have come from the client that the laws are about.
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.arrived = 0

    async def take(self, step: Step) -> None:
        """Take one step.

        Raises:
            AssertionError: A law does not hold after it.
        """
        self.steps.append(step)
        what = dict(step)
        with self._noted():
            await getattr(self, what.pop("step"))(**what)

    async def end(self) -> None:
        """Let the client go; called once, also after a law was broken.

        Raises:
            AssertionError: A law does not hold at the end.
        """
        with self._noted():
            await self.leave()

    async def leave(self) -> None:
        """Let the client go."""
        raise NotImplementedError

    @contextmanager
    def _noted(self) -> Iterator[None]:
        """Says how the course is kept, if it breaks a law."""
        try:
            yield
        except AssertionError as error:
            steps = json.dumps(self.steps)
            error.add_note(f"How to keep this course: conformance/README.md. Its steps: {steps}")
            raise


class Machine(RuleBasedStateMachine):
    """Chooses the steps of a course; a rule hands its step to `take`.

    Args:
        course: Taken from its first step to its end.
    """

    def __init__(self, course: Course) -> None:
        super().__init__()
        self.course = course
        self._runner = _new_runner()

    def take(self, step: str, **what: Any) -> None:
        """Take a step; its arguments are JSON."""
        self._runner.run(self.course.take({"step": step, **what}))

    def teardown(self) -> None:
        """End the course."""
        with self._runner:
            self._runner.run(self.course.end())


async def take_all(course: Course, steps: Sequence[Step]) -> None:
    """Take a course from its first step to its end.

    Raises:
        AssertionError: A law does not hold after one of them.
    """
    try:
        for step in steps:
            await course.take(step)
    finally:
        await course.end()


def search(
    machine: Callable[[Any], Machine],
    new_course: Callable[[], Course],
    kept: Mapping[str, Sequence[Step]],
) -> list[Course]:
    """Let Hypothesis look for a course that breaks a law, for as long as its profile says.

    Args:
        machine: Chooses the steps of a course.
        new_course: Begins one.
        kept: The courses that once broke the law, by their names; they are taken first.

    Returns:
        Those that were taken.

    Raises:
        AssertionError: One was found; its note has the steps that it takes.
    """
    taken: list[Course] = []
    for name, steps in kept.items():
        taken.append(new_course())
        if (broken := _broken_by(steps, taken[-1])) is not None:
            broken.add_note(f"This is the course kept as {name}.")
            raise broken

    def begin() -> Machine:
        taken.append(new_course())
        return machine(taken[-1])

    profile = settings()
    limits = settings(
        profile,
        max_examples=max(1, profile.max_examples // SHARE),
        phases=[phase for phase in profile.phases if phase is not Phase.shrink],
    )
    try:
        # It asks for a class, and only ever calls it.
        run_state_machine_as_test(begin, settings=limits)  # type: ignore[arg-type]
    except AssertionError as error:
        raise _shortened(error, taken[-1].steps, new_course) from None
    except FlakyFailure as flaky:
        raise _broken_once(flaky) from None
    return taken


def _broken_once(flaky: FlakyFailure) -> Exception:
    """The error that a course led to once, and not when Hypothesis took it again."""
    for error in flaky.exceptions:
        if isinstance(error, AssertionError):
            error.add_note("The same steps, taken again, broke nothing: is it a matter of time?")
            return error
    return flaky


def _shortened(
    error: AssertionError, steps: Sequence[Step], new_course: Callable[[], Course]
) -> AssertionError:
    """The error that as few of the steps as possible lead to; this one, if it takes them all."""
    attempts = iter(range(ATTEMPTS))
    size = len(steps) // 2
    while size:
        start = 0
        while start < len(steps):
            fewer = [*steps[:start], *steps[start + size :]]
            if next(attempts, None) is None:
                return error
            if (broken := _broken_by(fewer, new_course())) is not None:
                error, steps = broken, fewer
            else:
                start += size
        size //= 2
    return error


def _broken_by(steps: Sequence[Step], course: Course) -> AssertionError | None:
    try:
        with _new_runner() as runner:
            runner.run(take_all(course, steps))
    except AssertionError as error:
        return error
    return None


def _new_runner() -> asyncio.Runner:
    """One that leaves the event loop of the process as it is."""
    return asyncio.Runner(loop_factory=asyncio.new_event_loop)
