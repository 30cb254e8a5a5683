"""
Writes samples for other programs: CSV, or Parquet where pyarrow is installed.

One row a request: what it was and how it ended, then the fields of its record, with `intended`
in seconds of the run. What is not known is empty in CSV and null in Parquet. Gaps between chunks
are not among them: they are pooled, and belong to no single request.

A text that a spreadsheet would take for a formula has a ' before it in CSV: names of models and
what went wrong come from outside.
"""

import csv
import importlib
import os
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, repeat
from pathlib import Path
from typing import Any

from kimi_conformance.errors import RunError, UsageError
from kimi_conformance.load.samples.file import Group, SampleFile
from kimi_conformance.load.samples.format import FIELDS
from kimi_conformance.load.samples.log import NO_COUNT
from kimi_conformance.load.samples.records import Kind

__all__ = ["COLUMNS", "WRITERS", "export"]

COLUMNS = (*Kind._fields, *(name for name, _, _ in FIELDS))


def export(file: SampleFile, path: Path, to: str) -> None:
    """Write all requests of a samples file.

    Args:
        file: The samples.
        path: The file to write; one that is there is replaced.
        to: A key of `WRITERS`.

    Raises:
        UsageError: What it takes is not installed.
        RunError: The file cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        WRITERS[to](file, partial)
        partial.replace(path)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        partial.unlink(missing_ok=True)


def _columns(group: Group, shown: Callable[[Any], Any] = lambda value: value) -> list[Any]:
    """The columns of a group, in the order of `COLUMNS`; None where a value is not known.

    Args:
        group: The requests.
        shown: How what they have in common is written.
    """
    kind = group.kind._replace(error=str(group.kind.error))  # type: ignore[arg-type]
    numbers = (group.intended if name == "intended" else group.column(name) for name in _FIELDS)
    return [
        *(list(repeat(shown(value), len(group))) for value in kind),
        *([None if _unknown(value) else value for value in column] for column in numbers),
    ]


_FIELDS = tuple(name for name, _, _ in FIELDS)


def _unknown(value: float) -> bool:
    return value != value or value == NO_COUNT  # NaN is not itself


def _rows(file: SampleFile) -> Iterator[tuple[Any, ...]]:
    groups = (_columns(group, _no_formula) for group in file.groups)
    return chain.from_iterable(zip(*columns, strict=True) for columns in groups)


def _no_formula(value: Any) -> Any:
    is_formula = isinstance(value, str) and value.startswith(_BEGINS_FORMULA)
    return f"'{value}" if is_formula else value


# Source: OWASP, CSV Injection; the last four are the same signs in full width.
_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def _write_csv(file: SampleFile, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(COLUMNS)
        writer.writerows(_rows(file))


def _write_parquet(file: SampleFile, path: Path) -> None:
    try:
        arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise UsageError(
            "Parquet is written by pyarrow, which is not installed. Install it with: "
            "pip install 'kimi-conformance[parquet]', or write CSV: --to csv"
        ) from error
    schema = arrow.schema(
        [(name, getattr(arrow, _ARROW[name])()) for name in Kind._fields]
        + [("intended", arrow.float64())]
        + [(name, getattr(arrow, _ARROW[code])()) for name, code, _ in FIELDS[1:]]
    )
    with parquet.ParquetWriter(str(path), schema) as writer:
        for group in file.groups:
            arrays = zip(_columns(group), schema, strict=True)
            columns = [arrow.array(values, field.type) for values, field in arrays]
            writer.write_table(arrow.Table.from_arrays(columns, schema=schema))


# What pyarrow calls the type of a column: by the field of a kind, by the code of a number.
_ARROW: Mapping[str, str] = {
    **dict.fromkeys(("name", "model", "error", "detail"), "string"),
    **dict.fromkeys(("streamed", "expected", "held"), "bool_"),
    **dict.fromkeys(("status", "attempts"), "uint16"),
    **dict.fromkeys(("f", "e"), "float32"),
    "I": "uint32",
}

WRITERS: Mapping[str, Callable[[SampleFile, Path], None]] = {
    "csv": _write_csv,
    "parquet": _write_parquet,
}
