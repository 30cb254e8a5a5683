"""The objectives that decide requirements can be missed, each for the reason that it names."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from kimi_conformance import suite
from kimi_conformance.cli.keeping.proof import SPOILERS
from kimi_conformance.load.running.launch import run_scenario
from kimi_conformance.simulator import Simulator
from kimi_conformance.simulator.faults import parse_switch
from kimi_conformance.slo import Attained, Measured, Objective, judge, parse
from kimi_conformance.stage import Stage

KEY = "kept-out-of-arguments-and-samples"
SCENARIO = '''
"""
Quick: eight people ask as fast as this test needs.

Question:  is a service that breaks a promise found out?
Workload:  closed; 8 users, five questions a second each.
Judged by: [all] in slo.toml.
"""

from locust import constant_pacing, task

from kimi_conformance.load import KimiUser, Stages


class Reader(KimiUser):
    wait_time = constant_pacing(0.2)

    @task
    def plain(self) -> None:
        self.ask({"messages": [{"role": "user", "content": "Hi"}]})


class Plateau(Stages):
    stages = ((50, 8),)
    warm_up = 5
'''
GOOD: Mapping[str, Sequence[float]] = {
    "success": [1.0] * 400,
    "response_s": [0.4] * 400,
    "memory_percent": [3.0] * 30,
    "cpu_percent": [3.0] * 30,
}
# What a load measures whose own processes take more than they may.
HUNGRY = {
    "load:fills_memory": {"memory_percent": [84.0, 91.0] * 15},
    "load:burns_cpu": {"cpu_percent": [72.0, 96.0] * 15},
}


@pytest.fixture(scope="module")
def promised() -> dict[str, Objective]:
    """The objectives of the suite that decide a requirement, by its id."""
    text = (suite.find().loadtests / "slo.toml").read_text("utf-8")
    return {each.requirement: each for each in parse(text).of("any") if each.requirement}


def missed(promised: Mapping[str, Objective], values: Mapping[str, Sequence[float]]) -> set[str]:
    """The requirements that such a run does not keep."""
    verdicts = {id: judge(each, Measured(values=values)).verdict for id, each in promised.items()}
    return {id for id, verdict in verdicts.items() if verdict is Attained.MISSED}


def test_a_good_run_keeps_all_of_them(promised: Mapping[str, Objective]) -> None:
    verdicts = {judge(each, Measured(values=GOOD)).verdict for each in promised.values()}

    assert verdicts == {Attained.MET}


@pytest.mark.parametrize("spoiler", HUNGRY)
def test_a_load_that_takes_too_much_misses_what_it_spoils(
    spoiler: str, promised: Mapping[str, Objective]
) -> None:
    assert missed(promised, {**GOOD, **HUNGRY[spoiler]}) == {SPOILERS[spoiler]}


def test_every_spoiler_is_shown_here() -> None:
    faults = {name for name in SPOILERS if name.startswith("fault:")}

    assert faults == {"fault:server_error", "fault:slow"}
    assert SPOILERS.keys() - faults == HUNGRY.keys()


@pytest.mark.heavy
@pytest.mark.parametrize("spoiler", ["fault:server_error", "fault:slow"])
def test_a_faulty_service_misses_what_it_spoils(
    spoiler: str, promised: Mapping[str, Objective], stage: Stage, tmp_path: Path
) -> None:
    record = run(spoiler.removeprefix("fault:"), stage, tmp_path)

    outside = {entry["name"] for entry in record["objectives"] if on_the_bad_side(entry)}
    decided = promised[SPOILERS[spoiler]].name
    assert record["requests"] > 10
    assert decided in outside
    assert outside - {decided} <= {"cpu_percent"}  # of the machine that the tests run on


def run(fault: str, stage: Stage, tmp_path: Path) -> dict[str, Any]:
    """A short load on a simulator that is wrong in this way, judged by the suite's objectives."""
    folder = tmp_path / "loadtests"
    folder.mkdir()
    (folder / "slo.toml").write_bytes((suite.find().loadtests / "slo.toml").read_bytes())
    scenario = folder / "quick.py"
    scenario.write_text(SCENARIO.strip(), "utf-8")
    edition = suite.find().edition("2025-09")
    simulator = Simulator(edition, api_key=KEY, faults=[parse_switch(fault)])
    lane = stage.open_lane(simulator, journal=False)
    return run_scenario(
        scenario,
        base_url=lane.base_url,
        api_key=KEY,
        model=edition.default_model,
        duration_s=8.0,
        out=tmp_path / "out",
        target_kind="simulator",
    )


def on_the_bad_side(entry: Mapping[str, Any]) -> bool:
    """Whether all of the interval misses the target, be the run valid or not."""
    if entry["name"] == "success_rate":
        return entry["high"] is not None and entry["high"] < entry["target"]
    return entry["low"] is not None and entry["low"] > entry["target"]
