"""What is found beside a run for its report."""

import json
from pathlib import Path
from typing import Any

import pytest

from kimi_conformance import suite as suites
from kimi_conformance.cli.keeping.beside import beside
from kimi_conformance.cli.keeping.history_file import DEFAULT, read_past
from kimi_conformance.history.store import History
from kimi_conformance.reporting.views.recordings import Recorded, recordings
from kimi_conformance.runs import Run, encode, parse

HEADER = {
    "record": "header",
    "schema": 1,
    "job": "gate",
    "lane": "cassette",
    "edition": "2025-09",
    "source": "recordings",
    "suite": {"version": "0.1.0", "python": "3.11.7", "platform": "Linux x86_64"},
    "started": "2026-11-21T08:00:00+00:00",
}
FOOTER = {
    "record": "footer",
    "ended": "2026-11-21T08:00:01+00:00",
    "verdict": "CONFORMANT",
    "because": "",
    "seconds": 1.0,
}


def write(out: Path, name: str, *, whole: bool = True, **header: Any) -> Path:
    folder = out / name
    folder.mkdir(parents=True)
    records = [{**HEADER, "run": name, **header}, *([FOOTER] if whole else [])]
    (folder / "run.jsonl").write_bytes(b"".join(map(encode, records)))
    return folder


def read(folder: Path) -> Run:
    return parse((folder / "run.jsonl").read_bytes().splitlines(keepends=True))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder without a history."""
    monkeypatch.chdir(tmp_path)


def earlier(folder: Path) -> str | None:
    found = beside(read(folder), folder, suites.find()).earlier
    return str(found.header["run"]) if found else None


def test_the_newest_run_before_it_of_its_kind_is_held_against_it(tmp_path: Path) -> None:
    for name in ("20261119-080000-gate", "20261120-080000-gate", "20261122-080000-gate"):
        write(tmp_path, name)
    run = write(tmp_path, "20261121-080000-gate")

    assert earlier(run) == "20261120-080000-gate"


@pytest.mark.parametrize(
    "other",
    [
        {"job": "nightly"},
        {"lane": "live"},
        {"edition": "2026-09"},
        {"whole": False},
        {"configuration": {"scenario": "spike"}},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_run_of_another_kind_or_cut_short_is_not(tmp_path: Path, other: dict[str, Any]) -> None:
    write(tmp_path, "20261119-080000-gate")
    write(tmp_path, "20261120-080000-gate", **other)
    run = write(tmp_path, "20261121-080000-gate")

    assert earlier(run) == "20261119-080000-gate"


@pytest.mark.parametrize(
    "content", [b"", b"\xff\n", b"[]\n", json.dumps(HEADER).encode() + b"\nx\n"]
)
def test_what_cannot_be_read_is_passed_over(tmp_path: Path, content: bytes) -> None:
    damaged = tmp_path / "20261120-080000-gate"
    damaged.mkdir()
    (damaged / "run.jsonl").write_bytes(content)
    run = write(tmp_path, "20261121-080000-gate")

    assert earlier(run) is None


def test_runs_of_the_same_kind_in_the_history_make_the_trend(tmp_path: Path) -> None:
    catalogue = suites.find().catalogue()
    runs = [
        write(tmp_path, "20261119-080000-gate", started="2026-11-19T08:00:00+00:00"),
        write(tmp_path, "20261120-080000-nightly", job="nightly"),
        write(tmp_path, "20261121-080000-gate"),
    ]
    DEFAULT.parent.mkdir()
    with History(DEFAULT, create=True) as history:
        for folder in runs:
            history.add(read_past(folder, catalogue))

    found = beside(read(runs[-1]), runs[-1], suites.find()).history

    assert [(point.run, point.started, point.verdict) for point in found] == [
        ("20261119-080000-gate", "2026-11-19T08:00:00+00:00", "CONFORMANT"),
        ("20261121-080000-gate", "2026-11-21T08:00:00+00:00", "CONFORMANT"),
    ]


def test_recordings_prices_and_mutants_are_those_of_the_suite(tmp_path: Path) -> None:
    suite = suites.find()
    run = write(tmp_path, "20261121-080000-gate", edition="2026-09")

    found = beside(read(run), run, suite)

    assert len(found.recordings) == len(list((suite.cassettes / "2026-09").rglob("*.yaml")))
    assert {one.source for one in found.recordings} == {"simulator"}
    assert found.killers["SSE-001"]
    assert {id for id, price in found.prices.items() if price.output > 0}


def test_a_night_judges_how_old_live_recordings_are_and_a_gate_does_not(tmp_path: Path) -> None:
    file = tmp_path / "cassettes" / "2026-09" / "endpoint" / "models" / "a.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("interactions: []\nprovenance:\n  recorded_on: '2026-11-01'\n  source: live\n")
    (tmp_path / "conformance").symlink_to(suites.find().conformance)
    old = suites.Suite(root=tmp_path)
    night = write(
        tmp_path, "20261121-080000-nightly", lane="live", job="nightly", edition="2026-09"
    )
    gate = write(tmp_path, "20261121-080000-gate", edition="2026-09")
    read_at = file.stat().st_mtime_ns

    judged = beside(read(night), night, old).recordings

    assert judged == (Recorded("live", "2026-11-01", "model list"),)
    assert recordings(judged, "2026-11-21") == (
        ("the live API, model list", "1", "2026-11-01", "2026-11-01", "20 days: amber"),
    )
    assert [one.subject for one in beside(read(gate), gate, old).recordings] == [""]
    assert file.stat().st_mtime_ns == read_at


def test_where_no_recording_answered_none_is_named(tmp_path: Path) -> None:
    run = write(tmp_path, "20261121-080000-gate", lane="live")

    assert beside(read(run), run, suites.find()).recordings == ()
