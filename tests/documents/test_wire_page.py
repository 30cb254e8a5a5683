"""docs/wire.md says what the editions say, and of each fact how it is known and by whom."""

import re

import pytest
from tests.documents.pages import ROOT

from kimi_conformance.suite import find

PAGE = (ROOT / "docs" / "wire.md").read_text("utf-8")
MARKS = {"recorded", "documented", "derived"}


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its first two lines."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


SOURCES = {name for name, _ in rows("Sources")}
FACTS = [
    (fact, heading)
    for heading in (
        *("Hosts and keys", "Services", "A chat", "An answer", "A stream", "Errors", "Caching"),
    )
    for fact in rows(heading)
]


@pytest.mark.parametrize(("fact", "heading"), FACTS, ids=lambda each: str(each)[:60])
def test_a_fact_is_marked_and_has_a_source(fact: list[str], heading: str) -> None:
    *_, mark, sources = fact

    assert mark in MARKS
    assert set(sources.split(", ")) <= SOURCES


@pytest.mark.parametrize(("row", "name"), [(row, row[0].strip("`")) for row in rows("Models")])
def test_a_model_is_as_its_edition_has_it(row: list[str], name: str) -> None:
    edition = find().edition(row[2])

    assert edition.model(name).context_window == int(row[1])


def test_the_models_of_the_newest_edition_are_all_there() -> None:
    names = {re.sub("`", "", row[0]) for row in rows("Models")}

    assert {model.id for model in find().edition("2026-09").models} <= names


@pytest.mark.parametrize("row", rows("Errors"), ids=lambda row: " ".join(row[:2]))
def test_an_error_is_one_of_the_newest_edition(row: list[str]) -> None:
    errors = find().edition("2026-09").errors.values()

    assert (int(row[0]), row[1].strip("`")) in {(error.status, error.type) for error in errors}
