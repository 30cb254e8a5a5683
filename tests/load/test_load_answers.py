from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.load.written import HEADER, STREAM, tick, ticks, written

from kimi_conformance.load.judging.result import load_record
from kimi_conformance.load.judging.trend import trend_of
from kimi_conformance.load.samples.records import End, Ended, ErrorClass, Sample, Step, Tick
from kimi_conformance.load.users.search import GENERATOR
from kimi_conformance.slo import parse

OBJECTIVES = parse("""
[all.success_rate]
metric = "success"
objective = 0.9
[all.prompt]
metric = "response_s"
at_most = 1.0
objective = 0.9
""")
SPIKED = replace(
    HEADER, scenario="spike", workload="open; 4 a second", planned_s=40.0, warm_up_s=0.0
)
GREETING = STREAM._replace(name="greeting")
SPIKE = [
    Step(name="before", begin=0.0, end=10.0, rate=4.0),
    Step(name="spike", begin=10.0, end=20.0, judged=False, rate=4.0),
    Step(name="after", begin=20.0, end=40.0, rate=4.0),
]


def sample(intended: float, lasted: float = 0.5, **changes: Any) -> Sample:
    kind = GREETING._replace(**changes)
    first = intended + lasted / 2
    return Sample(
        kind=kind,
        intended=intended,
        start=intended,
        end=intended + lasted,
        first_answer=first if kind.ok else None,
        prompt_tokens=100,
    )


def record(
    samples: Sequence[Sample], steps: Sequence[Step] = (), noted: Sequence[Tick] | None = None
) -> dict[str, Any]:
    file = written(
        samples,
        gaps=(0.1, 0.1),
        ticks=ticks(40) if noted is None else noted,
        end=End(at=40.0, why=Ended.COMPLETE),
        header=SPIKED,
        steps=steps,
    )
    return load_record(file, OBJECTIVES, name="spike.samples", sha256="ab")


def every_quarter(begin: float, end: float, lasted: float = 0.5, **changes: Any) -> list[Sample]:
    count = round((end - begin) * 4)
    return [sample(begin + 0.1 + each / 4, lasted, **changes) for each in range(count)]


def test_what_begins_in_a_part_that_is_set_aside_is_shown_and_not_judged() -> None:
    slow = every_quarter(10, 20, 3.0)
    found = record([*every_quarter(0, 10), *slow, *every_quarter(20, 40)], SPIKE)

    assert found["requests"] == 120
    assert {each["verdict"] for each in found["objectives"]} == {"met"}
    assert [each["name"] for each in found["steps"]] == ["before", "spike", "after"]
    assert [each["requests"] for each in found["steps"]] == [40, 40, 80]
    assert found["steps"][1]["offered_per_s"] == 4.0
    assert found["steps"][1]["goodput_per_s"] == pytest.approx(3.0, abs=0.1)
    assert found["steps"][1]["response_s"]["mean"] == pytest.approx(3.0)
    assert found["steps"][1]["ttft_s"]["p95"] == pytest.approx(1.5)
    assert found["timing"]["itl_s"]["n"] == 2 * 120
    assert "saturation" not in found


@pytest.mark.parametrize(
    ("slow_until", "seconds"), [(20.0, 0.0), (27.0, 7.0), (38.0, None), (40.0, None)]
)
def test_it_has_recovered_when_three_seconds_in_a_row_are_as_promised(
    slow_until: float, seconds: float | None
) -> None:
    samples = [*every_quarter(10, slow_until, 3.0), *every_quarter(slow_until, 40)]

    assert record(samples, SPIKE)["recovery"] == [{"after": "spike", "seconds": seconds}]


def test_a_good_second_between_bad_ones_is_no_recovery() -> None:
    bad: dict[str, Any] = {"error": ErrorClass.SERVER, "status": 503, "detail": "HTTP 503"}
    samples = [
        *every_quarter(20, 22),
        *every_quarter(22, 23, **bad),
        *every_quarter(23, 40),
    ]

    assert record(samples, SPIKE)["recovery"][0]["seconds"] == 3.0


