"""
One request and its answer, as they were on the wire.

These values travel everywhere: a source makes an `Answer`, the stage sends it and journals
the `Exchange`, a cassette stores it, the wire validators judge it. Nothing here adds a
default or tidies a value: what was absent stays absent.
"""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

__all__ = [
    "Answer",
    "Broken",
    "Ending",
    "Exchange",
    "Frame",
    "Headers",
    "Relay",
    "Request",
    "header",
]

Headers = tuple[tuple[str, str], ...]
"""Names and values as they came, in their order."""


class Ending(StrEnum):
    """How a body came to its end."""

    COMPLETE = "complete"  # as its framing said
    CUT = "cut"  # the connection was closed in an orderly way (FIN) before the end
    RESET = "reset"  # the connection was reset (RST)
    STALLED = "stalled"  # nothing more came, until the client gave up
    ABANDONED = "abandoned"  # the client left while more was coming


class Broken(Exception):  # noqa: N818
    """Raised inside `Relay.frames`: the other side broke off, in the way of `ending`."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending)
        self.ending = ending


@dataclass(frozen=True, slots=True)
class Frame:
    """Bytes of a body that were sent, or arrived, together.

    Attributes:
        at: Seconds since the request was received in whole, on a monotonic clock.
        data: The bytes, `len(data) >= 1`.
    """

    at: float
    data: bytes


def header(headers: Headers, name: str) -> str | None:
    """The first value of a header, whatever the case of its name, or None."""
    wanted = name.lower()
    for key, value in headers:
        if key.lower() == wanted:
            return value
    return None


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as it came off the wire.

    Attributes:
        method: Upper case, as sent.
        path: Without the stage's prefix and without the query: "/v1/models".
        query: What stands after "?", or "".
        headers: In the order and case they were sent.
        body: Its bytes after transfer decoding, b"" where there was none.
    """

    method: str
    path: str
    query: str = ""
    headers: Headers = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever the case of its name, or None."""
        return header(self.headers, name)

    @cached_property
    def json(self) -> Any:
        """The decoded JSON body.

        Raises:
            ValueError: The body is not JSON in UTF-8.
        """
        return json.loads(self.body)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a source wants the client to receive, known beforehand.

    Attributes:
        status: The HTTP status. Meaningless where `raw` is set.
        headers: All but the framing headers (Content-Length, Transfer-Encoding, Connection,
            Date), which the stage adds. A Content-Length given here is sent as it stands.
        frames: The body, each frame to be sent at its own time.
        ending: How the body ends once the last frame is sent.
        raw: The frames are bytes for the connection itself, status line and all: this is
            how a source breaks HTTP. No frames with `STALLED` never answers at all.
    """

    status: int = 200
    headers: Headers = ()
    frames: Sequence[Frame] = ()
    ending: Ending = Ending.COMPLETE
    raw: bool = False

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever the case of its name, or None."""
        return header(self.headers, name)

    @cached_property
    def body(self) -> bytes:
        """All frames joined."""
        return b"".join(frame.data for frame in self.frames)

    @cached_property
    def json(self) -> Any:
        """The decoded JSON body.

        Raises:
            ValueError: The body is not JSON in UTF-8.
        """
        return json.loads(self.body)


@dataclass(frozen=True, kw_only=True)
class Relay:
    """An answer that is still arriving from somewhere else.

    Attributes:
        status: The HTTP status.
        headers: As in `Answer`.
        frames: Yields each piece as it arrives. It raises `Broken` when the other side
            breaks off; running out means `Ending.COMPLETE`.
    """

    status: int
    headers: Headers
    frames: AsyncIterator[Frame]


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request with its answer, as the stage saw both.

    Attributes:
        id: Unique in its run.
        request: What the client sent.
        answer: What was sent back, with the times and the ending that really happened.
        started: Seconds on the stage's monotonic clock when the request was received.
        source: What stood behind the stage: "cassette", "script", "simulator" or "live".
    """

    id: str
    request: Request
    answer: Answer
    started: float
    source: str
