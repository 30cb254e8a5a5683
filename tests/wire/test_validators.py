"""
Every law speaks up when it is broken, and only then.

Long because each law is shown to speak on one and the same sound exchange, and a table of them is
held against the catalogue.
"""

import gzip
import json
import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kimi_conformance.requirements import Plane
from kimi_conformance.wire import LAWS, Answer, Ending, Exchange, Frame, Headers, Request, judge
from kimi_conformance.wire.law import MOST_VIOLATIONS, Finding

CATALOGUE = Path(__file__).parents[2] / "conformance" / "requirements" / "wire.toml"
CSV = (("Content-Type", "text/csv"),)
KIND, GBK = "Content-Type", "application/json; charset=gbk"
SAID = Path(__file__).parent / "said.json"

CHAT = "/v1/chat/completions"
JSON = (("Content-Type", "application/json; charset=utf-8"),)
EVENTS = (("Content-Type", "text/event-stream"),)
SENDS = (("Authorization", "Bearer sk-placeholder"), ("Content-Type", "application/json"))


# --- Builders: a good exchange, to be spoilt in one place.


def compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def exchange(
    body: Any,
    *,
    path: str = CHAT,
    method: str = "POST",
    sent: Any = None,
    status: int = 200,
    headers: Headers = JSON,
    ending: Ending = Ending.COMPLETE,
    raw: bool = False,
) -> Exchange:
    data = body if isinstance(body, bytes) else compact(body)
    return Exchange(
        id="x1",
        request=Request(
            method=method,
            path=path,
            headers=SENDS,
            body=b"" if sent is None else compact(sent),
        ),
        answer=Answer(
            status=status,
            headers=headers,
            frames=[Frame(0.1, data)] if data else [],
            ending=ending,
            raw=raw,
        ),
        started=0.0,
        source="script",
    )


QUESTION = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": "月?"}]}
USAGE = {"prompt_tokens": 8, "completion_tokens": 5, "total_tokens": 13}
DETAILS = {
    "cached_tokens": 4,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
ANSWER = {
    "id": "chatcmpl-66f0c0de0123456789abcdef",
    "object": "chat.completion",
    "created": 1_790_000_000,
    "model": "kimi-k2.6",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello 月"},
            "finish_reason": "stop",
        }
    ],
    "usage": USAGE,
}
CALL = {
    "index": 0,
    "id": "get_weather_0",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city":"北京"}'},
}


def edited(value: Any, path: str, new: Any) -> Any:
    """A copy in which the member at "a.0.b" is `new`; `...` removes it."""
    value = deepcopy(value)
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place = value
    for step in way:
        place = place[step]
    if new is ...:
        del place[last]
    else:
        place[last] = new
    return value


def completion(path: str = "", new: Any = None, *, of: Any = ANSWER, **asks: Any) -> Exchange:
    return exchange(edited(of, path, new) if path else of, sent={**QUESTION, **asks})


CALLING = edited(
    edited(ANSWER, "choices.0.message.tool_calls", [CALL]), "choices.0.finish_reason", "tool_calls"
)
TWO = edited(
    ANSWER,
    "choices",
    [ANSWER["choices"][0], {**ANSWER["choices"][0], "index": 1}],  # type: ignore[index]
)


def chunk(*choices: Any, **members: Any) -> dict[str, Any]:
    head = {key: ANSWER[key] for key in ("id", "created", "model")}
    return {**head, "object": "chat.completion.chunk", "choices": list(choices), **members}


def piece(index: int = 0, finish_reason: Any = None, *, usage: Any = None, **delta: Any) -> Any:
    choice = {"index": index, "delta": delta, "finish_reason": finish_reason}
    return choice if usage is None else {**choice, "usage": usage}


def begin(index: int = 0) -> dict[str, Any]:
    return chunk(piece(index, role="assistant", content=""))


def say(text: str, index: int = 0) -> dict[str, Any]:
    return chunk(piece(index, content=text))


def end(index: int = 0, reason: str = "stop", usage: Any = USAGE) -> dict[str, Any]:
    return chunk(piece(index, reason, usage=usage))


def call(*parts: Any, index: int = 0) -> dict[str, Any]:
    return chunk(piece(index, tool_calls=list(parts)))


def more(arguments: str, index: int = 0, **members: Any) -> dict[str, Any]:
    return {"index": index, "function": {"arguments": arguments}, **members}


HEAD = edited(CALL, "function.arguments", "")
HELLO = [begin(), say("Hel"), say("lo 月"), end()]
WEATHER = [
    begin(),
    call(HEAD),
    call(more('{"city":')),
    call(more('"北京"}')),
    end(reason="tool_calls"),
]
COUNTED = chunk(usage=USAGE)
INCLUDED: dict[str, Any] = {"stream_options": {"include_usage": True}}


def stream(
    *events: Any,
    done: bool = True,
    headers: Headers = EVENTS,
    ending: Ending = Ending.COMPLETE,
    **asks: Any,
) -> Exchange:
    """A stream of these events: a chunk, the text of a payload, or bytes as they stand."""
    pieces = []
    for event in [*events, *(["[DONE]"] if done else [])]:
        payload = event if isinstance(event, str) else None
        if isinstance(event, bytes):
            pieces.append(event)
        else:
            pieces.append(b"data: " + (payload.encode() if payload else compact(event)) + b"\n\n")
    whole = exchange(
        b"".join(pieces),
        sent={**QUESTION, "stream": True, **asks},
        headers=headers,
        ending=ending,
    )
    frames = [Frame(number / 10, data) for number, data in enumerate(pieces, start=1)]
    return replace(whole, answer=replace(whole.answer, frames=frames))


def rewritten(source: Exchange, change: Callable[[bytes], bytes], size: int = 0) -> Exchange:
    """The same with other bytes, cut into frames of this size; 0 leaves one frame."""
    data = change(source.answer.body)
    size = size or len(data) or 1
    cuts = [data[start : start + size] for start in range(0, len(data), size)]
    frames = [Frame(number / 10, cut) for number, cut in enumerate(cuts)]
    return replace(source, answer=replace(source.answer, frames=frames))


def calls(*parts: Any) -> Exchange:
    """A stream that calls tools: one chunk each of these parts."""
    return stream(begin(), *(call(part) for part in parts), end(reason="tool_calls"))


def error(status: int = 401, path: str = "", new: Any = None, **fields: Any) -> Exchange:
    body = {"error": {"message": "Invalid Authentication", "type": "invalid_authentication_error"}}
    body["error"].update(fields)
    return exchange(edited(body, path, new) if path else body, sent=QUESTION, status=status)


MODEL = {"id": "kimi-k2.6", "object": "model", "owned_by": "moonshot", "created": 1_790_000_000}


def listing(body: Any) -> Exchange:
    return exchange(body, path="/v1/models", method="GET")


def models(*items: Any, **members: Any) -> Exchange:
    return listing({"object": "list", "data": list(items or [MODEL]), **members})


STORED = {"id": "cache-1", "object": "context-cache", "status": "pending", "tokens": 9}
DELETED = {"id": "cache-1", "object": "context_cache_object.deleted", "deleted": True}


def cache(method: str, body: Any) -> Exchange:
    path = "/v1/caching" if method == "POST" else "/v1/caching/cache-1"
    return exchange(body, path=path, method=method, sent={"model": "moonshot-v1"})


