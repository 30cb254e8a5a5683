"""
Says which lower bounds of pyproject.toml are not the versions that are installed.

A bound that no environment holds is a promise that nobody tried: the resolver passed over it
because another package asks for more. Used by `make lowest`; ends with 1 if there is one, on the
lowest Python. On a later one they are only told: old versions have no wheel for it, and whoever
installs there gets later ones.
"""

import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

ROOT = Path(__file__).parents[1]
APART = {"package", "mutation"}  # extras of targets of their own, installed nowhere else


def declared(project: dict[str, Any]) -> Iterator[Requirement]:
    """What the project and its extras ask for on this machine, itself and `APART` left out."""
    groups = project["optional-dependencies"].items()
    extras = [each for name, each in groups if name not in APART]
    for text in {*project["dependencies"], *(each for extra in extras for each in extra)}:
        requirement = Requirement(text)
        applies = requirement.marker is None or requirement.marker.evaluate()
        if applies and requirement.name != project["name"]:
            yield requirement


def untried(
    requirements: Iterable[Requirement], installed: Callable[[str], str] = version
) -> list[str]:
    """One line for each bound that is not installed to the digits that it gives.

    "9.4" is tried by 9.4.2: it may be that there was never a 9.4.0.
    """
    found = []
    for requirement in requirements:
        lowest = [each.version for each in requirement.specifier if each.operator in {">=", "=="}]
        has = installed(requirement.name)
        if not lowest:
            found.append(f"{requirement.name} has no lower bound, {has} is installed")
        elif Version(has).release[: len(Version(lowest[0]).release)] != Version(lowest[0]).release:
            found.append(f"{requirement} is not tried, {has} is installed")
    return sorted(found)


def is_lowest(python: tuple[int, int], requires: str) -> bool:
    """Whether a project that requires this supports no Python before that one."""
    return f"{python[0]}.{python[1] - 1}" not in SpecifierSet(requires)


if __name__ == "__main__":
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    wrong = untried(declared(project))
    sys.stdout.writelines(f"{line}\n" for line in wrong)
    sys.exit(bool(wrong) and is_lowest(sys.version_info[:2], project["requires-python"]))
