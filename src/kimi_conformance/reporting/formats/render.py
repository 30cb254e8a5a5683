"""
Report data through Jinja templates: the only place that knows Jinja.

Whatever a template prints is made visible (`visible.py`) and escaped on its way out, for
HTML and for Markdown alike; a template cannot forget it. Only our own style and script are
set as they stand, and the page's policy forbids every other script and every outside request.

Templates of others take the place of ours by name, or extend ours as `suite/report.html.j2`.
They may come from anywhere, so they run in Jinja's sandbox, and the two ways around the
escaping, `|safe` and `{% autoescape %}`, are refused.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateError,
    nodes,
)
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from kimi_conformance.errors import UsageError
from kimi_conformance.reporting.formats.assets import page_assets
from kimi_conformance.reporting.views.view import Report
from kimi_conformance.reporting.wording.states import STATES
from kimi_conformance.reporting.wording.visible import one_line, visible

__all__ = ["MARKDOWN_LIMIT", "environment_of", "for_html", "for_markdown", "html", "markdown"]

MARKDOWN_LIMIT = 1_000_000  # bytes; a job summary may have 1 MiB
MARKDOWN_TEXT = 2_000  # characters of one text in a summary
SUMMARY_CAUSES = 40  # that a summary shows at first

_PAGE, _SUMMARY = "report.html.j2", "summary.md.j2"
_STRUCTURE = re.compile(
    r"[&<>\\`*_{}\[\]|~#@$]"  # emphasis, code, links, tables, headings, mentions, formulas
    r"|:(?=[/\w])|(?<=www)\."  # addresses and emoji
    r"|^[-+=]|(?<=\d)[.)](?=\s|$)"  # lists and rules
)
_BACKTICKS = re.compile(r"`+")
_CUT = "\n\n… cut here, so that the summary stays below its limit; the HTML report has it all.\n"


def html(report: Report, template_folder: Path, own: Path | None = None) -> str:
    """The page: one file, no outside request, readable without its script.

    Args:
        report: What it shows.
        template_folder: The suite's `reports/templates`; style and script lie beside it.
        own: A folder whose templates take the place of the suite's, or None.
    """
    return _rendered(
        environment_of(template_folder, own, for_html),
        _PAGE,
        own is not None,
        report=report,
        states=STATES,
        assets=page_assets(template_folder, charts=report.charted),
    )


def markdown(
    report: Report,
    template_folder: Path,
    own: Path | None = None,
    *,
    limit: int = MARKDOWN_LIMIT,
) -> str:
    """The job summary, shorter than `limit` bytes whatever the run was.

    It shows the first 40 causes of each sort, or half as many as often as that is too long.
    What is too long without any cause ends after the last line that fits, and says so.
    """
    environment = environment_of(template_folder, own, for_markdown)
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
            _SUMMARY,
            own is not None,
            report=fewer,
            hidden=len(report.failures) - len(fewer.failures),
            hidden_undecided=len(report.undecided) - len(fewer.undecided),
            hidden_known=len(report.known) - len(fewer.known),
        )
        if len(text.encode()) < limit or not shown:
            return _cut(text, limit)
        shown //= 2


def _cut(text: str, limit: int) -> str:
    """The lines of a text that fit, with a word on it where they are not all."""
    content = text.encode()
    if len(content) < limit:
        return text
    end = max(content.rfind(b"\n", 0, max(limit - len(_CUT.encode()), 0)), 0)
    return content[:end].decode() + _CUT if end else ""


def environment_of(
    folder: Path, own: Path | None, finalize: Callable[[Any], Any]
) -> ImmutableSandboxedEnvironment:
    """What templates are rendered in: sandboxed, escaping, strict about what is not defined.

    Args:
        folder: The suite's `reports/templates`.
        own: A folder whose templates come first, or None.
        finalize: Makes what is printed visible: `for_html` or `for_markdown`.

    Raises:
        UsageError: `own` has no template that would be used.
    """
    if own is None:
        return _of_suite(folder, finalize)
    _verify(own, folder)
    return _environment(folder, [_Foreign(own)], finalize)


@cache
def _of_suite(folder: Path, finalize: Callable[[Any], Any]) -> ImmutableSandboxedEnvironment:
    """Kept, since compiling our templates takes longer than rendering a report."""
    return _environment(folder, [], finalize)


def _environment(
    folder: Path, first: Sequence[BaseLoader], finalize: Callable[[Any], Any]
) -> ImmutableSandboxedEnvironment:
    suite = FileSystemLoader(folder)
    loaders = [*first, suite, PrefixLoader({"suite": suite})]
    environment = ImmutableSandboxedEnvironment(
        loader=ChoiceLoader(loaders),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    del environment.filters["safe"]
    return environment


def _verify(own: Path, folder: Path) -> None:
    """Return if a folder of somebody else's has a template that would be used.

    Raises:
        UsageError: It has none.
    """
    ours = sorted(file.name for file in folder.glob("*.j2"))
    if not any((own / name).is_file() for name in ours):
        raise UsageError(
            f"{own} holds no template that would be used. Name a folder that has one or more of: "
            f"{', '.join(ours) or _PAGE}; reports/README.md tells how they are written."
        )


class _Foreign(FileSystemLoader):
    """Loads templates of somebody else, and refuses those that turn the escaping off."""

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        """The text of a template.

        Raises:
            UsageError: It turns the escaping off.
            TemplateError: It is no template.
        """
        source, file, is_fresh = super().get_source(environment, template)
        own = Path(self.searchpath[0]).resolve()
        if own not in Path(file).resolve().parents:
            raise UsageError(f"The template {file} is a link to a file outside of {own}.")
        tree = environment.parse(source, template, file)
        if any(tree.find_all((nodes.ScopedEvalContextModifier, nodes.MarkSafe))) or any(
            each.name == "safe" for each in tree.find_all(nodes.Filter)
        ):
            raise UsageError(
                f"The template {file} turns the escaping off, but what a report shows comes from "
                "outside. Take out 'safe' and 'autoescape'."
            )
        return source, file, is_fresh


# What an expression in a template can raise; from our own templates it would be our fault.
_RAISED = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def _rendered(
    environment: ImmutableSandboxedEnvironment, name: str, foreign: bool, /, **data: Any
) -> str:
    try:
        return environment.get_template(name).render(**data)
    except SecurityError as error:
        raise UsageError(
            f"The template {name} asks for what no template may have: {error}"
        ) from error
    except TemplateError as error:
        where = f" (line {line})" if (line := getattr(error, "lineno", None)) else ""
        raise UsageError(
            f"The template {name} cannot be rendered{where}: "
            f"{error.message or type(error).__name__}. "
            "Give a folder that holds this suite's templates, or leave it to the suite."
        ) from error
    except _RAISED as error:
        if not foreign:
            raise
        raise UsageError(
            f"The template {name} cannot be rendered: {type(error).__name__}: {error}"
        ) from error


def for_html(value: Any) -> Any:
    """For HTML: text made visible; Jinja escapes it then."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def for_markdown(value: Any) -> Any:
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
