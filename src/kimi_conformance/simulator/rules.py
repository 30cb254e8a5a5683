"""
What a request must not be, as a table of rules.

A rule has a name, the key of the edition's error text, and a function that finds what is
wrong: it yields the fields that fill the text, or nothing. Rules are asked in their order and
the first finding is answered; a rule whose error has no words in an edition does not hold in
it. To add one, write the function and the row, and word its error in the edition.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from typing import Any

from kimi_conformance.editions import Edition, Model
from kimi_conformance.simulator import tokens
from kimi_conformance.simulator.asked import Asked, read

__all__ = [
    "CHAT_RULES",
    "CREATE_CACHE_RULES",
    "MODIFY_CACHE_RULES",
    "Case",
    "Rule",
    "broken",
]

Fills = Mapping[str, object]


@dataclass(slots=True)
class Case:
    """A request to be judged.

    Attributes:
        body: A JSON object.
        edition: Whose limits count.
        now: Seconds since the Unix epoch.
    """

    body: Mapping[str, Any]
    edition: Edition
    now: float = 0.0

    @property
    def model(self) -> Model | None:
        """The model that is asked, or None: there is none of that id."""
        id = self.body.get("model")
        return self.edition.find(id) if isinstance(id, str) else None

    @property
    def messages(self) -> Sequence[Any]:
        """The messages, or () where there is no list of them."""
        messages = self.body.get("messages")
        return messages if isinstance(messages, list) else ()

    @property
    def tools(self) -> Sequence[Any]:
        """The tools, or () where there is no list of them."""
        tools = self.body.get("tools")
        return tools if isinstance(tools, list) else ()

    def placed(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """The messages with their positions, from 0."""
        return ((at, each) for at, each in enumerate(self.messages) if isinstance(each, dict))


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is refused.

    Attributes:
        name: Unique; a fault waives a rule by it.
        error: The key of its words in `Edition.errors`.
        find: Yields what fills the words' fields, once for each thing that is wrong.
    """

    name: str
    error: str
    find: Callable[[Case], Iterator[Fills]]


def broken(
    rules: tuple[Rule, ...], case: Case, waived: frozenset[str] = frozenset()
) -> tuple[str, Fills] | None:
    """The error key and fills of the first rule that the request breaks, or None."""
    for rule in _holding(rules, case.edition, waived):
        for fills in rule.find(case):
            return rule.error, fills
    return None


@lru_cache(maxsize=512)
def _holding(
    rules: tuple[Rule, ...], edition: Edition, waived: frozenset[str]
) -> tuple[Rule, ...]:
    return tuple(
        rule for rule in rules if rule.error in edition.errors and rule.name not in waived
    )


# ---------------------------------------------------------------- types

_GO_TYPES = {bool: "bool", int: "number", float: "number", str: "string", list: "array"}
_JSON_TYPES: Mapping[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "string": (str,),
    "[]object": (list,),
    "object": (dict,),
    "string or []string": (str, list),
    "string or object": (str, dict),
}


def _is_of(value: Any, expected: str) -> bool:
    """Whether JSON has the type; null is as good as absent, as for any Go pointer."""
    if value is None:
        return True
    return type(value) in _JSON_TYPES[expected]


def _typed(field: str, expected: str) -> Rule:
    def find(case: Case) -> Iterator[Fills]:
        value = case.body.get(field)
        if not _is_of(value, expected):
            yield _mistyped(field, expected, value)

    return Rule(f"{field}_type", "wrong_type", find)


def _mistyped(field: str, expected: str, value: Any) -> Fills:
    actual = _GO_TYPES.get(type(value), "object")
    return {"field": field, "expected": expected, "actual": actual}


def _mistyped_message(case: Case) -> Iterator[Fills]:
    for message in case.messages:
        if not isinstance(message, dict):
            yield _mistyped("messages", "[]object", message)
            return


def _mistyped_content(case: Case) -> Iterator[Fills]:
    for _, message in case.placed():
        content = message.get("content")
        if type(content) not in {str, list, type(None)}:
            yield _mistyped("messages.content", "[]object", content)
        elif isinstance(content, list) and not all(isinstance(part, dict) for part in content):
            yield _mistyped("messages.content", "[]object", content[0])


# ---------------------------------------------------------------- model and messages


def _unknown_model(case: Case) -> Iterator[Fills]:
    if case.model is None:
        yield {"model": case.body.get("model") or ""}


def _no_messages(case: Case) -> Iterator[Fills]:
    if not case.messages:
        yield {}


