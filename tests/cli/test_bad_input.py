"""Wrong use is told in one message, with the right exit code, and nothing half written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.cli.headers import HEADER

from kimi_conformance.runs import encode
from kimi_conformance.stage import Script, Stage, replies

NOBODY = "http://127.0.0.1:9/v1"


@pytest.fixture
def key(run: Run, monkeypatch: pytest.MonkeyPatch) -> str:
    """A key that is set up; `run` takes away all others."""
    key = "sk-secret-0123456789abcdef"
    monkeypatch.setenv("KIMI_API_KEY", key)
    return key


def test_the_process_ends_with_the_code_and_shows_no_traceback(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "kimi_conformance", "gaet"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 2
    assert "There is no command 'gaet'. Did you mean 'gate'?" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("url", ["moonshot.cn/v1", "ftp://host/v1", "http://"])
def test_a_base_url_that_is_no_url(run: Run, tmp_path: Path, url: str) -> None:
    result = run("check", "--base-url", url)

    assert result.code == 2
    assert "is no base URL" in result.err
    assert not (tmp_path / "reports").exists()


@pytest.mark.usefixtures("key")
def test_an_endpoint_where_nobody_listens(run: Run, tmp_path: Path) -> None:
    result = run("check", "--base-url", NOBODY, "--json", "answer.json")

    assert result.code == 3
    assert f"{NOBODY} does not answer" in result.err
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
    run: Run, key: str, stage: Stage, answer: object, told: str
) -> None:
    lane = stage.open_lane(Script([answer]))  # type: ignore[list-item]

    result = run("check", "--base-url", lane.base_url)

    assert result.code == 3
    assert told in result.err
    assert key not in result.out + result.err


def test_a_key_that_no_header_can_carry(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIMI_API_KEY", "sk-a\nb")

    result = run("check", "--base-url", NOBODY)

    assert result.code == 2
    assert "character that no header can carry" in result.err


def test_an_output_folder_that_cannot_be_made(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    result = run("gate", "--out", "file/below")

    assert result.code == 2
    assert "Cannot write to file/below" in result.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("raise RuntimeError('out of order')", "raised RuntimeError: out of order"),
        ("import time; time.sleep(60)", "did not come back within 1 s"),
    ],
)
def test_an_adapter_that_cannot_be_opened(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, told: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "theirs", raising=False)
    (tmp_path / "theirs.py").write_text(f"def open_adapter(binding):\n    {body}\n")

    result = run(
        *("check", "--plane", "adapter", "--topic", "filter", "--time-limit", "1"),
        *("--adapter", "theirs:open_adapter", "--json", "answer.json"),
    )

    assert result.code == 3, result.out + result.err
    assert told in result.out
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert answer["verdict"] == "INCONCLUSIVE"
    assert {check["verdict"] for check in answer["checks"]} == {"error"}


def test_a_run_that_was_cut_short_is_reported_as_such(run: Run, tmp_path: Path) -> None:
    evidence = tmp_path / "run.jsonl"
    evidence.write_bytes(encode(HEADER) + b'{"record":"che')

    result = run("report", str(evidence))

    assert result.code == 0, result.err
    assert "was cut short" in result.err
    assert "cut short" in (tmp_path / "report.html").read_text().lower()


def test_what_is_no_run_is_a_clear_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").write_text("{}\n")

    result = run("report", ".")

    assert result.code == 3
    assert "is no record" in result.err
