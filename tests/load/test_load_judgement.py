"""What a load record says beyond its objectives: goodput, failures apart, budgets, time."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.load.written import HEADER, PLAIN, STREAM, TICKS, tick, written

from kimi_conformance.load.judging.result import load_record
from kimi_conformance.load.judging.time_axis import MOST, Axis
from kimi_conformance.load.samples.file import read_samples
from kimi_conformance.load.samples.format import ROWS, Block
from kimi_conformance.load.samples.log import Batch, first_line
from kimi_conformance.load.samples.records import (
    End,
    Ended,
    ErrorClass,
    Sample,
    Step,
)
from kimi_conformance.slo import parse

DOWN = STREAM._replace(status=503, error=ErrorClass.SERVER, detail="HTTP 503")
REFUSED = STREAM._replace(status=429, error=ErrorClass.RATE_LIMIT, detail="HTTP 429")
# It takes 1.125 s, of which 0.125 s to the first of its nine tokens, and 0.125 s for each other.
REPLY = Sample(
    kind=STREAM,
    intended=4.0,
    start=4.0,
    end=5.125,
    first_answer=4.125,
    stall_s=0.25,
    prompt_tokens=7,
    completion_tokens=9,
)
SLOW = replace(REPLY, first_answer=5.0, end=6.0)  # TTFT 1 s, TPOT as good
SUCCESS = '[all.success]\nmetric = "success"\nobjective = 0.9\n'
GOODPUT = """
    [all.goodput]
    metric = "goodput"
    objective = 0.9
    bounds = { ttft_s = 0.5, tpot_s = 0.2, response_s = 3 }
