"""Templates of other people: what they may change, and what they may not do."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.reporting.hostile import HOSTILE, hostile_run

from kimi_conformance.errors import UsageError
from kimi_conformance.reporting import Report, html, markdown, view, write_report
from kimi_conformance.requirements import Catalogue
from kimi_conformance.runs import Run

Make = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def report(run: Run, catalogue: Catalogue) -> Report:
    return view(run, catalogue)


def own(folder: Path, text: str, name: str = "summary.md.j2") -> Path:
    (folder / name).write_text(text)
    return folder


def test_a_whole_template_takes_the_place_of_ours(
    report: Report, templates: Path, tmp_path: Path
) -> None:
    folder = own(tmp_path, "{{ report.headline.word }}: {{ report.run | code }}")

    assert markdown(report, templates, folder) == "NOT CONFORMANT: `20261121-081300-nightly`"


def test_one_block_of_ours_is_replaced_and_the_rest_stays(
    report: Report, templates: Path, tmp_path: Path
) -> None:
    folder = own(
        tmp_path,
        '{% extends "suite/summary.md.j2" %}{% block headline %}# Acme\n{% endblock %}'
        "{% block end %}Ask {{ super() }}us.{% endblock %}",
    )

    text = markdown(report, templates, folder)

    assert text.startswith("# Acme\n")
    assert text.endswith("us.")
    assert "## The four targets" in text
    assert "❌ NOT CONFORMANT\n" not in text


def test_the_example_of_the_readme_does_what_it_says(
    report: Report, templates: Path, tmp_path: Path
) -> None:
    readme = (templates.parent / "README.md").read_text("utf-8")
    (example,) = re.findall(r"^```\n({# FOLDER.*?)^```", readme, re.MULTILINE | re.DOTALL)

    text = markdown(report, templates, own(tmp_path, example))

    assert text.startswith("# ❌ NOT CONFORMANT")
    assert text.endswith("Questions: the API team.\n")


def test_a_block_of_the_page_is_replaced(report: Report, templates: Path, tmp_path: Path) -> None:
    folder = own(
        tmp_path,
        '{% extends "suite/report.html.j2" %}{% block title %}Acme{% endblock %}',
        "report.html.j2",
    )

    page = html(report, templates, folder)

    assert "<title>Acme</title>" in page
    assert "FILTER-03" in page


def test_the_files_of_a_run_are_made_with_them(
    run: Run, catalogue: Catalogue, templates: Path, tmp_path: Path
) -> None:
    folder = own(tmp_path, "ours")

    paths = write_report(
        run, catalogue, tmp_path, ["md"], template_folder=templates, own_templates=folder
    )

    assert paths["md"].read_text() == "ours"


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_they_print_is_escaped_as_ever(
    run: Run,
    catalogue: Catalogue,
    exchange: Make,
    load_record: Make,
    templates: Path,
    tmp_path: Path,
    text: str,
) -> None:
    hostile = view(hostile_run(run, exchange, load_record, text), catalogue)
    folder = own(tmp_path, "<p>{{ report.run }}</p>", "report.html.j2")

    page = html(hostile, templates, folder)

    assert page.count("<") == 2
    assert not any(sign in page for sign in ("\x1b", "\u202e", "\ud800"))


@pytest.mark.parametrize(
    "text",
    [
        "{{ report.run | safe }}",
        "{% autoescape false %}{{ report.run }}{% endautoescape %}",
        "{% if false %}{{ report.run | upper | safe }}{% endif %}",
        "{% filter safe %}{{ report.run }}{% endfilter %}",
    ],
)
def test_the_escaping_cannot_be_turned_off(
    report: Report, templates: Path, tmp_path: Path, text: str
) -> None:
    folder = own(tmp_path, text)

    with pytest.raises(UsageError, match=r"summary\.md\.j2 turns the escaping off"):
        markdown(report, templates, folder)


def test_nor_in_a_file_that_a_template_includes(
    report: Report, templates: Path, tmp_path: Path
) -> None:
    own(tmp_path, "{{ report.run | safe }}", "part.txt")
    folder = own(tmp_path, '{% include "part.txt" %}')

    with pytest.raises(UsageError, match=r"part\.txt turns the escaping off"):
        markdown(report, templates, folder)


@pytest.mark.parametrize(
    "text",
    [
        "{{ report.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ report.cases.__getattribute__('x') }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ '{0.__class__}'.format(report) }}",
        "{{ report | attr('__class__') }}",
        "{% for n in range(9999999) %}{% endfor %}",
        '{% include "../pyproject.toml" %}',
        '{% include "/etc/passwd" %}',
        "{{ report.nothing }}",
        "{% block",
        "{{ 1 / 0 }}",
        "{{ report.run.encode().decode('x') }}",
    ],
)
def test_what_a_template_may_not_do_is_a_clear_error(
    report: Report, templates: Path, tmp_path: Path, text: str
) -> None:
    folder = own(tmp_path, text)

    with pytest.raises(UsageError, match=r"The template summary\.md\.j2 "):
        markdown(report, templates, folder)


def test_a_template_that_is_no_text_is_a_clear_error(
    report: Report, templates: Path, tmp_path: Path
) -> None:
    (tmp_path / "summary.md.j2").write_bytes(b"\xff\xfe")

    with pytest.raises(UsageError, match=r"The template summary\.md\.j2 cannot be rendered"):
        markdown(report, templates, tmp_path)


def test_a_folder_that_changes_nothing_is_refused(
    report: Report, templates: Path, tmp_path: Path
) -> None:
    folder = own(tmp_path, "", "sumary.md.j2")

    with pytest.raises(UsageError, match=r"no template that would be used.*summary\.md\.j2"):
        markdown(report, templates, folder)


def test_what_is_too_long_is_cut_after_a_line_whoever_wrote_the_template(
    report: Report, templates: Path, tmp_path: Path
) -> None:
    folder = own(tmp_path, "{% for n in range(500) %}line {{ n }}é\n{% endfor %}")

    text = markdown(report, templates, folder, limit=2_000)

    *lines, _, _, note, end = text.split("\n")
    assert len(text.encode()) < 2_000
    assert {line[:5] for line in lines} == {"line "}
    assert note.startswith("… cut here")
    assert end == ""


def test_no_room_at_all_leaves_an_empty_summary(report: Report, templates: Path) -> None:
    assert markdown(report, templates, limit=10) == ""
