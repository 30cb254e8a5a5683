"""JSON of anybody is read as far as it can be walked through, and no further."""

import pytest

from kimi_conformance.wire.json_values import DEEPEST, NOT_JSON, parse_json, parse_leading_json


@pytest.mark.parametrize("read", [parse_json, parse_leading_json])
def test_what_is_nested_deeper_than_anybody_needs_is_no_json(read: object) -> None:
    assert callable(read)
    deep, deeper = (f"{'[' * depth}{']' * depth}" for depth in (DEEPEST, DEEPEST + 1))

    assert read(deep) is not NOT_JSON
    assert read(deeper) is NOT_JSON
