"""What was seen of one answer, whoever read it: the load laboratory's own client, or an adapter."""

from collections.abc import Sequence
from dataclasses import dataclass

from kimi_conformance.load.client.incoming import Incoming
from kimi_conformance.load.client.reply import gaps_of, stall_of

__all__ = ["Seen", "seen_of"]


# Not frozen: there is one a request, and freezing would double what making it costs.
@dataclass(slots=True, kw_only=True)
class Seen:
    """When what of an answer was there, on `time.perf_counter`; None: it never was.

    Attributes:
        end: When its last byte was there, or it was given up.
        status: Of HTTP.
        connect_s: How long connecting took, or None: an open connection was used.
        first_byte: The first byte.
        first_event: The first event of a stream.
        first_reasoning: The first chunk with reasoning.
        first_answer: The first chunk with content or a tool call.
        stall_s: The longest seconds without generated content, once there was some.
        gaps: Seconds between the chunks with generated content.
        chunks: How many of these there were.
        shared: How many of those share their time with another.
        received: Bytes of it.
    """

    end: float
    status: int | None = None
    connect_s: float | None = None
    first_byte: float | None = None
    first_event: float | None = None
    first_reasoning: float | None = None
    first_answer: float | None = None
    stall_s: float | None = None
    gaps: Sequence[float] = ()
    chunks: int = 0
    shared: int = 0
    received: int = 0


def seen_of(incoming: Incoming, now: float) -> Seen:
    """What our own client saw of an answer that has ended; what broke off ends now."""
    scan, gaps = incoming.scan, gaps_of(incoming)
    return Seen(
        end=now if incoming.broken else incoming.last,
        status=incoming.status,
        connect_s=incoming.connect_s,
        first_byte=incoming.first_byte,
        first_event=scan.first_event,
        first_reasoning=scan.first_reasoning,
        first_answer=scan.first_answer,
        stall_s=stall_of(incoming, gaps),
        gaps=gaps,
        chunks=len(scan.times),
        shared=scan.shared,
        received=incoming.received,
    )
