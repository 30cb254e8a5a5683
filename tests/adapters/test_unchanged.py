"""When a mutant need not be run: it would have done what the sound adapter did."""

from collections.abc import AsyncIterator, Sequence

import pytest

from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.mutants.unchanged import Unchanged, is_unmoved
from kimi_conformance.adapters.protocol import Binding, ChatRequest, Completion, ModelConfig
from kimi_conformance.http import httpx
from kimi_conformance.stage import Script, Stage, replies

GREETING = ChatRequest(model="moonshot-v1-8k", messages=[{"role": "user", "content": "Hi"}])


class Shouts(Mutant):
    async def chat(self, request: ChatRequest) -> Completion:
        return await super().chat(request)


class ShowsNothing(Mutant):
    async def list_models(self) -> Sequence[ModelConfig]:
        return []


class ListsWithoutKey(Mutant):
    def outgoing(self, request: httpx.Request) -> httpx.Request:
        if self.doing == "list_models":
            del request.headers["Authorization"]
        return request


class ChatsWithoutKey(Mutant):
    def outgoing(self, request: httpx.Request) -> httpx.Request:
        if self.doing == "chat":
            del request.headers["Authorization"]
        return request


class SendsTheSecondElsewhere(Mutant):
    sent = 0

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        self.sent += 1
        return request if self.sent == 1 else httpx.Request("GET", request.url)


class AsksTheSoundOne(Mutant):
    def outgoing(self, request: httpx.Request) -> httpx.Request:
        return request if self.sound.makes_caches else httpx.Request("GET", request.url)


class RefusesAnswers(Mutant):
    async def incoming(self, response: httpx.Response) -> httpx.Response:
        await response.aread()
        return httpx.Response(500)


class ReadsAnswers(Mutant):
    async def incoming(self, response: httpx.Response) -> httpx.Response:
        await response.aread()
        return response


class JoinsThePieces(Mutant):
    async def incoming(self, response: httpx.Response) -> httpx.Response:
        content = await response.aread()
        return httpx.Response(200, headers=response.headers, content=content)


class BeginsElsewhere(Mutant):
    def __init__(self, binding: Binding) -> None:
        super().__init__(binding)


class ClaimsNothing(Mutant):
    @property
    def capabilities(self) -> Sequence[str]:
        return ()


@pytest.fixture
async def run(stage: Stage) -> AsyncIterator[Unchanged]:
    """What became of two chats."""
    script = Script()
    lane = stage.open_lane(script)
    script.answers[:] = [replies.completion(), replies.completion()]
    adapter = Unchanged(Binding(base_url=lane.base_url, api_key="sk-placeholder"))
    await adapter.chat(GREETING)
    await adapter.chat(GREETING)
    yield adapter
    await adapter.aclose()
    stage.close_lane(lane)


@pytest.mark.parametrize("mutant", [ShowsNothing, ListsWithoutKey, ReadsAnswers])
def test_a_mutant_that_a_check_gives_no_chance_need_not_be_run(
    mutant: type[Mutant], run: Unchanged
) -> None:
    assert is_unmoved(mutant, [run])


@pytest.mark.parametrize(
    "mutant",
    [
        pytest.param(Shouts, id="the call"),
        pytest.param(ChatsWithoutKey, id="the request, changed in its place"),
        pytest.param(SendsTheSecondElsewhere, id="a later request"),
        pytest.param(RefusesAnswers, id="the answer"),
        pytest.param(AsksTheSoundOne, id="a state that a replay does not have"),
        pytest.param(BeginsElsewhere, id="its making"),
        pytest.param(ClaimsNothing, id="its claims"),
    ],
)
def test_a_mutant_that_changes_something_has_to_be_run(
    mutant: type[Mutant], run: Unchanged
) -> None:
    assert not is_unmoved(mutant, [run])


async def test_the_pieces_of_a_stream_matter_and_those_of_a_body_do_not(
    run: Unchanged, stage: Stage
) -> None:
    script = Script()
    lane = stage.open_lane(script)
    script.answers[:] = [replies.stream_of(replies.text_chunks("Hel", "lo"))]
    streamed = Unchanged(Binding(base_url=lane.base_url, api_key="sk-placeholder"))

    chunks = [chunk async for chunk in streamed.stream(GREETING)]

    assert len(chunks) > 1
    assert is_unmoved(JoinsThePieces, [run])
    assert not is_unmoved(JoinsThePieces, [streamed])
    await streamed.aclose()
    stage.close_lane(lane)


def test_every_run_of_a_check_counts(run: Unchanged) -> None:
    idle = Unchanged(run.binding)

    assert is_unmoved(ChatsWithoutKey, [idle])
    assert not is_unmoved(ChatsWithoutKey, [idle, run])
