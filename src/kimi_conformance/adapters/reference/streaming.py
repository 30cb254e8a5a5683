"""
A streamed answer: bytes in, chunks out, and chunks joined into a whole answer.

Nothing here does I/O. A chunk is handed on as it came; joining reads chunks and never
changes them.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kimi_conformance.adapters.protocol import Chunk, Completion
from kimi_conformance.adapters.reference.effects import Answer
from kimi_conformance.adapters.reference.errors import LLMConnectionError, LLMError
from kimi_conformance.adapters.reference.refusals import (
    decoded,
    holds_error,
    quoted,
    reading,
    refusal,
)
from kimi_conformance.http import httpx
from kimi_conformance.wire.sse import SSEDecoder

__all__ = ["ChunkReader", "is_event_stream", "joined"]

DONE = "[DONE]"
LONGEST_EVENT = 8 * 1024 * 1024  # bytes without a chunk; a line without end must end somewhere
_OTHER_THAN_EVENTS = ("application/json", "text/html")


def is_event_stream(status: int, headers: httpx.Headers) -> bool:
    """Whether the body can be read as events; one that names no type is tried."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return status == httpx.codes.OK and kind not in _OTHER_THAN_EVENTS


class ChunkReader:
    """Reads one stream.

    Args:
        secret: The key, which no message may show.
        retired: What is known of the model, as `refusals.reading` takes it.

    Attributes:
        done: Whether the stream has said that it is complete; what follows is not read.
    """

    def __init__(self, secret: str, retired: str = "") -> None:
        self._decoder = SSEDecoder()
        self._secret = secret
        self._retired = retired
        self._chunks = 0
        self._pending = 0
        self.done = False

    @property
    def begun(self) -> bool:
        """Whether a chunk has been handed on."""
        return self._chunks > 0

    def feed(self, data: bytes) -> Iterator[Mapping[str, Any]]:
        """The bodies of the chunks that these bytes complete, up to the end of the stream.

        Raises:
            LLMError: A chunk is no JSON object, or it is an error.
        """
        self._pending += len(data)
        for event in self._decoder.feed(data):
            self._pending = 0
            text = event.data.strip()
            if text == DONE:
                self.done = True
                return
            if text:
                yield self._body(text, event.valid_utf8)
        if self._pending > LONGEST_EVENT:
            raise LLMError(
                f"Error: the stream sent {self._pending} bytes without an event after "
                f"{self._chunks} chunks"
            )

    def end(self) -> None:
        """Tell the reader that nothing more will come.

        Raises:
            LLMConnectionError: The stream had not said that it is complete.
        """
        if not self.done:
            raise LLMConnectionError(
                f"Error: the stream was truncated: it ended after {self._chunks} chunks "
                f"without {DONE}"
            )

    def no_stream(self, answer: Answer) -> LLMError:
        """The error that an answer stands for which came in place of a stream."""
        try:
            reading(answer, self._secret, self._retired)
        except LLMError as error:
            return error
        return LLMError("Error: a whole answer came in place of a stream", status=answer.status)

    def _body(self, text: str, valid_utf8: bool) -> Mapping[str, Any]:
        try:
            body = decoded(text)
        except ValueError as error:
            raise self._unreadable("no JSON", text) from error
        if not isinstance(body, Mapping):
            raise self._unreadable("no JSON object", text)
        if not valid_utf8:
            raise self._unreadable("no UTF-8", text)
        if holds_error(body):
            raise refusal(body, self._secret, status=httpx.codes.OK)
        self._chunks += 1
        return body

    def _unreadable(self, what: str, text: str) -> LLMError:
        return LLMError(
            f"Error: chunk {self._chunks + 1} of the stream is {what}: "
            f"{quoted(text, self._secret, longest=100)}"
        )


def joined(chunks: Iterable[Chunk]) -> Completion:
    """The whole answer that a stream amounts to, in the shape of an answer that is not streamed.

    Text and reasoning are joined, the pieces of each tool call by its index. Usage is taken
    from the top level of the last chunk that has it there, else from the first choice that
    has it, where Kimi puts it unasked; else the answer has no usage. What no chunk held is
    absent.
    """
    body: dict[str, Any] = {}
    choices: dict[int, _Choice] = {}
    usage = None
    for chunk in chunks:
        for name in ("id", "created", "model"):
            if name in chunk.body:
                body.setdefault(name, chunk.body[name])
        usage = chunk.body.get("usage") or usage
        for piece in chunk.body.get("choices") or ():
            choices.setdefault(piece.get("index", 0), _Choice()).add(piece)
    ordered = sorted(choices.items())
    body["object"] = "chat.completion"
    body["choices"] = [choice.whole(index) for index, choice in ordered]
    usage = usage or next((choice.usage for _, choice in ordered if choice.usage), None)
    if usage is not None:
        body["usage"] = usage
    return Completion(body=body)


class _Choice:
    """One of the answers of a stream, while it grows."""

    def __init__(self) -> None:
        self._role: str | None = None
        self._texts: dict[str, str] = {}
        self._calls: dict[int, dict[str, Any]] = {}
        self._finish_reason: str | None = None
        self.usage: Mapping[str, Any] | None = None

    def add(self, piece: Mapping[str, Any]) -> None:
        delta = piece.get("delta") or {}
        self._role = self._role or delta.get("role")
        for name in ("content", "reasoning_content"):
            if isinstance(delta.get(name), str):
                self._texts[name] = self._texts.get(name, "") + delta[name]
        for call in delta.get("tool_calls") or ():
            _add_call(self._calls.setdefault(call.get("index", 0), {}), call)
        self._finish_reason = piece.get("finish_reason") or self._finish_reason
        self.usage = piece.get("usage") or self.usage

    def whole(self, index: int) -> dict[str, Any]:
        message: dict[str, Any] = {"role": self._role} if self._role else {}
        message |= self._texts
        if self._calls:
            message["tool_calls"] = [call for _, call in sorted(self._calls.items())]
        return {"index": index, "message": message, "finish_reason": self._finish_reason}


def _add_call(call: dict[str, Any], piece: Mapping[str, Any]) -> None:
    for name in ("index", "id", "type"):
        if piece.get(name) is not None:
            call.setdefault(name, piece[name])
    function = piece.get("function") or {}
    into = call.setdefault("function", {"name": "", "arguments": ""})
    into["name"] = into["name"] or function.get("name") or ""
    into["arguments"] += function.get("arguments") or ""
