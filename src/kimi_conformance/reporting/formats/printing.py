"""Pages and summaries of what is no single run, and how they get into files: all, or none."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kimi_conformance.errors import RunError
from kimi_conformance.reporting.formats.assets import page_assets
from kimi_conformance.reporting.formats.render import environment_of, for_html, for_markdown
from kimi_conformance.reporting.formats.write import write_whole
from kimi_conformance.reporting.wording.states import STATES

__all__ = ["page", "summary", "write_files"]


def page(template: str, template_folder: Path, data: Any) -> bytes:
    """A page by a template of the suite; the template knows the data as `shown`.

    Raises:
        UsageError: The assets are not beside the templates.
    """
    environment = environment_of(template_folder, None, for_html)
    assets = page_assets(template_folder, charts=False)
    text = environment.get_template(template).render(shown=data, states=STATES, assets=assets)
    return text.encode("utf-8", "backslashreplace")


def summary(template: str, template_folder: Path, data: Any) -> bytes:
    """The same as Markdown, in which nothing from outside makes structure."""
    environment = environment_of(template_folder, None, for_markdown)
    text = environment.get_template(template).render(shown=data)
    return text.encode("utf-8", "backslashreplace")


def write_files(contents: Mapping[str, bytes], folder: Path) -> list[Path]:
    """Write files into a folder, which is made; their paths.

    Raises:
        RunError: The folder cannot be written; what was in it is as it was.
    """
    paths = {folder / name: content for name, content in contents.items()}
    try:
        write_whole(paths, folder)
    except OSError as error:
        raise RunError(
            f"The report cannot be written to {folder}: {error.strerror}. Nothing was written. "
            "Name another folder with --out."
        ) from error
    return list(paths)
