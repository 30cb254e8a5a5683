"""
Conversations whose beginning is kept in caches, led through all that happens to them.

Users edit and reorder what they say, switch between sessions and models, and leave; the API
fails to make or delete caches now and then, and forgets those that nobody has used for an hour.
Whatever the course, these laws hold:

    matching    a cache that a chat names holds just what its request begins with, and its tools
    own         it was made for this session
    despite making, despite deleting
                every question is one chat, and is answered, though caches cannot be made, take
                long, or cannot be deleted
    once        no cache is made where the session has one for the same content
    left        at the exit every cache is deleted, and nothing that was not made
    paired      a cache holds the results of the tool calls that it holds

Two things are the same if they are the same JSON, whatever the order of keys; no tools are the
same as an empty list of them. A cache that has expired may be used or made anew: the header
that renews it brings it back.
"""

import asyncio
import contextlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kimi_conformance.adapters.protocol import CachesContext, ChatRequest, Completion
from kimi_conformance.checks.machines.cache_api import (
    LIFE_S,
    SLOW,
    USE,
    Body,
    CacheApi,
)
from kimi_conformance.checks.machines.machine import Course
from kimi_conformance.checks.opening import OpenAdapter
from kimi_conformance.checks.upstream import FakeClock, Upstream
from kimi_conformance.wire.exchange import Request

__all__ = ["CHANGES", "FAMILY", "TEXTS", "CachingCourse", "CachingLaw"]

CHAT = "POST /v1/chat/completions"
MAKE = "POST /v1/caching"
FAMILY = "moonshot-v1-"


class CachingLaw(StrEnum):
    """What a course looks at; see the module."""

    MATCHING = "matching"
    OWN = "own"
    DESPITE_MAKING = "despite making"
    DESPITE_DELETING = "despite deleting"
    ONCE = "once"
    LEFT = "left"
    PAIRED = "paired"


def _tool(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}


def _begin() -> list[dict[str, Any]]:
    return [
        {"role": "system", "content": "You answer briefly."},
        {"role": "system", "content": "You are kind."},
        {"role": "user", "content": "Hello"},
    ]


# What becomes of a text; every other one differs from the first in what is easily overlooked.
TEXTS: Mapping[str, Any] = {
    "plain": "Café: you answer briefly.",
    "space": "Café: you answer briefly. ",
    "case": "CAFÉ: YOU ANSWER BRIEFLY.",
    "decomposed": "Cafe\u0301: you answer briefly.",
    "parts": [{"type": "text", "text": "Café: you answer briefly."}],
    "empty": "",
}
CHANGES: Mapping[str, Body] = {
    "name": {"name": "get_time"},
    "description": {"description": "Tells."},
    "type": {"parameters": {"type": "object", "properties": {"n": {"const": True}}}},
    "number": {"parameters": {"type": "object", "properties": {"n": {"const": 1}}}},
}


@dataclass(frozen=True)
class _Sent:
    """What a session asked last, and whether that left it a cache."""

    content: str
    cached_until: float


_numbers = itertools.count(1)


