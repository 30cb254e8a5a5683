"""
The environments of clients: each has one of its own, so that none sees another's packages.

    FOLDER/litellm/              the environment
    FOLDER/litellm.lock.json     exactly what was installed, for the next time

An environment is made under another name and renamed when it is whole. The lock stays when
the environment is removed, so that what is installed again is the same, until somebody asks
for the newest.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from kimi_conformance.adapters.clients.catalogue import Client, clients
from kimi_conformance.adapters.clients.installers import INSTALLERS, Installed, Installer
from kimi_conformance.errors import UsageError

__all__ = ["VARIABLE", "Environments", "State", "too_old"]

VARIABLE = "KIMI_CLIENTS"
DEFAULT = "~/.cache/kimi-conformance/clients"
_ELSEWHERE = (
    "Install it by a kimi-conformance on such a Python, with the same KIMI_CLIENTS: "
    "then every Python can judge it."
)
_BOOT = Path(__file__).with_name("boot.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How it stands with a client on this machine.

    Attributes:
        version: That is installed, or None.
        problem: Why it cannot be judged here, or "".
    """

    version: str | None
    problem: str = ""


class Environments:
    """The environments below one folder.

    Args:
        folder: Where they are.
        installers: What installs, by language.
    """

    def __init__(self, folder: Path, installers: Mapping[str, Installer] = INSTALLERS) -> None:
        self.folder = folder
        self._installers = installers

    @classmethod
    def of_user(cls) -> "Environments":
        """Those in the folder that KIMI_CLIENTS names, else in the user's cache."""
        return cls(Path(os.environ.get(VARIABLE) or DEFAULT).expanduser().absolute())

    def install(self, client: Client, *, upgrade: bool = False) -> State:
        """Make a client's environment anew, or see that the machine has its program.

        Args:
            client: Which.
            upgrade: Whether to take the newest versions that the bridge is written for, in
                place of those from the last time, or the tested ones.

        Raises:
            UsageError: It cannot be installed.
        """
        if client.language == "program":
            state = self.state(client)
            if state.problem:
                raise UsageError(f"{client.name} cannot be installed: {state.problem}.")
            return state
        if why := too_old(client):
            raise UsageError(f"{client.name} cannot be installed: {why}. {_ELSEWHERE}")
        before = None if upgrade else self._lock(client)
        wanted = client.packages if upgrade else {**client.tested, **_pinned(client, before)}
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = Path(mkdtemp(prefix=f".{client.name}-", suffix=".partial", dir=self.folder))
        try:
            made = self._installers[client.language].install(partial / "new", wanted, before)
            self._replace(client, partial, made)
        except UsageError as error:
            raise UsageError(f"{client.name}: {error}") from None
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return self.state(client)

    def remove(self, client: Client) -> bool:
        """Delete a client's environment and keep its lock; whether there was one."""
        if not (self.folder / client.name).is_dir():
            return False
        partial = Path(mkdtemp(prefix=f".{client.name}-", suffix=".partial", dir=self.folder))
        (self.folder / client.name).rename(partial / "old")
        shutil.rmtree(partial)
        return True

    def state(self, client: Client) -> State:
        """Whether a client can be judged here, and in which version."""
        missing = [need for need in _needs(client) if shutil.which(need) is None]
        if missing:
            return State(version=None, problem=f"{' and '.join(missing)} not on the PATH")
        if client.language == "program":
            return State(version=_version_of(client.program))
        lock = self._lock(client)
        if lock is None or not (self.folder / client.name).is_dir():
            return State(version=None, problem=too_old(client) or "not installed")
        return State(version=lock.packages[client.package])

    def installed(self) -> Mapping[str, State]:
        """The clients that can be judged here."""
        states = {name: self.state(client) for name, client in clients().items()}
        return {name: state for name, state in states.items() if not state.problem}

    def command(self, client: Client) -> str:
        """What starts a client's bridge, for a process adapter.

        Raises:
            UsageError: It is not installed.
        """
        state = self.state(client)
        if state.problem:
            how = (
                f" Type: kimi-conformance adapters install {client.name}"
                if state.problem == "not installed"
                else ""
            )
            raise UsageError(f"The client '{client.name}' cannot be judged: {state.problem}.{how}")
        own = self.folder / client.name
        told = (client.name, str(state.version), ",".join(client.claims))
        if client.language == "python":
            name, version, claims = told
            python = str(own / "bin" / "python")
            return shlex.join([python, "-I", str(_BOOT), name, version, client.bridge, claims])
        return shlex.join(["node", str(client.bridge_file), *told, str(own)])

    def _replace(self, client: Client, partial: Path, made: Installed) -> None:
        """Put a new environment in the place of the old one, lock first."""
        lock = partial / "lock"
        lock.write_text(json.dumps(asdict(made), indent=2, sort_keys=True) + "\n", "utf-8")
        target = self.folder / client.name
        if target.exists():
            target.rename(partial / "old")
        lock.replace(self._lock_file(client))
        (partial / "new").rename(target)

    def _lock_file(self, client: Client) -> Path:
        return self.folder / f"{client.name}.lock.json"

    def _lock(self, client: Client) -> Installed | None:
        try:
            found: Mapping[str, Any] = json.loads(self._lock_file(client).read_text("utf-8"))
            return Installed(packages=found["packages"], lock=found["lock"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            raise UsageError(
                f"{self._lock_file(client)} is damaged. Delete it, and type: kimi-conformance "
                f"adapters install {client.name}"
            ) from None


def _pinned(client: Client, before: Installed | None) -> Mapping[str, str]:
    """The versions of the client's own packages the last time."""
    known = {} if before is None else before.packages
    plain = {name: name.partition("[")[0] for name in client.packages}
    return {name: known[own] for name, own in plain.items() if own in known}


def too_old(client: Client) -> str:
    """Why this interpreter can make no environment for a client, or ""."""
    needed = tuple(map(int, client.python.split("."))) if client.python else ()
    ours = tuple(sys.version_info[:2])
    if ours >= needed:
        return ""
    return f"it needs Python {client.python} or newer, and this is {ours[0]}.{ours[1]}"


def _needs(client: Client) -> tuple[str, ...]:
    """The programs that the machine must have."""
    return {
        "python": (),
        "javascript": ("node",),
        "program": (client.program, "node"),
    }[client.language]


def _version_of(program: str) -> str:
    """The version that a program tells: the second word of its first line."""
    said = subprocess.run(  # noqa: S603 - of our own catalogue
        [str(shutil.which(program)), "--version"],
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    ).stdout
    words = said.split()
    return words[1] if len(words) > 1 else "unknown"
