"""The state machines find what is wrong, in bounded time, and find nothing else."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from kimi_conformance.adapters.mutants import BREAKS, mutant
from kimi_conformance.adapters.protocol import Binding
from kimi_conformance.adapters.registry import factory_of
from kimi_conformance.checks import inputs
from kimi_conformance.checks.inputs import read_examples
from kimi_conformance.checks.machines import (
    CachingCourse,
    CachingLaw,
    CachingMachine,
    Course,
    Machine,
    RetryCourse,
    RetryLaw,
    RetryMachine,
    Step,
    ToolsCourse,
    ToolsMachine,
    search,
    take_all,
)
from kimi_conformance.checks.opening import OpenAdapter
from kimi_conformance.checks.upstream import FakeClock, Upstream
from kimi_conformance.errors import UsageError
from kimi_conformance.stage import Script, Stage
from kimi_conformance.stage.script import Scripted
from kimi_conformance.suite import Suite
from kimi_conformance.wire.exchange import Answer, Request

MOMENT = 0.05  # seconds
STEPS = 4000  # that a search may take to find a fault; it takes some hundreds
NewCourse = Callable[[str, CachingLaw], Course]

HEAVY = pytest.mark.heavy
# The first four made these machines worth building.
FAULTS = [
    pytest.param("compares-role-and-content-only", CachingLaw.MATCHING, id="role and content"),
    pytest.param("counts-tools", CachingLaw.MATCHING, id="number of tools"),
    pytest.param("holds-everybody-up", CachingLaw.DESPITE_MAKING, id="one lock for all"),
    pytest.param("invents-an-id", CachingLaw.MATCHING, id="an id made up"),
    pytest.param("takes-true-for-one", CachingLaw.MATCHING, id="1 is true"),
    pytest.param("stops-at-a-failed-deletion", CachingLaw.DESPITE_DELETING, id="deletion"),
    pytest.param("shares-one-cache", CachingLaw.OWN, id="one cache for all"),
    pytest.param("gives-caches-up-after-an-hour", CachingLaw.ONCE, id="not renewed"),
    pytest.param("keeps-outdated-caches", CachingLaw.LEFT, id="left behind"),
    pytest.param("cuts-a-cache-in-a-call", CachingLaw.PAIRED, id="half a call"),
]


@pytest.fixture
def upstream(stage: Stage) -> Iterator[Upstream]:
    script = Script()
    lane = stage.open_lane(script)
    yield Upstream(lane, script)
    stage.close_lane(lane)


@pytest.fixture
def opening(upstream: Upstream) -> Callable[[str, FakeClock], OpenAdapter]:
    def opening(spec: str, clock: FakeClock) -> OpenAdapter:
        binding = Binding(
            base_url=upstream.base_url, api_key="sk-placeholder", clock=clock, patience=0.5
        )
        return OpenAdapter(factory_of(spec), binding)

    return opening


@pytest.fixture
def conversing(
    upstream: Upstream, opening: Callable[[str, FakeClock], OpenAdapter]
) -> Callable[[str, CachingLaw], CachingCourse]:
    def conversing(spec: str, law: CachingLaw) -> CachingCourse:
        clock = FakeClock()
        return CachingCourse(opening(spec, clock), upstream, clock, law)

    return conversing


@pytest.fixture
def searching() -> Iterator[Callable[[int, int], None]]:
    """Sets how long to search; after the test it is as before."""
    before = settings()

    def limit(courses: int, steps: int) -> None:
        settings.register_profile(
            "bounded",
            before,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate, Phase.shrink],
            max_examples=3 * courses,  # a machine takes a third of them
            stateful_step_count=steps,
            suppress_health_check=[HealthCheck.too_slow],
        )
        settings.load_profile("bounded")

    yield limit
    settings.register_profile("before", before)
    settings.load_profile("before")


@pytest.mark.parametrize(
    ("name", "law"),
    [*FAULTS[:3], *(pytest.param(*each.values, id=each.id, marks=HEAVY) for each in FAULTS[3:])],
)
def test_a_search_finds_each_fault_and_says_how_to_see_it_again(
    name: str,
    law: CachingLaw,
    conversing: NewCourse,
    searching: Callable[[int, int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mutant, "PATIENCE", 5)
    searching(STEPS // 50, 50)

    with pytest.raises(AssertionError, match=f"^{law}: ") as caught:
        search(CachingMachine, partial(conversing, f"mutant:{name}", law), {})

    [note] = [note for note in caught.value.__notes__ if note.startswith("How to keep")]
    steps = json.loads(note.partition("Its steps: ")[2])
    assert len(steps) <= 6
    with pytest.raises(AssertionError, match=f"^{law}: "):
        search(CachingMachine, partial(conversing, f"mutant:{name}", law), {"kept": steps})


@pytest.mark.parametrize(("name", "law"), FAULTS)
def test_the_kept_courses_find_each_fault_before_anything_is_searched(
    name: str, law: CachingLaw, conversing: NewCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutant, "PATIENCE", 5)
    kept = read_examples(f"caching/{law.name.lower()}")

    with pytest.raises(AssertionError, match=f"^{law}: ") as caught:
        search(CachingMachine, partial(conversing, f"mutant:{name}", law), kept)

    assert any(note.startswith("This is the course kept as") for note in caught.value.__notes__)


@pytest.mark.parametrize("law", CachingLaw)
def test_the_reference_keeps_every_law_on_every_kept_course(
    law: CachingLaw, conversing: NewCourse, searching: Callable[[int, int], None]
) -> None:
    searching(2, 10)
    kept = {
        name: steps
        for each in CachingLaw
        for name, steps in read_examples(f"caching/{each.name.lower()}").items()
    }

    courses = search(CachingMachine, partial(conversing, "reference", law), kept)

    assert len(courses) == len(kept) + 2
    assert all(course.arrived for course in courses[: len(kept)])


@pytest.mark.heavy
@pytest.mark.parametrize("law", CachingLaw)
def test_the_reference_keeps_every_law_for_thousands_of_steps(
    law: CachingLaw, conversing: NewCourse, searching: Callable[[int, int], None]
) -> None:
    searching(80, 50)

    courses = search(CachingMachine, partial(conversing, "reference", law), {})

    assert sum(len(course.steps) for course in courses) >= 2000


def test_a_fault_that_only_a_second_chat_shows_is_found(
    upstream: Upstream, opening: Callable[[str, FakeClock], OpenAdapter]
) -> None:
    clock = FakeClock()

    def new_course() -> Course:
        return RetryCourse(
            opening("mutant:never-forgets-a-failure", clock), upstream, clock, RetryLaw.WAITS
        )

    with pytest.raises(AssertionError, match=r"^waits: "):
        search(RetryMachine, new_course, {})


def test_a_tool_result_left_over_for_the_next_question_is_found(
    upstream: Upstream, opening: Callable[[str, FakeClock], OpenAdapter]
) -> None:
    def new_course() -> Course:
        return ToolsCourse(opening("mutant:remembers-tool-results", FakeClock()), upstream)

    with pytest.raises(AssertionError, match="holds"):
        search(ToolsMachine, new_course, {})


def retries(upstream: Upstream, client: OpenAdapter, clock: FakeClock) -> Course:
    return RetryCourse(client, upstream, clock, RetryLaw.SUCCEEDING)


def tools(upstream: Upstream, client: OpenAdapter, _: FakeClock) -> Course:
    return ToolsCourse(client, upstream)


@pytest.mark.parametrize(
    ("new_course", "steps"),
    [
        pytest.param(retries, [{"step": "chat", "outcomes": ["no choices"]}], id="retry"),
        pytest.param(
            tools,
            [{"step": "call", "names": ["search"], "text": None}, {"step": "ask"}],
            id="tools",
        ),
    ],
)
def test_a_stage_that_stands_still_for_a_moment_has_nobody_ask_again(
    new_course: Callable[[Upstream, OpenAdapter, FakeClock], Course],
    steps: Sequence[Step],
    stage: Stage,
) -> None:
    script, clock = Script(), FakeClock()
    lane = stage.open_lane(script)
    binding = Binding(
        base_url=lane.base_url, api_key="sk-placeholder", clock=clock, patience=MOMENT / 5
    )
    client = OpenAdapter(factory_of("reference"), binding)
    course = new_course(Upstream(lane, script), client, clock)
    script.answers[:] = [after_a_moment(*script.answers)]

    asyncio.run(take_all(course, steps))

    assert course.arrived == 2
    stage.close_lane(lane)


def after_a_moment(answer: Scripted) -> Callable[[Request], Answer]:
    """Answers the same when the stage, and everybody who asks it, has stood still."""
    assert callable(answer)

    def late(request: Request) -> Answer:
        time.sleep(MOMENT)
        return answer(request)

    return late


class Numbers(Course):
    """Is broken by the third 7, whatever stands between."""

    sevens = 0

    async def number(self, value: int) -> None:
        self.sevens += value == 7
        assert self.sevens < 3

    async def leave(self) -> None:
        pass


class AnyNumbers(Machine):
    @rule(value=st.integers(0, 9))
    def number(self, value: int) -> None:
        self.take("number", value=value)


def test_a_course_is_shortened_to_the_steps_that_it_takes() -> None:
    with pytest.raises(AssertionError) as caught:
        search(AnyNumbers, Numbers, {})

    seven = {"step": "number", "value": 7}
    assert f"Its steps: {json.dumps([seven] * 3)}" in caught.value.__notes__[0]


class Moody(Course):
    """Is broken by the first 7 of all, and never again."""

    seen: ClassVar[list[int]] = []

    async def number(self, value: int) -> None:
        if value == 7:
            self.seen.append(value)
            assert len(self.seen) > 1, "seven"

    async def leave(self) -> None:
        pass


def test_what_broke_a_law_once_is_told_though_it_cannot_be_repeated() -> None:
    Moody.seen.clear()

    with pytest.raises(AssertionError, match=r"^seven") as caught:
        search(AnyNumbers, Moody, {})

    assert any("taken again, broke nothing" in note for note in caught.value.__notes__)


def test_kept_courses_that_hold_are_taken_once(searching: Callable[[int, int], None]) -> None:
    searching(1, 1)

    courses = search(AnyNumbers, Numbers, {"one": [{"step": "number", "value": 7}]})

    assert courses[0].steps == [{"step": "number", "value": 7}]
    assert len(courses) == 2


@pytest.mark.parametrize("text", ["[]", '{"shows": "nothing"}', '{"steps": []}'])
def test_a_file_that_is_no_example_is_named(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "fixtures" / "examples" / "caching" / "odd.json"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    monkeypatch.setattr(inputs, "find", lambda: Suite(tmp_path))

    with pytest.raises(UsageError, match=r"examples/caching/odd\.json"):
        read_examples("caching")


def test_where_nothing_was_kept_there_are_no_examples() -> None:
    assert read_examples("no/such/topic") == {}


def test_every_fault_named_here_is_one_of_the_mutants() -> None:
    assert {param.values[0] for param in FAULTS} <= BREAKS.keys()
