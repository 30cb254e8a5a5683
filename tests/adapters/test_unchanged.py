"""
When a mutant need not be run: it would have done what the sound adapter did.

Long because each hook that can be passed by has a client of its own here.
"""

import asyncio
import contextlib
import logging
import time
import warnings
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.mutants.unchanged import Unchanged
from kimi_conformance.adapters.mutants.unmoved import is_unmoved
from kimi_conformance.adapters.protocol import Binding, ChatRequest, Completion, ModelConfig
from kimi_conformance.adapters.reference import LLMError
from kimi_conformance.checks.upstream import FakeClock
from kimi_conformance.http import httpx
from kimi_conformance.stage import Script, Stage, replies

GREETING = ChatRequest(model="moonshot-v1-8k", messages=[{"role": "user", "content": "Hi"}])


class Shouts(Mutant):
    async def chat(self, request: ChatRequest) -> Completion:
        return await super().chat(request)


class RaisesAnother(Mutant):
    async def chat(self, request: ChatRequest) -> Completion:
        try:
            return await super().chat(request)
        except LLMError as error:
            raise type(error)(error.message, status=error.status) from error


class ShoutsBack(Mutant):
    async def chat(self, request: ChatRequest) -> Completion:
        return replace(await super().chat(request), body={"choices": []})


class RepeatsInOtherWords(Mutant):
    async def chat(self, request: ChatRequest) -> Completion:
        completion = await super().chat(request)
        return replace(completion, body=dict(completion.body))


class ChangesTheAnswerInItsPlace(Mutant):
    async def chat(self, request: ChatRequest) -> Completion:
        completion = await super().chat(request)
        cast(dict[str, Any], completion.body)["id"] = "another"
        return completion


class AsksForAnotherModel(Mutant):
    async def chat(self, request: ChatRequest) -> Completion:
        return await super().chat(replace(request, model="kimi-latest"))


class AsksTwice(Mutant):
    async def chat(self, request: ChatRequest) -> Completion:
        await super().chat(request)
        return await super().chat(request)


class AsksNobody(Mutant):
    async def chat(self, request: ChatRequest) -> Completion:
        raise LLMError("not now")


class HidesWhatItAsks(Mutant):
    async def chat(self, request: ChatRequest) -> Completion:
        with contextlib.suppress(LookupError):
            self.sound.reload({})
        return await super().chat(request)


class Logs(Mutant):
    async def chat(self, request: ChatRequest) -> Completion:
        logging.getLogger("anybody").debug("a chat")
        return await super().chat(request)


class Warns(Mutant):
    async def chat(self, request: ChatRequest) -> Completion:
        with warnings.catch_warnings():
            return await super().chat(request)


class Sleeps(Mutant):
    async def chat(self, request: ChatRequest) -> Completion:
        time.sleep(0)  # noqa: ASYNC251 - that is its fault
        return await super().chat(request)


class Waits(Mutant):
    async def chat(self, request: ChatRequest) -> Completion:
        await asyncio.sleep(0)
        return await super().chat(request)


class Prints(Mutant):
    async def chat(self, request: ChatRequest) -> Completion:
        print(request.model)  # noqa: T201 - that is its fault
        return await super().chat(request)


class ChangesASetting(Mutant):
    async def chat(self, request: ChatRequest) -> Completion:
        object.__setattr__(self.settings, "api_key", "none")
        return await super().chat(request)


class KeepsWhatItIsAsked(Mutant):
    def begin(self) -> None:
        self.asked: list[ChatRequest] = []

    async def chat(self, request: ChatRequest) -> Completion:
        self.asked.append(request)
        return await super().chat(request)


class ChatsInNobodysName(Mutant):
    async def chat(self, request: ChatRequest) -> Completion:
        return await self.sound.chat(request)

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        return request if self.doing == "chat" else httpx.Request("GET", request.url)


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


class CarriesTwice(Mutant):
    async def carry(self, request: httpx.Request) -> httpx.Response:
        await super().carry(request)
        return await super().carry(request)


