"""
One worker of a master: its users are those that the master gives it.

It writes samples to a file of its own and ships them; `shipping` says how. The file is deleted
when the master has everything.
"""

import itertools
import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import Any

import gevent
import gevent.event
from locust.env import Environment

from kimi_conformance.errors import RunError, UsageError
from kimi_conformance.load.running.crew import LIMIT_S, address, hello, machine, name
from kimi_conformance.load.running.garbage import Garbage
from kimi_conformance.load.running.measuring import State, listen, signals, started
from kimi_conformance.load.running.resources import Sampler
from kimi_conformance.load.running.session import (
    GRACE_S,
    GRACEFUL,
    LATE_S,
    concluded,
    opened,
    warm,
)
from kimi_conformance.load.samples.kept import kept_beside
from kimi_conformance.load.samples.log import first_line
from kimi_conformance.load.samples.merge import part_beside
from kimi_conformance.load.samples.records import Ended, Header
from kimi_conformance.load.samples.shipping import Shipment
from kimi_conformance.load.users.kimi_user import KimiUser
from kimi_conformance.load.users.loaded import Loaded, dispatchers
from kimi_conformance.load.users.spending import Spending

__all__ = ["work"]

_AGAIN_S = 1.0  # between one hello and the next
_CLOCK_ROUNDS = 8
_SHIP_S = 0.25  # between pieces when nothing else is to be done
_LAST_S = 30.0  # that the last pieces may take


def work(options: Namespace, loaded: Loaded) -> None:
    """Work for the master to the end of its run.

    Raises:
        UsageError: Nobody answers there, or the master runs something else.
        RunError: The master was lost before it began, or samples cannot be written.
    """
    _Worker(options, loaded).run()


