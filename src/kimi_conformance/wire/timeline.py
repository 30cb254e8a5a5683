"""
When a streamed answer said what: TTFT, ITL and stalls, from the frames alone.

A network frame may carry several chunks, and a chunk several tokens. So the gaps here are
**chunk-wise**: between chunks with generated content, which have the time of the frame that
completed them. Chunks that came in one frame have a gap of 0.0. Whoever wants time per token
has `tpot`, which divides by the tokens that the usage counts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from kimi_conformance.wire.chat_stream import ChatStream, Chunk
from kimi_conformance.wire.exchange import Frame
from kimi_conformance.wire.json_values import elements, is_count, is_text, members

__all__ = ["Timeline", "timeline"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """A streamed answer in time. All times are seconds, on the clock of the frames.

    Several choices are one timeline: whatever is generated counts.

    Attributes:
        ttft: To the first chunk with generated content: some content, reasoning_content or
            tool call. A chunk with only a role, or only empty texts, has none.
        first_reasoning: To the first chunk with reasoning, or None.
        first_answer: To the first chunk with content or a tool call, or None.
        gaps: Between one chunk with generated content and the next; see above.
        longest_stall: The longest time, from the first generated content to the end of the
            body, in which none came. Keep-alives do not shorten it.
        end: When the last bytes came, or None: none did.
        chunks: How many chunks had generated content.
        prompt_tokens: As the last usage counts them, or None.
        completion_tokens: Likewise, reasoning included; of several choices, their sum.
        tpot: Time per output token: from first to last generated content, over the tokens
            after the first; None for less than two chunks or two tokens.
    """

    ttft: float | None
    first_reasoning: float | None
    first_answer: float | None
    gaps: tuple[float, ...]
    longest_stall: float | None
    end: float | None
    chunks: int
    prompt_tokens: int | None
    completion_tokens: int | None
    tpot: float | None


def timeline(answer_frames: Sequence[Frame]) -> Timeline:
    """Measure a streamed answer, whole or broken, by its frames (content coding undone).

    What is no chunk is passed over; where there is nothing to measure, the value is None.
    """
    chunks = ChatStream(answer_frames).chunks
    reasoning = [chunk.at for chunk in chunks if _reasons(chunk)]
    answer = [chunk.at for chunk in chunks if _answers(chunk)]
    generated = [chunk.at for chunk in chunks if _reasons(chunk) or _answers(chunk)]
    gaps = tuple(later - earlier for earlier, later in pairwise(generated))
    end = answer_frames[-1].at if answer_frames else None
    prompt, completion = _tokens(chunks)
    return Timeline(
        ttft=_first(generated),
        first_reasoning=_first(reasoning),
        first_answer=_first(answer),
        gaps=gaps,
        longest_stall=max((*gaps, end - generated[-1])) if generated and end is not None else None,
        end=end,
        chunks=len(generated),
        prompt_tokens=prompt,
        completion_tokens=completion,
        tpot=_per_token(generated, completion),
    )


def _first(times: Sequence[float]) -> float | None:
    return times[0] if times else None


def _deltas(chunk: Chunk) -> Iterator[Any]:
    return (members(members(choice).get("delta")) for choice in chunk.choices)


def _reasons(chunk: Chunk) -> bool:
    return any(is_text(delta.get("reasoning_content")) for delta in _deltas(chunk))


def _answers(chunk: Chunk) -> bool:
    return any(
        is_text(delta.get("content")) or bool(elements(delta.get("tool_calls")))
        for delta in _deltas(chunk)
    )


def _per_token(generated: Sequence[float], tokens: int | None) -> float | None:
    if tokens is None or tokens < 2 or len(generated) < 2:
        return None
    return (generated[-1] - generated[0]) / (tokens - 1)


def _tokens(chunks: Sequence[Chunk]) -> tuple[int | None, int | None]:
    """Prompt and completion tokens: of the chunk without choices, else of the choices' ends."""
    for chunk in reversed(chunks):
        usage = members(chunk.body.get("usage"))
        if is_count(usage.get("completion_tokens")):
            prompt = usage.get("prompt_tokens")
            return (prompt if is_count(prompt) else None), usage["completion_tokens"]
    usages = [members(members(choice).get("usage")) for chunk in chunks for choice in chunk.choices]
    prompts = [usage["prompt_tokens"] for usage in usages if is_count(usage.get("prompt_tokens"))]
    completions = [
        usage["completion_tokens"] for usage in usages if is_count(usage.get("completion_tokens"))
    ]
    return (prompts[-1] if prompts else None), (sum(completions) if completions else None)
