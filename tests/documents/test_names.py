"""docs/names.md lists what programs may import, and the examples import nothing else."""

import ast
from pathlib import Path

import pytest
from tests.documents import names
from tests.documents.pages import ROOT, blocks

PUBLIC = {f"kimi_conformance.{package}" for package in names.PUBLIC}
# Whoever writes a check in the suite may also add a fault to the simulator: docs/write-a-check.md.
WITHIN = {"kimi_conformance.simulator.faults.change", "kimi_conformance.simulator.faults.fault"}
PROGRAMS = [
    *(ROOT / "docs").glob("*.md"),
    *(ROOT / "tests" / "sample_project").rglob("*.py"),
    *(ROOT / "loadtests").glob("*.py"),
]


def imported(text: str) -> set[str]:
    """The modules of ours that a program names."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
    return {str(node.module) for node in nodes if str(node.module).startswith("kimi_conformance")}


def test_the_list_is_what_the_packages_say() -> None:
    assert names.PAGE.read_text("utf-8") == names.text(), (
        "made anew by: python -m tests.documents.names"
    )


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name)
def test_an_example_imports_public_names_only(program: Path) -> None:
    text = program.read_text("utf-8")
    if program.suffix == ".md":
        text = "\n".join(block.text for block in blocks(program) if block.language == "python")

    assert imported(text) <= PUBLIC | WITHIN
