import statistics
from itertools import islice, pairwise, takewhile

import pytest

from kimi_conformance.errors import UsageError
from kimi_conformance.load.users.arrivals import Arrivals, Constant, Poisson, share_of


def moments(arrivals: Arrivals, count: int) -> list[float]:
    return [arrival.at for arrival in islice(arrivals, count)]


def test_a_constant_rate_has_even_intervals() -> None:
    assert moments(Constant(4), 4) == [0.25, 0.5, 0.75, 1.0]


def test_a_schedule_is_the_same_each_time_and_another_with_another_seed() -> None:
    assert moments(Poisson(5, seed=1), 50) == moments(Poisson(5, seed=1), 50)
    assert moments(Poisson(5, seed=1), 50) != moments(Poisson(5, seed=2), 50)


def test_gaps_of_a_poisson_schedule_are_exponential() -> None:
    times = moments(Poisson(10, seed=7), 20_000)

    gaps = [two - one for one, two in pairwise(times)]
    assert statistics.fmean(gaps) == pytest.approx(0.1, rel=0.03)
    assert statistics.stdev(gaps) == pytest.approx(0.1, rel=0.03)
    assert times == sorted(times)


@pytest.mark.parametrize("kind", [Constant, Poisson])
def test_steps_change_the_rate_at_their_seconds_and_then_it_is_over(
    kind: type[Constant] | type[Poisson],
) -> None:
    times = [arrival.at for arrival in kind(((100, 20), (200, 0), (300, 40)))]

    first = list(takewhile(lambda at: at < 100, times))
    assert len(first) == pytest.approx(2000, rel=0.1)
    assert not [at for at in times if 100 <= at < 200]
    assert len(times) - len(first) == pytest.approx(4000, rel=0.1)
    assert max(times) < 300


def test_a_longer_run_stretches_the_steps_and_keeps_the_rates() -> None:
    times = [arrival.at for arrival in Constant(((1, 4), (2, 8))).stretched(2)]

    assert len([at for at in times if at < 2]) == 7
    assert max(times) < 4
    assert Constant(4).stretched(9) == Constant(4)


@pytest.mark.parametrize("kind", [Constant, Poisson])
def test_a_rate_that_cannot_be_is_refused(kind: type[Constant] | type[Poisson]) -> None:
    with pytest.raises(UsageError, match="from 0 on"):
        kind(-1)
    with pytest.raises(UsageError, match="one after the other"):
        kind(((10, 1), (10, 2)))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_several_processes_send_each_arrival_once(count: int) -> None:
    schedule = Poisson(((5, 20),), seed=3)

    shares = [list(share_of(schedule, index, count)) for index in range(count)]

    assert sorted(each.at for share in shares for each in share) == [each.at for each in schedule]
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
