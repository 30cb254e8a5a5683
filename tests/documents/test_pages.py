"""What every page must be: each block is of its language, each link leads somewhere."""

import ast
import json
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml
from tests.documents.pages import DOCUMENTS, PAGES, ROOT, Block, blocks, name_of

READ: Mapping[str, Callable[[str], object]] = {
    "python": ast.parse,
    "toml": tomllib.loads,
    "yaml": yaml.safe_load,
    "json": json.loads,
}
# Commands are run or parsed elsewhere, a patch is applied; plain text is a drawing or a talk.
OTHERS = {"console", "sh", "diff", "text"}
# Python without a file name, which no command could use: test_documents.py runs the README's.
UNNAMED_PYTHON = {"README.md"}
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\((?!https?://)([^)\s]+)\)")


def prose(document: Path) -> str:
    text = document.read_text("utf-8")
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(document: Path) -> set[str]:
    """What GitHub makes of the headings."""
    plain = (re.sub(r"[`*]", "", title).lower() for title in HEADING.findall(prose(document)))
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in plain}


def each(documents: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("document", documents, ids=name_of)


@each(PAGES)
def test_a_block_names_a_language_and_is_of_it(document: Path) -> None:
    for block in blocks(document):
        assert block.language in {*READ, *OTHERS}, block
        READ.get(block.language, str)(block.text)


@each(PAGES)
def test_an_example_in_python_is_a_file_that_is_used(document: Path) -> None:
    loose = [block for block in blocks(document) if block.language == "python" and loosely(block)]

    assert loose == [] or name_of(document) in UNNAMED_PYTHON


def loosely(block: Block) -> bool:
    return not block.text.startswith("# ")


@each(DOCUMENTS)
def test_a_link_leads_somewhere(document: Path) -> None:
    dead = []
    for link in LINK.findall(prose(document)):
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        known = anchor == "" or (target.suffix == ".md" and anchor in anchors(target))
        if not (target.exists() and known):
            dead.append(link)

    assert dead == []


@each([page for page in PAGES if page.parent.name == "docs" and page.name != "README.md"])
def test_the_index_and_the_readme_lead_to_every_page(document: Path) -> None:
    index = LINK.findall((ROOT / "docs" / "README.md").read_text("utf-8"))

    assert document.name in index
    assert "docs/README.md" in LINK.findall((ROOT / "README.md").read_text("utf-8"))
