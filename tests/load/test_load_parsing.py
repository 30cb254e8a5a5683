"""JSON of answers is read as the standard library reads it, only faster."""

import pytest

from kimi_conformance.load.client.parsing import parse
from kimi_conformance.wire.json_values import NOT_JSON, parse_json


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b'{"a": [1, -2.5e3, true, null, "\\u00e9\\ud83d\\ude00"], "a": 2}',
        b'"\\ud800"',
        b"18446744073709551615",
        b"[" * 200 + b"]" * 200,
    ],
)
def test_what_is_json_is_decoded_alike(text: bytes) -> None:
    assert parse(text) == parse_json(text) != NOT_JSON


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"NaN", b"[Infinity]", b'"\xff"', b"\xef\xbb\xbf{}", b"{'a': 1}", b"[" * 100_000],
)
def test_what_is_no_json_is_refused_alike(text: bytes) -> None:
    assert parse(text) is NOT_JSON
    assert parse_json(text) is NOT_JSON