def test_calls_are_told_apart_by_what_they_are_called() -> None:
    again = {"name": "loop", "attempts": 3}
    bad = {"name": "loop", "error": ErrorClass.SERVER, "detail": "HTTP 503"}
    late = sample(40.5, name="after the end")
    found = record([sample(1.1), sample(2.1, 1.5, **again), sample(3.1, 0.1, **bad), late])[
        "by_name"
    ]

    assert list(found) == ["loop", "greeting"]
    assert (found["loop"]["requests"], found["loop"]["attempts"]) == (2, 4)
    assert found["loop"]["success_share"] == 0.5
    assert found["loop"]["response_s"]["mean"] == pytest.approx(1.5)
    assert found["loop"]["mean_prompt_tokens"] == 100
    assert found["greeting"]["ttft_s"]["n"] == 1


def test_the_steps_of_a_search_give_its_answer_and_bad_ones_are_not_judged() -> None:
    steps = [
        Step(name="4 requests/s", begin=0.0, end=10.0, rate=4.0, broke=""),
        Step(name="8 requests/s", begin=12.0, end=22.0, rate=8.0, broke="prompt", judged=False),
    ]
    found = record([*every_quarter(0, 10), *every_quarter(12, 22, 3.0)], steps)

    assert found["saturation"] == {
        "rate": 4.0,
        "broke": "prompt",
        "broke_at": 8.0,
        "tried": 8.0,
        "answered": True,
        "words": "4 requests/s; at 8 requests/s prompt broke.",
    }
    assert found["requests"] == 40
    assert "recovery" not in found


def test_a_generator_that_found_its_limit_in_the_last_step_spoils_no_other() -> None:
    steps = [
        Step(name="4 requests/s", begin=0.0, end=10.0, rate=4.0, broke=""),
        Step(name="8 requests/s", begin=12.0, end=40.0, rate=8.0, broke=GENERATOR, judged=False),
    ]
    noted = [tick(float(at), own_core=99.0 if at > 12 else 10.0) for at in range(1, 41)]
    found = record(every_quarter(0, 10), steps, noted)

    assert (found["valid"], found["saturation"]["answered"]) == (True, False)


def test_refusals_are_counted_where_they_came() -> None:
    noted = [tick(float(at), refused=at > 10, cached=5) for at in range(1, 41)]
    found = record(every_quarter(0, 40), SPIKE, noted)

    assert [each["refused"] for each in found["steps"]] == [0, 9, 20]
    assert found["cached_tokens"] == 200


def test_a_run_without_parts_says_nothing_of_them() -> None:
    assert {"steps", "recovery", "saturation"}.isdisjoint(record([sample(1.1)]))


def test_what_creeps_has_a_slope_above_nothing() -> None:
    creeping = [sample(at + 0.2, 0.5 + at / 100) for at in range(40)]
    noted = [
        tick(float(at), load_memory=1.0 + at / 3600, target_memory=2.0 + (at % 2) / 100)
        for at in range(1, 41)
    ]
    trend = record(creeping, noted=noted)["trend"]

    assert trend["response_s"]["per_hour"] == pytest.approx(36.0, rel=0.05)
    assert trend["load_memory_percent"]["per_hour"] == pytest.approx(1.0)
    assert trend["load_memory_percent"]["low"] > 0
    assert trend["target_memory_percent"]["low"] < 0 < trend["target_memory_percent"]["high"]


def test_a_line_through_points_is_that_of_least_squares() -> None:
    points = [(float(at), 2.0 * at + (1 if at % 2 else -1)) for at in range(12)]

    trend = trend_of(points)

    assert trend is not None
    assert trend.per_hour / 3600 == pytest.approx(2.0420, abs=1e-4)
    assert trend.begin == pytest.approx(-0.2308, abs=1e-4)
    assert trend.end == pytest.approx(22.2308, abs=1e-4)
    # The residuals sum up to 11.748, squared: the error is sqrt(11.748 / 10 / 143) = 0.09064.
    assert (trend.high - trend.low) / 3600 == pytest.approx(2 * 1.96 * 0.09064, abs=1e-4)


@pytest.mark.parametrize("points", [[(1.0, 1.0)] * 9, [(1.0, 1.0)] * 20, []])
def test_too_few_points_have_no_trend(points: list[tuple[float, float]]) -> None:
    assert trend_of(points) is None
