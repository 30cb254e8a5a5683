"""A run's report as files: all of them, or none."""

import errno
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kimi_conformance.errors import RunError, UsageError, nearest
from kimi_conformance.reporting.formats.annotations import annotations
from kimi_conformance.reporting.formats.badge import badge
from kimi_conformance.reporting.formats.ctrf import ctrf
from kimi_conformance.reporting.formats.junit import junit
from kimi_conformance.reporting.formats.openmetrics import openmetrics
from kimi_conformance.reporting.formats.render import html, markdown
from kimi_conformance.reporting.views.beside import Beside
from kimi_conformance.reporting.views.view import Report, view
from kimi_conformance.requirements import Catalogue
from kimi_conformance.runs import Run

__all__ = ["FORMATS", "STANDARD", "write_report", "write_whole"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Material:
    """What a format is made from."""

    run: Run
    report: Report
    templates: Path
    own: Path | None

    def html(self) -> bytes:
        return html(self.report, self.templates, self.own).encode()

    def markdown(self) -> bytes:
        return markdown(self.report, self.templates, self.own).encode()


_FILES: Mapping[str, tuple[str, Callable[[_Material], bytes]]] = {
    "html": ("report.html", _Material.html),
    "junit": ("junit.xml", lambda made: junit(made.report)),
    "md": ("summary.md", _Material.markdown),
    "ctrf": ("ctrf.json", lambda made: ctrf(made.run, made.report)),
    "openmetrics": ("metrics.prom", lambda made: openmetrics(made.run, made.report)),
    "badge": ("badge.json", lambda made: badge(made.report)),
    "annotations": ("annotations.txt", lambda made: annotations([made.report])),
}
FORMATS = tuple(_FILES)
STANDARD = tuple(name for name in FORMATS if name != "annotations")  # a job prints those itself


def write_report(
    run: Run,
    catalogue: Catalogue,
    folder: Path,
    formats: Sequence[str] = STANDARD,
    *,
    template_folder: Path,
    own_templates: Path | None = None,
    beside: Beside | None = None,
) -> dict[str, Path]:
    """Write the report of a run and give the path of each format.

    Every file is rendered, written under a temporary name and on the disk before the first one
    takes its own, so a reader finds the old report or the new one, never half of either.

    Args:
        run: What was found.
        catalogue: What was asked for.
        folder: Made if it does not exist.
        formats: Some of `FORMATS`.
        template_folder: The suite's `reports/templates`; style and script lie beside it.
        own_templates: A folder whose templates take the place of the suite's, or None.
        beside: What is known besides.

    Raises:
        UsageError: A format is unknown, or the templates are not where they should be, or wrong.
        RunError: The folder cannot be written; what was in it is as it was.
    """
    for name in formats:
        if name not in _FILES:
            raise UsageError(f"There is no report format '{name}'. {nearest(name, _FILES)}")
    made = _Material(
        run=run,
        report=view(run, catalogue, beside),
        templates=template_folder,
        own=own_templates,
    )
    contents = {name: _FILES[name][1](made) for name in formats}
    paths = {name: folder / _FILES[name][0] for name in contents}
    try:
        write_whole({paths[name]: content for name, content in contents.items()}, folder)
    except OSError as error:
        raise RunError(
            f"The report cannot be written to {folder}: {error.strerror}. Nothing was written. "
            "Name a folder that can be, with: kimi-conformance report RUN --out FOLDER"
        ) from error
    return paths


def write_whole(contents: Mapping[Path, bytes], folder: Path) -> None:
    """Write files into a folder, which is made: all of them, or none.

    Raises:
        OSError: They cannot be written; what was there is as it was.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in contents:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, f"{path.name} is a folder there")
    partials = {path: path.with_name(f".{path.name}.{os.getpid()}.partial") for path in contents}
    try:
        for path, partial in partials.items():
            partial.write_bytes(contents[path])
            _settle(partial)
        for path, partial in partials.items():
            partial.replace(path)
    finally:
        for partial in partials.values():
            partial.unlink(missing_ok=True)


def _settle(file: Path) -> None:
    """Wait until the disk has it: some disks say only then that they are full."""
    number = os.open(file, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
