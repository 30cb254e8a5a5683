"""
Virtual users that ask an endpoint for chat completions, and note what they saw.

Every request becomes a `Sample`. Locust is told of it too, once, so that its own console is
right; no service level is computed from what Locust keeps.
"""

import itertools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import gevent
from locust import User
from locust.env import Environment

from kimi_conformance.errors import UsageError, nearest
from kimi_conformance.load.arrivals import Arrival, Arrivals
from kimi_conformance.load.client import Client, Pool
from kimi_conformance.load.connection import Counts
from kimi_conformance.load.dispatch import Dispatcher
from kimi_conformance.load.incoming import Incoming, Limits
from kimi_conformance.load.kept import KeptLog
from kimi_conformance.load.reply import Reply, gaps_of, judge_reply, stall_of
from kimi_conformance.load.sample_log import SampleLog
from kimi_conformance.load.samples import ErrorClass, Kind, Sample

__all__ = ["KimiUser", "Setting"]

_GOLDEN = 0.6180339887498949  # its multiples, modulo 1, fill the line evenly
_ENCODED = 1000  # request bodies that are kept as bytes


@dataclass(slots=True)
class Tally:
    """What the users of a process saw, in numbers.

    Attributes:
        counts: What their connections read.
        chunks: Chunks with generated content, of streams that ended.
        shared: How many of those share their time with another.
    """

    counts: Counts = field(default_factory=Counts)
    chunks: int = 0
    shared: int = 0


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What all virtual users of a run share.

    Attributes:
        base_url: "http://127.0.0.1:8000/v1".
        api_key: Sent as the bearer; it is in no sample and no message.
        model: Which model is asked.
        fixtures: Folders of request bodies; the first that has a body gives it.
        log: Where samples go.
        zero: The moment on `time.perf_counter` that all times of samples count from.
        kept: Where exchanges go that the laws of the wire are to judge, or None: nowhere.
        tally: Counted up as replies come.
        bodies: Request bodies that were read already, by name.
        encoded: Whole request bodies as bytes, by what they were made from.
        pools: Connections that users share, by how many there are at most.
        dispatchers: Who hands out arrivals, by the class of users that takes them.
    """

    base_url: str
    api_key: str = field(repr=False)
    model: str
    fixtures: tuple[Path, ...]
    log: SampleLog
    zero: float
    kept: KeptLog | None = None
    tally: Tally = field(default_factory=Tally)
    bodies: dict[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    encoded: dict[Any, "_Ready"] = field(default_factory=dict, repr=False)
    pools: dict[int, Pool] = field(default_factory=dict, repr=False)
    dispatchers: dict[type["KimiUser"], Dispatcher] = field(default_factory=dict, repr=False)

    def body(self, name: str) -> Mapping[str, Any]:
        """A request body from the fixtures: "chat/greeting".

        Raises:
            UsageError: There is none of this name, or it is no JSON object.
        """
        if name not in self.bodies:
            self.bodies[name] = _read_body(name, self.fixtures)
        return self.bodies[name]


@dataclass(frozen=True, slots=True)
class _Ready:
    """A request that need not be made again."""

    name: str
    model: str
    body: bytes


class KimiUser(User):
    """One person with a client of their own; scenarios inherit from it.

    Attributes:
        spread_s: Users begin within this many seconds after they are spawned, evenly spread:
            users in step would ask all at once and then be silent.
        limit_s: The longest that one request may take.
        silence_s: The longest that a reply may be silent in its midst, or None: as long.
        connections: How many connections all users share, or None: each has one of their own.
        arrivals: An open workload: when requests come, each for whoever is free then. None: a
            closed one, in which `wait_time` says how long a user waits after a reply.
    """

    abstract = True
    spread_s: ClassVar[float] = 1.0
    limit_s: ClassVar[float] = 120.0
    silence_s: ClassVar[float | None] = None
    connections: ClassVar[int | None] = None
    arrivals: ClassVar[Arrivals | None] = None
    setting: ClassVar[Setting | None] = None  # given by the run

    _numbers: "ClassVar[itertools.count[int]]" = itertools.count()

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        if self.setting is None:
            raise UsageError(
                f"{type(self).__name__} has no setting: load scenarios are started with "
                "kimi-conformance load SCENARIO, not with locust itself."
            )
        self._shared = self.setting
        self._number = next(self._numbers)
        headers = {
            "Authorization": f"Bearer {self._shared.api_key}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        self._client = Client(self._pool(), headers)
        self._dispatcher: Dispatcher | None = None
        self._due: float | None = None  # of the arrival that is not asked for yet
        self.arrival = Arrival(0.0)

    def on_start(self) -> None:
        """Wait for the first arrival, or for this user's place in the spread."""
        self._dispatcher = self._shared.dispatchers.get(type(self))
        if self._dispatcher is not None:
            self._await_arrival()
            return
        gevent.sleep(self._number * _GOLDEN % 1 * self.spread_s)
        # Locust's pacing counts from when the user was made: it would take the spread back.
        self._cp_last_run = time.perf_counter()

    def wait_time(self) -> float:
        """Wait for the next arrival where there are any; how long to wait then: not at all."""
        if self._dispatcher is not None:
            self._await_arrival()
        return 0.0

    def on_stop(self) -> None:
        """Close the connection."""
        self._client.close()

    def ask(
        self, body: str | Mapping[str, Any], *, intended: float | None = None, **fields: Any
    ) -> Sample:
        """Ask for a plain completion and wait for it.

        Args:
            body: The name of a fixture, or the request body itself; the model is added.
            intended: When the request should have been sent, on `time.perf_counter`. None: when
                it arrived, for the first one after each arrival of an open workload; else now.
            fields: Fields of the body to add or replace, such as max_tokens.

        Raises:
            UsageError: There is no fixture of this name.
        """
        return self._send(body, fields, intended, streamed=False)

    def read_stream(
        self, body: str | Mapping[str, Any], *, intended: float | None = None, **fields: Any
    ) -> Sample:
        """Ask for a streamed completion and read it to its end; the rest is as in `ask`."""
        return self._send(body, fields, intended, streamed=True)

    def _send(
        self,
        body: str | Mapping[str, Any],
        fields: Mapping[str, Any],
        intended: float | None,
        *,
        streamed: bool,
    ) -> Sample:
        ready = self._ready(body, fields, streamed=streamed)
        start = time.perf_counter()
        if intended is None:
            intended, self._due = self._due, None
        call = _Call(ready, streamed, intended)
        try:
            incoming = self._post("/chat/completions", ready.body, start, streamed=streamed)
        except gevent.GreenletExit:  # the run is over; what did not come in time is no success
            nothing = Incoming(start, streamed=streamed, keep=False, limits=Limits())
            nothing.end("unfinished")
            self._note(call, nothing, _UNFINISHED)
            raise
        return self._note(call, incoming, judge_reply(incoming, streamed=streamed))

    def _post(self, path: str, body: bytes, now: float, *, streamed: bool) -> Incoming:
        """Send, and keep the exchange where it is its turn."""
        kept = self._shared.kept
        if kept is None:
            return self._client.post(path, body, streamed=streamed)
        keep = kept.wants(now)
        kept.under_way += 1
        under_way = kept.under_way
        try:
            incoming = self._client.post(path, body, streamed=streamed, keep=keep)
        finally:
            kept.under_way -= 1
        if keep:
            kept.add(path, body, incoming, under_way)
        return incoming

    def _ready(
        self, body: str | Mapping[str, Any], fields: Mapping[str, Any], *, streamed: bool
    ) -> "_Ready":
        """The request, from memory where it is a fixture with fields that are plain values."""
        shared = self._shared
        if not isinstance(body, str):
            return self._encode("inline", body, fields, streamed=streamed)
        try:
            key = (body, streamed, *fields.items())
            found = shared.encoded.get(key)
        except TypeError:  # a field that is a list or an object
            return self._encode(body, shared.body(body), fields, streamed=streamed)
        if found is None:
            found = self._encode(body, shared.body(body), fields, streamed=streamed)
            if len(shared.encoded) < _ENCODED:
                shared.encoded[key] = found
        return found

    def _encode(
        self, name: str, given: Mapping[str, Any], fields: Mapping[str, Any], *, streamed: bool
    ) -> "_Ready":
        stream = {"stream": True, "stream_options": {"include_usage": True}} if streamed else {}
        request = {"model": self._shared.model, **given, **fields, **stream}
        body = json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode()
        return _Ready(name, str(request["model"]), body)

    def _note(self, call: "_Call", incoming: Incoming, reply: Reply) -> Sample:
        shared, scan = self._shared, incoming.scan
        zero, ready = shared.zero, call.ready
        end = time.perf_counter() if incoming.broken else incoming.last
        gaps = gaps_of(incoming)
        sample = Sample(
            kind=Kind(
                ready.name, ready.model, call.streamed, incoming.status, reply.error, reply.detail
            ),
            intended=(incoming.start if call.intended is None else call.intended) - zero,
            start=incoming.start - zero,
            end=end - zero,
            connect_s=incoming.connect_s,
            first_byte=_since(zero, incoming.first_byte),
            first_event=_since(zero, scan.first_event),
            first_reasoning=_since(zero, scan.first_reasoning),
            first_answer=_since(zero, scan.first_answer),
            stall_s=stall_of(incoming, gaps),
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
        )
        shared.log.add(sample, gaps)
        shared.tally.chunks += len(scan.times)
        shared.tally.shared += scan.shared
        self.environment.events.request.fire(
            request_type="stream" if call.streamed else "plain",
            name=ready.name,
            response_time=sample.response_s * 1000,
            response_length=incoming.received,
            exception=None if sample.ok else RuntimeError(f"{reply.error}: {reply.detail}"),
            context={},
        )
        return sample

    def _await_arrival(self) -> None:
        assert self._dispatcher is not None, "only who has arrivals waits for one"
        self.arrival = self._dispatcher.take()
        self._due = self._dispatcher.zero + self.arrival.at

    def _pool(self) -> Pool:
        shared, limit = self._shared, self.connections
        if limit is not None and limit in shared.pools:
            return shared.pools[limit]
        limits = Limits(whole_s=self.limit_s, silence_s=self.silence_s)
        pool = Pool(shared.base_url, limits, most=limit, counts=shared.tally.counts)
        if limit is not None:
            shared.pools[limit] = pool
        return pool


@dataclass(frozen=True, slots=True)
class _Call:
    ready: _Ready
    streamed: bool
    intended: float | None


_UNFINISHED = Reply(error=ErrorClass.UNFINISHED, detail="still under way at the end")


def _since(zero: float, moment: float | None) -> float | None:
    return None if moment is None else moment - zero


def _read_body(name: str, folders: tuple[Path, ...]) -> Mapping[str, Any]:
    for folder in folders:
        file = folder / f"{name}.json"
        if file.is_file():
            try:
                body = json.loads(file.read_bytes())
            except ValueError as error:
                raise UsageError(
                    f"The request body fixtures/{name}.json is not JSON: {error}"
                ) from error
            if isinstance(body, dict):
                return body
            raise UsageError(f"The request body fixtures/{name}.json is no JSON object.")
    known = [
        str(file.relative_to(folder).with_suffix(""))
        for folder in folders
        for file in folder.rglob("*.json")
    ]
    raise UsageError(f"There is no request body '{name}' in fixtures. {nearest(name, known)}")
