"""
How an error crosses: by the names of its classes, its text, and what it carries.

An adapter's error is read by name (see `adapters.failures`), so that is all that needs to
cross. What comes back is an exception of classes of these names, nearest first; where
Python itself has a class of a name, the exception belongs to that one, too.
"""

import builtins
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from kimi_conformance.adapters.failures import failure_of

__all__ = ["UNKNOWN_METHOD", "UnknownMethodError", "described", "error_schema", "rebuilt"]


class UnknownMethodError(Exception):
    """One side was asked for what the protocol, or this side of it, does not have."""


UNKNOWN_METHOD = UnknownMethodError.__name__
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_ATTRIBUTES = ("status", "code", "kind")
MOST = 20  # classes or causes of one error


def error_schema() -> Mapping[str, Any]:
    """What an error looks like on the wire."""
    text = {"type": "string"}
    return {
        "type": "object",
        "description": "What a method raised, or an exception that is handed over.",
        "properties": {
            "classes": {
                "type": "array",
                "items": {**text, "pattern": f"^{_NAME.pattern}$"},
                "minItems": 1,
                "maxItems": MOST,
                "description": "The names of its class and of the ancestors, nearest first.",
            },
            "text": {**text, "description": "Its message."},
            "status": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "code": {"anyOf": [text, {"type": "null"}]},
            "kind": {"anyOf": [text, {"type": "null"}]},
            "causes": {
                "type": "array",
                "items": text,
                "maxItems": MOST,
                "description": "The texts of the errors it was raised from, nearest first.",
            },
        },
        "required": ["classes", "text"],
        "additionalProperties": False,
    }


def described(error: BaseException) -> dict[str, Any]:
    """The error as JSON."""
    failure = failure_of(error)
    own = getattr(error, "kind", None)
    names = [cls.__name__ for cls in type(error).__mro__ if cls is not object]
    return {
        "classes": names[:MOST],
        "text": failure.message,
        "status": failure.status,
        "code": failure.code,
        "kind": own if isinstance(own, str) else None,
        "causes": list(failure.causes[:MOST]),
    }


def rebuilt(description: object) -> Exception:
    """An exception that `adapters.failures` reads as it would read the one described.

    Raises:
        ValueError: That describes no error.
    """
    if not isinstance(description, dict):
        raise ValueError("an error is an object with 'classes' and 'text'")  # noqa: TRY004
    classes, text = description.get("classes"), description.get("text")
    causes = description.get("causes") or []
    if not isinstance(text, str):
        raise ValueError("an error has a 'text', a string")  # noqa: TRY004
    if not _are_names(classes):
        raise ValueError(f"the 'classes' of an error are 1 to {MOST} names, nearest first")
    if not isinstance(causes, list) or not all(isinstance(cause, str) for cause in causes):
        raise ValueError("the 'causes' of an error are texts")
    assert isinstance(classes, list)
    error = _with_causes(_class_of(tuple(classes))(text), causes[:MOST])
    for name in _ATTRIBUTES:
        if description.get(name) is not None:
            setattr(error, name, description[name])
    return error


def _are_names(classes: object) -> bool:
    return (
        isinstance(classes, list)
        and 0 < len(classes) <= MOST
        and all(isinstance(name, str) and _NAME.fullmatch(name) for name in classes)
    )


def _with_causes(error: Exception, texts: Sequence[str]) -> Exception:
    last = error
    for text in texts:
        last.__cause__ = Exception(text)
        last = last.__cause__
    return error


@cache
def _class_of(names: tuple[str, ...]) -> type[Exception]:
    """A class whose names, ancestors and all, are these in this order, as far as Python goes."""
    chain: type[Exception] = Exception
    for name in reversed(names):
        if name not in {"Exception", "BaseException"}:
            chain = type(name, (chain,), {"__str__": _text, "__module__": __name__})
    own = [
        found
        for name in names
        if isinstance(found := getattr(builtins, name, None), type)
        and issubclass(found, Exception)
        and found is not Exception
        and _takes_text(found)
    ]
    # Python's own classes come last, and those only that no other one brings along.
    needed = [a for a in own if not any(a is not b and issubclass(b, a) for b in own)]
    if chain is Exception or not needed:
        return chain
    try:
        return type(names[0], (chain, *dict.fromkeys(needed)), {"__module__": __name__})
    except TypeError:  # two of Python's own that no class can be both of
        return chain


def _takes_text(kind: type[Exception]) -> bool:
    try:
        kind("")
    except TypeError:  # UnicodeEncodeError and its like
        return False
    return True


def _text(error: BaseException) -> str:
    return str(error.args[0])
