"""Runs of several processes: together they send each request once, and none gets lost."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from kimi_conformance.errors import KimiConformanceError, RunError
from kimi_conformance.load.running.launch import Crew, judge_samples, run_scenario
from kimi_conformance.load.samples.file import read_samples
from kimi_conformance.load.users.spending import Spending

pytestmark = pytest.mark.heavy

HERE = Path(__file__).parent
KEY = "kept-out-of-arguments-and-samples"
CLOSED = "wait_time = constant_pacing(0.1)"
SCENARIO = f'''
"""
Quick: six people ask as fast as this test needs.

Question:  does the machinery work?
Workload:  closed; 6 users, ten questions a second each.
Judged by: [all] in slo.toml.
"""

from locust import constant_pacing, task

from kimi_conformance.load import Constant, KimiUser, Stages


class Reader(KimiUser):
    {CLOSED}
    spread_s = 0.1

    @task
    def plain(self) -> None:
        self.ask({{"messages": [{{"role": "user", "content": "Hi"}}]}}, max_tokens=8)

    @task
    def streamed(self) -> None:
        self.read_stream("chat/greeting", max_tokens=8)


class Plateau(Stages):
    stages = ((60, 6),)
'''
SLO = '[all.success_rate]\nmetric = "success"\nobjective = 0.9\n'


class Served:
    """An endpoint in a process of its own, and how many requests came to it."""

    def __init__(self, folder: Path, behaviour: str = "sound") -> None:
        self._log = folder / "came"
        command = [sys.executable, str(HERE / "endpoint.py"), behaviour, str(self._log)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.base_url = f"http://127.0.0.1:{int(self.process.stdout.readline())}/v1"

    @property
    def came(self) -> int:
        return self._log.stat().st_size if self._log.exists() else 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.kill()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path)
    yield served
    served.close()


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    folder = tmp_path / "loadtests"
    folder.mkdir()
    (folder / "slo.toml").write_text(SLO, "utf-8")
    path = folder / "quick.py"
    path.write_text(SCENARIO.strip(), "utf-8")
    return path


def run(scenario: Path, base_url: str, seconds: float = 3.0, **more: Any) -> dict[str, Any]:
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


def processes_of(scenario: Path) -> tuple[psutil.Process, list[psutil.Process]]:
    """The master below this process, and its workers in the order of their birth."""
    (master,) = [
        child
        for child in psutil.Process(os.getpid()).children()
        if str(scenario) in child.cmdline()
    ]
    return master, sorted(master.children(), key=lambda child: child.create_time())


def once(second: int, act: Callable[[], object]) -> Callable[[str], None]:
    """Do something when the run says that it is so far, or farther: a busy machine skips some."""
    done: list[str] = []

    def look(line: str) -> None:
        told = re.match(r"(\d+) s, ", line)
        if told and int(told[1]) >= second and not done:
            done.append(line)
            act()

    return look


@pytest.mark.parametrize("workload", [CLOSED, "arrivals = Constant(50)"])
def test_workers_send_each_request_once_and_none_gets_lost(
    scenario: Path, endpoint: Served, workload: str
) -> None:
    scenario.write_text(scenario.read_text("utf-8").replace(CLOSED, workload), "utf-8")

    record = run(scenario, endpoint.base_url, crew=Crew(processes=2))

    assert (record["complete"], record["ended"], record["ended_because"]) == (True, "complete", "")
    assert record["samples"]["count"] == endpoint.came > 100
    assert record["errors"] == {}
    counts = [worker["requests"] for worker in record["workers"]]
    assert sum(counts) == endpoint.came
    assert min(counts) > endpoint.came / 4
    if "arrivals" in workload:
        assert 145 <= endpoint.came <= 149  # of 50 a second, none twice and none left out
    out = scenario.parent.parent / "out"
    assert {path.name for path in out.iterdir()} == {
        "quick.samples",
        "quick.exchanges",
        "quick.slo.toml",
    }
    assert record["conformance"]["judged"] > 0
    assert KEY.encode() not in b"".join(path.read_bytes() for path in out.iterdir())


def test_a_killed_worker_ends_the_run_and_is_named(scenario: Path, endpoint: Served) -> None:
    def kill() -> None:
        _, workers = processes_of(scenario)
        workers[1].send_signal(signal.SIGKILL)

    record = run(scenario, endpoint.base_url, 20.0, crew=Crew(processes=2), on_line=once(2, kill))

    (lost,) = [worker for worker in record["workers"] if worker["lost_at_s"] is not None]
    assert (record["ended"], record["complete"]) == ("worker lost", False)
    assert record["ended_because"].startswith(f"worker {lost['worker']} of 2 (")
    assert lost["until_s"] <= lost["lost_at_s"] < record["duration_s"]
    assert lost["requests"] > 10
    assert record["duration_s"] < 20
    assert {entry["verdict"] for entry in record["objectives"]} == {"undecided"}
    # What the killed one had not written yet is missing, and nothing is there twice.
    assert endpoint.came - 50 < record["samples"]["count"] <= endpoint.came


def test_a_killed_master_leaves_what_the_workers_have(scenario: Path, endpoint: Served) -> None:
    def kill() -> None:
        master, _ = processes_of(scenario)
        master.send_signal(signal.SIGKILL)

    record = run(scenario, endpoint.base_url, 20.0, crew=Crew(processes=2), on_line=once(2, kill))

    assert (record["ended"], record["complete"]) == ("killed", False)
    assert record["ended_because"] == "its process was killed"
    assert endpoint.came - 20 < record["samples"]["count"] <= endpoint.came
    assert sum(worker["requests"] for worker in record["workers"]) == record["samples"]["count"]
    assert [worker["lost_at_s"] for worker in record["workers"]] == [None, None]
    again = judge_samples(scenario.parent.parent / "out" / "quick.samples")
    assert again["requests"] == record["requests"]


def test_workers_share_a_budget_and_never_exceed_it(scenario: Path, endpoint: Served) -> None:
    spending = Spending(max_requests=41)

    record = run(scenario, endpoint.base_url, 20.0, crew=Crew(processes=2), spending=spending)

    assert 30 < endpoint.came <= 41
    assert (record["ended"], record["complete"]) == ("budget", False)
    assert record["samples"]["count"] == endpoint.came == record["spent"]["requests"]
    assert record["spent"]["limits"] == {"--max-requests": 41}
    assert record["duration_s"] < 15
    assert {entry["verdict"] for entry in record["objectives"]} == {"undecided"}


@pytest.mark.parametrize(
    ("spending", "option"),
    [
        (Spending(max_requests=25), "--max-requests 25"),
        (Spending(max_tokens=2000), "--max-tokens 2,000"),
        (Spending(max_cost=0.002, price_in=1.0, price_out=1.0), "--max-cost 0.002"),
    ],
)
def test_a_budget_ends_a_run_before_it_is_exceeded(
    scenario: Path, endpoint: Served, spending: Spending, option: str
) -> None:
    record = run(scenario, endpoint.base_url, 20.0, spending=spending)

    assert record["ended"] == "budget"
    assert f"the budget of {option} did not cover another request" in record["ended_because"]
    assert record["spent"]["requests"] == endpoint.came == record["samples"]["count"] > 20
    assert record["spent"]["tokens"] <= 2000
    assert record["errors"] == {}
    assert record["duration_s"] < 15


def test_what_an_adapter_sends_again_is_paid_for_too(scenario: Path, tmp_path: Path) -> None:
    text = scenario.read_text("utf-8").replace("KimiUser", "AdapterUser")
    scenario.write_text(text, "utf-8")
    endpoint = Served(tmp_path, "refuses")
    try:
        record = run(scenario, endpoint.base_url, 20.0, spending=Spending(max_requests=20))
    finally:
        endpoint.close()

    assert record["ended"] == "budget"
    assert endpoint.came == record["spent"]["requests"] == 20
    assert record["samples"]["count"] < 20


def worker(
    scenario: Path, master: str, base_url: str, *more: str, by: Sequence[str] = ()
) -> "subprocess.Popen[str]":
    """A worker as on another machine: started by itself, with files of its own."""
    command = [sys.executable, "-m", "kimi_conformance.load", str(scenario), "--duration", "3s"]
    given = {"--base-url": base_url, "--model": "kimi-k2.6", "--worker": master, "--wait": "20"}
    given |= dict(zip(more[::2], more[1::2], strict=True))
    given["--samples"] = str(scenario.parent.parent / "elsewhere" / "quick.samples")
    given["--fixtures"] = str(HERE.parents[1] / "fixtures")
    return subprocess.Popen(
        [*by, *command, *(word for pair in given.items() for word in pair)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "KIMI_API_KEY": KEY},
    )


def test_a_master_and_workers_of_their_own_make_one_report(
    scenario: Path, endpoint: Served, unused_tcp_port: int
) -> None:
    address = f"127.0.0.1:{unused_tcp_port}"
    crew = Crew(bind=address, expect=2, wait_s=30)

    with ThreadPoolExecutor() as pool:
        running = pool.submit(run, scenario, endpoint.base_url, crew=crew)
        stranger = worker(scenario, address, endpoint.base_url, "--model", "kimi-k3")
        _, refused = stranger.communicate(timeout=30)
        workers = [worker(scenario, address, endpoint.base_url) for _ in range(2)]
        record = running.result()

    said = [each.communicate(timeout=20)[1] for each in workers]
    assert [each.returncode for each in (stranger, *workers)] == [2, 0, 0], said
    assert "its model is kimi-k3, the master's is kimi-k2.6" in refused
    assert record["complete"]
    assert record["samples"]["count"] == endpoint.came > 100
    assert {each["pid"] for each in record["workers"]} == {each.pid for each in workers}
    assert list((scenario.parent.parent / "elsewhere").iterdir()) == []


AHEAD = ("unshare", "--time", "--monotonic", "5000", "--fork")  # a clock that is ahead


def can_shift_clocks() -> bool:
    try:
        return subprocess.run([*AHEAD, "true"], stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not can_shift_clocks(), reason="clocks of processes cannot be shifted here")
def test_a_worker_whose_clock_is_another_counts_from_the_same_zero(
    scenario: Path, endpoint: Served, unused_tcp_port: int
) -> None:
    address = f"127.0.0.1:{unused_tcp_port}"
    workers = [worker(scenario, address, endpoint.base_url, by=by) for by in ((), AHEAD)]

    record = run(scenario, endpoint.base_url, crew=Crew(bind=address, expect=2, wait_s=30))

    said = [each.communicate(timeout=20)[1] for each in workers]
    assert [each.returncode for each in workers] == [0, 0], said
    assert record["samples"]["count"] == endpoint.came > 100
    errors = sorted(each["clock_error_s"] for each in record["workers"])
    assert errors[0] == 0.0
    assert 0.0 < errors[1] < 5
    content = (scenario.parent.parent / "out" / "quick.samples").read_bytes()
    moments = [sample.intended for sample in read_samples(content).samples]
    # As exact as the machine is quick; by its own clock it would be 5,000 s off.
    assert -0.1 - errors[1] < min(moments) < max(moments) < 60


def test_a_worker_that_never_comes_is_waited_for_as_long_as_was_said(
    scenario: Path, endpoint: Served, unused_tcp_port: int
) -> None:
    crew = Crew(bind=f"127.0.0.1:{unused_tcp_port}", expect=2, wait_s=1.0)

    with pytest.raises(RunError, match=r"0 of 2 workers came within 1 s"):
        run(scenario, endpoint.base_url, crew=crew)

    assert endpoint.came == 0
    assert list((scenario.parent.parent / "out").iterdir()) == []


def test_a_worker_without_a_master_says_so(scenario: Path, unused_tcp_port: int) -> None:
    address = f"127.0.0.1:{unused_tcp_port}"

    alone = worker(scenario, address, "http://127.0.0.1:9/v1", "--wait", "1")

    _, said = alone.communicate(timeout=20)
    assert alone.returncode == 2
    assert f"No master answers at {address} within 1 s" in said


def test_a_port_that_is_taken_is_said_to_be(scenario: Path, unused_tcp_port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", unused_tcp_port))
        taken.listen()
        crew = Crew(bind=f"127.0.0.1:{unused_tcp_port}", expect=1)

        with pytest.raises(KimiConformanceError, match="Name another one with --master-bind"):
            run(scenario, "http://127.0.0.1:9/v1", crew=crew)


def test_a_target_that_dies_half_way_misses_what_was_promised(
    scenario: Path, endpoint: Served
) -> None:
    record = run(scenario, endpoint.base_url, 6.0, on_line=once(3, endpoint.kill))

    (success,) = record["objectives"]
    assert record["complete"]
    assert 0.3 < success["value"] < 0.8
    assert success["verdict"] == ("missed" if record["valid"] else "undecided")
    assert set(record["errors"]) == {"transport"}


def test_a_full_disk_ends_the_run_with_what_there_was_room_for(
    scenario: Path, endpoint: Served
) -> None:
    program = (
        "import json, resource, sys; from pathlib import Path\n"
        "from kimi_conformance.load.running.launch import run_scenario\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "record = run_scenario(Path(sys.argv[1]), base_url=sys.argv[2], api_key='k', model='m',"
        " duration_s=20, out=Path(sys.argv[3]))\n"
        "print(json.dumps(record))"
    )
    arguments = [str(scenario), endpoint.base_url, str(scenario.parent.parent / "out")]

    result = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60
    )

    record = json.loads(result.stdout)
    assert not record["complete"]
    assert "File too large" in record["ended_because"]
    assert record["samples"]["count"] > 0
    assert record["duration_s"] < 15
    assert {entry["verdict"] for entry in record["objectives"]} == {"undecided"}


def test_two_runs_at_once_have_a_file_each(scenario: Path, endpoint: Served) -> None:
    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(run, scenario, endpoint.base_url, 2.0) for _ in range(2)]
        records = [each.result() for each in runs]

    assert {each["samples"]["file"] for each in records} == {"quick.samples", "quick-2.samples"}
    assert sum(each["samples"]["count"] for each in records) == endpoint.came
