"""Files that somebody else wrote: samples, promises, baselines, overrides, traces, a history."""

import json
import sqlite3
import struct
import zlib
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from kimi_conformance.baselines import parse as parse_baseline
from kimi_conformance.errors import RunError, UsageError
from kimi_conformance.history.store import History
from kimi_conformance.load.samples.file import read_samples
from kimi_conformance.load.samples.format import RECORD, REQUESTS, ROWS, Block
from kimi_conformance.load.samples.records import Header
from kimi_conformance.load.users.trace import read_trace
from kimi_conformance.models.overrides import Overrides
from kimi_conformance.slo import parse as parse_objectives

Run = Callable[..., Any]

TOMLS = {
    "deep": "a = " + "[" * 100_000,
    "deep-inline": "a = " + "{a=" * 100_000,
    "deep-key": "a" + ".a" * 5000 + " = 1",
    "digits": "a = " + "9" * 5000,
    "truncated": "[steady_chat.ttft",
    "null": "a = '\0'",
    "long-line": "a = '" + "a" * 2_000_000,
    "other-types": "models = 7\nknown_failure = 7\nsteady_chat = 7\n",
    "lists": "models = [1]\nknown_failure = [1]\nsteady_chat = [[1]]\n",
    "infinite": "[steady_chat.x]\nmetric = 'ttft_s'\nat_most = inf\nobjective = nan\n",
    "steering": '["\\u001b[2J"]\nmetric = "\\u202e"\n',
}


@pytest.mark.parametrize("name", TOMLS)
@pytest.mark.parametrize(
    "parse",
    [
        lambda text: parse_objectives(text, "x.toml"),
        lambda text: parse_baseline(text, "x.toml", ("2025-09",)),
        lambda text: Overrides.parse(text, "x.toml"),
    ],
    ids=["slo", "baseline", "overrides"],
)
def test_a_settings_file_is_taken_or_wrong_use(parse: Callable[[str], object], name: str) -> None:
    with pytest.raises(UsageError, match=r"x\.toml"):
        parse(TOMLS[name])


TRACES = {
    "deep": "[" * 100_000,
    "digits": '{"timestamp":' + "9" * 5000 + "}",
    "no-number": '{"timestamp":NaN,"input_length":1,"output_length":1}',
    "many-digits": '{"timestamp":' + "9" * 4000 + ',"input_length":1,"output_length":1}',
    "huge-prompt": '{"timestamp":0,"input_length":1000000000000,"output_length":1}',
    "huge-answer": '{"timestamp":0,"input_length":1,"output_length":' + "9" * 4000 + "}",
    "list": '{"timestamp":0,"input_length":[' + "1," * 10_000 + '1],"output_length":1}',
    "truncated": '{"timestamp":0,"input_',
    "long-line": "a" * 2_000_000,
    "null": "\0",
}


@pytest.mark.parametrize("name", TRACES)
def test_a_trace_is_wrong_use_by_its_line(tmp_path: Path, name: str) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text(TRACES[name])

    with pytest.raises(UsageError, match=r"x\.jsonl, line 1") as told:
        read_trace(file)

    assert len(str(told.value)) < 1000


HEADER: dict[str, Any] = {"record": "samples", "schema": 2} | {
    each.name: {"str": "x", "int": 1, "float": 1.0, "bool": True}.get(str(each.type), "x")
    for each in fields(Header)
}


def samples(*blocks: Block, **header: Any) -> bytes:
    return json.dumps({**HEADER, **header}).encode() + b"\n" + b"".join(b.encode() for b in blocks)


def row(text: str) -> Block:
    return Block(ROWS, text.encode() + b"\n")


SAMPLES = {
    "empty": b"",
    "deep-header": b"[" * 100_000 + b"\n",
    "schema-list": json.dumps({**HEADER, "schema": [1]}).encode() + b"\n",
    "deep-row": samples(row("[" * 100_000)),
    "row-number": samples(row("7")),
    "row-unnamed": samples(row('{"row":[1],"source":1}')),
    "kind-unknown": samples(Block(REQUESTS, bytes(RECORD.size), source=1, key=7)),
    "content-unknown": samples(Block(99, b"abc")),
    "long-length": samples()
    + struct.pack("<BBHHHIId", 1, 0, 0, 0, 0, 2**32 - 1, 0, 0.0)
    + b"a" * 64,
    "wrong-checksum": samples()
    + samples(row("{}"))[len(samples()) :][:-1]
    + b"}"
    + samples(row("{}")),
}


