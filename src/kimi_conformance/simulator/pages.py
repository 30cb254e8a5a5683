"""Pages of a list: `limit`, `order`, `after` and `before` in a query."""

from collections.abc import Mapping, Sequence
from typing import TypeVar
from urllib.parse import parse_qsl

__all__ = ["page_of", "read_query"]

PAGE = 20  # things on a page, unless `limit` says otherwise

T = TypeVar("T")


def read_query(query: str) -> dict[str, str]:
    """The parameters of a query; of one that is given twice the last."""
    return dict(parse_qsl(query, keep_blank_values=True))


def page_of(things: Mapping[str, T], asked: Mapping[str, str]) -> Sequence[T]:
    """The things on the page that is asked for, the newest first unless it says `order=asc`.

    Args:
        things: By the name that `after` and `before` (both exclusive) use, the oldest first.
        asked: The parameters of the query.
    """
    names = list(things)
    if asked.get("order") != "asc":
        names.reverse()
    start = names.index(asked["after"]) + 1 if asked.get("after") in names else 0
    end = names.index(asked["before"]) if asked.get("before") in names else len(names)
    limit = asked.get("limit", "")
    size = int(limit) if limit.isascii() and limit.isdecimal() and len(limit) < 10 else PAGE
    return [things[name] for name in names[start:end][:size]]
