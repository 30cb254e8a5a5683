"""The stage sends what a source says, breaks HTTP where told to, and journals what went out."""

import asyncio
import socket
import threading
from urllib.parse import urlsplit

import pytest

from kimi_conformance.errors import CassetteError, UsageError
from kimi_conformance.http import httpx
from kimi_conformance.stage import Script, Stage, replies
from kimi_conformance.wire.exchange import Answer, Ending, Frame, Request


def ask(url: str, **options: object) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=5) as client:
        return client.request("POST", f"{url}/chat/completions", json={"a": 1}, **options)  # type: ignore[arg-type]


def test_an_answer_arrives_as_the_source_gave_it(stage: Stage) -> None:
    lane = stage.open_lane(Script([replies.rate_limited(retry_after=7)]))

    response = ask(lane.base_url)

    assert response.status_code == 429
    assert response.headers["retry-after"] == "7"
    assert response.json()["error"]["type"] == "rate_limit_reached_error"


def test_the_journal_holds_what_was_sent_and_answered(stage: Stage) -> None:
    lane = stage.open_lane(Script([replies.completion("Hi")]))

    ask(lane.base_url, params={"q": "1"}, headers={b"X-Own": "ü".encode()})

    assert lane.journal is not None
    (exchange,) = lane.journal.exchanges
    assert (exchange.request.method, exchange.request.path) == ("POST", "/v1/chat/completions")
    assert exchange.request.query == "q=1"
    assert exchange.request.header("x-own") == "ü".encode().decode("latin-1")
    assert exchange.request.json == {"a": 1}
    assert exchange.answer.json["choices"][0]["message"]["content"] == "Hi"
    assert exchange.answer.ending is Ending.COMPLETE
    assert exchange.source == "script"


def test_lanes_do_not_see_each_other(stage: Stage) -> None:
    one = stage.open_lane(Script([replies.completion("one")]))
    two = stage.open_lane(Script([replies.completion("two")]))

    texts = [ask(lane.base_url).json()["choices"][0]["message"]["content"] for lane in (one, two)]

    assert texts == ["one", "two"]
    assert one.journal is not None
    assert len(one.journal.requests) == 1


def test_a_closed_lane_is_gone(stage: Stage) -> None:
    lane = stage.open_lane(Script([replies.completion()]))
    stage.close_lane(lane)

    assert ask(lane.base_url).status_code == 404


def test_frames_keep_their_times(stage: Stage) -> None:
    frames = (Frame(0.0, b"data: 1\n\n"), Frame(0.05, b"data: 2\n\n"))
    lane = stage.open_lane(Script([Answer(frames=frames)]))

    ask(lane.base_url)

    assert lane.journal is not None
    first, second = lane.journal.exchanges[0].answer.frames
    assert (first.data, second.data) == (b"data: 1\n\n", b"data: 2\n\n")
    assert 0 <= first.at < second.at
    assert second.at >= 0.05  # never early; how late, the machine decides


@pytest.mark.parametrize("ending", [Ending.CUT, Ending.RESET])
def test_a_body_can_break_off(stage: Stage, ending: Ending) -> None:
    whole = replies.stream_of(replies.text_chunks("a", "b"))
    broken = {Ending.CUT: replies.cut, Ending.RESET: replies.reset}[ending](whole, 2)
    lane = stage.open_lane(Script([broken]))

    with pytest.raises(httpx.TransportError):
        ask(lane.base_url)

    assert lane.journal is not None
    (exchange,) = lane.journal.exchanges
    assert exchange.answer.ending is ending
    assert len(exchange.answer.frames) == 2


def test_a_reset_is_a_reset_on_the_wire(stage: Stage) -> None:
    lane = stage.open_lane(Script([replies.reset(replies.completion(), 0)]))
    parts = urlsplit(lane.base_url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as wire:
        wire.sendall(f"GET {parts.path}/models HTTP/1.1\r\nHost: x\r\n\r\n".encode())

        with pytest.raises(ConnectionResetError):
            wire.makefile("rb").read()


@pytest.mark.parametrize("answer", [replies.never(), replies.stalled(replies.completion(), 0)])
def test_a_silent_answer_ends_when_the_client_gives_up(stage: Stage, answer: Answer) -> None:
    asked = threading.Event()

    def answering(_: Request) -> Answer:
        asked.set()
        return answer

    lane = stage.open_lane(Script([answering]))
    parts = urlsplit(lane.base_url)

    with socket.create_connection((parts.hostname, parts.port)) as client:
        client.sendall(f"GET {parts.path}/models HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert asked.wait(20)
        stage.call(asyncio.sleep(0))  # and what it has was sent

    assert lane.journal is not None
    (exchange,) = lane.journal.exchanges
    assert exchange.answer.ending is Ending.STALLED


def test_a_bad_chunk_breaks_the_transfer_coding(stage: Stage) -> None:
    lane = stage.open_lane(Script([replies.bad_chunk()]))

    with pytest.raises(httpx.RemoteProtocolError):
        ask(lane.base_url)


def test_a_content_length_that_the_source_gives_is_sent_as_it_stands(stage: Stage) -> None:
    lie = Answer(headers=(("Content-Length", "99"),), frames=(Frame(0.0, b"short"),))
    lane = stage.open_lane(
        Script([Answer(headers=lie.headers, frames=lie.frames, ending=Ending.CUT)])
    )

    with pytest.raises(httpx.RemoteProtocolError):
        ask(lane.base_url)


def test_what_was_not_foreseen_is_answered_in_the_other_shape(stage: Stage) -> None:
    lane = stage.open_lane(Script(rules={"GET /v1/models": [replies.model_list([])]}))

    response = ask(lane.base_url)

    assert response.status_code == 404
    assert response.json()["error"] == "url.not_found"


def test_a_source_that_cannot_answer_leaves_its_reason_on_the_lane(stage: Stage) -> None:
    class Unable:
        kind = "cassette"

        async def answer(self, request: Request) -> Answer:
            raise CassetteError(f"nothing recorded for {request.path}")

    lane = stage.open_lane(Unable())

    with pytest.raises(httpx.RemoteProtocolError):
        ask(lane.base_url)

    assert [str(trouble) for trouble in lane.troubles] == [
        "nothing recorded for /v1/chat/completions"
    ]
    assert lane.journal is not None
    assert len(lane.journal.requests) == 1
    assert lane.journal.exchanges == ()  # nobody has answered, so nobody is judged by it


def test_a_port_in_use_is_a_clear_error(stage: Stage) -> None:
    with (
        pytest.raises(UsageError, match=f"Cannot listen on 127.0.0.1:{stage.port}"),
        Stage(port=stage.port),
    ):
        pass
