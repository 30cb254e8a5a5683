"""What the stage does with a connection, seen from the other end of a bare socket."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from kimi_conformance.errors import UsageError
from kimi_conformance.stage import Lane, Script, Stage, replies
from kimi_conformance.stage.send_log import SendLog
from kimi_conformance.wire.exchange import Answer, Ending, Frame, Request

MODELS = "GET {path}/models HTTP/1.1\r\nHost: h\r\n\r\n"


@contextmanager
def wire(lane: Lane) -> Iterator[socket.socket]:
    parts = urlsplit(lane.base_url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connected:
        yield connected


def said(lane: Lane, *requests: str) -> bytes:
    """All that the stage sends, until it closes the connection."""
    path = urlsplit(lane.base_url).path
    with wire(lane) as connected:
        connected.sendall("".join(requests).replace("{path}", path).encode())
        return connected.makefile("rb").read()


CLOSES = "GET {path}/models HTTP/1.1\r\nConnection: close\r\n\r\n"


def test_requests_that_come_together_are_answered_one_after_the_other(stage: Stage) -> None:
    lane = stage.open_lane(Script([replies.completion(each) for each in ("one", "two", "three")]))

    answered = said(lane, MODELS, MODELS, CLOSES)

    assert answered.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert answered.index(b"one") < answered.index(b"two") < answered.index(b"three")


def test_a_stream_and_the_request_behind_it(stage: Stage) -> None:
    slow = Answer(frames=(Frame(0.0, b"a"), Frame(0.02, b"bc"), Frame(0.02, b"d")))
    lane = stage.open_lane(Script([slow, replies.completion("after")]))

    answered = said(lane, MODELS, CLOSES)

    assert b"\r\n\r\n1\r\na\r\n2\r\nbc\r\n1\r\nd\r\n0\r\n\r\nHTTP/1.1 200 OK" in answered
    assert answered.endswith(b"}")


def test_a_short_answer_has_a_length_and_comes_in_one_piece_at_its_time(stage: Stage) -> None:
    lane = stage.open_lane(Script([Answer(frames=(Frame(0.03, b"late"),))]))

    answered = said(lane, CLOSES)

    assert b"Content-Length: 4\r\n" in answered
    assert answered.endswith(b"\r\n\r\nlate")
    assert lane.journal is not None
    assert lane.journal.exchanges[0].answer.frames[0].at >= 0.03


def test_an_answer_without_a_body(stage: Stage) -> None:
    lane = stage.open_lane(Script([Answer(status=204), Answer()]))

    first, second = said(lane, MODELS, CLOSES).split(b"HTTP/1.1 ")[1:]

    assert first.startswith(b"204 No Content")
    assert b"Length" not in first
    assert b"Content-Length: 0\r\n" in second


def test_a_question_for_the_head_gets_the_head(stage: Stage) -> None:
    lane = stage.open_lane(Script([replies.completion("secret")]))

    answered = said(lane, CLOSES.replace("GET", "HEAD"))

    assert b"Content-Length: " in answered
    assert answered.endswith(b"\r\n\r\n")


def test_a_client_of_http_1_0_reads_until_the_end(stage: Stage) -> None:
    lane = stage.open_lane(Script([Answer(frames=(Frame(0.0, b"a"), Frame(0.0, b"b")))]))

    answered = said(lane, "GET {path}/models HTTP/1.0\r\n\r\n")

    assert b"chunked" not in answered
    assert b"Connection: close\r\n" in answered
    assert answered.endswith(b"\r\n\r\nab")


def test_a_length_that_is_too_short_is_sent_as_it_stands(stage: Stage) -> None:
    lie = Answer(headers=(("Content-Length", "3"),), frames=(Frame(0.0, b"longer"),))
    lane = stage.open_lane(Script([lie, replies.completion("next")]))

    answered = said(lane, MODELS, CLOSES)

    assert b"\r\n\r\nlongerHTTP/1.1 200" in answered


def test_a_client_that_waits_is_told_to_go_on(stage: Stage) -> None:
    lane = stage.open_lane(Script([replies.completion()]))
    path = urlsplit(lane.base_url).path
    with wire(lane) as connected:
        connected.sendall(
            f"POST {path}/chat/completions HTTP/1.1\r\nExpect: 100-continue\r\n"
            "Connection: close\r\nContent-Length: 2\r\n\r\n".encode()
        )
        told = connected.recv(100)
        connected.sendall(b"{}")
        answered = connected.makefile("rb").read()

    assert told == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answered.startswith(b"HTTP/1.1 200 OK")
    assert lane.journal is not None
    assert lane.journal.requests[0].body == b"{}"


def test_what_is_no_request_is_answered_400_and_the_connection_closed(stage: Stage) -> None:
    lane = stage.open_lane(Script([replies.completion()]))

    answered = said(lane, "nonsense\r\n\r\n", MODELS)

    assert answered.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"Connection: close\r\n" in answered
    assert lane.journal is not None
    assert lane.journal.requests == ()


def test_a_client_that_leaves_in_the_middle_abandons_the_answer(stage: Stage) -> None:
    frames = (Frame(0.0, b"a"), Frame(30.0, b"b"))
    lane = stage.open_lane(Script([Answer(frames=frames)]))
    path = urlsplit(lane.base_url).path
    with wire(lane) as connected:
        connected.sendall(MODELS.replace("{path}", path).encode())
        assert b"\r\n1\r\na\r\n" in connected.recv(1000)

    assert lane.journal is not None
    (exchange,) = lane.journal.exchanges
    assert exchange.answer.ending is Ending.ABANDONED
    assert exchange.answer.body == b"a"


def test_a_client_that_reads_slowly_gets_everything(stage: Stage) -> None:
    big = b"x" * 3_000_000
    frames = tuple(Frame(0.0, big) for _ in range(4))
    lane = stage.open_lane(Script([Answer(frames=frames)]))
    path = urlsplit(lane.base_url).path
    with wire(lane) as connected:
        connected.sendall(CLOSES.replace("{path}", path).encode())
        received = 0
        while data := connected.recv(1000 if received < 20_000 else 2**20):
            received += len(data)

    assert received > 12_000_000


def test_a_bug_in_a_source_is_a_500(stage: Stage) -> None:
    class Broken:
        kind = "script"

        def reply(self, request: Request) -> Answer:
            raise ZeroDivisionError(request.path)

        async def answer(self, request: Request) -> Answer:
            return self.reply(request)

    lane = stage.open_lane(Broken())

    assert said(lane, CLOSES).startswith(b"HTTP/1.1 500 ")


def test_two_stages_can_share_a_port() -> None:
    with Stage(shares_port=True) as one, Stage(port=one.port, shares_port=True) as two:
        lanes = [each.open_lane(Script([replies.completion("Hi")]), name="") for each in (one, two)]

        answered = [said(lane, CLOSES.replace("{path}", "/v1")) for lane in lanes for _ in range(8)]

    assert one.port == two.port
    assert all(b"Hi" in each for each in answered)


def test_the_send_log_says_when_each_frame_was_due_and_sent(tmp_path: Path) -> None:
    file = tmp_path / "sent.jsonl"
    frames = (Frame(0.0, b"ab"), Frame(0.02, b"c"), Frame(0.03, b"d"))
    log = SendLog(file)
    before = time.monotonic(), time.time()
    with Stage(send_log=log) as stage:
        lane = stage.open_lane(Script([Answer(frames=frames)]), journal=False)
        said(lane, MODELS, CLOSES)
    log.close()

    first, second = map(json.loads, file.read_text().splitlines())
    assert (first["method"], first["status"], first["ending"]) == ("GET", 200, "complete")
    assert [(due, size) for due, _, size in first["frames"]] == [(0.0, 2), (0.02, 1), (0.03, 1)]
    assert all(due <= sent for due, sent, _ in [*first["frames"], *second["frames"]])
    assert before[0] <= first["received_monotonic_s"] <= second["received_monotonic_s"]
    assert (
        abs(first["received_epoch_s"] - before[1] - first["received_monotonic_s"] + before[0]) < 1
    )


def test_a_send_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written: Is a directory"):
        SendLog(tmp_path)
