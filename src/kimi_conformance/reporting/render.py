"""
Report data through Jinja templates: the only place that knows Jinja.

Whatever a template prints is made visible (`visible.py`) and escaped on its way out, for
HTML and for Markdown alike; a template cannot forget it. Only our own style and script are
set as they stand, and the page's policy forbids every other script and every outside request.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError
from markupsafe import Markup

from kimi_conformance.errors import UsageError
from kimi_conformance.reporting.states import STATES
from kimi_conformance.reporting.view import Report
from kimi_conformance.reporting.visible import one_line, visible

__all__ = ["MARKDOWN_LIMIT", "html", "markdown"]

MARKDOWN_LIMIT = 1_000_000  # bytes; a job summary may have 1 MiB
MARKDOWN_TEXT = 2_000  # characters of one text in a summary
SUMMARY_CAUSES = 40  # that a summary shows at first

_STRUCTURE = re.compile(
    r"[&<>\\`*_{}\[\]|~#@$]"  # emphasis, code, links, tables, headings, mentions, formulas
    r"|:(?=[/\w])|(?<=www)\."  # addresses and emoji
    r"|^[-+=]|(?<=\d)[.)](?=\s|$)"  # lists and rules
)
_BACKTICKS = re.compile(r"`+")


def html(report: Report, template_folder: Path) -> str:
    """The page: one file, no outside request, readable without its script."""
    assets = template_folder.parent / "assets"
    style, script = _asset(assets / "report.css"), _asset(assets / "report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _rendered(
        _environment(template_folder, _shown),
        "report.html.j2",
        report=report,
        states=STATES,
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        script_digest=digest,
    )


def markdown(report: Report, template_folder: Path) -> str:
    """The job summary; it shows as many causes as fit below the limit."""
    environment = _environment(template_folder, _escaped)
    environment.filters.update(code=_code, cell=_cell, fence=_fence)
    shown = SUMMARY_CAUSES
    while True:
        fewer = replace(
            report,
            failures=report.failures[:shown],
            undecided=report.undecided[:shown],
            known=report.known[:shown],
        )
        text = _rendered(
            environment,
            "summary.md.j2",
            report=fewer,
            hidden=len(report.failures) - len(fewer.failures),
            hidden_undecided=len(report.undecided) - len(fewer.undecided),
        )
        if len(text.encode()) < MARKDOWN_LIMIT or not shown:
            return text
        shown //= 2


def _environment(folder: Path, finalize: Callable[[Any], Any]) -> Environment:
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _rendered(environment: Environment, name: str, **data: Any) -> str:
    try:
        return environment.get_template(name).render(**data)
    except TemplateError as error:
        raise UsageError(
            f"The template {name} cannot be rendered: {error.message or type(error).__name__}. "
            "Give a folder that holds this suite's templates, or leave it to the suite."
        ) from error


def _asset(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{path.name} is not beside the templates, in {path.parent}: {error.strerror}. "
            "Give a folder that holds this suite's templates, or leave it to the suite."
        ) from error


def _shown(value: Any) -> Any:
    """For HTML: text made visible; Jinja escapes it then."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _escaped(value: Any) -> Any:
    """For Markdown: text in which no sign makes structure, a link or a mention."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    line = visible(one_line(value, limit=MARKDOWN_TEXT))
    return Markup(_STRUCTURE.sub(lambda sign: f"&#{ord(sign.group())};", line))  # noqa: S704


def _code(text: str) -> Markup:
    """A code span that its content cannot close."""
    line = visible(one_line(text)) or " "
    ticks = "`" * (1 + max((len(run) for run in _BACKTICKS.findall(line)), default=0))
    pad = " " if line[0] in "` " or line[-1] in "` " else ""
    return Markup(f"{ticks}{pad}{line}{pad}{ticks}")  # noqa: S704 - nothing closes the span


def _cell(text: str) -> Markup:
    """A code span inside a table."""
    return Markup(str(_code(text)).replace("|", "\\|"))  # noqa: S704 - as above


def _fence(text: str, limit: int = 4_000) -> Markup:
    """A code block that its content cannot close."""
    shown = visible(text[:limit] + ("\n…" if len(text) > limit else ""))
    longest = max((len(run) for run in _BACKTICKS.findall(shown)), default=0)
    ticks = "`" * max(3, longest + 1)
    return Markup(f"{ticks}text\n{shown}\n{ticks}")  # noqa: S704 - nothing closes the block
