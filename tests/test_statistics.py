import math
import random
from statistics import stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kimi_conformance import statistics
from kimi_conformance.statistics import (
    Ascending,
    Interval,
    Pooled,
    Summary,
    at_most,
    histogram,
    mean,
    mean_interval,
    mean_reach,
    order_ranks,
    percentile,
    percentile_interval,
    spread,
    summary,
    wilson,
)

VALUES = st.lists(st.floats(0, 1e6), min_size=1, max_size=200)


@pytest.mark.parametrize(
    ("good", "total"), [(0, 1), (1, 1), (10, 10), (0, 10), (480, 480), (475, 480), (3, 7)]
)
def test_wilson_agrees_with_scipy(good: int, total: int) -> None:
    expected = stats.binomtest(good, total).proportion_ci(0.95, method="wilson")

    interval = wilson(good, total)

    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(
    ("n", "tolerance"), [(2, 1e-9), (3, 1e-9), (4, 2e-3), (5, 4e-4), (80, 1e-6)]
)
def test_the_interval_of_a_mean_agrees_with_scipy(n: int, tolerance: float) -> None:
    dice = random.Random(n)
    values = [dice.expovariate(2.0) for _ in range(n)]
    centre = statistics.mean(values)
    expected = stats.t.interval(0.95, n - 1, loc=centre, scale=stats.sem(values))

    interval = mean_interval(values)

    assert interval is not None
    assert interval.low is not None
    assert centre is not None
    assert centre - interval.low == pytest.approx(centre - expected[0], rel=tolerance)


@pytest.mark.parametrize("percent", [50, 90, 95, 99])
@pytest.mark.parametrize("n", [1, 5, 60, 367, 368, 480, 3000])
def test_the_interval_of_a_percentile_agrees_with_scipy(percent: float, n: int) -> None:
    values = [float(value) for value in range(n)]
    low, high = stats.quantile_test(values, q=0, p=percent / 100).confidence_interval(0.95)

    interval = percentile_interval(values, percent)

    expected = Interval(
        low=None if math.isnan(low) else low, high=None if math.isnan(high) else high
    )
    assert interval == expected


def test_the_99th_percentile_is_bounded_from_368_values_on() -> None:
    few, enough = [1.0] * 367, [1.0] * 368

    assert percentile_interval(few, 99) == Interval(1.0, None)
    assert percentile_interval(enough, 99) == Interval(1.0, 1.0)


@given(VALUES, st.sampled_from([50.0, 90.0, 95.0, 99.0, 100.0]))
def test_a_percentile_is_the_least_value_that_enough_values_do_not_exceed(
    values: list[float], percent: float
) -> None:
    found = percentile(values, percent)

    assert found in values
    assert 100 * sum(value <= found for value in values) >= percent * len(values) - 1e-6
    smaller = [value for value in values if value < found]
    assert 100 * len(smaller) < percent * len(values)


@given(VALUES, st.randoms(use_true_random=False))
def test_the_order_of_the_values_makes_no_difference(
    values: list[float], dice: random.Random
) -> None:
    shuffled = list(values)
    dice.shuffle(shuffled)

    assert summary(shuffled) == summary(values)
    assert mean_interval(shuffled) == mean_interval(values)


def test_nothing_gives_no_number() -> None:
    assert wilson(0, 0) is None
    assert mean_interval([]) is None
    assert percentile([], 50) is None
    assert percentile_interval([], 50) is None
    assert summary([]) == statistics.Summary(
        n=0, mean=None, p50=None, p90=None, p95=None, p99=None, max=None
    )


def test_one_value_has_no_interval_of_its_mean() -> None:
    assert mean_interval([1.0]) is None


@given(VALUES)
def test_a_histogram_counts_every_value_once(values: list[float]) -> None:
    edges = (1.0, 10.0, 1000.0)

    counts = histogram(values, edges).counts

    assert sum(counts) == len(values)
    assert counts[0] == sum(value < 1.0 for value in values)
    assert counts[-1] == sum(value >= 1000.0 for value in values)


def test_wilson_covers_the_true_share_about_as_often_as_it_says() -> None:
    share, total = 0.97, 200
    covering = math.fsum(
        stats.binom.pmf(good, total, share)
        for good in range(total + 1)
        if (interval := wilson(good, total))
        and interval.low is not None
        and interval.high is not None
        and interval.low <= share <= interval.high
    )

    assert 0.93 < covering < 0.98


