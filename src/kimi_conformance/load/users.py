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
from kimi_conformance.load.client import Client, Received
from kimi_conformance.load.reply import Reply, judge_reply
from kimi_conformance.load.samples import ErrorClass, Sample, SampleLog

__all__ = ["KimiUser", "Setting"]

_GOLDEN = 0.6180339887498949  # its multiples, modulo 1, fill the line evenly
_PLACES = 6  # of seconds; finer than any clock here is worth


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
    """

    base_url: str
    api_key: str = field(repr=False)
    model: str
    fixtures: tuple[Path, ...]
    log: SampleLog
    zero: float
    bodies: dict[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)

    def body(self, name: str) -> Mapping[str, Any]:
        """A request body from the fixtures: "chat/greeting".

        Raises:
            UsageError: There is none of this name, or it is no JSON object.
        """
        if name not in self.bodies:
            self.bodies[name] = _read_body(name, self.fixtures)
        return self.bodies[name]


class KimiUser(User):
    """One person with a client of their own; scenarios inherit from it.

    Attributes:
        spread_s: Users begin within this many seconds after they are spawned, evenly spread:
            users in step would ask all at once and then be silent.
        limit_s: The longest that one request may take.
    """

    abstract = True
    spread_s: ClassVar[float] = 1.0
    limit_s: ClassVar[float] = 120.0
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
        self._client = Client(self._shared.base_url, headers, self.limit_s)

    def on_start(self) -> None:
        """Wait for this user's place in the spread."""
        gevent.sleep(self._number * _GOLDEN % 1 * self.spread_s)
        # Locust's pacing counts from when the user was made: it would take the spread back.
        self._cp_last_run = time.perf_counter()

    def on_stop(self) -> None:
        """Close the connection."""
        self._client.close()

    def ask(
        self, body: str | Mapping[str, Any], *, intended: float | None = None, **fields: Any
    ) -> Sample:
        """Ask for a plain completion and wait for it.

        Args:
            body: The name of a fixture, or the request body itself; the model is added.
            intended: When the request should have been sent, on `time.perf_counter`: an open
                workload says so. None: now.
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
        given = self._shared.body(body) if isinstance(body, str) else body
        stream = {"stream": True, "stream_options": {"include_usage": True}} if streamed else {}
        request = {"model": self._shared.model, **given, **fields, **stream}
        encoded = json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode()
        start = time.perf_counter()
        call = _Call(
            name=body if isinstance(body, str) else "inline",
            model=str(request["model"]),
            streamed=streamed,
            intended=start if intended is None else intended,
            start=start,
        )
        try:
            received = self._client.post("/chat/completions", encoded)
        except gevent.GreenletExit:  # the run is over; what did not come in time is no success
            self._note(call, time.perf_counter(), Received(status=None, frames=()), _UNFINISHED)
            raise
        end = time.perf_counter()
        reply = judge_reply(
            received.status, received.frames, streamed=streamed, broken=received.broken
        )
        return self._note(call, end, received, reply)

    def _note(self, call: "_Call", end: float, received: Received, reply: Reply) -> Sample:
        sample = Sample(
            intended=self._since(call.intended),
            start=self._since(call.start),
            first=None if reply.ttft is None else self._since(call.start + reply.ttft),
            end=self._since(end),
            gaps=tuple(round(gap, _PLACES) for gap in reply.gaps),
            name=call.name,
            model=call.model,
            streamed=call.streamed,
            status=received.status,
            error=reply.error,
            detail=reply.detail,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
        )
        self._shared.log.add(sample)
        self.environment.events.request.fire(
            request_type="stream" if sample.streamed else "plain",
            name=sample.name,
            response_time=sample.response_s * 1000,
            response_length=sum(len(frame.data) for frame in received.frames),
            exception=None if sample.ok else RuntimeError(f"{sample.error}: {sample.detail}"),
            context={},
        )
        return sample

    def _since(self, moment: float) -> float:
        return round(moment - self._shared.zero, _PLACES)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    name: str
    model: str
    streamed: bool
    intended: float
    start: float


_UNFINISHED = Reply(error=ErrorClass.UNFINISHED, detail="still under way at the end")


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
