"""
What a client tells about its calls: events, spans and sums, never keys or prompts.

An event is made before each call and one after it, unless it failed:

    llm_request_sent         model, messages, request_bytes, tools, streamed
    llm_response_received    model, seconds, finish_reason, prompt_tokens, completion_tokens,
                             total_tokens, streamed

A span is opened by whatever has the two methods of OpenTelemetry's tracer and span that are
used here, so a tracer of OpenTelemetry fits as it is and need not be installed.
"""

import json
import logging
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kimi_conformance.adapters.protocol import (
    ChatRequest,
    Event,
    ModelPerformance,
    Tracer,
    UsageTotals,
)

__all__ = ["Call", "Telemetry"]

logger = logging.getLogger(__name__)

MOST_EVENTS = 1000  # older ones are forgotten
SPAN = "send_llm_request"
_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


class Telemetry:
    """Watches the calls of one client.

    Attributes:
        events: The latest events, oldest first.
        totals: What all calls together have used.
        performance: How the calls of each model fared, by its id.
        tracer: What opens the spans, or None: there are none.
    """

    def __init__(self) -> None:
        self.events: deque[Event] = deque(maxlen=MOST_EVENTS)
        self.totals = UsageTotals()
        self.performance: dict[str, ModelPerformance] = {}
        self.tracer: Tracer | None = None

    @contextmanager
    def call(self, request: ChatRequest, *, streamed: bool) -> Iterator["Call"]:
        """A call from before it is sent until it has ended, one way or the other."""
        span = self.tracer.start_span(SPAN) if self.tracer is not None else None
        try:
            yield Call(self, request, streamed)
        finally:
            if span is not None:
                span.end()

    def tell(self, name: str, attributes: Mapping[str, Any]) -> None:
        """Keep an event, and log it."""
        self.events.append(Event(name=name, attributes=attributes))
        logger.info("%s %s", name, json.dumps(attributes, ensure_ascii=False, default=str))

    def add(self, usage: Mapping[str, Any]) -> None:
        """Count one more call, and what it used."""
        before = self.totals
        self.totals = UsageTotals(
            step_count=before.step_count + 1,
            **{name: getattr(before, name) + (usage[name] or 0) for name in _COUNTS},
        )

    def time(self, model: str, seconds: float, completion_tokens: int) -> None:
        """Count one more call of a model, and how long it took."""
        nothing = ModelPerformance(model=model, calls=0, mean_s=0.0, completion_tokens=0)
        before = self.performance.get(model, nothing)
        calls = before.calls + 1
        self.performance[model] = ModelPerformance(
            model=model,
            calls=calls,
            mean_s=before.mean_s + (seconds - before.mean_s) / calls,
            completion_tokens=before.completion_tokens + completion_tokens,
        )


class Call:
    """One call, which says by itself that it has begun."""

    def __init__(self, telemetry: Telemetry, request: ChatRequest, streamed: bool) -> None:
        self._telemetry = telemetry
        self._model = request.model
        self._streamed = streamed
        self._started = time.perf_counter()
        self._usage: Any = None
        self._finish_reason: str | None = None
        telemetry.tell(
            "llm_request_sent",
            {
                "model": request.model,
                "messages": len(request.messages),
                "request_bytes": _size(request),
                "tools": len(request.tools or ()),
                "streamed": streamed,
            },
        )

    def read(self, body: Mapping[str, Any]) -> None:
        """Take from an answer, or from one of its chunks, what is to be told."""
        self._usage = body.get("usage") or self._usage
        for choice in body.get("choices") or ():
            if isinstance(choice, Mapping):
                self._usage = self._usage or choice.get("usage")
                self._finish_reason = choice.get("finish_reason") or self._finish_reason

    def received(self) -> None:
        """Tell that the answer has come in whole."""
        usage = self._usage if isinstance(self._usage, Mapping) else {}
        counts = {name: _count(usage.get(name)) for name in _COUNTS}
        seconds = time.perf_counter() - self._started
        self._telemetry.add(counts)
        self._telemetry.time(self._model, seconds, counts["completion_tokens"] or 0)
        self._telemetry.tell(
            "llm_response_received",
            {
                "model": self._model,
                "seconds": round(seconds, 6),
                "finish_reason": self._finish_reason,
                **counts,
                "streamed": self._streamed,
            },
        )


def _size(request: ChatRequest) -> int:
    """Bytes of the messages as JSON; what cannot be written as such is refused elsewhere."""
    return len(json.dumps(list(request.messages), ensure_ascii=False, default=str).encode())


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
