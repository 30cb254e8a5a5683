"""An endpoint that means harm, under load: what the generator keeps and says of its answers."""

from collections.abc import Iterable

import pytest
from tests.hostile.bodies import ENDLESS, MALFORMED, VALUES, answer, chunk, head

from kimi_conformance.load.client.framing import NotHTTPError
from kimi_conformance.load.client.incoming import Incoming, Limits
from kimi_conformance.load.client.reply import judge_reply
from kimi_conformance.load.client.retries import asked_wait
from kimi_conformance.load.samples.records import ErrorClass
from kimi_conformance.load.users.spending import Account, Spending

LIMITS = Limits(body_bytes=2**18, answer_bytes=2**20)
READ = 256 * 1024  # bytes that the generator reads at once


def read(pieces: Iterable[bytes], *, streamed: bool = True, most: int = 2**22) -> Incoming:
    """The answer as the generator takes it, read by read."""
    incoming = Incoming(0.0, streamed=streamed, keep=False, limits=LIMITS)
    taken = 0
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) >= READ:
            if incoming.take(bytes(waiting[:READ]), 0.1):
                return incoming
            del waiting[:READ]
            taken += READ
            assert taken < most, "nothing ends this answer"
    if not (waiting and incoming.take(bytes(waiting), 0.1)):
        incoming.end()
    return incoming


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("name", ENDLESS)
def test_every_answer_has_an_end(name: str, streamed: bool) -> None:
    incoming = read(ENDLESS[name](), streamed=streamed)

    assert judge_reply(incoming, streamed=streamed).error in {
        ErrorClass.TRANSPORT,
        ErrorClass.INVALID,
    }
    assert incoming.received <= LIMITS.answer_bytes + READ
    assert not incoming.reusable


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_http_is_named_in_words_of_ours(name: str) -> None:
    reply = judge_reply(read(MALFORMED[name]()), streamed=False)

    assert reply.error in {ErrorClass.TRANSPORT, ErrorClass.INVALID}
    assert reply.detail.isascii()
    assert reply.detail.isprintable()
    assert len(reply.detail) < 100


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("name", VALUES)
def test_any_values_are_judged(name: str, streamed: bool) -> None:
    body = VALUES[name]
    pieces = (
        [head(b"Transfer-Encoding: chunked") + chunk(b"data: " + body + b"\n\n")]
        if streamed
        else answer(body)()
    )

    reply = judge_reply(read(pieces, streamed=streamed), streamed=streamed)

    assert not reply.ok
    assert reply.detail.isprintable()


def test_text_of_an_answer_is_in_no_detail() -> None:
    coding = b"Content-Encoding: \x1b[31m=cmd|' /c calc'!A0"

    reply = judge_reply(read(answer(b"{}", coding)(), streamed=False), streamed=False)

    assert reply.detail == "a body coded as something else"


@pytest.mark.parametrize("count", ["9" * 4000, str(2**32), "1e308", "-1", "true", '"7"'])
@pytest.mark.parametrize("streamed", [True, False])
def test_tokens_that_nobody_can_have_counted_are_not_counted(count: str, streamed: bool) -> None:
    usage = (
        f'"usage":{{"prompt_tokens":{count},"completion_tokens":{count},"cached_tokens":{count}}}'
    )
    if streamed:
        choice = '{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}'
        body = f'data: {{"choices":[{choice}],{usage}}}\n\ndata: [DONE]\n\n'
    else:
        choice = '{"message":{"content":"a"},"finish_reason":"stop"}'
        body = f'{{"choices":[{choice}],{usage}}}'

    reply = judge_reply(read(answer(body.encode())(), streamed=streamed), streamed=streamed)

    assert reply.ok
    assert (reply.prompt_tokens, reply.completion_tokens, reply.cached_tokens) == (None,) * 3


def test_an_answer_that_counts_too_many_tokens_is_paid_for_as_reserved() -> None:
    account = Account(Spending(max_tokens=10_000, price_in=1.0, price_out=1.0))
    paid = account.reserve(b'{"messages":[],"max_tokens":8}')

    account.settle(paid, 200, None, None)

    assert account.answer == 8


@pytest.mark.parametrize(
    "wait", [b"9" * 5000, b"\xb2", b"-1", b"nan", b"1e9", b"0x10", b"\x1b[31m"]
)
def test_a_wait_of_any_form_is_a_number_or_none(wait: bytes) -> None:
    asked = asked_wait({b"retry-after": wait}, b'{"error":{"message":"try again after 1 seconds"}}')

    assert asked is None or asked >= 0


def test_a_flood_of_interim_answers_is_no_recursion() -> None:
    incoming = Incoming(0.0, streamed=False, keep=False, limits=Limits())

    assert incoming.take(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000, 0.1)

    assert (
        incoming.broken == f"the answer is no HTTP: {NotHTTPError('interim answers without end')}"
    )
