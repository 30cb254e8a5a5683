"""Wrong use is told in one message, with the right exit code, and nothing half written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kimi_conformance.runs import SCHEMA, encode
from kimi_conformance.stage import Script, Stage, replies

NOBODY = "http://127.0.0.1:9/v1"


def command(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KIMI_")}
    return subprocess.run(
        [sys.executable, "-m", "kimi_conformance", *arguments],
        cwd=cwd,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("url", ["moonshot.cn/v1", "ftp://host/v1", "http://"])
def test_a_base_url_that_is_no_url(tmp_path: Path, url: str) -> None:
    result = command("check", "--base-url", url, cwd=tmp_path, KIMI_API_KEY="sk-x")

    assert result.returncode == 2
    assert "is no base URL" in result.stderr
    assert not (tmp_path / "reports").exists()


def test_an_endpoint_where_nobody_listens(tmp_path: Path) -> None:
    result = command(
        *("check", "--base-url", NOBODY, "--json", "answer.json"), cwd=tmp_path, KIMI_API_KEY="sk-x"
    )

    assert result.returncode == 3
    assert f"{NOBODY} does not answer" in result.stderr
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert (answer["verdict"], answer["checks"]) == ("INCONCLUSIVE", [])


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (replies.invalid_key(), "refuses the key (401)"),
        (replies.html(), "answers with a web page"),
    ],
)
def test_an_endpoint_that_cannot_be_judged(
    tmp_path: Path, stage: Stage, answer: object, told: str
) -> None:
    lane = stage.open_lane(Script([answer]))  # type: ignore[list-item]
    key = "sk-secret-0123456789abcdef"

    result = command("check", "--base-url", lane.base_url, cwd=tmp_path, KIMI_API_KEY=key)

    assert result.returncode == 3
    assert told in result.stderr
    assert key not in result.stdout + result.stderr


def test_a_key_that_no_header_can_carry(tmp_path: Path) -> None:
    result = command("check", "--base-url", NOBODY, cwd=tmp_path, KIMI_API_KEY="sk-a\nb")

    assert result.returncode == 2
    assert "character that no header can carry" in result.stderr


def test_an_output_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    result = command("gate", "--out", "file/below", cwd=tmp_path)

    assert result.returncode == 2
    assert "Cannot write to file/below" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("raise RuntimeError('out of order')", "raised RuntimeError: out of order"),
        ("import time; time.sleep(60)", "did not come back within 1 s"),
    ],
)
def test_an_adapter_that_cannot_be_opened(tmp_path: Path, body: str, told: str) -> None:
    (tmp_path / "theirs.py").write_text(f"def open_adapter(binding):\n    {body}\n")

    result = command(
        *("check", "--plane", "adapter", "--topic", "filter", "--time-limit", "1"),
        *("--adapter", "theirs:open_adapter", "--json", "answer.json"),
        cwd=tmp_path,
        PYTHONPATH=str(tmp_path),
    )

    assert result.returncode == 3, result.stdout + result.stderr
    assert told in result.stdout
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert answer["verdict"] == "INCONCLUSIVE"
    assert {check["verdict"] for check in answer["checks"]} == {"error"}


def test_a_run_that_was_cut_short_is_reported_as_such(tmp_path: Path) -> None:
    run = tmp_path / "run.jsonl"
    header = {
        "record": "header",
        "schema": SCHEMA,
        "run": "r",
        "job": "gate",
        "started": "2026-01-01T00:00:00+00:00",
        "suite": {"version": "0", "python": "3", "platform": "x"},
        "lane": "cassette",
        "source": "recordings",
        "edition": "2025-09",
        "suts": [],
        "configuration": {},
        "libraries": {},
    }
    run.write_bytes(encode(header) + b'{"record":"che')

    result = command("report", str(run), cwd=tmp_path)

    assert result.returncode == 0, result.stderr
    assert "was cut short" in result.stderr
    assert "cut short" in (tmp_path / "report.html").read_text().lower()


def test_what_is_no_run_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").write_text("{}\n")

    result = command("report", ".", cwd=tmp_path)

    assert result.returncode == 3
    assert "is no record" in result.stderr
