"""
A chat request as the simulated model understands it.

Reading never fails: the rules have refused what is wrong already, and where one of them was
waived by a fault the model makes the best of what is there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from kimi_conformance.editions import Edition

__all__ = ["Asked", "is_table", "read", "text_of"]

MOST_CHOICES = 16


@dataclass(slots=True)
class Asked:
    """What a chat request asks for; see the API's fields of the same names.

    Attributes:
        max_tokens: Or None: as many as the model's default, and as the window has room for.
        json_mode: Whether `response_format` asks for a JSON object.
        json_schema: What it asks the answer to be, or None.
        tool_choice: "auto" where it is absent; else as given.
        include_usage: Whether a stream ends with a chunk that has the usage alone.
    """

    model: str
    messages: Sequence[Any]
    tools: Sequence[Any]
    stream: bool
    include_usage: bool
    n: int
    max_tokens: int | None
    stop: Sequence[str]
    json_mode: bool
    json_schema: Mapping[str, Any] | None
    tool_choice: Any

    @property
    def last_role(self) -> str:
        """The role of the last message, or ""."""
        last = self.messages[-1] if self.messages else None
        role = last.get("role") if isinstance(last, Mapping) else None
        return role if isinstance(role, str) else ""

    @property
    def wish(self) -> str:
        """The text of the last message."""
        last = self.messages[-1] if self.messages else None
        return text_of(last.get("content")) if isinstance(last, Mapping) else ""

    @property
    def tool_choice_name(self) -> Any:
        """The function that `tool_choice` names, or None."""
        function = self.tool_choice.get("function") if is_table(self.tool_choice) else None
        return function.get("name") if is_table(function) else None

    @property
    def calls_before(self) -> int:
        """The tool calls that stand in the messages."""
        return sum(
            len(message["tool_calls"])
            for message in self.messages
            if is_table(message) and isinstance(message.get("tool_calls"), list)
        )


def read(body: Mapping[str, Any], edition: Edition) -> Asked:
    """Understand the body of a chat request."""
    get = body.get
    stop = get("stop")
    n = get("n")
    options = get("stream_options")
    form = get("response_format")
    messages = get("messages")
    return Asked(
        model=str(get("model") or ""),
        messages=messages if isinstance(messages, list) else (),
        tools=_offered(body, edition),
        stream=get("stream") is True,
        include_usage=is_table(options) and options.get("include_usage") is True,
        n=min(max(n, 1), MOST_CHOICES) if type(n) is int else 1,
        max_tokens=_max_tokens(body, edition),
        stop=[stop] if isinstance(stop, str) else _texts(stop),
        json_mode=is_table(form) and form.get("type") == "json_object",
        json_schema=_schema(form, edition),
        tool_choice=get("tool_choice") or "auto",
    )


def text_of(content: Any) -> str:
    """The text of a message's content, its parts joined."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    return " ".join(_texts(part.get("text") for part in parts if is_table(part)))


def _schema(form: Any, edition: Edition) -> Mapping[str, Any] | None:
    if not is_table(form) or form.get("type") not in edition.limits.response_formats:
        return None
    asked = form.get("json_schema") if form.get("type") == "json_schema" else None
    schema = asked.get("schema") if is_table(asked) else None
    return schema if is_table(schema) else None


def _offered(body: Mapping[str, Any], edition: Edition) -> Sequence[Any]:
    """The tools of the request, then those that system messages add."""
    tools, messages, id = body.get("tools"), body.get("messages"), body.get("model")
    offered = tools if isinstance(tools, list) else ()
    model = edition.find(id) if isinstance(id, str) else None
    if model is None or not model.dynamic_tools or not isinstance(messages, list):
        return offered
    systems = [each for each in messages if is_table(each) and each.get("role") == "system"]
    added = [tool for each in systems for tool in _listed(each.get("tools"))]
    return (*offered, *added)


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _max_tokens(body: Mapping[str, Any], edition: Edition) -> int | None:
    for name in edition.reply.length_fields:
        value = body.get(name)
        if type(value) is int and value > 0:
            return value
    return None


def _texts(values: Any) -> list[str]:
    listed = values if isinstance(values, Iterable) else ()
    return [value for value in listed if isinstance(value, str)]


def is_table(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether JSON is an object."""
    return isinstance(value, dict)
