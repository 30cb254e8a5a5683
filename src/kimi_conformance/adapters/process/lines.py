"""
Lines of JSON: how messages are written, read, and shown to people.

What comes from another process is shown so that it can do no harm: short, without what looks
like a secret, and with everything spelt out that an eye cannot see.
"""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from kimi_conformance.wire.json_values import NOT_JSON, parse_json

__all__ = ["LONGEST", "LineError", "line_of", "message_of", "shown"]

LONGEST = 64 * 2**20  # bytes of one message
_MAY_BE_HUGE = re.compile(rb"[eE]\+?[0-9]{3}|[0-9]{300}")
_SECRET = re.compile(r"\bsk-[A-Za-z0-9_-]{8,}|(?<=[Bb]earer )[A-Za-z0-9._~+/=-]{8,}")


class LineError(ValueError):
    """A line is no message."""


def line_of(message: Mapping[str, Any]) -> bytes:
    """The message as a line.

    Raises:
        TypeError: It holds what JSON has no word for.
        ValueError: It holds a number that JSON has no word for, or itself.
    """
    return json.dumps(message, default=_plain, allow_nan=False).encode("ascii") + b"\n"


def message_of(line: bytes) -> dict[str, Any]:
    """The message of a line.

    Raises:
        LineError: The line is none: longer than `LONGEST`, or not one JSON object.
    """
    if len(line) > LONGEST:
        raise LineError(f"a line longer than {LONGEST // 2**20} MiB")
    message = parse_json(line)
    if message is NOT_JSON or (_MAY_BE_HUGE.search(line) and not _can_be_written(message)):
        raise LineError("a line that is no JSON")
    if not isinstance(message, dict):
        raise LineError("a line that is no JSON object")
    return message


def shown(text: str | bytes, secrets: Collection[str] = (), longest: int = 200) -> str:
    r"""What came from outside, as one line for an error message.

    >>> shown(b"Loading\x1b[31m sk-0123456789")
    'Loading<U+001B>[31m [redacted]'
    """
    # What is longer is cut, a secret that begins before the cut with it.
    enough, room = 8 * longest, 4 * max(map(len, secrets), default=0)
    is_cut = len(text) > enough + room
    if isinstance(text, bytes):
        text = text[: enough + room].decode("utf-8", "backslashreplace")
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "[redacted]")
    if is_cut and room:
        text = text[:-room]
    text = _SECRET.sub("[redacted]", text).strip(" \t\r\n")
    text = "".join(map(_visible, text[: 8 * longest]))
    return text if len(text) <= longest else text[:longest] + " …"


def _can_be_written(message: object) -> bool:
    """Whether JSON has a word for each number: Python reads 1e999 as one that it has none for."""
    try:
        json.dumps(message, allow_nan=False)
    except ValueError:
        return False
    return True


def _visible(char: str) -> str:
    """A character, spelt out where an eye cannot tell it: controls, bidi marks, odd spaces."""
    return char if char.isprintable() else f"<U+{ord(char):04X}>"


def _plain(value: object) -> object:
    """A mapping or collection of any kind as JSON's own."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, Collection) and not isinstance(value, bytes):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
