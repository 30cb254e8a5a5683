"""A measurement says itself whether it counts, and why not."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.load.written import tick

from kimi_conformance.load.judging.generator import saturation, validity
from kimi_conformance.load.samples.records import Tick

CALM = tick(1.0, reads=100, chunks=100)
LAGGING = (0.001,) * 90 + (0.020,) * 10


def run(**changes: Any) -> list[Tick]:
    """Ten seconds in which everything was so."""
    return [replace(CALM, at=float(second), **changes) for second in range(1, 11)]


def reasons(ticks: Sequence[Tick], **more: Any) -> tuple[str, ...]:
    return validity(ticks, begin=0.0, end=10.0, **more).invalid


def test_a_calm_run_is_valid_and_trusted() -> None:
    found = validity(run(), late_s=[0.002] * 500, begin=0.0, end=10.0)

    assert (found.invalid, found.distrusted, found.notes) == ((), {}, ())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"own_core": 93.0}, ["used 93 % of its core", "limit is 90 %", "fewer users"]),
        ({"lags": (0.12,)}, ["120 ms late", "limit is 100 ms", "machine of its own"]),
        ({"asleep_s": 0.5}, ["suspended for 5.0 s", "limit is 1 s", "keep it awake"]),
    ],
)
def test_a_reason_says_what_was_measured_the_limit_and_what_to_do(
    changes: dict[str, Any], words: list[str]
) -> None:
    (reason,) = reasons(run(**changes))

    assert [word for word in words if word not in reason] == []


def test_waking_late_once_in_a_hundred_times_is_no_reason() -> None:
    assert saturation([replace(CALM, lags=(*((0.001,) * 99), 0.9))]) == []


@pytest.mark.parametrize("ticks", [[], [replace(CALM, lags=())]])
def test_health_that_nobody_measured_is_a_reason(ticks: list[Tick]) -> None:
    assert saturation(ticks) == ["the health of the load generator was not measured"]


def test_arrivals_that_were_begun_late_though_a_user_was_free_make_it_invalid() -> None:
    (reason,) = reasons(run(), late_s=[0.001] * 95 + [0.3] * 5)

    assert "begun up to 300 ms after they were due" in reason
    assert "limit is 100 ms" in reason


def test_one_late_arrival_in_a_hundred_is_none() -> None:
    assert reasons(run(), late_s=[0.001] * 99 + [0.3]) == ()


def test_seconds_that_nobody_noted_make_it_invalid() -> None:
    stopped = [tick for tick in run() if not 3 <= tick.at <= 8]

    (reason,) = reasons(stopped)

    assert "nothing was noted for 7.0 s from 2.0 s on, the limit is 5 s" in reason


def test_a_gap_in_the_warm_up_spoils_nothing() -> None:
    stopped = [tick for tick in run() if not 2 <= tick.at <= 7]

    assert validity(stopped, begin=8.0, end=10.0).invalid == ()


def test_a_clock_that_was_set_is_noted_and_spoils_nothing() -> None:
    ticks = run()
    ticks[4] = replace(ticks[4], clock_set_s=-3600.0)

    found = validity([*ticks, replace(ticks[4], source=1)], begin=0.0, end=10.0)

    assert found.invalid == ()
    assert len(found.notes) == 1
    assert "set by -3600.0 s at 5 s" in found.notes[0]


def test_a_clock_that_is_slewed_is_not_noted() -> None:
    assert validity(run(clock_set_s=0.0005), begin=0.0, end=10.0).notes == ()


def test_chunks_that_were_read_together_spoil_the_gaps_and_nothing_else() -> None:
    found = validity(run(shared=30), begin=0.0, end=10.0)

    assert found.invalid == ()
    assert list(found.distrusted) == ["itl_s"]
    assert "30% of the chunks" in found.distrusted["itl_s"]
    assert "tpot_s instead" in found.distrusted["itl_s"]


@pytest.mark.parametrize(
    ("lags", "distrusted"),
    [((0.001,) * 100, set()), (LAGGING, {"ttft_s", "first_answer_s", "itl_s"})],
)
def test_reads_without_a_stamp_matter_where_the_generator_wakes_late(
    lags: tuple[float, ...], distrusted: set[str]
) -> None:
    found = validity(run(unstamped=100, lags=lags), begin=0.0, end=10.0)

    assert found.invalid == ()
    assert set(found.distrusted) == distrusted


def test_each_process_must_keep_up_by_itself() -> None:
    busy = [replace(tick, source=2, own_core=99.0) for tick in run()]
    idle = [replace(tick, source=1, own_core=1.0) for tick in run()]

    (reason,) = saturation([*busy, *idle])

    assert reason.startswith("load process 2 used 99 %")


def test_a_scenario_that_raised_is_a_reason() -> None:
    assert reasons(run(), faults=["ZeroDivisionError: division by zero"]) == (
        "the scenario raised ZeroDivisionError: division by zero",
    )