FILE = {
    "id": "f1",
    "object": "file",
    "bytes": 3,
    "created_at": 1,
    "filename": "",
    "purpose": "p",
    "status": "ready",
}
FILE_GONE = {"id": "f1", "object": "file", "deleted": True}
BATCH = {
    "id": "b1",
    "object": "batch",
    "endpoint": CHAT,
    "input_file_id": "f1",
    "completion_window": "24h",
    "status": "completed",
    "created_at": 1,
    "failed_at": None,
    "request_counts": {"completed": 2, "failed": 1, "total": 3},
}
MESSAGE = {
    "id": "m1",
    "type": "message",
    "role": "assistant",
    "model": "kimi-k3",
    "content": [
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "text", "text": "hi"},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {}},
        {"type": "of_tomorrow"},
    ],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 2, "cache_read_input_tokens": 0, "tier": "x"},
}
MESSAGE_EVENTS: Sequence[Any] = (
    {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}},
    {"type": "ping"},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn"},
        "usage": {"output_tokens": 2, "input_tokens": 3},
    },
    {"type": "message_stop"},
)


def file(method: str, body: Any) -> Exchange:
    return exchange(body, path="/v1/files" + "/f1" * (method != "POST"), method=method)


def files(body: Any) -> Exchange:
    return exchange(body, path="/v1/files", method="GET")


def batch(method: str, body: Any, path: str = "") -> Exchange:
    return exchange(body, path=f"/v1/batches{path}", method=method)


def message(body: Any) -> Exchange:
    return exchange(body, path="/anthropic/v1/messages", sent={"model": "kimi-k3"})


def refused(error: Any) -> Exchange:
    sent = {"model": "kimi-k3"}
    return exchange({"error": error}, path="/anthropic/v1/messages", sent=sent, status=400)


def messages(*events: Any) -> Exchange:
    sse = b"".join(f"event: {e['type']}\ndata: ".encode() + compact(e) + b"\n\n" for e in events)
    sent = {"model": "kimi-k3", "stream": True}
    return exchange(sse, path="/anthropic/v1/messages", sent=sent, headers=EVENTS)


def event(number: int, path: str, new: Any) -> Exchange:
    """A streamed message of which one event is edited."""
    events = list(MESSAGE_EVENTS)
    events[number] = edited(events[number], path, new)
    return messages(*events)


def asks(path: str = "", new: Any = None, *, of: Any = QUESTION, **members: Any) -> Exchange:
    """A completion that was asked for in this way."""
    return exchange(ANSWER, sent={**(edited(of, path, new) if path else of), **members})


def with_request(source: Exchange, **members: Any) -> Exchange:
    return replace(source, request=replace(source.request, **members))


def with_headers(source: Exchange, *headers: tuple[str, str]) -> Exchange:
    return replace(source, answer=replace(source.answer, headers=source.answer.headers + headers))


def conversation(*messages: Any) -> Exchange:
    return asks(messages=[*QUESTION["messages"], *messages])


CALLED = {"role": "assistant", "content": "", "tool_calls": [CALL]}
ANSWERED = {"role": "tool", "tool_call_id": "get_weather_0", "content": "sunny"}


# --- Good exchanges, and the laws that have something to judge in them.


def laws(*ranges: str) -> set[str]:
    """ "CHAT 1-3 8" is CHAT-001, CHAT-002, CHAT-003 and CHAT-008."""
    found = set()
    for family, *numbers in (words.split() for words in ranges):
        for number in numbers:
            first, _, last = number.partition("-")
            found |= {f"{family}-{n:03}" for n in range(int(first), int(last or first) + 1)}
    return found


JSON_OK = laws("WIRE 1 3 4 6")
WHOLE = JSON_OK | laws("CHAT 1-9", "USAGE 1 2", "TOOLCALL 5")
STREAMED = laws("WIRE 1", "SSE 1-17", "CHAT 8 9", "USAGE 1 2 5", "TOOLCALL 5")
REFUSED = laws("WIRE 1 3 4 5")
ERROR = REFUSED | laws("WIRE 7 8")
LISTED = JSON_OK | laws("MODELS 1-6")

NO_USAGE = [begin(), say("hi"), chunk(piece(finish_reason="stop"))]
REASONS = [
    begin(),
    chunk(piece(reasoning_content="Let me")),
    chunk(piece(reasoning_content="")),
    say("Hi"),
    end(usage={**USAGE, **DETAILS}),
]
INTERLEAVED = [begin(0), begin(1), say("a", 1), say("b", 0), end(1), say("c", 0), end(0)]
PARALLEL = [
    begin(),
    call(HEAD),
    call(more("{}")),
    call({**HEAD, "index": 1, "id": "get_weather_1"}, more("{}", 1)),
    end(reason="tool_calls"),
]
NOT_FOUND = {"code": 5, "error": "url.not_found", "message": "没找到对象", "url": "/v1/nothing"}

