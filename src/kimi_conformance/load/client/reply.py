"""
What a request brought: whether the reply is usable, and how it is classed if not.

Pure: it judges what arrived, however that was read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import sub
from typing import Any

from kimi_conformance.load.client.incoming import Incoming
from kimi_conformance.load.client.parsing import parse
from kimi_conformance.load.client.scan import cached_of, tokens_of
from kimi_conformance.load.samples.records import ErrorClass
from kimi_conformance.wire.json_values import elements, is_text, members

__all__ = ["Reply", "error_class", "gaps_of", "judge_reply", "plain_reply", "stall_of"]


# Not frozen: there is one a request, and freezing would double what making it costs.
@dataclass(slots=True, kw_only=True)
class Reply:
    """What a request brought.

    Attributes:
        error: How it ended.
        detail: Why it is no usable reply, in a few words; never text of the reply itself.
        prompt_tokens: As the reply counts them, or None.
        completion_tokens: Likewise.
        cached_tokens: How many of the prompt's were read before, where the reply says so.
    """

    error: ErrorClass
    detail: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None

    @property
    def ok(self) -> bool:
        """Whether it is usable."""
        return self.error is ErrorClass.OK


def judge_reply(incoming: Incoming, *, streamed: bool) -> Reply:
    """Class whatever came back, once it has ended.

    Args:
        incoming: The answer.
        streamed: Whether a stream was asked for.
    """
    status, broken = incoming.status, incoming.broken
    if status != 200:
        error = error_class(status)
        detail = broken if broken and error in _UNANSWERED else f"HTTP {status}"
        return Reply(error=ErrorClass.TRANSPORT if detail == broken else error, detail=detail)
    reply = _streamed_reply(incoming) if streamed else plain_reply(incoming.body)
    flaw = broken or (f"a body coded as {coding}" if (coding := incoming.coding) else "")
    if not flaw:
        return reply
    return replace(reply, error=ErrorClass.TRANSPORT if broken else ErrorClass.INVALID, detail=flaw)


_UNANSWERED = (ErrorClass.TRANSPORT, ErrorClass.INVALID)


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
    completion = members(parse(body))
    usage = members(completion.get("usage"))
    flaw = _flaw_of(completion)
    return Reply(
        error=ErrorClass.INVALID if flaw else ErrorClass.OK,
        detail=flaw,
        prompt_tokens=tokens_of(usage, "prompt_tokens"),
        completion_tokens=tokens_of(usage, "completion_tokens"),
        cached_tokens=cached_of(usage),
    )


def _flaw_of(completion: Mapping[str, Any]) -> str:
    """Why it is no usable completion; "" where it is one."""
    if not completion:
        return "the body is no JSON object"
    choices = elements(completion.get("choices"))
    if not choices:
        return "no choices"
    for each in choices:  # plain loops: this is done for every reply under load
        choice = members(each)
        if not _says_something(members(choice.get("message"))):
            return "a choice without a message"
        if not is_text(choice.get("finish_reason")):
            return "a choice without finish_reason"
    return ""


def gaps_of(incoming: Incoming) -> list[float]:
    """Seconds between the chunks with generated content."""
    times = incoming.scan.times
    return list(map(sub, times[1:], times)) if times else []


def stall_of(incoming: Incoming, gaps: list[float]) -> float | None:
    """The longest seconds without generated content, once there was some; None: there was none."""
    times = incoming.scan.times
    return max((*gaps, incoming.last - times[-1])) if times else None


def _streamed_reply(incoming: Incoming) -> Reply:
    scan = incoming.scan
    flaw = scan.flaw
    return Reply(
        error=ErrorClass.INVALID if flaw else ErrorClass.OK,
        detail=flaw,
        prompt_tokens=scan.prompt_tokens,
        completion_tokens=scan.completion_tokens,
        cached_tokens=scan.cached_tokens,
    )


def _says_something(message: Mapping[str, Any]) -> bool:
    """Whether anything was generated."""
    return (
        is_text(message.get("content"))
        or is_text(message.get("reasoning_content"))
        or bool(elements(message.get("tool_calls")))
    )
