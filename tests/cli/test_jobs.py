"""The jobs end to end, in processes of their own, as a user starts them."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.timely import Said, alike

from kimi_conformance.http import httpx

pytestmark = pytest.mark.heavy

COMMAND = (sys.executable, "-m", "kimi_conformance")


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KIMI_")}
    return {**kept, **more}


def run(
    *arguments: str, cwd: Path, **more: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    return ended(begin(*arguments, cwd=cwd, **more), cwd)


def begin(*arguments: str, cwd: Path, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *arguments, "--json", "answer.json"],
        cwd=cwd,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(
    command: subprocess.Popen[str], cwd: Path
) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """What it did and answered, when it has come to its end."""
    out, err = command.communicate()
    answer = cwd / "answer.json"
    result = subprocess.CompletedProcess(command.args, command.returncode, out, err)
    return result, json.loads(answer.read_text()) if answer.exists() else {}


@pytest.fixture
def simulator() -> Iterator[dict[str, str]]:
    child = subprocess.Popen(
        [*COMMAND, "simulate", "--edition", "2025-09", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    with child.stdout:
        yield json.loads(child.stdout.readline())
    child.send_signal(signal.SIGTERM)
    assert child.wait(10) == 0


def said(answer: dict[str, Any], plane: str) -> Said:
    return {
        check["id"]: (check["verdict"], check["reason"])
        for check in answer["checks"]
        if check["plane"] == plane and "/wire/" not in check["id"]
    }


def test_the_gate_holds_for_the_reference_adapter_in_every_edition(tmp_path: Path) -> None:
    result, answer = run("gate", cwd=tmp_path)

    assert result.returncode == 0, result.stdout + result.stderr
    assert answer["verdict"] == "CONFORMANT"
    assert answer["source"] == "recordings"
    assert answer["edition"] == "2025-09, 2026-09"
    of_adapters = [check for check in answer["checks"] if check["plane"] == "adapter"]
    verdicts = Counter(check["verdict"] for check in of_adapters)
    assert verdicts.keys() <= {"passed", "inconclusive"}, "a busy machine decides less"
    assert verdicts["passed"] > 0.9 * len(of_adapters)
    assert {"2025-09", "2026-09"} == {check["edition"] for check in of_adapters}
    only_later = {c["edition"] for c in of_adapters if c["requirement"] == "ERR-10"}
    assert only_later == {"2026-09"}
    folders = sorted((tmp_path / "reports" / "out").iterdir())
    assert [folder.name.partition("gate")[2] for folder in folders] == ["-2025-09", "-2026-09"]
    for folder in folders:
        assert {"run.jsonl", "report.html", "junit.xml", "summary.md"} <= {
            path.name for path in folder.iterdir()
        }


def test_the_gate_of_one_edition_judges_that_one(tmp_path: Path) -> None:
    """By an adapter that claims nothing, so that nothing is asked of it."""
    (tmp_path / "theirs.py").write_text(
        "class Modest:\n    name, version, capabilities = 'modest', '1', ()\n"
        "    def __init__(self, binding): pass\n    async def aclose(self): pass\n"
    )

    result, answer = run(
        *("gate", "--edition", "2026-09", "--adapter", "theirs:Modest"),
        cwd=tmp_path,
        PYTHONPATH=os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]),
    )

    assert result.returncode == 0, result.stdout + result.stderr
    assert {check["edition"] for check in answer["checks"]} == {"2026-09"}
    of_adapters = [check for check in answer["checks"] if check["plane"] == "adapter"]
    assert {"not_claimed"} == {check["verdict"] for check in of_adapters}
    (folder,) = (tmp_path / "reports" / "out").iterdir()
    assert folder.name.endswith("-gate")


def test_a_live_run_gives_the_verdicts_of_the_simulator_and_keeps_the_key(
    tmp_path: Path, simulator: dict[str, str]
) -> None:
    live, simulated = tmp_path / "live", tmp_path / "simulated"
    live.mkdir()
    simulated.mkdir()
    key = simulator["api_key"]

    other = begin(
        *("nightly", "--adapter", "reference", "--lane", "simulator", "--no-load"), cwd=simulated
    )
    result, answer = run(
        *("nightly", "--adapter", "reference"),
        cwd=live,
        KIMI_BASE_URL=simulator["base_url"],
        KIMI_API_KEY=key,
    )
    _, expected = ended(other, simulated)

    assert result.returncode == 0, result.stdout + result.stderr
    assert answer["source"] == f"live ({simulator['base_url']})"
    assert answer["edition"] == "2025-09"
    for plane in ("adapter", "endpoint"):
        alike(said(answer, plane), said(expected, plane))
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 8
    assert [path for path in written if key.encode() in path.read_bytes()] == []
    assert key not in result.stdout + result.stderr


def test_a_budget_stops_a_live_run_and_what_is_left_is_inconclusive(
    tmp_path: Path, simulator: dict[str, str]
) -> None:
    result, answer = run(
        *("check", "--plane", "endpoint", "--max-requests", "10"),
        cwd=tmp_path,
        KIMI_BASE_URL=simulator["base_url"],
        KIMI_API_KEY=simulator["api_key"],
    )

    assert result.returncode == 3, result.stdout + result.stderr
    assert answer["verdict"] == "INCONCLUSIVE"
    assert answer["counts"]["failed"] == 0
    undecided = [check for check in answer["checks"] if check["verdict"] == "inconclusive"]
    assert any("The budget of 10 requests is used up" in check["reason"] for check in undecided)


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_the_simulator_serves_until_it_is_told_to_stop(name: signal.Signals) -> None:
    child = subprocess.Popen(
        [*COMMAND, "simulate", "--edition", "2025-09", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    served = json.loads(child.stdout.readline())
    headers = {"Authorization": f"Bearer {served['api_key']}"}

    models = httpx.get(f"{served['base_url']}/models", headers=headers).json()
    child.send_signal(name)
    rest, errors = child.communicate(timeout=10)

    assert "moonshot-v1-8k" in {model["id"] for model in models["data"]}
    assert child.returncode == 0
    assert (rest, errors) == ("", "")


def test_the_service_level_is_judged_and_reported(tmp_path: Path) -> None:
    result, answer = run("sla", "--duration", "6s", cwd=tmp_path)

    assert {objective["name"] for objective in answer["objectives"]} >= {
        "success_rate",
        "mean_response_s",
        "memory_percent",
        "cpu_percent",
    }
    assert answer["requests"] > 20
    assert answer["verdict"] in {"KEPT", "INCONCLUSIVE"}  # six seconds seldom prove 99 %
    assert result.returncode in {0, 3}
    (folder,) = (tmp_path / "reports" / "out").iterdir()
    assert (folder / "report.html").exists()