GOOD: Mapping[str, tuple[Exchange, set[str]]] = {
    "whole": (completion(), WHOLE),
    "whole, null usage": (completion("usage", None), WHOLE - laws("USAGE 1 2")),
    "whole, no usage": (completion("usage", ...), WHOLE - laws("USAGE 1 2")),
    "whole, details": (
        completion("usage", {**USAGE, **DETAILS}),
        WHOLE | laws("USAGE 3 4"),
    ),
    "whole, empty details": (
        completion("usage", {**USAGE, "completion_tokens_details": {}, "cached_tokens": None}),
        WHOLE,
    ),
    "whole, unknown fields": (completion("choices.0.logprobs", None), WHOLE),
    "whole, null content": (completion("choices.0.message.content", None), WHOLE),
    "whole, created is a counter": (completion("created", 822_330), WHOLE),
    "whole, reasoning": (completion("choices.0.message.reasoning_content", ""), WHOLE),
    "whole, cut by length": (completion("choices.0.finish_reason", "length"), WHOLE),
    "whole, tools": (completion(of=CALLING), WHOLE | laws("TOOLCALL 4 6 7")),
    "whole, tool of Kimi": (
        completion("choices.0.message.tool_calls.0.type", "builtin_function", of=CALLING),
        WHOLE | laws("TOOLCALL 4 6 7"),
    ),
    "whole, tools null": (completion("choices.0.message.tool_calls", None), WHOLE),
    "whole, n = 2": (completion(of=TWO, n=2), WHOLE),
    "whole, an alias answers": (
        completion(model="moonshot-v1-auto"),
        WHOLE - laws("CHAT 8"),
    ),
    "whole, saved tokens": (
        with_headers(
            completion("usage", {**USAGE, **DETAILS}), ("Msh-Context-Cache-Token-Saved", "4")
        ),
        WHOLE | laws("USAGE 3 4 8"),
    ),
    "whole, dry run": (
        with_headers(
            completion("usage", dict.fromkeys([*USAGE, "cached_tokens"], 0)),
            ("Msh-Context-Cache-Token-Saved", "4"),
        ),
        WHOLE | laws("USAGE 3 8"),
    ),
    "whole, with length": (
        with_headers(completion(), ("Content-Length", str(len(compact(ANSWER))))),
        WHOLE | laws("WIRE 2"),
    ),
    "whole, gzip": (
        with_headers(rewritten(completion(), gzip.compress, size=9), ("Content-Encoding", "gzip")),
        WHOLE | laws("WIRE 9"),
    ),
    "whole, a coding nobody here reads": (
        with_headers(rewritten(completion(), lambda _: b"?"), ("Content-Encoding", "br")),
        laws("WIRE 1 3"),
    ),
    "stream": (stream(*HELLO), STREAMED),
    "stream, no usage": (stream(*NO_USAGE), STREAMED - laws("USAGE 1 2 5")),
    "stream, null usage": (
        stream(*({**event, "usage": None} for event in HELLO)),
        STREAMED,
    ),
    "stream, fingerprint": (
        stream(*({**event, "system_fingerprint": "fpv0_ca1ab1e0"} for event in HELLO)),
        STREAMED,
    ),
    "stream, role repeated": (
        stream(begin(), chunk(piece(role="assistant", content="hi")), end()),
        STREAMED,
    ),
    "stream, include_usage": (
        stream(*HELLO, COUNTED, **INCLUDED),
        STREAMED | laws("USAGE 6 7"),
    ),
    "stream, usage only in a chunk of its own": (
        stream(*NO_USAGE, COUNTED, **INCLUDED),
        STREAMED | laws("USAGE 7"),
    ),
    "stream, reasoning": (stream(*REASONS), STREAMED | laws("USAGE 3 4")),
    "stream, n = 2": (stream(*INTERLEAVED, n=2), STREAMED),
    "stream, tools": (stream(*WEATHER), STREAMED | laws("TOOLCALL 1-4 7")),
    "stream, tools, null id later": (
        calls(HEAD, more("{}", id=None, type="")),
        STREAMED | laws("TOOLCALL 1-4 7"),
    ),
    "stream, tool in one piece": (
        calls(CALL),
        STREAMED | laws("TOOLCALL 1 3 4 7"),
    ),
    "stream, two tools": (stream(*PARALLEL), STREAMED | laws("TOOLCALL 1-4 7")),
    "stream, tool cut by length": (
        stream(begin(), call(HEAD), call(more('{"ci')), end(reason="length")),
        STREAMED | laws("TOOLCALL 1-3 7"),
    ),
    "stream, k3 stops after a tool": (
        stream(
            *({**event, "model": "kimi-k3"} for event in [begin(), call(CALL), end()]),
            model="kimi-k3",
        ),
        STREAMED | laws("TOOLCALL 1 3 7"),
    ),
    "stream, moonshot-v1 trails": (
        stream(
            *(
                {**event, "model": "moonshot-v1-8k"}
                for event in [
                    begin(),
                    call(HEAD),
                    call(more('\n {"a":1}\n```')),
                    end(reason="tool_calls"),
                ]
            ),
            model="moonshot-v1-8k",
        ),
        STREAMED | laws("TOOLCALL 1-4 7"),
    ),
    "stream, CRLF": (
        rewritten(stream(*HELLO), lambda body: body.replace(b"\n", b"\r\n")),
        STREAMED,
    ),
    "stream, comments": (
        stream(b": keep-alive\n\n", *HELLO[:2], b":\n", *HELLO[2:], b"", done=True),
        STREAMED,
    ),
    "stream, comment at the end": (
        rewritten(stream(*HELLO), lambda body: body + b": bye"),
        STREAMED,
    ),
    "stream, no space": (
        rewritten(stream(*HELLO), lambda body: body.replace(b"data: ", b"data:")),
        STREAMED,
    ),
    "stream, byte order mark": (
        rewritten(stream(*HELLO), lambda body: b"\xef\xbb\xbf" + body),
        STREAMED,
    ),
    "stream, byte by byte": (rewritten(stream(*HELLO), bytes, size=1), STREAMED),
    "stream, gzip": (
        with_headers(
            rewritten(stream(*HELLO), gzip.compress, size=3), ("Content-Encoding", "gzip")
        ),
        STREAMED | laws("WIRE 9"),
    ),
    "error": (error(), ERROR),
    "error, more fields": (error(code=None, param="model"), ERROR),
    "error, unknown path": (exchange(NOT_FOUND, path="/v1/nothing", status=404), REFUSED),
    "error, gateway": (
        exchange(b"<html>", status=504, headers=(("Content-Type", "text/html"),)),
        laws("WIRE 1"),
    ),
    "error, of a stream": (
        with_request(error(), body=compact({**QUESTION, "stream": True})),
        ERROR,
    ),
    "error, quota in 2024": (error(403, type="exceeded_current_quota_error"), ERROR),
    "error, wait": (
        with_headers(error(429, type="rate_limit_reached_error"), ("Retry-After", "1")),
        ERROR | laws("WIRE 10"),
    ),
    "error, wait as recorded": (
        with_headers(
            error(429, type="rate_limit_reached_error"),
            ("Retry-After", "1"),
            ("X-Retry-After", "1"),
            ("Msh-Cooldown-Seconds", "1"),
        ),
        ERROR | laws("WIRE 10 11"),
    ),
    "error, wait until": (
        with_headers(
            error(503, type="server_unavailable"),
            ("Retry-After", "Wed, 30 Sep 2026 12:00:00 GMT"),
        ),
        ERROR | laws("WIRE 10"),
    ),
    "models": (models(), LISTED),
    "models, of 2024": (
        listing({"data": [{**MODEL, "permission": []}]}),
        LISTED - laws("MODELS 5"),
    ),
    "models, none": (
        listing({"object": "list", "data": []}),
        JSON_OK | laws("MODELS 1 5"),
    ),
    "cache": (cache("POST", STORED), laws("WIRE 1 3 4", "CACHING 1-3")),
    "cache, failed": (
        cache("GET", {**STORED, "status": "error", "error": {"type": "t", "message": "m"}}),
        laws("WIRE 1 3 4", "CACHING 1-4"),
    ),
    "cache, deleted": (cache("DELETE", DELETED), laws("WIRE 1 3 4", "CACHING 5")),
    "cache, list": (
        exchange({"object": "list", "data": [STORED]}, path="/v1/caching", method="GET"),
        laws("WIRE 1 3 4", "CACHING 1-3"),
    ),
    "file, taken": (file("POST", FILE), JSON_OK | laws("FILES 1")),
    "file, read": (file("GET", {**FILE, "more": 1}), JSON_OK | laws("FILES 1")),
    "file, deleted": (file("DELETE", FILE_GONE), JSON_OK | laws("FILES 2")),
    "files": (files({"object": "list", "data": [FILE]}), JSON_OK | laws("FILES 1")),
    "batch": (batch("POST", BATCH), laws("WIRE 1 3 4", "BATCHES 1 2")),
    "batch, uncounted": (
        batch("POST", {**BATCH, "request_counts": None}, "/b1/cancel"),
        laws("WIRE 1 3 4", "BATCHES 1"),
    ),
    "batches": (
        batch("GET", {"object": "list", "data": [BATCH], "has_more": False}),
        laws("WIRE 1 3 4", "BATCHES 1-3"),
    ),
    "batch, an error": (batch("GET", {"error": {}}, "/b1"), laws("WIRE 1 3 4")),
    "batches, an error": (batch("GET", {"error": {}}), laws("WIRE 1 3 4")),
    "message, elsewhere": (exchange(MESSAGE, path="/v1/other"), JSON_OK),
    "message, not asked for": (
        exchange(MESSAGE, path="/anthropic/v1/messages", method="GET"),
        laws("WIRE 1"),
    ),
    "messages, refused": (
        replace(
            messages(*MESSAGE_EVENTS),
            answer=replace(messages(*MESSAGE_EVENTS).answer, status=400),
        ),
        laws("WIRE 1"),
    ),
    "message": (message(MESSAGE), laws("WIRE 1", "MESSAGES 1 2")),
    "messages": (messages(*MESSAGE_EVENTS), laws("WIRE 1", "MESSAGES 1-3")),
    "message, refused": (
        refused({"type": "invalid_request_error", "message": "no"}),
        laws("WIRE 1", "MESSAGES 4"),
    ),
    "messages, broken off": (
        messages(*MESSAGE_EVENTS[:4], {"type": "error", "error": {"type": "overloaded_error"}}),
        laws("WIRE 1", "MESSAGES 1-3"),
    ),
    "cache, tag": (
        exchange({"tag": "t", "cache_id": "c"}, path="/v1/caching/refs/tags/t", method="GET"),
        laws("WIRE 1 3 4"),
    ),
    "file": (
        exchange(
            b"a,b",
            path="/v1/files/f/content",
            method="GET",
            headers=(("Content-Type", "text/csv"),),
        ),
        laws("WIRE 1"),
    ),
    "HEAD": (
        with_headers(exchange(b"", path="/v1/models", method="HEAD"), ("Content-Length", "9")),
        laws("WIRE 1"),
    ),
    "a length with zeros before": (
        with_headers(
            completion("choices.0.message.content", "Hello 月.."), ("Content-Length", "0280")
        ),
        JSON_OK | laws("WIRE 2", "CHAT 1-9", "USAGE 1-2", "TOOLCALL 5"),
    ),
    "nothing, of that length": (
        with_headers(exchange(b"", path="/", method="GET"), ("Content-Length", "000")),
        laws("WIRE 1 2"),
    ),
    "stream, charset": (
        replace(
            stream(*HELLO),
            answer=replace(
                stream(*HELLO).answer,
                headers=((KIND, 'text/event-stream; a=b; Charset="UTF-8"'),),
            ),
        ),
        STREAMED,
    ),
    "created at the first second": (
        completion("created", 1),
        JSON_OK | laws("CHAT 1-9", "USAGE 1-2", "TOOLCALL 5"),
    ),
    "stream, created at the first second": (
        stream(edited(begin(), "created", 1), edited(end(), "created", 1)),
        STREAMED,
    ),
    "nothing but thoughts": (
        completion("usage.completion_tokens_details", {"reasoning_tokens": 5}),
        JSON_OK | laws("CHAT 1-9", "USAGE 1-2", "USAGE 4", "TOOLCALL 5"),
    ),
    "a window of one token": (
        models({**MODEL, "context_length": 1}),
        JSON_OK | laws("MODELS 1-6"),
    ),
    "moved": (
        exchange({}, path="/v1/models", method="GET", status=302),
        laws("WIRE 1 3 4"),
    ),
    "elsewhere": (exchange(b"<html>", path="/", method="GET", headers=()), laws("WIRE 1")),
    "stream, the client left": (
        stream(begin(), say("Hel"), done=False, ending=Ending.ABANDONED),
        laws("SSE 1-3 8-15 17", "CHAT 8"),
    ),
    "raw": (exchange(b"HTTP/1.1 200 OK\r\n\r\n", sent=QUESTION, raw=True), laws("WIRE 1")),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_answer_breaks_no_law_and_meets_those_expected(name: str) -> None:
    good, expected = GOOD[name]

    findings = judge(good, Plane.ENDPOINT)

    assert {finding.law: finding.violations for finding in findings if finding.violations} == {}
    assert {finding.law for finding in findings if finding.applied} == expected


SENT = laws("SENT 1-7")
LOOKS = laws("SENT 3-5")

GOOD_REQUESTS: Mapping[str, tuple[Exchange, set[str]]] = {
    "chat": (asks(), SENT),
    "charset": (
        with_request(asks(), headers=(SENDS[0], (KIND, "application/json; charset=UTF-8"))),
        SENT,
    ),
    "root": (with_request(models(), path="/"), LOOKS),
    "no key": (with_request(asks(), headers=SENDS[1:]), SENT - laws("SENT 3")),
    "list": (models(), LOOKS),
    "upload": (exchange({}, path="/v1/files", sent="--boundary"), LOOKS),
    "cancel": (exchange({}, path="/v1/batches/b/cancel"), LOOKS),
    "tools": (
        conversation(CALLED, ANSWERED, {"role": "user", "content": "?"}),
        SENT | laws("SENT 9"),
    ),
    "tools, defined in between": (
        conversation(CALLED, {"role": "system", "tools": []}, ANSWERED),
        SENT | laws("SENT 9"),
    ),
    "tools, of a cache": (
        asks(messages=[{"role": "cache", "content": "tag=t"}, ANSWERED]),
        SENT | laws("SENT 9"),
    ),
    "cache by header": (
        with_request(asks(), headers=(*SENDS, ("X-Msh-Context-Cache", "cache-1"))),
        SENT | laws("SENT 8"),
    ),
    "latin-1 in a header": (
        with_request(
            asks(), headers=(*SENDS, ("User-Agent", "\xa0caf\xe9\xff\t\udca0\udce9\udcff"))
        ),
        SENT,
    ),
}


@pytest.mark.parametrize("name", GOOD_REQUESTS)
def test_a_good_request_breaks_no_law_and_meets_those_expected(name: str) -> None:
    good, expected = GOOD_REQUESTS[name]

    findings = judge(good, Plane.ADAPTER)

    assert {finding.law: finding.violations for finding in findings if finding.violations} == {}
    assert {finding.law for finding in findings if finding.applied} == expected


# --- Bad exchanges: the laws that speak up, and nobody else does.

AUTHORIZATION = "Authorization"


def keyed(*values: str) -> Exchange:
    keys = tuple((AUTHORIZATION, value) for value in values)
    return with_request(asks(), headers=(SENDS[1], *keys))


def headed(*values: str) -> Exchange:
    return with_request(asks(), headers=(*SENDS, *((f"X-{n}", v) for n, v in enumerate(values))))


def calling(path: str, new: Any) -> Exchange:
    return completion(f"choices.0.message.tool_calls.0.{path}", new, of=CALLING)


def coded(encode: Callable[[bytes], bytes]) -> Exchange:
    return with_headers(rewritten(models(), encode), ("Content-Encoding", "gzip"))


def half_a_moon(body: bytes) -> bytes:
    return body.replace("月".encode(), b"\xe6")


def saving(tokens: str) -> Exchange:
    return with_headers(usage("cached_tokens", 4), ("Msh-Context-Cache-Token-Saved", tokens))


def waiting(standard: str | None, own: str, cooldown: str) -> Exchange:
    told = {"Retry-After": standard, "X-Retry-After": own, "Msh-Cooldown-Seconds": cooldown}
    headers = [(name, value) for name, value in told.items() if value is not None]
    return with_headers(error(429, type="rate_limit_reached_error"), *headers)


def usage(name: str, value: Any) -> Exchange:
    return completion("usage", {**USAGE, name: value})


def retyped(source: Exchange, content_type: str) -> Exchange:
    answer = replace(source.answer, headers=(("Content-Type", content_type),))
    return replace(source, answer=answer)


HEADLESS = edited(TWO, "choices.0.message", None)
THINKS = {**USAGE, "completion_tokens_details": {"reasoning_tokens": 6}}
PAGE = {"object": "list", "data": [], "has_more": False}
UNCOUNTED = {**BATCH, "request_counts": None}
MISCOUNTED = edited(BATCH, "request_counts.failed", 9)
MISPLACED = ({**MESSAGE_EVENTS[3], "index": None}, {**MESSAGE_EVENTS[3], "index": 7})
IDLESS = edited(say("a"), "id", ...)
NOTHING = "CHAT-001 CHAT-002 CHAT-003 CHAT-004 CHAT-008 CHAT-009"
LESS = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}

