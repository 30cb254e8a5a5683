"""What a run would send is found out without sending it."""

from pathlib import Path
from typing import Any

import pytest

from kimi_conformance.load.running.launch import foresee_scenario
from kimi_conformance.load.users.spending import Spending

pytestmark = pytest.mark.heavy

SCENARIO = '''
"""
Quick: as fast as this test needs.

Question:  what will it take?
Workload:  closed; as it says below.
Judged by: [all] in slo.toml.
"""

from locust import between, constant, constant_pacing, task

from kimi_conformance.load import Constant, KimiUser, Stages

HELLO = {"messages": [{"role": "user", "content": "x" * 400}]}
TOOL = {"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}


class Reader(KimiUser):
    WORKLOAD

    @task
    def work(self) -> None:
        TASK


class Plateau(Stages):
    stages = ((30, 5), (60, 10))
    warm_up = 30
'''


def plan(tmp_path: Path, workload: str, task: str = "self.ask(HELLO)") -> dict[str, Any]:
    file = tmp_path / "quick.py"
    text = SCENARIO.strip().replace("WORKLOAD", workload).replace("TASK", task)
    file.write_text(text, "utf-8")
    return foresee_scenario(
        file, model="kimi-k2.6", duration_s=60.0, spending=Spending(unsaid_tokens=100)
    )


@pytest.mark.parametrize(
    ("workload", "requests", "judged"),
    [
        ("wait_time = constant_pacing(5)", 90, 60),  # 450 user-seconds
        ("wait_time = constant(4)", 90, 60),  # and a second for the answer
        ("arrivals = Constant(10)", 599, 300),
    ],
)
def test_how_much_is_sent_follows_from_the_workload(
    tmp_path: Path, workload: str, requests: int, judged: int
) -> None:
    found = plan(tmp_path, workload)

    assert found["requests"] == pytest.approx(requests, abs=1)
    assert found["judged"] == pytest.approx(judged, abs=1)
    assert (found["users"], found["warm_up_s"], found["judged_streams"]) == (10, 30.0, 0)
    assert found["answer_tokens"] == 100 * found["requests"]
    assert found["prompt_tokens"] == pytest.approx(107 * found["requests"], abs=200)
    assert found["notes"] == []


def test_a_task_may_send_several_requests_and_call_tools(tmp_path: Path) -> None:
    several = "self.ask(HELLO, max_tokens=7); self.read_stream(HELLO, max_tokens=3)"
    tools = 'self.ask_with_tools({**HELLO, "tools": [TOOL]}, lambda name, given: "noon")'

    twice = plan(tmp_path, "arrivals = Constant(1)", several)
    called = plan(tmp_path, "arrivals = Constant(1)", tools)

    assert (twice["requests"], twice["answer_tokens"]) == (2 * 59, 10 * 59)
    assert twice["judged_streams"] == 30
    assert called["requests"] == 2 * 59  # a turn that calls the tool, and one that answers


def test_what_cannot_be_foreseen_is_said(tmp_path: Path) -> None:
    found = plan(tmp_path, "arrivals = Constant(1)", 'raise KeyError("weather")')

    assert found["requests"] == 0
    assert found["notes"] == ["work raised KeyError: 'weather'"]
