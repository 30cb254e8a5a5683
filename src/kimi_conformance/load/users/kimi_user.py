"""
Virtual users that ask an endpoint for chat completions, and note what they saw.

Every request becomes a `Sample`. Locust is told of it too, once, so that its own console is
right; no service level is computed from what Locust keeps.
"""

import itertools
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import gevent
from locust import User
from locust.env import Environment
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_WAITING

from kimi_conformance.editions import Edition
from kimi_conformance.errors import UsageError
from kimi_conformance.load.client.bodies import Bodies, Ready
from kimi_conformance.load.client.client import Pool
from kimi_conformance.load.client.incoming import Incoming, Limits
from kimi_conformance.load.client.reply import Reply, judge_reply
from kimi_conformance.load.client.retries import Retries, asked_wait
from kimi_conformance.load.client.seen import Seen, seen_of
from kimi_conformance.load.samples.records import ErrorClass, Kind, Sample
from kimi_conformance.load.users.arrivals import Arrival, Arrivals
from kimi_conformance.load.users.call import Call
from kimi_conformance.load.users.dispatch import Dispatcher
from kimi_conformance.load.users.paying import PayingClient
from kimi_conformance.load.users.setting import Setting
from kimi_conformance.load.users.tool_loop import CallTool, next_turn
from kimi_conformance.wire.json_values import members, parse_json

__all__ = ["KimiUser"]

