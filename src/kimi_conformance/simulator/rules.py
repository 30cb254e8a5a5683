"""
What a request must not be, as a table of rules.

A rule has a name, the key of the edition's error text, and a function that finds what is
wrong: it yields the fields that fill the text, or nothing. Rules are asked in their order and
the first finding is answered; a rule whose error has no words in an edition does not hold in
it. To add one, write the function and the row, and word its error in the edition.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, TypeGuard

from kimi_conformance.editions import Edition, Model
from kimi_conformance.simulator import tokens
from kimi_conformance.simulator.asked import Asked, read

__all__ = [
    "Case",
    "Fills",
    "Finder",
    "Rule",
    "RuleTable",
    "is_number",
    "is_of",
    "mistyped",
    "typed",
]

Fills = Mapping[str, object]


class Case:
    """A request to be judged.

    Attributes:
        body: A JSON object.
        edition: Whose limits count.
        now: Seconds since the Unix epoch.
    """

    def __init__(self, body: Mapping[str, Any], edition: Edition, now: float = 0.0) -> None:
        self.body = body
        self.edition = edition
        self.now = now

    @cached_property
    def asked(self) -> Asked:
        """The request as the model understands it."""
        return read(self.body, self.edition)

    @cached_property
    def prompt(self) -> int:
        """The tokens of its prompt."""
        return tokens.of_prompt(self.asked.messages, self.asked.tools)

    @cached_property
    def model(self) -> Model | None:
        """The model that is asked, or None: there is none of that id."""
        id = self.body.get("model")
        return self.edition.find(id) if isinstance(id, str) else None

    @cached_property
    def messages(self) -> Sequence[Any]:
        """The messages, or () where there is no list of them."""
        messages = self.body.get("messages")
        return messages if isinstance(messages, list) else ()

    @cached_property
    def tools(self) -> Sequence[Any]:
        """The tools, or () where there is no list of them."""
        tools = self.body.get("tools")
        return tools if isinstance(tools, list) else ()

    @cached_property
    def placed(self) -> Sequence[tuple[int, Mapping[str, Any]]]:
        """The messages with their positions, from 0."""
        return [(at, each) for at, each in enumerate(self.messages) if isinstance(each, dict)]


Finder = Callable[[Case], Iterator[Fills]]


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One thing that is refused.

    Attributes:
        name: Unique; a fault waives a rule by it.
        error: The key of its words in `Edition.errors`.
        find: Yields what fills the words' fields, once for each thing that is wrong.
        about: The one field of the body that it judges: where that is absent, nothing is
            wrong. None for a rule that is always asked.
    """

    name: str
    error: str
    find: Finder
    about: str | None = None


class RuleTable(tuple[Rule, ...]):
    """Rules in the order in which they are asked."""

    __slots__ = ()
    __hash__ = object.__hash__  # one of a few constants: hashing every rule would cost more

    def broken(self, case: Case, waived: frozenset[str] = frozenset()) -> tuple[str, Fills] | None:
        """The error key and fills of the first rule that the request breaks, or None."""
        body = case.body
        for rule in _holding(self, case.edition, waived):
            if rule.about is None or rule.about in body:
                for fills in rule.find(case):
                    return rule.error, fills
        return None


@lru_cache(maxsize=512)
def _holding(table: RuleTable, edition: Edition, waived: frozenset[str]) -> Sequence[Rule]:
    """The rules that the edition has words for, and that are not waived."""
    return tuple(rule for rule in table if rule.error in edition.errors and rule.name not in waived)


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


def is_of(value: Any, expected: str) -> bool:
    """Whether JSON has the type; null is as good as absent, as for any Go pointer."""
    if value is None:
        return True
    return type(value) in _JSON_TYPES[expected]


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether JSON is a number; true and false are none."""
    return type(value) in _JSON_TYPES["float"]


def typed(field: str, expected: str) -> Rule:
    """The rule that a field has this JSON type, in the words of Go's decoder."""

    def find(case: Case) -> Iterator[Fills]:
        value = case.body.get(field)
        if not is_of(value, expected):
            yield mistyped(field, expected, value)

    return Rule(f"{field}_type", "wrong_type", find, about=field)


def mistyped(field: str, expected: str, value: Any) -> Fills:
    """What fills the words for a value of the wrong JSON type."""
    actual = _GO_TYPES.get(type(value), "object")
    return {"field": field, "expected": expected, "actual": actual}
