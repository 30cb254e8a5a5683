"""
Every message that the tool can end or judge with, read off its source.

A message is what is said where an error of the tree in `errors.py` is made, or a check is called
inconclusive. What a program fills in is "…". A message that consists of nothing but that was said
before, by another error, and is not counted.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from tests.documents.pages import ROOT

__all__ = ["Message", "messages"]

SOURCE = ROOT / "src" / "kimi_conformance"
# Not of the tree, and said to users all the same.
BESIDE = {
    *("UsageError", "click.UsageError", "click.BadParameter", "pytest.UsageError"),
    *("InconclusiveError", "CheckTimeoutError", "BlockedError", "LineError", "ShapeError"),
}
ROOT_OF_ERRORS = "KimiConformanceError"
HOLE = "…"


@dataclass(frozen=True, slots=True)
class Message:
    """What is said, by which class, and where in the source."""

    text: str
    by: str
    place: str


@cache
def messages() -> tuple[Message, ...]:
    """All of them, in the order of the files."""
    texts = {path: path.read_text("utf-8") for path in sorted(SOURCE.rglob("*.py"))}
    trees = {path: ast.parse(text) for path, text in texts.items() if "Error(" in text}
    classes = BESIDE | _of_the_tree(trees.values())
    found = [
        Message(text, by, f"{path.relative_to(ROOT)}:{line}")
        for path, tree in trees.items()
        for by, line, text in _said(tree, classes)
    ]
    return tuple(each for each in found if any(letter.isalpha() for letter in each.text))


def _of_the_tree(trees: Iterable[ast.Module]) -> set[str]:
    """The names of all classes below the root of the errors."""
    bases: dict[str, set[str]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = {ast.unparse(base) for base in node.bases}
    found = {ROOT_OF_ERRORS}
    while True:
        more = {name for name, above in bases.items() if above & found} - found
        if not more:
            return found
        found |= more


def _said(tree: ast.AST, classes: set[str]) -> Iterator[tuple[str, int, str]]:
    nodes = list(ast.walk(tree))
    functions = {each.name: each for each in nodes if isinstance(each, ast.FunctionDef)}
    for node in nodes:
        if isinstance(node, ast.Call) and ast.unparse(node.func) in classes and node.args:
            for text in _texts(node.args[-1] if _is_api(node) else node.args[0], functions):
                yield ast.unparse(node.func), node.lineno, text


def _is_api(call: ast.Call) -> bool:
    return ast.unparse(call.func) == "ApiError"


def _texts(node: ast.expr, functions: Mapping[str, ast.FunctionDef]) -> list[str]:
    """What an expression may say: several texts where it says one or the other.

    Args:
        node: The expression.
        functions: Those of the module; what one returns is what a call of it says.
    """
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body, functions), *_texts(node.orelse, functions)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        after = _texts(node.right, functions)
        return [left + right for left in _texts(node.left, functions) for right in after]
    if isinstance(node, ast.Constant):
        return [str(node.value)]
    if isinstance(node, ast.JoinedStr):
        parts = (each.value if isinstance(each, ast.Constant) else HOLE for each in node.values)
        return ["".join(map(str, parts))]
    if isinstance(node, ast.Call) and (name := ast.unparse(node.func).split(".")[-1]) in functions:
        others = {each: body for each, body in functions.items() if each != name}
        return [text for said in _returned(functions[name]) for text in _texts(said, others)]
    return [HOLE]


def _returned(function: ast.FunctionDef) -> list[ast.expr]:
    each = (node.value for node in ast.walk(function) if isinstance(node, ast.Return))
    return [value for value in each if value is not None]
