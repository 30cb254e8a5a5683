"""
An edition: the API as of a date, as data.

The simulator serves one, requirements name those they hold in, and a live run picks its own
from the model list. Adding an edition is adding a file to `conformance/editions/`.
"""

import re
import string
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, NoReturn, TypeVar

from kimi_conformance.errors import UsageError, nearest

__all__ = [
    "CacheRules",
    "Edition",
    "ErrorText",
    "Family",
    "Limits",
    "Model",
    "ModelItem",
    "ReplyForm",
    "detect",
    "parse",
]

EVIDENCE = ("recorded", "documented", "third-party", "assumed")
COMPLETION_IDS = ("objectid", "uuid", "hex32")
COUNTED_OVER = ("turn", "conversation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model that the API lists.

    Attributes:
        id: As in requests and in the list.
        context_window: Tokens that prompt and answer may have together.
        family: A key of `Edition.families`.
        max_tokens: Of an answer where the request does not say.
        vision: Whether it takes images.
        tools: Whether it takes tools.
        thinking: Whether it shows its reasoning.
    """

    id: str
    context_window: int
    family: str
    max_tokens: int = 1024
    vision: bool = False
    tools: bool = True
    thinking: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What a group of models has in common on the wire.

    Attributes:
        tool_call_id: With the fields {name} and {index}: "functions.{name}:{index}".
        tool_call_index: Over what {index} runs: "turn" begins anew in each answer,
            "conversation" goes on from the calls in the request's messages.
    """

    tool_call_id: str
    tool_call_index: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelItem:
    """An entry of GET /v1/models.

    Attributes:
        fields: Its keys in their order on the wire.
        constants: The values that are the same for every model.
    """

    fields: tuple[str, ...]
    constants: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyForm:
    """How a chat completion looks.

    Attributes:
        id: "objectid" (chatcmpl-<24 hex>, the first 8 are the second it was made),
            "uuid" (chatcmpl-<uuid>) or "hex32" (cmpl-<32 hex>).
        system_fingerprint: Whether the chunks of a stream carry one.
        length_fields: The request fields that bound the answer; the first one given counts.
    """

    id: str
    system_fingerprint: bool
    length_fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a chat request may hold.

    Attributes:
        ranges: Lowest and highest value of a numeric field, both allowed.
        greedy_below: Under this temperature there is only one answer, so `n` must be 1.
        stops: How many stop words.
        stop_bytes: The length of one.
        tools: How many tools.
        tool_name: The pattern of a function's name.
        tool_types: What `tools[].type` may be.
        tool_choices: The words that `tool_choice` may be; an object that names a function
            is always allowed.
        response_formats: What `response_format.type` may be.
        roles: What `messages[].role` may be.
    """

    ranges: Mapping[str, tuple[float, float]]
    greedy_below: float
    stops: int
    stop_bytes: int
    tools: int
    tool_name: str
    tool_types: tuple[str, ...]
    tool_choices: tuple[str, ...]
    response_formats: tuple[str, ...]
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheRules:
    """Explicit context caching, `/v1/caching`.

    Attributes:
        default_ttl: Seconds that a cache lives where its creator does not say.
        max_tokens: The size of a cache; a larger one gets the status "error".
        families: The models that each cacheable family serves.
        name, description: Their longest length, in characters.
        metadata_pairs, metadata_key, metadata_value: How many, and how long.
    """

    default_ttl: int
    max_tokens: int
    families: Mapping[str, tuple[str, ...]]
    name: int
    description: int
    metadata_pairs: int
    metadata_key: int
    metadata_value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorText:
    """An error as the API words it.

    Attributes:
        status: The HTTP status, 400 to 599.
        type: `error.type`.
        message: `error.message`, with {fields} to be filled in.
        evidence: "recorded", "documented", "third-party", or "assumed": nobody knows the
            words, so no check may rely on them.
    """

    status: int
    type: str
    message: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Edition:
    """The API as of a date.

    Attributes:
        name: "2025-09"; sorts by age.
        models: What the API lists, in its order, `len(models) >= 1`.
        documented_models: The ids that the documents name, in their order; each is in
            `models`.
        default_model: The id that checks ask unless told otherwise.
        retired_models: Ids that the API listed once; they are answered like unknown ones.
        families: By the name that models carry.
        item: How the list shows a model.
        reply: How a completion looks.
        limits: What a request may hold.
        caching: Explicit context caching, or None: the edition has none.
        headers: What every answer carries, besides Content-Type and the request's id.
        errors: By the key that rules name.
    """

    name: str
    models: tuple[Model, ...]
    documented_models: tuple[str, ...]
    default_model: str
    retired_models: tuple[str, ...]
    families: Mapping[str, Family]
    item: ModelItem
    reply: ReplyForm
    limits: Limits
    caching: CacheRules | None
    headers: Mapping[str, str]
    errors: Mapping[str, ErrorText]
    _by_id: Mapping[str, Model] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_id", {model.id: model for model in self.models})

    def find(self, id: str) -> Model | None:
        """The listed model of this id, or None."""
        return self._by_id.get(id)

    def model(self, id: str) -> Model:
        """The listed model of this id.

        Raises:
            UsageError: The edition lists none of this id.
        """
        found = self._by_id.get(id)
        if found is None:
            raise UsageError(f"Edition {self.name} has no model '{id}'. {nearest(id, self._by_id)}")
        return found

    def window(self, id: str) -> int:
        """The context window of a listed model, in tokens; raises as `model`."""
        return self.model(id).context_window


def detect(model_ids: Iterable[str], editions: Iterable[Edition]) -> Edition:
    """The edition that an endpoint with these models serves: most ids in common.

    Of two that fit equally well it is the newer one.

    Raises:
        UsageError: No edition lists any of these models.
    """
    ids = set(model_ids)
    known = list(editions)

    def fit(edition: Edition) -> tuple[int, str]:
        return sum(model.id in ids for model in edition.models), edition.name

    best = max(known, key=fit, default=None)
    if best is None or fit(best)[0] == 0:
        shown = ", ".join(sorted(ids)[:5]) or "none"
        names = ", ".join(edition.name for edition in known) or "none"
        raise UsageError(
            f"No edition lists any of the endpoint's models ({shown}). "
            f"Name one with --edition: {names}."
        )
    return best


def parse(name: str, text: str) -> Edition:
    """Read an edition from the text of its file.

    Raises:
        UsageError: It is not TOML, a key is missing or unknown, or a value is not allowed.
    """
    where = f"editions/{name}.toml"
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where} is not TOML: {error}") from error
    edition = _record(Edition, {**table, "name": name}, where)
    _check_models(edition, where)
    _check_words(edition, where)
    return edition


Record = TypeVar("Record")
Reader = Callable[[Any, str], Any]


def _record(cls: type[Record], value: Any, where: str) -> Record:
    """Build a dataclass from a table, each field read as its annotation says."""
    table = _table(value, where)
    known: dict[str, Field[Any]] = {
        each.name: each
        for each in fields(cls)  # type: ignore[arg-type]
        if each.init
    }
    for key in table:
        if key not in known:
            raise UsageError(f"{where} has an unknown key '{key}'. {nearest(key, known)}")
    values = {}
    for key, each in known.items():
        if key in table:
            values[key] = _READERS[each.type](table[key], f"{where}, {key}")
        elif each.default is MISSING and each.type != (CacheRules | None):
            raise UsageError(f"{where} lacks the key '{key}'.")
        elif each.default is MISSING:
            values[key] = None
    return cls(**values)


def _wrong(value: Any, where: str, expected: str) -> NoReturn:
    raise UsageError(f"{where} is {value!r}, not {expected}.")


def _text(value: Any, where: str) -> str:
    return value if isinstance(value, str) else _wrong(value, where, "a text")


def _whole(value: Any, where: str) -> int:
    if type(value) is not int or value < 0:
        _wrong(value, where, "a whole number from 0")
    return value


def _number(value: Any, where: str) -> float:
    return float(value) if type(value) in {int, float} else _wrong(value, where, "a number")


def _flag(value: Any, where: str) -> bool:
    return value if isinstance(value, bool) else _wrong(value, where, "true or false")


def _table(value: Any, where: str) -> dict[str, Any]:
    return value if isinstance(value, dict) else _wrong(value, where, "a table")


def _texts(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        _wrong(value, where, "a list of texts")
    return tuple(value)


def _range(value: Any, where: str) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        _wrong(value, where, "a pair of numbers")
    low, high = (_number(each, where) for each in value)
    return (low, high) if low <= high else _wrong(value, where, "a range: its end is below")


def _each(read: Reader) -> Reader:
    """Read every value of a table alike."""
    return lambda value, where: {
        key: read(item, f"{where}.{key}") for key, item in _table(value, where).items()
    }


def _as(cls: type[Any]) -> Reader:
    return lambda value, where: _record(cls, value, where)


def _models(value: Any, where: str) -> tuple[Model, ...]:
    if not isinstance(value, list) or not value:
        _wrong(value, where, "a list of tables")
    return tuple(
        _record(Model, item, f"{where} number {number}") for number, item in enumerate(value, 1)
    )


_READERS: Mapping[Any, Reader] = {
    str: _text,
    int: _whole,
    float: _number,
    bool: _flag,
    tuple[str, ...]: _texts,
    tuple[Model, ...]: _models,
    Mapping[str, Any]: _table,
    Mapping[str, str]: _each(_text),
    Mapping[str, tuple[str, ...]]: _each(_texts),
    Mapping[str, tuple[float, float]]: _each(_range),
    Mapping[str, Family]: _each(_as(Family)),
    Mapping[str, ErrorText]: _each(_as(ErrorText)),
    ModelItem: _as(ModelItem),
    ReplyForm: _as(ReplyForm),
    Limits: _as(Limits),
    CacheRules | None: _as(CacheRules),
}


def _check_models(edition: Edition, where: str) -> None:
    ids = [model.id for model in edition.models]
    twice = sorted({id for id in ids if ids.count(id) > 1})
    if twice:
        raise UsageError(f"{where} lists the model {twice[0]} twice.")
    for model in edition.models:
        _one_of(model.family, edition.families, f"{where}, the family of {model.id}")
    for id in (edition.default_model, *edition.documented_models):
        _one_of(id, ids, f"{where}, a documented or default model")
    for id in edition.retired_models:
        if id in ids:
            raise UsageError(f"{where} lists the model {id} and calls it retired.")
    if edition.caching:
        for family, served in edition.caching.families.items():
            for id in served:
                _one_of(id, ids, f"{where}, caching.families.{family}")


def _check_words(edition: Edition, where: str) -> None:
    _one_of(edition.reply.id, COMPLETION_IDS, f"{where}, reply.id")
    try:
        re.compile(edition.limits.tool_name)
    except re.error as wrong:
        raise UsageError(f"{where}, limits.tool_name is no pattern: {wrong}.") from wrong
    for name, family in edition.families.items():
        place = f"{where}, families.{name}"
        _one_of(family.tool_call_index, COUNTED_OVER, f"{place}.tool_call_index")
        _check_template(family.tool_call_id, f"{place}.tool_call_id")
    for key, error in edition.errors.items():
        place = f"{where}, errors.{key}"
        _one_of(error.evidence, EVIDENCE, f"{place}.evidence")
        _check_template(error.message, f"{place}.message")
        if not 400 <= error.status <= 599:
            raise UsageError(f"{place}.status is {error.status}, not between 400 and 599.")


def _one_of(word: str, allowed: Iterable[str], where: str) -> None:
    known: Sequence[str] = list(allowed)
    if word not in known:
        raise UsageError(f"{where}: '{word}' is none of those allowed. {nearest(word, known)}")


def _check_template(text: str, where: str) -> None:
    try:
        list(string.Formatter().parse(text))
    except ValueError as error:
        raise UsageError(f"{where} is no template: {error}.") from error
