"""The tests of significance, against scipy where it is installed, and against known values."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kimi_conformance.history.significance import (
    Moments,
    fisher,
    holm,
    mann_whitney,
    moments,
    newcombe,
    student_quantile,
    welch,
    welch_interval,
)

stats: Any = pytest.importorskip("scipy.stats", reason="scipy, the oracle, is not installed")

counts = st.tuples(st.integers(0, 60), st.integers(1, 60)).map(lambda pair: (min(pair), max(pair)))


@settings(max_examples=30)
@given(counts, counts)
def test_fisher_agrees_with_scipy(first: tuple[int, int], second: tuple[int, int]) -> None:
    (good, total), (good2, total2) = first, second

    p = fisher((good, good2), (total, total2))

    table = [[good, total - good], [good2, total2 - good2]]
    assert p == pytest.approx(stats.fisher_exact(table).pvalue, abs=1e-9)


def test_fisher_of_nothing_says_nothing() -> None:
    assert fisher((0, 3), (0, 4)) is None


def test_newcombe_is_the_papers_example() -> None:
    # Newcombe 1998, table II, example (a), method 10: 56/70 - 48/80 is 0.0524 to 0.3339.
    interval = newcombe((48, 56), (80, 70))

    assert interval is not None
    assert interval.low == pytest.approx(0.0524, abs=5e-5)
    assert interval.high == pytest.approx(0.3339, abs=5e-5)


def test_newcombe_of_nothing_says_nothing() -> None:
    assert newcombe((0, 1), (0, 1)) is None


@pytest.mark.parametrize(
    ("n", "m", "shift", "seed"), [(5, 9, 0.0, 1), (40, 30, 0.5, 2), (3, 200, 1, 3)]
)
def test_welch_agrees_with_scipy(n: int, m: int, shift: float, seed: int) -> None:
    noise = random.Random(seed)
    one = [noise.gauss(1, 1) for _ in range(n)]
    two = [noise.gauss(1 + shift, 3) for _ in range(m)]
    first, second = moments(one), moments(two)
    assert first is not None
    assert second is not None

    oracle = stats.ttest_ind(two, one, equal_var=False)
    interval = welch_interval(first, second)

    assert welch(first, second) == pytest.approx(oracle.pvalue, rel=1e-9)
    expected = oracle.confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), rel=1e-8)


def test_what_does_not_vary_is_not_compared() -> None:
    constant = Moments(10, 1.0, 0.0)

    assert welch(constant, constant) is None
    assert moments([1.0]) is None


@pytest.mark.parametrize("freedom", [1, 2.5, 7, 30, 4000])
def test_the_quantile_is_students(freedom: float) -> None:
    assert student_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-9)


values = st.lists(st.integers(0, 30).map(float), min_size=8, max_size=40)


@settings(max_examples=30)
@given(values, values)
def test_mann_whitney_agrees_with_scipy(one: list[float], two: list[float]) -> None:
    p = mann_whitney(one, two)

    if len({*one, *two}) == 1:
        assert p is None
    else:
        oracle = stats.mannwhitneyu(one, two, method="asymptotic", use_continuity=True).pvalue
        assert p == pytest.approx(oracle, abs=1e-9)


def test_few_values_are_not_ranked() -> None:
    assert mann_whitney([1.0] * 7, [2.0] * 100) is None


@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_only_raises_and_keeps_the_order(p_values: list[float]) -> None:
    corrected = [value for value in holm(p_values) if value is not None]

    assert len(corrected) == len(p_values)
    assert all(c >= p for c, p in zip(corrected, p_values, strict=True))
    pairs = sorted(zip(p_values, corrected, strict=True))
    assert [c for _, c in pairs] == sorted(corrected)


def test_holm_is_the_textbooks() -> None:
    # Four tests: 0.005 x 4, 0.01 x 3, 0.03 x 2, then never less than the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
