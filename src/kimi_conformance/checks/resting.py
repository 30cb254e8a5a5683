"""How a model is asked to answer at once, where a check is not about its thoughts."""

from collections.abc import Mapping
from typing import Any

from kimi_conformance.editions import Edition

__all__ = ["at_rest"]


def at_rest(edition: Edition, model: str) -> Mapping[str, Any]:
    """The options that switch a model's thinking off; {} where there is no switch.

    A model of 2026 refuses a forced tool while it thinks. Source: recordings of k2.6.
    """
    known = edition.find(model)
    thinking = known and edition.families[known.family].thinking
    if not thinking or "disabled" not in thinking.types:
        return {}
    return {"thinking": {"type": "disabled"}}
