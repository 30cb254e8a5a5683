"""Several options of a command as one value, so that they are listed in one place."""

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, TypeVar

__all__ = ["gathered"]

Command = TypeVar("Command", bound=Callable[..., Any])


def gathered(
    name: str, make: Callable[..., Any], *chosen: Callable[[Any], Any]
) -> Callable[[Command], Command]:
    """A decorator that gives a command these options, and hands it what `make` makes of them.

    Args:
        name: The argument of the command that takes it.
        make: Called with what was given; its parameters are named as the options are.
        chosen: The options, in the order of the help; they may be gathered themselves.
    """
    names = tuple(signature(make).parameters)

    def decorate(command: Command) -> Command:
        @wraps(command)
        def gathering(*arguments: Any, **values: Any) -> Any:
            mine = {each: values.pop(each) for each in names}
            return command(*arguments, **{name: make(**mine)}, **values)

        decorated: Any = gathering
        for option in reversed(chosen):
            decorated = option(decorated)
        found: Command = decorated
        return found

    return decorate
