"""`kimi-conformance scan`."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from kimi_conformance.cassettes.detector import Secret, find_secrets
from kimi_conformance.cli.asking import options
from kimi_conformance.cli.asking.helping import command
from kimi_conformance.cli.showing import show
from kimi_conformance.errors import UsageError

__all__ = ["scan"]


@command("scan cassettes fixtures")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@options.json_file
def scan(paths: tuple[Path, ...], json_file: str | None) -> int:
    """Find what looks like a secret in files, and never print it.

    PATHS are files and folders; without any, this folder. Folders and files whose name begins
    with a dot are left out unless they are named. Keys, account ids and, where it is set, the
    value of KIMI_API_KEY are found plain and as URL, base64, JSON escapes and gzip write them.
    Ends with 1 if there is one: for a hook before a commit, see .pre-commit-hooks.yaml.
    """
    known = tuple(filter(None, (os.environ.get("KIMI_API_KEY"),)))
    count, found = 0, list[tuple[Path, Secret]]()
    for file in _files(paths or (Path(),)):
        count += 1
        found += [(file, secret) for secret in _simplest(find_secrets(_read(file), known))]
    for file, secret in found:
        show.say(_line(file, secret), json_file)
    show.say(_sentence(count, len({file for file, _ in found})), json_file)
    show.answer(
        {
            "holds": not found,
            "files": count,
            "findings": [
                {"file": str(file), "kind": each.kind, "form": each.form, "line": each.line}
                for file, each in found
            ],
        },
        json_file,
    )
    return 1 if found else 0


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files that are meant, each once, in the order of their names."""
    seen = set[Path]()
    for path in paths:
        if not _is_there(path):
            raise UsageError(f"There is no file or folder {path} to scan.")
        for file in sorted(_below(path)) if path.is_dir() else [path]:
            if file not in seen:
                seen.add(file)
                yield file


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False  # a name that no file can have


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "__pycache__"))]
        for name in names:
            file = Path(place, name)
            if not name.startswith(".") and file.is_file():
                yield file


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"Cannot read {file}: {error.strerror}.") from error


def _simplest(found: Iterable[Secret]) -> list[Secret]:
    """Each kind in its simplest form only: what stands there plain is in each decoding too."""
    forms: dict[str, str] = {}
    shown: dict[tuple[str, int], Secret] = {}
    for secret in found:
        if secret.form == forms.setdefault(secret.kind, secret.form):
            shown.setdefault((secret.kind, secret.line), secret)
    return list(shown.values())


def _line(file: Path, secret: Secret) -> str:
    """Where it is and what it looks like; never the secret, nor what stands near it."""
    if secret.form == "plain":
        return f"{file}:{secret.line}: looks like a secret ({secret.kind})"
    return f"{file}: looks like a secret ({secret.kind}, written as {secret.form})"


def _sentence(count: int, bad: int) -> str:
    if not bad:
        return f"{count} files: nothing that looks like a secret."
    return (
        f"{count} files: {bad} with what looks like a secret. Remove it, and take back the key "
        "if it was a real one."
    )
