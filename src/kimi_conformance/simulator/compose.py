"""
What the simulated model says: made from the seed and the request, so it can be repeated.

**Text.** An opener with a character outside ASCII, then words, then a full stop; each of
these pieces is one token. The digest of seed, model, messages and choice chooses the words
and how many there are (12 to 43), so a streamed and a whole answer to one request say the
same, whatever `stream`, `max_tokens` or `stop` are. A user who asks for "200 words" gets 200.
In JSON mode the text stands in `{"answer":"…"}`.

**Thoughts.** A model that thinks says some words to itself first, more at a higher effort.

**Tools.** The model calls a tool only in answer to a user's message. With `tool_choice`
"auto" it calls each tool that the message asks for: one whose name stands in it, or whose
name's words stand in it, the first of several left out (`get_weather` by "weather",
`search_train_tickets` by "train" and "tickets"). A message that speaks of a "tool" or "工具"
and asks for none gets the first. A `tool_choice` that names a function gets that. The
arguments are an example of the parameters' schema. Of the builtin functions only the web
search is called.

**Ends.** The first stop word ends the text before it ("stop"); more than `max_tokens` tokens,
reasoning included, are not said ("length"); tool calls end in "tool_calls".
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kimi_conformance.editions import Family
from kimi_conformance.simulator import tokens, web_search
from kimi_conformance.simulator.asked import Asked
from kimi_conformance.simulator.example import example
from kimi_conformance.simulator.go_json import compact

__all__ = ["Call", "Reply", "compose"]

SHORTEST, SPREAD = 12, 32  # tokens of a text
MOST_THOUGHTS = 8  # words of a reasoning at full effort
MOST_WORDS = 8192  # that a user can ask for

OPENERS = ("你好，", "月之暗面：", "Voilà,", "好的，", "当然，", "Très bien,", "没问题，", "Ça va,")
WORDS = (  # noqa: SIM905 - a text is easier to read and to change
    "moon tide crater orbit lunar dust basin ridge horizon signal landing crew module night "
    "shadow light stone river cloud window paper lantern garden bridge mirror letter number "
    "answer question reason pattern circle 月亮 海洋 星星 夜晚 火箭 轨道 山谷 灯光 <b>tide</b> "
    "R&D a<b b>a one two three four five slowly gently brightly always often rarely together "
    "apart before after between beyond again once home"
).split()
_ASKED_LENGTH = re.compile(r"(\d{1,6})\s*(?:words|字)")
_NAME_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_a-zA-Z]+")
_TOOL_WORDS = ("tool", "工具")


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call.

    Attributes:
        id: In the form of the model's family.
        name: Of the function.
        arguments: JSON text, cut where the answer was.
        piece: How many characters of it stand in a chunk of a stream; 0: all.
        type: "builtin_function" where it is the API's own.
    """

    id: str
    name: str
    arguments: str
    piece: int
    type: str = "function"


@dataclass(frozen=True, slots=True)
class Reply:
    """One choice of a completion.

    Attributes:
        reasoning: The tokens of what the model thought, or None: it does not show that.
        tokens: The tokens of the text.
        calls: The tools called.
        finish_reason: "stop", "length" or "tool_calls".
        size: Completion tokens.
    """

    reasoning: Sequence[str] | None
    tokens: Sequence[str]
    calls: Sequence[Call]
    finish_reason: str
    size: int


def compose(asked: Asked, family: Family, effort: float | None, seed: int, choice: int) -> Reply:
    """What the model answers, as the choice of this index.

    Args:
        asked: The request.
        family: Of the model.
        effort: How long it thinks, 0.0 to 1.0; None: it is no model that does.
        seed: What random choices come from.
        choice: The index.
    """
    key = f"{seed}\0{choice}\0{asked.model}\0{compact(asked.messages)}"
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass")).digest()
    functions = _called(asked)
    reasoning = None if effort is None else _thoughts(digest, effort)
    if functions:
        return _calling(asked, functions, family, reasoning)
    return _cut(reasoning, _text(asked, digest), asked)


def _text(asked: Asked, digest: bytes) -> list[str]:
    if asked.json_schema is not None:
        return [compact(example(asked.json_schema))]
    words = _words(asked, digest)
    return _in_json(words) if asked.json_mode else words


