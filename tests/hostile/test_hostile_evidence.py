"""A run file that somebody else wrote: named as damaged, with its place, by whoever reads it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kimi_conformance.errors import RunError
from kimi_conformance.runs import parse

RUNS = Path(__file__).parents[1] / "reporting" / "runs"
HEADER, *_ = LINES = RUNS.joinpath("schema-1.jsonl").read_bytes().splitlines(keepends=True)
LOADS = RUNS.joinpath("schema-1-load.jsonl").read_bytes().splitlines(keepends=True)
RECORDS = {record["record"]: record for record in map(json.loads, LOADS + LINES)}


def line(**record: Any) -> bytes:
    return json.dumps(record).encode() + b"\n"


def changed(kind: str, **changes: Any) -> bytes:
    return line(**{**RECORDS[kind], **changes})


UNREADABLE = {
    "deep": HEADER + b'{"record":' + b"[" * 100_000 + b"\n",
    "deep-header": b"[" * 100_000 + b"\n",
    "digits": HEADER + b'{"record":"check","seconds":' + b"9" * 5000 + b"}\n",
    "other-encoding": b"\xff\xfe\n",
    "kind-list": HEADER + line(record=["check"]),
    "kind-object": HEADER + line(record={}),
    "schema-text": changed("header", schema="9"),
    "schema-null": changed("header", schema=None),
    "check-empty": HEADER + line(record="check"),
    "level-unknown": HEADER + changed("check", level="WHAT"),
    "law-empty": HEADER + line(record="law"),
    "exchange-empty": HEADER + line(record="exchange"),
    "exchange-id-list": HEADER + line(record="exchange", id=[1]),
}
MISSHAPEN = {
    "endless-seconds": HEADER + changed("check", seconds=1e308),
    "no-number": HEADER + changed("check", seconds=float("nan")),
    "huge-seconds": HEADER + changed("check", seconds=10**4000),
    "configuration-list": changed("header", configuration=[1]),
    "edition-list": changed("header", edition=["2025-09"]),
    "suts-number": changed("header", suts=7),
    "header-bare": line(record="header", schema=1),
    "load-empty": HEADER + line(record="load"),
    "load-of-texts": HEADER + line(**{**dict.fromkeys(RECORDS["load"], "x"), "record": "load"}),
    "samples-path": HEADER + changed("load", samples="../../../../etc/passwd"),
    "sample-empty": HEADER + line(record="sample"),
    "proof-empty": HEADER + line(record="proof"),
    "footer-empty": HEADER + line(record="footer"),
    "exchange-bare": HEADER + line(record="exchange", id="x"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_run_is_an_error_of_the_file(name: str) -> None:
    with pytest.raises(RunError, match=r"^x\.jsonl"):
        parse(UNREADABLE[name].splitlines(keepends=True), "x.jsonl")


@pytest.mark.parametrize("name", MISSHAPEN)
def test_a_report_of_values_of_another_shape_names_the_place(
    run: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    (tmp_path / "run.jsonl").write_bytes(MISSHAPEN[name])

    said = run("report", "run.jsonl", "--out", "out", "--format", "junit,md,ctrf,openmetrics")

    assert said.code == 0 or (said.code == 3 and "is not as its schema says, line " in said.err)


READERS: tuple[tuple[str, ...], ...] = (
    ("compare", "run.jsonl", "run.jsonl"),
    ("drift", "--from", "run.jsonl", "--to", "run.jsonl"),
    ("history", "import", "run.jsonl"),
    ("notify", "--run", "run.jsonl"),
)


@pytest.mark.parametrize("command", READERS, ids=lambda command: command[0])
@pytest.mark.parametrize("name", ["deep", "exchange-bare", "footer-empty", "huge-seconds"])
def test_whoever_reads_a_run_says_what_is_wrong_with_it(
    run: Callable[..., Any], tmp_path: Path, command: tuple[str, ...], name: str
) -> None:
    (tmp_path / "run.jsonl").write_bytes({**UNREADABLE, **MISSHAPEN}[name])

    said = run(*command)

    assert said.code in {0, 1, 3}
    assert len(said.err) < 2000


def test_names_in_a_run_are_no_paths(run: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    names = {"run": "../../out", "job": "../../out", "edition": "../../out", "lane": "../../out"}
    load = {**RECORDS["load"], "scenario": "../../out"}
    load["samples"] = {**load["samples"], "file": "../../../../../etc/passwd"}
    run_file = changed("header", **names) + line(**load) + b"".join(LINES[1:])
    (folder / "run.jsonl").write_bytes(run_file)

    said = run("report", folder)

    assert said.code in {0, 3}, said.err
    assert {path.parent for path in tmp_path.rglob("*") if path.is_file()} == {folder}
    assert "root:" not in "".join(path.read_text() for path in folder.iterdir())
