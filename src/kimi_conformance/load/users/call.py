"""A logical call while it is under way: one request or several, noted as one."""

from dataclasses import dataclass

from kimi_conformance.load.client.reply import Reply

__all__ = ["Call"]


@dataclass(slots=True, kw_only=True)
class Call:
    """A logical call under way.

    Attributes:
        name: What was asked.
        model: Which model.
        streamed: Whether a stream was asked for.
        start: When it began, on `time.perf_counter`.
        intended: When it should have.
        held: Whether its arrival waited for a user; None: it is none.
        attempts: Requests so far.
        prompt_tokens: Of all answers so far, or None: none said.
        completion_tokens: Likewise.
        cached_tokens: Likewise, of those that had been read before.
    """

    name: str
    model: str
    streamed: bool
    start: float
    intended: float
    held: bool | None
    attempts: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int = 0

    def count(self, reply: Reply) -> None:
        """Add what an answer took."""
        if reply.prompt_tokens is not None:
            self.prompt_tokens = (self.prompt_tokens or 0) + reply.prompt_tokens
        if reply.completion_tokens is not None:
            self.completion_tokens = (self.completion_tokens or 0) + reply.completion_tokens
        self.cached_tokens += reply.cached_tokens or 0