TORN = ("long-length",)


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_are_read_or_an_error_of_the_file(name: str) -> None:
    if name in TORN:
        assert read_samples(SAMPLES[name], "x.samples").torn
        return

    with pytest.raises(RunError, match=r"^x\.samples") as told:
        read_samples(SAMPLES[name], "x.samples")

    assert len(str(told.value)) < 1000


@pytest.mark.parametrize("name", [*SAMPLES, "of-another-shape"])
def test_a_report_leaves_out_samples_that_no_run_wrote(run: Run, tmp_path: Path, name: str) -> None:
    runs = Path(__file__).parents[1] / "reporting" / "runs"
    (tmp_path / "run.jsonl").write_bytes((runs / "schema-1.jsonl").read_bytes())
    (tmp_path / "x.samples").write_bytes({**SAMPLES, "of-another-shape": samples()}[name])
    (tmp_path / "x.slo.toml").write_text("")

    said = run("report", "run.jsonl", "--format", "badge")

    assert said.code == 0
    assert "x.samples is left out" in said.err
    assert len(said.err) < 2000


def test_a_checksum_that_fits_makes_no_block_ours() -> None:
    block = row('{"row":"kind","key":[1],"source":1}')

    assert zlib.crc32(block.payload)
    with pytest.raises(RunError, match="a block that is none of ours"):
        read_samples(samples(block), "x.samples")


# ------------------------------------------------------------ a history


def history_with(path: Path, statement: str) -> None:
    with History(path, create=True):
        pass
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


PROBE = (
    "INSERT INTO probe "
    "(at, base_url, model, error, status, detail, ttft_s, response_s, interval_s, tokens) VALUES "
)
CHANGES = {
    "no-database": "",
    "text-for-time": PROBE + "('x','http://a/v1','m','ok',200,'',0.1,0.2,60,1)",
    "infinite-time": PROBE + "(9e999,'http://a/v1','m','ok',200,'',0.1,0.2,60,1)",
    "blob": PROBE + "(1,x'ff','m','ok',200,x'ff','a','b',60,1)",
    "trigger": "CREATE TRIGGER t AFTER INSERT ON probe BEGIN SELECT load_extension('x'); END",
    "version": "PRAGMA user_version = 99",
    "dropped": "DROP TABLE probe",
    "view": "CREATE VIEW v AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n FROM r) SELECT 1",
}
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("history", "list", "--history", "h.sqlite"),
    ("notify", "--history", "h.sqlite"),
    ("sla", "--from", "2026-01-01", "--to", "2026-01-02", "--history", "h.sqlite"),
    ("trend", "SSE-01", "--history", "h.sqlite"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize("name", CHANGES)
def test_a_history_of_somebody_else_is_read_or_refused(
    run: Run, tmp_path: Path, name: str, command: tuple[str, ...]
) -> None:
    if CHANGES[name]:
        history_with(tmp_path / "h.sqlite", CHANGES[name])
    else:
        (tmp_path / "h.sqlite").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)

    said = run(*command)

    assert said.code in {0, 1, 2, 3}


# ------------------------------------------------------------ names

NAMES = ("../../../../etc/passwd", "a" * 300, "\x1b[2J")


@pytest.mark.heavy
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "command",
    [
        ("load", "{}", "--plan"),
        ("check", "--adapter", "{}", "--plan"),
        ("record", "{}", "--plan"),
        ("trend", "{}"),
        ("models", "show", "{}"),
        ("compare", "{}", "{}"),
        ("report", "{}"),
        ("rejudge", "{}"),
        ("history", "import", "{}"),
        ("notify", "--run", "{}"),
        ("drift", "--from", "{}", "--to", "{}"),
        ("drift", "--from", "cassettes", "--from-edition", "x{}", "--to", "simulator"),
        ("gate", "--edition", "x{}"),
        ("scan", "{}"),
        ("models", "set", "{}", "context_window=8192"),
    ],
    ids=lambda command: "-".join(command).replace("{}", "x"),
)
def test_a_name_of_any_form_is_known_or_wrong_use(
    run: Run, tmp_path: Path, command: tuple[str, ...], name: str
) -> None:
    said = run(*(part.format(name) for part in command))

    assert said.code in {0, 1, 2, 3}
    assert {path.name for path in tmp_path.iterdir()} <= {"home", "reports", ".hypothesis"}
    assert "\x1b" not in said.out + said.err
