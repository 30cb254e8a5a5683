"""
What puts packages into a folder: pip into a virtual environment, npm into node_modules.

No address of a package index is kept or shown: pip's and npm's own settings decide it, and
what they say of a failure is told without addresses.
"""

import json
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from kimi_conformance.errors import UsageError

__all__ = ["INSTALLERS", "Installed", "Installer"]

LIMIT = 1800  # seconds that one installation may take
_ADDRESS = re.compile(r"\b[a-z+]+://\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """What is in an environment.

    Attributes:
        packages: Every package, with its exact version.
        lock: What npm needs to install the same again; without addresses.
    """

    packages: Mapping[str, str]
    lock: Mapping[str, Any] = field(default_factory=dict)


class Installer(Protocol):
    """Puts packages into a folder."""

    def install(
        self, folder: Path, wanted: Mapping[str, str], before: Installed | None
    ) -> Installed:
        """Make an environment; what is in it.

        Args:
            folder: Where; it does not exist yet.
            wanted: Packages with their versions, as the installer writes them.
            before: What was installed once and is to be installed again, or None.

        Raises:
            UsageError: It cannot be installed.
        """
        ...


class Pip:
    """A virtual environment of its own, by this interpreter."""

    def install(
        self, folder: Path, wanted: Mapping[str, str], before: Installed | None
    ) -> Installed:
        """As in `Installer`."""
        venv.create(folder, with_pip=True, symlinks=True)
        pip = (str(folder / "bin" / "python"), "-I", "-m", "pip", "--disable-pip-version-check")
        # An old pip cannot read what some packages say of themselves.
        _run([*pip, "install", "--quiet", "--upgrade", "pip"], folder)
        specs = [f"{name}{_pip_version(version)}" for name, version in wanted.items()]
        if before is not None:
            pinned = [f"{name}=={version}" for name, version in before.packages.items()]
            constraints = folder / "constraints.txt"
            constraints.write_text("\n".join(pinned) + "\n", "utf-8")
            specs += ["--constraint", str(constraints)]
        _run([*pip, "install", "--quiet", *specs], folder)
        listed = json.loads(_run([*pip, "list", "--format=json"], folder))
        tools = {"pip", "setuptools", "wheel"}
        packages = {each["name"]: each["version"] for each in listed}
        return Installed(packages={k: v for k, v in packages.items() if k not in tools})


class Npm:
    """A folder with node_modules."""

    def install(
        self, folder: Path, wanted: Mapping[str, str], before: Installed | None
    ) -> Installed:
        """As in `Installer`."""
        npm = shutil.which("npm")
        if npm is None:
            raise UsageError("npm is not on the PATH. Install Node.js 20 or newer.")
        folder.mkdir()
        package = {"private": True, "dependencies": dict(wanted)}
        (folder / "package.json").write_text(json.dumps(package), "utf-8")
        lock = folder / "package-lock.json"
        again = before is not None and bool(before.lock)
        if before is not None and before.lock:
            lock.write_text(json.dumps(before.lock), "utf-8")
        quiet = ("--silent", "--no-audit", "--no-fund", "--omit-lockfile-registry-resolved")
        _run([npm, "ci" if again else "install", *quiet], folder)
        found = json.loads(lock.read_text("utf-8"))
        packages = {
            path.rpartition("node_modules/")[2]: entry["version"]
            for path, entry in found["packages"].items()
            if path
        }
        return Installed(packages=packages, lock=found)


INSTALLERS: Mapping[str, Installer] = {"python": Pip(), "javascript": Npm()}


def _pip_version(version: str) -> str:
    """A bare version as pip takes it, or what is a specifier already.

    >>> _pip_version("3.54.0"), _pip_version(">=3,<4")
    ('==3.54.0', '>=3,<4')
    """
    return f"=={version}" if version[:1].isdigit() else version


def _run(argv: Sequence[str], folder: Path) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments
            argv, cwd=folder, capture_output=True, text=True, check=False, timeout=LIMIT
        )
    except subprocess.TimeoutExpired:
        raise UsageError(f"{Path(argv[0]).name} took longer than {LIMIT} s.") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-5:]
        lines = "".join(f"\n    {_ADDRESS.sub('[address]', line)[:300]}" for line in said)
        version = ".".join(map(str, sys.version_info[:2]))
        raise UsageError(f"It could not be installed (Python {version}):{lines}")
    return done.stdout
