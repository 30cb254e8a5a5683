"""
Server-sent events: bytes in, events out.

The grammar is that of the WHATWG HTML standard, section "Server-sent events". A line ends
with LF, CR or CRLF, a blank line closes an event, a line that starts with a colon is a
comment, and what stands between the last blank line and the end of the stream is no event.
The decoder does no I/O, so how the network cuts the bytes makes no difference: inside a
character, inside a CRLF, one byte at a time. It costs time linear in the bytes.

It departs from the standard in one way: bytes that are not UTF-8 are replaced, as the
standard says, but the event tells so.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from kimi_conformance.wire.exchange import Frame

__all__ = ["Decoded", "Event", "Remainder", "SSEDecoder", "TimedEvent", "decode"]

_BOM = b"\xef\xbb\xbf"
_LONGEST_RETRY = 18  # digits; more are no waiting time, and Python refuses to read 4301


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event, as a blank line closed it.

    Attributes:
        data: Its data lines, joined by LF; "" for a lone `data:`.
        event: Its type, or None: none was given.
        id: The last id that the stream had named by then, or None.
        retry: The waiting time it sets, in milliseconds, or None.
        line: The number of its first line in the stream, from 1; comments and blank lines
            before it are counted.
        valid_utf8: False where a field of it held bytes that are not UTF-8; `data` then has
            U+FFFD in their place.
    """

    data: str
    event: str | None = None
    id: str | None = None
    retry: int | None = None
    line: int
    valid_utf8: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Remainder:
    """What the stream held after the last event that was closed.

    Attributes:
        data: The data of an event that no blank line closed, or None.
        line: The bytes of a last line that has no line end, or b"".
    """

    data: str | None = None
    line: bytes = b""

    @property
    def lost(self) -> bool:
        """Whether an event was begun and is not delivered; a comment is no loss."""
        return self.data is not None or not (self.line == b"" or self.line.startswith(b":"))


class SSEDecoder:
    """Decodes one stream, however it is cut.

    >>> decoder = SSEDecoder()
    >>> decoder.feed(b"data: hel")
    []
    >>> [event.data for event in decoder.feed(b"lo" + bytes([13, 10, 13, 10]))]
    ['hello']
    >>> decoder.end().lost
    False
    """

    def __init__(self) -> None:
        self._partial: list[bytes] = []  # of the current line; joined once, when it ends
        self._after_cr = False  # a LF that comes next belongs to the CR before it
        self._lines = 0
        self._last_id: str | None = None
        self._fields: Mapping[bytes, Callable[[bytes], None]] = {
            b"data": self._add_data,
            b"event": self._set_type,
            b"id": self._set_id,
            b"retry": self._set_retry,
        }
        self._begin()

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes, and give the events that they close."""
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        events = []
        for piece in data.splitlines(keepends=True):  # of bytes: at CR, LF and CRLF only
            self._partial.append(piece)
            if piece.endswith((b"\n", b"\r")):
                line = b"".join(self._partial).rstrip(b"\r\n")
                self._partial.clear()
                if event := self._take(line):
                    events.append(event)
        if data:
            self._after_cr = data.endswith(b"\r")
        return events

    def end(self) -> Remainder:
        """Tell what was left undelivered; the stream has ended."""
        return Remainder(
            data="\n".join(self._data) if self._data else None,
            line=b"".join(self._partial),
        )

    def _begin(self) -> None:
        self._data: list[str] = []
        self._type: str | None = None
        self._retry: int | None = None
        self._first_line: int | None = None
        self._valid_utf8 = True

    def _take(self, line: bytes) -> Event | None:
        self._lines += 1
        if self._lines == 1:
            line = line.removeprefix(_BOM)
        if not line:
            return self._close()
        name, _, value = line.partition(b":")
        if name:
            self._first_line = self._first_line or self._lines
        if set_field := self._fields.get(name):
            set_field(value.removeprefix(b" "))
        return None

    def _close(self) -> Event | None:
        """Give the event, or None where it has no data: the standard drops that one."""
        event = None
        if self._data:
            event = Event(
                data="\n".join(self._data),
                event=self._type,
                id=self._last_id,
                retry=self._retry,
                line=self._first_line or self._lines,
                valid_utf8=self._valid_utf8,
            )
        self._begin()
        return event

    def _add_data(self, value: bytes) -> None:
        self._data.append(self._text(value))

    def _set_type(self, value: bytes) -> None:
        self._type = self._text(value) or None

    def _set_id(self, value: bytes) -> None:
        if b"\0" not in value:
            self._last_id = self._text(value)

    def _set_retry(self, value: bytes) -> None:
        if value.isdigit() and len(value) <= _LONGEST_RETRY:
            self._retry = int(value)

    def _text(self, value: bytes) -> str:
        try:
            return value.decode()
        except UnicodeDecodeError:
            self._valid_utf8 = False
            return value.decode(errors="replace")


class TimedEvent(NamedTuple):
    """An event, and when the frame that closed it came.

    Attributes:
        at: As in `Frame`.
        event: What came.
    """

    at: float
    event: Event


@dataclass(frozen=True, slots=True)
class Decoded:
    """A whole stream.

    Attributes:
        events: In the order they were closed.
        remainder: What was left.
    """

    events: tuple[TimedEvent, ...]
    remainder: Remainder


def decode(frames: Iterable[Frame]) -> Decoded:
    """Decode the frames of an answer; each event has the time of the frame that closed it."""
    decoder = SSEDecoder()
    events = tuple(
        TimedEvent(frame.at, event) for frame in frames for event in decoder.feed(frame.data)
    )
    return Decoded(events, decoder.end())
