"""Clients that carry something from one call into the next: a single call shows nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.mutants.retry import OtherPolicy
from kimi_conformance.adapters.mutants.tools import OtherLoop
from kimi_conformance.adapters.protocol import ChatRequest, Completion
from kimi_conformance.adapters.reference import RetryPolicy
from kimi_conformance.adapters.reference.tools import CallTool

__all__ = ["MUTANTS"]

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Growing(RetryPolicy):
    failures: list[int] = field(default_factory=list)

    def backoff(self, attempt: int) -> float:
        self.failures.append(attempt)
        return super(_Growing, self).backoff(len(self.failures))


class NeverForgetsAFailure(OtherPolicy):
    """Waits longer from chat to chat, as if all were one that still fails."""

    breaks = frozenset({"RETRY-05"})

    def changed(self, sound: RetryPolicy) -> RetryPolicy:
        """A policy that counts on."""
        return _Growing(
            attempts=sound.attempts,
            factor_s=sound.factor_s,
            cap_s=sound.cap_s,
            longest_s=sound.longest_s,
        )


class RemembersToolResults(OtherLoop):
    """Begins every question with the tool results of the one before."""

    breaks = frozenset({"SENT-009", "TOOL-03"})
    left: tuple[Body, ...] = ()

    async def chat_with_tools(self, request: ChatRequest, call_tool: CallTool) -> Completion:
        """Put what is left over first, once a question."""
        if request.messages[-1]["role"] == "user":
            request = replace(request, messages=[*self.left, *request.messages])
        return await super().chat_with_tools(request, call_tool)

    def following(self, request: ChatRequest, messages: list[Body]) -> ChatRequest:
        """Keep the results."""
        self.left = tuple(message for message in messages if message["role"] == "tool")
        return super().following(request, messages)


MUTANTS: tuple[type[Mutant], ...] = (NeverForgetsAFailure, RemembersToolResults)
