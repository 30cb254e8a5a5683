"""
How many tokens the simulator counts: a rule that anyone can check by hand.

    text          one for each 4 bytes of UTF-8, rounded up
    message       4, its content, and its name, reasoning, tool calls, tool_call_id and tools
    content part  its text, or 1024 for anything that is no text
    tools         4, and the text of their compact JSON
    prompt        3, its messages, and its tools

The real tokenizer is not public. What clients rely on holds here too: more text, more
messages and tools cost more, and a prefix never costs more than the whole.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from kimi_conformance.simulator.go_json import compact

__all__ = ["BYTES", "of_messages", "of_prompt", "of_text", "of_tools"]

PROMPT = 3
MESSAGE = 4
BYTES = 4  # of a text that make one token
TOOLS = 4
PART = 1024  # an image or a video
_EXTRAS = ("name", "reasoning_content", "tool_calls", "tool_call_id", "tools")


def of_text(text: str) -> int:
    """The tokens of a text."""
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return -(-size // BYTES)


def of_messages(messages: Sequence[Any]) -> int:
    """The tokens of some messages."""
    return sum(map(_of_message, messages))


def of_tools(tools: Sequence[Any]) -> int:
    """The tokens of tool definitions; no tools cost nothing."""
    return TOOLS + of_text(compact(tools)) if tools else 0


def of_prompt(messages: Sequence[Any], tools: Sequence[Any]) -> int:
    """The tokens of a whole prompt."""
    return PROMPT + of_messages(messages) + of_tools(tools)


def _of_message(message: Any) -> int:
    if not isinstance(message, Mapping):
        return MESSAGE
    count = MESSAGE + _of_content(message.get("content"))
    if len(message) > 2:
        count += sum(_of_value(message[key]) for key in _EXTRAS if key in message)
    return count


def _of_content(content: Any) -> int:
    if isinstance(content, str):
        return of_text(content)
    if isinstance(content, list):
        return sum(map(_of_part, content))
    return 0


def _of_part(part: Any) -> int:
    text = part.get("text") if isinstance(part, Mapping) else None
    return of_text(text) if isinstance(text, str) else PART


def _of_value(value: Any) -> int:
    if value is None:
        return 0
    return of_text(value if isinstance(value, str) else compact(value))
