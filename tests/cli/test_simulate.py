"""`simulate`: what it serves, by how many processes, and that none of them is left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import CliRunner
from tests.cli.conftest import Run

from kimi_conformance.cli.commands.simulate import simulate
from kimi_conformance.http import httpx

COMMAND = [sys.executable, "-m", "kimi_conformance", "simulate", "--edition", "2025-09"]
HELLO = {"model": "moonshot-v1-8k", "messages": [{"role": "user", "content": "Hello."}]}


@contextmanager
def running(*options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """The command and what it says first; whatever happens, it is gone afterwards."""
    child = subprocess.Popen(
        [*COMMAND, "--port", "0", "--json", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    try:
        yield child, json.loads(child.stdout.readline())
    finally:
        child.terminate()
        child.communicate(timeout=20)


def ask(served: dict[str, str], **body: Any) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=10) as client:
        return client.post(
            f"{served['base_url']}/chat/completions",
            json={**HELLO, **body},
            headers={"Authorization": f"Bearer {served['api_key']}"},
        )


def test_the_tier_is_t5_unless_said_otherwise() -> None:
    """2 million tokens a minute: two of the largest chats of moonshot-v1-128k are little."""
    wide = {"model": "kimi-k2-0905-preview", "max_tokens": 200_000}
    with running() as (_, served):
        statuses = [ask(served, **wide).status_code for _ in range(10)]

    assert statuses == [200] * 9 + [429]


def test_a_tier_can_be_chosen() -> None:
    with running("--tier", "free") as (_, served):
        answers = [ask(served, max_tokens=5) for _ in range(4)]

    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert "request reached organization max RPM: 3" in answers[-1].json()["error"]["message"]
    assert answers[-1].headers["retry-after"] == "1"


def test_a_balance_is_spent() -> None:
    with running("--balance", "0.00001") as (_, served):
        statuses = {ask(served).status_code for _ in range(5)}

    assert statuses == {200, 403}


def test_the_send_log_is_begun_anew_and_keeps_the_plan(tmp_path: Path) -> None:
    file = tmp_path / "sent.jsonl"
    file.write_text("old\n")
    with running("--send-log", str(file), "--ttft", "0.05", "--itl", "0.01") as (_, served):
        ask(served, stream=True, max_tokens=4)

    (line,) = map(json.loads, file.read_text().splitlines())
    dues = [due for due, _, _ in line["frames"]]
    assert (dues[0], dues[-1]) == (0.05, pytest.approx(0.08))
    assert all(sent >= due for due, sent, _ in line["frames"])


def workers_of(child: subprocess.Popen[str]) -> list[psutil.Process]:
    """Its serving processes, without the helper that multiprocessing starts."""
    return [
        process
        for process in psutil.Process(child.pid).children(recursive=True)
        if "resource_tracker" not in " ".join(process.cmdline())
    ]


def gone(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=15)
    return not alive


@pytest.mark.heavy
def test_workers_share_the_port_and_give_no_id_twice() -> None:
    with running("--workers", "2") as (child, served):
        workers = workers_of(child)
        ids = [ask(served).json()["id"] for _ in range(24)]
        ports = {
            listening.laddr.port
            for worker in workers
            for listening in worker.net_connections("tcp")
            if listening.status == psutil.CONN_LISTEN
        }

        assert len(workers) == 2
        assert ports == {int(served["base_url"].split(":")[2].partition("/")[0])}
        assert len(set(ids)) == 24

        child.send_signal(signal.SIGTERM)
        _, errors = child.communicate(timeout=20)
        assert (child.returncode, errors) == (0, "")
        assert gone(workers)


@pytest.mark.heavy
@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("again", range(4))
def test_it_hears_of_its_end_when_it_was_stopped_meanwhile(workers: str, again: int) -> None:
    """The system then tells any of its threads, now this one, now that."""
    with running("--workers", workers) as (child, served):
        ask(served)

        child.send_signal(signal.SIGSTOP)
        child.send_signal(signal.SIGTERM)
        child.send_signal(signal.SIGCONT)

        _, errors = child.communicate(timeout=20)
        assert (child.returncode, errors) == (0, "")


@pytest.mark.heavy
def test_when_a_worker_dies_all_end_and_it_is_told() -> None:
    with running("--workers", "2") as (child, _):
        workers = workers_of(child)

        workers[1].kill()
        _, errors = child.communicate(timeout=20)

        assert child.returncode == 3
        assert f"(process {workers[1].pid}) has died with exit code -9" in errors
        assert gone(workers)


@pytest.mark.heavy
def test_when_the_command_is_killed_its_workers_leave() -> None:
    with running("--workers", "2") as (child, _):
        workers = workers_of(child)

        child.kill()

        assert gone(workers)


@pytest.mark.heavy
def test_ctrl_c_ends_a_whole_group_quietly() -> None:
    child = subprocess.Popen(
        [*COMMAND, "--json", "--workers", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert child.stdout is not None
    child.stdout.readline()
    workers = workers_of(child)

    os.killpg(child.pid, signal.SIGINT)
    _, errors = child.communicate(timeout=20)

    assert (child.returncode, errors) == (0, "")
    assert gone(workers)


@pytest.mark.heavy
def test_a_signal_while_the_workers_come_up_ends_them() -> None:
    child = subprocess.Popen(
        [*COMMAND, "--json", "--workers", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 20
    while not (workers := workers_of(child)) and time.monotonic() < until:
        pass
    child.send_signal(signal.SIGTERM)
    _, errors = child.communicate(timeout=20)

    assert (child.returncode, errors) == (0, "")
    assert gone(workers)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--workers", "2", "--tier", "t1"), "would each count for themselves"),
        (("--workers", "2", "--balance", "1"), "would each count for themselves"),
        (("--workers", "2", "--fault", "sever_error"), "Did you mean 'server_error'?"),
        (("--workers", "0"), "0 is not in the range"),
        (("--tier", "t9"), "'t9' is not one of"),
        (("--send-log", "/no/such/folder/log"), "cannot be written: No such file"),
    ],
)
def test_wrong_use_is_told(run: Run, options: tuple[str, ...], told: str) -> None:
    result = run("simulate", "--edition", "2025-09", *options)

    assert result.code == 2
    assert told in result.err


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_in_use_is_told(run: Run, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = run("simulate", "--edition", "2025-09", "--workers", workers, "--port", port)

    assert result.code == 2
    assert f"Cannot listen on 127.0.0.1:{port}" in result.err


@pytest.mark.parametrize(
    ("arguments", "json_to"),
    [
        ([], None),
        (["--json"], "-"),
        (["--json", "-"], "-"),
        (["--json=-"], "-"),
        (["--json", "--port", "0"], "-"),
    ],
    ids=["absent", "bare", "dash", "equals", "then another"],
)
def test_json_goes_to_stdout_with_a_dash_or_without(
    arguments: list[str], json_to: str | None
) -> None:
    assert simulate.make_context("simulate", arguments).params["json_to"] == json_to


def test_json_goes_into_no_file() -> None:
    refused = CliRunner().invoke(simulate, ["--json", "where.json"])

    assert refused.exit_code == 2
    assert "'where.json' is not '-'" in refused.output
