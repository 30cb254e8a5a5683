"""`probe` as a user starts it, against the simulator on loopback."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families,
)
from tests.history.memories import probe

from kimi_conformance import suite
from kimi_conformance.history.store import History
from kimi_conformance.http import httpx
from kimi_conformance.probing.metrics import Metrics
from kimi_conformance.simulator import Simulator
from kimi_conformance.stage import Lane, Stage

read_families: Any = text_string_to_metric_families  # it is not typed
KEY = "sk-probe-0123456789abcdef"
MODEL = suite.find().edition("2026-09").default_model
HISTORY = Path("reports/history.sqlite")


@pytest.fixture
def lane(stage: Stage) -> Iterator[Lane]:
    lane = stage.open_lane(Simulator(suite.find().edition("2026-09"), api_key=KEY))
    yield lane
    stage.close_lane(lane)


@pytest.fixture
def keyed(run: Any, lane: Lane, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("KIMI_API_KEY", KEY)
    monkeypatch.setenv("KIMI_BASE_URL", lane.base_url)
    return run


def test_one_round_is_remembered(keyed: Any, lane: Lane) -> None:
    said = keyed("probe", "--model", MODEL, "--once", "--interval", "5m", "--json", "-")

    assert said.code == 0
    assert json.loads(said.out) == {"probes": 1, "bad": 0, "by_error": {"ok": 1}}
    with History(HISTORY) as history:
        (found,) = history.probes(0, 9e9)
    assert (found.model, found.interval_s, found.base_url) == (MODEL, 300.0, lane.base_url)
    assert found.ttft_s is not None
    assert abs(found.at - time.time()) < 60
    assert KEY.encode() not in HISTORY.read_bytes()


def test_a_bad_round_is_told_by_the_exit_code(keyed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIMI_API_KEY", "sk-wrong")

    said = keyed("probe", "--model", MODEL, "--once")

    assert said.code == 1
    assert "client: HTTP 401" in said.out


def test_a_budget_ends_it_in_order(keyed: Any) -> None:
    said = keyed("probe", "--model", MODEL, "--max-tokens", "9")

    assert said.code == 0
    assert "Ended: The budget of 9 tokens does not cover" in said.out


@pytest.mark.parametrize(
    ("arguments", "environment", "told"),
    [
        ((), {}, "set KIMI_API_KEY"),
        ((), {"KIMI_API_KEY": "sk a"}, "no header can carry"),
        (("--base-url", "nowhere"), {"KIMI_API_KEY": KEY}, "is no base URL"),
        (("--base-url", "http://a:b@h/v1"), {"KIMI_API_KEY": KEY}, "no user, password or query"),
        (("--base-url", "http://h/v1?k=b"), {"KIMI_API_KEY": KEY}, "no user, password or query"),
        (("--interval", "0.2s"), {"KIMI_API_KEY": KEY}, "is a load test"),
        (("--metrics-host", "256.1.1.1", "--metrics-port", "0"), {"KIMI_API_KEY": KEY}, "256.1"),
    ],
)
def test_wrong_use_is_told_before_anything_is_sent(
    run: Any,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    environment: dict[str, str],
    told: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    said = run("probe", "--model", "m", "--once", *arguments)

    assert said.code == 2
    assert told in said.err
    assert "sk a" not in said.err


def test_there_is_no_option_for_the_key(run: Any) -> None:
    assert "--api-key" not in run("probe", "--help").out


def test_metrics_are_open_metrics() -> None:
    metrics = Metrics()
    evil = 'm"\n# EOF'
    metrics.take(probe(1000.0))
    metrics.take(probe(1060.0, "server", model=evil))

    text = generate_latest(metrics.registry).decode()  # type: ignore[no-untyped-call]

    families = {family.name: family for family in read_families(text)}
    counts = {
        (sample.labels["model"], sample.labels["error"]): sample.value
        for sample in families["kimi_probe_requests"].samples
        if sample.name.endswith("_total")
    }
    assert counts == {("kimi-k2", "ok"): 1.0, (evil, "server"): 1.0}
    up = {sample.labels["model"]: sample.value for sample in families["kimi_probe_up"].samples}
    assert up == {"kimi-k2": 1.0, evil: 0.0}
    assert text.endswith("# EOF\n")


@pytest.mark.heavy
def test_sigterm_ends_a_process_cleanly(lane: Lane, tmp_path: Path) -> None:
    arguments = ("probe", "--model", MODEL, "--interval", "1s", "--metrics-port", "0")
    child = subprocess.Popen(
        [sys.executable, "-m", "kimi_conformance", *arguments, "--json", "answer.json"],
        cwd=tmp_path,
        env={**os.environ, "KIMI_API_KEY": KEY, "KIMI_BASE_URL": lane.base_url},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    with child.stdout:
        url = child.stdout.readline().split()[-1]
        first = child.stdout.readline()
        with httpx.Client(trust_env=False) as client:
            metrics = client.get(url, headers={"Accept": "application/openmetrics-text"}).text
        child.send_signal(signal.SIGTERM)
        rest = child.stdout.read()
    code = child.wait(20)

    assert MODEL in first
    assert "kimi_probe_requests_total" in metrics
    assert metrics.endswith("# EOF\n")
    assert (code, rest.splitlines()[-1]) == (0, "Ended: it was told to stop")
    answer = json.loads((tmp_path / "answer.json").read_text())
    with History(tmp_path / HISTORY) as history:
        assert len(history.probes(0, 9e9)) == answer["probes"] >= 1
