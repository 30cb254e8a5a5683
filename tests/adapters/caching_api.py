"""Just enough of an API with explicit caches, and what is asked of it."""

import asyncio
import itertools
import json
from collections.abc import Sequence
from typing import Any

from kimi_conformance.adapters.protocol import ChatRequest
from kimi_conformance.adapters.reference import KimiSettings
from kimi_conformance.http import httpx
from kimi_conformance.stage import replies

SYSTEM = {"role": "system", "content": "Be brief."}
USER = {"role": "user", "content": "Hi"}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"a": 1, "b": 2}}}
SETTINGS = KimiSettings(api_key="sk-key")  # of the documented API, so caches are made


class FakeApi:
    """Just enough of /v1/caching and /v1/chat/completions.

    Attributes:
        log: "create", "delete" and "chat" in order of arrival.
        caches: What was ever cached, by id; `alive` are those not deleted.
        chats: The cache header, or None, and the body of each chat.
        create, delete: What to answer in place of success, or an error to raise.
    """

    def __init__(self) -> None:
        self.log: list[str] = []
        self.paths: list[str] = []
        self.caches: dict[str, dict[str, Any]] = {}
        self.alive: set[str] = set()
        self.chats: list[tuple[str | None, dict[str, Any]]] = []
        self.create: httpx.Response | Exception | None = None
        self.delete: httpx.Response | Exception | None = None
        self._numbers = itertools.count(1)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.paths.append(f"{request.method} {request.url.path}")
        if request.url.path == "/v1/chat/completions":
            return self._chat(request)
        assert not any(name.startswith("x-msh") for name in request.headers)
        return self._create(request) if request.method == "POST" else self._delete(request)

    async def handle(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        return self(request)

    def _chat(self, request: httpx.Request) -> httpx.Response:
        self.log.append("chat")
        id = request.headers.get("x-msh-context-cache")
        ttl = request.headers.get("x-msh-context-cache-reset-ttl")
        assert ttl == (None if id is None else "3600")
        self.chats.append((id, json.loads(request.content)))
        return httpx.Response(200, json=replies.completion_body())

    def _create(self, request: httpx.Request) -> httpx.Response:
        self.log.append("create")
        if self.create is not None:
            return _given(self.create)
        id = f"cache-{next(self._numbers)}"
        self.caches[id] = json.loads(request.content)
        self.alive.add(id)
        return httpx.Response(200, json={"id": id, "status": "pending"})

    def _delete(self, request: httpx.Request) -> httpx.Response:
        self.log.append("delete")
        if self.delete is not None:
            return _given(self.delete)
        id = request.url.path.removeprefix("/v1/caching/")
        status = 200 if id in self.alive else 404
        self.alive.discard(id)
        return httpx.Response(status, json={"deleted": True, "id": id})


def _given(answer: httpx.Response | Exception) -> httpx.Response:
    if isinstance(answer, Exception):
        raise answer
    return httpx.Response(answer.status_code, content=answer.content)


def ask(
    *messages: dict[str, Any], tools: Sequence[Any] | None = None, model: str = "moonshot-v1-8k"
) -> ChatRequest:
    return ChatRequest(model=model, messages=messages or (SYSTEM, USER), tools=tools)


FAILED = [
    httpx.Response(400, json={"error": {"message": "no", "type": "invalid_request_error"}}),
    httpx.Response(500, text="boom"),
    httpx.Response(200, text="<html>"),
    httpx.Response(200, json={"error": {"message": "no"}}),
    httpx.Response(200, json=["cache-1"]),
    *(
        httpx.Response(200, json=body)
        for body in (
            {},
            {"id": None},
            {"id": ""},
            {"id": 7},
            {"id": "cache-1\r\nX-Evil: 1"},
            {"id": "cache-1\n"},
            {"id": "../models"},
            {"id": "a b"},
            {"id": "ключ"},
            {"id": "x" * 1000},
            {"id": "cache-1", "status": "error"},
            {"id": "cache-1", "status": "inactive"},
        )
    ),
    httpx.ReadTimeout("slow"),
    httpx.ConnectError("refused"),
]
