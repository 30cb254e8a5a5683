"""Clients that send something else than they were given, or hand back something else."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kimi_conformance.adapters.mutants.mutant import Mutant, with_body
from kimi_conformance.adapters.protocol import ChatRequest, Completion, ModelConfig
from kimi_conformance.adapters.reference import LLMError
from kimi_conformance.http import httpx

__all__ = ["MUTANTS", "Body", "OtherBody"]

Body = Mapping[str, Any]


class OtherBody(Mutant):
    """Sends what `changed` makes of the body of each chat."""

    def changed(self, body: Body) -> Body:
        """Another body."""
        raise NotImplementedError

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """Change the body of a chat."""
        if self.doing not in {"chat", "chat_with_tools"}:
            return request
        return with_body(request, self.changed(json.loads(request.content)))


class OtherAnswer(Mutant):
    """Hands back what `changed` makes of each answer."""

    def changed(self, body: Body) -> Body:
        """Another answer."""
        raise NotImplementedError

    async def chat(self, request: ChatRequest) -> Completion:
        """Change the answer."""
        return Completion(body=self.changed((await super().chat(request)).body))


class AsksWithTheOpenAIKey(Mutant):
    """Takes the dialect for the service, and sends the key of the other one."""

    breaks = frozenset({"CONFIG-14", "REQ-01"})

    def begin(self) -> None:
        """Nothing is remembered yet."""
        self._key = self.binding.environment.get("OPENAI_API_KEY")

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """The other key, where there is one."""
        if self.doing == "chat" and self._key:
            request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class AsksWithTheKeyInItsOwnHeader(Mutant):
    """Sends the key as other services want it."""

    breaks = frozenset(
        {
            "CONFIG-02",
            "CONFIG-11",
            "CONFIG-12",
            "CONFIG-14",
            "CONFIG-20",
            "REQ-01",
            "REQ-04",
            "SENT-003",
        }
    )

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """Both headers, the usual one with another scheme."""
        if self.doing == "chat":
            key = request.headers["Authorization"].removeprefix("Bearer ")
            request.headers["Authorization"] = f"Basic {key}"
        return request


class AsksAtResponses(Mutant):
    """Speaks to the newer path of another service."""

    breaks = frozenset(
        {
            "APICHG-02",
            "CONFIG-03",
            "CONFIG-13",
            "FILTER-10",
            "PERF-08",
            "REQ-05",
            "REQ-07",
            "REQ-10",
        }
    )

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """POST /v1/responses."""
        if self.doing == "chat":
            path = request.url.path.replace("chat/completions", "responses")
            request.url = request.url.copy_with(path=path)
        return request


class DoublesTheSlash(Mutant):
    """Joins base URL and path by a slash, whether there is one or not."""

    breaks = frozenset({"REQ-05", "SENT-005"})

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """//chat/completions below a base URL that ends with a slash."""
        if self.doing == "chat" and (self.binding.base_url or "").endswith("/"):
            path = request.url.path.replace("/chat", "//chat")
            request.url = request.url.copy_with(path=path)
        return request


class DropsUnknownParameters(OtherBody):
    """Sends what its own model of a request knows."""

    breaks = frozenset({"CONFIG-22", "REQ-06"})
    known = ("model", "messages", "tools", "tool_choice", "temperature", "max_tokens", "stop")

    def changed(self, body: Body) -> Body:
        """Known parameters only."""
        return {name: body[name] for name in self.known if name in body}


class TrimsTexts(OtherBody):
    """Takes white space around a text for a mistake."""

    breaks = frozenset({"REQ-06"})

    def changed(self, body: Body) -> Body:
        """Every text trimmed."""
        messages = [
            {**message, "content": message["content"].strip()}
            if isinstance(message.get("content"), str)
            else message
            for message in body["messages"]
        ]
        return {**body, "messages": messages}


