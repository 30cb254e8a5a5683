"""Runs in processes of their own: Locust must not be imported where pytest runs."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from kimi_conformance.errors import UsageError
from kimi_conformance.load.running.launch import judge_samples, run_scenario
from kimi_conformance.load.samples.file import read_samples
from kimi_conformance.slo import parse

ROOT = Path(__file__).parents[2]
KEY = "kept-out-of-arguments-and-samples"

SCENARIO = '''
"""
Quick: four people ask as fast as this test needs.

Question:  does the machinery work?
Workload:  closed; 4 users, five questions a second each.
Judged by: [all] in slo.toml.
"""

from locust import constant_pacing, task

from kimi_conformance.load import KimiUser, Stages


class Reader(KimiUser):
    wait_time = constant_pacing(0.2)
    spread_s = 0.2
    limit_s = LIMIT

    @task
    def plain(self) -> None:
        self.ask({"messages": [{"role": "user", "content": "Hi"}]})

    @task
    def streamed(self) -> None:
        self.read_stream("chat/greeting", max_tokens=8)


class Plateau(Stages):
    stages = ((50, 4),)
    warm_up = 10
'''

SLO = """
[all.success_rate]
metric = "success"
objective = 0.9
[all.mean_response_s]
metric = "response_s"
statistic = "mean"
at_most = 2.0
[all.memory_percent]
metric = "memory_percent"
statistic = "mean"
at_most = 80
[all.cpu_percent]
metric = "cpu_percent"
statistic = "mean"
at_most = 70
"""

Endpoint = Callable[[str], "tuple[str, int]"]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """Starts an endpoint that behaves in the given way; its base URL and process id."""
    started: list[subprocess.Popen[str]] = []

    def start(behaviour: str) -> tuple[str, int]:
        command = [sys.executable, str(Path(__file__).with_name("endpoint.py")), behaviour]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        return f"http://127.0.0.1:{int(process.stdout.readline())}/v1", process.pid

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    folder = tmp_path / "loadtests"
    folder.mkdir()
    (folder / "slo.toml").write_text(SLO, "utf-8")
    path = folder / "quick.py"
    path.write_text(SCENARIO.strip().replace("LIMIT", "60.0"), "utf-8")
    return path


def run(scenario: Path, base_url: str, seconds: float = 4.0, **more: Any) -> dict[str, Any]:
    return run_scenario(
        scenario,
        base_url=base_url,
        api_key=KEY,
        model="kimi-k2.6",
        duration_s=seconds,
        out=scenario.parent.parent / "out",
        target_kind="simulator",
        **more,
    )


def test_whoever_starts_or_judges_a_run_does_not_import_locust() -> None:
    program = (
        "import sys, kimi_conformance.load.running.launch, kimi_conformance.load.judging.result\n"
        "sys.exit(' '.join({'locust', 'gevent'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", program], stderr=subprocess.PIPE).stderr == b"\n"


def test_the_package_knows_its_names_and_no_others() -> None:
    from kimi_conformance import load

    with pytest.raises(AttributeError, match="no attribute 'Kimi'"):
        load.Kimi  # noqa: B018


def test_a_scenario_without_promises_is_refused(tmp_path: Path) -> None:
    alone = tmp_path / "alone.py"
    alone.write_text(SCENARIO, "utf-8")

    with pytest.raises(UsageError, match=r"has no slo\.toml beside it"):
        run(alone, "http://127.0.0.1:1/v1")


@pytest.mark.heavy
def test_a_run_measures_what_was_asked_and_judges_it(scenario: Path, endpoint: Endpoint) -> None:
    base_url, pid = endpoint("sound")
    lines: list[str] = []

    record = run(scenario, base_url, target_pid=pid, on_line=lines.append)

    assert (record["complete"], record["ended"], record["warm_up_s"]) == (True, "complete", 0.8)
    assert record["target"] == {"kind": "simulator", "base_url": base_url, "model": "kimi-k2.6"}
    assert record["question"] == "does the machinery work?"
    assert record["requests"] > 40
    assert record["errors"] == {}
    assert record["timing"]["ttft_s"]["n"] > 0
    assert record["timing"]["itl_s"]["n"] == 2 * record["timing"]["ttft_s"]["n"]
    assert record["timing"]["response_s"]["n"] == record["requests"]
    assert record["tokens"]["completion"] == 3 * record["requests"]
    assert record["resources"]["target"]["memory_percent"]["mean"] > 0
    assert any("4 users" in line for line in lines)
    if record["valid"]:  # on a busy machine it is not, and says why
        assert {entry["verdict"] for entry in record["objectives"]} == {"met"}
    else:
        assert record["invalid_because"]
    json.dumps(record, allow_nan=False)
    content = (scenario.parent.parent / "out" / record["samples"]["file"]).read_bytes()
    assert KEY.encode() not in content


@pytest.mark.heavy
def test_an_open_workload_counts_what_nobody_was_free_to_send(
    scenario: Path, endpoint: Endpoint
) -> None:
    text = scenario.read_text("utf-8").replace("import KimiUser", "import Constant, KimiUser")
    waiting, arriving = "wait_time = constant_pacing(0.2)", "arrivals = Constant(20)"
    scenario.write_text(text.replace(waiting, arriving), "utf-8")

    served = run(scenario, endpoint("sound")[0])
    hung = run(scenario, endpoint("hangs")[0])

    assert (served["requests"], served["errors"]) == (pytest.approx(64, abs=2), {})
    assert served["timing"]["late_s"]["n"] == served["requests"]
    assert 70 < hung["requests"] <= 79  # all that arrived, but for the few that were answered
    assert {"class": "unfinished", "detail": "not sent: no user was free"}.items() <= (
        hung["failures"][0].items()
    )


@pytest.mark.heavy
def test_users_do_not_march_in_step(scenario: Path, endpoint: Endpoint) -> None:
    record = run(scenario, endpoint("sound")[0])

    file = read_samples((scenario.parent.parent / "out" / record["samples"]["file"]).read_bytes())
    phases = {round(sample.start % 0.2, 2) for sample in file.samples if sample.start > 1}
    assert len(phases) >= 4


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("behaviour", "error"), [("refuses", "server"), ("cuts", "transport"), ("hangs", "unfinished")]
)
def test_what_goes_wrong_is_counted_and_classed(
    scenario: Path, endpoint: Endpoint, behaviour: str, error: str
) -> None:
    record = run(scenario, endpoint(behaviour)[0])

    success = record["objectives"][0]
    assert set(record["errors"]) == {error}
    assert success["value"] == pytest.approx(1 - record["errors"][error] / record["requests"])
    assert success["verdict"] != "met"


@pytest.mark.heavy
def test_a_request_that_takes_too_long_is_given_up(scenario: Path, endpoint: Endpoint) -> None:
    scenario.write_text(SCENARIO.strip().replace("LIMIT", "0.3"), "utf-8")

    record = run(scenario, endpoint("hangs")[0])

    assert set(record["errors"]) == {"transport"}
    assert record["failures"][0]["detail"] == "took longer than 0.3 s"


@pytest.mark.heavy
def test_nobody_there_is_a_failure_of_every_request(scenario: Path) -> None:
    record = run(scenario, "http://127.0.0.1:9/v1", seconds=3.0)

    assert record["requests"] == record["errors"]["transport"] > 0
    assert record["objectives"][0]["value"] == 0.0
    assert record["objectives"][1]["verdict"] == "undecided"


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("number", "ended"), [(signal.SIGKILL, "killed"), (signal.SIGTERM, "interrupted")]
)
def test_a_run_that_is_stopped_half_way_has_a_marked_record(
    scenario: Path, endpoint: Endpoint, number: signal.Signals, ended: str
) -> None:
    seen: list[list[str]] = []

    def stop(line: str) -> None:
        told = re.match(r"(\d+) s, ", line)
        if told and int(told[1]) >= 3 and not seen:  # a busy machine skips a second
            (child,) = _load_processes(scenario)
            seen.append(child.cmdline())
            child.send_signal(number)

    record = run(scenario, endpoint("sound")[0], seconds=8.0, on_line=stop)

    assert KEY not in " ".join(seen[0])
    assert (record["complete"], record["ended"]) == (False, ended)
    assert 2.5 < record["duration_s"] < 8
    assert record["requests"] > 10
    assert record["errors"] == {}
    assert {entry["verdict"] for entry in record["objectives"]} == {"undecided"}
    again = judge_samples(
        scenario.parent.parent / "out" / record["samples"]["file"], parse(SLO, "slo.toml")
    )
    assert again == record


def _load_processes(scenario: Path) -> list[psutil.Process]:
    children = psutil.Process(os.getpid()).children()
    return [child for child in children if str(scenario) in child.cmdline()]


@pytest.mark.heavy
def test_a_scenario_that_raises_ends_the_run_and_says_so(
    scenario: Path, endpoint: Endpoint
) -> None:
    text = scenario.read_text("utf-8").replace("chat/greeting", "chat/greetings")
    scenario.write_text(text, "utf-8")

    record = run(scenario, endpoint("sound")[0], seconds=30.0)

    assert record["ended"] == "broken"
    assert record["duration_s"] < 10
    assert not record["valid"]
    assert "Did you mean 'chat/greeting'?" in record["invalid_because"][0]


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("class Plateau(Stages)", "class Plateau", "1 users and 0 stages"),
        ("from locust import", "from locusts import", "raised ModuleNotFoundError"),
        ("Workload:  closed;", "Workload:", "neither 'closed'"),
    ],
)
def test_a_scenario_that_cannot_be_run_is_refused(
    scenario: Path, before: str, after: str, message: str
) -> None:
    scenario.write_text(scenario.read_text("utf-8").replace(before, after), "utf-8")

    with pytest.raises(UsageError, match=message):
        run(scenario, "http://127.0.0.1:9/v1")


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("base_url", "message"),
    [("127.0.0.1:9/v1", "is no base URL"), ("http://a:b@127.0.0.1:9/v1", "user name or password")],
)
def test_a_wrong_base_url_is_refused(scenario: Path, base_url: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        run(scenario, base_url)
