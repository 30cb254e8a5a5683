"""
One load run in this process: `python -m kimi_conformance.load SCENARIO …`.

Locust drives the users; beside them, one greenlet measures the generator and one asks for
the resources in a thread of its own. Everything is appended to the samples file at once, so
nothing is lost when this process is killed. The key comes in the environment
(KIMI_API_KEY): the arguments of a process can be read by everybody on the machine.
"""

import argparse
import importlib.util
import inspect
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import gevent
import gevent.event
from locust.env import Environment

from kimi_conformance.errors import KimiConformanceError, RunError, UsageError
from kimi_conformance.load.client import Pool
from kimi_conformance.load.connection import Counts
from kimi_conformance.load.dispatch import Dispatcher
from kimi_conformance.load.duration import parse_duration
from kimi_conformance.load.garbage import Garbage
from kimi_conformance.load.incoming import Limits
from kimi_conformance.load.kept import KeptLog, kept_beside
from kimi_conformance.load.launch import KEY
from kimi_conformance.load.resources import Sampler
from kimi_conformance.load.sample_log import SampleLog
from kimi_conformance.load.samples import (
    End,
    Ended,
    ErrorClass,
    Header,
    Kind,
    Sample,
    Tick,
)
from kimi_conformance.load.scenario import read_header
from kimi_conformance.load.stages import Stages
from kimi_conformance.load.users import KimiUser, Setting, Tally

__all__ = ["main"]

_GRACE_S = 10.0  # what is under way when the time is over may still end
_TICK_S = 1.0
_LAG_PROBE_S = 0.05
_FLUSH_S = 0.5  # between writing samples: half of what a killed run may lose
_UNSENT = "not sent: no user was free"
_LATE_S = 30.0  # beyond length and grace; then something hangs

Class = TypeVar("Class")


