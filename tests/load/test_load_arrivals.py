import statistics
from itertools import islice, pairwise, takewhile
from pathlib import Path

import pytest

from kimi_conformance.errors import UsageError
from kimi_conformance.load.arrivals import Arrival, Arrivals, Constant, Poisson, read_trace


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


def test_a_rate_below_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="from 0 on"):
        moments(Poisson(-1), 1)


def test_a_trace_is_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text('{"at": 0.5, "body": "chat/greeting", "max_tokens": 8}\n\n{"at": 1}\n', "utf-8")

    trace = read_trace(path)

    assert list(trace) == [Arrival(0.5, "chat/greeting", {"max_tokens": 8}), Arrival(1.0)]
    assert trace.stretched(3) == trace


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nonsense", "line 2 is no arrival"),
        ("[]", "line 2 is no arrival"),
        ("{}", "line 2 is no arrival"),
        ('{"at": -1}', "from 0 on"),
        ('{"at": 1, "body": 7}', "is a name"),
        ('{"at": 0.5}', "comes before the line above"),
    ],
)
def test_a_line_that_is_no_arrival_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text(f'{{"at": 1}}\n{line}\n', "utf-8")

    with pytest.raises(UsageError, match=message):
        read_trace(path)


def test_a_trace_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_trace(tmp_path / "none.jsonl")
