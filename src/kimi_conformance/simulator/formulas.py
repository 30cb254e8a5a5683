"""
Official tools: `/v1/formulas/{uri}`, functions that the API itself runs.

`GET …/tools` gives their definitions, to be handed to a chat as they stand; `POST …/fibers`
runs one with the arguments that the model chose. What `moonshot/web-search` finds is for the
model's eyes only: it comes encrypted, and is handed back as it came.

Source: documentation of the official tools, 2025; recordings of April 2026. The refusals are
assumed.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

from kimi_conformance.editions import Edition, Formula
from kimi_conformance.simulator.go_json import compact
from kimi_conformance.simulator.rules import Case, Fills, Rule, RuleTable
from kimi_conformance.simulator.world import World
from kimi_conformance.wire.exchange import Answer

__all__ = ["FIBER_RULES", "find", "run", "tools"]

_SEALED = "----MOONSHOT ENCRYPTED BEGIN----{}----MOONSHOT ENCRYPTED END----"


def _other_function(case: Case) -> Iterator[Fills]:
    formula, name = find(case.edition, case.body["formula"]), case.body.get("name")
    if formula is not None and name != formula.name:
        yield {"uri": formula.uri, "name": name or ""}


def _no_arguments(case: Case) -> Iterator[Fills]:
    if _object(case.body.get("arguments")) is None:
        yield {}


FIBER_RULES = RuleTable(
    (
        Rule("formula_function", "formula_function", _other_function),
        Rule("formula_arguments", "formula_arguments", _no_arguments),
    )
)


def find(edition: Edition, uri: str) -> Formula | None:
    """The official tool of this URI, or None."""
    return next((formula for formula in edition.formulas if formula.uri == uri), None)


def tools(world: World, now: float, formula: Formula) -> Answer:
    """GET /v1/formulas/{uri}/tools."""
    function = {
        "name": formula.name,
        "description": formula.description,
        "parameters": formula.parameters,
    }
    return world.reply(now, {"tools": [{"type": "function", "function": function}]})


def run(world: World, now: float, formula: Formula, case: Case) -> Answer:
    """POST /v1/formulas/{uri}/fibers: run the function, of a body that broke no rule."""
    asked = _object(case.body.get("arguments")) or {}
    found = _found(formula, asked)
    context: dict[str, Any] = {"input": compact(asked)}
    if formula.encrypted:
        context["encrypted_output"] = _SEALED.format(base64.b64encode(found.encode()).decode())
    else:
        context["output"] = found
    fiber = {
        "id": f"fiber-{world.digest('fiber', 12)}",
        "object": "fiber",
        "created_at": int(now),
        "formula": formula.uri,
        "status": "succeeded",
        "context": context,
    }
    return world.reply(now, fiber)


def _object(arguments: Any) -> dict[str, Any] | None:
    try:
        value = json.loads(arguments)
    except (TypeError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _found(formula: Formula, asked: dict[str, Any]) -> str:
    """A text that the same question finds again."""
    digest = hashlib.blake2b(f"{formula.uri} {compact(asked)}".encode("utf-8", "replace"))
    return f"{formula.name}: {digest.hexdigest()[:12]}"
