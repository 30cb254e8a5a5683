"""
Writes samples for other programs: CSV, or Parquet where pyarrow is installed.

One row a request: what it was and how it ended, then the fields of its record, with `intended`
in seconds of the run. What is not known is empty in CSV and null in Parquet. Gaps between chunks
are not among them: they are pooled, and belong to no single request.
"""

import csv
import importlib
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, repeat
from pathlib import Path
from typing import Any

from kimi_conformance.errors import RunError, UsageError
from kimi_conformance.load.sample_file import Group, SampleFile
from kimi_conformance.load.sample_format import FIELDS
from kimi_conformance.load.sample_log import NO_COUNT
from kimi_conformance.load.samples import Kind

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
    try:
        WRITERS[to](file, path)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}.") from error


def _columns(group: Group) -> list[Any]:
    """The columns of a group, in the order of `COLUMNS`; None where a value is not known."""
    kind = group.kind._replace(error=str(group.kind.error))  # type: ignore[arg-type]
    numbers = (group.intended if name == "intended" else group.column(name) for name in _FIELDS)
    return [
        *(list(repeat(value, len(group))) for value in kind),
        *([None if _unknown(value) else value for value in column] for column in numbers),
    ]


_FIELDS = tuple(name for name, _, _ in FIELDS)


def _unknown(value: float) -> bool:
    return value != value or value == NO_COUNT  # NaN is not itself


def _rows(file: SampleFile) -> Iterator[tuple[Any, ...]]:
    return chain.from_iterable(zip(*_columns(group), strict=True) for group in file.groups)


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
    types = {"f": arrow.float32(), "e": arrow.float32(), "I": arrow.uint32()}
    schema = arrow.schema(
        [
            *(
                (name, arrow.bool_() if name == "streamed" else arrow.string())
                for name in COLUMNS[:3]
            ),
            *(("status", arrow.uint16()), ("error", arrow.string()), ("detail", arrow.string())),
            ("intended", arrow.float64()),
            *((name, types[code]) for name, code, _ in FIELDS[1:]),
        ]
    )
    with parquet.ParquetWriter(str(path), schema) as writer:
        for group in file.groups:
            arrays = zip(_columns(group), schema, strict=True)
            columns = [arrow.array(values, field.type) for values, field in arrays]
            writer.write_table(arrow.Table.from_arrays(columns, schema=schema))


WRITERS: Mapping[str, Callable[[SampleFile, Path], None]] = {
    "csv": _write_csv,
    "parquet": _write_parquet,
}
