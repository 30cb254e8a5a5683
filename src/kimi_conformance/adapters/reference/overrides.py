"""
What a user says of models: where it is kept, and what it does to a configuration.

The variable KIMI_MODELS_FILE names a file, which other processes may change at any time:
`kimi-conformance models set`, or an editor. Before each use it is looked at, and read anew if it
is another one. A file that has become unreadable changes nothing: what was last read goes on
to hold, and a warning says so. Without the variable all is kept in memory.
"""

import contextlib
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from kimi_conformance.adapters.protocol import ModelConfig
from kimi_conformance.errors import UsageError
from kimi_conformance.models import Overrides

__all__ = [
    "MODELS_FILE_VARIABLE",
    "MemoryOverrides",
    "OverridesFile",
    "OverridesStore",
    "overridden",
    "read",
    "store_of",
    "write",
]

logger = logging.getLogger(__name__)

MODELS_FILE_VARIABLE = "KIMI_MODELS_FILE"
_OF_A_CONFIG = ("context_window", "max_tokens")  # the settings that a configuration has

_Mark = tuple[int, ...] | None  # which file it is, and in which state; None: there is none


class OverridesStore(Protocol):
    """Where overrides are kept."""

    def current(self) -> Overrides:
        """What holds now."""
        ...

    def keep(self, overrides: Overrides) -> None:
        """Let these hold from now on.

        Raises:
            UsageError: They cannot be kept.
        """
        ...


class MemoryOverrides:
    """Keeps them as long as the process lives."""

    def __init__(self) -> None:
        self._kept = Overrides()

    def current(self) -> Overrides:
        """What holds now."""
        return self._kept

    def keep(self, overrides: Overrides) -> None:
        """Let these hold from now on."""
        self._kept = overrides


class OverridesFile:
    """Keeps them in a file; one that is not there says nothing.

    Args:
        path: The file. Its folder is made when something is kept.

    Raises:
        UsageError: The file is there and cannot be read, or holds no overrides.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mark = self._look()
        self._read = read(path)

    def current(self) -> Overrides:
        """What the file says now, or said when it could last be read."""
        mark = self._look()
        if mark != self._mark:
            self._mark = mark
            try:
                self._read = read(self.path)
            except UsageError as error:
                logger.warning("The overrides stay as they were: %s", error)
        return self._read

    def keep(self, overrides: Overrides) -> None:
        """Write the file, whole or not at all.

        Raises:
            UsageError: It cannot be written, or what is there now is no file of overrides,
                which is not overwritten.
        """
        read(self.path)
        write(self.path, overrides)
        self._mark, self._read = self._look(), overrides

    def _look(self) -> _Mark:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def store_of(
    environment: Mapping[str, str], before: OverridesStore | None = None
) -> OverridesStore:
    """Where a client with this environment keeps its overrides.

    Args:
        environment: Its variables.
        before: Where it kept them under another environment: what is in memory stays there.

    Raises:
        UsageError: As for `OverridesFile`.
    """
    path = environment.get(MODELS_FILE_VARIABLE, "").strip()
    if path:
        return OverridesFile(Path(path))
    return before if isinstance(before, MemoryOverrides) else MemoryOverrides()


def read(path: Path) -> Overrides:
    """The overrides of a file; none where there is no file.

    Raises:
        UsageError: It cannot be read, or holds something else.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return Overrides()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(
            f"The overrides in {path} cannot be read: {why}. Name another file with --file or "
            f"{MODELS_FILE_VARIABLE}."
        ) from error
    return Overrides.parse(text, str(path))


def write(path: Path, overrides: Overrides) -> None:
    """Write the file of overrides, whole or not at all; a link stays one.

    Raises:
        UsageError: It cannot be written.
    """
    target = Path(os.path.realpath(path))
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(overrides.render(), "utf-8")
        partial.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise UsageError(f"The overrides cannot be written to {path}: {error.strerror}.") from error


def overridden(configs: Sequence[ModelConfig], overrides: Overrides) -> Sequence[ModelConfig]:
    """Configurations with what is said of their models."""
    return tuple(replace(config, **_said(config.id, overrides)) for config in configs)


def _said(id: str, overrides: Overrides) -> dict[str, Any]:
    said = overrides.of(id)
    return {name: said[name] for name in _OF_A_CONFIG if name in said}