def _words(asked: Asked, digest: bytes) -> list[str]:
    count = _asked_length(asked) or SHORTEST + digest[0] % SPREAD
    chosen = digest[1:] * (count // 63 + 1)
    opener = OPENERS[digest[0] % len(OPENERS)]
    return [opener, *[f" {WORDS[byte & 63]}" for byte in chosen[: max(count - 2, 0)]], "."]


def _asked_length(asked: Asked) -> int:
    text = asked.wish
    if "words" not in text and "字" not in text:
        return 0
    found = _ASKED_LENGTH.search(text)
    return min(int(found[1]), MOST_WORDS) if found else 0


def _in_json(words: Sequence[str]) -> list[str]:
    return ['{"answer":"', *words, '"}']


def _thoughts(digest: bytes, effort: float) -> list[str]:
    count = round(MOST_THOUGHTS * effort)
    return ["嗯，", *[f" {WORDS[byte & 63]}" for byte in digest[-count:]], "…"] if count else []


def _cut(reasoning: Sequence[str] | None, text: Sequence[str], asked: Asked) -> Reply:
    """End the answer at a stop word or at the limit, whichever comes first."""
    reason = "stop"
    if asked.stop:
        text = _before_stop(text, asked.stop)
    thought = len(reasoning or ())
    limit = asked.max_tokens
    if limit is not None and thought + len(text) > limit:
        reason = "length"
        reasoning = reasoning and reasoning[:limit]
        text = text[: max(limit - thought, 0)]
    return Reply(reasoning, text, (), reason, len(reasoning or ()) + len(text))


def _before_stop(text: Sequence[str], stops: Sequence[str]) -> list[str]:
    whole = "".join(text)
    ends = [end for stop in stops if stop and (end := whole.find(stop)) >= 0]
    if not ends:
        return list(text)
    left, kept = min(ends), []
    for token in text:
        if left <= 0:
            break
        kept.append(token[:left])
        left -= len(token)
    return kept


def _called(asked: Asked) -> list[Mapping[str, Any]]:
    """The functions that this request makes the model call."""
    functions = list(_functions(asked.tools))
    if not functions or asked.tool_choice == "none":
        return []
    if not isinstance(asked.tool_choice, str):
        return [each for each in functions if each["name"] == asked.tool_choice_name][:1]
    if asked.last_role != "user":
        return []
    wish = asked.wish.casefold()
    wanted = [each for each in functions if _is_wanted(each["name"], wish)]
    if wanted or asked.tool_choice == "required":
        return wanted or functions[:1]
    return functions[:1] if any(word in wish for word in _TOOL_WORDS) else []


def _functions(tools: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    for tool in tools:
        function = tool.get("function") if isinstance(tool, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            continue
        if tool.get("type") != web_search.TYPE or web_search.is_search(tool):
            yield function


def _is_wanted(name: str, wish: str) -> bool:
    if name.casefold() in wish:
        return True
    words = [word.casefold() for word in _NAME_WORDS.findall(name)]
    return bool(words) and all(word in wish for word in words[1:] or words)


def _calling(
    asked: Asked,
    functions: Sequence[Mapping[str, Any]],
    family: Family,
    reasoning: Sequence[str] | None,
) -> Reply:
    limit = asked.max_tokens
    thought = len(reasoning or ())
    if limit is not None and thought > limit:
        return Reply(reasoning and reasoning[:limit], (), (), "length", limit)
    first = asked.calls_before if family.tool_call_index == "conversation" else 0
    calls: list[Call] = []
    size = thought
    for index, function in enumerate(functions, first):
        call = _call(function, index, asked, family)
        room = None if limit is None else limit - size
        head = tokens.of_text(call.name)
        cost = head + tokens.of_text(call.arguments)
        if room is not None and cost > room:
            kept = max(room - head, 0) * tokens.BYTES
            cut = call.arguments.encode("utf-8", "replace")[:kept].decode("utf-8", "ignore")
            begun = (*calls, replace(call, arguments=cut))
            return Reply(reasoning, (), begun, "length", limit or 0)
        calls.append(call)
        size += cost
    return Reply(reasoning, (), tuple(calls), "tool_calls", size)


def _call(function: Mapping[str, Any], index: int, asked: Asked, family: Family) -> Call:
    name, piece = function["name"], family.call_piece
    if name == web_search.NAME:
        id, found = web_search.call_id_for(asked.wish), web_search.arguments_for(asked.wish)
        return Call(id, name, found, piece, web_search.TYPE)
    arguments = compact(example(function.get("parameters")))
    return Call(family.tool_call_id.format(name=name, index=index), name, arguments, piece)
