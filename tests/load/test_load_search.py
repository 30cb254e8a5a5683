import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_conformance.load.users.search import GENERATOR, Search, Tried, broken_by, saturation
from kimi_conformance.slo import parse

OBJECTIVES = parse("""
[all.success_rate]
metric = "success"
objective = 0.9
[all.mean_response_s]
metric = "response_s"
statistic = "mean"
at_most = 2.0
[all.cpu_percent]
metric = "cpu_percent"
statistic = "mean"
at_most = 70
[all.ttft]
metric = "ttft_s"
at_most = 0.5
objective = 0.5
""").of("any")


def climbed(search: Search, broke: Callable[[float], str]) -> list[Tried]:
    """The steps of a search on a service that breaks like this."""
    tried: list[Tried] = []
    while (rate := search.next(tried)) is not None:
        tried.append(Tried(rate, broke(rate)))
        assert len(tried) < 100
    return tried


def bears(limit: float) -> Callable[[float], str]:
    return lambda rate: "ttft" if rate > limit else ""


def test_the_rate_doubles_until_a_step_breaks_and_then_the_gap_is_halved() -> None:
    tried = climbed(Search(first=4, factor=2, most=256, ratio=1.2), bears(20))

    assert [round(each.rate, 2) for each in tried] == [4, 8, 16, 32, 22.63, 19.03]
    answer = saturation(tried)
    assert (round(answer.rate or 0, 2), round(answer.broke_at or 0, 2)) == (19.03, 22.63)
    assert (answer.broke, answer.tried, answer.answered) == ("ttft", 32, True)
    assert answer.words == "19.03 requests/s; at 22.63 requests/s ttft broke."


@given(limit=st.floats(0.3, 500), first=st.floats(0.5, 300), ratio=st.floats(1.01, 1.5))
def test_the_answer_is_within_the_ratio_of_the_limit(
    limit: float, first: float, ratio: float
) -> None:
    search = Search(first=first, most=256, least=0.5, ratio=ratio)

    answer = saturation(climbed(search, bears(limit)))

    if limit < 0.5:
        assert (answer.rate, answer.broke_at) == (None, 0.5)
    elif limit >= 256:
        assert (answer.rate, answer.broke_at) == (256, None)
    else:
        assert answer.rate is not None
        assert answer.broke_at is not None
        assert answer.rate <= limit < answer.broke_at
        assert answer.broke_at <= answer.rate * ratio * (1 + 1e-9)


def test_a_service_that_bears_everything_is_not_saturated() -> None:
    answer = saturation(climbed(Search(first=4, most=20), bears(math.inf)))

    assert answer.words == "Not reached up to 20 requests/s."
    assert answer.answered


def test_a_service_that_bears_nothing_is_said_to() -> None:
    answer = saturation(climbed(Search(first=4, least=1), bears(0)))

    assert answer.words == "No rate was kept: at 1 requests/s ttft broke."


def test_a_generator_that_is_out_of_breath_ends_the_search_without_an_answer() -> None:
    tried = climbed(Search(first=4), lambda rate: GENERATOR if rate > 10 else "")

    assert [each.rate for each in tried] == [4, 8, 16]
    assert not saturation(tried).answered
    assert saturation(tried).words.startswith("The load generator was saturated first")


def test_a_good_step_above_a_bad_one_does_not_count() -> None:
    tried = [Tried(4, ""), Tried(8, "ttft"), Tried(16, "")]

    assert (saturation(tried).rate, saturation(tried).broke_at) == (4, 8)


def test_a_search_without_a_step_has_no_answer() -> None:
    assert not saturation([]).answered
    assert saturation([]).words == "No step came to its end."


@pytest.mark.parametrize(
    ("calls", "broke"),
    [
        ([(True, 1.0, 0.1)] * 9 + [(False, 9.0, None)], ""),
        ([(True, 1.0, 0.1)] * 8 + [(False, 9.0, None)] * 2, "success_rate"),
        ([(True, 2.1, 0.1)] * 9, "mean_response_s"),
        ([(True, 1.0, 0.1), (True, 1.0, 0.6), (True, 1.0, 0.6)], "ttft"),
        ([(True, 1.0, None)] * 9, ""),
        ([], "success_rate"),
    ],
)
def test_a_step_breaks_the_first_objective_about_calls_that_it_misses(
    calls: list[tuple[bool, float, float | None]], broke: str
) -> None:
    assert broken_by(OBJECTIVES, calls) == broke