def _unknown_role(case: Case) -> Iterator[Fills]:
    for position, message in case.placed():
        role = message.get("role")
        if role not in case.edition.limits.roles:
            yield {"position": position, "role": "" if role is None else role}


def _empty_assistant(case: Case) -> Iterator[Fills]:
    """An assistant's message that says nothing, unless it is to be continued (`partial`)."""
    for position, message in case.placed():
        if (
            message.get("role") == "assistant"
            and not message.get("content")
            and not message.get("tool_calls")
            and message.get("partial") is not True
        ):
            yield {"position": position, "role": "assistant"}


def _parts(case: Case) -> Iterator[tuple[int, Mapping[str, Any], Mapping[str, Any]]]:
    for position, message in case.placed():
        content = message.get("content")
        if isinstance(content, list):
            for part in content:
                if isinstance(part, dict):
                    yield position, message, part


def _wrong_part(case: Case) -> Iterator[Fills]:
    sees = case.model is not None and case.model.vision
    allowed = {"text", "image_url"} if sees else {"text"}
    for position, message, part in _parts(case):
        if part.get("type") not in allowed:
            yield {"position": position, "role": message.get("role"), "part": part.get("type", "")}


def _foreign_image(case: Case) -> Iterator[Fills]:
    for position, _, part in _parts(case):
        if part.get("type") == "image_url":
            image = part.get("image_url")
            url = image.get("url") if isinstance(image, dict) else image
            if not (isinstance(url, str) and url.startswith(("data:", "ms://"))):
                yield {"position": position}


def _unanswered_calls(case: Case) -> Iterator[Fills]:
    """The tool messages that answer an assistant's calls follow it directly."""
    messages = [message for _, message in case.placed()]
    for number, message in enumerate(messages, start=1):
        calls = message.get("tool_calls") if message.get("role") == "assistant" else None
        if not isinstance(calls, list):
            continue
        answers = takewhile(lambda each: each.get("role") == "tool", messages[number:])
        answered = [each.get("tool_call_id") for each in answers]
        ids = [call.get("id") for call in calls if isinstance(call, dict)]
        open_ids = [str(id) for id in ids if id not in answered]
        if open_ids:
            yield {"ids": ", ".join(open_ids)}


def _tool_answers(case: Case) -> Iterator[tuple[int, Any, set[Any]]]:
    """Each tool message: its position, its tool_call_id, and the ids called before it."""
    called: set[Any] = set()
    for position, message in case.placed():
        calls = message.get("tool_calls")
        if isinstance(calls, list):
            called |= {str(call.get("id")) for call in calls if isinstance(call, dict)}
        if message.get("role") == "tool":
            yield position, message.get("tool_call_id"), called


def _answer_without_id(case: Case) -> Iterator[Fills]:
    for position, id, _ in _tool_answers(case):
        if not isinstance(id, str) or not id:
            yield {"position": position}


def _answer_to_nothing(case: Case) -> Iterator[Fills]:
    for _, id, called in _tool_answers(case):
        if isinstance(id, str) and id and id not in called:
            yield {"id": id}


# ---------------------------------------------------------------- sampling and length


def _ranged(field: str) -> Rule:
    def find(case: Case) -> Iterator[Fills]:
        value = case.body.get(field)
        bounds = case.edition.limits.ranges.get(field)
        if bounds and type(value) in {int, float} and not bounds[0] <= value <= bounds[1]:
            yield {"field": field, "low": bounds[0], "high": bounds[1]}

    return Rule(f"{field}_range", "out_of_range", find)


def _several_greedy(case: Case) -> Iterator[Fills]:
    """More than one answer at a temperature near 0; where none is given, it is let pass."""
    n, temperature = case.body.get("n"), case.body.get("temperature")
    if (
        type(n) is int
        and n > 1
        and type(temperature) in {int, float}
        and temperature < case.edition.limits.greedy_below
    ):
        yield {}


def _too_many_stops(case: Case) -> Iterator[Fills]:
    stop, limit = case.body.get("stop"), case.edition.limits.stops
    if isinstance(stop, list) and len(stop) > limit:
        yield {"limit": limit, "count": len(stop)}


def _too_long_stop(case: Case) -> Iterator[Fills]:
    stop, limit = case.body.get("stop"), case.edition.limits.stop_bytes
    for each in stop if isinstance(stop, list) else [stop]:
        if isinstance(each, str) and len(each.encode("utf-8", "surrogatepass")) > limit:
            yield {"limit": limit}


