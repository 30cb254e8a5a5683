"""
Whether a model thinks before it answers, and how long.

A family that can be told has rules for it in the edition; of any other the model decides.
`thinking.type` switches it on or off, `thinking.effort` or else `reasoning_effort` says how
long: an effort gets its share of the longest thought, by its place among those there are.
"""

from collections.abc import Mapping
from typing import Any

from kimi_conformance.editions import Family, Model

__all__ = ["asked_effort", "effort_of", "type_of"]


def effort_of(body: Mapping[str, Any], model: Model | None, family: Family | None) -> float:
    """How long the model thinks: 0.0, not at all, to 1.0, as long as it ever does."""
    thinks = model is not None and model.thinking
    rules = family.thinking if family else None
    if not thinks or rules is None:
        return float(thinks)
    if type_of(body, rules.types[0]) == "disabled":
        return 0.0
    if not rules.efforts:
        return 1.0
    asked = asked_effort(body)
    place = asked if asked in rules.efforts else rules.default_effort or rules.efforts[-1]
    return (rules.efforts.index(place) + 1) / len(rules.efforts)


def _thinking(body: Mapping[str, Any]) -> Mapping[str, Any]:
    thinking = body.get("thinking")
    return thinking if isinstance(thinking, dict) else {}


def type_of(body: Mapping[str, Any], default: str) -> Any:
    """What `thinking.type` says, or the default."""
    return _thinking(body).get("type") or default


def asked_effort(body: Mapping[str, Any]) -> Any:
    """What the request says of the effort; `thinking.effort` comes first."""
    return _thinking(body).get("effort") or body.get("reasoning_effort")
