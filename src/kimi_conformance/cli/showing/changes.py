"""Changes that a look for drift has found, for people."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kimi_conformance.cli.showing.wrapping import wrapped

__all__ = ["change_lines"]

_DEEP = " " * 6


def change_lines(changes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Each change in a few lines of the terminal's width, from its record."""
    kind = None
    for change in changes:
        if change["class"] != kind:
            kind = change["class"]
            yield from ("", kind.capitalize())
        yield from wrapped(change["where"], "  ", "    ")
        yield from wrapped(f"{change['before']} → {change['after']}", _DEEP, f"{_DEEP}  ")
        yield from wrapped(f"{change['attribution']}, seen {change['seen']}×", _DEEP, f"{_DEEP}  ")
