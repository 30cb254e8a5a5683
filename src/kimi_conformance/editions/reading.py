"""Reading an edition from its file: strictly, each mistake named with its place."""

import re
import string
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from datetime import date
from typing import Any, NoReturn, TypeVar

from kimi_conformance.editions.edition import (
    CacheRules,
    Edition,
    ErrorText,
    Limits,
    PrefixCache,
    ReplyForm,
)
from kimi_conformance.editions.models import (
    Family,
    Model,
    ModelItem,
    Price,
    RetiredModel,
    Thinking,
)
from kimi_conformance.editions.services import BatchRules, FileRules, Formula, MessagesForm
from kimi_conformance.editions.tiers import LIMIT_ERRORS, Tier
from kimi_conformance.errors import UsageError, nearest

__all__ = ["parse"]

EVIDENCE = ("recorded", "documented", "third-party", "assumed")
COMPLETION_IDS = ("objectid", "uuid", "hex32")
COUNTED_OVER = ("turn", "conversation")
THINKING = ("enabled", "disabled")
SHOWN = (  # what the list tells of any model, besides the constants and the model's own `item`
    "created",
    "id",
    "object",
    "context_length",
    "supports_image_in",
    "supports_video_in",
    "supports_reasoning",
    "supports_dynamic_tools",
)


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
        elif each.type in _OPTIONAL:
            values[key] = None
        elif each.default is MISSING and each.default_factory is MISSING:
            raise UsageError(f"{where} lacks the key '{key}'.")
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


def _tables(cls: type[Record], *, least: int = 1) -> Reader:
    """Read a list of tables, `len(list) >= least`."""

    def read(value: Any, where: str) -> tuple[Record, ...]:
        if not isinstance(value, list) or len(value) < least:
            _wrong(value, where, "a list of tables")
        return tuple(
            _record(cls, item, f"{where} number {number}") for number, item in enumerate(value, 1)
        )

    return read


_OPTIONAL: Mapping[Any, Reader] = {
    CacheRules | None: _as(CacheRules),
    PrefixCache | None: _as(PrefixCache),
    Thinking | None: _as(Thinking),
    Price | None: _as(Price),
    float | None: _number,
    int | None: _whole,
    FileRules | None: _as(FileRules),
    BatchRules | None: _as(BatchRules),
    MessagesForm | None: _as(MessagesForm),
}
_READERS: Mapping[Any, Reader] = {
    str: _text,
    int: _whole,
    float: _number,
    bool: _flag,
    tuple[str, ...]: _texts,
    tuple[Model, ...]: _tables(Model),
    tuple[RetiredModel, ...]: _tables(RetiredModel, least=0),
    tuple[Formula, ...]: _tables(Formula),
    Mapping[str, Any]: _table,
    Mapping[str, str]: _each(_text),
    Mapping[str, tuple[str, ...]]: _each(_texts),
    Mapping[str, tuple[float, float]]: _each(_range),
    Mapping[str, Family]: _each(_as(Family)),
    Mapping[str, ErrorText]: _each(_as(ErrorText)),
    Mapping[str, Tier]: _each(_as(Tier)),
    ModelItem: _as(ModelItem),
    ReplyForm: _as(ReplyForm),
    Limits: _as(Limits),
    **_OPTIONAL,
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
    for gone in edition.retired:
        if gone.id in ids:
            raise UsageError(f"{where} lists the model {gone.id} and calls it retired.")
        _one_of(gone.successor, ids, f"{where}, the successor of {gone.id}")
        _check_day(gone.retired, f"{where}, the retirement of {gone.id}")
    told = {*SHOWN, *edition.item.constants, *(key for m in edition.models for key in m.item)}
    for name in edition.item.fields:
        _one_of(name, sorted(told), f"{where}, item.fields")
    if edition.caching:
        for family, served in edition.caching.families.items():
            for id in served:
                _one_of(id, ids, f"{where}, caching.families.{family}")


def _check_words(edition: Edition, where: str) -> None:
    _one_of(edition.reply.id, COMPLETION_IDS, f"{where}, reply.id")
    _check_pattern(edition.limits.tool_name, f"{where}, limits.tool_name")
    if edition.caching:
        _check_pattern(edition.caching.tag, f"{where}, caching.tag")
    for name, family in edition.families.items():
        place = f"{where}, families.{name}"
        _one_of(family.tool_call_index, COUNTED_OVER, f"{place}.tool_call_index")
        _check_template(family.tool_call_id, f"{place}.tool_call_id")
        _check_thinking(family.thinking, f"{place}.thinking")
    for key, error in edition.errors.items():
        place = f"{where}, errors.{key}"
        _one_of(error.evidence, EVIDENCE, f"{place}.evidence")
        _check_template(error.message, f"{place}.message")
        if not 400 <= error.status <= 599:
            raise UsageError(f"{place}.status is {error.status}, not between 400 and 599.")
    for key in LIMIT_ERRORS if edition.tiers else ():
        _one_of(key, edition.errors, f"{where} has tiers, so its errors need words for it")


def _check_thinking(thinking: Thinking | None, where: str) -> None:
    if thinking is None:
        return
    if not thinking.types:
        raise UsageError(f"{where}.types is empty: name 'enabled', 'disabled' or both.")
    for word in thinking.types:
        _one_of(word, THINKING, f"{where}.types")
    if thinking.default_effort:
        _one_of(thinking.default_effort, thinking.efforts, f"{where}.default_effort")


def _check_day(text: str, where: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{where} is '{text}', not a day such as 2026-05-25.") from None


def _one_of(word: str, allowed: Iterable[str], where: str) -> None:
    known: Sequence[str] = list(allowed)
    if word not in known:
        raise UsageError(f"{where}: '{word}' is none of those allowed. {nearest(word, known)}")


def _check_pattern(text: str, where: str) -> None:
    try:
        re.compile(text)
    except re.error as wrong:
        raise UsageError(f"{where} is no pattern: {wrong}.") from wrong


def _check_template(text: str, where: str) -> None:
    try:
        list(string.Formatter().parse(text))
    except ValueError as error:
        raise UsageError(f"{where} is no template: {error}.") from error
