"""Clients that waste time, connections or memory."""

import asyncio
from collections.abc import Sequence
from typing import Any

from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.mutants.requests import Body, OtherBody
from kimi_conformance.adapters.protocol import ChatRequest, Completion, ModelConfig
from kimi_conformance.http import httpx

__all__ = ["MUTANTS"]


class ListsByArrival(Mutant):
    """Shows models in the order in which their configurations came."""

    breaks = frozenset({"PERF-05"})

    async def models_of(self, provider: str) -> Sequence[ModelConfig]:
        """The last one first."""
        models = await super().models_of(provider)
        return list(reversed(models)) if provider == "google_ai" else models


class ListsOneAfterTheOther(Mutant):
    """Lets one listing wait for another."""

    breaks = frozenset({"PERF-07"})

    def begin(self) -> None:
        """Nothing is remembered yet."""
        self._one_at_a_time = asyncio.Lock()

    async def list_models(self) -> Sequence[ModelConfig]:
        """One at a time."""
        async with self._one_at_a_time:
            return await super().list_models()


class ClosesAfterEachCall(Mutant):
    """Opens a connection for every call, as the documents' code does."""

    breaks = frozenset({"PERF-06"})

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """Ask the other side to hang up."""
        if self.doing == "chat":
            request.headers["Connection"] = "close"
        return request


class ForgetsWhatItChatsWith(Mutant):
    """Looks the model up anew after every answer."""

    breaks = frozenset({"PERF-08"})

    async def chat(self, request: ChatRequest) -> Completion:
        """Forget all configurations afterwards."""
        completion = await super().chat(request)
        self.sound.reload(self.binding.environment)
        return completion


class CutsLargeContexts(OtherBody):
    """Sends no more than it holds reasonable."""

    breaks = frozenset({"PERF-09"})

    def changed(self, body: Body) -> Body:
        """The beginning of every text."""
        messages = [{**each, "content": _cut(each.get("content"))} for each in body["messages"]]
        return {**body, "messages": messages}


def _cut(content: Any) -> Any:
    return content[:100_000] if isinstance(content, str) else content


class KeepsEveryQuestion(Mutant):
    """Never lets go of what it was asked."""

    breaks = frozenset({"PERF-09"})

    async def chat(self, request: ChatRequest) -> Completion:
        """One more in the list."""
        self.__dict__.setdefault("asked", []).append(request)
        return await super().chat(request)


MUTANTS = (
    ListsByArrival,
    ListsOneAfterTheOther,
    ClosesAfterEachCall,
    ForgetsWhatItChatsWith,
    CutsLargeContexts,
    KeepsEveryQuestion,
)
