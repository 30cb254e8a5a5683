"""Inputs of checks that are too long to stand in one: the files in `fixtures/`."""

import json
from typing import Any

from kimi_conformance.errors import UsageError, nearest
from kimi_conformance.suite import find

__all__ = ["read_input"]


def read_input(name: str) -> Any:
    """The JSON of an input, decoded anew at each call: `read_input("tools/weather")`.

    Raises:
        UsageError: There is none of this name.
    """
    folder = find().fixtures
    try:
        text = (folder / f"{name}.json").read_text("utf-8")
    except OSError:
        known = [str(p.relative_to(folder).with_suffix("")) for p in folder.rglob("*.json")]
        raise UsageError(
            f"There is no input '{name}' in fixtures. {nearest(name, known)}"
        ) from None
    return json.loads(text)
