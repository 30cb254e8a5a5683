"""An adapter that is served in tests; it tells what it was told."""

# ruff: noqa: T201

import time
from typing import Any

from kimi_conformance.adapters.protocol import Binding, Completion


class Session:
    """A session with a name."""

    def __init__(self, id: str) -> None:
        self.cache_id = f"cache of {id}"


class Adapter:
    """Serves a little of everything."""

    name = "served"
    version = "1"
    capabilities = (
        *("chat", "tool_calls", "handle_resolution", "handles", "model_fetch"),
        *("telemetry", "context_cache"),
    )

    def __init__(self, binding: Binding) -> None:
        self.binding = binding
        self.sessions: dict[str, Session] = {}

    async def chat(self, _: Any) -> Completion:
        before = self.binding.clock.now()
        await self.binding.clock.sleep(2.0)
        after = self.binding.clock.now()
        told = {"environment": self.binding.environment, "before": before, "after": after}
        return Completion(body=told)

    async def chat_with_tools(self, _: Any, call_tool: Any) -> Completion:
        return Completion(body={"said": call_tool("search", "{}")})

    async def resolve(self, handle: str) -> Any:
        raise ValueError("no such handle") from KeyError(handle)

    async def fetch_models(self) -> Any:
        return [{"id": object()}]

    def get_handle(self, model_name: str) -> str:
        print("printed by the adapter")
        return f"kimi/{model_name}"

    def events(self) -> Any:
        time.sleep(60)

    def session(self, id: str) -> Session:
        return self.sessions.setdefault(id, Session(id))

    async def aclose(self) -> None:
        return


def open_adapter(binding: Binding) -> Adapter:
    return Adapter(binding)
