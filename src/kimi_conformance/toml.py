"""
TOML as people write it into files of ours: read, or refused in one way.

Python's reader gives integers of any size, which no arithmetic and no message can take, and
lets two errors through that are none of its own.
"""

import tomllib
from typing import Any

__all__ = ["NotTOMLError", "loads"]

_LARGEST = 2**63  # TOML 1.0, "Integer": 64 bits, and an error beyond


class NotTOMLError(ValueError):
    """A text is not TOML; the message says why and, where that is known, in which line."""


def loads(text: str) -> dict[str, Any]:
    """The tables of a text.

    Raises:
        NotTOMLError: It is not TOML, is nested deeper than Python can follow, or has an integer
            of more than 64 bits.
    """
    try:
        tables = tomllib.loads(text)
    except RecursionError:
        raise NotTOMLError("it is nested too deep") from None
    except ValueError as error:  # of its own, or of an integer with thousands of digits
        raise NotTOMLError(str(error)) from error
    pending: list[Any] = [tables]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            pending += value.values()
        elif isinstance(value, list):
            pending += value
        elif isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
            raise NotTOMLError("an integer has more than 64 bits")
    return tables
