"""The interpreter, and the packages that it finds."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, version
from importlib.util import find_spec

from kimi_conformance.cli.health.finding import Finding, broken, hint, well
from kimi_conformance.cli.health.versions import Needed, holds, parse

__all__ = ["OLDEST", "Python", "findings", "observe"]

OLDEST = (3, 11)


@dataclass(frozen=True, slots=True, kw_only=True)
class Python:
    """What runs the suite.

    Attributes:
        version: Of the interpreter.
        isolated: Whether it is that of a virtual environment.
        needed: What the metadata of this package asks for; () where there is none.
        found: The versions that are installed, by the names of `needed`.
        fast_yaml: Whether PyYAML has its loader in C.
        fast_loop: Whether uvloop is there.
    """

    version: tuple[int, ...]
    isolated: bool
    needed: tuple[Needed, ...]
    found: Mapping[str, str]
    fast_yaml: bool
    fast_loop: bool


def observe() -> Python:
    """What this process runs in."""
    try:
        lines = distribution("kimi-conformance").requires or []
    except PackageNotFoundError:
        lines = []
    needed = tuple(each for line in lines if (each := parse(line, sys.platform)) is not None)
    return Python(
        version=tuple(sys.version_info[:3]),
        isolated=sys.prefix != sys.base_prefix,
        needed=needed,
        found=dict(_found(needed)),
        fast_yaml=_has_c_loader(),
        fast_loop=find_spec("uvloop") is not None,
    )


def _found(needed: tuple[Needed, ...]) -> Iterator[tuple[str, str]]:
    for each in needed:
        try:
            yield each.name, version(each.name)
        except PackageNotFoundError:
            continue


def _has_c_loader() -> bool:
    try:
        import yaml
    except ImportError:
        return False
    return hasattr(yaml, "CSafeLoader")


def findings(seen: Python) -> Iterator[Finding]:
    """What is to be said of it."""
    text = ".".join(str(part) for part in seen.version)
    oldest = ".".join(str(part) for part in OLDEST)
    if seen.version < OLDEST:
        yield broken(
            "Python",
            text,
            f"The suite is written for {oldest} and newer.",
            f"python{oldest} -m venv .venv && .venv/bin/pip install kimi-conformance",
        )
    elif not seen.isolated:
        yield hint(
            "Python",
            f"{text}, outside a virtual environment",
            "Another program's packages can replace those that the suite needs.",
            "python -m venv .venv && .venv/bin/pip install kimi-conformance",
        )
    else:
        yield well("Python", f"{text}, in a virtual environment")
    yield from _packages(seen)
    if seen.fast_yaml:
        yield well("YAML", "PyYAML reads by its C loader")
    else:
        yield hint(
            "YAML",
            "PyYAML has no C loader",
            "Cassettes are read some 70 times slower.",
            "pip install --force-reinstall --only-binary pyyaml pyyaml",
        )
    if seen.fast_loop:
        yield well("event loop", "uvloop")
    else:
        yield hint(
            "event loop",
            "asyncio's own",
            "The simulator answers fewer requests a second than it could.",
            "pip install uvloop",
        )


def _packages(seen: Python) -> Iterator[Finding]:
    if not seen.needed:
        yield hint(
            "packages",
            "the package has no metadata: it is run from its source",
            "Whether the versions of its dependencies are right cannot be told.",
            "pip install --editable .",
        )
        return
    good = True
    for each in seen.needed:
        found = seen.found.get(each.name)
        if found is None and not each.extra:
            good = False
            yield broken(
                "packages",
                f"{each.name} is not installed",
                "What needs it breaks off.",
                f"pip install '{each.name}{each.range}'",
            )
        elif found is not None and not holds(found, each.range):
            good = good and bool(each.extra)
            say = hint if each.extra else broken
            yield say(
                "packages",
                f"{each.name} is {found}, and {each.range} is asked for",
                f"Only the extra '{each.extra}' needs it, and may not work."
                if each.extra
                else "The suite was never tried with it.",
                f"pip install '{each.name}{each.range}'",
            )
    if good:
        count = sum(not each.extra for each in seen.needed)
        yield well("packages", f"all {count} in the versions that are asked for")
