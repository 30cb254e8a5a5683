"""`kimi-conformance doctor`."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import click

from kimi_conformance import suite as suites
from kimi_conformance.errors import KimiConformanceError

__all__ = ["doctor"]

Finding = tuple[bool, str]


@click.command()
def doctor() -> int:
    """Find out what is wrong with this installation."""
    good = True
    for name, look in _LOOKS.items():
        holds, text = look()
        good = good and holds
        click.echo(f"{'ok  ' if holds else 'BAD '} {name:<14} {text}")
    return 0 if good else 1


def _python() -> Finding:
    text = ".".join(str(part) for part in sys.version_info[:3])
    return sys.version_info >= (3, 11), f"{text}; 3.11 or newer is needed"


def _content() -> Finding:
    try:
        suite = suites.find()
        count = len(suite.catalogue())
    except KimiConformanceError as error:
        return False, str(error)
    return count > 0, f"{count} requirements, editions {', '.join(suite.editions())}"


def _vcrpy() -> Finding:
    found = version("vcrpy")
    new = tuple(int(part) for part in found.split(".")[:2]) >= (9, 4)
    return new, f"{found}" + ("" if new else ": upgrade to 9.4, older ones let requests through")


def _yaml() -> Finding:
    import yaml

    fast = hasattr(yaml, "CSafeLoader")
    return fast, "C loader" if fast else "no C loader: cassettes load some 70 times slower"


def _uvloop() -> Finding:
    return True, "uvloop" if find_spec("uvloop") else "asyncio's own loop; uvloop is faster"


def _chromium() -> Finding:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    return True, "found" if found else "not found: only the tests of the report's page need it"


def _stage() -> Finding:
    from kimi_conformance.stage import Stage

    try:
        with Stage() as stage:
            return True, f"can listen on 127.0.0.1:{stage.port}"
    except KimiConformanceError as error:
        return False, str(error)


def _folder() -> Finding:
    try:
        with tempfile.TemporaryFile(dir=Path.cwd()):
            return True, "this folder can be written, reports go to reports/out"
    except OSError as error:
        return False, f"this folder cannot be written ({error.strerror}): use --out"


def _key() -> Finding:
    names = [name for name in ("KIMI_API_KEY", "KIMI_BASE_URL") if os.environ.get(name)]
    return True, f"{' and '.join(names)} set" if names else "no KIMI_API_KEY: live runs need one"


_LOOKS: dict[str, Callable[[], Finding]] = {
    "Python": _python,
    "content": _content,
    "vcrpy": _vcrpy,
    "YAML": _yaml,
    "event loop": _uvloop,
    "stage": _stage,
    "folder": _folder,
    "live": _key,
    "Chromium": _chromium,
}
