"""
What programs may import: the names of each public package, with the first line of what each says
of itself.

`python -m tests.documents.names` writes docs/names.md anew. Nothing is imported for it: who imports
the words of load scenarios has Locust patch the standard library.
"""

import ast
import inspect
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

from tests.documents.pages import DOCS, ROOT

__all__ = ["PAGE", "PUBLIC", "text"]

PAGE = DOCS / "names.md"
# Package, and what it is imported for.
PUBLIC = {
    "adapters": "Bring a client.",
    "checks": "Write a check.",
    "load": "Write a load scenario.",
    "simulator": "Have the API without a network.",
    "simulator.faults": "Make it fail on purpose.",
    "stage": "Stand between a client and what answers it, and see every byte.",
    "wire": "Read what was sent and answered, and hold it against the laws of the wire.",
    "runs": "Read the evidence of a run.",
    "verdicts": "Sum outcomes up.",
    "requirements": "Read what must hold, and why.",
    "slo": "Hold measurements against what was promised.",
    "suite": "Find the catalogue, the editions and the recordings.",
    "errors": "Catch what is raised.",
}
_DEFINED = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_HEAD = """\
# Names

What your programs may import from `kimi_conformance`; [python.md](python.md) shows how. These names
are kept, and a change of one of them is in the [changelog](../CHANGELOG.md). All others may change
without a word. Everything is typed, and says more of itself in its docstring: shapes, units, and
what it raises.
"""


def text() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_sections()])


def _sections() -> Iterator[str]:
    for package, purpose in PUBLIC.items():
        module = f"kimi_conformance.{package}"
        yield f"## {module}\n\n{purpose}\n\n| name | what it is |\n| --- | --- |"
        for name in sorted(_names(module), key=str.lower):
            yield f"| `{name}` | {_first_line(module, name)} |"
        yield ""


def _names(module: str) -> Sequence[str]:
    """What its `__all__` has."""
    assigned = (node for node in _tree(module).body if "__all__" in _assigned(node))
    names: Sequence[str] = ast.literal_eval(next(assigned).value)  # type: ignore[attr-defined]
    return names


def _first_line(module: str, name: str) -> str:
    said = _said(module, name)
    if not said:
        raise LookupError(f"{module}.{name} does not say what it is: a text below it would.")
    return inspect.cleandoc(said).partition("\n\n")[0].replace("\n", " ")


def _said(module: str, name: str) -> str | None:
    """The docstring of what a module makes, or takes from another."""
    tree = _tree(module)
    for made, below in pairwise([*tree.body, ast.Pass()]):
        if isinstance(made, _DEFINED) and made.name == name:
            return ast.get_docstring(made)
        if name in _assigned(made):
            return _string(below)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and name in {alias.name for alias in node.names}:
            inner = f"{node.module}.{name}"
            if _file(inner).exists():
                return ast.get_docstring(_tree(inner))
            return _said(str(node.module), name)
    return None


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(_file(module).read_text("utf-8"))


def _file(module: str) -> Path:
    path = ROOT / "src" / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _assigned(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.Assign):
        return {ast.unparse(target) for target in node.targets}
    return {ast.unparse(node.target)} if isinstance(node, ast.AnnAssign) else set()


def _string(node: ast.stmt) -> str | None:
    found = node.value if isinstance(node, ast.Expr) else None
    return found.value if isinstance(found, ast.Constant) and isinstance(found.value, str) else None


if __name__ == "__main__":
    PAGE.write_text(text(), "utf-8")