"""
TTFT = '[all.ttft]\nmetric = "ttft_s"\nat_most = 0.5\nobjective = 0.9\n'


def record(*samples: Sample, slo: str = SUCCESS, **more: Any) -> dict[str, Any]:
    """The record of what was written so."""
    return load_record(written(samples, **more), parse(slo), name="a.samples", sha256="ab")


def later(sample: Sample, seconds: float) -> Sample:
    moved = {
        name: at + seconds
        for name in ("intended", "start", "end", "first_answer", "first_reasoning")
        if (at := getattr(sample, name)) is not None
    }
    return replace(sample, **moved)


def test_goodput_is_of_calls_that_keep_every_bound_and_failures_are_none() -> None:
    judged = record(REPLY, SLOW, replace(REPLY, kind=DOWN), slo=GOODPUT)

    (objective,) = judged["objectives"]
    goodput = judged["throughput"]["goodput"]
    assert objective["value"] == pytest.approx(1 / 3)
    assert goodput["bounds"] == {"response_s": 3.0, "tpot_s": 0.2, "ttft_s": 0.5}
    assert (goodput["good"], goodput["share"]) == (1, pytest.approx(1 / 3))
    assert goodput["requests_per_s"] == 1 / 8
    assert goodput["tokens_per_s"] == 9 / 8
    assert judged["throughput"]["window_s"] == 8.0
    assert judged["throughput"]["requests_per_s"] == 3 / 8
    assert judged["throughput"]["completed_per_s"] == 2 / 8
    assert judged["throughput"]["tokens_per_s"] == 18 / 8


@pytest.mark.parametrize(
    ("sample", "good"),
    [
        (REPLY, 1),
        (replace(REPLY, end=6.0), 0),  # 0.23 s a token
        (replace(REPLY, completion_tokens=None), 0),  # nobody can say
        (replace(REPLY, completion_tokens=1), 1),  # no token follows
        (replace(REPLY, kind=PLAIN, first_answer=None, end=6.9), 1),
        (replace(REPLY, kind=PLAIN, first_answer=None, end=7.1), 0),
        (replace(REPLY, first_answer=None), 0),  # a stream without a first token
        (later(REPLY, 6.0), 0),  # after the end
    ],
)
def test_a_good_call_keeps_the_bounds_that_it_can_have(sample: Sample, good: int) -> None:
    assert record(sample, slo=GOODPUT)["throughput"]["goodput"]["good"] == good


def test_without_a_promise_of_goodput_the_strictest_bounds_of_shares_are_kept() -> None:
    lax = TTFT.replace("[all.ttft]", "[steady_chat.lax]").replace("0.5", "2").replace("0.9", "0.95")

    goodput = record(REPLY, SLOW, slo=SUCCESS + TTFT + lax)["throughput"]["goodput"]

    assert (goodput["bounds"], goodput["good"]) == ({"ttft_s": 0.5}, 1)


def test_times_of_tokens_and_of_the_answer_itself() -> None:
    thoughtful = replace(REPLY, first_reasoning=4.125, first_answer=4.625)

    timing = record(REPLY, thoughtful)["timing"]

    assert (timing["tpot_s"]["n"], timing["tpot_s"]["p50"]) == (2, 0.125)
    assert timing["tokens_per_s"]["max"] == 8.0
    assert (timing["ttft_s"]["n"], timing["ttft_s"]["max"]) == (2, 0.125)
    assert (timing["first_answer_s"]["p50"], timing["first_answer_s"]["max"]) == (0.125, 0.625)


def test_a_reply_that_only_reasons_has_no_answer() -> None:
    silent = replace(REPLY, first_reasoning=4.125, first_answer=None)

    timing = record(silent)["timing"]

    assert (timing["ttft_s"]["n"], timing["first_answer_s"]["n"]) == (1, 0)


def test_failures_stand_apart_by_class_each_with_why_it_counts() -> None:
    judged = record(REPLY, replace(REPLY, kind=DOWN), replace(REPLY, kind=REFUSED))

    classes = {each["class"]: each for each in judged["error_classes"]}
    assert set(classes) == {str(each) for each in ErrorClass} - {"ok"}
    assert (classes["server"]["count"], classes["server"]["share"]) == (1, pytest.approx(1 / 3))
    assert classes["transport"]["count"] == 0
    assert all(each["counts"] for each in classes.values())
    assert judged["not_counted"] == []


def test_a_refusal_that_was_meant_counts_neither_for_nor_against() -> None:
    meant = replace(REPLY, kind=REFUSED._replace(expected=True))

    judged = record(REPLY, meant, meant)

    assert (judged["requests"], judged["errors"]) == (1, {})
    assert judged["objectives"][0]["value"] == 1.0
    assert judged["not_counted"] == [
        {
            "class": "rate_limit",
            "detail": "HTTP 429",
            "count": 2,
            "why": "the scenario set out to cause it",
        }
    ]
    assert judged["series"]["errors"]["expected"][5] == 2
    assert sum(judged["series"]["failures"]) == 0


def test_a_run_of_meant_refusals_alone_meets_nothing() -> None:
    meant = replace(REPLY, kind=REFUSED._replace(expected=True))

    judged = record(*[meant] * 500)

    assert {each["verdict"] for each in judged["objectives"]} == {"undecided"}


def test_what_was_left_out_for_its_time_is_named() -> None:
    warm = later(replace(REPLY, kind=DOWN), -4.0)
    hung = replace(REPLY, kind=DOWN._replace(error=ErrorClass.UNFINISHED, detail="under way"))

    judged = record(REPLY, warm, hung, end=End(at=9.0, why=Ended.INTERRUPTED))

    assert judged["requests"] == 1
    left_out = {each["detail"]: each["why"] for each in judged["not_counted"]}
    assert "cut short" in left_out["under way"]
    assert "warm-up" in left_out["HTTP 503"]


def test_a_call_that_was_tried_again_is_one_call() -> None:
    rescued = replace(REPLY, kind=STREAM._replace(attempts=3))
    lost = replace(REPLY, kind=DOWN._replace(attempts=4))

    judged = record(REPLY, rescued, lost)

    assert judged["requests"] == 3
    assert judged["attempts"] == {
        "calls": 3,
        "requests": 8,
        "retried": 2,
        "rescued": 1,
        "most": 4,
    }


def test_a_budget_says_how_much_is_spent_and_when() -> None:
    bad = replace(REPLY, kind=DOWN)
    samples = [REPLY] * 35 + [bad] + [later(REPLY, 2.0)] * 3 + [later(bad, 2.0)]

    (budget,) = record(*samples)["error_budgets"]

    assert budget["budget"] == pytest.approx(0.1)
    assert (budget["values"], budget["bad"], budget["spent"]) == (40, 2, pytest.approx(0.5))
    assert budget["burn_rate"][5] == pytest.approx(1 / 36 / 0.1)
    assert budget["burn_rate"][6] is None
    assert budget["burn_rate"][7] == pytest.approx(1 / 4 / 0.1)
    assert budget["spent_by"][4:8] == pytest.approx([0.0, 0.25, 0.25, 0.5])
    assert budget["spent_by"][-1] == pytest.approx(budget["spent"])


def test_a_budget_of_times_is_spent_by_what_takes_longer() -> None:
    budget = record(REPLY, SLOW, replace(REPLY, kind=DOWN), slo=TTFT)["error_budgets"][0]

    assert (budget["values"], budget["bad"], budget["spent"]) == (2, 1, pytest.approx(5.0))
    assert budget["burn_rate"][5:7] == [0.0, pytest.approx(10.0)]


def test_a_budget_of_gaps_has_no_course() -> None:
    slo = '[all.itl]\nmetric = "itl_s"\nat_most = 0.2\nobjective = 0.9\n'

    (budget,) = record(REPLY, slo=slo)["error_budgets"]

    assert (budget["burn_rate"], budget["spent_by"]) == (None, None)


@settings(max_examples=25)
@given(st.floats(0, 1))
def test_a_run_that_was_cut_anywhere_is_judged_and_never_met(part: float) -> None:
    """A killed process leaves a file that ends somewhere."""
    batch, content = Batch(HEADER), first_line(HEADER)
    begin = len(content)
    for second, noted in enumerate(TICKS):
        for _ in range(10):
            batch.add(later(REPLY, second - 4.0))
        batch.note(noted)
        content += batch.take()
    cut = begin + round(part * (len(content) - begin))

    judged = load_record(
        read_samples(content[:cut]), parse(SUCCESS + TTFT + GOODPUT), name="a", sha256="ab"
    )

    assert (judged["complete"], judged["ended"]) == (False, "killed")
    assert {each["verdict"] for each in judged["objectives"]} == {"undecided"}
    assert all(each["because"] for each in judged["objectives"])


def test_figures_stand_by_model_too() -> None:
    other = replace(SLOW, kind=STREAM._replace(model="kimi-k3"))

    models = record(REPLY, other, replace(other, kind=DOWN._replace(model="kimi-k3")))["models"]

    assert list(models) == ["kimi-k2.6", "kimi-k3"]
    assert (models["kimi-k3"]["requests"], models["kimi-k3"]["success_share"]) == (2, 0.5)
    assert models["kimi-k3"]["timing"]["ttft_s"]["max"] == 1.0
    assert models["kimi-k2.6"]["timing"]["ttft_s"]["max"] == 0.125


def test_the_course_of_a_run() -> None:
    series = record(REPLY, SLOW, replace(REPLY, kind=DOWN), slo=GOODPUT)["series"]

    assert series["offered"][3:7] == [0, 3, 0, 0]
    assert series["requests"][3:7] == [0, 0, 2, 1]
    assert series["completed"][3:7] == [0, 0, 1, 1]
    assert series["good"][3:7] == [0, 0, 1, 0]
    assert series["in_flight"][3:7] == [0, 3, 1, 0]
    assert series["p50_response_s"][5] == series["p99_response_s"][5] == 1.125
    assert series["p95_ttft_s"][6] == 1.0


def test_a_run_that_ended_at_once_has_a_record() -> None:
    judged = record(REPLY, ticks=(), end=End(at=0.0, why=Ended.INTERRUPTED))

    assert judged["series"]["requests"] == [1.0]
    assert {each["verdict"] for each in judged["objectives"]} == {"undecided"}


def test_the_course_shows_the_warm_up_too() -> None:
    series = record(later(REPLY, -4.0), slo=GOODPUT)["series"]

    assert (series["good"][1], series["completed"][1], series["p95_ttft_s"][1]) == (1, 1, 0.125)


def test_a_run_without_a_good_call_has_a_course_too() -> None:
    series = record(replace(REPLY, kind=DOWN))["series"]

    assert series["p95_response_s"] == series["mean_ttft_s"] == [None] * 10
    assert series["failures"][5] == 1


@given(st.floats(0.5, 20_000), st.lists(st.floats(0, 1.0), max_size=20))
def test_every_moment_of_a_run_lies_in_one_of_few_buckets(
    length: float, parts: list[float]
) -> None:
    axis = Axis(length)

    places = axis.places([part * length for part in parts])

    assert axis.count <= MOST
    assert (axis.count - 1) * axis.width < length <= axis.count * axis.width
    for place, part in zip(places, parts, strict=True):
        assert place == min(int(int(part * length) / axis.width), axis.count - 1)


def test_a_long_run_is_drawn_in_six_hundred_buckets_at_most() -> None:
    header = replace(HEADER, planned_s=1200.0)
    noted = [tick(float(at), host_cpu=float(at % 2)) for at in range(1, 1201)]
    samples = [later(REPLY, float(second)) for second in range(0, 1000, 4)]

    series = record(*samples, header=header, ticks=noted, end=End(at=1200.0, why=Ended.COMPLETE))[
        "series"
    ]

    assert (series["bucket_s"], len(series["second"])) == (2, 600)
    assert series["requests"][2:6] == [0.5, 0, 0.5, 0]  # a second
    assert sum(series["requests"]) * 2 == len(samples)
    assert (series["cpu_percent"][3], series["cpu_percent_peak"][3]) == (0.5, 1.0)


@settings(max_examples=15)
@given(st.permutations(range(6)))
def test_the_order_of_the_samples_makes_no_difference(order: list[int]) -> None:
    samples = [later(REPLY, 0.5 * number) for number in range(5)] + [later(SLOW, 1.0)]

    assert record(*[samples[place] for place in order]) == record(*samples)


def test_shares_of_several_processes_are_added_and_the_host_is_not() -> None:
    two = [replace(each, source=1, load_cpu=7.0, host_cpu=22.0, users=3) for each in TICKS]

    judged = record(REPLY, ticks=[*TICKS, *two])

    assert judged["resources"]["load"]["cpu_percent"]["mean"] == 12.0
    assert judged["resources"]["host"]["cpu_percent"]["mean"] == 21.0
    assert judged["series"]["users"][3] == 5
    assert judged["valid"]


def test_of_several_machines_the_one_that_is_used_most_counts() -> None:
    two = [replace(each, source=1, load_cpu=7.0, host_cpu=60.0) for each in TICKS]
    lines = [
        json.dumps({"row": "source", "source": source, "host": host, "worker": source}).encode()
        for source, host in enumerate(("one", "two"))
    ]

    judged = record(
        REPLY, ticks=[*TICKS, *two], rows=Block(ROWS, b"\n".join(lines) + b"\n").encode()
    )

    assert judged["resources"]["load"]["cpu_percent"]["mean"] == 7.0
    assert judged["resources"]["host"]["cpu_percent"]["mean"] == 60.0


def test_resources_stand_against_their_targets() -> None:
    slo = '[all.cpu_percent]\nmetric = "cpu_percent"\nstatistic = "mean"\nat_most = 70\n'
    ticks = [*TICKS[:8], tick(9.0, load_cpu=90.0), tick(10.0, load_cpu=71.0)]

    cpu = record(REPLY, slo=slo, ticks=ticks)["resources"]["load"]["cpu_percent"]

    assert (cpu["target"], cpu["over"], cpu["peak"]) == (70.0, 0.25, 90.0)


def test_what_the_generator_held_back_by_design_is_valid_and_shown() -> None:
    waited = replace(REPLY, kind=STREAM._replace(held=True), intended=3.0)
    prompt = replace(REPLY, kind=STREAM._replace(held=False))

    judged = record(*[waited] * 50, *[prompt] * 50)

    assert judged["valid"]
    assert (judged["generator"]["held"], judged["generator"]["held_p99_s"]) == (50, 1.0)
    assert judged["timing"]["response_s"]["max"] == 2.125


def test_what_the_generator_began_late_by_itself_is_not_valid() -> None:
    late = replace(REPLY, kind=STREAM._replace(held=False), intended=3.0)

    judged = record(*[late] * 50)

    assert not judged["valid"]
    assert "though a user was free" in judged["invalid_because"][0]


def test_gaps_that_are_not_trusted_leave_their_objective_open() -> None:
    slo = '[all.itl]\nmetric = "itl_s"\nat_most = 0.2\nobjective = 0.9\n' + SUCCESS
    ticks = [replace(each, chunks=10, shared=9) for each in TICKS]

    judged = record(*[REPLY] * 100, slo=slo, ticks=ticks)

    itl, success = judged["objectives"]
    assert (itl["verdict"], success["verdict"]) == ("undecided", "met")
    assert "itl_s are not to be trusted" in itl["because"]
    assert list(judged["distrusted"]) == ["itl_s"]


def test_parts_that_are_set_aside_are_not_judged_and_take_no_time() -> None:
    spike = Step(name="spike", begin=4.0, end=6.0, judged=False)
    bad = replace(REPLY, kind=DOWN)

    judged = record(bad, later(REPLY, 3.0), steps=[spike])

    assert (judged["requests"], judged["errors"]) == (1, {})
    assert judged["throughput"]["window_s"] == 6.0
