"""
Conversations in which the model calls tools, and how their history grows.

The model thinks or does not, calls some tools or several rounds of them, and answers; then
somebody asks on. One law: every request holds what was said before as it was said, each answer
with its thoughts, and behind each answer that called tools one result a call, in order. No
result is without its call, no call without its result, and nothing of one question is left in
the next. The client keeps its own patience, as in `retry`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from kimi_conformance.adapters.protocol import CallsTools, ChatRequest
from kimi_conformance.checks.machines.machine import Course, Machine
from kimi_conformance.checks.opening import OpenAdapter
from kimi_conformance.checks.upstream import Upstream
from kimi_conformance.stage import replies
from kimi_conformance.wire.exchange import Answer, Request

__all__ = ["ToolsCourse", "ToolsMachine"]

Body = Mapping[str, Any]
NAMES = ("search", "get_time")
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in NAMES
]


class ToolsCourse(Course):
    """One client, and a model that calls tools.

    Args:
        open_adapter: Opens the client.
        upstream: Answers it.
    """

    def __init__(self, open_adapter: OpenAdapter, upstream: Upstream) -> None:
        super().__init__()
        self._open_adapter = open_adapter
        self._client: CallsTools | None = None
        self._messages: list[Body] = []
        self._thinks = False
        self._coming: list[Body] = []  # the messages of the model
        self._sent: list[Sequence[Body]] = []
        upstream.forget()
        upstream.replies(self._answer)

    async def think(self, thinks: bool) -> None:
        """Let the model think before it speaks, or not."""
        self._thinks = thinks

    async def call(self, names: Sequence[str], text: str | None) -> None:
        """The model will call these tools next, all at once, and say this beside."""
        first = sum(len(each.get("tool_calls", ())) for each in self._coming)
        calls = [
            {
                "index": place,
                "id": f"{name}:{first + place}",  # Kimi counts anew with every question
                "type": "function",
                "function": {"name": name, "arguments": '{"q": "月"}'},
            }
            for place, name in enumerate(names)
        ]
        self._coming.append(self._said(text, tool_calls=calls))

    async def ask(self) -> None:
        """Ask; the model calls what it was to call, and answers."""
        self._messages.append({"role": "user", "content": "And now?"})
        self._coming.append(self._said("It is noon."))
        said, self._sent = list(self._coming), []
        expected = list(_histories(self._messages, said))
        await self._put(list(self._messages))
        self.arrived += len(self._sent)
        self._judge(expected)
        self._messages.append(said[-1])
        self._coming = []

    async def leave(self) -> None:
        """Exit."""
        client, self._client = self._client, None
        if client is not None:
            await self._open_adapter.close(client)

    def _said(self, text: str | None, **more: Any) -> Body:
        thoughts = {"reasoning_content": "Let me see."} if self._thinks else {}
        return {"role": "assistant", "content": text, **thoughts, **more}

    def _answer(self, request: Request) -> Answer:
        self._sent.append(request.json["messages"])
        message = self._coming.pop(0) if self._coming else self._said("There is nothing more.")
        reason = "tool_calls" if "tool_calls" in message else "stop"
        return replies.completion(message=message, finish_reason=reason)

    async def _put(self, messages: Sequence[Body]) -> None:
        request = ChatRequest(model="kimi-latest", messages=messages, tools=TOOLS)
        try:
            if self._client is None:
                self._client = self._open_adapter(patience=None)
            await self._client.chat_with_tools(request, _result)
        except Exception:  # noqa: BLE001, S110 - what it sent before tells whether it should have
            pass

    def _judge(self, expected: Sequence[Sequence[Body]]) -> None:
        for number, (sent, due) in enumerate(zip(self._sent, expected, strict=False), start=1):
            shown = [_of_a_result(each) for each in sent]
            if shown != due:
                raise AssertionError(f"request {number} of a question holds {shown}, not {due}")
        if len(self._sent) != len(expected):
            raise AssertionError(
                f"a question took {len(self._sent)} requests in place of {len(expected)}"
            )


def _result(name: str, arguments: str) -> str:
    return f"{name} of {arguments}"


def _histories(begin: Sequence[Body], said: Sequence[Body]) -> Sequence[Sequence[Body]]:
    """What each request of a question has to hold."""
    histories = [list(begin)]
    for message in said[:-1]:
        results = [
            {"role": "tool", "tool_call_id": call["id"], "content": _result(**call["function"])}
            for call in message["tool_calls"]
        ]
        histories.append([*histories[-1], message, *results])
    return histories


def _of_a_result(message: Body) -> Body:
    """What counts of a message: of a result, whose it is and what it says."""
    if message.get("role") != "tool":
        return message
    return {name: message.get(name) for name in ("role", "tool_call_id", "content")}


class ToolsMachine(Machine):
    """Any conversation with tools."""

    course: ToolsCourse

    @rule(thinks=st.booleans())
    def think(self, thinks: bool) -> None:
        """Think, or do not."""
        self.take("think", thinks=thinks)

    @rule(
        names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3),
        text=st.sampled_from(["", None, "One moment."]),
    )
    def call(self, names: list[str], text: str | None) -> None:
        """Call tools."""
        self.take("call", names=names, text=text)

    @rule()
    def ask(self) -> None:
        """Ask."""
        self.take("ask")
