import json
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.load.written import HEADER, PLAIN, TICKS, tick, written

from kimi_conformance.load.judging.result import load_record
from kimi_conformance.load.samples.file import SampleFile, read_samples
from kimi_conformance.load.samples.log import Batch, first_line
from kimi_conformance.load.samples.records import End, Ended, ErrorClass, Sample
from kimi_conformance.slo import parse

OBJECTIVES = parse("""
    [all.success_rate]
    metric = "success"
    objective = 0.99
    [all.mean_response_s]
    metric = "response_s"
    statistic = "mean"
    at_most = 2.0
    [all.cpu_percent]
    metric = "cpu_percent"
    statistic = "mean"
    at_most = 70
""")


END = End(at=10.2, why=Ended.COMPLETE)


def sample(intended: float, lasted: float = 0.5, **changes: Any) -> Sample:
    sound = Sample(
        kind=PLAIN,
        intended=intended,
        start=intended,
        end=intended + lasted,
        prompt_tokens=7,
        completion_tokens=3,
    )
    return replace(sound, **changes)


def failed(intended: float, lasted: float = 0.5, error: ErrorClass = ErrorClass.SERVER) -> Sample:
    return sample(intended, lasted, kind=PLAIN._replace(error=error, detail="HTTP 503", status=503))


def file(*samples: Sample, end: End | None = END, **more: Any) -> SampleFile:
    return written(samples, end=end, **more)


def record(whole: SampleFile) -> dict[str, Any]:
    return load_record(whole, OBJECTIVES, name="steady_chat.samples", sha256="ab")


