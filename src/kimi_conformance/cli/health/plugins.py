"""Which copies of this package Python sees, and the pytest plugins beside ours."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions, entry_points
from pathlib import Path

import kimi_conformance
from kimi_conformance.cli.health.finding import Finding, broken, hint, well

__all__ = [
    "Copies",
    "Copy",
    "Plugins",
    "copy_findings",
    "observe_copies",
    "observe_plugins",
    "plugin_findings",
]

PLUGIN = "kimi_conformance.plugin"
_AUTOLOAD = "PYTEST_DISABLE_PLUGIN_AUTOLOAD"

# Plugins of others that do not go together in a user's own pytest; the command loads neither.
_APART: Mapping[frozenset[str], tuple[str, str]] = {
    frozenset({"pytest_recording.plugin", "pytest_vcr"}): (
        "Both have a fixture and a marker named vcr, and one takes the other's place.",
        "pip uninstall pytest-vcr",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """An installation of this package.

    Attributes:
        version: Of its metadata.
        where: The folder of its metadata.
        editable: Whether it points to a checkout.
    """

    version: str
    where: Path
    editable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """All that this Python could import as kimi_conformance.

    Attributes:
        running: The version of the code that runs.
        package: Where it is.
        installed: What has metadata, in the order in which it is found.
        importable: The folders of packages of this name, in the order in which they are found.
    """

    running: str
    package: Path
    installed: tuple[Copy, ...]
    importable: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugins:
    """What a user's own pytest loads.

    Attributes:
        modules: The module of each plugin, by the name of its entry point; the first one counts.
        ours: How many entry points are called kimi_conformance.
        autoload: Whether pytest loads them unasked.
    """

    modules: Mapping[str, str]
    ours: int
    autoload: bool


def observe_copies() -> Copies:
    """What is found along sys.path."""
    found = {str(_where(each)): each for each in distributions(name="kimi-conformance")}
    package = Path(kimi_conformance.__file__).resolve().parent
    candidates = [Path(entry or ".").resolve() / "kimi_conformance" for entry in sys.path]
    return Copies(
        running=kimi_conformance.__version__,
        package=package,
        installed=tuple(
            Copy(version=each.version, where=_where(each), editable=_editable(each))
            for each in found.values()
        ),
        importable=tuple(
            dict.fromkeys(
                folder.resolve() for folder in candidates if (folder / "__init__.py").is_file()
            )
        ),
    )


def _where(found: Distribution) -> Path:
    return Path(str(found.locate_file(""))).resolve()


def _editable(found: Distribution) -> bool:
    try:
        told = json.loads(found.read_text("direct_url.json") or "{}")
    except ValueError:
        return False
    return bool(told.get("dir_info", {}).get("editable"))


def observe_plugins() -> Plugins:
    """What is registered with pytest in this environment."""
    found = list(entry_points(group="pytest11"))
    modules: dict[str, str] = {}
    for each in found:
        modules.setdefault(each.name, each.value)
    return Plugins(
        modules=modules,
        ours=sum(each.value == PLUGIN for each in found),
        autoload=not os.environ.get(_AUTOLOAD),
    )


def copy_findings(seen: Copies) -> Iterator[Finding]:
    """What is to be said of the copies."""
    first = seen.installed[0] if seen.installed else None
    if first is None:
        yield hint(
            "package",
            f"{seen.package} is run from its source, without being installed",
            "pytest does not find the plugin by itself, nor others the adapters.",
            "pip install --editable .",
        )
    elif first.version != seen.running:
        yield broken(
            "package",
            f"the code in {seen.package} is {seen.running}, its metadata in {first.where} "
            f"{first.version}",
            "Two installations are mixed: commands of one run the code of the other.",
            "pip uninstall kimi-conformance  # until there is none; then install it once",
        )
    else:
        how = "editable" if first.editable else "installed"
        yield well("package", f"{seen.running}, {how}, from {seen.package}")
    others = [folder for folder in seen.importable if folder != seen.package]
    if others:
        yield hint(
            "copies",
            f"another kimi_conformance is importable: {', '.join(map(str, others))}",
            f"It is hidden by {seen.package} as long as sys.path stays as it is.",
            "unset PYTHONPATH, or: pip uninstall kimi-conformance",
        )
    if len(seen.installed) > 1:
        told = ", ".join(f"{each.version} in {each.where}" for each in seen.installed)
        yield hint(
            "copies",
            f"it is installed {len(seen.installed)} times: {told}",
            "An upgrade changes one of them, and perhaps not the one that runs.",
            "pip uninstall kimi-conformance  # until there is none; then install it once",
        )


def plugin_findings(seen: Plugins) -> Iterator[Finding]:
    """What is to be said of the plugins."""
    loaded = set(seen.modules.values())
    if not seen.ours:
        yield hint(
            "plugin",
            "pytest does not know the plugin",
            "The command finds it; your own pytest does not.",
            f"pip install --force-reinstall kimi-conformance, or: pytest -p {PLUGIN}",
        )
    elif not seen.autoload:
        yield hint(
            "plugin",
            f"{_AUTOLOAD} is set",
            "The command names the plugins it needs; your own pytest loads none by itself.",
            f"pytest -p {PLUGIN} -p pytest_asyncio.plugin, or: unset {_AUTOLOAD}",
        )
    else:
        yield well("plugin", f"registered once, beside {len(loaded - {PLUGIN})} others")
    for modules, (means, mend) in _APART.items():
        if modules <= loaded:
            yield hint("plugins", f"pytest also loads {' and '.join(sorted(modules))}", means, mend)
