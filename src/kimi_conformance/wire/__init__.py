"""
The wire: what was sent, what was answered, and what must hold of both.

This is the innermost ring. It needs only the standard library and does no I/O: an exchange
comes in as values, and events, findings and times come out, so everything here is tested
without a socket, and the same bytes give the same result wherever they came from.

- `exchange` holds the values that travel through the whole suite: a request, an answer frame
  by frame, and how the answer ended.
- `sse` turns the bytes of an event stream into events, however the network cut them.
- `validators` applies the laws, one requirement each, to every exchange of every check.
  `reading` decodes an exchange once for all of them, `laws` has them by subject.
- `timeline` measures a streamed answer: time to first token, gaps, stalls.

`chat_stream` and `json_values` are what these read with: nothing in them raises, adds a
default or tidies a value, because an answer that is wrong must stay as wrong as it was.
"""

from kimi_conformance.wire.chat_stream import ChatStream, Chunk, Piece, StreamEvent
from kimi_conformance.wire.exchange import (
    Answer,
    Broken,
    Ending,
    Exchange,
    Frame,
    Headers,
    Relay,
    Request,
    header,
)
from kimi_conformance.wire.sse import Decoded, Event, Remainder, SSEDecoder, TimedEvent, decode
from kimi_conformance.wire.timeline import Timeline, timeline
from kimi_conformance.wire.validators import LAWS, Finding, Law, judge

__all__ = [
    "LAWS",
    "Answer",
    "Broken",
    "ChatStream",
    "Chunk",
    "Decoded",
    "Ending",
    "Event",
    "Exchange",
    "Finding",
    "Frame",
    "Headers",
    "Law",
    "Piece",
    "Relay",
    "Remainder",
    "Request",
    "SSEDecoder",
    "StreamEvent",
    "TimedEvent",
    "Timeline",
    "decode",
    "header",
    "judge",
    "timeline",
]