class DropsWhatAnAnswerHasBesides(OtherAnswer):
    """Hands back what its own model of an answer knows."""

    breaks = frozenset({"REQ-06"})
    known = ("id", "object", "created", "model", "choices", "usage", "cached_tokens")

    def changed(self, body: Body) -> Body:
        """Known fields, and no thoughts."""
        choices = [
            {
                **choice,
                "message": {
                    name: value
                    for name, value in choice["message"].items()
                    if name in {"role", "content", "tool_calls"}
                },
            }
            for choice in body["choices"]
        ]
        return {**{name: body[name] for name in self.known if name in body}, "choices": choices}


class TidiesTexts(OtherAnswer):
    """Hands back texts without what is no ASCII, and calls without their index."""

    breaks = frozenset({"REQ-06", "REQ-10", "STREAM-05"})

    def changed(self, body: Body) -> Body:
        """The same answer in plain letters."""
        plain: Body = json.loads(
            json.dumps(body, ensure_ascii=False).encode("ascii", "ignore").decode()
        )
        for choice in plain["choices"]:
            for call in choice["message"].get("tool_calls") or ():
                call.pop("index", None)
        return plain


class CallsTheDialectAnthropic(Mutant):
    """Files Kimi under another dialect."""

    breaks = frozenset({"REQ-07"})

    async def resolve(self, handle: str) -> ModelConfig:
        """The wrong endpoint type."""
        return replace(await super().resolve(handle), endpoint_type="anthropic")


class StreamsEveryChat(OtherBody):
    """Asks for a stream where a whole answer is wanted."""

    breaks = frozenset({"REQ-09", "TOOL-06"})

    def changed(self, body: Body) -> Body:
        """stream: true."""
        return {**body, "stream": True}


class NeedsUsage(OtherAnswer):
    """Fails over an answer that does not say what it cost."""

    breaks = frozenset({"REQ-10"})

    def changed(self, body: Body) -> Body:
        """No answer without usage."""
        if not body.get("usage"):
            raise LLMError("Error: the answer has no usage")
        return body


class NeedsAGoodEnd(OtherAnswer):
    """Fails over an answer that did not end by itself."""

    breaks = frozenset({"REQ-10", "REQ-17"})

    def changed(self, body: Body) -> Body:
        """No answer that was cut off."""
        if body["choices"][0]["finish_reason"] != "stop":
            raise LLMError("Error: bad finish reason")
        return body


class RefusesWhatItDoesNotKnow(OtherAnswer):
    """Fails over a field that it has not heard of."""

    breaks = frozenset({"REQ-06", "REQ-10"})
    known = frozenset({"id", "object", "created", "model", "choices", "usage"})

    def changed(self, body: Body) -> Body:
        """No answer with other fields."""
        if body.keys() - self.known:
            raise LLMError("Error: unknown field in the answer")
        return body


class SendsNoLimit(OtherBody):
    """Leaves the length of the answer to the model."""

    breaks = frozenset({"CONFIG-22", "REQ-06", "REQ-17"})

    def changed(self, body: Body) -> Body:
        """No max_tokens."""
        return {name: value for name, value in body.items() if name != "max_tokens"}


class SortsSchemas(OtherBody):
    """Writes the arguments of tools in the order of the alphabet."""

    breaks = frozenset({"REQ-03"})

    def changed(self, body: Body) -> Body:
        """Sorted tools."""
        tools = json.loads(json.dumps(body.get("tools"), sort_keys=True))
        return {**body, "tools": tools} if "tools" in body else body


class TellsTheStep(OtherBody):
    """Sends along how the work is tracked."""

    breaks = frozenset({"REQ-08"})

    def changed(self, body: Body) -> Body:
        """One field too many."""
        return {**body, "step_id": "step-1"}


MUTANTS: tuple[type[Mutant], ...] = (
    AsksWithTheOpenAIKey,
    AsksWithTheKeyInItsOwnHeader,
    AsksAtResponses,
    DoublesTheSlash,
    DropsUnknownParameters,
    TrimsTexts,
    DropsWhatAnAnswerHasBesides,
    TidiesTexts,
    CallsTheDialectAnthropic,
    StreamsEveryChat,
    NeedsUsage,
    NeedsAGoodEnd,
    RefusesWhatItDoesNotKnow,
    SendsNoLimit,
    SortsSchemas,
    TellsTheStep,
)
