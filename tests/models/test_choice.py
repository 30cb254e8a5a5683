"""Which models meet a need, in which order, and why."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_conformance.models import (
    REPLY_TOKENS,
    Known,
    ModelBook,
    ModelFacts,
    Need,
    Speed,
    Value,
    choose,
    speed_of,
)


def model(id: str, *, offered: bool = True, **values: Value) -> ModelFacts:
    known = {name: Known(value, "edition") for name, value in values.items()}
    return ModelFacts(id=id, offered=offered, known=known)


def book(*models: ModelFacts) -> ModelBook:
    return ModelBook("2026-09", {each.id: each for each in models})


def speed(reply_s: float) -> Speed:
    rate = REPLY_TOKENS / (reply_s - 0.1)
    return Speed(ttft_s=0.1, tokens_per_s=rate, replies=30, run="r", where="https://x/v1")


SMALL = model("small", context_window=8192, tools=True, price_input=0.2, price_output=2.0)
LARGE = model(
    "large", context_window=262144, tools=True, vision=True, price_input=3.0, price_output=15.0
)
SECRET = model("secret", context_window=262144)
GONE = ModelFacts(id="gone", offered=False, retired="2026-05-25", successor="large")
ALL = book(SMALL, LARGE, SECRET, GONE)


def chosen(need: Need, speeds: Mapping[str, Speed] | None = None) -> list[str]:
    return [each.facts.id for each in choose(ALL, need, speeds).suggested]


def out(need: Need) -> dict[str, tuple[str, ...]]:
    return {each.facts.id: each.why for each in choose(ALL, need).out}


def test_without_a_need_every_model_on_offer_fits_the_cheapest_first() -> None:
    assert chosen(Need()) == ["small", "large", "secret"]


@pytest.mark.parametrize(
    ("need", "fitting"),
    [
        (Need(window=8192), ["small", "large", "secret"]),
        (Need(window=8193), ["large", "secret"]),
        (Need(tools=True), ["small", "large"]),
        (Need(vision=True), ["large"]),
        (Need(max_input=0.2), ["small"]),
        (Need(max_output=1.99), []),
        (Need(max_input=99, max_output=99), ["small", "large"]),
        (Need(reasoning=True), []),
    ],
)
def test_what_is_needed_decides(need: Need, fitting: list[str]) -> None:
    assert chosen(need) == fitting


def test_a_model_that_falls_out_says_every_reason() -> None:
    need = Need(window=100000, vision=True, max_input=0.1, max_output=1.0)

    assert out(need) == {
        "small": (
            "not known whether it takes images",
            "window 8192 < 100000",
            "input 0.20 > 0.10",
            "output 2.00 > 1.00",
        ),
        "large": ("input 3.00 > 0.10", "output 15.00 > 1.00"),
        "secret": (
            "not known whether it takes images",
            "price of input not known",
            "price of output not known",
        ),
        "gone": ("retired on 2026-05-25; use large",),
    }


def test_a_model_that_fits_says_why_and_what_puts_it_behind() -> None:
    first, second, third = choose(ALL, Need(window=4096)).suggested

    assert first.why == ("window 8192", "0.20 in, 2.00 out")
    assert first.behind is None
    assert second.behind == "dearer than small"
    assert third.why == ("window 262144", "price not known")
    assert third.behind == "its price is not known"


def test_a_tie_is_explained_by_what_decides_it() -> None:
    twins = [
        model("b", context_window=10, price_input=1, price_output=1),
        model("a", context_window=10, price_input=1, price_output=1),
        model("c", context_window=9, price_input=1, price_output=1),
        model("d", context_window=10, price_input=1, price_output=1, price_cached=0.5),
    ]

    told = choose(book(*twins), Need()).suggested

    assert [(each.facts.id, each.behind) for each in told] == [
        ("d", None),
        ("a", "as d, but a prompt that was read before costs more"),
        ("b", "a tie with a, so by name"),
        ("c", "as b, but with a smaller window"),
    ]


def test_speed_goes_before_price_only_where_it_is_asked_for() -> None:
    speeds = {"large": speed(1.0), "secret": speed(2.0)}

    assert chosen(Need(), speeds) == ["small", "large", "secret"]
    assert chosen(Need(fast=True), speeds) == ["large", "secret", "small"]


def test_an_order_by_speed_says_who_is_slower_and_who_was_not_measured() -> None:
    speeds = {"large": speed(1.0), "secret": speed(2.0)}

    _, second, third = choose(ALL, Need(fast=True), speeds).suggested

    assert second.behind == "slower than large"
    assert third.behind == "its speed has not been measured"
    assert third.speed is None


FACTS = st.fixed_dictionaries(
    {},
    optional={
        "context_window": st.integers(1, 4),
        "tools": st.booleans(),
        "vision": st.booleans(),
        "price_input": st.sampled_from([0.1, 0.2, 0.30000000000000004]),
        "price_output": st.sampled_from([0.1, 0.2, 0.3]),
        "price_cached": st.sampled_from([0.1, 0.2]),
    },
)
NEEDS = st.builds(
    Need,
    window=st.none() | st.integers(1, 4),
    tools=st.booleans(),
    vision=st.booleans(),
    max_input=st.none() | st.just(0.2),
    max_output=st.none() | st.just(0.2),
    fast=st.booleans(),
)


@given(st.lists(FACTS, max_size=6), NEEDS, st.randoms(use_true_random=False))
def test_every_model_is_either_chosen_or_out_in_an_order_that_does_not_depend_on_the_list(
    facts: list[dict[str, Any]], need: Need, random: Any
) -> None:
    models = [model(f"m{number}", **values) for number, values in enumerate(facts)]
    shuffled = list(models)
    random.shuffle(shuffled)
    speeds = {"m0": speed(1.0), "m1": speed(1.0)}

    choice = choose(book(*models), need, speeds)
    again = choose(book(*shuffled), need, speeds)

    names = [each.facts.id for each in choice.suggested]
    assert names == [each.facts.id for each in again.suggested]
    assert sorted(names + [each.facts.id for each in choice.out]) == sorted(m.id for m in models)
    assert all(each.why for each in choice.suggested)
    assert all(each.why for each in choice.out)
    assert [each.behind is None for each in choice.suggested] == [
        place == 0 for place in range(len(names))
    ]


TOLD: Mapping[str, Any] = {
    "streamed": 20,
    "replies": 40,
    "ttft_s": 0.4,
    "mean_ttft_s": 0.5,
    "mean_reply_s": 2.5,
    "tokens": 40 * 101,
    "run": "20260901-night",
    "where": "https://x/v1",
}


def test_a_speed_is_of_the_median_first_token_and_of_all_tokens_after_it() -> None:
    found = speed_of(**TOLD)

    assert found is not None
    assert found.tokens_per_s == pytest.approx(50)
    assert found.reply_s == pytest.approx(0.4 + REPLY_TOKENS / 50)
    assert "20260901-night" in found.words


@pytest.mark.parametrize(
    "change",
    [
        {"streamed": 19},
        {
            "streamed": 0,
            "replies": 0,
            "ttft_s": None,
            "mean_ttft_s": None,
            "mean_reply_s": None,
            "tokens": 0,
        },
        {"mean_reply_s": 0.5},  # all at once: there is no rate to be seen
        {"tokens": 40},
    ],
)
def test_too_little_tells_no_speed(change: Mapping[str, Any]) -> None:
    assert speed_of(**{**TOLD, **change}) is None
