"""
Explicit context caches, as checks need them: made, and ready to be used.

A new cache is pending for a while: on the live API some forty seconds, elsewhere none. The
number of looks at it follows from the answers alone, so that a recording can be replayed.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from kimi_conformance.checks.endpoint import Endpoint
from kimi_conformance.verdicts import InconclusiveError

__all__ = ["ready_cache"]

PAUSES = (0.0, 0.05, 0.1, 0.2, 0.5, 1, 2, 4, 8, 8)  # seconds before each look: 24 in all


async def ready_cache(endpoint: Endpoint, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Create a context cache and look at it until it is ready.

    Args:
        endpoint: Where.
        body: Of POST /caching.

    Returns:
        The cache as the endpoint described it last.

    Raises:
        InconclusiveError: It was not created, or did not become ready in time.
    """
    cache: Mapping[str, Any] = (await endpoint.post("/caching", body)).control.json
    for pause in PAUSES:
        if cache.get("status") != "pending":
            break
        await asyncio.sleep(pause)
        cache = (await endpoint.get(f"/caching/{cache['id']}")).control.json
    if cache.get("status") != "ready":
        raise InconclusiveError(
            f"the cache that was to be used is {cache.get('status')}, not ready, after "
            f"{sum(PAUSES):g} s"
        )
    return cache
