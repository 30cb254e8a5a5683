"""
How values cross between this process and another: by their annotations.

A shape is made from the annotation of a parameter or result. It writes a value as JSON, reads
it back, and says as JSON Schema what it takes. Reading is strict about what a value is made
of, since untrusted data enters here, and lenient about the rest: a context window that is a
string is for a check to judge, and a bridge that put it right would hide it.

What cannot cross stays where it is and is named by a number: a tool, a tracer, a session.
"""

import collections.abc
import types
import typing
from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import cache
from typing import Any, Protocol

from kimi_conformance.adapters.process.thrown import described, error_schema, rebuilt
from kimi_conformance.adapters.protocol import CachingSession, Tracer
from kimi_conformance.errors import nearest

__all__ = ["Objects", "Shape", "ShapeError", "shape_of"]

Json = Any
Schema = Mapping[str, Any]

_PLAIN: Mapping[Any, Schema] = {
    Any: {},
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
}


class ShapeError(ValueError):
    """A value is not made as the protocol says."""


class Objects(Protocol):
    """What stays on one side, by the numbers that the other side knows it by."""

    def number(self, kind: str, value: Any) -> int:
        """The number of an object of this side."""
        ...

    def found(self, kind: str, number: int) -> Any:
        """What stands here for the object of this number, whichever side it is on.

        Raises:
            ShapeError: There is none.
        """
        ...


