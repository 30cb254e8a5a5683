"""`doctor`: what it prints of what was found, how it ends, and what it sends."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from kimi_conformance.cli.commands import doctor as command
from kimi_conformance.cli.health.finding import Finding, broken, hint, well
from kimi_conformance.stage import Script, Stage, replies

KEY = "sk-doctor-0123456789abcdefghijklmnop"


def looks(monkeypatch: pytest.MonkeyPatch, *found: Finding) -> None:
    monkeypatch.setattr(command, "_looks", lambda out: {"part": lambda: iter(found)})


def test_hints_are_no_failure(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    looks(monkeypatch, well("Python", "3.12"), hint("disk", "full soon", "It fills.", "rm it"))

    said = run("doctor")

    assert said.code == 0, said.err
    assert "→ rm it" in said.out
    assert "All is well, 1 hint." in said.out


def test_what_is_broken_ends_with_1_and_is_told_to_machines(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks(monkeypatch, broken("disk", "full", "Nothing fits.", "rm it"))

    said = run("doctor", "--json", "-")

    answer = json.loads(said.out)
    assert said.code == 1
    assert (answer["well"], answer["counts"]["broken"]) == (False, 1)
    assert answer["findings"][0]["mend"] == "rm it"
    assert "Nothing fits." in said.err


def test_whatever_a_look_raises_is_a_finding_without_key_and_steering(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks() -> Iterator[Finding]:
        raise RuntimeError(f"bad header Bearer {KEY} \x1b[2J")

    monkeypatch.setattr(command, "_looks", lambda out: {"part": breaks})
    monkeypatch.setenv("KIMI_API_KEY", KEY)

    said = run("doctor")

    assert said.code == 1
    assert "cannot be looked at: RuntimeError" in said.out
    assert KEY not in said.out + said.err
    assert "\x1b" not in said.out


def test_live_sends_one_request_and_says_so(
    run: Run, monkeypatch: pytest.MonkeyPatch, stage: Stage
) -> None:
    looks(monkeypatch)
    lane = stage.open_lane(Script([replies.invalid_key()]))
    monkeypatch.setenv("KIMI_API_KEY", KEY)
    monkeypatch.setenv("KIMI_BASE_URL", lane.base_url)

    said = run("doctor", "--live")

    assert said.code == 1
    assert f"Sending GET {lane.base_url}/models, once." in said.out
    assert "refuses the key (401)" in said.out
    assert lane.journal is not None
    assert [each.request.path for each in lane.journal.exchanges] == ["/v1/models"]


def test_live_sends_nothing_without_a_key(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    looks(monkeypatch)

    said = run("doctor", "--live")

    assert said.code == 1
    assert "nothing was sent" in said.out


@pytest.mark.heavy
def test_an_installation_without_its_dependencies_is_told_without_a_traceback(
    tmp_path: Path,
) -> None:
    without = (
        "import sys\n"
        "for name in ('yaml', 'httpx', 'jinja2', 'locust', 'vcr', 'psutil', 'rich', 'uvloop'):\n"
        "    sys.modules[name] = None\n"
        "sys.argv = ['kimi-conformance', 'doctor']\n"
        "from kimi_conformance.cli import main\n"
        "main()\n"
    )

    told = subprocess.run(
        [sys.executable, "-c", without], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert told.returncode == 1
    assert "Traceback" not in told.stderr
    assert "cannot be looked at: ModuleNotFoundError" in told.stdout
    assert "hint    YAML" in told.stdout


@pytest.mark.heavy
def test_this_installation_is_well(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "kimi_conformance", "doctor", "--json", "-"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    answer = json.loads(told.stdout)
    assert answer["well"], told.stderr
    assert {"part": "trial", "health": "ok"}.items() <= answer["findings"][-1].items()
    assert list(tmp_path.iterdir()) == []
