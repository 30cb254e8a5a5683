import json
from typing import Any

import pytest

from kimi_conformance.load.client.incoming import Incoming, Limits
from kimi_conformance.load.client.reply import gaps_of, judge_reply, stall_of
from kimi_conformance.load.samples.records import ErrorClass

USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
CHOICE: dict[str, Any] = {
    "index": 0,
    "message": {"role": "assistant", "content": "Hi"},
    "finish_reason": "stop",
}


def answer(
    *pieces: bytes, status: int = 200, streamed: bool, broken: str = "", fields: str = ""
) -> Incoming:
    """An answer whose pieces arrive one tenth of a second after the other."""
    incoming = Incoming(0.0, streamed=streamed, keep=False, limits=Limits())
    head = f"HTTP/1.1 {status} Some\r\n{fields}Transfer-Encoding: chunked\r\n\r\n"
    incoming.take(head.encode(), 0.05)
    for number, piece in enumerate(pieces, 1):
        incoming.take(b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b"", number / 10)
    if broken:
        incoming.end(broken)
    else:
        incoming.take(b"0\r\n\r\n", len(pieces) / 10)
    return incoming


def plain(body: Any, status: int = 200, broken: str = "") -> tuple[ErrorClass, str]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    incoming = answer(content, status=status, streamed=False, broken=broken)
    reply = judge_reply(incoming, streamed=False)
    return reply.error, reply.detail


def event(delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, **more}
    return json.dumps({"choices": [choice]})


ROLE = event({"role": "assistant", "content": ""})
THOUGHT = event({"reasoning_content": "Hm"})
WORD = event({"content": "Hi"})
STOP = event({}, "stop", usage=USAGE)


def stream(*events: str, **more: Any) -> Incoming:
    pieces = [f"data: {data}\n\n".encode() for data in events]
    return answer(*pieces, streamed=True, **more)


def test_a_whole_completion_is_usable_and_tells_its_tokens() -> None:
    body = json.dumps({"choices": [CHOICE], "usage": USAGE}).encode()

    reply = judge_reply(answer(body, streamed=False), streamed=False)

    assert reply.error is ErrorClass.OK
    assert (reply.prompt_tokens, reply.completion_tokens) == (7, 3)


@pytest.mark.parametrize(
    "message",
    [
        {"content": "", "tool_calls": [{"id": "f:0"}]},
        {"content": "", "reasoning_content": "Hm"},
    ],
)
def test_tool_calls_and_thoughts_are_something_to_say(message: dict[str, Any]) -> None:
    assert plain({"choices": [{**CHOICE, "message": message}]}) == (ErrorClass.OK, "")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "no JSON object"),
        (b"<html></html>", "no JSON object"),
        ([], "no JSON object"),
        ({}, "no JSON object"),
        ({"choices": []}, "no choices"),
        ({"choices": "none"}, "no choices"),
        ({"choices": [None]}, "without a message"),
        ({"choices": [{**CHOICE, "message": {"content": ""}}]}, "without a message"),
        ({"choices": [{**CHOICE, "finish_reason": None}]}, "without finish_reason"),
    ],
)
def test_a_body_that_nobody_can_use_is_invalid(body: Any, detail: str) -> None:
    error, why = plain(body)

    assert error is ErrorClass.INVALID
    assert detail in why


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, ErrorClass.CLIENT),
        (401, ErrorClass.CLIENT),
        (429, ErrorClass.RATE_LIMIT),
        (500, ErrorClass.SERVER),
        (504, ErrorClass.SERVER),
        (204, ErrorClass.INVALID),
        (302, ErrorClass.INVALID),
    ],
)
def test_a_status_that_brings_no_reply_is_classed(status: int, error: ErrorClass) -> None:
    assert plain({"choices": [CHOICE]}, status) == (error, f"HTTP {status}")


def test_no_answer_at_all_is_transport() -> None:
    incoming = Incoming(0.0, streamed=True, keep=False, limits=Limits())
    incoming.end("Connection refused")

    reply = judge_reply(incoming, streamed=True)

    assert (reply.error, reply.detail) == (ErrorClass.TRANSPORT, "Connection refused")


def test_a_coded_body_that_nobody_asked_for_is_invalid() -> None:
    incoming = answer(b"\x1f\x8b", streamed=False, fields="Content-Encoding: gzip\r\n")

    reply = judge_reply(incoming, streamed=False)

    assert (reply.error, reply.detail) == (ErrorClass.INVALID, "a body coded as gzip")


def test_a_body_that_broke_off_is_transport_even_if_it_seems_whole() -> None:
    assert plain({"choices": [CHOICE]}, broken="the answer broke off") == (
        ErrorClass.TRANSPORT,
        "the answer broke off",
    )


def test_a_refusal_that_broke_off_keeps_its_class() -> None:
    assert plain(b"", 429, broken="the answer broke off") == (ErrorClass.RATE_LIMIT, "HTTP 429")


def test_a_whole_stream_is_usable_and_tells_its_times() -> None:
    incoming = stream(ROLE, THOUGHT, WORD, STOP, "[DONE]")

    reply = judge_reply(incoming, streamed=True)

    gaps = gaps_of(incoming)
    assert reply.error is ErrorClass.OK
    assert (incoming.first_byte, incoming.scan.first_event) == (0.05, 0.1)
    assert (incoming.scan.first_reasoning, incoming.scan.first_answer) == (0.2, 0.3)
    assert gaps == pytest.approx([0.1])
    assert stall_of(incoming, gaps) == pytest.approx(0.2)
    assert (reply.prompt_tokens, reply.completion_tokens) == (7, 3)


@pytest.mark.parametrize(
    ("events", "detail"),
    [
        ((), "no choices"),
        (("[DONE]",), "no choices"),
        (('{"error": {"message": "overloaded"}}', "[DONE]"), "an error in the stream"),
        ((ROLE, WORD, STOP), "did not end with [DONE]"),
        ((ROLE, WORD, "[DONE]"), "without finish_reason"),
        ((ROLE, STOP, "[DONE]"), "no generated content"),
        ((ROLE, "nonsense", "[DONE]"), "without finish_reason"),
    ],
)
def test_a_stream_that_nobody_can_use_is_invalid(events: tuple[str, ...], detail: str) -> None:
    reply = judge_reply(stream(*events), streamed=True)

    assert reply.error is ErrorClass.INVALID
    assert detail in reply.detail


def test_a_plain_body_where_a_stream_was_asked_for_is_invalid() -> None:
    body = json.dumps({"choices": [CHOICE]}).encode()

    incoming = answer(body, streamed=True)

    assert judge_reply(incoming, streamed=True).error is ErrorClass.INVALID
