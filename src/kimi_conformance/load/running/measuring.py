"""
What runs beside the users of one process: it writes what was sampled, and measures the generator.

Locust drives the users; one greenlet writes, one wakes again and again to see how late that is,
and one asks for the resources once a second, in a thread of its own.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import Any

import gevent
import gevent.event
from locust.env import Environment

from kimi_conformance.errors import RunError
from kimi_conformance.load.client.connection import Counts
from kimi_conformance.load.running.garbage import Garbage
from kimi_conformance.load.running.resources import Sampler, Usage
from kimi_conformance.load.samples.merge import row_block
from kimi_conformance.load.samples.records import Ended, ErrorClass, Kind, Sample, Tick
from kimi_conformance.load.users.climb import climbing
from kimi_conformance.load.users.setting import Setting, Tally

__all__ = ["State", "listen", "note_spent", "note_unsent", "say", "signals", "started"]

_TICK_S = 1.0
_LAG_PROBE_S = 0.05
_FLUSH_S = 0.5  # between writing samples: half of what a killed run may lose
_UNSENT = "not sent: no user was free"


@dataclass
class State:
    """What the greenlets of a run share.

    Attributes:
        over: Set when the run has ended, for whatever reason.
        why: The reason; the first one that was given counts.
        faults: What the scenario raised, one line each.
        lags: How late each of the last short sleeps woke.
        requests, failures: Counted for whoever looks on.
        parent: The process to end with, or None.
    """

    over: gevent.event.Event = field(default_factory=gevent.event.Event)
    why: Ended = Ended.COMPLETE
    faults: list[str] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    requests: int = 0
    failures: int = 0
    parent: int | None = None

    def count(self, sample: Sample) -> None:
        """Count a logical call that is over."""
        self.requests += 1
        self.failures += not sample.ok

    def stop(self, why: Ended) -> None:
        """End the run."""
        if not self.over.is_set():
            self.why = why
            self.over.set()

    def broke(self, error: BaseException) -> None:
        """The scenario raised: it does not do what it says, so it goes no further."""
        line = f"{type(error).__name__}: {error}"
        if line not in self.faults:
            self.faults.append(line)
        self.stop(Ended.BROKEN)

    def look_for_parent(self) -> None:
        """End with whoever started this process, even where that was killed."""
        if self.parent is not None and os.getppid() != self.parent:
            self.stop(Ended.INTERRUPTED)


def listen(environment: Environment, state: State) -> None:
    """End the run when Locust has ended it or the scenario raised."""

    def fault(exception: Exception, **_: Any) -> None:
        state.broke(exception)

    events = environment.events
    for hook, listener in (
        (events.user_error, fault),
        (events.test_stop, lambda **_: state.stop(Ended.COMPLETE)),
    ):
        hook.add_listener(listener)  # type: ignore[no-untyped-call]


@contextmanager
def signals(state: State) -> Iterator[None]:
    """Let SIGINT and SIGTERM end the run, with everything written that is known."""
    handlers = [
        gevent.signal_handler(number, state.stop, Ended.INTERRUPTED) for number in (SIGINT, SIGTERM)
    ]
    try:
        yield
    finally:
        for handler in handlers:
            handler.cancel()


def started(
    environment: Environment,
    setting: Setting,
    sampler: Sampler,
    state: State,
    garbage: Garbage,
    *,
    source: int = 0,
    counted: bool = True,
    shipped: Callable[[], object] = lambda: None,
) -> list[Any]:
    """The greenlets of one process; whoever starts them ends them.

    Args:
        environment: Of Locust.
        setting: Of the users.
        sampler: Of the resources.
        state: Of the run.
        garbage: That is kept out of it.
        source: The number of this process among those of the run.
        counted: Whether this process answers for the resources of the load; one whose parent
            counts it among its own does not.
        shipped: Called whenever something was written.
    """
    setting.watchers.append(state.count)
    beside = [
        gevent.spawn(_probe_lag, state.lags),
        gevent.spawn(_flush, setting, state, source, shipped),
        gevent.spawn(_tick, environment, setting, sampler, state, garbage, counted=counted),
    ]
    offering = [
        *climbing(setting, environment.runner),
        *(gevent.spawn(each.run) for each in setting.dispatchers.values()),
    ]
    for greenlet in offering:  # what offers no more load must not end in silence
        greenlet.link_exception(lambda ended: state.broke(ended.exception))
    return [*beside, *offering]


def note_unsent(setting: Setting, now: float) -> None:
    """Note what had arrived and was never sent, since nobody was free: it was not served."""
    for dispatcher in setting.dispatchers.values():
        for arrival in dispatcher.left():
            kind = Kind("unsent", setting.model, False, None, ErrorClass.UNFINISHED, _UNSENT)
            intended = dispatcher.zero + arrival.at - setting.zero
            setting.log.add(Sample(kind=kind, intended=intended, start=now, end=now))


def note_spent(setting: Setting, source: int = 0) -> None:
    """Note what was spent, where there is a budget."""
    if setting.account is not None:
        setting.log.write(row_block(setting.account.row(), source))


def say(line: str) -> None:
    """A line of progress."""
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # nobody listens any more; the samples are what counts
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115


def _probe_lag(lags: list[float]) -> None:
    """Sleep shortly, again and again, and note how late each waking is."""
    while True:
        due = time.perf_counter() + _LAG_PROBE_S
        gevent.sleep(_LAG_PROBE_S)
        lags.append(round(max(time.perf_counter() - due, 0.0), 6))


def _flush(setting: Setting, state: State, source: int, shipped: Callable[[], object]) -> None:
    """Write what was sampled, again and again; a run whose samples have no place has no use."""
    while True:
        gevent.sleep(_FLUSH_S)
        state.look_for_parent()
        if setting.account is not None and setting.account.reached:
            state.stop(Ended.BUDGET)
        try:
            note_spent(setting, source)
            setting.log.flush()
            if setting.kept is not None:
                setting.kept.flush()
        except RunError as error:
            sys.stderr.write(f"{error}\n")
            state.broke(error)
            return
        shipped()


def _tick(
    environment: Environment,
    setting: Setting,
    sampler: Sampler,
    state: State,
    garbage: Garbage,
    *,
    counted: bool,
) -> None:
    """Once a second, note the state of the machines and say how far the run is."""
    threads = gevent.get_hub().threadpool
    told, read = Tally(), Counts()
    before, spent = time.perf_counter(), time.process_time()
    while True:
        gevent.sleep(max(before + _TICK_S - time.perf_counter(), 0.0))
        reading = threads.apply(sampler.read)
        now, own = time.perf_counter(), time.process_time()
        lags, state.lags[:] = tuple(state.lags), []
        target, seen = reading.target, replace(setting.tally)
        load = reading.load if counted else Usage(0.0, 0.0)
        counts = replace(seen.counts)
        tick = Tick(
            at=round(now - setting.zero, 6),
            users=environment.runner.user_count if environment.runner else 0,
            host_cpu=round(reading.host.cpu, 3),
            host_memory=round(reading.host.memory, 3),
            load_cpu=round(load.cpu, 3),
            load_memory=round(load.memory, 3),
            target_cpu=round(target.cpu, 3) if target else None,
            target_memory=round(target.memory, 3) if target else None,
            own_core=round(100 * (own - spent) / (now - before), 3),
            lags=lags,
            reads=counts.reads - read.reads,
            unstamped=counts.unstamped - read.unstamped,
            received=counts.received - read.received,
            chunks=seen.chunks - told.chunks,
            shared=seen.shared - told.shared,
            collections=int(garbage.watch()),
            refused=seen.refused - told.refused,
            cached=seen.cached - told.cached,
            clock_set_s=round(reading.clock_set_s, 3),
            asleep_s=round(reading.asleep_s, 3),
        )
        told, read = seen, counts
        setting.log.note(tick)
        done = f"{state.requests} requests, {state.failures} failed"
        say(f"{tick.at:.0f} s, {tick.users} users, {done}")
        before, spent = now, own
