"""What tests of the reference clients ask, and where."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest

from kimi_conformance.adapters.protocol import ChatRequest, Chunk
from kimi_conformance.adapters.reference.table import DOCUMENTED as TABLE
from kimi_conformance.http import httpx

KEY = "sk-0123456789abcdef"
BASE = "https://api.example/v1"
MODELS = f"{BASE}/models"
CHAT = f"{BASE}/chat/completions"
EVENTS = {"content-type": "text/event-stream"}
DOCUMENTED = list(TABLE.windows)
GREETING = ChatRequest(
    model="moonshot-v1-8k",
    messages=[{"role": "user", "content": "Hi"}],
    options={"temperature": 0.3, "top_k": None},
)
FALLS_BACK = pytest.warns(UserWarning, match="Failed to fetch Kimi models from API")


def entry(id: str, **fields: Any) -> dict[str, Any]:
    return {"id": id, "object": "model", **fields}


def ids(models: Any) -> list[str]:
    return [model.id for model in models]


async def collected(chunks: AsyncIterator[Chunk]) -> list[Mapping[str, Any]]:
    return [chunk.body async for chunk in chunks]


class Endless(httpx.AsyncByteStream):
    """A body that never ends; `closed` tells whether the client has let go of it.

    `pieces` counts what was taken of it.
    """

    def __init__(self, piece: bytes, wait: Callable[[], Awaitable[object]]) -> None:
        self._piece = piece
        self._wait = wait
        self.closed = False
        self.pieces = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.pieces += 1
            yield self._piece
            await self._wait()

    async def aclose(self) -> None:
        self.closed = True


FAILING: dict[str, Any] = {
    "401": {"status_code": 401, "json": {"error": {"type": "x", "message": f"bad {KEY}"}}},
    "500": {"status_code": 500, "text": "boom"},
    "html": {"html": "<html></html>"},
    "list": {"json": [entry("kimi-k3")]},
    "data is null": {"json": {"data": None}},
    "error in a 200": {"json": {"error": {"message": "sorry"}}},
    "redirect": {"status_code": 307, "headers": {"location": "https://evil.example/v1/models"}},
}
BREAKING = {
    "timeout": httpx.ReadTimeout("too slow"),
    "refused": httpx.ConnectError("refused"),
    "not gzip": httpx.DecodingError("not gzip"),
}
