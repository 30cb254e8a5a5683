"""Clients that offer other tools than they were told to, or lose what the model called."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.mutants.requests import OtherBody
from kimi_conformance.adapters.protocol import ChatRequest, Completion
from kimi_conformance.adapters.reference import LLMError
from kimi_conformance.adapters.reference.tools import CallTool

__all__ = ["MUTANTS", "OtherLoop"]

Body = Mapping[str, Any]


class OffersEveryTool(Mutant):
    """Knows no rule about tools."""

    breaks = frozenset({"TOOL-01", "TOOL-02"})

    async def chat(self, request: ChatRequest) -> Completion:
        """All tools, always."""
        return await super().chat(replace(request, allowed_tools=None))


class OffersNothingUnlessAllowed(Mutant):
    """Takes an empty list of allowed tools for a ban on all."""

    breaks = frozenset({"REQ-03", "TOOL-01"})

    async def chat(self, request: ChatRequest) -> Completion:
        """No tools where none is named."""
        if not request.allowed_tools:
            request = replace(request, tools=[])
        return await super().chat(request)


class TidiesSchemas(OtherBody):
    """Leaves the descriptions out of schemas."""

    breaks = frozenset({"TOOL-02", "TOOL-03"})

    def changed(self, body: Body) -> Body:
        """Schemas without descriptions."""
        return (
            {**body, "tools": [_bare(tool) for tool in body["tools"]]} if "tools" in body else body
        )


def _bare(value: Any) -> Any:
    if isinstance(value, list):
        return [_bare(each) for each in value]
    if isinstance(value, dict):
        return {name: _bare(each) for name, each in value.items() if name != "description"}
    return value


class TellsTheModelToChoose(OtherBody):
    """Turns a forced tool into a suggestion, without a word."""

    breaks = frozenset({"TOOL-05", "TOOL-05-K2", "TOOL-06"})

    def changed(self, body: Body) -> Body:
        """tool_choice auto."""
        return {**body, "tool_choice": "auto"} if "tool_choice" in body else body


class ForcesNoToolUponK2(OtherBody):
    """The same for K2 models alone, as later code does."""

    breaks = frozenset({"TOOL-05-K2"})

    def changed(self, body: Body) -> Body:
        """tool_choice auto for K2."""
        forced = "tool_choice" in body and "k2" in body["model"]
        return {**body, "tool_choice": "auto"} if forced else body


class OtherLoop(Mutant):
    """Runs a loop around tools of its own, wrong where a method is overridden."""

    rounds: ClassVar[int] = 32

    async def chat_with_tools(self, request: ChatRequest, call_tool: CallTool) -> Completion:
        """Chat, call, chat again."""
        for _ in range(self.rounds):
            answer = await self.sound.chat(request)
            message = answer.body["choices"][0]["message"]
            calls = self.calls(message)
            if not calls:
                return answer
            results = [
                {"role": "tool", "tool_call_id": call["id"], "content": self.call(call, call_tool)}
                for call in calls
            ]
            messages = [*request.messages, self.history(message), *results]
            request = self.following(request, messages)
        raise LLMError("Error: the model still calls tools")

    def calls(self, message: Body) -> list[Body]:
        """The calls of an answer."""
        return message.get("tool_calls") or []

    def call(self, call: Body, call_tool: CallTool) -> str:
        """The result of one."""
        return call_tool(call["function"]["name"], call["function"]["arguments"])

    def history(self, message: Body) -> Body:
        """What the next request holds of an answer."""
        return message

    def following(self, request: ChatRequest, messages: list[Body]) -> ChatRequest:
        """The next request."""
        options = {key: value for key, value in request.options.items() if key != "tool_choice"}
        return replace(request, messages=messages, options=options)


class CallsTheFirstToolOnly(OtherLoop):
    """Does not know that a model can ask for two things at once."""

    breaks = frozenset({"SENT-009", "TOOL-03"})

    def calls(self, message: Body) -> list[Body]:
        """At most one."""
        return super().calls(message)[:1]


class WritesArgumentsAnew(OtherLoop):
    """Decodes the arguments and encodes them its own way."""

    breaks = frozenset({"TOOL-03"})

    def call(self, call: Body, call_tool: CallTool) -> str:
        """Arguments in other words."""
        return call_tool(
            call["function"]["name"], json.dumps(json.loads(call["function"]["arguments"]))
        )


class ForgetsThoughts(OtherLoop):
    """Keeps of an answer what its own model of messages knows."""

    breaks = frozenset({"TOOL-03"})

    def history(self, message: Body) -> Body:
        """Role, text and calls, a text always."""
        return {
            "role": message["role"],
            "content": message["content"] or "",
            "tool_calls": [
                {name: call[name] for name in ("id", "type", "function")}
                for call in message["tool_calls"]
            ],
        }


class OffersToolsOnce(OtherLoop):
    """Leaves the tools out of every request but the first."""

    breaks = frozenset({"TOOL-03"})

    def following(self, request: ChatRequest, messages: list[Body]) -> ChatRequest:
        """Without tools."""
        return replace(super().following(request, messages), tools=None)


class ForcesAToolForEver(OtherLoop):
    """Repeats tool_choice with every result."""

    breaks = frozenset({"TOOL-06"})

    def following(self, request: ChatRequest, messages: list[Body]) -> ChatRequest:
        """With the same options."""
        return replace(request, messages=messages)


class TakesAnyFieldForACall(OtherLoop):
    """Goes to the tools wherever there is a field for calls, whatever it holds."""

    breaks = frozenset({"SENT-009", "TOOL-04"})

    def calls(self, message: Body) -> list[Body]:
        """One call made up, where there is a field and nothing in it."""
        calls = super().calls(message)
        made_up = {"id": "none:0", "function": {"name": "none", "arguments": "{}"}}
        return calls or ([made_up] if "tool_calls" in message else [])


class NeedsAFieldForCalls(OtherLoop):
    """Fails over an answer that says nothing of tools."""

    breaks = frozenset({"REQ-11", "REQ-12", "REQ-15", "TOOL-03", "TOOL-04", "TOOL-06"})

    def calls(self, message: Body) -> list[Body]:
        """The field, which must be there."""
        calls: list[Body] = message["tool_calls"] or []
        return calls


class TakesThoughtsOutOfCalls(OtherLoop):
    """Does the platform's work, and keeps the thoughts to itself."""

    breaks = frozenset({"REQ-11"})

    def call(self, call: Body, call_tool: CallTool) -> str:
        """Arguments without thoughts."""
        arguments = json.loads(call["function"]["arguments"])
        if "inner_thoughts" not in arguments:
            return super().call(call, call_tool)
        rest = {name: value for name, value in arguments.items() if name != "inner_thoughts"}
        return call_tool(call["function"]["name"], json.dumps(rest))


