"""The content folders, and whether the files are those that were installed."""

import base64
import csv
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from kimi_conformance import suite as suites
from kimi_conformance.cli.health.finding import Finding, broken, hint, well
from kimi_conformance.errors import KimiConformanceError

__all__ = ["FOLDERS", "Content", "findings", "observe"]

# What a checkout and a wheel both hold, below the suite's root.
FOLDERS = (
    *("conformance/adapter", "conformance/endpoint", "conformance/requirements"),
    *("conformance/editions", "fixtures", "cassettes", "loadtests"),
    *("reports/templates", "reports/assets", "reports/schemas"),
)
_ANEW = "pip install --force-reinstall --no-deps kimi-conformance"
_NAMED = 3  # files that are named; of more, the number is said


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What the suite works with.

    Attributes:
        root: Where the content folders are, or None: nowhere.
        empty: Those of FOLDERS that are missing, or hold nothing.
        requirements: How many there are.
        editions: Their names.
        wrong: Why catalogue or editions cannot be read, or "".
        recorded: How many files the installer wrote down; 0 in a checkout.
        gone: Those of them that are not there.
        changed: Those that hold something else.
    """

    root: Path | None
    empty: tuple[str, ...] = ()
    requirements: int = 0
    editions: tuple[str, ...] = ()
    wrong: str = ""
    recorded: int = 0
    gone: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def observe() -> Content:
    """What is on this machine's disk."""
    try:
        suite = suites.find()
    except KimiConformanceError as error:
        return Content(root=None, wrong=str(error))
    requirements, editions, wrong = 0, tuple[str, ...](), ""
    try:
        requirements, editions = len(suite.catalogue()), tuple(suite.editions())
    except (KimiConformanceError, OSError, ValueError, KeyError) as error:
        wrong = str(error) or type(error).__name__
    recorded, gone, changed = _against_record(suite.root)
    return Content(
        root=suite.root,
        empty=tuple(name for name in FOLDERS if not _holds_any(suite.root / name)),
        requirements=requirements,
        editions=editions,
        wrong=wrong,
        recorded=recorded,
        gone=gone,
        changed=changed,
    )


def _holds_any(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _against_record(content: Path) -> tuple[int, tuple[str, ...], tuple[str, ...]]:
    """As `compared`; nothing where the content is not what was installed, but a checkout."""
    try:
        found = distribution("kimi-conformance")
    except PackageNotFoundError:
        return 0, (), ()
    root = Path(str(found.locate_file(""))).resolve()
    if not content.is_relative_to(root):
        return 0, (), ()
    rows = csv.reader((found.read_text("RECORD") or "").splitlines())
    return compared(((row[0], row[1]) for row in rows if len(row) > 1), root)


def compared(
    rows: Iterable[tuple[str, str]], root: Path
) -> tuple[int, tuple[str, ...], tuple[str, ...]]:
    """The package's files in a RECORD: how many, which are gone, which hold something else.

    Args:
        rows: Of each file its name and its digest, as "sha256=…" in URL-safe base64.
        root: Where the names begin.
    """
    count, gone, changed = 0, [], []
    for name, digest in rows:
        if not name.startswith("kimi_conformance/") or not digest.startswith("sha256="):
            continue
        count += 1
        try:
            found = hashlib.sha256((root / name).read_bytes()).digest()
        except OSError:
            gone.append(name)
            continue
        if base64.urlsafe_b64encode(found).rstrip(b"=").decode() != digest.removeprefix("sha256="):
            changed.append(name)
    return count, tuple(gone), tuple(changed)


def findings(seen: Content) -> Iterator[Finding]:
    """What is to be said of it."""
    if seen.root is None:
        yield broken("content", seen.wrong, "There is nothing to check with.", _ANEW)
        return
    if seen.empty:
        yield broken(
            "content",
            f"{_named(seen.empty)} below {seen.root} is missing or empty",
            "The package was not installed whole, or something deleted that.",
            f"{_ANEW}  # in a checkout: git status",
        )
    if seen.wrong:
        yield broken(
            "content",
            seen.wrong,
            "No check can say what it decides.",
            f"Mend that file, or: {_ANEW}",
        )
    elif seen.requirements and not seen.empty:
        yield well(
            "content", f"{seen.requirements} requirements, editions {', '.join(seen.editions)}"
        )
    if seen.gone:
        yield broken(
            "files",
            f"{_named(seen.gone)} of the installation is gone",
            "The package is no longer whole.",
            _ANEW,
        )
    if seen.changed:
        yield hint(
            "files",
            f"{_named(seen.changed)} is not what was installed",
            "Verdicts of this installation are not those of others with its version.",
            _ANEW,
        )
    if seen.recorded and not (seen.gone or seen.changed):
        yield well("files", f"all {seen.recorded} as they were installed")
    if not seen.recorded:
        yield well("files", f"a checkout, {seen.root}: git tells what was changed")


def _named(names: tuple[str, ...]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
