"""
What a request brought: whether the reply is usable, and how it is classed if not.

Pure: it takes the status and the bytes with their times, however they were read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kimi_conformance.load.samples import ErrorClass
from kimi_conformance.wire.chat_stream import DONE, ChatStream
from kimi_conformance.wire.exchange import Frame
from kimi_conformance.wire.json_values import (
    elements,
    is_count,
    is_text,
    members,
    parse_json,
)
from kimi_conformance.wire.timeline import timeline

__all__ = ["Reply", "error_class", "judge_reply", "plain_reply", "streamed_reply"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a request brought.

    Attributes:
        error: How it ended.
        detail: Why it is no usable reply, in a few words; never text of the reply itself.
        ttft: From sending to the first chunk with generated content, on the clock of the
            frames; None where nothing was streamed.
        gaps: Between chunks with generated content.
        prompt_tokens: As the reply counts them, or None.
        completion_tokens: Likewise.
    """

    error: ErrorClass
    detail: str = ""
    ttft: float | None = None
    gaps: tuple[float, ...] = ()
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


def judge_reply(
    status: int | None, frames: Sequence[Frame], *, streamed: bool, broken: str = ""
) -> Reply:
    """Class whatever came back.

    Args:
        status: Of HTTP, or None: no answer began.
        frames: The body.
        streamed: Whether a stream was asked for.
        broken: Why the body did not come to its end, or "".
    """
    if status == 200:
        body = b"".join(frame.data for frame in frames)
        reply = streamed_reply(frames) if streamed else plain_reply(body)
    else:
        reply = Reply(error=error_class(status), detail=f"HTTP {status}")
    if broken and reply.error in {ErrorClass.OK, ErrorClass.INVALID, ErrorClass.TRANSPORT}:
        return replace(reply, error=ErrorClass.TRANSPORT, detail=broken)
    return reply


def error_class(status: int | None) -> ErrorClass:
    """The class of an answer that is no 200.

    >>> error_class(429), error_class(502)
    (<ErrorClass.RATE_LIMIT: 'rate_limit'>, <ErrorClass.SERVER: 'server'>)
    """
    if status is None:
        return ErrorClass.TRANSPORT
    if status == 429:
        return ErrorClass.RATE_LIMIT
    return {4: ErrorClass.CLIENT, 5: ErrorClass.SERVER}.get(status // 100, ErrorClass.INVALID)


def plain_reply(body: bytes) -> Reply:
    """Judge the body of a 200 that is not streamed."""
    completion = members(parse_json(body))
    usage = members(completion.get("usage"))
    choices = [members(choice) for choice in elements(completion.get("choices"))]
    if not completion:
        flaw = "the body is no JSON object"
    elif not choices:
        flaw = "no choices"
    elif not all(_says_something(members(choice.get("message"))) for choice in choices):
        flaw = "a choice without a message"
    elif not all(is_text(choice.get("finish_reason")) for choice in choices):
        flaw = "a choice without finish_reason"
    else:
        flaw = ""
    return Reply(
        error=ErrorClass.INVALID if flaw else ErrorClass.OK,
        detail=flaw,
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
    )


def streamed_reply(frames: Sequence[Frame]) -> Reply:
    """Judge the body of a 200 that is streamed, once it has ended."""
    flaw = _stream_flaw(ChatStream(frames))
    times = timeline(frames)
    if not flaw and times.ttft is None:
        flaw = "no generated content"
    return Reply(
        error=ErrorClass.INVALID if flaw else ErrorClass.OK,
        detail=flaw,
        ttft=times.ttft,
        gaps=times.gaps,
        prompt_tokens=times.prompt_tokens,
        completion_tokens=times.completion_tokens,
    )


def _stream_flaw(stream: ChatStream) -> str:
    if any("error" in chunk.body for chunk in stream.chunks):
        return "an error in the stream"
    if not stream.pieces:
        return "no choices"
    finished = [
        any(is_text(piece.finish_reason) for piece in pieces) for pieces in stream.pieces.values()
    ]
    if not all(finished):
        return "a choice without finish_reason"
    if not stream.events[-1].done:
        return f"the stream did not end with {DONE}"
    return ""


def _says_something(message: Mapping[str, Any]) -> bool:
    """Whether anything was generated."""
    texts = (message.get("content"), message.get("reasoning_content"))
    return any(is_text(text) for text in texts) or bool(elements(message.get("tool_calls")))


def _count(value: Any) -> int | None:
    return value if is_count(value) else None
