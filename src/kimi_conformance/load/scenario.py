"""The header of a scenario: what it asks and how it loads, read without running it."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from kimi_conformance.errors import UsageError

__all__ = ["ScenarioHeader", "read_header"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioHeader:
    """What the docstring of a scenario says.

    Attributes:
        name: The name of the file: "steady_chat".
        title: Its first sentence.
        question: What a run of it answers.
        workload: "closed; …" or "open; …".
    """

    name: str
    title: str
    question: str
    workload: str


_FIELD = re.compile(r"^(Question|Workload|Judged by):\s*", re.MULTILINE)
_WORKLOADS = ("closed", "open")


def read_header(path: Path) -> ScenarioHeader:
    """Read the docstring of a scenario file.

    Raises:
        UsageError: There is no such file, it is no Python, or its docstring does not state
            question and workload.
    """
    try:
        module = ast.parse(path.read_bytes())
    except OSError as error:
        raise UsageError(f"The scenario {path} cannot be read: {error.strerror}.") from error
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"The scenario {path} is no Python: {error}") from error
    title, *parts = _FIELD.split(ast.get_docstring(module) or "")
    fields = {
        name: " ".join(text.split()) for name, text in zip(parts[::2], parts[1::2], strict=True)
    }
    for name in ("Question", "Workload"):
        if not fields.get(name):
            raise UsageError(
                f"The docstring of {path.name} has no '{name}:'. A scenario begins with a "
                "sentence, then 'Question:', 'Workload:' and 'Judged by:', one paragraph each."
            )
    if not fields["Workload"].startswith(_WORKLOADS):
        raise UsageError(
            f"The workload of {path.name} begins with neither 'closed' (users wait for "
            "replies) nor 'open' (requests arrive on a clock): say which."
        )
    return ScenarioHeader(
        name=path.stem,
        title=" ".join(title.split()),
        question=fields["Question"],
        workload=fields["Workload"],
    )
