"""`kimi-conformance adapters install`, `list` and `remove`."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kimi_conformance.adapters.clients.catalogue import Client, clients
from kimi_conformance.adapters.clients.environments import VARIABLE, Environments, State
from kimi_conformance.errors import UsageError

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "clients"))
    return tmp_path / "clients"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Which clients were to be installed; nothing is, and litellm cannot be."""
    calls: list[tuple[str, bool]] = []

    def install(_: Environments, client: Client, *, upgrade: bool = False) -> State:
        calls.append((client.name, upgrade))
        if client.name == "litellm":
            raise UsageError(f"{client.name}: no such version")
        return State(version="1.2")

    monkeypatch.setattr(Environments, "install", install)
    return calls


def test_the_list_says_what_is_installed_and_why_something_is_not(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 11, 7))

    said = run("adapters", "list")

    rows = {line.split()[0]: line for line in said.out.splitlines() if line}
    assert said.code == 0
    assert rows["litellm"].endswith("not installed")
    assert rows["kimi-sdk"].endswith("it needs Python 3.12 or newer, and this is 3.11")


def test_the_list_answers_with_data(run: Run) -> None:
    rows = json.loads(run("adapters", "list", "--json").out)["clients"]

    [litellm] = [row for row in rows if row["name"] == "litellm"]
    assert [row["name"] for row in rows] == list(clients())
    assert (litellm["installed"], litellm["version"]) == (False, None)
    assert "chat" in litellm["capabilities"]


def test_named_clients_are_installed(run: Run, asked: list[tuple[str, bool]]) -> None:
    said = run("adapters", "install", "letta", "curl", "--upgrade")

    assert said.code == 0
    assert asked == [("letta", True), ("curl", True)]
    assert said.out.splitlines()[0].split() == ["letta", "1.2"]


def test_all_are_installed_although_one_cannot_be(run: Run, asked: list[tuple[str, bool]]) -> None:
    said = run("adapters", "install", "--all")

    assert said.code == 1
    assert [name for name, _ in asked] == list(clients())
    assert "litellm: no such version" in said.out


@pytest.mark.parametrize("arguments", [(), ("litellm", "--all")])
def test_either_names_or_all_are_asked_for(run: Run, arguments: tuple[str, ...]) -> None:
    said = run("adapters", "install", *arguments)

    assert said.code == 2
    assert "kimi-conformance adapters list" in said.err


def test_an_unknown_client_is_told_with_the_nearest(run: Run) -> None:
    said = run("adapters", "install", "litelm")

    assert said.code == 2
    assert "Did you mean 'litellm'?" in said.err


def test_a_client_is_removed(run: Run, folder: Path) -> None:
    (folder / "litellm").mkdir(parents=True)

    assert "removed" in run("adapters", "remove", "litellm").out
    assert "not installed" in run("adapters", "remove", "litellm").out
    assert list(folder.iterdir()) == []
