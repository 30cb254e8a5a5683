"""
The builtin function `$web_search`, which the API itself runs while the model waits.

The model calls it as any tool, but the call's arguments stand for what was found: a search id,
and how many tokens it has. The client hands them back unread, as the tool's result, and the
next prompt costs so many tokens more.

Source: documentation of the web search tool, 2025; recordings of April 2026.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from kimi_conformance.simulator.go_json import compact

__all__ = ["NAME", "TYPE", "arguments_for", "call_id_for", "is_search", "tokens_found"]

NAME = "$web_search"
TYPE = "builtin_function"
FEWEST, SPREAD = 1024, 4096  # tokens that a search finds
MOST = 1_000_000  # that a client can hand back


def is_search(tool: Any) -> bool:
    """Whether a tool is the builtin search."""
    function = tool.get("function") if isinstance(tool, Mapping) else None
    return (
        isinstance(function, Mapping) and tool.get("type") == TYPE and function.get("name") == NAME
    )


def call_id_for(wish: str) -> str:
    """The id of the call that this wish leads to."""
    return f"t-web_search-{_digest('call', wish)[:12]}"


def arguments_for(wish: str) -> str:
    """Its arguments, as JSON."""
    digest = _digest("found", wish)
    found = {"search_id": digest[:32]}
    size = FEWEST + int(digest[:8], 16) % SPREAD
    return compact({"search_result": found, "usage": {"total_tokens": size}})


def tokens_found(messages: Sequence[Any]) -> int:
    """The tokens of every search whose result stands in the messages."""
    return sum(_found(message) for message in messages if isinstance(message, Mapping))


def _found(message: Mapping[str, Any]) -> int:
    content = message.get("content")
    if message.get("role") != "tool" or not isinstance(content, str) or "search_id" not in content:
        return 0
    try:
        size = json.loads(content)["usage"]["total_tokens"]
    except (KeyError, RecursionError, TypeError, ValueError):
        return 0
    return min(size, MOST) if type(size) is int and size > 0 else 0


def _digest(label: str, wish: str) -> str:
    return hashlib.blake2b(f"{label}/{wish}".encode("utf-8", "surrogatepass")).hexdigest()
