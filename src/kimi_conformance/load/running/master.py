"""
The master of a run of several processes: it has no users, but all samples.

It starts the workers of this machine, or waits for those of others, lets Locust spread the users
over them, and puts what they ship into one file. A worker that is lost ends the run: the load is
then no longer the one that was planned.
"""

import os
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import gevent
from locust.env import Environment
from locust.exception import RPCError

from kimi_conformance.errors import RunError, UsageError
from kimi_conformance.load.running.crew import (
    LIMIT_S,
    Member,
    address,
    hello,
    machine,
    mismatch,
    name,
)
from kimi_conformance.load.running.garbage import Garbage
from kimi_conformance.load.running.hired import LOOPBACK, hired
from kimi_conformance.load.running.measuring import State, listen, say, signals, started
from kimi_conformance.load.running.resources import Sampler
from kimi_conformance.load.running.session import GRACE_S, GRACEFUL, LATE_S, spending_of, warm
from kimi_conformance.load.samples.kept import kept_beside
from kimi_conformance.load.samples.log import SampleLog
from kimi_conformance.load.samples.merge import row_block
from kimi_conformance.load.samples.records import End, Ended, Header
from kimi_conformance.load.samples.shipping import Piece, Receipts
from kimi_conformance.load.users.climb import guiding
from kimi_conformance.load.users.loaded import Loaded
from kimi_conformance.load.users.setting import Setting

__all__ = ["lead"]

_LOOK_S = 0.2  # between two looks after the workers
_LEAD_S = 0.5  # from saying when it begins to the beginning
_DELIVERY_S = 30.0  # that workers may take to ship the rest


def lead(options: Namespace, loaded: Loaded, header: Header) -> None:
    """Run the scenario with workers.

    Raises:
        UsageError: The port is taken, or the budget cannot be shared.
        RunError: Not all workers came, or samples cannot be written.
    """
    _Master(options, loaded, header).run()


