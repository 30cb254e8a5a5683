"""What an slo.toml may say, and in which words a wrong one is refused."""

import pytest

from kimi_conformance.errors import UsageError
from kimi_conformance.slo import Objective, parse

SHARE = '[a.b]\nmetric = "success"\n'
GOODPUT = '[a.b]\nmetric = "goodput"\nobjective = 0.9\n'


def p(name: str, statistic: str, bound: float) -> str:
    """An objective of a percentile."""
    return f'[a.{name}]\nmetric = "ttft_s"\nstatistic = "{statistic}"\nat_most = {bound}\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metric =", "is not TOML"),
        ("metric = 1", "lone key 'metric'"),
        ("[a]\nb = 1", "is no table"),
        ("[a.b]\nobjective = 0.9", "lacks metric"),
        ('[a.b]\nmetric = "respose_s"\nobjective = 0.9', "Did you mean 'response_s'"),
        ("[a.b]\nmetric = 3\nobjective = 0.9", "metric 3"),
        (SHARE + "objectiv = 0.9", "Did you mean 'objective'"),
        (SHARE + "objective = 99", "Is it meant as 0.99?"),
        (SHARE + "objective = 1", "below 1"),
        (SHARE + "objective = 0", "above 0"),
        (SHARE + "objective = nan", "above 0"),
        (SHARE + "objective = true", "no number"),
        (SHARE + "at_most = 1.0", "takes objective, but has at_most"),
        (SHARE, "but has nothing"),
        (SHARE + 'requirement = "PERF-01"', "but has nothing"),
        (SHARE + "objective = 0.9\nrequirement = 1", "is the id of none"),
        ('[a.b]\nmetric = "ttft_s"\nat_most = 0.8', "at_most and objective or statistic"),
        ('[a.b]\nmetric = "ttft_s"\nat_most = -1\nobjective = 0.9', "above 0"),
        ('[a.b]\nmetric = "ttft_s"\nat_most = 1\nstatistic = "p98"', "Did you mean 'p9"),
        ('[a.b]\nmetric = "cpu_percent"\nat_most = 120\nstatistic = "mean"', "above 100 %"),
        (GOODPUT, "takes bounds and objective, but has objective"),
        (GOODPUT + "bounds = {}", "Say what a good call keeps"),
        (GOODPUT + "bounds = 3", "Say what a good call keeps"),
        (GOODPUT + "bounds = { itl_s = 0.1 }", "Bound tpot_s"),
        (GOODPUT + "bounds = { tfft_s = 0.1 }", "Did you mean 'ttft_s'"),
        (GOODPUT + "bounds = { ttft_s = -1 }", "bounds.ttft_s is -1; it must be a number above 0"),
        (SHARE + "objective = 0.9\nbounds = { ttft_s = 1 }", "takes objective, but has"),
        (p("x", "p95", 3) + p("y", "p99", 2), "[a.x] asks 95 % of ttft_s to be within 3"),
        (p("x", "p99", 3) + p("y", "p99", 2), "can never fail by itself"),
        (
            p("x", "p99", 2) + '[a.y]\nmetric = "ttft_s"\nat_most = 2.5\nobjective = 0.9',
            "[a.y] asks 90 % of ttft_s",
        ),
    ],
)
def test_a_wrong_file_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=r"^slo\.toml") as raised:
        parse(text, "slo.toml")

    assert message in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        p("x", "p50", 1) + p("y", "p95", 2) + p("z", "p99", 3),
        p("x", "p99", 2) + p("y", "mean", 5),
        p("x", "p99", 2) + p("y", "p50", 5).replace("ttft_s", "response_s"),
        p("x", "p50", 5) + p("y", "p99", 2).replace("[a.", "[all."),
    ],
)
def test_objectives_that_leave_each_other_room_are_read(text: str) -> None:
    assert len(parse(text).of("a")) >= 2


def test_objectives_that_ask_for_the_same_or_less_are_read() -> None:
    same = parse(p("x", "p95", 2) + p("y", "p99", 2))
    of_a_mean = parse(p("x", "mean", 1) + p("y", "p99", 2))

    assert [each.target for each in same.of("a")] == [2.0, 2.0]
    assert [each.target for each in of_a_mean.of("a")] == [1.0, 2.0]


def test_an_objective_is_read_with_all_that_it_says() -> None:
    found = parse(
        '[a.b]\nmetric = "ttft_s"\nat_most = 2\nobjective = 0.9\nrequirement = "PERF-07"\n'
        '[a.c]\nmetric = "cpu_percent"\nat_most = 100\nstatistic = "p99"\n'
    )

    assert found.of("a") == (
        Objective(name="b", metric="ttft_s", bound=2.0, objective=0.9, requirement="PERF-07"),
        Objective(name="c", metric="cpu_percent", bound=100.0, statistic="p99"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metric =", "slo.toml is not TOML: Invalid value (at end of document)"),
        (
            SHARE + "at_most = 1.0\nstatistic = 'mean'",
            "slo.toml, [a.b] of success takes objective, but has at_most, statistic.",
        ),
        (SHARE + "objective = 'all'", "slo.toml, [a.b]: objective is 'all', which is no number."),
        (
            SHARE + "objective = 1",
            "slo.toml, [a.b]: objective is 1, but it is a share of good values and must be "
            "below 1: no run can show that nothing ever fails.",
        ),
        (
            SHARE + "objective = 1.5",
            "slo.toml, [a.b]: objective is 1.5, but it is a share of good values and must be "
            "below 1: no run can show that nothing ever fails. Is it meant as 0.015?",
        ),
        (
            SHARE + "objective = 100",
            "slo.toml, [a.b]: objective is 100, but it is a share of good values and must be "
            "below 1: no run can show that nothing ever fails.",
        ),
        (
            SHARE + "objective = 100.5",
            "slo.toml, [a.b]: objective is 100.5, but it is a share of good values and must be "
            "below 1: no run can show that nothing ever fails.",
        ),
        (
            GOODPUT + "bounds = { itl_s = 0.1 }",
            "slo.toml, [a.b]: gaps between chunks are not kept of each call, so goodput cannot "
            "bound itl_s. Bound tpot_s, their mean by token, or stall_s, the longest of them.",
        ),
        (
            '[a.b]\nmetric = "cpu_percent"\nat_most = 100.5\nstatistic = "mean"',
            "slo.toml, [a.b] allows 100.5 %: nothing is above 100 %.",
        ),
        (
            '[a.x]\nmetric = "ttft_s"\nat_most = 3\nobjective = 0.995\n'
            '[a.y]\nmetric = "ttft_s"\nat_most = 2\nobjective = 0.999\n',
            "slo.toml: [a.x] asks 99.5 % of ttft_s to be within 3, but [a.y] asks 99.9 % to be "
            "within 2 already, so the first can never fail by itself. Set its at_most below 2, "
            "or leave it out.",
        ),
    ],
)
def test_a_wrong_file_is_told_in_these_words(text: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse(text)

    assert str(raised.value) == message


def test_an_objective_may_name_the_requirement_that_it_decides() -> None:
    text = (
        SHARE
        + 'objective = 0.9\nrequirement = "PERF-01"\n[a.c]\nmetric = "success"\nobjective = 0.5'
    )

    assert [o.requirement for o in parse(text).of("a")] == ["PERF-01", None]