class _Worker:
    def __init__(self, options: Namespace, loaded: Loaded) -> None:
        self._options = options
        self._loaded = loaded
        self._state = State(parent=os.getppid() if options.with_parent else None)
        self._environment = Environment(user_classes=list(loaded.users), stop_timeout=GRACE_S)
        self._heard = time.monotonic()
        self._stopping = self._told = False
        self._welcome: Any = gevent.event.AsyncResult()
        self._begin: Any = gevent.event.AsyncResult()
        self._clock: Any = gevent.event.AsyncResult()
        self._shipments: dict[str, Shipment] = {}
        self._runner = self._connect()

    def run(self) -> None:
        with signals(self._state):
            welcome = self._join()
            number, count = welcome["number"], welcome["count"]
            offset, error = self._offset(welcome["machine"])
            self._send("ready", clock_error_s=error)
            zero = self._wait(self._begin, self._options.wait)["zero"] - offset
            samples = part_beside(self._options.samples, number)
            samples.parent.mkdir(parents=True, exist_ok=True)
            header = Header(**welcome["header"])
            KimiUser._numbers = itertools.count(number - 1, count)
            spending = Spending(**welcome["spending"])
            with opened(
                self._options, header, samples, zero, spending=spending, source=number
            ) as setting:
                files = {"samples": samples, "exchanges": kept_beside(samples)}
                begins = {"samples": len(first_line(header)), "exchanges": 0}
                self._shipments = {
                    kind: Shipment(path, begins[kind]) for kind, path in files.items()
                }
                setting.dispatchers.update(dispatchers(self._loaded, zero, number - 1, count))
                for step in self._loaded.shape.steps():
                    setting.log.note(step)
                self._drive(setting, number, counted=not self._state.parent)
            self._deliver()
        self._runner.greenlet.kill(block=False)
        if all(shipment.whole for shipment in self._shipments.values()):
            for shipment in self._shipments.values():
                shipment.path.unlink()
        elif self._state.parent is None:
            raise RunError(
                f"The master did not take all samples; they are kept in {samples.name}. Put that "
                "beside the master's samples, and report its run again."
            )

    def _drive(self, setting: Any, number: int, *, counted: bool) -> None:
        state = self._state
        listen(self._environment, state)
        sampler = Sampler(os.getpid())
        warm()
        self._heard = time.monotonic()
        with Garbage() as garbage:
            beside = started(
                *(self._environment, setting, sampler, state, garbage),
                source=number,
                counted=counted,
                shipped=self._ship,
            )
            self._send("started")
            if not state.over.wait(timeout=self._loaded.shape.length + GRACE_S + LATE_S):
                state.stop(Ended.TIME_LIMIT)
            if state.why is not Ended.COMPLETE and not self._told:
                self._send("over", why=str(state.why), faults=state.faults)
            if state.why not in GRACEFUL:
                self._environment.stop_timeout = 0.0
            if not self._stopping:
                self._runner.stop()
            gevent.killall(beside)
            concluded(setting, state, number)

    def _connect(self) -> Any:
        host, port = address(self._options.worker)
        waiting = gevent.Timeout(self._options.wait)
        with waiting:
            try:
                runner = self._environment.create_worker_runner(host, port)
            except (gevent.Timeout, ConnectionError) as error:
                raise UsageError(
                    f"No master answers at {host}:{port} within {self._options.wait:g} s. Start it "
                    "there with --master, and let this machine reach the port."
                ) from error
        # Else Locust would read its own configuration files, in whatever folder this is.
        self._environment.parsed_options = Namespace()
        listeners: Mapping[str, Callable[[Any], None]] = {
            "welcome": self._welcome.set,
            "refused": lambda data: self._welcome.set_exception(UsageError(data["why"])),
            "clock": self._clock.set,
            "begin": self._begin.set,
            "taken": self._taken,
            "end": self._end,
        }
        for kind, listener in listeners.items():
            runner.register_message(name(kind), _listener(listener))
        events = self._environment.events
        events.test_stopping.add_listener(self._on_stopping)  # type: ignore[no-untyped-call]
        events.test_stop.add_listener(self._on_stop)  # type: ignore[no-untyped-call]
        return runner

    def _join(self) -> dict[str, Any]:
        """Say hello until the master answers."""
        own = hello(self._options, self._loaded)
        limit = time.monotonic() + self._options.wait
        while time.monotonic() < limit:
            self._send("hello", **own)
            if self._welcome.wait(timeout=_AGAIN_S) is not None or self._welcome.ready():
                answer: dict[str, Any] = self._welcome.get()
                return answer
        raise UsageError(
            f"Whoever listens at {self._options.worker} is no master of kimi-conformance."
        )

    def _offset(self, masters: str) -> tuple[float, float]:
        """What to take from the master's clock to have this one's, and how wrong that may be."""
        if masters == machine():
            return 0.0, 0.0
        best = (float("inf"), 0.0)
        for _ in range(_CLOCK_ROUNDS):
            sent = time.perf_counter()
            self._clock = gevent.event.AsyncResult()
            self._runner.custom_messages[name("clock")] = (_listener(self._clock.set), False)
            self._send("clock")
            theirs = self._wait(self._clock, LIMIT_S)["now"]
            came = time.perf_counter()
            best = min(best, (came - sent, theirs - (came + sent) / 2))
        return best[1], best[0] / 2

    def _wait(self, result: Any, seconds: float) -> dict[str, Any]:
        limit = time.monotonic() + seconds
        while not result.ready():
            self._state.look_for_parent()
            if self._state.over.is_set() or time.monotonic() > limit:
                raise RunError("The master was lost before the run began.")
            result.wait(timeout=_SHIP_S)
        answer: dict[str, Any] = result.get()
        return answer

    def _send(self, kind: str, **data: Any) -> None:
        self._runner.send_message(name(kind), data)

    def _ship(self) -> None:
        """Send what there is, and look whether the master is still there."""
        state = self._state
        pieces: list[dict[str, Any] | None] = [
            {"kind": kind, "at": piece.at, "data": piece.data}
            for kind, shipment in self._shipments.items()
            for piece in shipment.pieces()
        ]
        for piece in pieces or [None]:
            self._send("data", piece=piece, requests=state.requests, failures=state.failures)
        if not self._stopping and time.monotonic() - self._heard > LIMIT_S:
            sys.stderr.write(f"The master was not heard of for {LIMIT_S:g} s.\n")
            state.stop(Ended.INTERRUPTED)

    def _deliver(self) -> None:
        """Ship what is left, until the master has everything or is gone."""
        limit = time.monotonic() + _LAST_S
        self._heard = time.monotonic()
        while not all(shipment.whole for shipment in self._shipments.values()):
            self._ship()
            gevent.sleep(_SHIP_S / 5)
            gone = self._state.parent is not None and os.getppid() != self._state.parent
            if gone or time.monotonic() > min(limit, self._heard + LIMIT_S):
                return
        self._send("done")
        gevent.sleep(_SHIP_S)  # for the message to leave

    def _taken(self, data: dict[str, Any]) -> None:
        self._heard = time.monotonic()
        for kind, received in data.items():
            self._shipments[kind].acknowledge(received)

    def _end(self, data: dict[str, Any]) -> None:
        self._told = True
        self._environment.stop_timeout = data["grace_s"]
        self._state.stop(Ended(data["why"]))

    def _on_stopping(self, **_: Any) -> None:
        self._stopping = True

    def _on_stop(self, **_: Any) -> None:
        # Locust waits that long once more before it listens again.
        self._environment.stop_timeout = 0.0


def _listener(take: Callable[[Any], None]) -> Callable[..., None]:
    def listener(msg: Any, **_: Any) -> None:
        take(msg.data)

    return listener
