"""How many requests an objective takes, before a run and after it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kimi_conformance.slo import (
    Attained,
    Measured,
    Objective,
    failures_allowed,
    judge,
    more_to_decide,
    requests_to_decide,
)
from kimi_conformance.statistics import wilson

SUCCESS = Objective(name="success_rate", metric="success", objective=0.99)
TAIL = Objective(name="p99", metric="response_s", statistic="p99", bound=2.0)
MEDIAN = Objective(name="p50", metric="response_s", statistic="p50", bound=2.0)
MEAN = Objective(name="mean", metric="response_s", statistic="mean", bound=2.0)
PROMPT = Objective(name="ttft", metric="ttft_s", bound=0.8, objective=0.9)
SHARES = st.sampled_from([0.0, 0.001, 0.004, 0.02, 0.05, 0.08, 0.2, 0.6, 0.9, 1.0])
TOLERANT = st.sampled_from([SUCCESS, TAIL, MEDIAN, PROMPT])


def verdict(objective: Objective, bad: int, total: int) -> Attained:
    """What a run of so many good and bad values says."""
    success = objective.metric == "success"
    good_one, bad_one = (1.0, 0.0) if success else (0.1, 9.0)
    values = {"success": [1.0], objective.metric: [good_one] * (total - bad) + [bad_one] * bad}
    return judge(objective, Measured(values=values)).verdict


@pytest.mark.parametrize(
    ("objective", "expected", "requests"),
    [
        (SUCCESS, None, 381),
        (SUCCESS, 0.0, 381),
        (TAIL, None, 368),
        (SUCCESS, 0.01, None),
        (TAIL, 0.01, None),
        (PROMPT, 0.1, None),
        (MEAN, None, None),
    ],
)
def test_the_number_of_requests_that_decide(
    objective: Objective, expected: float | None, requests: int | None
) -> None:
    assert requests_to_decide(objective, expected) == requests


@given(TOLERANT, SHARES)
def test_so_many_requests_with_so_many_bad_ones_decide(objective: Objective, share: float) -> None:
    total = requests_to_decide(objective, share)

    assert total is not None
    assert objective.tolerated is not None
    met = share < objective.tolerated
    bad = math.ceil(round(total * share, 6)) if met else math.floor(round(total * share, 6))
    assert verdict(objective, bad, total) is (Attained.MET if met else Attained.MISSED)


@given(st.floats(0.0, 0.0095))
def test_the_number_for_a_share_agrees_with_the_score_test(share: float) -> None:
    """Wilson's interval is the score test turned round: n = z² t(1-t)/(p-t)²."""
    z = stats.norm.ppf(0.975)
    exact = z**2 * 0.99 * 0.01 / (0.99 - (1 - share)) ** 2

    total = requests_to_decide(SUCCESS, share)

    assert total is not None
    assert exact - 1 <= total <= exact + 100 * math.sqrt(exact)  # one failure more is not half


@pytest.mark.parametrize(("requests", "allowed"), [(300, None), (381, 0), (1000, 3), (2000, 11)])
def test_the_number_of_failures_that_are_allowed(requests: int, allowed: int | None) -> None:
    assert failures_allowed(SUCCESS, requests) == allowed


@given(TOLERANT, st.integers(0, 3000))
def test_one_failure_more_than_is_allowed_is_too_many(objective: Objective, requests: int) -> None:
    allowed = failures_allowed(objective, requests)

    if allowed is None:
        assert verdict(objective, 0, requests) is not Attained.MET
    else:
        assert verdict(objective, allowed, requests) is Attained.MET
        assert verdict(objective, allowed + 1, requests) is not Attained.MET


def test_no_number_of_failures_is_allowed_of_a_mean() -> None:
    assert failures_allowed(MEAN, 1000) is None


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_what_is_no_share_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="no share"):
        requests_to_decide(SUCCESS, share)


@pytest.mark.parametrize(
    ("objective", "values"),
    [
        (SUCCESS, [1.0] * 180),
        (SUCCESS, [1.0] * 995 + [0.0] * 5),
        (SUCCESS, [1.0] * 98 + [0.0] * 2),
        (TAIL, [1.0] * 100),
        (TAIL, [1.0] * 299 + [3.0]),
        (PROMPT, [0.1] * 95 + [0.9] * 5),
        (MEAN, [1.0, 2.7] * 5),
        (MEAN, [1.0, 3.5] * 8),
    ],
)
def test_as_many_more_like_these_decide(objective: Objective, values: list[float]) -> None:
    first = judge(objective, Measured(values={"success": [1.0], objective.metric: values}))
    more = more_to_decide(objective, values)
    assert more is not None
    times = math.ceil((len(values) + more) / len(values)) + 1

    again = judge(objective, Measured(values={"success": [1.0], objective.metric: values * times}))

    assert (first.verdict, first.more_to_decide) == (Attained.UNDECIDED, more)
    assert f"About {more:,} more" in first.because
    assert again.verdict is not Attained.UNDECIDED
    assert (again.more_to_decide, again.because) == (None, "")


def test_the_number_for_a_mean_is_no_larger_than_needed() -> None:
    values = [1.0, 2.7] * 20
    more = more_to_decide(MEAN, values)
    assert more is not None
    deviation = stats.tstd(values)

    def reach(n: int) -> float:
        return float(stats.t.ppf(0.975, n - 1) * deviation / math.sqrt(n))

    assert reach(len(values) + more) <= 0.15 < reach(len(values) + more - 2)


@pytest.mark.parametrize(
    ("objective", "values"),
    [
        (SUCCESS, [1.0] * 99 + [0.0]),
        (TAIL, [1.0] * 99 + [3.0]),
        (MEAN, [1.0, 3.0] * 10),
        (MEAN, [1.0]),
        (MEAN, []),
    ],
)
def test_a_value_at_its_target_is_decided_by_no_number(
    objective: Objective, values: list[float]
) -> None:
    attained = judge(objective, Measured(values={"success": [1.0], objective.metric: values}))

    assert attained.verdict is Attained.UNDECIDED
    assert attained.more_to_decide is None
    assert attained.because


def test_what_was_not_measured_at_all_takes_what_it_takes_at_least() -> None:
    assert more_to_decide(SUCCESS, []) == 381


def test_one_more_value_is_the_least_that_is_asked_for() -> None:
    assert more_to_decide(MEAN, [1.0, 1.1] * 50) == 1


def test_a_mean_at_its_target_without_any_spread_is_decided_by_no_number() -> None:
    assert more_to_decide(MEAN, [2.0] * 5) is None


def test_an_interval_that_just_touches_the_target_does_not_miss_it() -> None:
    interval = wilson(5, 10)
    assert interval is not None
    objective = Objective(name="o", metric="success", objective=interval.high)

    found = requests_to_decide(objective, 0.5)

    assert found is not None
    assert found > 10


@pytest.mark.parametrize("percent", [*range(10, 99, 2), 99])
def test_the_least_number_of_good_calls_is_found(percent: int) -> None:
    objective = Objective(name="o", metric="success", objective=percent / 100)
    shares = (wilson(total, total) for total in range(1, 1000))

    least = next(n for n, i in enumerate(shares, 1) if i and (i.low or 0.0) >= percent / 100)

    assert requests_to_decide(objective) == least
