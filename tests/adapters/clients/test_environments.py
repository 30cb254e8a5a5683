"""Clients are installed whole or not at all, and again in the same versions."""

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from kimi_conformance.adapters import registry
from kimi_conformance.adapters.clients.catalogue import Client, client_named, clients, parse
from kimi_conformance.adapters.clients.environments import VARIABLE, Environments
from kimi_conformance.adapters.clients.installers import Installed
from kimi_conformance.errors import UsageError

CLIENT = next(
    iter(
        parse(
            """
[[client]]
name = "mine"
title = "My client"
language = "python"
packages = { "mine[all]" = ">=1,<2" }
tested = { "mine[all]" = "1.2" }
bridge = "openai_sdk"
claims = { chat = "README", streaming = "README" }
"""
        ).values()
    )
)


class FakeInstaller:
    """Installs nothing, and notes what it was asked for."""

    def __init__(self, *, fails: bool = False) -> None:
        self.wanted: list[Mapping[str, str]] = []
        self.before: list[Installed | None] = []
        self.fails = fails

    def install(
        self, folder: Path, wanted: Mapping[str, str], before: Installed | None
    ) -> Installed:
        self.wanted.append(wanted)
        self.before.append(before)
        folder.mkdir()
        (folder / "made").write_text(str(len(self.wanted)))
        if self.fails:
            raise UsageError("no such version")
        newest = wanted == {"mine[all]": ">=1,<2"}
        return Installed(packages={"mine": "1.9" if newest else "1.2", "other": "7"})


@pytest.fixture
def installer() -> FakeInstaller:
    return FakeInstaller()


@pytest.fixture
def environments(tmp_path: Path, installer: FakeInstaller) -> Environments:
    return Environments(tmp_path / "clients", {"python": installer})


def test_the_tested_version_is_installed_first(
    environments: Environments, installer: FakeInstaller
) -> None:
    state = environments.install(CLIENT)

    assert state.version == "1.2"
    assert installer.wanted == [{"mine[all]": "1.2"}]
    assert sorted(path.name for path in environments.folder.iterdir()) == [
        "mine",
        "mine.lock.json",
    ]


def test_what_is_installed_again_is_the_same(
    environments: Environments, installer: FakeInstaller
) -> None:
    environments.install(CLIENT, upgrade=True)
    assert environments.remove(CLIENT)
    assert environments.state(CLIENT).problem == "not installed"

    state = environments.install(replace(CLIENT, tested={"mine[all]": "1.3"}))

    assert installer.wanted == [{"mine[all]": ">=1,<2"}, {"mine[all]": "1.9"}]
    assert installer.before == [None, Installed(packages={"mine": "1.9", "other": "7"})]
    assert state.problem == ""


def test_an_upgrade_takes_the_newest(environments: Environments, installer: FakeInstaller) -> None:
    environments.install(CLIENT)

    state = environments.install(CLIENT, upgrade=True)

    assert state.version == "1.9"
    assert installer.before == [None, None]


def test_an_installation_that_fails_leaves_the_old_one(
    environments: Environments, installer: FakeInstaller
) -> None:
    environments.install(CLIENT)
    installer.fails = True

    with pytest.raises(UsageError, match="mine: no such version"):
        environments.install(CLIENT, upgrade=True)

    assert (environments.folder / "mine" / "made").read_text() == "1"
    assert environments.state(CLIENT).version == "1.2"
    assert not list(environments.folder.glob(".*"))


def test_a_lock_that_is_damaged_says_what_to_do(environments: Environments) -> None:
    environments.install(CLIENT)
    (environments.folder / "mine.lock.json").write_text("{")

    with pytest.raises(UsageError, match=r"is damaged\. Delete it, and type: kimi-conformance"):
        environments.state(CLIENT)


def test_the_lock_holds_names_and_versions(environments: Environments) -> None:
    environments.install(CLIENT)

    lock = json.loads((environments.folder / "mine.lock.json").read_text())
    assert lock == {"lock": {}, "packages": {"mine": "1.2", "other": "7"}}


def test_removing_what_is_not_there_says_so(environments: Environments) -> None:
    assert environments.remove(CLIENT) is False


def test_a_python_client_is_started_by_its_own_interpreter(environments: Environments) -> None:
    environments.install(CLIENT)

    command = environments.command(CLIENT)

    assert command.startswith(f"{environments.folder}/mine/bin/python -I ")
    assert command.endswith("/boot.py mine 1.2 openai_sdk chat,streaming")


def test_a_client_that_is_not_installed_says_how_to_install_it(environments: Environments) -> None:
    with pytest.raises(UsageError, match="Type: kimi-conformance adapters install mine"):
        environments.command(CLIENT)


def test_a_client_for_a_newer_python_says_so_and_is_judged_where_one_has_installed_it(
    environments: Environments, installer: FakeInstaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = replace(CLIENT, python="3.12")
    monkeypatch.setattr(sys, "version_info", (3, 11, 7))

    with pytest.raises(
        UsageError, match=r"mine cannot be installed: it needs Python 3\.12 or newer, and this is 3"
    ):
        environments.install(newer)

    assert environments.state(newer).problem.startswith("it needs Python 3.12")
    assert installer.wanted == []
    monkeypatch.setattr(sys, "version_info", (3, 12, 0))
    assert environments.install(newer).version == "1.2"
    monkeypatch.setattr(sys, "version_info", (3, 11, 7))
    assert environments.state(newer).problem == ""


def test_a_program_is_found_on_the_path(
    environments: Environments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_named("curl")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environments.state(client).problem == "curl and node not on the PATH"

    for name in ("curl", "node"):
        (tmp_path / name).write_text("#!/bin/sh\necho curl 8.1.2 and more\n")
        (tmp_path / name).chmod(0o755)

    assert environments.state(client).version == "8.1.2"
    assert environments.install(client).version == "8.1.2"
    assert "curl.mjs curl 8.1.2 chat," in environments.command(client)


@pytest.mark.parametrize("name", [name for name, each in clients().items() if each.packages])
def test_a_catalogued_client_is_named_like_any_adapter(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))

    with pytest.raises(UsageError, match=f"The client '{name}' cannot be judged"):
        registry.factory_of(name)


def test_a_misspelt_client_is_told_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean 'pydantic-ai'"):
        registry.factory_of("pydantic_ai")


def test_each_client_has_a_folder_of_its_own() -> None:
    made: list[Client] = list(clients().values())

    assert len({client.name for client in made}) == len(made)
