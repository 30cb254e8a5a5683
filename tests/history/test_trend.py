"""One quantity over runs."""

import pytest
from tests.history.memories import load, outcome, past, share

from kimi_conformance.errors import UsageError
from kimi_conformance.history.regression import Sure
from kimi_conformance.history.trend import trend

RUNS = [
    past(
        f"r{number}",
        started=float(number),
        outcomes=(
            outcome("a", "failed" if number in failing else "passed"),
            outcome("b", requirement="OTHER-01", sut="openai"),
            outcome("c", "not_claimed", requirement="OTHER-01"),
        ),
        loads=(load(float(number), share(990 - number, 1000)),),
    )
    for failing in [(2, 4)]
    for number in range(6)
]


def test_the_share_of_passed_checks_leaves_out_what_is_not_claimed() -> None:
    found = trend("pass_share", RUNS)

    assert [point.value for point in found.points] == [1.0, 1.0, 0.5, 1.0, 0.5, 1.0]
    assert found.points[0].low == pytest.approx(0.342, abs=1e-3)  # Wilson, 2 of 2


def test_a_requirement_shows_its_worst_check_and_how_steady_it_is() -> None:
    found = trend("FILTER-01", RUNS)

    assert [point.state for point in found.points[1:3]] == ["passed", "failed"]
    assert found.steadiness is not None
    assert (found.steadiness.sure, found.steadiness.flips) == (Sure.FLAKY, 4)
    assert trend("OTHER-01", RUNS).points[0].state == "not_claimed"
    assert trend("OTHER-01", RUNS, "openai").points[0].state == "passed"


def test_an_objective_has_its_target() -> None:
    found = trend("success_rate", RUNS)

    assert (found.target, found.metric) == (0.99, "success_share")
    assert [point.value for point in found.points] == [0.99 - n / 1000 for n in range(6)]


def test_what_no_run_knows_is_told_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean 'FILTER-01'"):
        trend("FILTER-1", RUNS)


def test_whom_no_run_knows_is_told_with_those_it_knows() -> None:
    with pytest.raises(UsageError, match=r"'success_rate' of kimi-k3\. Did you mean 'kimi-k2'"):
        trend("success_rate", RUNS, "kimi-k3")
    with pytest.raises(UsageError, match=r"'OTHER-01' of nobody\. Known: openai, reference"):
        trend("OTHER-01", RUNS, "nobody")


def test_an_objective_of_loads_that_do_not_count_is_not_called_unknown() -> None:
    invalid = past("20260801-load", loads=(load(0, share(9, 10), counts=False),))

    with pytest.raises(UsageError, match=r"counts: .* report reports/out/20260801-load"):
        trend("success_rate", [invalid])
