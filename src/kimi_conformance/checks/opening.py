"""How a check opens the client under test, and has it exit before the check's end."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kimi_conformance.adapters.protocol import Adapter, Binding

__all__ = ["OpenAdapter"]


class OpenAdapter:
    """Opens adapters; what a check leaves open is closed after it.

    Args:
        open: Makes an adapter for a binding.
        binding: What each is told unless the check says otherwise.
    """

    def __init__(self, open: Callable[[Binding], Adapter], binding: Binding) -> None:
        self._open = open
        self._binding = binding
        self._opened: list[Adapter] = []

    def __call__(self, **changes: Any) -> Any:
        """A new adapter, its binding changed as the keywords say.

        Raises:
            AdapterError: Its factory raised or did not come back in time.
        """
        adapter = self._open(replace(self._binding, **changes))
        self._opened.append(adapter)
        return adapter

    async def close(self, adapter: Any) -> None:
        """Let the client exit now: the only `aclose` that it gets."""
        self._opened = [each for each in self._opened if each is not adapter]
        await adapter.aclose()

    async def close_all(self) -> None:
        """Let all exit that have not yet."""
        for adapter in list(self._opened):
            await self.close(adapter)