class CarriesNothing(Mutant):
    async def carry(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(500)


class CarriesWithoutKey(Mutant):
    async def carry(self, request: httpx.Request) -> httpx.Response:
        del request.headers["Authorization"]
        return await super().carry(request)


class CarriesARefusalTwice(Mutant):
    async def carry(self, request: httpx.Request) -> httpx.Response:
        answer = await super().carry(request)
        return await super().carry(request) if answer.is_error else answer


class TiresAtTheSecond(Mutant):
    carried = 0

    async def carry(self, request: httpx.Request) -> httpx.Response:
        self.carried += 1
        return await super().carry(request) if self.carried == 1 else httpx.Response(500)


class WaitsLonger(Mutant):
    def pause(self, attempt: int, error: LLMError) -> float:
        return super().pause(attempt, error) + 1


class WaitsAsLong(Mutant):
    def pause(self, attempt: int, error: LLMError) -> float:
        return super().pause(attempt, error)


class ForgetsTheNamedWait(Mutant):
    def pause(self, attempt: int, error: LLMError) -> float:
        seconds = super().pause(attempt, error)
        error.retry_after_s = None
        return seconds


class NeverGivesUp(Mutant):
    def pause(self, attempt: int, error: LLMError) -> float:
        return super().pause(1, error)


class MakesCaches(Mutant):
    def caches(self) -> bool | None:
        return True


class MakesNoCaches(Mutant):
    def caches(self) -> bool | None:
        return False


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


@pytest.fixture
async def repeated(stage: Stage) -> AsyncIterator[Unchanged]:
    """What became of a chat that was refused, asked again, and given up."""
    script = Script()
    lane = stage.open_lane(script)
    script.answers[:] = [replies.rate_limited(retry_after=3)]
    binding = Binding(base_url=lane.base_url, api_key="sk", clock=FakeClock(), attempts=2)
    adapter = Unchanged(binding)
    with pytest.raises(LLMError):
        await adapter.chat(GREETING)
    yield adapter
    await adapter.aclose()
    stage.close_lane(lane)


@pytest.mark.parametrize("mutant", [WaitsAsLong, CarriesNothing, MakesNoCaches])
async def test_a_mutant_is_asked_for_its_waits_and_carries_only_where_there_were_some(
    mutant: type[Mutant], stage: Stage
) -> None:
    assert is_unmoved(mutant, [Unchanged(Binding(base_url="http://127.0.0.1:9/v1"))])


def test_a_mutant_that_waits_as_the_sound_one_does_need_not_be_run(repeated: Unchanged) -> None:
    assert is_unmoved(WaitsAsLong, [repeated])


@pytest.mark.parametrize(
    "mutant",
    [
        pytest.param(WaitsLonger, id="a longer wait"),
        pytest.param(ForgetsTheNamedWait, id="another error"),
        pytest.param(NeverGivesUp, id="no end"),
        pytest.param(CarriesARefusalTwice, id="a request more"),
    ],
)
def test_a_mutant_that_waits_otherwise_has_to_be_run(
    mutant: type[Mutant], repeated: Unchanged
) -> None:
    assert not is_unmoved(mutant, [repeated])


async def test_an_error_is_handed_on_as_it_is_or_has_to_be_seen(repeated: Unchanged) -> None:
    assert is_unmoved(Shouts, [repeated])
    assert not is_unmoved(RaisesAnother, [repeated])


async def test_calls_that_are_under_way_together_are_not_put_to_a_mutant(stage: Stage) -> None:
    script = Script()
    lane = stage.open_lane(script)
    script.answers[:] = [replies.completion()]
    adapter = Unchanged(Binding(base_url=lane.base_url, api_key="sk-placeholder"))

    await asyncio.gather(adapter.chat(GREETING), adapter.chat(GREETING))

    assert not is_unmoved(Shouts, [adapter])
    await adapter.aclose()
    stage.close_lane(lane)


async def test_requests_that_are_under_way_together_are_not_put_to_a_mutant(stage: Stage) -> None:
    script = Script()
    lane = stage.open_lane(script)
    script.answers[:] = [replies.completion()]
    adapter = Unchanged(Binding(base_url=lane.base_url, api_key="sk-placeholder"))

    await asyncio.gather(adapter.chat(GREETING), adapter.chat(GREETING))

    assert not is_unmoved(CarriesARefusalTwice, [adapter])
    await adapter.aclose()
    stage.close_lane(lane)


@pytest.mark.parametrize(
    "mutant", [Shouts, ShowsNothing, ListsWithoutKey, ReadsAnswers, CarriesARefusalTwice]
)
def test_a_mutant_that_a_check_gives_no_chance_need_not_be_run(
    mutant: type[Mutant], run: Unchanged
) -> None:
    assert is_unmoved(mutant, [run])


@pytest.mark.parametrize(
    "mutant",
    [
        pytest.param(ShoutsBack, id="what a call returns"),
        pytest.param(RepeatsInOtherWords, id="the thing that a call returns"),
        pytest.param(ChangesTheAnswerInItsPlace, id="what a call returns, in its place"),
        pytest.param(AsksForAnotherModel, id="what is asked"),
        pytest.param(AsksTwice, id="how often it is asked"),
        pytest.param(AsksNobody, id="whether it is asked"),
        pytest.param(HidesWhatItAsks, id="what else is asked"),
        pytest.param(Logs, id="the log"),
        pytest.param(Warns, id="the warnings"),
        pytest.param(Sleeps, id="the time"),
        pytest.param(Waits, id="the turns of the loop"),
        pytest.param(Prints, id="what is printed"),
        pytest.param(ChangesASetting, id="a setting"),
        pytest.param(KeepsWhatItIsAsked, id="what is remembered"),
        pytest.param(ChatsInNobodysName, id="for which call a request is sent"),
        pytest.param(ChatsWithoutKey, id="the request, changed in its place"),
        pytest.param(SendsTheSecondElsewhere, id="a later request"),
        pytest.param(RefusesAnswers, id="the answer"),
        pytest.param(AsksTheSoundOne, id="a state that a replay does not have"),
        pytest.param(CarriesTwice, id="one request more"),
        pytest.param(CarriesNothing, id="no request"),
        pytest.param(CarriesWithoutKey, id="the request that it carries"),
        pytest.param(TiresAtTheSecond, id="the second request that it carries"),
        pytest.param(MakesCaches, id="whether it makes caches"),
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
