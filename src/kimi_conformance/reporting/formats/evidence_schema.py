"""Holds a run file against its JSON Schema, line by line: the only place that knows jsonschema."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from kimi_conformance.errors import UsageError
from kimi_conformance.reporting.wording.visible import one_line, visible

__all__ = ["Flaw", "flaws"]

_FILE = "run.schema.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """What is wrong with one line.

    Attributes:
        line: Its number, from 1.
        record: What kind of record it says it is, or "".
        where: The place in the record: "answer.frames[2]", or "".
        wrong: One sentence.
    """

    line: int
    record: str
    where: str
    wrong: str

    def __str__(self) -> str:
        what = f", {self.record}" if self.record else ""
        place = f" at {self.where}" if self.where else ""
        return f"line {self.line}{what}{place}: {self.wrong}"


def flaws(lines: Iterable[bytes], schema_folder: Path) -> Iterator[Flaw]:
    """What is wrong with a run file, in the order of its lines; nothing for one cut short.

    Args:
        lines: As the file has them, line ends included.
        schema_folder: The suite's `reports/schemas`.

    Raises:
        UsageError: The schema is not there.
    """
    validators = _validators(schema_folder / _FILE)
    seen: set[str] = set()
    number = 0
    torn = False
    for number, line in enumerate(lines, start=1):
        if torn:
            yield Flaw(line=number - 1, record="", where="", wrong="the line is cut off")
        torn = not line.endswith(b"\n")
        if not torn:
            yield from _line_flaws(number, line, validators, seen)
    if not number:
        yield Flaw(line=1, record="", where="", wrong="the file is empty: a run has a header")


def _line_flaws(
    number: int,
    line: bytes,
    validators: Mapping[str, Draft202012Validator],
    seen: set[str],
) -> Iterator[Flaw]:
    try:
        record = json.loads(line, parse_constant=_no_json)
    except (ValueError, RecursionError) as error:
        yield Flaw(line=number, record="", where="", wrong=f"it is not JSON: {error}")
        return
    kind = record.get("record") if isinstance(record, dict) else None
    if not isinstance(kind, str) or kind not in validators:
        names = ", ".join(validators)
        wrong = f"it is no record: its key record must be one of {names}"
        yield Flaw(line=number, record="", where="", wrong=wrong)
        return
    worst = best_match(validators[kind].iter_errors(record))
    if worst is not None:
        wrong = visible(one_line(worst.message))
        yield Flaw(line=number, record=kind, where=_place(worst), wrong=wrong)
    for wrong in _out_of_order(number, kind, record, seen):
        yield Flaw(line=number, record=kind, where="", wrong=wrong)


def _out_of_order(
    number: int, kind: str, record: Mapping[str, Any], seen: set[str]
) -> Iterator[str]:
    """What no schema of a line can say: the first is a header, ids of exchanges are unique."""
    if (number == 1) != (kind == "header"):
        yield "the first line, and no other, is a header"
    if kind == "exchange":
        id = str(record.get("id"))
        if id in seen:
            yield f"another exchange has the id {visible(one_line(id))} too"
        seen.add(id)


def _no_json(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON number")


def _place(error: ValidationError) -> str:
    """Where in the record, as one would write it in a program."""
    steps = (f"[{s}]" if isinstance(s, int) else f".{s}" for s in error.absolute_path)
    return visible(one_line("".join(steps).removeprefix(".")))


def _validators(file: Path) -> dict[str, Draft202012Validator]:
    """One for each kind of record, so that a message is about that kind alone."""
    try:
        schema = json.loads(file.read_bytes())
    except OSError as error:
        raise UsageError(
            f"The schema {file} cannot be read: {error.strerror}. Install the suite again: "
            "pip install --force-reinstall kimi-conformance"
        ) from error
    kinds = schema["properties"]["record"]["enum"]
    definitions = {"$schema": schema["$schema"], "$defs": schema["$defs"]}
    return {
        kind: Draft202012Validator({**definitions, "$ref": f"#/$defs/{kind}"}) for kind in kinds
    }
