"""When probes are sent: beats with jitter, none made up for, each remembered before the next."""

from dataclasses import dataclass, field
from random import Random

import pytest

from kimi_conformance.errors import BudgetError, RunError
from kimi_conformance.history.past import Probe
from kimi_conformance.load.samples.records import ErrorClass
from kimi_conformance.probing.request import Found, Probing
from kimi_conformance.probing.schedule import JITTER, Prober
from kimi_conformance.stage import Budget
from kimi_conformance.wire.exchange import Request


@dataclass
class Clock:
    """Time that passes only by waiting and by asking; somebody may ask to stop at a moment."""

    moment: float = 0.0
    stop_at: float = float("inf")

    def now(self) -> float:
        return 1_000_000 + self.moment

    def ticks(self) -> float:
        return self.moment

    def wait(self, seconds: float) -> bool:
        self.moment = min(self.moment + seconds, max(self.stop_at, self.moment))
        return self.moment >= self.stop_at


@dataclass
class Service:
    """Takes so long for an answer; the third takes `hang` instead."""

    clock: Clock
    takes: float = 0.5
    hang: float | None = None
    asked: list[str] = field(default_factory=list)

    def request(self, model: str) -> Request:
        self.asked.append(model)
        return Probing.request(model)

    def ask(self, request: Request) -> Found:
        took = self.hang if self.hang is not None and len(self.asked) == 3 else self.takes
        self.clock.moment += took
        return Found(error=ErrorClass.OK, status=200, detail="", ttft_s=0.1, response_s=took)


@dataclass
class Scene:
    clock: Clock = field(default_factory=Clock)
    budget: Budget = field(default_factory=Budget)
    models: tuple[str, ...] = ("m",)
    hang: float | None = None
    sent: list[Probe] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    full: bool = False

    def remember(self, probe: Probe) -> None:
        if self.full:
            raise RunError("the disk is full")
        self.sent.append(probe)

    @property
    def prober(self) -> Prober:
        return Prober(
            asking=Service(self.clock, hang=self.hang),
            base_url="u",
            models=self.models,
            interval_s=60.0,
            remember=self.remember,
            warn=self.warnings.append,
            budget=self.budget,
            times=self.clock,
            random=Random(1),
        )

    @property
    def moments(self) -> list[float]:
        return [probe.at - 1_000_000 for probe in self.sent]


def test_beats_are_an_interval_apart_give_or_take_the_jitter() -> None:
    scene = Scene()

    why = scene.prober.run(for_s=580.0)

    assert why == "the time is over"
    assert len(scene.moments) == 10
    assert scene.moments[0] == 0.0
    shifts = [moment - 60 * beat for beat, moment in enumerate(scene.moments)]
    assert all(abs(shift) <= 60 * JITTER for shift in shifts)
    assert len(set(shifts)) > 5


def test_a_beat_that_was_missed_is_left_out() -> None:
    scene = Scene(hang=200.0)

    scene.prober.run(for_s=600.0)

    beats = [round(moment / 60) for moment in scene.moments]
    assert beats == [0, 1, 2, 6, 7, 8, 9]  # the third was under way from 2:00 to 5:20


def test_a_stop_ends_the_waiting() -> None:
    scene = Scene(Clock(stop_at=130.0))

    assert scene.prober.run() == "it was told to stop"
    assert len(scene.sent) == 3 - (scene.moments[-1] < 100)
    assert scene.clock.moment <= 131


@pytest.mark.parametrize("budget", [Budget(max_requests=3), Budget(max_tokens=150)])
def test_a_budget_ends_it(budget: Budget) -> None:
    scene = Scene(budget=budget)

    why = scene.prober.run()

    assert "Allow more with --max-" in why
    assert len(scene.sent) == 3
    assert [probe.tokens for probe in scene.sent] == [budget.tokens // 3] * 3


def test_one_round_asks_every_model_once() -> None:
    scene = Scene(models=("a", "b"))

    probes = scene.prober.once()

    assert [probe.model for probe in probes] == ["a", "b"]
    assert scene.sent == probes
    with pytest.raises(BudgetError):
        Scene(budget=Budget(max_requests=1), models=("a", "b")).prober.once()


def test_a_probe_that_cannot_be_remembered_is_told_and_the_next_is_sent() -> None:
    scene = Scene(full=True)

    scene.prober.run(for_s=120.0)

    assert len(scene.warnings) == 2
    assert "its time will be unknown" in scene.warnings[0]
