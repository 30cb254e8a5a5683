"""
The YAML of a cassette, as values: texts, bytes, numbers, lists and mappings, and nothing else.

A cassette may be anybody's. libYAML's composer follows nesting by recursion until the process
dies, and follows aliases to texts of any size; so the events of its parser are put together
here, without recursion, and what no cassette of ours holds is refused: tags but that of bytes,
anchors, nesting beyond a few levels. That is quicker than the safe loader, too.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Any

import yaml

__all__ = ["DEEPEST", "document_of"]

DEEPEST = 20  # levels; a cassette has six
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BINARY = "tag:yaml.org,2002:binary"
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_DECIMAL = re.compile(r"-?[0-9]{1,18}\.[0-9]{0,18}(?:e[+-]?[0-9]{1,3})?")
_WORDS = {"": None, "null": None, "~": None, "true": True, "false": False}
_Opened = list[Any] | dict[str, Any]


def document_of(text: str) -> Any:
    """The one document in a text, None where there is none.

    Raises:
        ValueError: It holds what no cassette does; one that is no YAML at all included.
    """
    try:
        return _put_together(text)
    except yaml.YAMLError as error:
        raise ValueError(next(iter(str(error).splitlines()), "no YAML")) from error


def _put_together(text: str) -> Any:
    root: list[Any] = []
    opened: list[_Opened] = [root]
    keys: list[str | None] = [None]  # that wait for their value, a level each
    events: Iterable[Any] = yaml.parse(text, Loader=_LOADER)
    for event in events:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            _add(opened[-1], keys, _scalar(event))
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            if event.anchor is not None or event.tag is not None or len(opened) > DEEPEST:
                raise ValueError(f"an anchor, a tag or deep nesting{_where(event)}")
            value: _Opened = {} if kind is yaml.MappingStartEvent else []
            _add(opened[-1], keys, value)
            opened.append(value)
            keys.append(None)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            opened.pop()
            keys.pop()
        elif kind is yaml.AliasEvent:
            raise ValueError(f"an alias{_where(event)}")
    if len(root) > 1:
        raise ValueError(f"{len(root)} documents")
    return root[0] if root else None


def _add(into: _Opened, keys: list[str | None], value: Any) -> None:
    if isinstance(into, list):
        into.append(value)
    elif (key := keys[-1]) is not None:
        into[key] = value
        keys[-1] = None
    elif isinstance(value, str):
        keys[-1] = value
    else:
        raise ValueError(f"a key that is no text: {value!r:.40}")


def _scalar(event: Any) -> Any:
    text: str = event.value
    if event.tag == _BINARY:
        try:
            return base64.b64decode(text)
        except binascii.Error as error:
            raise ValueError(f"bytes that are no base64{_where(event)}") from error
    if event.anchor is not None or event.tag is not None:
        raise ValueError(f"an anchor or a tag{_where(event)}")
    if not event.implicit[0] or len(text) > 50:  # quoted, or too long for a number
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    return _WORDS.get(text, text)


def _where(event: Any) -> str:
    return f" in line {event.start_mark.line + 1}"
