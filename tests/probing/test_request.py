"""What one probe finds: against the simulator, and against what is no service."""

import time
from collections.abc import Callable, Iterator

import pytest

from kimi_conformance import suite
from kimi_conformance.load.samples.records import ErrorClass
from kimi_conformance.probing.request import Found, Probing
from kimi_conformance.simulator import Simulator
from kimi_conformance.simulator.faults import parse_switch
from kimi_conformance.stage import Script, Source, Stage, replies
from kimi_conformance.wire.exchange import Answer, Ending, Frame

KEY = "sk-probe-0123456789abcdef"
Ask = Callable[..., Found]


@pytest.fixture
def ask(stage: Stage) -> Iterator[Ask]:
    """Probes a source of the test's own."""
    lanes = []

    def probe(source: Source, *, key: str = KEY, limit_s: float = 5.0) -> Found:
        lane = stage.open_lane(source)
        lanes.append(lane)
        with Probing(lane.base_url, key, limit_s=limit_s, clock=time.perf_counter) as probing:
            model = suite.find().edition("2026-09").default_model
            return probing.ask(probing.request(model))

    yield probe
    for lane in lanes:
        stage.close_lane(lane)


def simulator(*faults: str) -> Simulator:
    edition = suite.find().edition("2026-09")
    return Simulator(edition, api_key=KEY, faults=[parse_switch(fault) for fault in faults])


def test_a_good_reply_has_a_time_to_its_first_token(ask: Ask) -> None:
    found = ask(simulator())

    assert (found.error, found.status, found.detail) == (ErrorClass.OK, 200, "")
    assert found.ttft_s is not None
    assert 0 < found.ttft_s <= found.response_s < 5


def test_a_refused_key_is_the_clients_error(ask: Ask) -> None:
    found = ask(simulator(), key="sk-other")

    assert (found.error, found.status, found.detail) == (ErrorClass.CLIENT, 401, "HTTP 401")
    assert found.ttft_s is None


def test_a_broken_service_is_told_by_its_status(ask: Ask) -> None:
    found = ask(simulator("server_error"))

    assert found.error is ErrorClass.SERVER


EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"yes"}}]}\n\n'


def stream(*frames: bytes, ending: Ending = Ending.COMPLETE, wait: float = 0.0) -> Script:
    script = Script()
    script.answers[:] = [
        Answer(
            status=200,
            headers=(("Content-Type", "text/event-stream"),),
            frames=tuple(Frame(wait * number, data) for number, data in enumerate(frames)),
            ending=ending,
        )
    ]
    return script


def test_a_stream_that_is_cut_is_no_reply(ask: Ask) -> None:
    found = ask(stream(EVENT, ending=Ending.CUT))

    assert (found.error, found.status) == (ErrorClass.TRANSPORT, 200)
    assert found.detail.startswith("no answer, or it broke off")
    assert found.ttft_s is not None


def test_a_stream_without_its_end_is_no_reply(ask: Ask) -> None:
    found = ask(stream(EVENT))

    assert (found.error, found.detail) == (ErrorClass.INVALID, "a choice without finish_reason")


def test_a_stream_that_drips_is_given_up(ask: Ask) -> None:
    found = ask(stream(*([b": still here\n\n"] * 10), wait=0.05), limit_s=0.15)

    assert found.error is ErrorClass.TRANSPORT
    assert found.detail == "took longer than 0.15 s"
    assert found.response_s < 1


def test_silence_is_given_up(ask: Ask) -> None:
    found = ask(stream(EVENT, EVENT, wait=3.0), limit_s=0.1)

    assert (found.error, found.detail) == (ErrorClass.TRANSPORT, "took longer than 0.1 s")


def test_an_endless_answer_is_given_up(ask: Ask) -> None:
    found = ask(stream(*([b": " + b"x" * 300_000 + b"\n\n"] * 4)))

    assert found.detail == "the answer passed 1,048,576 bytes"


def test_nobody_there_is_a_transport_error() -> None:
    with Probing("http://127.0.0.1:9/v1", KEY, limit_s=1, clock=time.perf_counter) as probing:
        found = probing.ask(probing.request("m"))

    assert (found.error, found.status) == (ErrorClass.TRANSPORT, None)
    assert KEY not in found.detail


def test_a_limit_of_rate_is_a_class_of_its_own(ask: Ask) -> None:
    script = Script()
    script.answers[:] = [replies.rate_limited(retry_after=1)]

    assert ask(script).error is ErrorClass.RATE_LIMIT
