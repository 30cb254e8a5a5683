"""How often a client looks a model's configuration up."""

import asyncio
import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_conformance.checks import (
    Answer,
    CachesConfigs,
    OpenAdapter,
    Request,
    Upstream,
    failing,
    replies,
    requirement,
)

HANDLE = "kimi/moonshot-v1-128k"
LISTING = "GET /v1/models"
OPTIONS = {
    "handle": HANDLE,
    "context_window_limit": 4096,
    "max_tokens": 500,
    "max_reasoning_tokens": 200,
    "enable_reasoner": True,
}
MODELS = replies.model_list(["moonshot-v1-128k", "kimi-latest"])


@requirement("CCACHE-01")
async def test_the_first_resolution_asks_once(adapter: CachesConfigs, upstream: Upstream) -> None:
    """A user's first question is not held up twice."""
    upstream.replies(MODELS)

    config = await adapter.config_of(HANDLE)

    assert config.id == "moonshot-v1-128k"
    assert len(upstream.sent(LISTING)) == 1


@requirement("CCACHE-02")
async def test_the_same_resolution_again_asks_nobody(
    adapter: CachesConfigs, upstream: Upstream
) -> None:
    """A busy service does not spend its rate limit on what it knows."""
    upstream.replies(MODELS)

    first = await adapter.config_of(HANDLE, max_tokens=500)
    again = await adapter.config_of(HANDLE, max_tokens=500)

    assert again == first
    assert len(upstream.sent(LISTING)) == 1


@requirement("CCACHE-03")
@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("handle", "kimi/kimi-latest"),
        ("context_window_limit", 2048),
        ("max_tokens", 501),
        ("max_reasoning_tokens", 201),
        ("enable_reasoner", False),
    ],
)
async def test_resolutions_that_differ_in_one_argument_are_kept_apart(
    name: str, other: object, adapter: Any, upstream: Upstream
) -> None:
    """Nobody is given the limits of somebody else."""
    upstream.replies(MODELS)

    first = await adapter.config_of(**OPTIONS)
    second = await adapter.config_of(**{**OPTIONS, name: other})

    assert first != second
    assert len(upstream.sent(LISTING)) == 2


@requirement("CCACHE-03")
async def test_a_number_and_its_digits_are_kept_apart(adapter: Any, upstream: Upstream) -> None:
    """A number that came as text from a form does not pass for the number."""
    upstream.replies(MODELS)

    [number, digits] = [await adapter.config_of(HANDLE, max_tokens=each) for each in (1, "1")]

    assert (number.max_tokens, digits.max_tokens) == (1, "1")


@requirement("CCACHE-04")
@given(order=st.permutations(list(OPTIONS)))
async def test_the_order_of_arguments_makes_no_difference(
    order: list[str], adapter: Any, upstream: Upstream
) -> None:
    """Two callers who say the same in another order share one answer."""
    upstream.replies(MODELS)

    first = await adapter.config_of(**OPTIONS)
    permuted = await adapter.config_of(**{name: OPTIONS[name] for name in order})

    assert permuted == first
    assert len(upstream.sent(LISTING)) == 1


@requirement("CCACHE-05")
async def test_a_resolution_that_failed_is_tried_again(
    adapter: CachesConfigs, upstream: Upstream
) -> None:
    """A model that appears later is found without a restart."""
    upstream.replies(replies.model_list(["kimi-latest"]), MODELS)

    failure = await failing(adapter.config_of(HANDLE))
    config = await adapter.config_of(HANDLE)

    assert failure.kind == "handle_not_found"
    assert config.id == "moonshot-v1-128k"


@requirement("CCACHE-08")
async def test_resolutions_at_the_same_time_share_one_lookup(
    adapter: CachesConfigs, upstream: Upstream
) -> None:
    """A service that starts under load does not ask the same thing a hundred times."""
    upstream.replies(MODELS)

    configs = await asyncio.gather(*(adapter.config_of(HANDLE) for _ in range(10)))

    assert {config.id for config in configs} == {"moonshot-v1-128k"}
    assert len(upstream.sent(LISTING)) == 1


def listed_for(request: Request) -> Answer:
    """The list that an API shows to the owner of this key."""
    window = 65536 if request.header("Authorization") == "Bearer sk-of-another" else 8192
    return replies.model_list([{"id": "moonshot-v1-128k", "context_length": window}])


@requirement("CCACHE-06")
async def test_what_one_user_looked_up_is_not_given_to_another(
    open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """Each user works with what the API says to the owner of that user's key."""
    upstream.answers(LISTING, listed_for)
    one, another = open_adapter(api_key="sk-of-one"), open_adapter(api_key="sk-of-another")

    windows = [(await user.config_of(HANDLE)).context_window for user in (one, another)]

    assert windows == [8192, 65536]


@requirement("CCACHE-06")
async def test_what_one_user_does_to_a_configuration_reaches_nobody_else(
    adapter: Any, upstream: Upstream
) -> None:
    """Nobody's limits change because somebody changed their own."""
    upstream.replies(MODELS)

    first = await adapter.config_of(HANDLE, max_tokens=500)
    with contextlib.suppress(AttributeError, TypeError):  # one that cannot be changed is as good
        first.max_tokens = 1
    again = await adapter.config_of(HANDLE, max_tokens=500)

    assert again.max_tokens == 500


KEPT = 128  # configurations, as many as the documents let their cache hold
MANY = [f"kimi/kimi-{number}" for number in range(KEPT)]
ONE_MORE = "kimi/kimi-latest"


async def asked_for(handles: list[str], adapter: CachesConfigs, upstream: Upstream) -> int:
    """How many requests it takes to look these up, one after the other."""
    before = len(upstream.sent(LISTING))
    for handle in handles:
        await adapter.config_of(handle)
    return len(upstream.sent(LISTING)) - before


@requirement("CCACHE-07")
async def test_the_128_configurations_that_were_used_last_are_kept(
    adapter: CachesConfigs, upstream: Upstream
) -> None:
    """The models that a service works with are not forgotten for one that somebody tried."""
    listed = [handle.removeprefix("kimi/") for handle in (*MANY, ONE_MORE)]
    upstream.replies(replies.model_list(listed))

    first = await asked_for(MANY, adapter, upstream)
    again = await asked_for(MANY[::-1], adapter, upstream)
    await asked_for([ONE_MORE], adapter, upstream)
    just_used = await asked_for(MANY[:1], adapter, upstream)

    assert first > 0
    assert (again, just_used) == (0, 0)


@requirement("CACHE-39")
async def test_a_model_that_was_looked_up_is_there_while_the_network_is_not(
    adapter: CachesConfigs, upstream: Upstream
) -> None:
    """A short break of the network does not stop work that had begun."""
    upstream.replies(MODELS)
    before = await adapter.config_of(HANDLE)

    upstream.replies(replies.reset(MODELS, frames=0))
    after = await adapter.config_of(HANDLE)

    assert before.id == "moonshot-v1-128k"
    assert after == before
