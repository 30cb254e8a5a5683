"""
Climbing to the highest rate that is kept: an open workload whose rate follows from what it brings.

The steps are offered by a `Ladder`, the schedule of the users. When a step is over and all that it
asked has ended, each process that has users tells what it saw, a `Guide` judges all of it together
and says when the next step begins, and at which rate. They speak by Locust's messages, so they may
be in one process or in several; times in messages are seconds of the run.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Self

import gevent
import gevent.event

from kimi_conformance.errors import UsageError
from kimi_conformance.load.judging.generator import LAG_LIMIT_S, OWN_CORE_LIMIT
from kimi_conformance.load.samples.records import ErrorClass, Kind, Sample, Step
from kimi_conformance.load.users.arrivals import Arrival, Constant
from kimi_conformance.load.users.dispatch import Dispatcher
from kimi_conformance.load.users.loaded import Loaded
from kimi_conformance.load.users.search import GENERATOR, Search, Tried, broken_by
from kimi_conformance.load.users.stages import Stages
from kimi_conformance.slo import Objective, parse
from kimi_conformance.statistics import percentile

__all__ = ["Guide", "Ladder", "climbing", "guiding"]

_NEXT, _SEEN = "kimi_step_next", "kimi_step_seen"
_LEAD_S = 0.3  # from when a step is planned to its begin: all processes are to know of it
_LOOK_S = 0.05  # between looks whether all has ended
_FEWEST = 5  # requests of a step, however short it is


class Ladder:
    """A schedule of steps, each at the rate that it is told; the arrivals of one are even.

    Chance would let a short step seem better or worse than another that offers the same.
    Where nobody guides it, as in a plan, it goes on as if each step were kept.

    Args:
        search: How the rate is looked for.
        step_s: How long a step is.
        drain_s: How long after it what it asked may still take to be sent; what was not sent
            then never is.
    """

    def __init__(self, search: Search, *, step_s: float, drain_s: float = 5.0) -> None:
        self.search = search
        self.guided = False
        self._step_s = step_s
        self._drain_s = drain_s
        self._scale = 1.0
        self._plans: dict[int, Any] = defaultdict(gevent.event.AsyncResult)

    def lasts(self, rate: float) -> float:
        """How long a step of this rate is in this run: a few requests at least belong to it."""
        return max(self._step_s * self._scale, _FEWEST / rate)

    @property
    def drain_s(self) -> float:
        """How long after it something may still be sent, in this run."""
        return self._drain_s * self._scale

    def stretched(self, factor: float) -> Self:
        """Itself, with steps that are longer by this factor: all of a run share one ladder."""
        self._scale = factor
        return self

    def plan(self, step: Mapping[str, Any]) -> None:
        """Say what a step is: its `number`, `begin`, and `rate`; no rate: there are no more."""
        found = None if step["rate"] is None else (step["rate"], step["begin"])
        self._plans[step["number"]].set(found)

    def planned(self, number: int) -> tuple[float, float] | None:
        """Wait for that: rate and begin, or None."""
        found: tuple[float, float] | None = self._plans[number].get()
        return found

    def __iter__(self) -> Iterator[Arrival]:
        steps = self._told() if self.guided else self._supposed()
        for rate, begin in steps:
            for arrival in Constant(((self.lasts(rate), rate),)):
                yield Arrival(begin + arrival.at)

    def _told(self) -> Iterator[tuple[float, float]]:
        for number in count():
            planned = self.planned(number)
            if planned is None:
                return
            yield planned

    def _supposed(self) -> Iterator[tuple[float, float]]:
        tried: list[Tried] = []
        begin = _LEAD_S
        while (rate := self.search.next(tried)) is not None:
            yield rate, begin
            tried.append(Tried(rate, ""))
            begin += self.lasts(rate) + _LEAD_S


@dataclass
class _Climber:
    """Tells what the users of this process saw of each step."""

    ladder: Ladder
    dispatcher: Dispatcher
    setting: Any
    runner: Any
    samples: list[Sample] = field(default_factory=list)

    def run(self) -> None:
        zero, spent, began = self.setting.zero, time.process_time(), time.perf_counter()
        for number in count():
            planned = self.ladder.planned(number)
            if planned is None:
                return
            end = planned[1] + self.ladder.lasts(planned[0])
            while (early := zero + planned[1] - time.perf_counter()) > 0:
                gevent.sleep(early)
            spent, began = time.process_time(), time.perf_counter()
            while (early := zero + end - time.perf_counter()) > 0:
                gevent.sleep(early)
            core = (time.process_time() - spent) / (time.perf_counter() - began)
            self._drain(zero + end)
            self.runner.send_message(_SEEN, self._seen(number, core))

    def _drain(self, end: float) -> None:
        """Wait until everything has ended; what is not even sent in time is given up."""
        dispatcher = self.dispatcher
        while len(self.samples) < dispatcher.count:
            if time.perf_counter() > end + self.ladder.drain_s:
                for arrival in dispatcher.drop():
                    self.setting.log.add(self._unsent(arrival))
                    self.samples.append(self._unsent(arrival))
            gevent.sleep(_LOOK_S)

    def _unsent(self, arrival: Arrival) -> Sample:
        setting, now = self.setting, time.perf_counter() - self.setting.zero
        why = "not sent: no user was free"
        kind = Kind("unsent", setting.model, False, None, ErrorClass.UNFINISHED, why)
        return Sample(kind=kind, intended=arrival.at, start=now, end=now)

    def _seen(self, number: int, core: float) -> dict[str, Any]:
        samples, self.samples[:] = list(self.samples), []
        self.dispatcher.count = 0
        late = [each.start - each.intended for each in samples if each.kind.held is False]
        lag = percentile(late, 99) or 0.0
        return {
            "step": number,
            "calls": [(each.ok, each.response_s, each.ttft_s) for each in samples],
            "saturated": 100 * core > OWN_CORE_LIMIT or lag > LAG_LIMIT_S,
        }


def climbing(setting: Any, runner: Any) -> list[Any]:
    """The greenlets of a process that has users; none where no user climbs."""
    found = []
    for user, dispatcher in setting.dispatchers.items():
        ladder = user.arrivals
        if isinstance(ladder, Ladder):
            ladder.guided = True
            climber = _Climber(ladder, dispatcher, setting, runner)
            setting.watchers.append(climber.samples.append)
            runner.register_message(_NEXT, _listener(ladder.plan))
            found.append(gevent.spawn(climber.run))
    return found


class Guide:
    """Judges the steps, and says what the next one is.

    Args:
        ladder: That is climbed.
        objectives: What each step is held against.
        shape: Of the run: it says when it begins and how long it is at most, and is told when
            there is nothing more to find out.
        processes: How many have users.
        runner: Of Locust.
        setting: Whose log takes the steps, and whose zero the times count from.
    """

    def __init__(
        self,
        ladder: Ladder,
        objectives: Sequence[Objective],
        shape: Stages,
        *,
        processes: int,
        runner: Any,
        setting: Any,
    ) -> None:
        self._ladder = ladder
        self._objectives = objectives
        self._shape = shape
        self._processes = processes
        self._runner = runner
        self._setting = setting
        self._tried: list[Tried] = []
        self._seen: list[Mapping[str, Any]] = []
        self._plan: dict[str, Any] = {}
        runner.register_message(_SEEN, _listener(self._take))

    def run(self) -> None:
        """Begin when all users are there."""
        while self._runner.user_count < self._shape.stages[0][1]:
            gevent.sleep(_LOOK_S)
        self._say(self._shape.warm_up_s)

    def _now(self) -> float:
        return time.perf_counter() - float(self._setting.zero)

    def _say(self, begin: float) -> None:
        rate = self._ladder.search.next(self._tried)
        begin = max(begin, self._now() + _LEAD_S)
        over = rate is None or begin + self._ladder.lasts(rate) > self._shape.length
        self._plan = {
            "number": len(self._tried),
            "rate": None if over else rate,
            "begin": begin,
        }
        self._runner.send_message(_NEXT, self._plan)
        if over:
            self._shape.finish()

    def _take(self, seen: Mapping[str, Any]) -> None:
        """What one process saw of the step; with the last of them the step is judged."""
        self._seen.append(seen)
        if len(self._seen) < self._processes:
            return
        reports, self._seen = self._seen, []
        calls = [call for report in reports for call in report["calls"]]
        saturated = any(report["saturated"] for report in reports)
        broke = GENERATOR if saturated else broken_by(self._objectives, calls)
        rate, begin = self._plan["rate"], self._plan["begin"]
        self._tried.append(Tried(rate, broke))
        self._setting.log.note(
            Step(
                name=f"{rate:.4g} requests/s",
                begin=begin,
                end=begin + self._ladder.lasts(rate),
                judged=not broke,
                rate=rate,
                broke=broke,
            )
        )
        self._say(self._now())


def guiding(
    loaded: Loaded, scenario: Path, setting: Any, runner: Any, processes: int = 1
) -> list[Any]:
    """The greenlets of the process that leads a run; none where nobody climbs.

    Raises:
        UsageError: There is no slo.toml beside the scenario, or several users climb.
    """
    ladders = [user.arrivals for user in loaded.users if isinstance(user.arrivals, Ladder)]
    if not ladders:
        return []
    if len(ladders) > 1:
        raise UsageError(
            f"{scenario.name} has {len(ladders)} users with a Ladder: one rate is looked for in a "
            "run, so one class of users climbs."
        )
    try:
        text = (scenario.parent / "slo.toml").read_text("utf-8")
    except OSError as error:
        raise UsageError(
            f"The scenario {scenario.name} has no slo.toml beside it: {error.strerror}. It says "
            "which objectives a step is held against."
        ) from error
    guide = Guide(
        ladders[0].stretched(loaded.shape.scale),
        parse(text).of(loaded.header.name),
        loaded.shape,
        processes=processes,
        runner=runner,
        setting=setting,
    )
    return [gevent.spawn(guide.run)]


def _listener(take: Callable[[Any], None]) -> Callable[..., None]:
    def listener(msg: Any, **_: Any) -> None:
        take(msg.data)

    return listener
