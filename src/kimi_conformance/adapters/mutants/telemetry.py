"""Clients that tell too little of their calls, or too much."""

import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from kimi_conformance.adapters.mutants.listing import unlogged
from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.protocol import (
    ChatRequest,
    Completion,
    Event,
    Tracer,
    UsageTotals,
)
from kimi_conformance.adapters.reference import telemetry

__all__ = ["MUTANTS"]

SENT, RECEIVED = "llm_request_sent", "llm_response_received"


class _Silences(Mutant):
    """Leaves one event out."""

    silent: ClassVar[str]

    def events(self) -> Sequence[Event]:
        """All others."""
        return [event for event in super().events() if event.name != self.silent]


class TellsNothingBefore(_Silences):
    """Does not tell that it has begun."""

    breaks = frozenset({"TELEM-01", "TELEM-04"})
    silent = SENT


class TellsNothingAfter(_Silences):
    """Does not tell that it is done."""

    breaks = frozenset({"TELEM-02", "TELEM-04", "TELEM-07", "TELEM-09"})
    silent = RECEIVED


class _TellsMore(Mutant):
    """Adds to one event what should not be told."""

    event: ClassVar[str]
    more: object = None

    def events(self) -> Sequence[Event]:
        """The event with more in it."""
        return [
            replace(event, attributes={**event.attributes, "more": self.more})
            if event.name == self.event
            else event
            for event in super().events()
        ]


class TellsThePrompt(_TellsMore):
    """Hands the whole request to the event, as the documents' code does."""

    breaks = frozenset({"PERF-09", "TELEM-01"})
    event = SENT

    async def chat(self, request: ChatRequest) -> Completion:
        """Keep what was asked."""
        self.more = list(request.messages)
        return await super().chat(request)


class TellsTheKey(_TellsMore):
    """Puts the key into the event."""

    breaks = frozenset({"TELEM-01"})
    event = SENT

    def begin(self) -> None:
        """Nothing is remembered yet."""
        self.more = self.binding.api_key


class TellsTheAnswer(_TellsMore):
    """Hands the whole answer to the event, as the documents' code does."""

    breaks = frozenset({"TELEM-02"})
    event = RECEIVED

    async def chat(self, request: ChatRequest) -> Completion:
        """Keep what was answered."""
        completion = await super().chat(request)
        self.more = dict(completion.body)
        return completion


class NeverTraces(Mutant):
    """Takes a tracer and does not use it."""

    breaks = frozenset({"TELEM-03"})

    def trace_with(self, tracer: Tracer) -> None:
        """Nothing."""


class TellsBackwards(Mutant):
    """Tells of the end first."""

    breaks = frozenset({"TELEM-04", "TELEM-09"})

    def events(self) -> Sequence[Event]:
        """The latest first."""
        return list(reversed(super().events()))


class TellsOfAnswersThatNeverCame(Mutant):
    """Tells that it is done also when it failed."""

    breaks = frozenset({"TELEM-04"})

    def events(self) -> Sequence[Event]:
        """An end for every beginning."""
        told = list(super().events())
        ends = {event.name for event in told}
        return told if RECEIVED in ends else [*told, Event(name=RECEIVED, attributes={})]


class CountsNoSteps(Mutant):
    """Does not count its calls."""

    breaks = frozenset({"TELEM-05", "TELEM-06"})

    def usage(self) -> UsageTotals:
        """No step at all."""
        return replace(super().usage(), step_count=0)


class CountsTheLastCall(Mutant):
    """Forgets what earlier calls have used."""

    breaks = frozenset({"TELEM-06"})

    async def chat(self, request: ChatRequest) -> Completion:
        """Begin again at nothing."""
        self.sound.telemetry.totals = UsageTotals()
        return await super().chat(request)


class TellsNoTime(Mutant):
    """Does not look at the clock."""

    breaks = frozenset({"TELEM-07"})

    def events(self) -> Sequence[Event]:
        """No seconds."""
        return [
            replace(event, attributes={**event.attributes, "seconds": 0.0})
            for event in super().events()
        ]


class LogsNoCall(Mutant):
    """Keeps its calls out of the log."""

    breaks = frozenset({"TELEM-08"})

    async def chat(self, request: ChatRequest) -> Completion:
        """As sound, and silent."""
        with unlogged(telemetry.logger, lambda _: True):
            return await super().chat(request)


class LogsTheRequest(Mutant):
    """Logs the whole request."""

    breaks = frozenset({"TELEM-08"})

    async def chat(self, request: ChatRequest) -> Completion:
        """The prompt among the rest."""
        logging.getLogger(__name__).info("%s", request)
        return await super().chat(request)


class NamesTheFirstModelForEver(Mutant):
    """Tells of every answer as if it were the first model's."""

    breaks = frozenset({"TELEM-09"})

    def events(self) -> Sequence[Event]:
        """The first model, whichever answered."""
        events = super().events()
        first = {"model": events[0].attributes["model"]} if events else {}
        return [replace(event, attributes={**event.attributes, **first}) for event in events]


class NeverBlamesTheNetwork(Mutant):
    """Says in its diagnosis that the network carries, whatever it does."""

    breaks = frozenset({"TELEM-11"})

    async def diagnosis(self) -> str:
        """The same words always."""
        return re.sub("Network: .*", "Network: all is well", await super().diagnosis())


class BlamesTheNetwork(Mutant):
    """Takes every error for one of the network."""

    breaks = frozenset({"TELEM-11"})

    async def diagnosis(self) -> str:
        """A broken network, where the key is refused."""
        told = await super().diagnosis()
        return re.sub("Network: .*", "Network: broken", told) if "API key error" in told else told


MUTANTS = (
    TellsNothingBefore,
    TellsNothingAfter,
    TellsThePrompt,
    TellsTheKey,
    TellsTheAnswer,
    NeverTraces,
    TellsBackwards,
    TellsOfAnswersThatNeverCame,
    CountsNoSteps,
    CountsTheLastCall,
    TellsNoTime,
    LogsNoCall,
    LogsTheRequest,
    NamesTheFirstModelForEver,
    NeverBlamesTheNetwork,
    BlamesTheNetwork,
)
