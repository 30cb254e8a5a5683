"""pip and npm are asked for exact versions, and what they say is told without addresses."""

import json
import shutil
import subprocess
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from kimi_conformance.adapters.clients import installers
from kimi_conformance.adapters.clients.installers import INSTALLERS, Installed
from kimi_conformance.errors import UsageError

LISTED = [{"name": "mine", "version": "1.2"}, {"name": "pip", "version": "26.1"}]
LOCK = {
    "packages": {
        "": {},
        "node_modules/a": {"version": "1"},
        "node_modules/a/node_modules/@b/c": {"version": "2"},
    }
}


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """What was run; nothing is."""
    commands: list[Sequence[str]] = []

    def run(argv: Sequence[str], cwd: Path, **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append(argv)
        if "npm" in argv[0]:
            (cwd / "package-lock.json").write_text(json.dumps(LOCK))
        return subprocess.CompletedProcess(argv, 0, json.dumps(LISTED), "")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(venv, "create", lambda folder, **_: folder.mkdir())
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    return commands


def test_pip_installs_the_versions_that_are_wanted(
    ran: list[Sequence[str]], tmp_path: Path
) -> None:
    made = INSTALLERS["python"].install(
        tmp_path / "new", {"mine[all]": "1.2", "more": ">=1,<2"}, None
    )

    assert list(ran[1][-2:]) == ["mine[all]==1.2", "more>=1,<2"]
    assert made == Installed(packages={"mine": "1.2"})


def test_pip_installs_the_same_again(ran: list[Sequence[str]], tmp_path: Path) -> None:
    before = Installed(packages={"mine": "1.2", "other": "7"})

    INSTALLERS["python"].install(tmp_path / "new", {"mine": "1.2"}, before)

    constraints = tmp_path / "new" / "constraints.txt"
    assert list(ran[1][-2:]) == ["--constraint", str(constraints)]
    assert constraints.read_text() == "mine==1.2\nother==7\n"


def test_npm_names_every_package_once(ran: list[Sequence[str]], tmp_path: Path) -> None:
    made = INSTALLERS["javascript"].install(tmp_path / "new", {"a": "1"}, None)

    assert ran[0][1] == "install"
    assert "--omit-lockfile-registry-resolved" in ran[0]
    assert made == Installed(packages={"a": "1", "@b/c": "2"}, lock=LOCK)
    assert json.loads((tmp_path / "new" / "package.json").read_text())["dependencies"] == {"a": "1"}


def test_npm_installs_the_same_again(ran: list[Sequence[str]], tmp_path: Path) -> None:
    INSTALLERS["javascript"].install(
        tmp_path / "new", {"a": "1"}, Installed(packages={}, lock=LOCK)
    )

    assert ran[0][1] == "ci"


def test_without_npm_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)

    with pytest.raises(UsageError, match="npm is not on the PATH"):
        INSTALLERS["javascript"].install(tmp_path / "new", {"a": "1"}, None)


def test_a_failure_is_told_without_addresses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "ERROR: not found at https://user:secret@index.invalid/simple/mine/"
    monkeypatch.setattr(
        subprocess, "run", lambda argv, **_: subprocess.CompletedProcess(argv, 1, "", said)
    )

    with pytest.raises(UsageError) as caught:
        installers._run(["pip", "install", "mine"], tmp_path)

    assert "ERROR: not found at [address]" in str(caught.value)
    assert "secret" not in str(caught.value)
