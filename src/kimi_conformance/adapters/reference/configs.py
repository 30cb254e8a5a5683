"""
Model configurations, looked up once.

The key is the whole set of arguments, whatever their order, each with its type: 1 and "1" are
two, as are 1 and True. Of more than 128, the one that nobody has asked for longest is forgotten;
a lookup that fails is forgotten at once. Who asks while one is under way waits
for it, and giving up waiting does not end it for the others.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from kimi_conformance.adapters.protocol import ModelConfig

__all__ = ["ConfigCache", "limited"]

MOST = 128  # as many as the documents let their cache of context windows hold


class ConfigCache:
    """Keeps what a lookup gave, the most recently asked for last.

    Args:
        look_up: Finds the configuration for the arguments of `get`.
    """

    def __init__(self, look_up: Callable[..., Awaitable[ModelConfig]]) -> None:
        self._look_up = look_up
        self._found: dict[object, asyncio.Future[ModelConfig]] = {}

    async def get(self, **arguments: Any) -> ModelConfig:
        """The configuration for these arguments; raises what the lookup raises."""
        key = frozenset((name, type(value), value) for name, value in arguments.items())
        found = self._found.pop(key, None)
        if found is not None:
            self._found[key] = found
        else:
            found = asyncio.ensure_future(self._look_up(**arguments))
            self._found[key] = found
            found.add_done_callback(lambda done: self._keep_if_good(key, done))
            if len(self._found) > MOST:
                del self._found[next(iter(self._found))]
        return await asyncio.shield(found)

    def clear(self) -> None:
        """Forget all; lookups under way go on for those who wait."""
        self._found.clear()

    def _keep_if_good(self, key: object, done: asyncio.Future[ModelConfig]) -> None:
        failed = done.cancelled() or done.exception() is not None
        if failed and self._found.get(key) is done:
            del self._found[key]


def limited(
    config: ModelConfig, *, context_window_limit: int | None = None, **options: Any
) -> ModelConfig:
    """A configuration with the limits that its user set.

    Raises:
        ValueError: The limit exceeds the model's window.
    """
    window = config.context_window
    if context_window_limit is not None:
        if window is not None and context_window_limit > window:
            raise ValueError(
                f"'{config.handle}' has a context window of {window} tokens, which the limit of "
                f"{context_window_limit} exceeds."
            )
        window = context_window_limit
    said = {name: value for name, value in options.items() if value is not None}
    return replace(config, context_window=window, **said)
