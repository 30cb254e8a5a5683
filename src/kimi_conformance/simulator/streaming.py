"""
A chat completion as an event stream, one frame an event.

    role        delta {"role":"assistant","content":""}
    reasoning   delta {"reasoning_content":"…"} a token each, then one with ""   (thinking models)
    content     delta {"content":"…"} a token each
    tool calls  delta {"tool_calls":[{index,id,type,function{name,arguments:""}}]}, then pieces
                of the arguments
    finish      delta {}, finish_reason, and the usage inside the choice, asked for or not
    usage       no choices, usage at the top level, no system_fingerprint; only when asked for
    [DONE]

With several choices their events take turns. Source: recordings of moonshot-v1 and K2, 2024
to 2026; ordinary chunks have no key `usage`, although the reference says null.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kimi_conformance.simulator.compose import Call, Reply
from kimi_conformance.simulator.go_json import go_json
from kimi_conformance.wire.exchange import Frame

__all__ = ["DONE", "About", "frames", "steps"]

DONE = b"data: [DONE]\n\n"
LONG = 64  # characters of a token that is not kept


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What all chunks of a completion share, and what it cost.

    Attributes:
        id, created, model: Of the completion.
        usages: Of each choice, the prompt counted in each.
        usage: Of all together, the prompt counted once.
        fingerprint: Whether chunks carry a system_fingerprint.
    """

    id: str
    created: int
    model: str
    usages: Sequence[Mapping[str, Any]]
    usage: Mapping[str, Any]
    fingerprint: bool


def steps(reply: Reply) -> int:
    """How many chunks with generated content a reply has, at least 1."""
    pieces = sum(1 + len(_pieces(call)) for call in reply.calls)
    return max(len(reply.reasoning or ()) + len(reply.tokens) + pieces, 1)


def frames(
    about: About, replies: Sequence[Reply], offsets: Sequence[float], *, include_usage: bool
) -> tuple[Frame, ...]:
    """The stream; `offsets[i]` is when the chunk with the ith piece of content leaves.

    The role leaves with the first, all that ends the stream with the last.
    """
    head, tail = _envelope(about)
    events = [list(_choice(index, reply, about)) for index, reply in enumerate(replies)]
    last = len(offsets) - 1
    sent = []
    for turn in range(max(map(len, events))):
        at = offsets[min(max(turn - 1, 0), last)]
        sent += [Frame(at, head + own[turn] + tail) for own in events if turn < len(own)]
    if include_usage:
        sent.append(Frame(offsets[last], _usage_chunk(about)))
    sent.append(Frame(offsets[last], DONE))
    return tuple(sent)


def _envelope(about: About) -> tuple[bytes, bytes]:
    """What stands before and after the one choice of every chunk; written once, for speed."""
    shared = go_json(
        {
            "id": about.id,
            "object": "chat.completion.chunk",
            "created": about.created,
            "model": about.model,
        }
    )
    mark = f',"system_fingerprint":"{_fingerprint(about.model)}"' if about.fingerprint else ""
    return b"data: " + shared[:-1] + b',"choices":[', f"]{mark}}}\n\n".encode()


def _choice(index: int, reply: Reply, about: About) -> Iterator[bytes]:
    """The choices of one reply's chunks, in order."""
    yield _delta(index, {"role": "assistant", "content": ""})
    if reply.reasoning is not None:
        yield from _texts(index, "reasoning_content", (*reply.reasoning, ""))
    yield from _texts(index, "content", reply.tokens)
    for at, call in enumerate(reply.calls):
        function: dict[str, Any] = {"name": call.name, "arguments": ""}
        begun = {"index": at, "id": call.id, "type": call.type, "function": function}
        yield _delta(index, {"tool_calls": [begun]})
        for piece in _pieces(call):
            more = {"index": at, "function": {"arguments": piece}}
            yield _delta(index, {"tool_calls": [more]})
    end = {"index": index, "delta": {}, "finish_reason": reply.finish_reason}
    yield go_json({**end, "usage": about.usages[index]})


def _texts(index: int, key: str, tokens: Sequence[str]) -> Iterator[bytes]:
    """A choice for each token; only a token that is new is encoded, for speed."""
    before, after = _delta(index, {key: ""}).split(b'""')
    for token in tokens:
        yield before + (_encoded if len(token) < LONG else go_json)(token) + after


_encoded = lru_cache(maxsize=1024)(go_json)


def _delta(index: int, delta: Mapping[str, Any]) -> bytes:
    return go_json({"index": index, "delta": delta, "finish_reason": None})


def _pieces(call: Call) -> Sequence[str]:
    text = call.arguments
    size = call.piece or max(len(text), 1)
    return [text[start : start + size] for start in range(0, len(text), size)]


def _usage_chunk(about: About) -> bytes:
    chunk = {
        "id": about.id,
        "object": "chat.completion.chunk",
        "created": about.created,
        "model": about.model,
        "choices": [],
        "usage": about.usage,
    }
    return b"data: " + go_json(chunk) + b"\n\n"


@lru_cache(maxsize=64)
def _fingerprint(model: str) -> str:
    return f"fpv0_{hashlib.blake2b(model.encode('utf-8', 'replace'), digest_size=4).hexdigest()}"
