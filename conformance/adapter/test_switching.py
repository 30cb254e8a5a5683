"""How a client moves to another model."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_conformance.checks import (
    Answer,
    Completion,
    Request,
    SwitchesModels,
    Upstream,
    failing,
    replies,
    requirement,
)

CHAT = "POST /v1/chat/completions"
HELLO = [{"role": "user", "content": "Hello"}]
WINDOWS = {"moonshot-v1-8k": 8192, "kimi-k2.5": 262144}


@pytest.fixture
def answered(upstream: Upstream) -> Upstream:
    """An API with two models, that answers every chat in the name of the model asked."""
    listed = [{"id": id, "context_length": window} for id, window in WINDOWS.items()]
    upstream.answers("GET /v1/models", replies.model_list(listed))
    upstream.answers(CHAT, named_answer)
    return upstream


def named_answer(request: Request) -> Answer:
    """An answer that says which model it is from."""
    return replies.json_reply({**replies.completion_body(), "model": request.json["model"]})


def slow_answer(arrived: Callable[[], object]) -> Callable[[Request], Answer]:
    """The same, late, and telling when the request has arrived."""

    def answer(request: Request) -> Answer:
        arrived()
        return replies.later(named_answer(request), seconds=0.2)

    return answer


@requirement("SWITCH-01")
@pytest.mark.usefixtures("timed")
async def test_a_question_under_way_is_answered_by_the_old_model_and_the_next_by_the_new(
    adapter: SwitchesModels, answered: Upstream
) -> None:
    """A user changes the model without losing the answer that is being written."""
    arrived = asyncio.Event()
    tell = asyncio.get_running_loop().call_soon_threadsafe
    answered.answers(CHAT, slow_answer(lambda: tell(arrived.set)), named_answer)
    await adapter.switch_model("kimi/moonshot-v1-8k")

    under_way = asyncio.ensure_future(adapter.ask(HELLO))
    await first_of(under_way, arrived)
    await adapter.switch_model("kimi/kimi-k2.5")
    after = await adapter.ask(HELLO)
    before = await under_way

    assert (before.body["model"], after.body["model"]) == ("moonshot-v1-8k", "kimi-k2.5")


async def first_of(under_way: asyncio.Future[Completion], arrived: asyncio.Event) -> None:
    """Until the question has arrived, or has failed before that."""
    arriving = asyncio.ensure_future(arrived.wait())
    both: set[asyncio.Future[Any]] = {under_way, arriving}
    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    arriving.cancel()


@requirement("SWITCH-01")
@given(models=st.lists(st.sampled_from(sorted(WINDOWS)), min_size=1, max_size=5))
async def test_each_question_goes_to_the_model_that_was_current_when_it_was_put(
    models: list[str], adapter: SwitchesModels, answered: Upstream
) -> None:
    """Several people talk at once while somebody changes the model."""
    under_way: list[asyncio.Future[Completion]] = []
    for model in models:
        await adapter.switch_model(f"kimi/{model}")
        under_way.append(asyncio.ensure_future(adapter.ask(HELLO)))
        await asyncio.sleep(0)  # it has been put, and not yet been answered
    answers = await asyncio.gather(*under_way)

    assert answered.sent(CHAT)
    assert [answer.body["model"] for answer in answers] == models


@requirement("SWITCH-02")
@pytest.mark.parametrize("id", WINDOWS)
async def test_a_switch_brings_the_window_and_the_endpoint_of_the_new_model(
    id: str, adapter: SwitchesModels, answered: Upstream
) -> None:
    """A conversation is not cut to the window of a model that is not asked any more."""
    other = next(each for each in WINDOWS if each != id)
    await adapter.switch_model(f"kimi/{other}")

    await adapter.switch_model(f"kimi/{id}")

    current = adapter.current_model
    assert current is not None
    assert (current.id, current.context_window) == (id, WINDOWS[id])
    assert current.endpoint == answered.base_url


@requirement("SWITCH-02")
async def test_a_switch_that_fails_changes_nothing(
    adapter: SwitchesModels, answered: Upstream
) -> None:
    """A mistyped name does not leave a conversation between two models."""
    await adapter.switch_model("kimi/kimi-k2.5")
    before = adapter.current_model

    await failing(adapter.switch_model("kimi/no-such-model"))
    answer = await adapter.ask(HELLO)

    assert answered.sent(CHAT)
    assert adapter.current_model == before
    assert answer.body["model"] == "kimi-k2.5"
