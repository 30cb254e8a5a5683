"""A run's report as files: all of them, or none."""

import errno
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from kimi_conformance.errors import RunError, UsageError, nearest
from kimi_conformance.reporting.junit import junit
from kimi_conformance.reporting.render import html, markdown
from kimi_conformance.reporting.view import Report, view
from kimi_conformance.requirements import Catalogue
from kimi_conformance.runs import Run

__all__ = ["FORMATS", "write_report"]

_FILES: Mapping[str, tuple[str, Callable[[Report, Path], bytes]]] = {
    "html": ("report.html", lambda report, templates: html(report, templates).encode()),
    "junit": ("junit.xml", lambda report, _: junit(report)),
    "md": ("summary.md", lambda report, templates: markdown(report, templates).encode()),
}
FORMATS = tuple(_FILES)


def write_report(
    run: Run,
    catalogue: Catalogue,
    folder: Path,
    formats: Sequence[str] = FORMATS,
    *,
    template_folder: Path,
) -> dict[str, Path]:
    """Write the report of a run and give the path of each format.

    Every file is rendered and written under a temporary name before the first one takes its
    own, so a reader finds the old report or the new one, never half of either.

    Args:
        run: What was found.
        catalogue: What was asked for.
        folder: Made if it does not exist.
        formats: Some of `FORMATS`.
        template_folder: The suite's `reports/templates`; style and script lie beside it.

    Raises:
        UsageError: A format is unknown, or the templates are not where they should be.
        RunError: The folder cannot be written; nothing is left in it.
    """
    for name in formats:
        if name not in _FILES:
            raise UsageError(f"There is no report format '{name}'. {nearest(name, _FILES)}")
    report = view(run, catalogue)
    contents = {name: _FILES[name][1](report, template_folder) for name in formats}
    paths = {name: folder / _FILES[name][0] for name in contents}
    try:
        _write({paths[name]: content for name, content in contents.items()}, folder)
    except OSError as error:
        raise RunError(
            f"The report cannot be written to {folder}: {error.strerror}. Nothing was written. "
            "Name a folder that can be, with: kimi-conformance report RUN --out FOLDER"
        ) from error
    return paths


def _write(contents: Mapping[Path, bytes], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in contents:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, f"{path.name} is a folder there")
    partials = {path: path.with_name(f".{path.name}.{os.getpid()}.partial") for path in contents}
    try:
        for path, partial in partials.items():
            partial.write_bytes(contents[path])
        for path, partial in partials.items():
            partial.replace(path)
    finally:
        for partial in partials.values():
            partial.unlink(missing_ok=True)
