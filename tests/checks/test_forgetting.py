"""What a check has used is let go when it is over: a run has thousands of checks."""

import gc
import time
import weakref
from collections.abc import AsyncIterator, Iterator

import pytest

from kimi_conformance.checks.bench import Bench
from kimi_conformance.checks.item import CheckItem, Phase
from kimi_conformance.checks.options import Options
from kimi_conformance.errors import TransportError
from kimi_conformance.http import httpx
from kimi_conformance.wire.exchange import Frame, Relay, Request


class Broken:
    """An endpoint whose answer is none of use, once half of it was there."""

    kind = "live"

    async def answer(self, _: Request) -> Relay:
        return Relay(status=200, headers=(), frames=self._frames())

    async def _frames(self) -> AsyncIterator[Frame]:
        yield Frame(0.0, b"x" * 1000)
        raise TransportError("the answer passed 32 MiB")


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench(Options())
    yield bench
    bench.close()


@pytest.fixture
def _no_garbage_collection() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_garbage_collection")
def test_the_answers_of_a_check_that_is_over_are_let_go(bench: Bench) -> None:
    check = CheckItem(
        id="endpoint/models/x",
        requirement=bench.catalogue["EP-MODELS-01"],
        adapter=None,
        endpoint="endpoint",
        cassette="",
        recorded=bench.stage.open_lane(Broken()),
    )
    assert check.recorded is not None
    check.lanes.append(check.recorded)
    url = f"{check.recorded.base_url}/models"
    with httpx.Client() as client, pytest.raises(httpx.TransportError):
        client.get(url)
    journal = weakref.ref(check.recorded.journal)

    bench.finish(check, [Phase("call", None, 0.1, "")])

    until = time.monotonic() + 2
    while journal() is not None and time.monotonic() < until:
        time.sleep(0.01)  # the stage has a thread of its own
    assert journal() is None
    assert httpx.get(url).status_code == 404