@given(VALUES, st.floats(0, 1e6))
def test_values_that_are_in_order_or_pooled_give_the_same(
    values: list[float], bound: float
) -> None:
    counts = {value: values.count(value) for value in values}

    for kept in (Ascending(values), Pooled(counts), Pooled({**counts, -1.0: 0})):
        assert list(kept) == sorted(values)
        assert (kept[0], kept[-1], len(kept)) == (min(values), max(values), len(values))
        assert list(kept[1:3]) == sorted(values)[1:3]
        assert at_most(kept, bound) == at_most(values, bound)
        assert summary(kept).p99 == summary(values).p99
        assert mean(kept) == pytest.approx(mean(values))
        assert spread(kept) == pytest.approx(spread(values))
        assert percentile_interval(kept, 90) == percentile_interval(values, 90)


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=50))
def test_the_spread_is_the_exact_one(values: list[float]) -> None:
    assert spread(values) == pytest.approx(stdev(values), rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("n", [5, 20, 500])
def test_the_reach_of_a_mean_agrees_with_scipy(n: int) -> None:
    assert mean_reach(3.0, n) == pytest.approx(
        float(stats.t.ppf(0.975, n - 1)) * 3.0 / math.sqrt(n), rel=4e-4
    )


@pytest.mark.parametrize("n", [10, 367, 368, 5000])
@pytest.mark.parametrize("percent", [50, 90, 99])
def test_the_ranks_of_a_percentile_are_those_of_the_binomial(n: int, percent: float) -> None:
    for rank, share in zip(
        order_ranks(n, percent), (percent / 100, 1 - percent / 100), strict=True
    ):
        assert stats.binom.cdf(rank - 1, n, share) <= 0.025  # of rank 0 it is 0
        assert stats.binom.cdf(rank, n, share) > 0.025


def test_a_summary_has_each_number_in_its_place() -> None:
    assert summary([float(value) for value in range(1, 201)]) == Summary(
        n=200, mean=100.5, p50=100.0, p90=180.0, p95=190.0, p99=198.0, max=200.0
    )


def test_a_histogram_keeps_its_edges() -> None:
    found = histogram([0.5, 1.0, 1.5, 9.0], [1.0, 2.0])

    assert found == statistics.Histogram((1.0, 2.0), (1, 2, 1))


def test_less_confidence_makes_a_narrower_interval() -> None:
    values = [1.0, 2.0, 4.0, 5.0]
    wide, narrow = mean_interval(values, 0.95), mean_interval(values, 0.5)

    assert wide is not None
    assert narrow is not None
    assert narrow.low is not None
    assert wide.low is not None
    assert narrow.low - wide.low == pytest.approx(
        (stats.t.ppf(0.975, 3) - stats.t.ppf(0.75, 3)) * stdev(values) / 2, rel=0.01
    )


def test_what_is_pooled_of_nothing_is_empty() -> None:
    assert len(Pooled({})) == len(Pooled({1.0: 0})) == 0
    assert list(Pooled({})) == []


@pytest.mark.parametrize("place", [3, -4])
def test_a_place_beyond_the_pooled_values_is_an_index_error(place: int) -> None:
    pooled = Pooled({0.5: 2, 0.25: 1})

    assert (pooled[2], pooled[-3], pooled[1:]) == (0.5, 0.25, [0.5, 0.5])
    with pytest.raises(IndexError, match=str(place)):
        pooled[place]


def test_less_confidence_makes_a_narrower_interval_of_a_percentile() -> None:
    values = [float(value) for value in range(100)]

    assert percentile_interval(values, 50) == Interval(39.0, 60.0)
    assert percentile_interval(values, 50, 0.5) == Interval(46.0, 53.0)


def test_the_interval_of_all_or_nothing_ends_at_one_or_zero_exactly() -> None:
    for total in range(1, 200):
        nothing, everything = wilson(0, total), wilson(total, total)
        assert nothing is not None
        assert everything is not None
        assert (nothing.low, everything.high) == (0.0, 1.0)


@pytest.mark.parametrize("percent", [0, 100])
def test_the_least_and_the_greatest_of_all_have_no_ranks(percent: float) -> None:
    assert order_ranks(50, percent) == (0, 0)


def test_values_in_order_are_not_put_in_order_again() -> None:
    ordered, pooled = Ascending([2.0, 1.0]), Pooled({1.0: 2})

    assert statistics.ascending(ordered) is ordered
    assert statistics.ascending(pooled) is pooled
