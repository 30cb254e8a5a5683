import csv
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.load.written import HEADER, STREAM, content

from kimi_conformance.cli.commands.load import load
from kimi_conformance.errors import RunError, UsageError
from kimi_conformance.load.samples.export import _ARROW, COLUMNS, export
from kimi_conformance.load.samples.file import read_samples
from kimi_conformance.load.samples.format import FIELDS
from kimi_conformance.load.samples.log import Batch, first_line
from kimi_conformance.load.samples.records import ErrorClass, Kind, Sample

GOOD = Sample(kind=STREAM, intended=1.5, start=1.5, end=2.0, first_answer=1.75, prompt_tokens=7)
BAD = replace(
    GOOD, kind=STREAM._replace(status=None, error=ErrorClass.TRANSPORT, detail="cut, off")
)
CONTENT = content([GOOD, BAD], ticks=(), end=None)


def test_csv_has_one_row_a_request_and_nothing_for_what_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"

    export(read_samples(CONTENT), path, "csv")

    with path.open(newline="", encoding="utf-8") as lines:
        good, bad = csv.DictReader(lines)
    assert tuple(good) == COLUMNS
    assert (good["intended"], good["response"], good["first"]) == ("1.5", "0.5", "0.25")
    assert (good["prompt_tokens"], good["completion_tokens"], good["stall"]) == ("7", "", "")
    assert (bad["status"], bad["error"], bad["detail"]) == ("", "transport", "cut, off")


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "＝"])
def test_csv_holds_no_formula(tmp_path: Path, sign: str) -> None:
    path = tmp_path / "out.csv"
    text = f"{sign}cmd|'/c calc'!A0"
    batch = Batch(HEADER)
    batch.add(replace(BAD, kind=BAD.kind._replace(model=text, detail=text)))

    export(read_samples(first_line(HEADER) + batch.take()), path, "csv")

    with path.open(newline="", encoding="utf-8") as lines:
        (row,) = csv.DictReader(lines)
    assert (row["model"], row["detail"], row["name"]) == (f"'{text}", f"'{text}", "chat/greeting")


def test_a_file_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("csv.writer", full)

    with pytest.raises(RunError, match="No space left on device"):
        export(read_samples(CONTENT), path, "csv")

    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("out.csv", "old")]


def test_parquet_without_pyarrow_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(UsageError, match=r"pip install 'kimi-conformance\[parquet\]'"):
        export(read_samples(CONTENT), tmp_path / "out.parquet", "parquet")


def test_parquet_holds_what_csv_holds(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is an extra")
    path = tmp_path / "out.parquet"

    export(read_samples(CONTENT), path, "parquet")

    good, bad = parquet.read_table(path).to_pylist()
    assert tuple(good) == COLUMNS
    assert (good["response"], good["prompt_tokens"], good["stall"]) == (0.5, 7, None)
    assert (bad["status"], bad["error"]) == (None, "transport")


def test_every_column_has_a_type_in_parquet() -> None:
    assert _ARROW.keys() == {*Kind._fields, *(code for _, code, _ in FIELDS)}


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"out\.csv cannot be written"):
        export(read_samples(CONTENT), tmp_path / "none" / "out.csv", "csv")


@pytest.mark.parametrize("whole", [True, False])
def test_the_command_takes_a_run_or_its_samples(tmp_path: Path, *, whole: bool) -> None:
    samples = tmp_path / "steady_chat.samples"
    samples.write_bytes(CONTENT)

    result = CliRunner().invoke(load, ["export", str(tmp_path if whole else samples)])

    assert result.output == f"{tmp_path / 'steady_chat.csv'}\n"
    assert (tmp_path / "steady_chat.csv").read_text("utf-8").count("\n") == 3


def test_a_folder_without_samples_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(load, ["export", str(tmp_path)])

    assert isinstance(result.exception, UsageError)
    assert "There are no samples" in str(result.exception)


def test_samples_of_the_first_schema_are_refused_as_such(tmp_path: Path) -> None:
    (tmp_path / "steady_chat.samples.jsonl").write_text('{"record": "samples", "schema": 1}\n')

    result = CliRunner().invoke(load, ["export", str(tmp_path)])

    assert isinstance(result.exception, RunError)
    assert "has schema 1, this suite reads 2 and 3" in str(result.exception)


def test_any_other_word_is_a_scenario() -> None:
    result = CliRunner().invoke(load, ["steady_caht", "--duration", "1s"])

    assert isinstance(result.exception, UsageError)
    assert "steady_chat" in str(result.exception)
