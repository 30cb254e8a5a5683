"""
The shape of the view data, which other people's templates rely on.

After a change of the view that is meant: raise VERSION in reporting/view_schema.py as its
docstring says, then write the schema anew and read the difference before it is committed:

    KIMI_WRITE_GOLDEN=1 python -m pytest tests/reporting/test_view_schema.py
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from kimi_conformance.reporting import view
from kimi_conformance.reporting.formats.view_schema import VERSION, breaks, table, view_schema
from kimi_conformance.requirements import Catalogue
from kimi_conformance.runs import Run

FILE = Path(__file__).parents[2] / "reports" / "schemas" / "view.schema.json"
README = FILE.parents[1] / "README.md"
HOW = (
    "The view data have changed under other people's templates. Raise VERSION in "
    "src/kimi_conformance/reporting/view_schema.py to {version}, then write the schema anew: "
    "KIMI_WRITE_GOLDEN=1 python -m pytest tests/reporting/test_view_schema.py"
)


def shape(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema without its version."""
    return {key: schema[key] for key in schema if key not in {"$id", "version"}}


def next_version(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """What the version must be, if the shape is not the old one."""
    first, second = map(int, old["version"].split("."))
    return f"{first + 1}.0" if breaks(old, new) else f"{first}.{second + 1}"


def test_the_view_has_the_shape_that_is_committed() -> None:
    now = view_schema()
    if os.environ.get("KIMI_WRITE_GOLDEN"):
        committed = json.loads(FILE.read_text()) if FILE.exists() else None
        if committed and shape(committed) != shape(now):
            needed = next_version(committed, now)
            assert needed == VERSION, HOW.format(version=needed)
        FILE.write_text(json.dumps(now, indent=1) + "\n")
    committed = json.loads(FILE.read_text())

    assert shape(now) == shape(committed), HOW.format(version=next_version(committed, now))
    assert now["version"] == committed["version"]


def lists(value: Any) -> Any:
    """Tuples as JSON has them."""
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("loads", [True, False])
def test_what_a_template_is_given_is_as_the_schema_says(
    run: Run, catalogue: Catalogue, loads: bool
) -> None:
    report = view(run if loads else replace(run, loads=(), checks=(), laws=()), catalogue)
    schema = view_schema()

    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(lists(asdict(report)))


def test_the_readme_tells_of_every_field_of_the_report() -> None:
    begin, end = "<!-- the view, from view_schema.py -->\n", "\n<!-- end of the view -->"
    told = README.read_text("utf-8")
    before, _, rest = told.partition(begin)
    is_table, _, after = rest.partition(end)
    if os.environ.get("KIMI_WRITE_GOLDEN"):
        is_table = table(view_schema())
        README.write_text(before + begin + is_table + end + after, "utf-8")

    assert is_table == table(view_schema()), HOW.format(version="the next one, if need be")


OLD = {"version": "1.4", "$defs": {"A": {"properties": {"x": {"type": "string"}}}}}


@pytest.mark.parametrize(
    ("properties", "version"),
    [
        ({"x": {"type": "string"}, "y": {"type": "integer"}}, "1.5"),
        ({"x": {"type": "string", "description": "other words"}}, "1.5"),
        ({"x": {"type": "integer"}}, "2.0"),
        ({"y": {"type": "string"}}, "2.0"),
    ],
)
def test_less_is_a_greater_step_than_more(properties: dict[str, Any], version: str) -> None:
    assert next_version(OLD, {"$defs": {"A": {"properties": properties}}}) == version


def test_a_class_that_is_gone_breaks_templates() -> None:
    assert breaks(OLD, {"$defs": {}}) == ["A.x"]
