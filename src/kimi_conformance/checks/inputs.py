"""Inputs of checks that are too long to stand in one: the files in `fixtures/`."""

import json
from collections.abc import Mapping
from typing import Any

from kimi_conformance.errors import UsageError, nearest
from kimi_conformance.suite import find

__all__ = ["read_examples", "read_input"]


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


def read_examples(topic: str) -> Mapping[str, Any]:
    """The counterexamples that were kept, by file: `read_examples("caching/matching")`.

    Each is what a search tries first; where there is no folder of this topic, there are none.

    Raises:
        UsageError: A file is no JSON object with "shows" and "steps".
    """
    kept = {}
    for path in sorted((find().fixtures / "examples" / topic).glob("*.json")):
        name = f"examples/{topic}/{path.stem}"
        example = read_input(name)
        if not isinstance(example, dict) or {"shows", "steps"} - example.keys():
            raise UsageError(f'The example fixtures/{name}.json lacks "shows" or "steps".')
        kept[name] = example["steps"]
    return kept
