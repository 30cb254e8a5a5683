"""
Several simulators on one port, each a process, so that each has a core.

The system gives every new connection to one of them (SO_REUSEPORT). They share nothing: what
the API remembers, each remembers for itself. A worker lives as long as the pipe from the
command that started it, so none is left behind, however the command ends.
"""

import contextlib
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from kimi_conformance import suite as suites
from kimi_conformance.errors import KimiConformanceError, UsageError
from kimi_conformance.simulator import Latency, Simulator
from kimi_conformance.simulator.accounts import BALANCE
from kimi_conformance.simulator.faults import parse_switch
from kimi_conformance.stage import Stage
from kimi_conformance.stage.send_log import SendLog

__all__ = ["Plan", "WorkerError", "serve", "serve_by_workers"]

READY = 30.0  # seconds that the workers may take to come up
LEAVING = 5.0  # seconds that a worker may take to leave before it is killed
ANSWERS_APART = 2**36  # so that no two workers give an answer the same id


class WorkerError(KimiConformanceError):
    """A worker has died, or has not come up; none is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be served; see the options of `simulate`.

    Attributes:
        balance: Or None: the account is not metered.
        tier: Or None: nothing is limited.
        shares_port: Whether other processes serve on it too.
        answered: How many answers count as given before the first one.
    """

    edition: str
    api_key: str
    host: str
    port: int
    seed: int
    latency: Latency
    faults: tuple[str, ...]
    balance: float | None
    tier: str | None
    send_log: Path | None
    shares_port: bool = False
    answered: int = 0

    def source(self) -> Simulator:
        """The simulator that is planned.

        Raises:
            UsageError: There is no such edition, tier or fault.
        """
        return Simulator(
            suites.find().edition(self.edition),
            api_key=self.api_key,
            seed=self.seed,
            latency=self.latency,
            faults=[parse_switch(fault) for fault in self.faults],
            tier=self.tier,
            answered=self.answered,
            balance=BALANCE if self.balance is None else self.balance,
            metered=self.balance is not None,
        )


@contextmanager
def serve(plan: Plan) -> Iterator[str]:
    """Serve it on a thread of this process; the base URL.

    Raises:
        UsageError: It cannot be listened there, or the send log cannot be written.
    """
    source = plan.source()
    log = SendLog(plan.send_log) if plan.send_log is not None else None
    with Stage(plan.host, plan.port, shares_port=plan.shares_port, send_log=log) as stage:
        yield stage.open_lane(source, name="", journal=False).base_url
    if log is not None:
        log.close()


@contextmanager
def serve_by_workers(plan: Plan, count: int, stop: int) -> Iterator[tuple[str, "Crew"]]:
    """Serve it in processes of their own; the base URL, and those who serve.

    Args:
        plan: What each serves.
        count: How many, from 1.
        stop: A file descriptor that becomes readable when this is to end.

    Raises:
        UsageError: It cannot be listened there.
        WorkerError: One did not come up.
    """
    plan.source()
    with _reserved(plan.host, plan.port) as port:
        crew = Crew(replace(plan, port=port, shares_port=True), count)
        try:
            url = crew.base_url(stop)
        except BaseException:
            crew.dismiss()
            raise
    try:
        yield url, crew
    finally:
        crew.dismiss()


class Crew:
    """The workers of one command."""

    def __init__(self, plan: Plan, count: int) -> None:
        self._members: list[tuple[BaseProcess, Connection]] = []
        spawn = get_context("spawn")
        for number in range(count):
            ours, theirs = spawn.Pipe()
            own = replace(plan, answered=number * ANSWERS_APART)
            process = spawn.Process(target=_work, args=(own, theirs), daemon=True)
            process.start()
            theirs.close()
            self._members.append((process, ours))

    @property
    def pids(self) -> list[int]:
        """The ids of the processes."""
        return [process.pid or 0 for process, _ in self._members]

    def base_url(self, stop: int) -> str:
        """Wait until all serve; where, or "" if it is to end before.

        Raises:
            WorkerError: One has died, or takes too long.
        """
        url = ""
        for _, pipe in self._members:
            while not pipe.poll():
                if stop in self._wait([pipe, stop], READY):
                    return ""
            with contextlib.suppress(EOFError):  # it has died: the next wait says so
                url = pipe.recv()
        return url

    def watch(self, stop: int) -> None:
        """Wait until it is to end.

        Raises:
            WorkerError: One has died.
        """
        self._wait([stop], None)

    def _wait(self, things: list[Connection | int], seconds: float | None) -> list[object]:
        """Wait for one of these things to be readable; those that are."""
        ready: list[object] = list(wait([*things, *self._sentinels], seconds))
        for number, (process, _) in enumerate(self._members, 1):
            if process.sentinel in ready:
                process.join()
                raise WorkerError(
                    f"Worker {number} (process {process.pid}) has died with exit code "
                    f"{process.exitcode}; the others were ended."
                )
        if not ready:
            raise WorkerError(f"The workers did not come up within {READY:g} s.")
        return ready

    def dismiss(self) -> None:
        """End all of them: the end of its pipe tells each to leave."""
        for _, pipe in self._members:
            pipe.close()
        for process, _ in self._members:
            process.join(LEAVING)
            if process.is_alive():
                process.kill()
                process.join()

    @property
    def _sentinels(self) -> Sequence[int]:
        return [process.sentinel for process, _ in self._members]


def _work(plan: Plan, pipe: Connection) -> None:
    """What a worker does: serve until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; who started us decides
    ended = contextlib.suppress(EOFError, OSError)  # the pipe's end is the word to leave
    with serve(plan) as url, ended:
        pipe.send(url)
        pipe.recv()


@contextmanager
def _reserved(host: str, port: int) -> Iterator[int]:
    """Hold a port, which only those who share it can listen on; 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            holder.bind((host, port))
        except OSError as error:
            raise UsageError(
                f"Cannot listen on {host}:{port}: {error.strerror or error}. "
                "Choose another port, or 0 for any free one."
            ) from error
        yield holder.getsockname()[1]
