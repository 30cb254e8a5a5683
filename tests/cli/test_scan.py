"""`scan` finds secrets in files, says where, and does not repeat them."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Run = Callable[..., Any]
KEY = "sk-" + "AbCdEf0123456789" * 2


def test_a_clean_folder_holds(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("key: sk-placeholder\n")

    said = run("scan")

    assert (said.code, said.out) == (0, "1 files: nothing that looks like a secret.\n")


def test_a_secret_is_found_and_not_printed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.yaml").write_text(f"one: 1\ntwo: {KEY} {KEY}\n")
    (tmp_path / "b.txt").write_bytes(base64.b64encode(f"user: {KEY}".encode()))

    said = run("scan", "deep", "b.txt")

    assert said.code == 1
    assert "deep/a.yaml:2: looks like a secret (key)" in said.out
    assert "b.txt: looks like a secret (key, written as base64)" in said.out
    assert KEY[3:] not in said.out + said.err


def test_the_answer_for_machines_does_not_hold_it_either(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"{KEY} Bearer {KEY}\n")

    said = run("scan", "--json", "-")

    assert said.code == 1
    answer = json.loads(said.out)
    assert {each["kind"] for each in answer["findings"]} == {"key", "bearer"}
    assert {each["line"] for each in answer["findings"]} == {1}
    assert KEY[3:] not in said.out + said.err


def test_the_key_of_this_process_is_found_whatever_it_looks_like(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.log").write_text("the answer was: open sesame, please\n")
    monkeypatch.setenv("KIMI_API_KEY", "open sesame")

    said = run("scan", "a.log")

    assert said.code == 1
    assert "a.log:1: looks like a secret (known key)" in said.out
    assert "sesame" not in said.out


def test_hidden_files_are_left_out_unless_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(KEY)

    assert run("scan").code == 0
    assert run("scan", ".env").code == 1


def test_a_path_that_is_not_there_is_wrong_use(run: Run) -> None:
    said = run("scan", "nowhere")

    assert said.code == 2
    assert "There is no file or folder nowhere to scan" in said.out + said.err


def test_the_hook_calls_this_command_on_what_recordings_are() -> None:
    file = Path(__file__).parents[2] / ".pre-commit-hooks.yaml"
    (hook,) = yaml.safe_load(file.read_text())

    assert hook["entry"] == "kimi-conformance scan"
    assert hook["id"] in (file.parent / "CONTRIBUTING.md").read_text()