BAD: Sequence[tuple[str, str, Exchange]] = [
    ("WIRE-001", "cut", rewritten(stream(*HELLO, ending=Ending.CUT), lambda body: body[:-30])),
    ("WIRE-001", "reset", exchange(b'{"id', sent=QUESTION, ending=Ending.RESET)),
    ("WIRE-001", "stalled", stream(begin(), done=False, ending=Ending.STALLED)),
    ("WIRE-001", "raw cut", exchange(b"HTTP/1.1 2", raw=True, ending=Ending.CUT)),
    ("WIRE-002", "too long", with_headers(completion(), ("Content-Length", "3"))),
    ("WIRE-002", "no number", with_headers(completion(), ("Content-Length", "many"))),
    ("WIRE-003", "text", retyped(completion(), "text/plain")),
    ("WIRE-003", "none", exchange(ANSWER, sent=QUESTION, headers=())),
    ("WIRE-003", "charset", retyped(completion(), "application/json; charset=gbk")),
    ("WIRE-003", "error page", retyped(error(), "text/html")),
    ("WIRE-003 WIRE-004", "a stream unasked", retyped(exchange(b"data: x\n\n"), EVENTS[0][1])),
    ("WIRE-004", "broken", exchange(b'{"id":', sent=QUESTION)),
    ("WIRE-004", "empty", exchange(b"", sent=QUESTION)),
    ("WIRE-004", "latin-1", exchange(b'{"caf\xe9":1}', sent=QUESTION)),
    ("WIRE-004", "utf-16", exchange('{"a":1}'.encode("utf-16"), sent=QUESTION)),
    ("WIRE-004", "byte order mark", rewritten(completion(), lambda body: b"\xef\xbb\xbf" + body)),
    ("WIRE-004", "NaN", exchange(b'{"created":NaN}', sent=QUESTION)),
    ("WIRE-004", "too deep", exchange(b"[" * 100_000, sent=QUESTION)),
    ("WIRE-005", "empty object", exchange({}, sent=QUESTION, status=500)),
    ("WIRE-005", "array", exchange([], sent=QUESTION, status=500)),
    ("WIRE-005", "text", exchange({"error": "no"}, sent=QUESTION, status=400)),
    ("WIRE-005", "no message", error(401, "error.message", ...)),
    ("WIRE-005", "empty message", error(message="")),
    ("WIRE-005", "no type", error(401, "error.type", ...)),
    ("WIRE-005", "unknown path as 400", exchange(NOT_FOUND, path="/v1/nothing", status=400)),
    ("WIRE-006", "error in models", listing({"data": [], "error": {"type": "x"}})),
    ("WIRE-006", "error in chat", completion("error", {"message": "overloaded"})),
    ("WIRE-007", "200 words for 500", error(500)),
    ("WIRE-007", "retry", error(503, type="rate_limit_reached_error")),
    ("WIRE-008", "OpenAI's type", error(500, type="internal_error")),
    ("WIRE-009", "not gzip", coded(bytes)),
    ("WIRE-009", "half gzip", coded(lambda body: gzip.compress(body)[:-4])),
    ("WIRE-010", "soon", with_headers(error(), ("Retry-After", "soon"))),
    ("WIRE-010", "negative", with_headers(error(), ("Retry-After", "-1"))),
    ("WIRE-011", "no number", waiting("1", "soon", "1")),
    ("WIRE-011", "own at odds", waiting(None, "1", "2")),
    ("WIRE-011", "longer than the standard's", waiting("1", "2", "2")),
    ("SSE-001", "JSON instead", retyped(stream(*HELLO), "application/json")),
    ("SSE-001", "text", retyped(stream(*HELLO), "text/plain")),
    ("SSE-001", "whole answer instead", exchange(ANSWER, sent={**QUESTION, "stream": True})),
    ("SSE-002", "comment", stream(b": \xff\n\n", *HELLO)),
    ("SSE-002", "payload", rewritten(stream(*HELLO), half_a_moon)),
    ("SSE-003", "event", stream(b"event: message\n", *HELLO)),
    ("SSE-003", "id", stream(b"id: 1\n", *HELLO)),
    ("SSE-003", "bare JSON", stream(b"{}\n\n", *HELLO)),
    ("SSE-004 SSE-016", "no reason", stream(begin(), say("a"))),
    ("SSE-004 CHAT-009", "no choice", stream(COUNTED)),
    ("SSE-004 SSE-005 CHAT-009", "empty", stream(done=False)),
    ("SSE-005", "not done", stream(*HELLO, done=False)),
    ("SSE-006", "done twice", stream(*HELLO, "[DONE]")),
    ("SSE-006", "goes on", stream(*HELLO, "[DONE]", COUNTED, done=False)),
    ("SSE-005 SSE-007", "no blank line", rewritten(stream(*HELLO), lambda body: body[:-1])),
    ("SSE-007", "half a line more", rewritten(stream(*HELLO), lambda body: body + b"data: x")),
    ("SSE-008", "no JSON", stream(begin(), "{", end())),
    ("SSE-008", "empty", stream(begin(), b"data:\n\n", end())),
    ("SSE-008", "array", stream(begin(), "[]", end())),
    ("SSE-008", "done in another case", stream(*HELLO, "[done]")),
    ("SSE-009", "whole", stream(begin(), edited(say("a"), "object", "chat.completion"), end())),
    ("SSE-009", "none", stream(begin(), edited(say("a"), "object", ...), end())),
    ("SSE-010", "changes", stream(begin(), edited(say("a"), "id", "chatcmpl-2"), end())),
    ("SSE-010", "none", stream(begin(), edited(say("a"), "id", ...), end())),
    ("SSE-010", "none, then another", stream(begin(), IDLESS, edited(say("b"), "id", "x"), end())),
    ("SSE-011", "changes", stream(begin(), edited(say("a"), "model", "gpt-4"), end())),
    ("SSE-011", "empty", stream(begin(), edited(say("a"), "model", ""), end())),
    ("SSE-012", "changes", stream(begin(), edited(say("a"), "created", 5), end())),
    ("SSE-012", "zero", stream(begin(), edited(say("a"), "created", 0), end())),
    ("SSE-013", "no choices", stream(begin(), edited(say("a"), "choices", ...), end())),
    ("SSE-013", "no index", stream(begin(), edited(say("a"), "choices.0.index", ...), end())),
    ("SSE-013", "no delta", stream(begin(), edited(say("a"), "choices.0.delta", None), end())),
    ("SSE-013", "number", stream(begin(), chunk(piece(content=7)), end())),
    ("SSE-013", "error frame", stream(begin(), edited(say("a"), "choices.0", "x"), end())),
    ("SSE-014", "none", stream(say("a"), end())),
    ("SSE-014", "late", stream(say("a"), begin(), end())),
    ("SSE-014", "changes", stream(begin(), chunk(piece(role="user")), end())),
    ("SSE-015", "twice", stream(begin(), end(), end())),
    ("SSE-015 SSE-004", "goes on", stream(begin(), end(), say("a"))),
    ("SSE-016", "one of two", stream(begin(0), begin(1), end(1), n=2)),
    ("SSE-017", "eos", stream(begin(), end(reason="eos"))),
    ("CHAT-001", "chunk", completion("object", "chat.completion.chunk")),
    ("CHAT-002", "empty", completion("id", "")),
    ("CHAT-002", "none", completion("id", ...)),
    ("CHAT-003", "text", completion("created", "1790000000")),
    ("CHAT-003", "true", completion("created", True)),
    ("CHAT-004 CHAT-009", "none", completion("choices", [])),
    ("CHAT-004", "from one", completion("choices.0.index", 1)),
    ("CHAT-004", "same index", completion("choices.1.index", 0, of=TWO, n=2)),
    ("CHAT-005", "user", completion("choices.0.message.role", "user")),
    ("CHAT-005", "no message", completion("choices.0.message", ...)),
    ("CHAT-006", "none", completion("choices.0.message.content", ...)),
    ("CHAT-006", "parts", completion("choices.0.message.content", [{"type": "text"}])),
    ("CHAT-006", "reasoning", completion("choices.0.message.reasoning_content", 1)),
    ("CHAT-007", "null", completion("choices.0.finish_reason", None)),
    ("CHAT-007", "function_call", completion("choices.0.finish_reason", "function_call")),
    ("CHAT-008", "other", completion("model", "kimi-k3")),
    ("CHAT-008", "other in a stream", stream(*HELLO, model="kimi-k3")),
    ("CHAT-009", "too few", completion(n=2)),
    ("CHAT-009", "too many", stream(*INTERLEAVED)),
    ("CHAT-009", "index", stream(begin(1), end(1))),
    (NOTHING, "empty object", exchange({}, sent=QUESTION)),
    (NOTHING, "array", exchange([], sent=QUESTION)),
    ("USAGE-001", "no total", completion("usage.total_tokens", ...)),
    ("USAGE-001", "text", usage("prompt_tokens", "8")),
    ("USAGE-001", "negative", usage("completion_tokens", -1)),
    ("USAGE-001", "no object", completion("usage", 13)),
    ("USAGE-002", "sum", usage("total_tokens", 12)),
    ("USAGE-002", "sum in a stream", stream(begin(), end(usage={**USAGE, "total_tokens": 0}))),
    ("USAGE-003", "too many", usage("cached_tokens", 9)),
    ("USAGE-003", "text", usage("prompt_tokens_details", {"cached_tokens": "4"})),
    ("USAGE-003", "differ", completion("usage", {**USAGE, **DETAILS, "cached_tokens": 3})),
    ("USAGE-004", "too many", usage("completion_tokens_details", {"reasoning_tokens": 6})),
    ("USAGE-004", "negative", usage("completion_tokens_details", {"reasoning_tokens": -6})),
    ("USAGE-005", "ordinary chunk", stream(begin(), {**say("a"), "usage": USAGE}, end(usage=None))),
    ("USAGE-005", "ordinary choice", stream(begin(), chunk(piece(usage=USAGE)), end(usage=None))),
    ("USAGE-006", "differ", stream(begin(), end(usage=LESS), COUNTED)),
    ("USAGE-007", "none", stream(*HELLO, **INCLUDED)),
    ("USAGE-007", "twice", stream(*HELLO, COUNTED, COUNTED, **INCLUDED)),
    ("USAGE-007", "early", stream(COUNTED, *HELLO, **INCLUDED)),
    ("USAGE-007", "null", stream(*HELLO, chunk(usage=None), **INCLUDED)),
    ("USAGE-008", "other", saving("8")),
    ("TOOLCALL-001", "no id", calls(edited(CALL, "id", ...))),
    ("TOOLCALL-001", "type", calls(edited(CALL, "type", "tool"))),
    ("TOOLCALL-001", "no name", calls(edited(CALL, "function.name", ""))),
    ("TOOLCALL-002", "id again", calls(HEAD, more("{}", id="get_weather_0"))),
    ("TOOLCALL-002", "no arguments", calls(CALL, {"index": 0, "function": {}})),
    ("TOOLCALL-003", "from one", calls({**CALL, "index": 1})),
    ("TOOLCALL-003", "gap", calls(CALL, {**CALL, "index": 2, "id": "b"})),
    ("TOOLCALL-003 TOOLCALL-005", "none", calls(edited(CALL, "index", ...))),
    ("TOOLCALL-004", "cut", calls(HEAD, more('{"a'))),
    ("TOOLCALL-004", "empty", calls(HEAD)),
    ("TOOLCALL-004", "array", calling("function.arguments", "[]")),
    ("TOOLCALL-004", "trails", calling("function.arguments", "{} ```")),
    ("TOOLCALL-005", "no call", completion("choices.0.finish_reason", "tool_calls")),
    ("TOOLCALL-005", "no call in a stream", stream(begin(), say("a"), end(reason="tool_calls"))),
    ("TOOLCALL-005", "stop", completion("choices.0.finish_reason", "stop", of=CALLING)),
    ("TOOLCALL-006", "no id", calling("id", ...)),
    ("TOOLCALL-006", "type", calling("type", "tool")),
    ("TOOLCALL-006", "no name", calling("function.name", None)),
    ("TOOLCALL-006 TOOLCALL-004", "object", calling("function.arguments", {"a": 1})),
    ("TOOLCALL-007", "twice", completion("choices.0.message.tool_calls", [CALL, CALL], of=CALLING)),
    ("TOOLCALL-007", "twice in a stream", calls(CALL, {**CALL, "index": 1})),
    ("MODELS-001", "no data", listing({"object": "list"})),
    ("MODELS-001", "array", listing([])),
    ("MODELS-001 MODELS-002 MODELS-004", "ids", models("kimi-k2.6")),
    ("MODELS-002", "empty", models(edited(MODEL, "id", ""))),
    ("MODELS-003", "twice", models(MODEL, MODEL)),
    ("MODELS-004", "none", models(edited(MODEL, "object", ...))),
    ("MODELS-005", "other", models(object="models")),
    ("MODELS-006", "window", models({**MODEL, "context_length": "262144"})),
    ("MODELS-006", "flag", models({**MODEL, "supports_reasoning": "yes"})),
    ("CACHING-001", "other", cache("POST", {**STORED, "object": "cache"})),
    ("CACHING-002", "none", cache("GET", edited(STORED, "id", ...))),
    ("CACHING-003", "other", cache("PUT", {**STORED, "status": "done"})),
    ("CACHING-004", "silent", cache("GET", {**STORED, "status": "error"})),
    ("CACHING-005", "other", cache("DELETE", {**DELETED, "id": "cache-2"})),
    ("CACHING-005", "no object", cache("DELETE", {})),
    ("FILES-001", "object", file("GET", {**FILE, "object": "document"})),
    ("FILES-001", "no id", file("POST", edited(FILE, "id", ...))),
    ("FILES-001", "bytes", files({"data": [{**FILE, "bytes": -1}]})),
    ("FILES-001", "name", file("GET", {**FILE, "filename": None})),
    ("FILES-001", "time", file("GET", {**FILE, "created_at": "now"})),
    ("FILES-002", "other", file("DELETE", {**FILE_GONE, "id": "f2"})),
    ("FILES-002", "mute", file("DELETE", {})),
    ("BATCHES-001", "status", batch("GET", {**BATCH, "status": "done"}, "/b1")),
    ("BATCHES-001", "endpoint", batch("POST", edited(BATCH, "endpoint", ...))),
    ("BATCHES-001", "time", batch("POST", {**BATCH, "failed_at": "never"})),
    ("BATCHES-001", "no time", batch("POST", {**BATCH, "created_at": None})),
    ("BATCHES-002", "text", batch("POST", edited(BATCH, "request_counts.total", "3"))),
    ("BATCHES-002", "too many", batch("POST", edited(BATCH, "request_counts.failed", 2))),
    ("BATCHES-003", "object", batch("GET", {"data": [], "has_more": False})),
    ("BATCHES-003", "data", batch("GET", {"object": "list", "data": {}, "has_more": False})),
    ("BATCHES-003", "more", batch("GET", {"object": "list", "data": [], "has_more": "no"})),
    ("MESSAGES-001", "model", message({**MESSAGE, "model": "kimi-k2.6"})),
    ("MESSAGES-001", "role", message({**MESSAGE, "role": "user"})),
    ("MESSAGES-001", "no id", message(edited(MESSAGE, "id", ...))),
    ("MESSAGES-001", "content", message({**MESSAGE, "content": "hi"})),
    ("MESSAGES-001", "block", message({**MESSAGE, "content": [{"text": "hi"}]})),
    ("MESSAGES-001", "input", message(edited(MESSAGE, "content.2.input", "{}"))),
    ("MESSAGES-001", "reason", message({**MESSAGE, "stop_reason": "stop"})),
    ("MESSAGES-001", "streamed model", event(0, "message.model", "other")),
    ("MESSAGES-001", "streamed reason", event(5, "delta.stop_reason", None)),
    ("MESSAGES-002", "text", message(edited(MESSAGE, "usage.output_tokens", "2"))),
    ("MESSAGES-002", "none", message({**MESSAGE, "usage": None})),
    ("MESSAGES-002", "cached", message(edited(MESSAGE, "usage.cache_read_input_tokens", -1))),
    ("MESSAGES-002", "streamed", event(5, "usage.output_tokens", None)),
    ("MESSAGES-003", "index", event(3, "index", -1)),
    ("MESSAGES-003", "not started", event(3, "index", 1)),
    ("MESSAGES-003", "untyped", event(2, "content_block.type", ...)),
    ("MESSAGES-003", "no text", event(3, "delta.text", ["hi"])),
    ("MESSAGES-003", "no end", messages(*MESSAGE_EVENTS[:-1])),
    ("MESSAGES-003", "no beginning", messages(*MESSAGE_EVENTS[1:])),
    ("MESSAGES-003", "open", messages(*MESSAGE_EVENTS[:4], *MESSAGE_EVENTS[5:])),
    ("WIRE-005", "a batch", exchange(BATCH, path="/v1/batches/b1", method="GET", status=400)),
    ("WIRE-005", "a file", exchange(FILE, path="/v1/files/f1", method="GET", status=400)),
    ("WIRE-006", "of a file", file("GET", {**FILE, "error": {"type": "x"}})),
    ("WIRE-006", "of a file that goes", file("DELETE", {**FILE_GONE, "error": {"type": "x"}})),
    ("FILES-001", "all of it", file("GET", {**FILE, "id": 5, "filename": 5})),
    ("BATCHES-001", "all of it", batch("POST", {**BATCH, "object": "b", "created_at": "now"})),
    ("BATCHES-001", "number", batch("POST", {**BATCH, "input_file_id": 5})),
    ("BATCHES-002", "in the second", batch("GET", {**PAGE, "data": [UNCOUNTED, MISCOUNTED]})),
    ("BATCHES-003", "other", batch("GET", {**PAGE, "object": "page"})),
    ("MESSAGES-001", "id", message({**MESSAGE, "id": 5})),
    ("MESSAGES-001", "type", message({**MESSAGE, "content": [{"type": 5}]})),
    ("MESSAGES-001", "other streamed reason", event(5, "delta.stop_reason", "stop")),
    ("MESSAGES-002", "not streamed", event(5, "usage.output_tokens", ...)),
    ("MESSAGES-002", "as it begins", event(0, "message.usage.input_tokens", "2")),
    ("MESSAGES-003", "two", messages(*MESSAGE_EVENTS[:3], *MISPLACED, *MESSAGE_EVENTS[4:])),
    ("MESSAGES-004", "number", refused({"type": 5, "message": "no"})),
    ("MESSAGES-004", "untyped", refused({"message": "no"})),
    ("MESSAGES-004", "mute", refused({"type": "invalid_request_error"})),
    ("MESSAGES-004", "text", refused("no")),
    ("SENT-006 SENT-007", "no names", asks(of={})),
    ("SENT-001", "no JSON", with_request(asks(), body=b"model=kimi")),
    ("SENT-001", "latin-1", with_request(asks(), body=b'{"caf\xe9":1}')),
    ("SENT-001", "nothing", with_request(asks(), body=b"")),
    ("SENT-002", "form", with_request(asks(), headers=(SENDS[0], ("Content-Type", "text/plain")))),
    ("SENT-002", "none", with_request(asks(), headers=SENDS[:1])),
    ("SENT-003", "no scheme", keyed("sk-placeholder")),
    ("SENT-003", "empty", keyed("Bearer ")),
    ("SENT-003", "None", keyed("Bearer a b")),
    ("SENT-003", "case", keyed("bearer sk-placeholder")),
    ("SENT-003", "space", keyed("Bearer  sk-placeholder")),
    ("SENT-003", "twice", keyed("Bearer a", "Bearer a")),
    ("SENT-003 SENT-004", "line", keyed("Bearer a\n")),
    ("SENT-003 SENT-004", "Chinese", keyed("Bearer 月")),
    ("SENT-004", "control", with_request(asks(), headers=(*SENDS, ("X-Name", "a\x00")))),
    ("SENT-005", "double", with_request(models(), path="/v1//models")),
    ("SENT-005", "at the end", with_request(models(), path="/v1/models/")),
    ("SENT-005", "relative", with_request(models(), path="v1/models")),
    ("SENT-006", "none", asks("model", ...)),
    ("SENT-006", "empty", asks(model="")),
    ("SENT-007", "none", asks("messages", ...)),
    ("SENT-007", "empty", asks(messages=[])),
    ("SENT-007", "role", asks("messages.0.role", "developer")),
    ("SENT-007", "text", asks(messages=["hi"])),
    ("SENT-008", "models", with_request(models(), headers=(("x-msh-context-cache", "c"),))),
    ("SENT-009", "none", conversation(CALLED)),
    ("SENT-009", "late", conversation(CALLED, {"role": "user", "content": "?"}, ANSWERED)),
    ("SENT-009", "other", conversation(CALLED, {**ANSWERED, "tool_call_id": "b"}, ANSWERED)),
    ("SENT-009", "twice", conversation(CALLED, ANSWERED, ANSWERED)),
    ("SENT-009", "no call", conversation(ANSWERED)),
    ("SENT-009", "answers at once", asks(messages=[ANSWERED])),
    ("SENT-001", "put", with_request(cache("PUT", STORED), body=b"x")),
    ("SENT-001", "patch", with_request(exchange({}, method="PATCH"), path="/v1/x", body=b"x")),
    ("SENT-002", "charset", with_request(asks(), headers=(SENDS[0], (KIND, GBK)))),
    ("SENT-004", "several", headed("\x7f", "\x9f", "\u0100", "\udc9f", "\udd00", "\x1f")),
    ("SENT-005", "begins with two", with_request(models(), path="//v1/models")),
    ("WIRE-005", "type", error(401, "error.type", 5)),
    ("WIRE-007", "two statuses", error(400, type="exceeded_current_quota_error")),
    ("SSE-007", "an event more", rewritten(stream(*HELLO), lambda body: body + b"data: x\n")),
    ("SSE-013", "index", stream(begin(), edited(say("a"), "choices.0.index", "0"), end())),
    ("SSE-013", "delta", stream(begin(), edited(say("a"), "choices.0.delta", "a"), end())),
    ("SSE-013", "reasoning", stream(begin(), chunk(piece(reasoning_content=7)), end())),
    ("SSE-013", "calls", stream(begin(), chunk(piece(tool_calls={"index": 0})), end())),
    ("SSE-014", "user", stream(chunk(piece(role="user")), say("a"), end())),
    ("USAGE-002", "in a choice", completion("choices.0.usage", {**USAGE, "total_tokens": 1})),
    ("USAGE-007", "before the end", stream(begin(), say("a"), COUNTED, end(), **INCLUDED)),
    ("CACHING-002", "number", cache("GET", {**STORED, "id": 5})),
    ("CACHING-004", "words", cache("GET", {**STORED, "status": "error", "error": "no"})),
    ("CHAT-003", "zero", completion("created", 0)),
    ("CHAT-006 CHAT-005", "second", completion("choices.1.message.content", 5, of=HEADLESS, n=2)),
    ("SSE-003", "at the end", rewritten(stream(*HELLO), lambda body: body + b"id: 1\n")),
    ("SSE-003", "at the end, by CR", rewritten(stream(*HELLO), lambda body: body + b"id: 1\r")),
    ("SSE-007", "half a foreign line", rewritten(stream(*HELLO), lambda body: body + b"id: 1")),
    ("SSE-007", "nothing", rewritten(stream(*HELLO), lambda body: body + b"data:\n")),
    ("SSE-013", "no array", stream(begin(), edited(say("a"), "choices", {}), end())),
    ("MODELS-001", "an object", listing({"object": "list", "data": {}})),
    ("MODELS-004", "other", models(edited(MODEL, "object", "thing"))),
    ("MODELS-006", "no window", models({**MODEL, "context_length": 0})),
    ("TOOLCALL-001", "id", calls(edited(CALL, "id", 5))),
    ("TOOLCALL-002", "all again", calls(HEAD, more("{}", type="function"))),
    ("TOOLCALL-002", "name again", calls(HEAD, edited(more("{}"), "function.name", "f"))),
    ("TOOLCALL-002", "number", calls(CALL, {"index": 0, "function": {"arguments": 5}})),
    ("TOOLCALL-003 TOOLCALL-005", "text", calls(edited(CALL, "index", "0"))),
    ("USAGE-004", "in the second", completion("choices.0.usage", THINKS)),
    ("SSE-004 CHAT-009", "nothing but a usage", stream(COUNTED, **INCLUDED)),
    ("USAGE-008", "empty", saving("")),
    ("SSE-001", "charset", retyped(stream(*HELLO), "text/event-stream; charset=gbk")),
    ("WIRE-003 WIRE-004", "of a file", exchange(b"a,b", path="/v1/files/f", headers=CSV)),
    ("WIRE-003 WIRE-004", "no file", exchange(b"a,b", path="/v1/x/content", headers=CSV)),
    ("CHAT-005", "n is 0", completion("choices.0.message", ..., n=0)),
    ("CHAT-005", "n is true", completion("choices.0.message", ..., n=True)),
    ("CHAT-005", "n is 1", completion("choices.0.message", ..., n=1)),
    ("CHAT-005", "n is a text", completion("choices.0.message", ..., n="1")),
    ("CACHING-001 CACHING-002 CACHING-003", "nothing", cache("GET", [])),
    ("WIRE-004", "a page", cache("GET", b"<html>")),
    ("WIRE-010", "empty", with_headers(error(), ("Retry-After", ""))),
    ("CACHING-005", "not deleted", cache("DELETE", {**DELETED, "deleted": False})),
]  # fmt: skip


