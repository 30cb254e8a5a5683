"""
Explicit context caches, as checks need them: made, and ready to be used.

A new cache is pending for a while: on the live API up to a minute, elsewhere not at all. How
often it is looked at follows from the answers, so that a recording can be replayed.
"""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from kimi_conformance.checks.endpoint import Endpoint
from kimi_conformance.verdicts import InconclusiveError

__all__ = ["pauses", "ready_cache"]

LONGEST_PAUSE = 5.0  # seconds between two looks


async def ready_cache(endpoint: Endpoint, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Create a context cache and look at it until it is ready.

    Args:
        endpoint: Where; its `patience` bounds the wait.
        body: Of POST /caching.

    Returns:
        The cache as the endpoint described it last.

    Raises:
        InconclusiveError: It was not created, or did not become ready in time.
    """
    cache: Mapping[str, Any] = (await endpoint.post("/caching", body)).control.json
    for pause in pauses(endpoint.patience):
        if cache.get("status") != "pending":
            break
        await asyncio.sleep(pause)
        cache = (await endpoint.get(f"/caching/{cache['id']}")).control.json
    if cache.get("status") != "ready":
        raise InconclusiveError(
            f"the cache that was to be used is {cache.get('status')}, not ready, after "
            f"{endpoint.patience:g} s; give it more with --time-limit"
        )
    return cache


def pauses(seconds: float) -> Iterator[float]:
    """At once, then ever more rarely, for so many seconds in all."""
    yield 0.0
    pause = 0.05
    while seconds > 0:
        yield pause
        seconds -= pause
        pause = min(2 * pause, LONGEST_PAUSE)
