"""The lower bounds of pyproject.toml are there, and `make lowest` sees one that was not tried."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from tests.bounds import declared, is_lowest, untried

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))[
    "project"
]


@pytest.mark.parametrize(
    ("text", "has", "told"),
    [
        ("click>=8.4", "8.4.0", []),
        ("click>=8.4", "8.4.2", []),
        ("click>=8", "8.4.2", []),
        ("httpx>=0.28.1,<0.29", "0.28.1", []),
        ("rich>=13.7", "13.9.4", ["rich>=13.7 is not tried, 13.9.4 is installed"]),
        ("rich>=13", "14.0.0", ["rich>=13 is not tried, 14.0.0 is installed"]),
        ("rich", "14.0.0", ["rich has no lower bound, 14.0.0 is installed"]),
        ("rich<15", "14.0.0", ["rich has no lower bound, 14.0.0 is installed"]),
    ],
)
def test_a_bound_is_tried_by_its_own_digits(text: str, has: str, told: list[str]) -> None:
    assert untried([Requirement(text)], lambda _: has) == told


def test_every_dependency_has_a_lower_bound() -> None:
    found = {requirement.name: requirement for requirement in declared(PROJECT)}

    assert {"click", "openai", "pyarrow", "ruff"} <= found.keys()
    assert not {"kimi-conformance", "twine"} & found.keys()
    assert [text for text in untried(found.values(), lambda _: "0") if "no lower" in text] == []


def test_what_is_for_another_platform_is_left_out() -> None:
    project = {
        "name": "ours",
        "dependencies": ["click>=8", "colorama>=0.4; sys_platform == 'never'", "ours[more]"],
        "optional-dependencies": {},
    }

    assert [each.name for each in declared(project)] == ["click"]


@pytest.mark.parametrize(
    ("python", "lowest"), [((3, 11), True), ((3, 12), False), ((3, 14), False)]
)
def test_bounds_must_be_tried_on_the_lowest_python(python: tuple[int, int], lowest: bool) -> None:
    assert is_lowest(python, PROJECT["requires-python"]) is lowest
