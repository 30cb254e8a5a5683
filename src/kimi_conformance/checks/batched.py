"""
Batches, as checks need them: created, and waited for.

A batch may take the live API hours, which no check has. How often it is looked at follows
from the answers, so that a recording can be replayed.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kimi_conformance.checks.caches import pauses
from kimi_conformance.checks.endpoint import Endpoint
from kimi_conformance.verdicts import InconclusiveError

__all__ = ["as_lines", "create_batch", "ended_batch", "result_lines"]

UNDER_WAY = ("validating", "in_progress", "finalizing", "cancelling")


def as_lines(requests: Iterable[Mapping[str, Any]]) -> bytes:
    """The requests as JSON lines."""
    return b"".join(json.dumps(request).encode() + b"\n" for request in requests)


async def create_batch(endpoint: Endpoint, file: str, **changes: Any) -> Mapping[str, Any]:
    """A new batch of the chats in a file, as the endpoint described it.

    Raises:
        InconclusiveError: It was not created, or has no id to speak of it by.
    """
    body = {
        "input_file_id": file,
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        **changes,
    }
    batch: Mapping[str, Any] = (await endpoint.post("/batches", body)).control.json
    if not isinstance(batch, dict) or not isinstance(batch.get("id"), str):
        raise InconclusiveError("the batch that was created has no id")
    return batch


async def ended_batch(endpoint: Endpoint, id: str) -> Mapping[str, Any]:
    """Look at a batch until it is over, as it was described last.

    Raises:
        InconclusiveError: It was still under way when the endpoint's `patience` was used up.
    """
    for pause in pauses(endpoint.patience):
        await asyncio.sleep(pause)
        batch: Mapping[str, Any] = (await endpoint.get(f"/batches/{id}")).accepted.json
        if batch.get("status") not in UNDER_WAY:
            return batch
    raise InconclusiveError(
        f"the batch is still under way after {endpoint.patience:g} s; "
        "give it more with --time-limit"
    )


async def result_lines(endpoint: Endpoint, file: str) -> Sequence[Mapping[str, Any]]:
    """What stands in a file of results, line by line.

    Raises:
        AssertionError: It cannot be read, or a line is no JSON object.
    """
    reply = await endpoint.get(f"/files/{file}/content")
    lines = [json.loads(line) for line in reply.accepted.body.splitlines() if line.strip()]
    assert all(isinstance(line, dict) for line in lines), f"no objects: {reply.body[:200]!r}"
    return lines