@pytest.mark.parametrize(
    ("broken", "bad"), [pytest.param(law, bad, id=f"{law}: {name}") for law, name, bad in BAD]
)
def test_a_bad_exchange_breaks_only_the_laws_named(broken: str, bad: Exchange) -> None:
    plane = Plane.ADAPTER if broken.startswith("SENT") else Plane.ENDPOINT

    speaking = {finding.law for finding in judge(bad, plane) if finding.violations}

    assert speaking == set(broken.split())


def findings(of: Exchange) -> list[Finding]:
    return [*judge(of, Plane.ADAPTER), *judge(of, Plane.ENDPOINT)]


def test_what_the_laws_say_is_what_is_written_down() -> None:
    """What judged each bad exchange and said what; after a change that is meant, write it anew:

    KIMI_WRITE_GOLDEN=1 python -m pytest tests/wire/test_validators.py
    """
    said = {
        f"{broken}: {name}": {
            "judged by": " ".join(finding.law for finding in findings(bad) if finding.applied),
            **{each.law: list(each.violations) for each in findings(bad) if each.violations},
        }
        for broken, name, bad in BAD
    }
    if os.environ.get("KIMI_WRITE_GOLDEN"):
        SAID.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", "utf-8")

    assert said == json.loads(SAID.read_text("utf-8"))