class Shape(Protocol):
    """How values of one annotation cross."""

    def schema(self, shared: dict[str, Schema]) -> Schema:
        """What the JSON looks like; what is used more than once goes to `shared`, by name."""
        ...

    def encode(self, value: Any, objects: Objects) -> Json:
        """The value as JSON; what has another shape stays as it is, for the reader to say so."""
        ...

    def decode(self, value: Json, objects: Objects, where: str) -> Any:
        """The value of this JSON.

        Raises:
            ShapeError: It is made otherwise; the message begins with `where`.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Plain:
    """What is JSON already."""

    own: Schema

    def schema(self, shared: dict[str, Schema]) -> Schema:  # noqa: ARG002
        return self.own

    def encode(self, value: Any, objects: Objects) -> Json:  # noqa: ARG002
        return value

    def decode(self, value: Json, objects: Objects, where: str) -> Any:  # noqa: ARG002
        return value


@dataclass(frozen=True, slots=True)
class _Optional:
    """What may be None."""

    of: Shape

    def schema(self, shared: dict[str, Schema]) -> Schema:
        return {"anyOf": [self.of.schema(shared), {"type": "null"}]}

    def encode(self, value: Any, objects: Objects) -> Json:
        return None if value is None else self.of.encode(value, objects)

    def decode(self, value: Json, objects: Objects, where: str) -> Any:
        return None if value is None else self.of.decode(value, objects, where)


@dataclass(frozen=True, slots=True)
class _Listed:
    """Several, in order."""

    of: Shape

    def schema(self, shared: dict[str, Schema]) -> Schema:
        return {"type": "array", "items": self.of.schema(shared)}

    def encode(self, value: Any, objects: Objects) -> Json:
        if not isinstance(value, Collection) or isinstance(value, str | bytes | Mapping):
            return value
        return [self.of.encode(each, objects) for each in value]

    def decode(self, value: Json, objects: Objects, where: str) -> Any:
        if not isinstance(value, list):
            raise ShapeError(f"{where} is {_kind(value)}, not an array")
        return [
            self.of.decode(each, objects, f"{where}[{index}]") for index, each in enumerate(value)
        ]


@dataclass(frozen=True, slots=True)
class _Record:
    """A dataclass as an object: its fields by name, those that have a default may be left out."""

    of: type

    def _fields(self) -> Sequence[tuple[Field[Any], Shape]]:
        return _fields_of(self.of)

    def schema(self, shared: dict[str, Schema]) -> Schema:
        shared.setdefault(
            self.of.__name__,
            {
                "type": "object",
                "description": (self.of.__doc__ or "").splitlines()[0],
                "properties": {f.name: shape.schema(shared) for f, shape in self._fields()},
                "required": [f.name for f, _ in self._fields() if _is_required(f)],
                "additionalProperties": False,
            },
        )
        return {"$ref": f"#/$defs/{self.of.__name__}"}

    def encode(self, value: Any, objects: Objects) -> Json:
        if value is None or isinstance(value, str | int | float | Mapping | Collection):
            return value
        return {
            f.name: shape.encode(getattr(value, f.name), objects)
            for f, shape in self._fields()
            if hasattr(value, f.name)
        }

    def decode(self, value: Json, objects: Objects, where: str) -> Any:
        if not isinstance(value, dict):
            raise ShapeError(f"{where} is {_kind(value)}, not an object ({self.of.__name__})")
        known = {f.name: shape for f, shape in self._fields()}
        for name in value.keys() - known.keys():
            raise ShapeError(f"{where} has the unknown field {name!r}. {nearest(name, known)}")
        for f, _ in self._fields():
            if _is_required(f) and f.name not in value:
                raise ShapeError(f"{where} lacks the field '{f.name}'")
        return self.of(
            **{
                name: known[name].decode(each, objects, f"{where}.{name}")
                for name, each in value.items()
            }
        )


@dataclass(frozen=True, slots=True)
class _Thrown:
    """An exception as a value."""

    def schema(self, shared: dict[str, Schema]) -> Schema:
        shared.setdefault("Error", error_schema())
        return {"$ref": "#/$defs/Error"}

    def encode(self, value: Any, objects: Objects) -> Json:  # noqa: ARG002
        return described(value) if isinstance(value, BaseException) else value

    def decode(self, value: Json, objects: Objects, where: str) -> Any:  # noqa: ARG002
        try:
            return rebuilt(value)
        except ValueError as error:
            raise ShapeError(f"{where}: {error}") from None


@dataclass(frozen=True, slots=True)
class _Reference:
    """What stays on its side, as {"tool": 1}."""

    kind: str

    def schema(self, shared: dict[str, Schema]) -> Schema:  # noqa: ARG002
        return {
            "type": "object",
            "properties": {self.kind: {"type": "integer"}},
            "required": [self.kind],
            "additionalProperties": False,
        }

    def encode(self, value: Any, objects: Objects) -> Json:
        return {self.kind: objects.number(self.kind, value)}

    def decode(self, value: Json, objects: Objects, where: str) -> Any:
        number = value.get(self.kind) if isinstance(value, dict) else None
        if type(number) is not int:
            raise ShapeError(f'{where} is no {self.kind}, as {{"{self.kind}": 1}} would be')
        return objects.found(self.kind, number)


def shape_of(annotation: Any) -> Shape:
    """How values of this annotation cross.

    Raises:
        TypeError: The protocol has no way for them to.
    """
    if annotation in _PLAIN:
        return _Plain(_PLAIN[annotation])
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in {typing.Union, types.UnionType}:
        [inner] = [each for each in arguments if each is not type(None)]
        return _Optional(shape_of(inner))
    if origin is collections.abc.Callable:
        return _Reference("tool")
    if origin is collections.abc.Mapping:
        return _Plain({"type": "object"})
    if origin in {collections.abc.Sequence, collections.abc.Collection}:
        return _Listed(shape_of(arguments[0]))
    return _shape_of_class(annotation)


def _shape_of_class(annotation: Any) -> Shape:
    references = {Tracer: "tracer", CachingSession: "session"}
    if annotation in references:
        return _Reference(references[annotation])
    if annotation is Exception:
        return _Thrown()
    if is_dataclass(annotation) and isinstance(annotation, type):
        return _Record(annotation)
    raise TypeError(f"the protocol has no shape for {annotation}")


@cache
def _fields_of(record: Any) -> Sequence[tuple[Field[Any], Shape]]:
    hints = typing.get_type_hints(record)
    return [(each, shape_of(hints[each.name])) for each in fields(record)]


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _kind(value: Json) -> str:
    """What a value is, in JSON's words."""
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}
    return "null" if value is None else names.get(type(value), "a number")