class PutsTheTextIntoCalls(OtherLoop):
    """Takes what the model says beside a call for its thoughts about it."""

    breaks = frozenset({"REQ-12", "TOOL-03"})

    def calls(self, message: Body) -> list[Body]:
        """Calls with one argument more."""
        calls, text = super().calls(message), message.get("content")
        return [_thoughtful(call, text) for call in calls] if text else calls


def _thoughtful(call: Body, text: str) -> Body:
    arguments = {"inner_thoughts": text, **json.loads(call["function"]["arguments"])}
    return {**call, "function": {**call["function"], "arguments": json.dumps(arguments)}}


class CallsForEver(OtherLoop):
    """Does what the model wants, as long as it wants."""

    breaks = frozenset({"REQ-14"})
    rounds = 1000


class RemembersOneRound(OtherLoop):
    """Sends the question and the latest results, and nothing in between."""

    breaks = frozenset({"REQ-15", "TOOL-03"})

    def following(self, request: ChatRequest, messages: list[Body]) -> ChatRequest:
        """Without the rounds before."""
        spoken = [place for place, each in enumerate(messages) if each["role"] == "assistant"]
        question = [each for each in messages if each["role"] not in {"assistant", "tool"}]
        return super().following(request, [*question, *messages[spoken[-1] :]])


class SwallowsFailures(OtherLoop):
    """Takes a tool that failed for one that had nothing to say."""

    breaks = frozenset({"TOOL-07"})

    def call(self, call: Body, call_tool: CallTool) -> str:
        """Nothing in place of an error."""
        with contextlib.suppress(ValueError):
            return super().call(call, call_tool)
        return ""


MUTANTS: tuple[type[Mutant], ...] = (
    OffersEveryTool,
    OffersNothingUnlessAllowed,
    TidiesSchemas,
    TellsTheModelToChoose,
    ForcesNoToolUponK2,
    CallsTheFirstToolOnly,
    WritesArgumentsAnew,
    ForgetsThoughts,
    OffersToolsOnce,
    ForcesAToolForEver,
    TakesAnyFieldForACall,
    NeedsAFieldForCalls,
    TakesThoughtsOutOfCalls,
    PutsTheTextIntoCalls,
    CallsForEver,
    RemembersOneRound,
    SwallowsFailures,
)
