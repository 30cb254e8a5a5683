"""
Answers to write into a script: what the API says, and what a broken network makes of it.

Bodies have the shape that the API is known to give (API reference, and recordings of 2024
to 2026); each function takes what a check may want to vary and nothing else.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kimi_conformance.wire.exchange import Answer, Ending, Frame, Request

__all__ = [
    "bad_chunk",
    "cache_created",
    "cache_deleted",
    "completion",
    "completion_body",
    "cut",
    "events",
    "html",
    "invalid_key",
    "json_reply",
    "later",
    "model_list",
    "never",
    "not_found",
    "not_json",
    "rate_limited",
    "redirect",
    "refusal",
    "reset",
    "server_error",
    "split",
    "stalled",
    "stream_of",
    "text_chunks",
]

Body = Mapping[str, Any]

CREATED = 1757462400  # 2025-09-10, when the edition 2025-09 was current
ID = "chatcmpl-68c0c5000000000000000001"


def json_reply(body: object, status: int = 200, **headers: str) -> Answer:
    """Any JSON; a header `retry_after="1"` is sent as `Retry-After: 1`."""
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    named = tuple((name.replace("_", "-").title(), value) for name, value in headers.items())
    return Answer(
        status=status,
        headers=(("Content-Type", "application/json; charset=utf-8"), *named),
        frames=(Frame(0.0, data),),
    )


def refusal(status: int, type: str, message: str, **headers: str) -> Answer:
    """Kimi's error envelope."""
    return json_reply({"error": {"message": message, "type": type}}, status, **headers)


def invalid_key() -> Answer:
    """401, as for a key that the API does not know."""
    return refusal(401, "invalid_authentication_error", "Invalid Authentication")


def rate_limited(retry_after: int | None = 1) -> Answer:
    """429 for too many requests a minute, with the wait in header and text."""
    text = (
        "Your account org-00000000000000000000000000000000<ak-00000000000000000000> request "
        f"reached organization max RPM: 3, please try again after {retry_after or 1} seconds"
    )
    headers = {} if retry_after is None else {"retry_after": str(retry_after)}
    return refusal(429, "rate_limit_reached_error", text, **headers)


def server_error(status: int = 500) -> Answer:
    """A 5xx in Kimi's envelope."""
    return refusal(status, "server_error", "the service is not available")


def not_found(request: Request) -> Answer:
    """404 in the other shape, which unknown paths and wrong methods get."""
    body = {
        "code": 5,
        "error": "url.not_found",
        "message": "没找到对象",
        "method": request.method,
        "scode": "0x5",
        "status": False,
        "ua": request.header("User-Agent") or "",
        "url": request.path,
    }
    return json_reply(body, 404)


def html(status: int = 200) -> Answer:
    """A page in place of JSON, as a gateway or a captive portal gives."""
    page = b"<html><head><title>Gateway</title></head><body>Sorry.</body></html>"
    return Answer(
        status=status, headers=(("Content-Type", "text/html"),), frames=(Frame(0.0, page),)
    )


def not_json(data: bytes = b"{", status: int = 200) -> Answer:
    """Bytes that claim to be JSON."""
    frames = (Frame(0.0, data),) if data else ()
    return Answer(status=status, headers=(("Content-Type", "application/json"),), frames=frames)


def redirect(location: str, status: int = 307) -> Answer:
    """A redirection to somewhere else."""
    return Answer(status=status, headers=(("Location", location),))


def model_list(models: Iterable[str | Body]) -> Answer:
    """A model list; an id alone stands for an entry without context_length."""
    entries = [
        {"created": CREATED, "id": model, "object": "model", "owned_by": "moonshot"}
        if isinstance(model, str)
        else dict(model)
        for model in models
    ]
    return json_reply({"object": "list", "data": entries})