@dataclass
class _State:
    """What the greenlets of a run share."""

    over: gevent.event.Event = field(default_factory=gevent.event.Event)
    why: Ended = Ended.COMPLETE
    faults: list[str] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    requests: int = 0
    failures: int = 0

    def stop(self, why: Ended) -> None:
        if not self.over.is_set():
            self.why = why
            self.over.set()

    def broke(self, error: BaseException) -> None:
        """The scenario raised: it does not do what it says, so it goes no further."""
        line = f"{type(error).__name__}: {error}"
        if line not in self.faults:
            self.faults.append(line)
        self.stop(Ended.BROKEN)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one scenario; 0: it could be run to some end, 2: it was started wrongly."""
    options = _parser().parse_args(arguments)
    try:
        _run(options)
    except KimiConformanceError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m kimi_conformance.load",
        description=f"Run one load scenario. The API key is taken from {KEY}.",
    )
    parser.add_argument("scenario", type=Path, help="the scenario's file")
    parser.add_argument("--base-url", required=True, help="https://api.moonshot.ai/v1")
    parser.add_argument("--model", required=True, help="the model to ask")
    parser.add_argument("--duration", help="30s, 10m, 1h; default: as long as its stages")
    parser.add_argument("--samples", type=Path, required=True, help="file to write, a new one")
    parser.add_argument("--fixtures", type=Path, action="append", default=[], help="folder")
    parser.add_argument("--target-kind", choices=["simulator", "live"], default="live")
    parser.add_argument("--target-pid", type=int, help="process id of a local target")
    return parser


def _run(options: argparse.Namespace) -> None:
    told = read_header(options.scenario)
    module = _import(options.scenario)
    users = _subclasses(module, KimiUser)
    shapes = _subclasses(module, Stages)
    if not users or len(shapes) != 1:
        raise UsageError(
            f"{options.scenario.name} has {len(users)} users and {len(shapes)} stages: a scenario "
            "has at least one subclass of KimiUser and just one of Stages."
        )
    shape = shapes[0]()
    if options.duration:
        shape.last(parse_duration(options.duration))
    Pool(options.base_url, Limits())  # a wrong URL shows before anything runs
    header = Header(
        scenario=told.name,
        question=told.question,
        workload=told.workload,
        kind=options.target_kind,
        base_url=options.base_url,
        model=options.model,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        planned_s=shape.length,
        warm_up_s=shape.warm_up_s,
    )
    with (
        SampleLog(options.samples, header) as log,
        closing(KeptLog(kept_beside(options.samples))) as kept,
    ):
        KimiUser.setting = Setting(
            base_url=options.base_url,
            api_key=os.environ.get(KEY, ""),
            model=options.model,
            fixtures=tuple(options.fixtures),
            log=log,
            kept=kept,
            zero=time.perf_counter(),
        )
        KimiUser.setting.dispatchers.update(_dispatchers(users, shape, KimiUser.setting.zero))
        sampler = Sampler(os.getpid(), options.target_pid)
        _drive(users, shape, KimiUser.setting, sampler)


def _dispatchers(
    users: list[type[KimiUser]], shape: Stages, zero: float
) -> dict[type[KimiUser], Dispatcher]:
    """Who hands out the arrivals of each open workload.

    Raises:
        UsageError: A class has both arrivals and a time to wait.
    """
    found = {}
    for user in users:
        if user.arrivals is None:
            continue
        if user.wait_time is not KimiUser.wait_time:
            raise UsageError(
                f"{user.__name__} has arrivals and wait_time. An open workload has arrivals "
                "only: who is free takes the next one."
            )
        found[user] = Dispatcher(user.arrivals.stretched(shape.scale), zero, shape.length)
    return found


def _drive(users: list[type[KimiUser]], shape: Stages, setting: Setting, sampler: Sampler) -> None:
    state = _State()
    environment = Environment(user_classes=list(users), shape_class=shape, stop_timeout=_GRACE_S)
    _listen(environment, state)
    runner = environment.create_local_runner()
    inspect.stack()  # Locust calls it when it stops; the first call blocks everything for 20 ms
    with Garbage() as garbage, _signals(state):
        beside = [
            gevent.spawn(_probe_lag, state.lags),
            gevent.spawn(_flush, setting, state),
            gevent.spawn(_tick, environment, setting, sampler, state, garbage),
        ]
        dispatchers = list(setting.dispatchers.values())
        beside += [gevent.spawn(dispatcher.run) for dispatcher in dispatchers]
        runner.start_shape()
        if runner.shape_greenlet:  # a user that cannot be made ends it, and nothing else
            runner.shape_greenlet.link_exception(lambda ended: state.broke(ended.exception))
        if not state.over.wait(timeout=shape.length + _GRACE_S + _LATE_S):
            state.stop(Ended.TIME_LIMIT)
        if state.why is not Ended.COMPLETE:
            environment.stop_timeout = 0.0
        runner.quit()
        gevent.killall(beside)
        now = time.perf_counter() - setting.zero
        _note_unsent(setting, now)
        setting.log.note(End(at=round(now, 6), why=state.why, faults=tuple(state.faults)))


def _listen(environment: Environment, state: _State) -> None:
    def count(exception: Exception | None = None, **_: Any) -> None:
        state.requests += 1
        state.failures += exception is not None

    def fault(exception: Exception, **_: Any) -> None:
        state.broke(exception)

    events = environment.events
    for hook, listener in (
        (events.request, count),
        (events.user_error, fault),
        (events.test_stop, lambda **_: state.stop(Ended.COMPLETE)),
    ):
        hook.add_listener(listener)  # type: ignore[no-untyped-call]


@contextmanager
def _signals(state: _State) -> Iterator[None]:
    """Let SIGINT and SIGTERM end the run, with everything written that is known."""
    handlers = [
        gevent.signal_handler(number, state.stop, Ended.INTERRUPTED)
        for number in (signal.SIGINT, signal.SIGTERM)
    ]
    try:
        yield
    finally:
        for handler in handlers:
            handler.cancel()


def _probe_lag(lags: list[float]) -> None:
    """Sleep shortly, again and again, and note how late each waking is."""
    while True:
        due = time.perf_counter() + _LAG_PROBE_S
        gevent.sleep(_LAG_PROBE_S)
        lags.append(round(max(time.perf_counter() - due, 0.0), 6))


def _note_unsent(setting: Setting, now: float) -> None:
    """Note what had arrived and was never sent, since nobody was free: it was not served."""
    for dispatcher in setting.dispatchers.values():
        for arrival in dispatcher.left():
            kind = Kind("unsent", setting.model, False, None, ErrorClass.UNFINISHED, _UNSENT)
            intended = dispatcher.zero + arrival.at - setting.zero
            setting.log.add(Sample(kind=kind, intended=intended, start=now, end=now))


def _flush(setting: Setting, state: _State) -> None:
    """Write what was sampled, again and again; a run whose samples have no place has no use."""
    while True:
        gevent.sleep(_FLUSH_S)
        try:
            setting.log.flush()
            if setting.kept is not None:
                setting.kept.flush()
        except RunError as error:
            sys.stderr.write(f"{error}\n")
            state.broke(error)
            return


def _tick(
    environment: Environment,
    setting: Setting,
    sampler: Sampler,
    state: _State,
    garbage: Garbage,
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
        counts = replace(seen.counts)
        tick = Tick(
            at=round(now - setting.zero, 6),
            users=environment.runner.user_count if environment.runner else 0,
            host_cpu=round(reading.host.cpu, 3),
            host_memory=round(reading.host.memory, 3),
            load_cpu=round(reading.load.cpu, 3),
            load_memory=round(reading.load.memory, 3),
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
        )
        told, read = seen, counts
        setting.log.note(tick)
        done = f"{state.requests} requests, {state.failures} failed"
        _say(f"{tick.at:.0f} s, {tick.users} users, {done}")
        before, spent = now, own


def _say(line: str) -> None:
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # nobody listens any more; the samples are what counts
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115


def _import(path: Path) -> ModuleType:
    """Run the scenario's file as a module of its own.

    Raises:
        UsageError: It raises.
    """
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(
            f"The scenario {path.name} raised {type(error).__name__}: {error}"
        ) from error
    return module


def _subclasses(module: ModuleType, kind: type[Class]) -> list[type[Class]]:
    """The concrete classes of this kind that the module itself defines."""
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, kind)
        and value.__module__ == module.__name__
        and not getattr(value, "abstract", False)
    ]
