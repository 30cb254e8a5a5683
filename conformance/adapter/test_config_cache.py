"""How often a client looks a model's configuration up."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_conformance.checks import CachesConfigs, Upstream, failing, replies, requirement

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
