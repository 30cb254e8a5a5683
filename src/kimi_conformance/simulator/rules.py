"""
What a request must not be, as a table of rules.

A rule has a name, the key of the edition's error text, and a function that finds what is
wrong: it yields the fields that fill the text, or nothing. Rules are asked in their order and
the first finding is answered; a rule whose error has no words in an edition does not hold in
it. To add one, write the function and the row, and word its error in the edition.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeGuard, TypeVar

from kimi_conformance.editions import Edition, Family, Model
from kimi_conformance.simulator import tokens, web_search
from kimi_conformance.simulator.asked import Asked, read
from kimi_conformance.simulator.effort import effort_of

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

T = TypeVar("T")
Fills = Mapping[str, object]


class _once(Generic[T]):  # noqa: N801 - a decorator
    """A `cached_property` without its lock, which costs more than what most of them compute."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    def __get__(self, case: Any, _: type[Any] | None = None) -> T:
        value: T = self._compute(case)
        case.__dict__[self._name] = value
        return value


class Case:
    """A request to be judged.

    Attributes:
        body: A JSON object.
        edition: Whose limits count.
        now: Seconds since the Unix epoch.
        files: The ids of uploaded files, or None: what the body refers to is not looked up.
    """

    def __init__(
        self,
        body: Mapping[str, Any],
        edition: Edition,
        now: float = 0.0,
        files: Collection[str] | None = None,
    ) -> None:
        self.body = body
        self.edition = edition
        self.now = now
        self.files = files

    @_once
    def asked(self) -> Asked:
        """The request as the model understands it."""
        return read(self.body, self.edition)

    @_once
    def prompt(self) -> int:
        """The tokens of its prompt."""
        sent = tokens.of_prompt(self.asked.messages, self.asked.tools)
        sent += web_search.tokens_found(self.asked.messages)
        return sent + (self.family.preamble if self.family else 0)

    @_once
    def model(self) -> Model | None:
        """The model that is asked, or None: there is none of that id."""
        id = self.body.get("model")
        return self.edition.find(id) if isinstance(id, str) else None

    @_once
    def family(self) -> Family | None:
        """The family of the model that is asked, or None as `model`."""
        return self.edition.families[self.model.family] if self.model else None

    @_once
    def effort(self) -> float:
        """How long the model thinks: 0.0, not at all, to 1.0."""
        return effort_of(self.body, self.model, self.family)

    @_once
    def messages(self) -> Sequence[Any]:
        """The messages, or () where there is no list of them."""
        messages = self.body.get("messages")
        return messages if isinstance(messages, list) else ()

    @_once
    def tools(self) -> Sequence[Any]:
        """The tools, or () where there is no list of them."""
        tools = self.body.get("tools")
        return tools if isinstance(tools, list) else ()

    @_once
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
        for rule in _asked(self, case.edition, waived, frozenset(case.body)):
            for fills in rule.find(case):
                return rule.error, fills
        return None


@lru_cache(maxsize=1024)
def _asked(
    table: RuleTable, edition: Edition, waived: frozenset[str], fields: frozenset[str]
) -> Sequence[Rule]:
    """The rules that the edition has words for, that are not waived, and whose field is there."""
    return tuple(
        rule
        for rule in table
        if rule.error in edition.errors
        and rule.name not in waived
        and (rule.about is None or rule.about in fields)
    )


_GO_TYPES = {bool: "bool", int: "number", float: "number", str: "string", list: "array"}
_JSON_TYPES: Mapping[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "string": (str,),
    "[]object": (list,),
    "[]string": (list,),
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
