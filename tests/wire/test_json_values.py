"""JSON of anybody is read as far as it can be walked through, and no further."""

import json
from collections.abc import Callable

import pytest

from kimi_conformance.wire.json_values import DEEPEST, NOT_JSON, parse_json, parse_leading_json


def nested(depth: int, inside: str = "") -> str:
    """Arrays and objects in turns."""
    opened = ['{"a":' if place % 2 else "[" for place in range(depth)]
    closed = ["}" if place % 2 else "]" for place in reversed(range(depth))]
    return "".join([*opened, inside or ("1" if depth % 2 == 0 else ""), *closed])


SIBLINGS = ",".join(["[]"] * 300)


@pytest.mark.parametrize("read", [parse_json, parse_leading_json])
@pytest.mark.parametrize(
    ("text", "is_json"),
    [
        (nested(DEEPEST), True),
        (nested(DEEPEST + 1), False),
        ("[" * DEEPEST + "]" * DEEPEST, True),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), False),
        (nested(DEEPEST - 1, SIBLINGS), True),
        (f"[{SIBLINGS}]", True),
        (f"[[[{SIBLINGS},{nested(DEEPEST - 3)}]]]", True),
        (f"[[[{SIBLINGS},{nested(DEEPEST - 2)}]]]", False),
        (json.dumps("[{" * 300), True),
        (json.dumps(["]}" * 300, "[{" * 300]), True),
    ],
)
def test_what_is_nested_deeper_than_anybody_needs_is_no_json(
    text: str, is_json: bool, read: Callable[[str], object]
) -> None:
    assert (read(text) is not NOT_JSON) is is_json
