"""What tests say to a client in another process."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kimi_conformance.adapters.protocol import ChatRequest
from kimi_conformance.errors import AdapterError

HELLO = ChatRequest(model="moonshot-v1-8k", messages=[{"role": "user", "content": "Hello"}])
OpenOdd = Callable[..., Any]


async def said(adapter: Any) -> Any:
    return (await adapter.chat(HELLO)).body["text"]


async def broken(call: Awaitable[Any]) -> str:
    with pytest.raises(AdapterError) as raised:
        await call
    return str(raised.value)


async def chunks_of(adapter: Any) -> list[Any]:
    return [chunk async for chunk in adapter.stream(HELLO)]