def test_every_law_is_shown_to_speak() -> None:
    """SSE-004 alone is broken by nothing: the choice of that chunk has not ended either."""
    first = {broken.split()[0] for broken, _, _ in BAD}

    assert {law.id for law in LAWS} == first


def test_the_laws_are_the_requirements_of_the_wire() -> None:
    entries = tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))["requirement"]

    assert [law.id for law in LAWS] == [entry["id"] for entry in entries]
    assert [law.plane for law in LAWS] == [Plane(entry["plane"]) for entry in entries]


def test_a_law_asked_alone_says_what_the_judge_says() -> None:
    bad = completion("object", "text_completion")
    law = next(law for law in LAWS if law.id == "CHAT-001")

    assert law.applies(bad)
    assert law.violations(bad) == ("object is 'text_completion'",)
    assert law.violations(models()) == ()


def test_a_law_that_has_nothing_to_judge_says_so() -> None:
    found = {each.law: each for each in judge(models(), Plane.ENDPOINT)}

    assert found["SSE-001"] == Finding(law="SSE-001", applied=False)
    assert found["MODELS-001"] == Finding(law="MODELS-001", applied=True)


def test_as_many_violations_as_are_named_are_all_named() -> None:
    bad = stream(begin(), *["{"] * MOST_VIOLATIONS, end())

    (finding,) = [finding for finding in judge(bad, Plane.ENDPOINT) if finding.violations]

    assert len(finding.violations) == MOST_VIOLATIONS
    assert finding.violations[-1].startswith(f"event {MOST_VIOLATIONS + 1} is")


