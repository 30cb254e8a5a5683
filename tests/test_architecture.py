"""Imports point inwards, and what is kept in one place stays there."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "kimi_conformance"

# Each ring may import itself and the rings before it.
RINGS = (
    # pure: values and rules, the standard library only
    (
        *("errors", "toml", "requirements", "editions", "verdicts", "baselines", "runs"),
        *("wire", "slo", "statistics", "models", "drift"),
    ),
    # the doors to the outside
    ("http", "suite", "_suite", "history"),
    # what answers, and what is judged
    ("stage", "adapters", "simulator", "cassettes"),
    # what people use
    ("checks", "plugin", "reporting", "load", "probing", "alerts"),
    ("cli", "__main__"),
)
PURE = RINGS[0]
ONLY_IN = {
    "httpx": ("http.py",),
    "locust": ("load/",),
    "gevent": ("load/",),
    "jinja2": ("reporting/",),
    "jsonschema": ("reporting/formats/evidence_schema.py",),
    "openai": ("adapters/openai_python.py", "adapters/clients/bridges/"),
    "litellm": ("adapters/clients/bridges/",),
    "pydantic_ai": ("adapters/clients/bridges/",),
    "kimi_sdk": ("adapters/clients/bridges/",),
    "letta": ("adapters/clients/bridges/",),
    "vcr": ("cassettes/",),
    "uvloop": ("stage/",),
    "click": ("cli/",),
    "rich": ("cli/",),
    "sqlite3": ("history/",),
    "prometheus_client": ("probing/",),
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


@cache
def imports(path: Path) -> Sequence[str]:
    """Every module that a file imports, wherever in it."""
    return tuple(_imports(path))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@cache
def _import_nodes(path: Path) -> Sequence[ast.Import | ast.ImportFrom]:
    nodes = ast.walk(_tree(path))
    return [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]


def _imports(path: Path) -> Iterator[str]:
    for node in _import_nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif node.module:
            assert node.level == 0, f"{path}: relative import"
            yield node.module


def part(name: str) -> str:
    """ "kimi_conformance.wire.sse" is in the part "wire"."""
    pieces = name.split(".")
    return pieces[1] if len(pieces) > 1 else ""


def ring(name: str) -> int:
    return next(number for number, parts in enumerate(RINGS) if name in parts)


def of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_imports_point_inwards() -> None:
    outward = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in modules()
        for name in imports(path)
        if name.startswith("kimi_conformance.")
        and of(path) != "__init__"
        and ring(part(name)) > ring(of(path))
    ]

    assert outward == []


def test_the_innermost_ring_needs_the_standard_library_only() -> None:
    foreign = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in modules()
        for name in imports(path)
        if of(path) in PURE
        and name.split(".")[0] not in {*sys.stdlib_module_names, "kimi_conformance"}
    ]

    assert foreign == []


def test_what_another_module_imports_is_offered_to_it() -> None:
    """By `__all__`, where a module has one: what is not in it may change without a look around."""
    offers = {_named(path): _offered(path) for path in modules()}
    not_offered = [
        f"{path.relative_to(PACKAGE)} imports {name} from {module}"
        for path in modules()
        for module, name in _imported_names(path)
        if (offered := offers.get(module)) is not None
        and name not in offered
        and f"{module}.{name}" not in offers
    ]

    assert not_offered == []


def _named(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _offered(path: Path) -> Sequence[str] | None:
    for node in _tree(path).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            offered: Sequence[str] = ast.literal_eval(node.value)
            return offered
    return None


def _imported_names(path: Path) -> Iterator[tuple[str, str]]:
    for node in _import_nodes(path):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def test_a_library_is_imported_where_it_belongs() -> None:
    misplaced = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in modules()
        for name in imports(path)
        if (places := ONLY_IN.get(name.split(".")[0]))
        and not path.relative_to(PACKAGE).as_posix().startswith(places)
    ]

    assert misplaced == []


def test_every_part_stands_in_a_ring() -> None:
    parts = {of(path) for path in modules()} - {"__init__"}

    assert parts == {part for ring in RINGS for part in ring}


def test_the_package_has_no_drawer_for_odds_and_ends() -> None:
    names = {path.stem for path in modules()}

    assert not names & {"utils", "util", "common", "base", "helpers", "misc"}


def test_the_plugin_brings_in_pytest_and_the_standard_library_only() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import kimi_conformance.plugin; "
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )

    foreign = set(result.stdout.split()) - sys.stdlib_module_names - {"kimi_conformance"}
    assert foreign == set()


@pytest.mark.parametrize(
    ("arguments", "foreign"),
    [
        (["--help"], {"click"}),
        (["gaet"], {"click"}),
        (["gate", "--help"], {"click"}),
    ],
    ids=" ".join,
)
def test_the_command_imports_what_it_uses_and_when(
    arguments: list[str], foreign: set[str], tmp_path: Path
) -> None:
    code = (
        "import sys, runpy; before = set(sys.modules); sys.argv[0] = 'kimi-conformance'\n"
        "try: runpy.run_module('kimi_conformance', run_name='__main__')\n"
        "except SystemExit: print(*sorted({n.split('.')[0] for n in set(sys.modules) - before}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=tmp_path
    )

    brought = set(result.stdout.splitlines()[-1].split()) - sys.stdlib_module_names
    assert brought - {"kimi_conformance"} <= foreign


def test_no_test_process_imports_locust() -> None:
    assert "locust" not in sys.modules


@pytest.mark.parametrize("folder", ["conformance", "loadtests"])
def test_content_imports_machinery_through_its_front_door(folder: str) -> None:
    allowed = {
        "kimi_conformance.checks",
        "kimi_conformance.checks.fixtures",
        "kimi_conformance.load",
    }
    inner = [
        (path.name, name)
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name in imports(path)
        if name.startswith("kimi_conformance") and name not in allowed
    ]

    assert inner == []
