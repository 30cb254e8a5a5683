"""What a page brings along: style, scripts, and the policy that allows them and nothing else."""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from kimi_conformance.errors import UsageError

__all__ = ["Assets", "page_assets"]

_PLOTTER = "vendor/uPlot-1.6.32"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """Our own files, to be set into a page as they stand.

    Attributes:
        policy: The page's Content-Security-Policy: no request, and no style or script but
            these, by their digests.
    """

    style: Markup
    scripts: tuple[Markup, ...]
    policy: str


def page_assets(template_folder: Path, *, charts: bool) -> Assets:
    """The assets that lie beside the templates; `charts` brings what draws them.

    Raises:
        UsageError: One of them is not there.
    """
    folder = template_folder.parent / "assets"
    styles, scripts = [_text(folder / "report.css")], [_text(folder / "report.js")]
    if charts:
        plotter = folder / _PLOTTER
        styles.insert(0, _text(plotter / "uPlot.min.css"))
        licence = _text(plotter / "LICENSE")  # it asks to be in every copy
        scripts.insert(0, f"/*\n{licence}*/\n{_text(plotter / 'uPlot.iife.min.js')}")
    style = "\n".join(styles)
    policy = (
        f"default-src 'none'; style-src {_digest(style)}; "
        f"script-src {' '.join(map(_digest, scripts))}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    return Assets(
        style=Markup(style),  # noqa: S704 - our own file
        scripts=tuple(Markup(script) for script in scripts),  # noqa: S704 - our own files
        policy=policy,
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{path.name} is not beside the templates, in {path.parent}: {error.strerror}. "
            "Give a folder that holds this suite's templates, or leave it to the suite."
        ) from error