class _Master:
    def __init__(self, options: Namespace, loaded: Loaded, header: Header) -> None:
        self._options = options
        self._loaded = loaded
        self._header = header
        self._count = options.processes or options.expect_workers
        spending = spending_of(options)
        self._shares = [spending.share(number, self._count) for number in range(self._count)]
        self._own = hello(options, loaded)
        self._members: dict[str, Member] = {}
        self._children: Mapping[int, subprocess.Popen[bytes]] = {}
        self._receipts = Receipts()
        self._log: SampleLog | None = None
        self._kept = -1
        self._zero = 0.0
        self._state = State(parent=os.getppid() if options.with_parent else None)
        self._environment = Environment(
            user_classes=list(loaded.users), shape_class=loaded.shape, stop_timeout=GRACE_S
        )
        self._runner = self._bind()

    def run(self) -> None:
        port, length = self._runner.server.port, self._loaded.shape.length
        hands = hired(self._options, length, port, self._runner.quit)
        with hands as self._children, signals(self._state):
            self._gather("ready", self._options.wait)
            with SampleLog(self._options.samples, self._header) as log, self._keeping():
                self._log = log
                log.write(row_block({"row": "source", "host": self._own["host"]}, 0))
                for member in self._members.values():
                    log.write(row_block(member.row(self._count), member.number))
                self._begin()
                self._drive(log)

    def _drive(self, log: SampleLog) -> None:
        state, shape = self._state, self._loaded.shape
        setting = Setting(
            base_url=self._options.base_url,
            api_key="",
            model=self._options.model,
            fixtures=(),
            log=log,
            zero=self._zero,
        )
        listen(self._environment, state)
        sampler = Sampler(os.getpid(), self._options.target_pid)
        warm()
        with Garbage() as garbage:
            beside = started(self._environment, setting, sampler, state, garbage)
            beside.append(gevent.spawn(self._watch))
            beside += guiding(
                self._loaded, self._options.scenario, setting, self._runner, self._count
            )
            for step in shape.steps():
                log.note(step)
            self._runner.start_shape()
            if self._runner.shape_greenlet:
                self._runner.shape_greenlet.link_exception(lambda end: state.broke(end.exception))
            if not state.over.wait(timeout=shape.length + GRACE_S + LATE_S):
                state.stop(Ended.TIME_LIMIT)
            self._end()
            gevent.killall(beside)
            why = state.why
            for member in self._living():
                if member.stage != "done":
                    self._lose(member)
            lost = [member for member in self._members.values() if member.lost is not None]
            for member in lost:
                row = {"row": "lost", "worker": member.number, "at": round(member.lost or 0.0, 3)}
                log.write(row_block(row, member.number))
            if lost and why is Ended.COMPLETE:
                why = Ended.WORKER_LOST
            log.note(End(at=round(self._now(), 6), why=why, faults=tuple(state.faults)))

    def _bind(self) -> Any:
        host, port = address(self._options.master) if self._options.master else (LOOPBACK, 0)
        try:
            runner = self._environment.create_master_runner(host, port)
        except (RPCError, SystemExit) as error:  # Locust leaves where it finds a port taken
            raise UsageError(
                f"Workers cannot come to {host}:{port}: it is taken, or not of this machine. Name "
                "another one with --master-bind."
            ) from error
        listeners: dict[str, Callable[[Any], None]] = {
            "hello": self._greet,
            "clock": lambda msg: self._send(msg.node_id, "clock", now=time.perf_counter()),
            "ready": self._step("ready"),
            "started": self._step("started"),
            "data": self._take,
            "over": self._over,
            "done": self._step("done"),
        }
        for kind, listener in listeners.items():
            runner.register_message(name(kind), _listener(listener))
        if self._options.master:
            say(f"Waiting for {self._count} workers on {host}:{runner.server.port} …")
        return runner

    @contextmanager
    def _keeping(self) -> Iterator[None]:
        """The file of kept exchanges, which the workers' are put into."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        try:
            self._kept = os.open(kept_beside(self._options.samples), flags, 0o644)
        except OSError as error:
            raise RunError(f"Exchanges cannot be kept: {error.strerror}.") from error
        try:
            yield
        finally:
            os.close(self._kept)

    def _gather(self, stage: str, seconds: float) -> None:
        """Wait until every worker is that far.

        Raises:
            RunError: One is not in time, or is gone.
        """
        limit = time.monotonic() + seconds
        while sum(member.stage == stage for member in self._members.values()) < self._count:
            gone = [child for child in self._children.values() if child.poll() is not None]
            self._state.look_for_parent()
            if self._state.over.is_set():
                raise RunError("The run was stopped before it began.")
            if gone:
                raise RunError(
                    f"{len(gone)} of {self._count} workers ended before the run began, with code "
                    f"{gone[0].returncode}; what they said stands above."
                )
            if time.monotonic() > limit:
                raise RunError(
                    f"{len(self._members)} of {self._count} workers came within {seconds:g} s. "
                    "Start each with the same command and --worker in place of --master; it must "
                    "reach this machine's port. --wait-workers gives them more time."
                )
            gevent.sleep(_LOOK_S / 4)

    def _begin(self) -> None:
        self._zero = time.perf_counter() + _LEAD_S
        for member in self._members.values():
            self._send(member.client, "begin", zero=self._zero)
        self._gather("started", LIMIT_S)
        gevent.sleep(max(self._zero - time.perf_counter(), 0.0))

    def _end(self) -> None:
        """End the run on all workers, and wait for what they have."""
        why = self._state.why
        grace = GRACE_S if why in GRACEFUL else 0.0
        if why is not Ended.COMPLETE:
            if self._runner.shape_greenlet:
                self._runner.shape_greenlet.kill(block=False)
            for member in self._living():
                self._send(member.client, "end", why=str(why), grace_s=grace)
        limit = time.monotonic() + grace + _DELIVERY_S
        while time.monotonic() < limit:
            self._look()
            if all(member.stage == "done" for member in self._living()):
                break
            gevent.sleep(_LOOK_S / 4)

    def _watch(self) -> None:
        while True:
            gevent.sleep(_LOOK_S)
            self._look()
            members = self._members.values()
            self._state.requests = sum(member.requests for member in members)
            self._state.failures = sum(member.failures for member in members)

    def _look(self) -> None:
        """Notice who is gone, by the end of the process or by silence."""
        for member in self._living():
            if member.stage == "done":
                continue
            silent = time.monotonic() - member.heard > self._patience
            if silent or (member.child is not None and member.child.poll() is not None):
                self._lose(member)
                self._state.stop(Ended.WORKER_LOST)

    @property
    def _patience(self) -> float:
        """While Locust stops the users of a worker, that worker ships nothing."""
        return LIMIT_S + (GRACE_S if self._state.over.is_set() else 0.0)

    def _lose(self, member: Member) -> None:
        member.lost = self._now()
        if member.client in self._runner.clients:  # or Locust waits for its users to stop
            del self._runner.clients[member.client]
        sys.stderr.write(
            f"Worker {member.number} of {self._count} ({_harmless(member.host)}, process "
            f"{member.pid}) was lost at {member.lost:.1f} s.\n"
        )

    def _living(self) -> list[Member]:
        return [member for member in self._members.values() if member.lost is None]

    def _now(self) -> float:
        return time.perf_counter() - self._zero

    def _greet(self, msg: Any) -> None:
        """Take a worker in, or say why not; one that asks again gets the same answer."""
        client, data = msg.node_id, msg.data
        member = self._members.get(client)
        why = "" if member else self._refusal(data)
        if why:
            sys.stderr.write(f"A worker on {_harmless(data.get('host'))} was refused: {why}.\n")
            self._send(client, "refused", why=f"The master refuses this worker: {why}.")
            if client in self._runner.clients:
                del self._runner.clients[client]
            return
        if member is None:
            member = Member(
                number=len(self._members) + 1,
                client=client,
                host=data["host"],
                pid=data["pid"],
                machine=data["machine"],
                heard=time.monotonic(),
                child=self._children.get(data["pid"]) if data["machine"] == machine() else None,
            )
            self._members[client] = member
        self._send(
            client,
            "welcome",
            number=member.number,
            count=self._count,
            machine=machine(),
            spending=asdict(self._shares[member.number - 1]),
            header=asdict(self._header),
        )

    def _refusal(self, data: dict[str, Any]) -> str:
        if why := mismatch(self._own, data):
            return why
        if self._children and data.get("pid") not in self._children:
            return "this run takes only the workers that it has started"
        if len(self._members) >= self._count:
            return f"this run has its {self._count} workers"
        return ""

    def _step(self, stage: str) -> Callable[[Any], None]:
        def take(msg: Any) -> None:
            if member := self._members.get(msg.node_id):
                member.stage = stage
                member.heard = time.monotonic()
                member.clock_error_s = (msg.data or {}).get("clock_error_s", member.clock_error_s)

        return take

    def _take(self, msg: Any) -> None:
        """Put a piece of a worker's file into the run's, once."""
        member, data = self._members.get(msg.node_id), msg.data
        if member is None or self._log is None:
            return
        member.heard = time.monotonic()
        member.requests, member.failures = data["requests"], data["failures"]
        if piece := data["piece"]:
            new = self._receipts.take(
                member.number, piece["kind"], Piece(piece["at"], piece["data"])
            )
            try:
                if piece["kind"] == "samples":
                    self._log.write(new)
                else:
                    _write(self._kept, new)
            except RunError as error:
                sys.stderr.write(f"{error}\n")
                self._state.broke(error)
                self._log = None  # what is not acknowledged stays in the worker's file
                return
        self._send(msg.node_id, "taken", **self._receipts.of(member.number))

    def _over(self, msg: Any) -> None:
        member, data = self._members.get(msg.node_id), msg.data
        if member is not None:
            member.heard = time.monotonic()
            faults = self._state.faults
            faults += [each for each in data["faults"] if each not in faults]
            self._state.stop(Ended(data["why"]))

    def _send(self, client: str, kind: str, **data: Any) -> None:
        self._runner.send_message(name(kind), data, client_id=client)


def _write(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    try:
        while left:
            left = left[os.write(descriptor, left) :]
    except OSError as error:
        raise RunError(f"Exchanges cannot be kept: {error.strerror}.") from error


def _listener(take: Callable[[Any], None]) -> Callable[..., None]:
    def listener(msg: Any, **_: Any) -> None:
        take(msg)

    return listener


def _harmless(said: object) -> str:
    """What a worker says, as it can be shown on a terminal."""
    return repr(said)[:80].strip("'")
