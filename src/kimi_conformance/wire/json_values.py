"""
JSON as it may come from anybody: read without trust, and without a default.

A law must be able to look into any answer, however wrong, and never raise. So what is not
JSON is a value too (`NOT_JSON`), a member of something that is no object is absent, and a
value is shown in a message by a form that is short whatever it is.
"""

import json
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from reprlib import Repr
from typing import Any, Final, TypeGuard

__all__ = [
    "NOT_JSON",
    "NotJSON",
    "elements",
    "is_count",
    "is_text",
    "members",
    "parse_json",
    "parse_leading_json",
    "shown",
]


class NotJSON(Enum):
    """The type of `NOT_JSON`."""

    NOT_JSON = "not JSON"


NOT_JSON: Final = NotJSON.NOT_JSON

DEEPEST = 200  # levels of nesting; no API of ours needs ten
_SHOWN = 80
_repr = Repr()
_repr.maxstring = _repr.maxother = _repr.maxlong = _SHOWN
_repr.maxlevel = 3


# Possessive: else each character of a long text is a place to come back to, of 100 bytes.
_BRACKETS = re.compile(r'[\[{]|[\]}]|"(?:[^"\\]++|\\.)*+"?', re.DOTALL)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON number")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def parse_json(text: bytes | str) -> Any:
    """The decoded value, or `NOT_JSON`.

    Bytes must be UTF-8 without a byte order mark (RFC 8259, section 8.1), and NaN and
    Infinity are no JSON, although Python reads them. What is nested deeper than `DEEPEST`
    counts as `NOT_JSON` too: it could be read, and then not be walked through.
    """
    try:
        text = text.decode() if isinstance(text, bytes) else text
        return NOT_JSON if _is_too_deep(text) else _DECODER.decode(text)
    except (ValueError, RecursionError):
        return NOT_JSON


def parse_leading_json(text: str) -> Any:
    """The JSON value that a text begins with, whatever follows it, or `NOT_JSON`."""
    try:
        return NOT_JSON if _is_too_deep(text) else _DECODER.raw_decode(text)[0]
    except (ValueError, RecursionError):
        return NOT_JSON


def _is_too_deep(text: str) -> bool:
    if text.count("[") + text.count("{") <= DEEPEST:  # as nearly all are
        return False
    depth = 0
    for found in _BRACKETS.finditer(text):
        sign = found[0]
        if sign in "[{":
            depth += 1
            if depth > DEEPEST:
                return True
        elif sign in "]}":
            depth -= 1
    return False


def members(value: Any) -> Mapping[str, Any]:
    """The members of a JSON object; of any other value, none."""
    return value if isinstance(value, dict) else {}


def elements(value: Any) -> Sequence[Any]:
    """The elements of a JSON array; of any other value, none."""
    return value if isinstance(value, list) else ()


def is_count(value: Any) -> TypeGuard[int]:
    """Whether it is a whole number, zero or more; true and 3.0 are none."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_text(value: Any) -> TypeGuard[str]:
    """Whether it is a string with something in it."""
    return isinstance(value, str) and value != ""


def shown(value: Any) -> str:
    """The value for a message: of a text both ends, of bytes the first 80, three levels deep."""
    if isinstance(value, NotJSON):
        return value.value
    return _repr.repr(value[:_SHOWN] if isinstance(value, bytes) else value)