_GOLDEN = 0.6180339887498949  # its multiples, modulo 1, fill the line evenly
_MOST_TURNS = 8  # of a conversation in which the model calls tools


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
        retries: When a request is sent again, or None: never. A call and its repetitions are
            one logical call, from the first attempt to the end of the last.
        expected: Failures that the scenario sets out to cause: they count neither for nor
            against.
        number: Of this user, from 0 on; no other of the run has it.
    """

    abstract = True
    spread_s: ClassVar[float] = 1.0
    limit_s: ClassVar[float] = 120.0
    silence_s: ClassVar[float | None] = None
    connections: ClassVar[int | None] = None
    arrivals: ClassVar[Arrivals | None] = None
    retries: ClassVar[Retries | None] = None
    expected: ClassVar[frozenset[ErrorClass]] = frozenset()
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
        self.number = next(self._numbers)
        headers = {
            "Authorization": f"Bearer {self._shared.api_key}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        self._client = PayingClient(self._pool(), headers, self._shared.account)
        self._dispatcher: Dispatcher | None = None
        self._due: tuple[float, bool] | None = None  # of the arrival that is not asked for yet
        self._dice = random.Random(self.number)  # noqa: S311 - spreads waits, is no secret
        self.arrival = Arrival(0.0)

    def on_start(self) -> None:
        """Wait for the first arrival, or for this user's place in the spread."""
        self._dispatcher = self._shared.dispatchers.get(type(self))
        self._state = LOCUST_STATE_WAITING  # who has nothing to do is not waited for at the end
        if self._dispatcher is not None:
            self._await_arrival()
        else:
            gevent.sleep(self.number * _GOLDEN % 1 * self.spread_s)
            # Locust's pacing counts from when the user was made: it would take the spread back.
            self._cp_last_run = time.perf_counter()
        self._state = LOCUST_STATE_RUNNING

    def wait_time(self) -> float:
        """Wait for the next arrival where there are any; how long to wait then: not at all."""
        if self._dispatcher is not None:
            self._await_arrival()
        return 0.0

    def on_stop(self) -> None:
        """Close the connection."""
        self._client.close()

    def ask(
        self,
        body: str | Mapping[str, Any],
        *,
        intended: float | None = None,
        name: str | None = None,
        **fields: Any,
    ) -> Sample:
        """Ask for a plain completion and wait for it.

        Args:
            body: The name of a fixture or of one of `bodies`, or the request body itself; the
                model is added.
            intended: When the request should have been sent, on `time.perf_counter`. None: when
                it arrived, for the first one after each arrival of an open workload; else now.
            name: What samples call it; None: by the name of the body.
            fields: Fields of the body to add or replace, such as max_tokens.

        Raises:
            UsageError: There is no fixture of this name.
        """
        return self._send(body, fields, intended, name, streamed=False)

    def read_stream(
        self,
        body: str | Mapping[str, Any],
        *,
        intended: float | None = None,
        name: str | None = None,
        **fields: Any,
    ) -> Sample:
        """Ask for a streamed completion and read it to its end; the rest is as in `ask`."""
        return self._send(body, fields, intended, name, streamed=True)

    def ask_with_tools(
        self,
        body: str | Mapping[str, Any],
        call_tool: CallTool,
        *,
        intended: float | None = None,
        name: str | None = None,
        **fields: Any,
    ) -> Sample:
        """Ask, run the tools that the answer calls, and so on, until one calls none.

        All of it is one logical call: its time is that of the whole, its tokens are added up.

        Args:
            body: As in `ask`; its `tools` are offered every time.
            call_tool: Given a tool's name and its arguments, gives the result.
            intended: As in `ask`.
            name: As in `ask`.
            fields: As in `ask`.
        """
        given = self.bodies.named(body) if isinstance(body, str) else body
        request: Mapping[str, Any] = {**given, **fields}
        ready = self.bodies.ready(body, fields, streamed=False)
        call = self._begin(ready, name, intended, streamed=False)

        def turns() -> tuple[Incoming, Reply]:
            nonlocal request
            incoming, reply = self._try(call, ready)
            for _ in range(_MOST_TURNS):
                following = next_turn(request, incoming.body, call_tool) if reply.ok else None
                if following is None:
                    return incoming, reply
                request = following
                incoming, reply = self._try(call, self.bodies.ready(request, {}, streamed=False))
            return incoming, replace(
                reply, error=ErrorClass.INVALID, detail=f"tools are called {_MOST_TURNS} times"
            )

        return self._finish(call, turns)

    def prepare(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Post what a load needs and is no part of it, such as a cache; the decoded answer.

        Raises:
            UsageError: It was refused: the scenario cannot be run there.
        """
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        incoming = self._client.post(path, content)
        if incoming.status != 200:
            said = f"HTTP {incoming.status}" if incoming.status else incoming.broken
            raise UsageError(
                f"POST {path}, which this scenario needs, was answered with {said}. Choose a "
                "model that has it, or another scenario."
            )
        return members(parse_json(incoming.body))

    def label(self, name: str, reply: Reply) -> str:
        """What samples call a logical call that ended like this; scenarios may tell more apart."""
        del reply
        return name

    @property
    def bodies(self) -> Bodies:
        """The request bodies that all users share."""
        return self._shared.bodies

    @property
    def edition(self) -> Edition | None:
        """The newest edition that lists the model; None: none does."""
        return self._shared.edition

    @property
    def model(self) -> str:
        """Which model is asked."""
        return self._shared.model

    @property
    def window(self) -> int | None:
        """How many tokens the model reads and writes at most; None: no edition knows it."""
        edition, model = self._shared.edition, self._shared.model
        found = edition.find(model) if edition else None
        return found.context_window if found else None

    def _send(
        self,
        body: str | Mapping[str, Any],
        fields: Mapping[str, Any],
        intended: float | None,
        name: str | None,
        *,
        streamed: bool,
    ) -> Sample:
        ready = self.bodies.ready(body, fields, streamed=streamed)
        call = self._begin(ready, name, intended, streamed=streamed)
        return self._finish(call, lambda: self._try(call, ready))

    def _begin(
        self, ready: Ready, name: str | None, intended: float | None, *, streamed: bool
    ) -> Call:
        """Begin a logical call: with the arrival that waits for one, where there is any."""
        held: bool | None = None
        if intended is None and self._due is not None:
            intended, held = self._due
        self._due = None
        start = time.perf_counter()
        return Call(
            name=name or ready.name,
            model=ready.model,
            streamed=streamed,
            start=start,
            intended=start if intended is None else intended,
            held=held,
        )

    def _finish(self, call: Call, work: Callable[[], tuple[Incoming, Reply]]) -> Sample:
        """Do what the call is about, and note how it went."""
        try:
            incoming, reply = work()
        except gevent.GreenletExit:
            self.give_up(call)
            raise
        return self.note(call, seen_of(incoming, time.perf_counter()), reply)

    def _try(self, call: Call, ready: Ready) -> tuple[Incoming, Reply]:
        """One request, sent again as `retries` says."""
        for attempt in itertools.count(1):
            incoming = self._post("/chat/completions", ready, streamed=call.streamed)
            reply = judge_reply(incoming, streamed=call.streamed)
            call.attempts += 1
            call.count(reply)
            self._shared.tally.refused += reply.error is ErrorClass.RATE_LIMIT
            if reply.ok or self.retries is None:
                break
            asked = asked_wait(incoming.headers, incoming.body)
            pause = self.retries.pause(attempt, reply.error, asked, self._dice.random())
            if pause is None:
                break
            gevent.sleep(pause)
        return incoming, reply

    def _post(self, path: str, ready: Ready, *, streamed: bool) -> Incoming:
        """Send, and keep the exchange where it is its turn."""
        kept, parts = self._shared.kept, ready.parts()
        if kept is None:
            return self._client.post(path, *parts, streamed=streamed)
        keep = kept.wants(time.perf_counter())
        kept.under_way += 1
        under_way = kept.under_way
        try:
            incoming = self._client.post(path, *parts, streamed=streamed, keep=keep)
        finally:
            kept.under_way -= 1
        if keep:
            kept.add(path, b"".join(parts), incoming, under_way)
        return incoming

    def give_up(self, call: Call) -> None:
        """Note a call that was under way when the run was over: it is no success."""
        self.note(call, Seen(end=time.perf_counter()), _UNFINISHED)

    def note(self, call: Call, seen: Seen, reply: Reply) -> Sample:
        """Note a logical call that is over."""
        shared = self._shared
        zero, name = shared.zero, self.label(call.name, reply)
        sample = Sample(
            kind=Kind(
                name=name,
                model=call.model,
                streamed=call.streamed,
                status=seen.status,
                error=reply.error,
                detail=reply.detail,
                attempts=max(call.attempts, 1),
                expected=reply.error in self.expected,
                held=call.held,
            ),
            intended=call.intended - zero,
            start=call.start - zero,
            end=seen.end - zero,
            connect_s=seen.connect_s,
            first_byte=_since(zero, seen.first_byte),
            first_event=_since(zero, seen.first_event),
            first_reasoning=_since(zero, seen.first_reasoning),
            first_answer=_since(zero, seen.first_answer),
            stall_s=seen.stall_s,
            prompt_tokens=call.prompt_tokens,
            completion_tokens=call.completion_tokens,
        )
        shared.log.add(sample, seen.gaps)
        shared.tally.chunks += seen.chunks
        shared.tally.shared += seen.shared
        shared.tally.cached += call.cached_tokens
        for watch in shared.watchers:
            watch(sample)
        return sample

    def _await_arrival(self) -> None:
        assert self._dispatcher is not None, "only who has arrivals waits for one"
        taken = self._dispatcher.take()
        self.arrival = taken.arrival
        self._due = (self._dispatcher.zero + self.arrival.at, taken.held)

    def _pool(self) -> Pool:
        shared, limit = self._shared, self.connections
        if limit is not None and limit in shared.pools:
            return shared.pools[limit]
        limits = Limits(whole_s=self.limit_s, silence_s=self.silence_s)
        pool = Pool(shared.base_url, limits, most=limit, counts=shared.tally.counts)
        if limit is not None:
            shared.pools[limit] = pool
        return pool


_UNFINISHED = Reply(error=ErrorClass.UNFINISHED, detail="still under way at the end")


def _since(zero: float, moment: float | None) -> float | None:
    return None if moment is None else moment - zero
