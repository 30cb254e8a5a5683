"""
One load run in this process: `python -m kimi_conformance.load SCENARIO …`.

Locust drives the users; `measuring` has what runs beside them. Everything is appended to the
samples file at once, so nothing is lost when this process is killed. The key comes in the
environment (KIMI_API_KEY): the arguments of a process can be read by everybody on the machine.

The process is alone, or the master of several, or one of the workers of a master.
"""

import argparse
import json
import os
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import gevent
from locust.env import Environment

from kimi_conformance.errors import KimiConformanceError, UsageError
from kimi_conformance.load.client.client import Pool
from kimi_conformance.load.client.incoming import Limits
from kimi_conformance.load.duration import parse_duration
from kimi_conformance.load.running.garbage import Garbage
from kimi_conformance.load.running.launch import KEY
from kimi_conformance.load.running.master import lead
from kimi_conformance.load.running.measuring import State, listen, signals, started
from kimi_conformance.load.running.resources import Sampler
from kimi_conformance.load.running.session import (
    GRACE_S,
    GRACEFUL,
    LATE_S,
    concluded,
    opened,
    spending_of,
    warm,
)
from kimi_conformance.load.running.worker import work
from kimi_conformance.load.samples.records import Ended, Header
from kimi_conformance.load.users.climb import guiding
from kimi_conformance.load.users.loaded import Loaded, dispatchers, load_scenario

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one scenario; 0: it could be run to some end, 2: it was started wrongly, 3: it failed."""
    options = _parser().parse_args(arguments)
    try:
        _run(options)
    except KimiConformanceError as error:
        sys.stderr.write(f"{error}\n")
        return 2 if isinstance(error, UsageError) else 3
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
    parser.add_argument("--samples", type=Path, help="file to write, a new one")
    parser.add_argument("--fixtures", type=Path, action="append", default=[], help="folder")
    parser.add_argument("--target-kind", choices=["simulator", "live"], default="live")
    parser.add_argument("--target-pid", type=int, help="process id of a local target")
    parser.add_argument("--spending", help="what may be spent, as JSON")
    parser.add_argument("--plan", action="store_true", help="say what it would send, and end")
    parser.add_argument("--with-parent", action="store_true", help="end when the parent does")
    parser.add_argument("--processes", type=int, default=0, help="workers to start here")
    parser.add_argument("--master", metavar="HOST:PORT", help="lead workers, who come here")
    parser.add_argument("--expect-workers", type=int, default=0, help="how many will come")
    parser.add_argument("--worker", metavar="HOST:PORT", help="work for the master there")
    parser.add_argument("--wait", type=float, default=60.0, help="seconds to wait for the others")
    return parser


def _run(options: Namespace) -> None:
    duration_s = parse_duration(options.duration) if options.duration else None
    loaded = load_scenario(options.scenario, duration_s)
    if options.plan:
        from kimi_conformance.load.running.foresee import (
            foresee,  # it knows the simulator: slow to import
        )

        plan = foresee(loaded, options.model, options.fixtures, spending_of(options))
        sys.stdout.write(json.dumps(plan) + "\n")
        return
    if options.samples is None:
        raise UsageError("Say where the samples go: --samples FILE")
    Pool(options.base_url, Limits())  # a wrong URL shows before anything runs
    if options.worker:
        work(options, loaded)
        return
    told, shape = loaded.header, loaded.shape
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
    if options.master or options.processes > 1:
        lead(options, loaded, header)
    else:
        _alone(options, loaded, header)


def _alone(options: Namespace, loaded: Loaded, header: Header) -> None:
    spending, zero = spending_of(options), time.perf_counter()
    state = State(parent=os.getppid() if options.with_parent else None)
    with opened(options, header, options.samples, zero, spending=spending) as setting:
        setting.dispatchers.update(dispatchers(loaded, zero))
        for step in loaded.shape.steps():
            setting.log.note(step)
        environment = Environment(
            user_classes=list(loaded.users), shape_class=loaded.shape, stop_timeout=GRACE_S
        )
        listen(environment, state)
        runner = environment.create_local_runner()
        sampler = Sampler(os.getpid(), options.target_pid)
        warm()
        with Garbage() as garbage, signals(state):
            beside = started(environment, setting, sampler, state, garbage)
            beside += guiding(loaded, options.scenario, setting, runner)
            runner.start_shape()
            if runner.shape_greenlet:  # a user that cannot be made ends it, and nothing else
                runner.shape_greenlet.link_exception(lambda ended: state.broke(ended.exception))
            if not state.over.wait(timeout=loaded.shape.length + GRACE_S + LATE_S):
                state.stop(Ended.TIME_LIMIT)
            if state.why not in GRACEFUL:
                environment.stop_timeout = 0.0
            runner.quit()
            gevent.killall(beside)
            concluded(setting, state)
