"""
What a run would send, found out without sending anything.

The tasks of the users are run with a client that answers by itself, so what they would ask is
known: how many requests a task takes, how long its prompts are, and how many tokens its answers
may have. How often tasks are run follows from the arrivals of an open workload, which are known,
and of a closed one from its users, the time they wait, and the time that an answer takes, which
is assumed.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

import gevent
from locust.env import Environment

from kimi_conformance.load.client.incoming import Incoming, Limits
from kimi_conformance.load.users.arrivals import Arrival
from kimi_conformance.load.users.kimi_user import KimiUser
from kimi_conformance.load.users.loaded import Loaded
from kimi_conformance.load.users.setting import Setting
from kimi_conformance.load.users.spending import Spending, asked_for
from kimi_conformance.simulator import tokens

__all__ = ["foresee"]

RESPONSE_S = 1.0  # that an answer is assumed to take
_ROUNDS = 20  # of each task: bodies and waits may differ from time to time
_PATIENCE_S = 1.0  # for one task
_USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


@dataclass(slots=True)
class _Asked:
    """What tasks asked for.

    Attributes:
        tasks: How many were run.
        requests: How many they sent.
        streamed: How many of those ask for a stream.
        prompt: Tokens of their prompts.
        answer: Tokens that their answers may have.
    """

    tasks: int = 0
    requests: int = 0
    streamed: int = 0
    prompt: int = 0
    answer: int = 0


def foresee(
    loaded: Loaded, model: str, fixtures: Sequence[Path], spending: Spending
) -> dict[str, Any]:
    """What a run of this scenario would send; JSON types only.

    Tokens of prompts are estimated as the simulator counts them, those of answers are the most
    that the requests allow.
    """
    KimiUser.setting = _setting(model, fixtures)
    shape, counts = loaded.shape, _users(loaded)
    begin = shape.warm_up_s
    weights = sum(user.weight for user in loaded.users)
    total: dict[str, float] = dict.fromkeys(
        ("requests", "judged", "judged_streams", "prompt_tokens", "answer_tokens"), 0.0
    )
    notes: list[str] = []
    for user in loaded.users:
        asked, cycle = _try_out(user, loaded, spending, notes)
        if user.arrivals is not None:
            moments = [arrival.at for arrival in _arrivals(user, loaded)]
            tasks: float = len(moments)
            judged: float = sum(at >= begin for at in moments)
        else:
            share = user.weight / weights / cycle
            tasks = share * sum(counts)
            judged = share * sum(count for at, count in enumerate(counts) if at >= begin)
        each = 1 / max(asked.tasks, 1)
        total["requests"] += tasks * asked.requests * each
        total["judged"] += judged * asked.requests * each
        total["judged_streams"] += judged * asked.streamed * each
        total["prompt_tokens"] += tasks * asked.prompt * each
        total["answer_tokens"] += tasks * asked.answer * each
    return {
        "scenario": loaded.header.name,
        "workload": loaded.header.workload,
        "model": model,
        "seconds": shape.length,
        "warm_up_s": begin,
        "users": max(counts, default=0),
        **{key: round(value) for key, value in total.items()},
        "response_s": RESPONSE_S,
        "notes": notes,
    }


def _users(loaded: Loaded) -> list[int]:
    """How many users there are in each second."""
    shape: Any = loaded.shape
    counts = []
    for second in range(round(shape.length)):
        shape.get_run_time = lambda now=second: now
        step = shape.tick()
        if step is None:
            break
        counts.append(int(step[0]))
    del shape.get_run_time
    return counts


def _arrivals(user: type[KimiUser], loaded: Loaded) -> Iterator[Arrival]:
    assert user.arrivals is not None, "asked for open workloads only"
    shape = loaded.shape
    return takewhile(lambda each: each.at < shape.length, user.arrivals.stretched(shape.scale))


def _try_out(
    user: type[KimiUser], loaded: Loaded, spending: Spending, notes: list[str]
) -> tuple[_Asked, float]:
    """What tasks of this class ask for, and the seconds from one task of a user to the next."""
    asked = _Asked()
    client = _Answering(asked, spending)
    one = user(Environment(user_classes=[user]))
    one.spread_s = 0.0  # type: ignore[misc]
    one._client = client  # type: ignore[assignment]
    arrivals: list[Arrival] = []
    if user.arrivals is not None:
        arrivals = list(_arrivals(user, loaded))
        arrivals = arrivals[:: len(arrivals) // _ROUNDS + 1]
    one.on_start()
    for round_ in range(_ROUNDS):
        for task in user.tasks:
            if arrivals:
                one.arrival = arrivals[round_ % len(arrivals)]
            asked.tasks += 1
            with gevent.Timeout(_PATIENCE_S, False) as patience:
                _run(one, task, client, notes)
                patience.cancel()
    return asked, _cycle(one)


def _run(one: KimiUser, task: Any, client: "_Answering", notes: list[str]) -> None:
    try:
        task(one)
    except Exception as error:  # noqa: BLE001 - it is the scenario's code, which may raise anything
        note = f"{getattr(task, '__name__', task)} raised {type(error).__name__}: {error}"
        if note not in notes:
            notes.append(note)
        client.calls_tools = False


def _cycle(one: Any) -> float:
    """Seconds from the beginning of one task of a user to that of the next, on average.

    A time to wait may depend on how long the task took, so one is pretended that took as long
    as an answer is assumed to.
    """
    seconds = 0.0
    for _ in range(_ROUNDS):
        one._cp_last_run, one._cp_last_wait_time = time.perf_counter() - RESPONSE_S, 0.0
        seconds += RESPONSE_S + one.wait_time()
    return seconds / _ROUNDS


@dataclass
class _Answering:
    """In the place of a client: counts what is asked, and answers by itself."""

    asked: _Asked
    spending: Spending
    calls_tools: bool = True
    _limits: Limits = field(default_factory=Limits)

    def post(
        self,
        path: str,
        *body: bytes,
        streamed: bool = False,
        keep: bool = False,
        method: str = "POST",
    ) -> Incoming:
        """As in `Client`; nothing is sent."""
        del path, method
        request = json.loads(b"".join(body) or b"{}")
        self.asked.requests += 1
        if "messages" in request:
            self.asked.streamed += streamed
            self.asked.prompt += tokens.of_prompt(request["messages"], request.get("tools") or ())
            self.asked.answer += asked_for(request, self.spending.unsaid_tokens)
        content = _stream() if streamed else json.dumps(self._completion(request)).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content)
        incoming = Incoming(time.perf_counter(), streamed=streamed, keep=keep, limits=self._limits)
        incoming.take(head + content, time.perf_counter())
        return incoming

    def close(self) -> None:
        """There is nothing to close."""

    def _completion(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """One that calls each tool that is offered once, and then says something."""
        offered, messages = request.get("tools") or (), request.get("messages") or ()
        asks = offered and not any(message.get("role") == "tool" for message in messages)
        message: dict[str, Any] = {"role": "assistant", "content": "Yes."}
        if asks and self.calls_tools:
            message["tool_calls"] = [
                {
                    "id": f"{tool['function']['name']}:{number}",
                    "type": "function",
                    "function": {"name": tool["function"]["name"], "arguments": "{}"},
                }
                for number, tool in enumerate(offered)
            ]
        reason = "tool_calls" if "tool_calls" in message else "stop"
        choice = {"index": 0, "message": message, "finish_reason": reason}
        # The id is for scenarios that make something and go on with what it is called.
        return {"id": "planned", "object": "chat.completion", "choices": [choice], "usage": _USAGE}


def _stream() -> bytes:
    deltas: list[tuple[dict[str, str], str | None]] = [({"content": "Yes."}, None), ({}, "stop")]
    events = [
        {
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason, "usage": _USAGE}],
        }
        for delta, reason in deltas
    ]
    lines = [json.dumps(event) for event in events]
    return "".join(f"data: {line}\n\n" for line in (*lines, "[DONE]")).encode()


class _Nowhere:
    """In the place of a log."""

    def add(self, *_: Any) -> None:
        """Nothing is kept."""


def _setting(model: str, fixtures: Sequence[Path]) -> Setting:
    nowhere: Any = _Nowhere()
    return Setting(
        base_url="http://plan.invalid/v1",
        api_key="",
        model=model,
        fixtures=tuple(fixtures),
        log=nowhere,
        zero=time.perf_counter(),
    )