def completion_body(
    content: str = "Hello.", *, message: Body | None = None, finish_reason: str = "stop"
) -> dict[str, Any]:
    """The body of a whole answer."""
    return {
        "id": ID,
        "object": "chat.completion",
        "created": CREATED,
        "model": "moonshot-v1-8k",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, **(message or {})},
                "finish_reason": finish_reason,
            }
        ],
        "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
    }


def completion(
    content: str = "Hello.", *, message: Body | None = None, finish_reason: str = "stop"
) -> Answer:
    """A whole answer; `message` adds or replaces fields of the assistant's message."""
    return json_reply(completion_body(content, message=message, finish_reason=finish_reason))


def text_chunks(*pieces: str, finish_reason: str = "stop") -> list[dict[str, Any]]:
    """The chunks of a streamed text: role, one a piece, finish with usage inside the choice."""
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    choices: list[dict[str, Any]] = [
        {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None},
        *({"index": 0, "delta": {"content": piece}, "finish_reason": None} for piece in pieces),
        {"index": 0, "delta": {}, "finish_reason": finish_reason, "usage": usage},
    ]
    return [
        {
            "id": ID,
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": "moonshot-v1-8k",
            "choices": [choice],
            "system_fingerprint": "fpv0_0a1b2c3d",
        }
        for choice in choices
    ]


def events(*data: str, end: str = "\n\n", done: bool = True) -> Answer:
    """An event stream with these payloads, one frame each."""
    payloads = (*data, "[DONE]") if done else data
    return Answer(
        headers=(("Content-Type", "text/event-stream; charset=utf-8"),),
        frames=tuple(Frame(0.0, f"data: {payload}{end}".encode()) for payload in payloads),
    )


def stream_of(chunks: Sequence[Body], *, done: bool = True) -> Answer:
    """A streamed answer of these chunks."""
    texts = (json.dumps(chunk, ensure_ascii=False, separators=(",", ":")) for chunk in chunks)
    return events(*texts, done=done)


def cache_created(id: str = "cache-0001", status: str = "ready") -> Answer:
    """A context cache that was made."""
    return json_reply(
        {
            "id": id,
            "status": status,
            "object": "context-cache",
            "created_at": CREATED,
            "tokens": 128,
            "expired_at": CREATED + 3600,
            "model": "moonshot-v1",
        }
    )


def cache_deleted(id: str = "cache-0001") -> Answer:
    """A context cache that was removed."""
    return json_reply({"deleted": True, "id": id, "object": "context_cache_object.deleted"})


def split(answer: Answer, size: int) -> Answer:
    """The same body in frames of `size` bytes, so also inside a character."""
    body = answer.body
    pieces = (body[start : start + size] for start in range(0, len(body), size))
    return replace(answer, frames=tuple(Frame(0.0, piece) for piece in pieces))


def later(answer: Answer, seconds: float) -> Answer:
    """The same answer with every frame that much later."""
    frames = tuple(Frame(frame.at + seconds, frame.data) for frame in answer.frames)
    return replace(answer, frames=frames)


def cut(answer: Answer, frames: int) -> Answer:
    """The same answer, closed after so many frames."""
    return replace(answer, frames=tuple(answer.frames[:frames]), ending=Ending.CUT)


def reset(answer: Answer, frames: int) -> Answer:
    """The same answer, its connection reset after so many frames."""
    return replace(answer, frames=tuple(answer.frames[:frames]), ending=Ending.RESET)


def stalled(answer: Answer, frames: int) -> Answer:
    """The same answer, silent after so many frames until the client gives up."""
    return replace(answer, frames=tuple(answer.frames[:frames]), ending=Ending.STALLED)


def never() -> Answer:
    """No answer at all, not even a status line."""
    return Answer(raw=True, ending=Ending.STALLED)


def bad_chunk() -> Answer:
    """A chunked body whose second chunk size is no number."""
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    return Answer(raw=True, frames=(Frame(0.0, head + b"5\r\ndata:\r\nzz\r\n"),))
