"""The Anthropic face, as a check sees it: a message, or the events of one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kimi_conformance.checks.endpoint import Endpoint, Reply
from kimi_conformance.wire.sse import SSEDecoder

__all__ = ["MessageEvent", "ask_messages", "events_of"]

PATH = "/anthropic/v1/messages"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEvent:
    """One event of a streamed message.

    Attributes:
        name: What stood in its `event` field, or None.
        body: The decoded JSON as received.
    """

    name: str | None
    body: Mapping[str, Any]

    @property
    def kind(self) -> Any:
        """`type` in its body, as received."""
        return self.body.get("type")


async def ask_messages(
    endpoint: Endpoint,
    body: Mapping[str, Any],
    *,
    headers: Mapping[str, str] | None = None,
    key: str | None = "",
) -> Reply:
    """POST /anthropic/v1/messages; the model is added where the body names none."""
    whole = {"model": endpoint.model, **body}
    return await endpoint.request("POST", PATH, json=whole, headers=headers, key=key)


def events_of(reply: Reply) -> Sequence[MessageEvent]:
    """The events of a streamed message, in order, as received.

    Raises:
        AssertionError: The endpoint refused, or an event is not a JSON object.
        InconclusiveError: It was busy or broken.
    """
    events = []
    for event in SSEDecoder().feed(reply.accepted.body):
        try:
            body = json.loads(event.data)
        except ValueError:
            raise AssertionError(f"an event is not JSON: {event.data[:200]!r}") from None
        assert isinstance(body, dict), f"an event is no object: {event.data[:200]!r}"
        events.append(MessageEvent(name=event.event, body=body))
    return events
