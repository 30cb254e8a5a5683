"""The header of a scenario: what it asks and how it loads, read without running it."""

import ast
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
        edition: Which edition the simulator serves for it, where nobody says; None: as usual.
        simulate: What else `kimi-conformance simulate` is told for it: ("--fault", "cut:p=0.1").
    """

    name: str
    title: str
    question: str
    workload: str
    edition: str | None = None
    simulate: tuple[str, ...] = ()


_FIELD = re.compile(r"^(Question|Workload|Target|Judged by):\s*", re.MULTILINE)
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
        **_target(path, fields.get("Target", "simulate")),
    )


def _target(path: Path, text: str) -> dict[str, Any]:
    """What the simulator is told; the edition is apart, since whoever runs the load may say."""
    try:
        command, *words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"The target of {path.name} cannot be read: {error}.") from error
    if command != "simulate" or len(words) % 2 or not all(w.startswith("--") for w in words[::2]):
        raise UsageError(
            f"The target of {path.name} is '{text}'. Write it as in "
            "'Target: simulate --tier t1 --fault server_error:p=0.1': options and their values."
        )
    pairs = list(zip(words[::2], words[1::2], strict=True))
    editions = [value for option, value in pairs if option == "--edition"]
    others = [word for pair in pairs if pair[0] != "--edition" for word in pair]
    return {"edition": editions[-1] if editions else None, "simulate": tuple(others)}
