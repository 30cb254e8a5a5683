"""`compare` and `trend` as a user sees them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.history.memories import DAY, at, load, mean_of, outcome, past, share
from tests.load.written import HEADER, STREAM

from kimi_conformance.history.past import Kind as OfObjective
from kimi_conformance.history.store import History
from kimi_conformance.load.samples.log import Batch, first_line
from kimi_conformance.load.samples.records import Sample

OTHER = OfObjective.OTHER


@pytest.fixture
def history(run: Any) -> Path:
    """Eight nights; in the last one a check fails, and the success rate is worse."""
    file = Path("reports/history.sqlite")
    with History(file, create=True) as opened:
        for number in range(8):
            started = at("2026-07-01 02:00") + number * DAY
            worse = number == 7
            opened.add(
                past(
                    f"night-{number}",
                    started=started,
                    outcomes=(
                        outcome("adapter/a", "failed" if worse else "passed", reason="no\x1b[2J"),
                        outcome("adapter/a", sut="openai"),
                        outcome("adapter/flaky", "failed" if number % 2 else "passed"),
                    ),
                    loads=(
                        load(started, share(900 if worse else 999, 1000), mean_of(1.0)),
                        load(started, share(500, 1000), model="kimi-k3"),
                    ),
                )
            )
    return file


@pytest.mark.usefixtures("history")
def test_the_last_run_is_held_against_the_one_before(run: Any) -> None:
    said = run("compare", "last~1", "last", "--out", "here")

    assert said.code == 1
    assert "Newly failing: 2" in said.out
    assert "no␛[2J" in said.out
    assert "steady: never flipped in 7 runs" in said.out
    assert "flaky: flipped 6 times in 7 runs" in said.out
    (objective,) = [
        line for line in said.out.splitlines() if "worse " in line and "success" in line
    ]
    assert "< 0.001" in objective
    assert len(objective.rstrip()) <= 80
    for name in ("compare.html", "compare.md"):
        assert "\x1b" not in (Path("here") / name).read_text()
    assert "WORSE" in Path("here/compare.html").read_text()


@pytest.mark.usefixtures("history")
def test_the_comparison_is_there_for_machines(run: Any) -> None:
    said = run("compare", "night-5", "night-6", "--json", "-")

    answer = json.loads(said.out)
    assert said.code == 0
    assert (answer["worse"], answer["newly_failing"]) == (False, [])
    assert [change["id"] for change in answer["newly_passing"]] == ["adapter/flaky"]
    assert [each["name"] for each in answer["objectives"]][:2] == [
        "mean_response_s",
        "success_rate",
    ]


@pytest.mark.usefixtures("history")
def test_two_suts_and_two_models_of_one_run_are_compared(run: Any) -> None:
    suts = json.loads(run("compare", "last:openai", "last:reference", "--json", "-").out)
    models = json.loads(run("compare", "last:kimi-k2", "last:kimi-k3", "--json", "-").out)

    assert [change["id"] for change in suts["newly_failing"]] == ["adapter/a"]
    assert suts["second"] == "night-7:reference"
    (objective,) = models["objectives"]
    assert (objective["before"], objective["after"]) == (0.9, 0.5)
    assert objective["direction"] == "worse"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("night-77", "Did you mean 'night-7'"),
        ("last~9", "in the history: 8, so there is no last~9"),
        ("last:nobody", "neither a SUT nor a model 'nobody'"),
    ],
)
@pytest.mark.usefixtures("history")
def test_what_is_not_there_is_told(run: Any, name: str, told: str) -> None:
    said = run("compare", name, "last")

    assert said.code == 2
    assert told in said.err


def test_without_a_history_folders_are_compared(run: Any) -> None:
    said = run("compare", "one", "two")

    assert said.code == 2
    assert "no history to look for it" in said.err


@pytest.mark.usefixtures("history")
def test_the_trend_of_an_objective_is_drawn(run: Any) -> None:
    said = run("trend", "success_rate", "--of", "kimi-k2", "--out", "here", "--json", "answer.json")

    assert said.code == 0
    assert said.out.splitlines()[:2] == ["success_rate: 8 runs, target 99 %", "███████▁"]
    assert max(map(len, said.out.splitlines())) <= 80
    assert "<figure" in Path("here/trend.html").read_text()
    points = json.loads(Path("answer.json").read_text())["points"]
    assert [point["value"] for point in points] == [0.999] * 7 + [0.9]


@pytest.mark.usefixtures("history")
def test_the_trend_of_a_requirement_says_how_steady_it_is(run: Any) -> None:
    said = run("trend", "FILTER-01", "--of", "reference", "--last", "4")

    assert "4 runs, flaky: flipped 3 times in 4 runs" in said.out


def test_the_trend_is_of_runs_that_know_the_subject(run: Any, history: Path) -> None:
    with History(history) as opened:
        opened.add(past("gate", started=at("2026-08-01 00:00"), job="gate"))

    assert run("trend", "success_rate", "--of", "kimi-k2").out.startswith("success_rate: 8 runs")


def test_the_samples_beside_a_run_are_used(run: Any, tmp_path: Path) -> None:
    header = replace(HEADER, kind="live", model="kimi-k2", planned_s=60.0, warm_up_s=10.0)
    kind = STREAM._replace(model="kimi-k2")
    p99 = replace(mean_of(2.0), name="p99_response_s", kind=OTHER)
    with History(Path("reports/history.sqlite"), create=True) as opened:
        for number, name in enumerate(["fast", "slow"]):
            batch = Batch(header)
            for second in range(10, 50):
                took = 1 + number + second / 100
                batch.add(Sample(kind=kind, intended=second, start=second, end=second + took))
            (tmp_path / name).mkdir()
            (tmp_path / name / "s.samples").write_bytes(first_line(header) + batch.take())
            night = load(float(number), p99, samples="s.samples")
            folder = str(tmp_path / name)
            opened.add(past(name, started=float(number), folder=folder, loads=(night,)))

    answer = json.loads(run("compare", "fast", "slow", "--json", "-").out)

    (objective,) = answer["objectives"]
    assert objective["method"] == "Mann-Whitney test"
    assert objective["p_corrected"] < 1e-6


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("FILTER-02",), "Did you mean 'FILTER-01'"),
        (("pass_share", "--job", "gate"), "holds no run of gate"),
    ],
)
@pytest.mark.usefixtures("history")
def test_a_trend_of_nothing_is_told(run: Any, arguments: tuple[str, ...], told: str) -> None:
    said = run("trend", *arguments)

    assert said.code == 2
    assert told in said.err
