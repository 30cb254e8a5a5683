"""What is known to fail does not make a run red, as long as it is true; every report shows it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

CHECK = "adapter/structured_output/any_other_model_gets_the_answer_of_the_parent"
BASELINE = """
[[known_failure]]
check = "{check}"
reason = "It promises schemas for whatever is Kimi's."
issue = "https://example.com/issues/12"
expires = {expires}
"""

Judge = Callable[..., tuple[subprocess.CompletedProcess[str], Mapping[str, Any]]]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """Judges an adapter by a topic that takes no time."""

    def run(adapter: str, check: str, expires: str) -> Any:
        (tmp_path / "known.toml").write_text(BASELINE.format(check=check, expires=expires))
        result = subprocess.run(
            [
                *(sys.executable, "-m", "kimi_conformance", "check", "--plane", "adapter"),
                *("--topic", "structured_output", "--lane", "simulator", "--adapter", adapter),
                *("--baseline", "known.toml", "--out", "out", "--json", "answer.json"),
            ],
            cwd=tmp_path,
            env={k: v for k, v in os.environ.items() if not k.startswith("KIMI_")},
            capture_output=True,
            text=True,
            check=False,
        )
        answer = tmp_path / "answer.json"
        return result, json.loads(answer.read_text()) if answer.exists() else {}

    return run


@pytest.mark.heavy
def test_a_known_failure_is_not_red_and_every_report_shows_it(judge: Judge, tmp_path: Path) -> None:
    result, answer = judge("mutant:promises-it-for-all-of-kimis", f"{CHECK}[*]", "2999-12-31")

    assert result.returncode == 0, result.stdout + result.stderr
    assert answer["verdict"] == "CONFORMANT"
    assert answer["counts"]["known_failure"] == 4
    assert "and the baseline excuses the other 4" in answer["because"]
    (folder,) = (tmp_path / "out").iterdir()
    for name in ("run.jsonl", "report.html", "summary.md", "junit.xml"):
        text = (folder / name).read_text()
        assert "It promises schemas for whatever is Kimi" in text.replace("&#39;", "'")
    cases = ET.parse(folder / "junit.xml").getroot().iter("testcase")
    known = [case for case in cases if case.find("skipped[@type='known_failure']") is not None]
    assert len(known) == 4
    assert {case.find("properties/property[@name='baseline']").get("value") for case in known} == {  # type: ignore[union-attr]
        "known"
    }


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("adapter", "expires", "told"),
    [
        ("mutant:promises-it-for-all-of-kimis", "2000-01-01", "known until 2000-01-01, which has"),
        ("reference", "2999-12-31", "passes, so its excuse is stale: take out known.toml, entry 1"),
    ],
)
def test_an_entry_that_has_expired_or_grown_stale_is_red(
    judge: Judge, adapter: str, expires: str, told: str
) -> None:
    result, answer = judge(adapter, f"{CHECK}[*]", expires)

    assert result.returncode == 1, result.stdout + result.stderr
    assert "the baseline excuses what it no longer may: STRUCT-02" in answer["because"]
    assert told in result.stdout
    assert answer["counts"]["failed"] == 4


@pytest.mark.heavy
def test_an_entry_about_no_check_is_wrong_use(judge: Judge) -> None:
    result, answer = judge("reference", f"{CHECK}s[*]", "2999-12-31")

    assert result.returncode == 2
    assert f"known.toml, entry 1 ({CHECK}s[*]) names no check" in result.stderr
    assert f"Did you mean '{CHECK}'?" in result.stderr
    assert answer == {}


def test_a_baseline_that_cannot_be_read_is_wrong_use_before_anything_is_run(
    judge: Judge, tmp_path: Path
) -> None:
    result, _ = judge("reference", CHECK, "soon")

    assert result.returncode == 2
    assert "The baseline known.toml is not TOML" in result.stderr
    assert not (tmp_path / "out").exists()