def objective(record: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(entry for entry in record["objectives"] if entry["name"] == name)
    return found


def many(count: int, lasted: float = 0.5) -> list[Sample]:
    # Off the full seconds: a float of 24 bits is on either side of them.
    return [sample(2.03 + 7.9 * number / count, lasted) for number in range(count)]


def test_only_what_is_under_way_after_the_warm_up_and_before_the_end_is_judged() -> None:
    judged = record(file(failed(1.4), sample(2.0), sample(9.999, 5.0), failed(10.0)))

    assert judged["requests"] == 2
    assert judged["errors"] == {}


def test_what_hangs_from_the_warm_up_on_is_seen() -> None:
    judged = record(file(failed(1.0, 19.0, ErrorClass.UNFINISHED)))

    assert judged["errors"] == {"unfinished": 1}
    assert objective(judged, "success_rate")["value"] == 0.0


def test_the_warm_up_and_what_comes_late_do_not_move_the_resources() -> None:
    busy = {"host_cpu": 99.0, "load_cpu": 99.0, "own_core": 99.0}
    calm = [tick(float(second)) for second in range(3, 11)]
    ticks = [tick(1.0, **busy), tick(2.0, **busy), *calm, tick(11.0, **busy)]

    judged = record(file(sample(3.0), ticks=ticks))

    assert judged["resources"]["host"]["cpu_percent"] == {
        "mean": 20.0,
        "p95": 20.0,
        "peak": 20.0,
    }
    assert judged["valid"]


def test_failures_count_but_enter_no_time() -> None:
    judged = record(file(sample(3.0, 1.0), sample(4.0, 3.0), failed(5.0, 100.0)))

    assert judged["timing"]["response_s"]["n"] == 2
    assert judged["timing"]["response_s"]["mean"] == 2.0
    assert objective(judged, "success_rate")["value"] == pytest.approx(2 / 3)
    assert judged["errors"] == {"server": 1}
    assert judged["failures"] == [{"class": "server", "detail": "HTTP 503", "count": 1}]


def test_times_count_from_the_intended_start() -> None:
    late = sample(3.0, first_answer=5.5, start=5.0, end=6.0)

    timing = record(file(late, gaps=(0.25,)))["timing"]

    assert timing["response_s"]["max"] == 3.0
    assert timing["ttft_s"]["max"] == 2.5
    assert timing["itl_s"]["max"] == 0.25
    assert timing["late_s"]["max"] == 2.0


def test_gaps_of_the_warm_up_and_of_failures_are_not_judged() -> None:
    batch = Batch(HEADER)
    batch.add(sample(0.5), (0.5,))
    batch.add(failed(3.0), (0.125,))
    batch.add(sample(3.0), (0.25, 0.25))
    whole = read_samples(first_line(HEADER) + batch.take())

    timing = record(whole)["timing"]["itl_s"]

    assert (timing["n"], timing["mean"], timing["max"]) == (2, 0.25, 0.25)


def test_reasoning_and_answer_have_clocks_of_their_own() -> None:
    thoughtful = sample(3.0, 2.0, first_reasoning=3.5, first_answer=4.25)
    silent = sample(3.0, 2.0, first_reasoning=3.5)

    timing = record(file(thoughtful, silent))["timing"]

    assert (timing["ttft_s"]["n"], timing["ttft_s"]["max"]) == (2, 0.5)
    assert (timing["thinking_s"]["n"], timing["thinking_s"]["max"]) == (1, 0.75)


def test_a_run_says_how_far_its_own_clock_is_to_be_trusted() -> None:
    ticks = [tick(3.0, reads=90, unstamped=9, chunks=40, shared=4), tick(4.0, reads=10)]

    generator = record(file(sample(3.0, start=3.25), ticks=ticks))["generator"]

    assert generator["unstamped_share"] == 0.09
    assert generator["shared_share"] == 0.1
    assert generator["late_p99_s"] == 0.25


def test_a_good_run_is_met() -> None:
    judged = record(file(*many(400)))

    assert judged["complete"]
    assert judged["valid"]
    assert {entry["verdict"] for entry in judged["objectives"]} == {"met"}


def test_a_run_without_requests_meets_nothing_and_has_no_nan() -> None:
    judged = record(file())

    assert judged["requests"] == 0
    assert {entry["verdict"] for entry in judged["objectives"]} == {"undecided"}
    assert judged["timing"]["ttft_s"]["mean"] is None


@pytest.mark.parametrize(
    ("end", "ended"),
    [
        (None, "killed"),
        (End(at=5.0, why=Ended.INTERRUPTED), "interrupted"),
        (End(at=80.0, why=Ended.TIME_LIMIT), "time limit"),
    ],
)
def test_a_run_that_was_cut_short_is_marked_and_never_met(end: End | None, ended: str) -> None:
    judged = record(file(*many(400), end=end))

    assert (judged["complete"], judged["ended"]) == (False, ended)
    assert {entry["verdict"] for entry in judged["objectives"]} == {"undecided"}


def test_a_run_that_was_cut_short_still_shows_what_it_missed() -> None:
    judged = record(file(*many(400, lasted=5.0), end=None))

    assert objective(judged, "mean_response_s")["verdict"] == "missed"


def test_a_saturated_generator_makes_the_run_invalid() -> None:
    late = [replace(one, lags=(0.2, 0.3)) for one in TICKS]

    judged = record(file(*many(400, lasted=5.0), ticks=late))

    assert not judged["valid"]
    assert "300 ms late" in judged["invalid_because"][0]
    assert {entry["verdict"] for entry in judged["objectives"]} == {"undecided"}


def test_a_scenario_that_raised_makes_the_run_invalid() -> None:
    broken = End(at=5.0, why=Ended.BROKEN, faults=("ZeroDivisionError: division by zero",))

    judged = record(file(*many(10), end=broken))

    assert not judged["valid"]
    assert "ZeroDivisionError" in judged["invalid_because"][0]


def test_what_hung_until_the_end_is_a_failure_only_where_it_had_time_to_end() -> None:
    hung = failed(4.0, 16.0, ErrorClass.UNFINISHED)

    whole = record(file(sample(3.0), hung))
    interrupted = record(file(sample(3.0), hung, end=End(at=5.0, why=Ended.INTERRUPTED)))

    assert whole["errors"] == {"unfinished": 1}
    assert (interrupted["requests"], interrupted["errors"]) == (1, {})


def test_a_series_has_one_value_a_second_and_null_where_nothing_was() -> None:
    series = record(file(sample(3.0, 0.5), failed(3.2, 0.5), sample(3.1, 2.0)))["series"]

    assert series["second"] == list(range(11))
    assert {len(values) for key, values in series.items() if key not in {"bucket_s", "errors"}} == {
        11
    }
    assert series["bucket_s"] == 1
    assert series["errors"]["server"][3:6] == [1, 0, 0]
    assert series["requests"][3:6] == [2, 0, 1]
    assert series["failures"][3:6] == [1, 0, 0]
    assert series["mean_response_s"][3:6] == [0.5, None, pytest.approx(2.0)]
    assert series["cpu_percent"][0] == 20.0


def test_the_target_is_null_where_it_runs_elsewhere() -> None:
    local = [replace(one, target_cpu=40.0, target_memory=2.0) for one in TICKS]

    assert record(file(sample(3.0)))["resources"]["target"] is None
    assert record(file(sample(3.0), ticks=local))["resources"]["target"] == {
        "cpu_percent": {"mean": 40.0, "p95": 40.0, "peak": 40.0},
        "memory_percent": {"mean": 2.0, "p95": 2.0, "peak": 2.0},
    }


@pytest.mark.parametrize("samples", [[], many(7), [failed(3.0)]])
def test_a_record_is_plain_json(samples: Sequence[Sample]) -> None:
    judged = record(file(*samples))

    assert json.loads(json.dumps(judged, allow_nan=False))["record"] == "load"
    assert {type(entry["verdict"]) for entry in judged["objectives"]} == {str}


@settings(max_examples=20)
@given(st.randoms(use_true_random=False), st.integers(1, 5))
def test_merged_shards_give_the_record_of_the_whole(dice: random.Random, shards: int) -> None:
    whole = [*many(40), failed(3.1), sample(4.1, first_answer=4.3)]
    parts: list[list[Sample]] = [[] for _ in range(shards)]
    for one in whole:
        dice.choice(parts).append(one)

    batches = [Batch(HEADER, source) for source in range(shards)]
    for batch, part in zip(batches, parts, strict=True):
        for one in part:
            batch.add(one, (0.1, 0.2))
    batches[0].note(END)
    merged = read_samples(first_line(HEADER) + b"".join(batch.take() for batch in batches))

    assert about(record(merged)) == about(record(file(*whole, gaps=(0.1, 0.2), ticks=())))


def about(value: Any) -> Any:
    """The record without what float32 makes of it."""
    if isinstance(value, dict):
        return {key: about(each) for key, each in value.items()}
    if isinstance(value, list):
        return [about(each) for each in value]
    return round(value, 5) if isinstance(value, float) else value
