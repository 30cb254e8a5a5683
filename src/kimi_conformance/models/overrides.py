"""
What a user says of models, against what the API or an edition says of them.

    [models."kimi-k3"]
    context_window = 262144
    price_output = 12.0

`SETTINGS` is the table of what can be said: a name, what kind of value it takes and between
which bounds. Whatever else stands in a file makes all of it refused, never a part of it used.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

from kimi_conformance.errors import UsageError, nearest

__all__ = ["ID", "SETTINGS", "Overrides", "Setting", "Value", "checked", "value_of"]

Value: TypeAlias = int | float | bool

HEADER = (
    "# What is said here of a model goes before what the API and the edition say of it.\n"
    "# kimi-conformance models set and unset write this file anew: comments are not kept.\n"
)
_TABLE = "models"
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}")
_UNITS = {"": 1, "k": 1024, "m": 1024 * 1024}  # window labels count in 1024s: 8K is 8192
_NUMBER = re.compile(r"(?P<digits>[+-]?[0-9][0-9_]*(?:\.[0-9]+)?)(?P<unit>[kKmM]?)")
_FLAGS = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class Setting:
    """Something that can be said of a model.

    Attributes:
        kind: int, float or bool.
        means: What it is, as a phrase for people.
        lowest: The least value; of a flag without a meaning.
        highest: The greatest one.
    """

    kind: type[Value]
    means: str
    lowest: float = 0
    highest: float = 1

    @property
    def expected(self) -> str:
        """What it takes, for messages: "a whole number from 1 to 16777216"."""
        if self.kind is bool:
            return "true or false"
        what = "a whole number" if self.kind is int else "a number"
        return f"{what} from {self.lowest:g} to {self.highest:.8g}"


_MOST_TOKENS = 16 * 1024 * 1024
_MOST_DOLLARS = 10_000

SETTINGS: Mapping[str, Setting] = MappingProxyType(
    {
        "context_window": Setting(
            int, "tokens that prompt and answer may have together", 1, _MOST_TOKENS
        ),
        "max_tokens": Setting(
            int, "tokens of an answer where the request does not say", 1, _MOST_TOKENS
        ),
        "tools": Setting(bool, "whether it takes tools"),
        "vision": Setting(bool, "whether it takes images"),
        "reasoning": Setting(bool, "whether it shows its reasoning"),
        "streaming": Setting(bool, "whether it answers chunk by chunk"),
        "price_input": Setting(float, "US dollars a million tokens of prompts", 0, _MOST_DOLLARS),
        "price_output": Setting(float, "US dollars a million tokens of answers", 0, _MOST_DOLLARS),
        "price_cached": Setting(
            float, "US dollars a million tokens of prompts that were read before", 0, _MOST_DOLLARS
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Overrides:
    """What is said of which models; a value, so every change gives a new one.

    Attributes:
        models: By model id, then by the name of the setting; no model without a setting.
    """

    models: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str, where: str) -> "Overrides":
        """Read the text of a file.

        Args:
            text: TOML.
            where: The file, for messages.

        Raises:
            UsageError: It is not TOML, or something in it cannot be said of a model.
        """
        try:
            tables = tomllib.loads(text)
        except (ValueError, RecursionError) as error:  # of TOML, and of numbers and nesting in it
            raise UsageError(f"{where} is not TOML: {error}") from error
        for name in tables:
            if name != _TABLE:
                raise UsageError(
                    f"{where} has a table [{name}]. {nearest(name, [_TABLE])} "
                    f'Write [{_TABLE}."kimi-k3"], and the settings below it.'
                )
        by_id = tables.get(_TABLE, {})
        if not isinstance(by_id, dict):
            raise UsageError(f'{where}: {_TABLE} is no table. Write [{_TABLE}."kimi-k3"].')
        return cls({id: _settings(id, table, where) for id, table in by_id.items() if table != {}})

    def of(self, model: str) -> Mapping[str, Value]:
        """What is said of a model, by setting; nothing where nothing is."""
        return self.models.get(model, {})

    def set(self, model: str, values: Mapping[str, Any]) -> "Overrides":
        """These with more said of one model; what was said of it under other names stays.

        Raises:
            UsageError: There is no such setting, or it does not take the value.
        """
        kept = {**self.of(model), **_settings(model, values, "The override")}
        return Overrides({**self.models, model: kept})

    def unset(self, model: str, names: Iterable[str] = ()) -> "Overrides":
        """These without some settings of a model; without all, where none is named.

        Raises:
            UsageError: Nothing is said of the model, or not what is to be taken back.
        """
        if model not in self.models:
            raise UsageError(f"Nothing is overridden of '{model}'. {nearest(model, self.models)}")
        gone = tuple(names) or tuple(self.of(model))
        for name in gone:
            if name not in self.of(model):
                raise UsageError(
                    f"{name} of '{model}' is not overridden. {nearest(name, self.of(model))}"
                )
        kept = {name: value for name, value in self.of(model).items() if name not in gone}
        others = {id: values for id, values in self.models.items() if id != model}
        return Overrides({**others, model: kept} if kept else others)

    def render(self) -> str:
        """The text of the file, which `parse` reads as these again."""
        return HEADER + "".join(
            f'\n[{_TABLE}."{id}"]\n'
            + "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
            for id, settings in self.models.items()
        )


def checked(name: str, value: Any, where: str) -> Value:
    """A value as its setting has it.

    Raises:
        UsageError: There is no such setting, or it does not take the value.
    """
    if name not in SETTINGS:
        raise UsageError(f"{where} says '{name}'. {nearest(name, SETTINGS)}")
    setting = SETTINGS[name]
    whole = type(value) is int and setting.kind is float
    if type(value) is not setting.kind and not whole:
        raise UsageError(f"{where}: {name} is {value!r}, not {setting.expected}.")
    if setting.kind is not bool and not setting.lowest <= value <= setting.highest:
        raise UsageError(f"{where}: {name} is {value!r}, not {setting.expected}.")
    return setting.kind(value)


def value_of(name: str, text: str) -> Value:
    """A value as people write it: "131072", "128K", "1M", "2.50", "true".

    Raises:
        UsageError: There is no such setting, or it does not take the value.
    """
    if name not in SETTINGS:
        raise UsageError(f"There is no setting '{name}'. {nearest(name, SETTINGS)}")
    return checked(name, _read(SETTINGS[name].kind, text), "The override")


def _read(kind: type[Value], text: str) -> Any:
    """What the text stands for; the text itself where it stands for nothing of the kind."""
    if kind is bool:
        return _FLAGS.get(text.strip().lower(), text)
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        return text
    number = float(found["digits"]) * _UNITS[found["unit"].lower()]
    if kind is float:
        return text if found["unit"] else number
    return int(number) if number.is_integer() else text


def _settings(id: str, table: Any, where: str) -> dict[str, Value]:
    if not ID.fullmatch(id):
        raise UsageError(f"{where}: {id!r} is no id of a model. It looks like this: kimi-k3")
    if not isinstance(table, Mapping):
        raise UsageError(f"{where}: what is said of '{id}' is {table!r}, not a table.")
    return {name: checked(name, value, f"{where}, about '{id}'") for name, value in table.items()}
