"""
Virtual users who ask through the reference adapter, one client each, as an application does.

What the adapter costs, CPU and memory, is then in the figures of the load process; so are its own
retries, of which the laboratory sees nothing. Locust has patched the sockets by the time that the
adapter is imported, so its synchronous client waits without holding up the others.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import gevent
from locust.env import Environment
from locust.exception import StopUser

from kimi_conformance.adapters.protocol import ChatRequest
from kimi_conformance.adapters.reference.client import SyncKimiClient
from kimi_conformance.adapters.reference.errors import LLMError
from kimi_conformance.adapters.reference.settings import KimiSettings
from kimi_conformance.errors import BudgetError
from kimi_conformance.load.client.bodies import Ready
from kimi_conformance.load.client.client import Client
from kimi_conformance.load.client.reply import Reply, error_class, plain_reply
from kimi_conformance.load.client.scan import cached_of
from kimi_conformance.load.client.seen import Seen
from kimi_conformance.load.samples.records import ErrorClass, Sample
from kimi_conformance.load.users.kimi_user import KimiUser
from kimi_conformance.wire.json_values import elements, is_count, is_text, members

__all__ = ["AdapterUser"]

_OWN = ("model", "messages", "tools", "stream")  # of a body, what is no option of a chat


class AdapterUser(KimiUser):
    """One person whose application uses the reference adapter; scenarios inherit from it."""

    abstract = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        shared = self._shared
        self._under_way: Ready | None = None
        self._adapter = SyncKimiClient(
            KimiSettings(api_key=shared.api_key, base_url=shared.base_url, patience_s=self.limit_s),
            sleep=self._pause,
        )

    def on_stop(self) -> None:
        """Close the connections of both."""
        self._adapter.close()
        super().on_stop()

    def _send(
        self,
        body: str | Mapping[str, Any],
        fields: Mapping[str, Any],
        intended: float | None,
        name: str | None,
        *,
        streamed: bool,
    ) -> Sample:
        client: Any = self._client
        if not isinstance(client, Client):  # of a plan, which asks nobody
            return super()._send(body, fields, intended, name, streamed=streamed)
        ready = self.bodies.ready(body, fields, streamed=streamed)
        call = self._begin(ready, name, intended, streamed=streamed)
        call.attempts = 1  # those that the adapter adds are its own
        paid = self._pay(ready)
        self._under_way = ready
        try:
            seen, reply = self._ask(_request(ready), streamed=streamed)
        except gevent.GreenletExit:
            self.give_up(call)
            raise
        account = self._shared.account
        if account is not None and paid is not None:
            account.settle(paid, seen.status, reply.prompt_tokens, reply.completion_tokens)
        call.count(reply)
        return self.note(call, seen, reply)

    def _pause(self, seconds: float) -> None:
        """Wait as the adapter wants to; what it sends after that is paid for too."""
        gevent.sleep(seconds)
        if self._under_way is not None:
            self._pay(self._under_way)

    def _pay(self, ready: Ready) -> Any:
        account = self._shared.account
        if account is None:
            return None
        try:
            return account.reserve(b"".join(ready.parts()))
        except BudgetError as error:
            raise StopUser from error

    def _ask(self, request: ChatRequest, *, streamed: bool) -> tuple[Seen, Reply]:
        try:
            return self._stream(request) if streamed else self._whole(request)
        except LLMError as error:
            return Seen(end=time.perf_counter(), status=error.status), _refused(error)

    def _whole(self, request: ChatRequest) -> tuple[Seen, Reply]:
        completion = self._adapter.chat(request)
        end = time.perf_counter()
        return Seen(end=end, status=200), plain_reply(json.dumps(completion.body).encode())

    def _stream(self, request: ChatRequest) -> tuple[Seen, Reply]:
        """Read the chunks as the adapter gives them, and at the times when it does."""
        heard = _Heard()
        for chunk in self._adapter.stream(request):
            heard.take(chunk.body, time.perf_counter())
        return heard.seen(time.perf_counter()), heard.reply()


@dataclass(slots=True)
class _Heard:
    """What the chunks of a stream said."""

    first_event: float | None = None
    first_reasoning: float | None = None
    first_answer: float | None = None
    times: list[float] = field(default_factory=list)
    finished: bool = False
    usage: Mapping[str, Any] = field(default_factory=dict)

    def take(self, body: Mapping[str, Any], at: float) -> None:
        if self.first_event is None:
            self.first_event = at
        self.usage = members(body.get("usage")) or self.usage
        for choice in map(members, elements(body.get("choices"))):
            delta = members(choice.get("delta"))
            reasons = is_text(delta.get("reasoning_content"))
            answers = is_text(delta.get("content")) or bool(elements(delta.get("tool_calls")))
            if reasons and self.first_reasoning is None:
                self.first_reasoning = at
            if answers and self.first_answer is None:
                self.first_answer = at
            if reasons or answers:
                self.times.append(at)
            self.finished = self.finished or is_text(choice.get("finish_reason"))
            self.usage = members(choice.get("usage")) or self.usage

    def seen(self, end: float) -> Seen:
        times = self.times
        gaps = [later - earlier for earlier, later in pairwise(times)]
        return Seen(
            end=end,
            status=200,
            first_event=self.first_event,
            first_reasoning=self.first_reasoning,
            first_answer=self.first_answer,
            stall_s=max((*gaps, end - times[-1])) if times else None,
            gaps=gaps,
            chunks=len(times),
        )

    def reply(self) -> Reply:
        flaw = "" if self.times else "no generated content"
        if not self.finished:
            flaw = "a choice without finish_reason"
        counts = {
            name: self.usage[name] if is_count(self.usage.get(name)) else None
            for name in ("prompt_tokens", "completion_tokens")
        }
        return Reply(
            error=ErrorClass.INVALID if flaw else ErrorClass.OK,
            detail=flaw,
            cached_tokens=cached_of(self.usage),
            **counts,
        )


def _request(ready: Ready) -> ChatRequest:
    """The same request, as the adapter takes it."""
    body = json.loads(b"".join(ready.parts()))
    return ChatRequest(
        model=body["model"],
        messages=body["messages"],
        tools=body.get("tools"),
        options={name: value for name, value in body.items() if name not in _OWN},
    )


def _refused(error: LLMError) -> Reply:
    """What an error of the adapter stands for; never its words, which may quote the endpoint."""
    if error.status is None:
        found = ErrorClass.TRANSPORT
    elif error.status == 200:
        found = ErrorClass.INVALID
    else:
        found = error_class(error.status)
    status = "no answer" if error.status is None else f"HTTP {error.status}"
    return Reply(error=found, detail=f"{type(error).__name__}, {status}")
