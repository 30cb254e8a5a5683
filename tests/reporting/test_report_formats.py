"""The formats for people: sound, complete, safe against what an API may answer."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from tests.reporting.hostile import HOSTILE, hostile_run
from tests.reporting.test_report_junit import check_shape

from kimi_conformance.reporting import Report, html, junit, markdown, view
from kimi_conformance.reporting.formats.assets import page_assets
from kimi_conformance.reporting.wording.visible import INVISIBLE, visible
from kimi_conformance.requirements import Catalogue
from kimi_conformance.runs import Run
from kimi_conformance.verdicts import Verdict

Make = Callable[..., dict[str, Any]]

VOID = {"meta", "link", "input", "br", "col", "img"}


class Page(HTMLParser):
    """Reads a page as strictly as a validator: what opens must close, in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module", params=HOSTILE, ids=range(len(HOSTILE)))
def hostile(
    request: pytest.FixtureRequest,
    run: Run,
    catalogue: Catalogue,
    exchange: Make,
    load_record: Make,
) -> Report:
    return view(hostile_run(run, exchange, load_record, request.param), catalogue)


@pytest.fixture(scope="module")
def hostile_page(hostile: Report, templates: Path) -> str:
    return html(hostile, templates)


@pytest.fixture(scope="module")
def hostile_summary(hostile: Report, templates: Path) -> str:
    return markdown(hostile, templates)


@pytest.fixture(scope="module")
def report(run: Run, catalogue: Catalogue) -> Report:
    return view(run, catalogue)


@pytest.fixture(scope="module")
def page(report: Report, templates: Path) -> Page:
    return Page(html(report, templates))


def test_the_page_asks_for_nothing_outside(page: Page) -> None:
    addresses = [
        value or ""
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in {"href", "src", "srcset", "action", "data", "poster"}
    ]

    assert {address for address in addresses if not address.startswith("#")} == {"data:,"}
    assert not re.search(r"url\(|@import", " ".join(t for tag, t in page.texts if tag == "style"))


def test_the_page_has_landmarks_a_language_and_headings_in_order(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]

    assert page.named("html")[0]["lang"] == "en"
    assert all(page.named(tag) for tag in ("header", "nav", "main", "form"))
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