class CachingCourse(Course):
    """One client with its sessions, and the API that it speaks to.

    Args:
        open_adapter: Opens the client, and lets it exit.
        upstream: Answers it.
        clock: Its time.
        law: What is looked at. Other faults than this one are passed over.
    """

    def __init__(
        self, open_adapter: OpenAdapter, upstream: Upstream, clock: FakeClock, law: CachingLaw
    ) -> None:
        super().__init__()
        self.law = law
        self._open_adapter = open_adapter
        self._client: CachesContext | None = None
        self._number = next(_numbers)  # sessions of two courses have nothing in common
        self._name = "a"
        self._model = f"{FAMILY}8k"
        self._messages = _begin()
        self._tools = [_tool("get_weather"), _tool("search")]
        self._calls = itertools.count()
        self._sent: dict[str, _Sent] = {}
        self._clock = clock
        self._api = api = CacheApi(clock)
        upstream.forget()
        upstream.answers(MAKE, api.make)
        upstream.answers("DELETE*", api.delete)
        upstream.answers(CHAT, api.chat)

    # -------------------------------------------------------------------- what users do

    async def send(self) -> None:
        """Ask what stands there now."""
        request = self._request(self._messages)
        chats, caches = len(self._api.chats), set(self._api.caches)
        creations = len(self._api.creations)
        self._api.session = self._name
        answer, error = await self._ask(self._name, request)
        sent = [chat for chat in self._api.chats[chats:] if SLOW not in chat.body.decode()]
        self.arrived += len(sent)
        self._judge_answer(answer, error, sent)
        for chat in sent:
            self._judge_use(chat, request)
        for made in self._api.creations[creations:]:
            self._judge_creation(made, request)
        self._remember(request, set(self._api.caches) - caches)

    async def send_beside(self, other: str) -> None:
        """Ask while another session waits for a cache that the API does not make."""
        if other == self._name:
            return
        waits = asyncio.Event()
        tell = asyncio.get_running_loop().call_soon_threadsafe
        self._api.held_up = lambda: tell(waits.set)
        slow = self._request([{"role": "system", "content": SLOW}, *self._messages])
        waiting = asyncio.ensure_future(self._ask(other, slow))
        arriving = asyncio.ensure_future(waits.wait())
        both: set[asyncio.Future[Any]] = {waiting, arriving}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        before = len(self._api.chats)
        await self.send()
        held_up = waits.is_set() and any(
            SLOW in chat.body.decode() for chat in self._api.chats[before:]
        )
        for each in both:
            each.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        self._sent.pop(other, None)
        if held_up:
            self._break(CachingLaw.DESPITE_MAKING, "a session waited for the cache of another")

    async def edit_system(self, place: int, text: str) -> None:
        """Change what a system message says."""
        for message in self._rules()[place : place + 1]:
            message["content"] = TEXTS[text]

    async def rename(self, place: int, name: str | None) -> None:
        """Give a system message a name, or take it away."""
        for message in self._rules()[place : place + 1]:
            message.pop("name", None)
            message.update({} if name is None else {"name": name})

    async def edit_tool(self, place: int, change: str) -> None:
        """Change a tool, and not how many there are."""
        for tool in self._tools[place : place + 1]:
            tool["function"] = {**tool["function"], **CHANGES[change]}

    async def reorder(self, what: str) -> None:
        """Turn round the system messages, all messages, or the tools."""
        if what == "tools":
            self._tools.reverse()
        elif what == "messages" and self._free(1):
            self._messages.append(self._messages.pop(0))
        elif what == "system" and self._free(2):
            self._messages[:2] = reversed(self._messages[:2])

    async def drop(self, what: str) -> None:
        """Take the second message or the last tool away."""
        if what == "tool":
            del self._tools[-1:]
        elif len(self._messages) > 2 and self._free(2):
            del self._messages[1]

    async def say(self) -> None:
        """Go on talking."""
        self._messages.append({"role": "user", "content": "And then?"})

    async def call_tools(self, count: int) -> None:
        """The model has called tools, and has been told what they gave."""
        ids = [f"search:{next(self._calls)}" for _ in range(count)]
        function = {"name": "search", "arguments": "{}"}
        calls = [{"id": id, "type": "function", "function": function} for id in ids]
        self._messages.append({"role": "assistant", "content": "", "tool_calls": calls})
        self._messages += [{"role": "tool", "tool_call_id": id, "content": "7"} for id in ids]

    async def begin_again(self) -> None:
        """Go back to the first messages and tools."""
        self._messages = _begin()
        self._tools = [_tool("get_weather"), _tool("search")]

    async def switch_session(self, name: str) -> None:
        """Go on in another session."""
        self._name = name

    async def switch_model(self, model: str) -> None:
        """Ask another model from now on."""
        self._model = model

    async def leave(self) -> None:
        """Exit, and come back."""
        client, self._client = self._client, None
        self._sent.clear()
        if client is None:
            return
        with contextlib.suppress(Exception):
            await self._open_adapter.close(client)
        self._judge_exit()
        self._api.caches.clear()

    # -------------------------------------------------------------------- what the API does

    async def fail_create(self, how: str) -> None:
        """Answer creations in this way from now on."""
        self._api.making = how

    async def fail_delete(self, how: str) -> None:
        """Answer deletions in this way from now on."""
        self._api.deleting = how

    async def wait(self, seconds: int) -> None:
        """Let time pass; a cache that nobody has used for an hour expires."""
        self._clock.move(seconds)

    # -------------------------------------------------------------------- what must hold

    def _judge_answer(
        self, answer: Completion | None, error: Exception | None, chats: Sequence[Request]
    ) -> None:
        for law in (CachingLaw.DESPITE_MAKING, CachingLaw.DESPITE_DELETING):
            if error is not None:
                self._break(law, f"a question was answered by {type(error).__name__}: {error}")
            if len(chats) != 1 or answer is None:
                self._break(law, f"a question became {len(chats)} chats, the answer {answer}")

    def _judge_use(self, chat: Request, request: ChatRequest) -> None:
        id = chat.header(USE)
        if id is None:
            return
        cache = self._api.caches.get(id)
        if cache is None or cache.gone:
            self._break(CachingLaw.MATCHING, f"a chat names the cache {id!r}, which is not there")
            return
        if cache.session != self._name:
            self._break(CachingLaw.OWN, f"{id} was made for session {cache.session}")
        held = cache.body["messages"]
        begins = _same(held, request.messages[: len(held)])
        if not begins or not _same(cache.body.get("tools") or [], request.tools or []):
            self._break(CachingLaw.MATCHING, f"{id} holds other messages or tools than the request")

    def _judge_creation(self, made: Body, request: ChatRequest) -> None:
        last = self._sent.get(self._name)
        if last and last.content == _content(request) and self._clock.now() < last.cached_until:
            self._break(CachingLaw.ONCE, "a cache was made for content that is cached")
        called = [call["id"] for each in made["messages"] for call in each.get("tool_calls") or ()]
        answered = [each["tool_call_id"] for each in made["messages"] if "tool_call_id" in each]
        if called != answered:
            self._break(CachingLaw.PAIRED, f"a cache holds the calls {called}, not their results")

    def _judge_exit(self) -> None:
        kept = [id for id, cache in self._api.caches.items() if not cache.deletions]
        if kept:
            self._break(CachingLaw.LEFT, f"{', '.join(kept)} was not deleted at the exit")
        if self._api.deletions > len(self._api.creations):
            self._break(CachingLaw.LEFT, "more caches were deleted than made")

    def _break(self, law: CachingLaw, what: str) -> None:
        if law is self.law:
            raise AssertionError(f"{law}: {what}")

    # -------------------------------------------------------------------- inner matters

    async def _ask(
        self, name: str, request: ChatRequest
    ) -> tuple[Completion | None, Exception | None]:
        """The answer or the error of a chat; a client may do anything."""
        try:
            if self._client is None:
                self._client = self._open_adapter(context_cache=True)
            session = self._client.session(f"{name}-{self._number}")
            return await session.chat(request), None
        except Exception as error:  # noqa: BLE001 - whatever a client raises is what we judge
            return None, error

    def _request(self, messages: Sequence[Body]) -> ChatRequest:
        return ChatRequest(
            model=self._model,
            messages=json.loads(json.dumps(messages)),  # what is edited later was sent as it was
            tools=json.loads(json.dumps(self._tools)),
        )

    def _remember(self, request: ChatRequest, made: set[str]) -> None:
        """Keep whether the session now has a cache for what it has just asked."""
        content = _content(request)
        last = self._sent.get(self._name)
        had = last is not None and last.content == content
        cached = request.model.startswith(FAMILY) and (made or had)
        until = max((self._api.caches[id].expires_at for id in made), default=0.0)
        if had and last is not None and self._clock.now() < last.cached_until:
            until = max(until, self._clock.now() + LIFE_S)
        self._sent[self._name] = _Sent(content, until if cached else 0.0)

    def _free(self, count: int) -> bool:
        """Whether the first messages can be moved: a call and its results stay together."""
        return all(each["role"] in {"system", "user"} for each in self._messages[:count])

    def _rules(self) -> list[dict[str, Any]]:
        return [message for message in self._messages if message["role"] == "system"]


def _content(request: ChatRequest) -> str:
    """What of a request is cached: the system messages that it begins with, and its tools."""
    rules = list(itertools.takewhile(lambda each: each["role"] == "system", request.messages))
    return json.dumps([rules, request.tools], sort_keys=True)


def _same(one: object, other: object) -> bool:
    """Whether two values are the same JSON: 1 and true differ, the order of keys does not."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
