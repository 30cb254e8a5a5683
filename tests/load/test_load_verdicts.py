"""What a run says of a service whose faults are known."""

from pathlib import Path
from typing import Any

import pytest

from kimi_conformance.cli.loading.run import simulator_process
from kimi_conformance.load.running.launch import run_scenario

pytestmark = pytest.mark.heavy

SCENARIO = '''
"""
Many: enough requests for a verdict within seconds.

Question:  are the verdicts right?
Workload:  open; 150 requests/s for the users who are free, half of them streamed.
Judged by: [all] in slo.toml.
"""

import time

from locust import task

from kimi_conformance.load import Constant, KimiUser, Stages


class Caller(KimiUser):
    arrivals = Constant(RATE)
    connections = 64

    @task
    def plain(self) -> None:
        self.ask("chat/greeting", max_tokens=4)

    @task
    def streamed(self) -> None:
        WORK
        self.read_stream("chat/greeting", max_tokens=4)


class Plateau(Stages):
    stages = ((60, USERS),)
'''
BUSY = """until = time.perf_counter() + 0.3  # seconds, however fast the machine is
        while time.perf_counter() < until:
            pass"""
SLO = """
[all.success_rate]
metric = "success"
objective = 0.99
[all.mean_response_s]
metric = "response_s"
statistic = "mean"
at_most = 2.0
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "loadtests"
    folder.mkdir()
    (folder / "slo.toml").write_text(SLO, "utf-8")
    return folder


def run(
    folder: Path, *simulate: str, seconds: float = 10.0, rate: int = 150, work: str = "pass"
) -> dict[str, Any]:
    users = "60" if rate > 20 else "40"
    text = SCENARIO.strip().replace("RATE", str(rate)).replace("WORK", work)
    (folder / "many.py").write_text(text.replace("USERS", users), "utf-8")
    with simulator_process("2026-09", "--tier", "none", *simulate) as served:
        return run_scenario(
            folder / "many.py",
            base_url=served.base_url,
            api_key=served.api_key,
            model="kimi-k2.6",
            duration_s=seconds,
            out=folder.parent / "out",
            target_pid=served.pid,
            target_kind="simulator",
        )


def verdicts(record: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["verdict"] for entry in record["objectives"]}


@pytest.mark.parametrize(("share", "verdict"), [(0.03, "missed"), (0.002, "met")])
def test_errors_beyond_the_promise_miss_it_and_few_of_them_do_not(
    folder: Path, share: float, verdict: str
) -> None:
    record = run(folder, "--fault", f"server_error:p={share}")

    success = record["objectives"][0]
    assert record["requests"] > 1000
    assert success["value"] == pytest.approx(1 - share, abs=share)
    assert set(record["errors"]) <= {"server"}
    assert verdicts(record)["success_rate"] == (verdict if record["valid"] else "undecided")


def test_three_seconds_to_the_first_token_miss_the_mean(folder: Path) -> None:
    record = run(folder, "--ttft", "3", seconds=6.0, rate=10)

    mean = record["objectives"][1]
    assert mean["value"] == pytest.approx(3.0, abs=0.3)
    assert verdicts(record)["mean_response_s"] == ("missed" if record["valid"] else "undecided")


def test_a_generator_that_is_starved_decides_nothing(folder: Path) -> None:
    record = run(folder, seconds=4.0, rate=20, work=BUSY)

    assert not record["valid"]
    assert any("load generator" in reason for reason in record["invalid_because"])
    assert set(verdicts(record).values()) == {"undecided"}