def _no_length(case: Case) -> Iterator[Fills]:
    for field in case.edition.reply.length_fields:
        value = case.body.get(field)
        if type(value) is int and value < 1:
            yield {"field": field}


def _above_window(case: Case) -> Iterator[Fills]:
    """Prompt and requested answer together, or a prompt that leaves room for no token."""
    model = case.model
    if model is None:
        return
    asked: Asked = read(case.body, case.edition)
    prompt = tokens.of_prompt(asked.messages, asked.tools)
    requested = prompt + (asked.max_tokens or 1)
    if requested > model.context_window:
        yield {"limit": model.context_window, "requested": requested}


def _unknown_format(case: Case) -> Iterator[Fills]:
    form = case.body.get("response_format")
    if isinstance(form, dict) and form.get("type") not in case.edition.limits.response_formats:
        yield {"format": form.get("type", "")}


# ---------------------------------------------------------------- tools


def _unsupported_tools(case: Case) -> Iterator[Fills]:
    if case.tools and case.model is not None and not case.model.tools:
        yield {"model": case.model.id}


def _too_many_tools(case: Case) -> Iterator[Fills]:
    limit = case.edition.limits.tools
    if len(case.tools) > limit:
        yield {"limit": limit, "count": len(case.tools)}


def _mistyped_tool(case: Case) -> Iterator[Fills]:
    for tool in case.tools:
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(tool, dict):
            yield _mistyped("tools", "[]object", tool)
        elif not _is_of(function, "object"):
            yield _mistyped("tools.function", "object", function)
        elif function and not _is_of(function.get("parameters"), "object"):
            yield _mistyped("tools.function.parameters", "object", function["parameters"])


def _unknown_tool_type(case: Case) -> Iterator[Fills]:
    for tool in case.tools:
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind not in case.edition.limits.tool_types:
            yield {"kind": kind or ""}


def _bad_tool_name(case: Case) -> Iterator[Fills]:
    for tool in case.tools:
        if isinstance(tool, dict) and tool.get("type") != "builtin_function":
            function = tool.get("function")
            name = function.get("name") if isinstance(function, dict) else None
            if not (isinstance(name, str) and re.match(case.edition.limits.tool_name, name)):
                yield {}


def _unknown_tool_choice(case: Case) -> Iterator[Fills]:
    choice = case.body.get("tool_choice")
    if isinstance(choice, str) and choice not in case.edition.limits.tool_choices:
        yield {"choice": choice}


def _missing_tool_choice(case: Case) -> Iterator[Fills]:
    choice = case.body.get("tool_choice")
    if isinstance(choice, dict):
        function = choice.get("function")
        name = function.get("name") if isinstance(function, dict) else None
        functions = [tool.get("function") for tool in case.tools if isinstance(tool, dict)]
        if name not in [each.get("name") for each in functions if isinstance(each, dict)]:
            yield {"name": name or ""}


# ---------------------------------------------------------------- caching


def _unknown_family(case: Case) -> Iterator[Fills]:
    caching = case.edition.caching
    family = case.body.get("model")
    if caching is not None and not (isinstance(family, str) and family in caching.families):
        yield {"model": family or ""}


def _partial_message(case: Case) -> Iterator[Fills]:
    if any(message.get("partial") is True for _, message in case.placed()):
        yield {}


def _two_expiries(case: Case) -> Iterator[Fills]:
    if case.body.get("ttl") and case.body.get("expired_at"):
        yield {}


def _no_ttl(case: Case) -> Iterator[Fills]:
    ttl = case.body.get("ttl")
    if type(ttl) is int and ttl < 1:
        yield {"field": "ttl"}


def _expired_already(case: Case) -> Iterator[Fills]:
    """An expired_at of 0 is as good as none, as documented."""
    expired_at = case.body.get("expired_at")
    if type(expired_at) is int and expired_at != 0 and expired_at <= case.now:
        yield {}


def _too_long_cache_text(case: Case) -> Iterator[Fills]:
    caching = case.edition.caching
    if caching is None:
        return
    for field, limit in (("name", caching.name), ("description", caching.description)):
        value = case.body.get(field)
        if isinstance(value, str) and len(value) > limit:
            yield {"field": field, "limit": limit}


def _too_much_metadata(case: Case) -> Iterator[Fills]:
    caching, metadata = case.edition.caching, case.body.get("metadata")
    if caching and isinstance(metadata, dict) and len(metadata) > caching.metadata_pairs:
        yield {"limit": caching.metadata_pairs}


