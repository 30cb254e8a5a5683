"""
What a scenario lets its user choose: from the environment, since a run has several processes.

`option("trace", "…")` in a scenario takes KIMI_LOAD_TRACE where that is set.
"""

import os
from collections.abc import Mapping
from typing import TypeVar

from kimi_conformance.errors import UsageError

__all__ = ["PREFIX", "option"]

PREFIX = "KIMI_LOAD_"

Value = TypeVar("Value", str, int, float)


def option(name: str, default: Value, environment: Mapping[str, str] | None = None) -> Value:
    """The value that was chosen, of the type of the default; the default where none was.

    Args:
        name: In lower case: "trace".
        default: What holds where nothing was chosen.
        environment: Of the process, unless told.

    Raises:
        UsageError: What was chosen is not of that type.
    """
    variable = PREFIX + name.upper()
    text = (os.environ if environment is None else environment).get(variable, "").strip()
    if not text:
        return default
    try:
        return type(default)(text)
    except ValueError as error:
        raise UsageError(
            f"{variable} is '{text}', not a number such as {default}. Leave it out for that."
        ) from error