def test_ids_are_unique_and_every_reference_leads_somewhere(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    references = [
        (value or "").lstrip("#")
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in {"href", "aria-labelledby", "for"} and value != "data:,"
    ]

    assert len(ids) == len(set(ids))
    assert set(references) <= set(ids)


def test_tables_have_scopes_and_pictures_have_words(page: Page) -> None:
    assert all("scope" in attributes for attributes in page.named("th"))
    assert all(
        "aria-hidden" in svg or svg.get("aria-label")
        for svg in page.named("svg")
        if "viewbox" not in svg
    )
    assert {a["role"] for a in page.named("svg") if a.get("class") == "plot"} == {"img"}


def test_every_state_has_a_word_and_a_letter(page: Page) -> None:
    marks = [a for a in page.named("span") if (a.get("class") or "").startswith("mark ")]
    words = [text for tag, text in page.texts if tag == "span" and text == "failed"]

    assert marks
    assert len(words) >= 4


def test_a_page_of_hostile_text_runs_our_scripts_and_no_other(
    hostile: Report, hostile_page: str, templates: Path
) -> None:
    page = Page(hostile_page)
    ours = page_assets(templates, charts=hostile.charted)

    scripts = [text for tag, text in page.texts if tag == "script"]
    data = [text for text in scripts if text not in ours.scripts]
    assert scripts[-len(ours.scripts) :] == list(ours.scripts)
    assert len(data) == len([a for a in page.named("script") if a.get("type")])
    assert not re.search(r"[<>&\u2028\u2029]", "".join(data))
    assert all(isinstance(json.loads(text), dict) for text in data)
    assert [text for tag, text in page.texts if tag == "style"] == [ours.style]
    assert not [a for _, a in page.elements if "style" in a]
    assert not page.named("img")
    assert not [name for _, a in page.elements for name in a if name.startswith("on")]
    assert all((a.get("href") or "#").startswith(("#", "data:,")) for _, a in page.elements)


def test_hostile_text_is_shown_and_its_unseen_characters_are_spelt_out(
    hostile: Report, hostile_page: str
) -> None:
    shown = "".join(data for _, data in Page(hostile_page).texts)

    assert not INVISIBLE.search(hostile_page)
    assert visible(hostile.run) in shown


def test_the_policy_allows_our_style_and_scripts_and_nothing_else(
    page: Page, report: Report, templates: Path
) -> None:
    (policy,) = [a["content"] for a in page.named("meta") if a.get("http-equiv")]
    parts = dict(part.split(maxsplit=1) for part in (policy or "").split("; "))
    ours = page_assets(templates, charts=report.charted)

    assert parts["default-src"] == "'none'"
    assert parts["style-src"] == digest(ours.style)
    assert parts["script-src"].split() == [digest(script) for script in ours.scripts]
    assert "unsafe" not in (policy or "")


def digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_a_page_without_charts_does_not_carry_what_draws_them(
    run: Run, catalogue: Catalogue, templates: Path
) -> None:
    bare = html(view(replace(run, loads=[]), catalogue), templates)

    assert "uPlot" not in Page(bare).texts[-1][1]
    assert len(bare) + 45_000 < len(html(view(run, catalogue), templates))


def test_what_is_vendored_goes_with_its_licence(page: Page) -> None:
    (plotter,) = [t for tag, t in page.texts if tag == "script" and "var uPlot=" in t]

    assert "The MIT License" in plotter
    assert "Copyright (c) 2022 Leon Sorokin" in plotter


def test_a_body_of_five_megabytes_does_not_make_a_page_of_five(
    run: Run, catalogue: Catalogue, exchange: Make, templates: Path
) -> None:
    big = exchange("x2", sut="endpoint", body="<" * 5_000_000, answer="\u202e" * 5_000_000)
    huge = replace(run, exchanges={"x2": big})
    report = view(huge, catalogue)

    assert len(html(report, templates).encode()) < 2_000_000
    assert len(markdown(report, templates).encode()) < 1_000_000


def outside_code(text: str) -> str:
    """Markdown without its code blocks and code spans."""
    blocks = re.sub(r"^(`{3,})text\n.*?\n\1$", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", blocks)


def test_hostile_text_makes_no_structure_in_the_summary(hostile_summary: str) -> None:
    bare = outside_code(hostile_summary)
    tags = set(re.findall(r"<[^>]*>", bare))
    headings = re.findall(r"^#+ .*", bare, flags=re.MULTILINE)

    assert tags <= {"<details>", "</details>", "<summary>", "</summary>", "<b>", "</b>"}
    assert bare.count("<details>") == bare.count("</details>") == 2
    assert len(headings) == 7
    assert not re.search(r"\]\(|@everyone|(^|\s)#1|javascript:a", bare)
    assert not INVISIBLE.search(hostile_summary)
    hostile_summary.encode()


def test_rows_of_a_table_keep_their_number_of_cells(hostile_summary: str) -> None:
    lines = hostile_summary.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("| system under test"))

    assert len(re.findall(r"(?<!\\)\|", lines[start + 2])) == 5


def test_the_summary_shows_fewer_causes_rather_than_grow_too_long(
    run: Run, catalogue: Catalogue, templates: Path
) -> None:
    checks = [
        replace(
            run.checks[0],
            verdict=Verdict.FAILED,
            sut="`" * 200,
            reason=chr(0x4E00 + n) + "\u202e" * 9_000,
            detail="\u202e" * 9_000,
        )
        for n in range(300)
    ]
    report = view(replace(run, checks=checks), catalogue)

    text = markdown(report, templates)

    assert len(text.encode()) < 1024 * 1024
    assert re.search(r"^\d+ more causes are in the HTML report\.$", text, flags=re.MULTILINE)


@pytest.mark.parametrize("changes", [{"footer": None}, {"checks": (), "laws": ()}, {"loads": ()}])
def test_every_kind_of_run_renders(
    run: Run, catalogue: Catalogue, templates: Path, changes: dict[str, Any]
) -> None:
    report = view(replace(run, **changes), catalogue)

    Page(html(report, templates))
    check_shape(ET.fromstring(junit(report)))
    assert report.headline.word in markdown(report, templates)


def test_a_run_of_nothing_but_a_header_renders(catalogue: Catalogue, templates: Path) -> None:
    report = view(Run(header={"record": "header"}, exchanges={}), catalogue)

    assert "cut short" in html(report, templates)
    assert report.headline.word == "INCONCLUSIVE"


def test_templates_neither_trust_nor_calculate(templates: Path) -> None:
    texts = {file.name: file.read_text() for file in templates.glob("*.j2")}
    code = {name: re.findall(r"{[{%].*?[%}]}", text) for name, text in texts.items()}

    assert not [
        piece
        for pieces in code.values()
        for piece in pieces
        if re.search(r"\|\s*safe|autoescape", piece)
    ]
    assert not [
        piece for pieces in code.values() for piece in pieces if re.search(r"\s[-+*/~%]\s", piece)
    ]