def test_a_law_names_only_so_many_violations() -> None:
    bad = stream(begin(), *["{"] * 1000, end())

    (finding,) = [finding for finding in judge(bad, Plane.ENDPOINT) if finding.violations]

    assert len(finding.violations) == MOST_VIOLATIONS + 1
    assert finding.violations[-1].startswith("and more")


def test_no_key_is_told() -> None:
    findings = judge(keyed("Token sk-secret"), Plane.ADAPTER)

    assert "sk-secret" not in str(findings)


@settings(deadline=None)
@given(st.sampled_from(sorted(GOOD)), st.lists(st.integers(min_value=0), max_size=8))
def test_any_cut_of_the_body_gets_the_same_judgement(name: str, places: list[int]) -> None:
    good, _ = GOOD[name]
    body = good.answer.body
    bounds = [0, *sorted(place % (len(body) + 1) for place in places), len(body)]
    pieces = [body[start:stop] for start, stop in pairwise(bounds)]
    frames = [Frame(0.1, piece) for piece in pieces if piece]

    again = replace(good, answer=replace(good.answer, frames=frames))

    assert judge(again, Plane.ENDPOINT) == judge(good, Plane.ENDPOINT)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=5,
)
SEEDS = (
    ANSWER,
    CALLING,
    TWO,
    *HELLO,
    *WEATHER,
    *REASONS,
    COUNTED,
    QUESTION,
    STORED,
    {"data": [MODEL]},
)


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children: Sequence[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    return [way, *(place for key, child in children for place in places(child, (*way, key)))]


def spoilt(value: Any, way: tuple[Any, ...], new: Any) -> Any:
    if not way:
        return new
    copy = deepcopy(value)
    place = copy
    for step in way[:-1]:
        place = place[step]
    place[way[-1]] = new
    return copy


@st.composite
def spoilt_values(draw: st.DrawFn) -> Any:
    seed = draw(st.sampled_from(SEEDS))
    return spoilt(seed, draw(st.sampled_from(places(seed))), draw(VALUES))


@settings(deadline=None)
@given(
    st.lists(spoilt_values(), max_size=6),
    st.sampled_from([CHAT, "/v1/models", "/v1/caching", "/v1/caching/c", "/v1/x"]),
    st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    st.sampled_from([200, 401, 404, 504]),
    st.sampled_from(list(Ending)),
    spoilt_values(),
    st.sampled_from(["data: %s\n\n", "%s"]),
)
def test_no_law_raises_on_spoilt_values(
    bodies: list[Any], path: str, method: str, status: int, ending: Ending, sent: Any, form: str
) -> None:
    data = "".join(form % json.dumps(body) for body in bodies).encode()
    stream = isinstance(sent, dict) and form != "%s"
    request = {**sent, "stream": True} if stream else sent
    broken = exchange(data, path=path, method=method, status=status, ending=ending, sent=request)

    findings = [finding for plane in Plane for finding in judge(broken, plane)]

    assert len(findings) == len(LAWS)
    assert all(finding.applied or not finding.violations for finding in findings)
    json.dumps([finding.violations for finding in findings], ensure_ascii=False).encode()


@settings(deadline=None)
@given(
    st.sampled_from(sorted(GOOD)),
    st.integers(min_value=0),
    st.binary(max_size=6),
    st.text(max_size=9),
)
def test_no_law_raises_on_spoilt_bytes(name: str, place: int, junk: bytes, word: str) -> None:
    good, _ = GOOD[name]
    body = good.answer.body
    start = place % (len(body) + 1)
    broken = rewritten(good, lambda body: body[:start] + junk + body[start + len(junk) :])
    broken = with_headers(broken, ("Retry-After", word), ("Content-Length", word))
    broken = with_request(broken, path=word, headers=(("Authorization", word), (word, word)))

    findings = [finding for plane in Plane for finding in judge(broken, plane)]

    assert len(findings) == len(LAWS)


def test_no_law_raises_on_what_is_nested_deep() -> None:
    deep: Any = "x"
    for _ in range(800):
        deep = [deep]

    for member in ("id", "model", "created", "choices", "usage", "object"):
        for bad in (completion(member, deep), stream(edited(say("a"), member, deep))):
            assert any(finding.violations for finding in judge(bad, Plane.ENDPOINT))