def _too_long_metadata(case: Case) -> Iterator[Fills]:
    caching, metadata = case.edition.caching, case.body.get("metadata")
    if caching is None or not isinstance(metadata, dict):
        return
    for key, value in metadata.items():
        if len(key) > caching.metadata_key:
            yield {"field": "a key of metadata", "limit": caching.metadata_key}
        if isinstance(value, str) and len(value) > caching.metadata_value:
            yield {"field": "a value of metadata", "limit": caching.metadata_value}


# ---------------------------------------------------------------- the tables

_MESSAGE_RULES = (
    Rule("messages_empty", "messages_empty", _no_messages),
    Rule("message_type", "wrong_type", _mistyped_message),
    Rule("role_unknown", "role_unknown", _unknown_role),
    Rule("content_type", "wrong_type", _mistyped_content),
    Rule("assistant_empty", "message_empty", _empty_assistant),
    Rule("tool_calls_unanswered", "tool_calls_unanswered", _unanswered_calls),
    Rule("tool_call_id_missing", "tool_call_id_missing", _answer_without_id),
    Rule("tool_call_id_unknown", "tool_call_id_unknown", _answer_to_nothing),
)

_TOOL_RULES = (
    Rule("tools_too_many", "tools_too_many", _too_many_tools),
    Rule("tool_type", "wrong_type", _mistyped_tool),
    Rule("tool_type_unknown", "tool_type_unknown", _unknown_tool_type),
    Rule("tool_name_invalid", "tool_name_invalid", _bad_tool_name),
)

CHAT_RULES = (
    _typed("model", "string"),
    Rule("model_not_found", "model_not_found", _unknown_model),
    _typed("messages", "[]object"),
    _typed("temperature", "float"),
    _typed("top_p", "float"),
    _typed("n", "int"),
    _typed("max_tokens", "int"),
    _typed("presence_penalty", "float"),
    _typed("frequency_penalty", "float"),
    _typed("stream", "bool"),
    _typed("stream_options", "object"),
    _typed("stop", "string or []string"),
    _typed("tools", "[]object"),
    _typed("tool_choice", "string or object"),
    _typed("response_format", "object"),
    *_MESSAGE_RULES,
    Rule("part_type", "part_type", _wrong_part),
    Rule("image_url", "image_url", _foreign_image),
    _ranged("temperature"),
    _ranged("top_p"),
    _ranged("n"),
    _ranged("presence_penalty"),
    _ranged("frequency_penalty"),
    Rule("n_with_greedy", "n_with_greedy", _several_greedy),
    Rule("stop_too_many", "stop_too_many", _too_many_stops),
    Rule("stop_too_long", "stop_too_long", _too_long_stop),
    Rule("max_tokens_not_positive", "not_positive", _no_length),
    Rule("response_format_unknown", "response_format_unknown", _unknown_format),
    Rule("tools_unsupported", "tools_unsupported", _unsupported_tools),
    *_TOOL_RULES,
    Rule("tool_choice_unknown", "tool_choice_unknown", _unknown_tool_choice),
    Rule("tool_choice_missing", "tool_choice_missing", _missing_tool_choice),
    Rule("token_limit", "token_limit", _above_window),
)

MODIFY_CACHE_RULES = (
    _typed("ttl", "int"),
    _typed("expired_at", "int"),
    _typed("metadata", "object"),
    Rule("cache_two_expiries", "cache_two_expiries", _two_expiries),
    Rule("cache_ttl_not_positive", "not_positive", _no_ttl),
    Rule("cache_expired_at", "cache_expired_at", _expired_already),
    Rule("cache_metadata_too_many", "cache_metadata_too_many", _too_much_metadata),
    Rule("cache_metadata_too_long", "cache_text_too_long", _too_long_metadata),
)

CREATE_CACHE_RULES = (
    _typed("model", "string"),
    Rule("cache_family", "model_not_found", _unknown_family),
    _typed("messages", "[]object"),
    _typed("tools", "[]object"),
    _typed("name", "string"),
    _typed("description", "string"),
    *_MESSAGE_RULES,
    Rule("cache_partial", "cache_partial", _partial_message),
    *_TOOL_RULES,
    Rule("cache_text_too_long", "cache_text_too_long", _too_long_cache_text),
    *MODIFY_CACHE_RULES,
)

ESTIMATE_RULES = (*CHAT_RULES[:3], *_MESSAGE_RULES)
