"""
What a streamed reply says, and when, read while it arrives.

Parsing every chunk would cost more than all the rest of reading, and parsing whole streams
when they end would hold up all others. So a chunk is parsed only once for its shape. The
chunks of a stream differ in nothing but a text: what stands before and after that text is
remembered, and a chunk that begins and ends so, with a text that has no quote in it, adds a
token of the same sort. Every other chunk is parsed as JSON. The result is the same as if all
had been; whether they obey the laws of the wire is judged elsewhere, on a share of them.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from kimi_conformance.load.client.parsing import parse
from kimi_conformance.wire.chat_stream import DONE
from kimi_conformance.wire.json_values import (
    NOT_JSON,
    elements,
    is_count,
    is_text,
    members,
    parse_json,
)

__all__ = ["StreamScan", "cached_of", "tokens_of"]

_BOM = b"\xef\xbb\xbf"
_BACKSLASH = ord("\\")
_DONE = DONE.encode()
_TEXTS = ("content", "reasoning_content")
_OPENED = {name: re.compile(rb'"%s"[ \t]*:[ \t]*"' % name.encode()) for name in _TEXTS}
_TEXT = re.compile(rb'(?:[^"\\]++|\\.)++')  # possessive: as in `wire.json_values`
MOST_TOKENS = 2**31  # of one answer
_PATIENCE = 16  # shapes that are learned in one stream; beyond, its chunks seem to have none


class StreamScan:
    """One stream, fed as it arrives.

    Times are those that `feed` is given; an event has the time of the bytes that closed it.

    Attributes:
        first_event: When the first event was there, or None.
        first_reasoning: When the first chunk with reasoning was there, or None.
        first_answer: When the first chunk with content or a tool call was there, or None.
        times: When each chunk with generated content was there.
        events: How many events there were.
        shared: How many chunks with generated content have their time from bytes that brought
            more than one of them: the gaps within are not known, and show as 0.
        prompt_tokens: As `wire.timeline` takes them from the usage, or None.
        completion_tokens: Likewise.
        cached_tokens: How many of the prompt's were read before, as the usage says; None: it
            does not.
        flaw: Why this stream, had it ended now, were no usable reply, or "".
    """

    __slots__ = (
        "_after_cr",
        "_buffer",
        "_choices",
        "_closing",
        "_completions",
        "_errors",
        "_finished",
        "_last_done",
        "_misses",
        "_opening",
        "_prefix",
        "_suffix",
        "_usage",
        "events",
        "first_answer",
        "first_event",
        "first_reasoning",
        "shared",
        "times",
    )

    def __init__(self) -> None:
        self.first_event: float | None = None
        self.first_reasoning: float | None = None
        self.first_answer: float | None = None
        self.times: list[float] = []
        self.events = 0
        self.shared = 0
        self._buffer = bytearray()  # of the event whose end is still to come
        self._after_cr = False  # a LF that comes next belongs to the CR before it
        self._prefix = b""  # the shape of an event that adds a token, see above; b"": none yet
        self._suffix = b""
        self._opening = self._closing = 0  # the lengths of both, of the data alone
        self._misses = 0
        self._last_done = False
        self._choices: set[int] = set()
        self._finished: set[int] = set()
        self._errors = False
        self._usage: Mapping[str, Any] | None = None  # of the last chunk that has one
        self._completions: list[Mapping[str, Any]] = []  # of choices that end with one

    def feed(self, data: bytes, at: float) -> int:
        """Take the next bytes of the body; how many wait for the end of their event."""
        prefix = self._prefix
        if prefix and not self._buffer and data.startswith(prefix) and data.endswith(self._suffix):
            # As nearly all bytes are: one event, of the shape that was learned.
            text = data[len(prefix) : -len(self._suffix)]
            if text and b'"' not in text and text[-1] != _BACKSLASH and not self._after_cr:
                self.events += 1
                self.times.append(at)
                self._last_done = False
                return 0  # the chunk that had this shape first was parsed, and was the first
        if self._after_cr or b"\r" in data:
            data = self._with_line_feeds(data)
        if waiting := len(self._buffer):
            self._buffer += data
            if self._buffer.find(b"\n\n", waiting - 1) < 0:  # only what is new is looked through
                return waiting + len(data)
            data = bytes(self._buffer)
        *blocks, rest = data.split(b"\n\n")
        self._buffer = bytearray(rest)
        before = len(self.times)
        for block in blocks:
            # As nearly all events are: one line of data.
            if block.startswith(b"data: ") and b"\n" not in block:
                self._take(block[6:], at)
            elif (payload := self._data_of(block)) is not None:
                self._take(payload, at)
        if (came := len(self.times) - before) > 1:
            self.shared += came
        return len(self._buffer)

    @property
    def prompt_tokens(self) -> int | None:
        """As the last usage counts them, or None."""
        if self._usage is not None:
            return tokens_of(self._usage, "prompt_tokens")
        prompts = (tokens_of(usage, "prompt_tokens") for usage in self._completions)
        found = [prompt for prompt in prompts if prompt is not None]
        return found[-1] if found else None

    @property
    def completion_tokens(self) -> int | None:
        """As the last usage counts them; of several choices with one each, their sum."""
        if self._usage is not None:
            return tokens_of(self._usage, "completion_tokens")
        counts = (tokens_of(usage, "completion_tokens") for usage in self._completions)
        found = [count for count in counts if count is not None]
        return sum(found) if found else None

    @property
    def cached_tokens(self) -> int | None:
        """As the last usage counts them, or None."""
        usages = self._completions if self._usage is None else [self._usage]
        found = [cached for usage in usages if (cached := cached_of(usage)) is not None]
        return found[-1] if found else None

    @property
    def flaw(self) -> str:
        """Why this stream, had it ended now, were no usable reply; "" where it were one."""
        if self._errors:
            return "an error in the stream"
        if not self._choices:
            return "no choices"
        if self._choices - self._finished:
            return "a choice without finish_reason"
        if not self._last_done:
            return f"the stream did not end with {DONE}"
        if not self.times:
            return "no generated content"
        return ""

    def _with_line_feeds(self, data: bytes) -> bytes:
        if self._after_cr:
            if not data:
                return data
            data = data.removeprefix(b"\n")
        self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _data_of(self, block: bytes) -> bytes | None:
        """The data of an event of any form, or None: it has none."""
        if not self.events:
            block = block.removeprefix(_BOM)
        values = []
        for line in block.split(b"\n"):
            name, _, value = line.partition(b":")
            if name == b"data":
                values.append(value.removeprefix(b" "))
        return b"\n".join(values) if values else None

    def _take(self, payload: bytes, at: float) -> None:
        self.events += 1
        if self.first_event is None:
            self.first_event = at
        if self._prefix and self._has_shape(payload):
            text = payload[self._opening : len(payload) - self._closing]
            if b'"' not in text and text[-1] != _BACKSLASH:
                self.times.append(at)
                self._last_done = False
                return
        self._last_done = payload == _DONE
        if not self._last_done:
            self._parse(payload, at)

    def _parse(self, payload: bytes, at: float) -> None:
        chunk = parse(payload)
        if chunk is NOT_JSON:  # maybe for a character that is none: a client shows a sign for it
            chunk = parse_json(payload.decode("utf-8", "replace"))
        if not isinstance(chunk, dict):
            return
        choices = [members(choice) for choice in elements(chunk.get("choices"))]
        deltas = [members(choice.get("delta")) for choice in choices]
        reasons = any(is_text(delta.get("reasoning_content")) for delta in deltas)
        answers = any(
            is_text(delta.get("content")) or elements(delta.get("tool_calls")) for delta in deltas
        )
        if reasons or answers:
            self.times.append(at)
        if reasons and self.first_reasoning is None:
            self.first_reasoning = at
        if answers and self.first_answer is None:
            self.first_answer = at
        self._errors = self._errors or "error" in chunk
        ends = self._note_ends(choices)
        usage = members(chunk.get("usage"))
        if is_count(usage.get("completion_tokens")):
            self._usage, ends = usage, True
        if len(choices) == 1 and not ends and reasons != answers and self._misses < _PATIENCE:
            self._learn(payload, deltas[0], "reasoning_content" if reasons else "content")

    def _note_ends(self, choices: Sequence[Mapping[str, Any]]) -> bool:
        """Note which choices there are and which ended; whether one says anything of that."""
        ends = False
        for choice in choices:
            index = choice.get("index")
            usage = members(choice.get("usage"))
            if is_count(index):
                self._choices.add(index)
                if is_text(choice.get("finish_reason")):
                    self._finished.add(index)
                    ends = True
            if usage:
                self._completions.append(usage)
                ends = True
        return ends

    def _learn(self, payload: bytes, delta: Mapping[str, Any], name: str) -> None:
        """Remember what stands around the one text of this chunk; else nothing is lost."""
        if self._prefix and self._has_shape(payload):
            return
        self._misses += 1
        opened = _OPENED[name].search(payload)
        if opened is None or _OPENED[name].search(payload, opened.end()):
            return
        text = _TEXT.match(payload, opened.end())
        if text is None or parse(b'"' + text[0] + b'"') != delta.get(name):
            return
        before, after = payload[: opened.end()], payload[text.end() :]
        self._prefix, self._suffix = b"data: " + before, after + b"\n\n"
        self._opening, self._closing = len(before), len(after)

    def _has_shape(self, payload: bytes) -> bool:
        """Whether an event is what was learned around one character of text or more."""
        return (
            len(payload) > self._opening + self._closing
            and payload.startswith(self._prefix[6:])
            and payload.endswith(self._suffix[:-2])
        )


def cached_of(usage: Mapping[str, Any]) -> int | None:
    """The tokens of a prompt that were read before, in either place where a usage says it."""
    found = (usage, members(usage.get("prompt_tokens_details")))
    return next((n for each in found if (n := tokens_of(each, "cached_tokens")) is not None), None)


def tokens_of(usage: Mapping[str, Any], name: str) -> int | None:
    """What a usage counts, or None: nothing, or what nobody can have counted."""
    value = usage.get(name)
    return value if is_count(value) and value <= MOST_TOKENS else None
