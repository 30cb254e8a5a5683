import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_conformance.errors import RunError
from kimi_conformance.load.samples import (
    End,
    Ended,
    ErrorClass,
    Header,
    Sample,
    SampleLog,
    Tick,
    read_samples,
)

HEADER = Header(
    scenario="steady_chat",
    question="does it hold?",
    workload="closed; 2 users",
    kind="simulator",
    base_url="http://127.0.0.1:1/v1",
    model="kimi-k2.6",
    started="2026-11-21T08:00:00+00:00",
    planned_s=10.0,
    warm_up_s=2.0,
)
SAMPLE = Sample(
    intended=1.5,
    start=1.5,
    first=None,
    end=2.0,
    gaps=(),
    name="chat/greeting",
    model="kimi-k2.6",
    streamed=False,
    status=200,
    error=ErrorClass.OK,
    detail="",
    prompt_tokens=7,
    completion_tokens=3,
)
TICK = Tick(
    at=1.000021,
    users=2,
    host_cpu=20.5,
    host_memory=30.0,
    load_cpu=5.0,
    load_memory=1.0,
    target_cpu=12.5,
    target_memory=None,
    own_core=10.0,
    lags=(0.001, 0.002),
)
END = End(at=10.2, why=Ended.COMPLETE)
SECONDS = st.floats(0, 1e6)
SAMPLES = st.builds(
    Sample,
    intended=SECONDS,
    start=SECONDS,
    first=st.none() | SECONDS,
    end=SECONDS,
    gaps=st.lists(SECONDS).map(tuple),
    name=st.text(),
    model=st.text(),
    streamed=st.booleans(),
    status=st.none() | st.integers(100, 599),
    error=st.sampled_from(ErrorClass),
    detail=st.text(),
    prompt_tokens=st.none() | st.integers(0),
    completion_tokens=st.none() | st.integers(0),
)


def written(path: Path, *rows: Sample | End) -> bytes:
    with SampleLog(path, HEADER) as log:
        for row in rows:
            log.add(row)
    return path.read_bytes()


@given(samples=st.lists(SAMPLES, max_size=5))
def test_what_was_written_is_read_exactly(
    tmp_path_factory: pytest.TempPathFactory, samples: list[Sample]
) -> None:
    path = tmp_path_factory.mktemp("samples") / "samples.jsonl"

    file = read_samples(written(path, *samples, END))

    assert list(file.samples) == samples
    assert (file.header, file.end, file.torn) == (HEADER, END, False)


def test_a_tick_is_read_exactly(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    with SampleLog(path, HEADER) as log:
        log.add(TICK)

    assert read_samples(path.read_bytes()).ticks == [TICK]


def test_a_file_cut_anywhere_keeps_every_row_before_the_cut(tmp_path: Path) -> None:
    content = written(tmp_path / "samples.jsonl", SAMPLE, replace(SAMPLE, gaps=(0.1, 0.2)), END)
    header = content.index(b"\n") + 1

    for cut in range(header, len(content)):
        whole_rows = content[header:cut].count(b"\n")
        file = read_samples(content[:cut])

        assert len(file.samples) + bool(file.end) == whole_rows
        assert file.torn == (not content[:cut].endswith(b"\n"))


def test_every_row_is_there_as_soon_as_it_was_added(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    log = SampleLog(path, HEADER)

    log.add(SAMPLE)

    assert len(read_samples(path.read_bytes()).samples) == 1
    log.close()


def test_an_earlier_run_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    before = written(path, SAMPLE)

    with pytest.raises(RunError, match="File exists"):
        SampleLog(path, HEADER)
    assert path.read_bytes() == before


def test_the_header_names_the_fields_of_each_row(tmp_path: Path) -> None:
    header, request, _ = written(tmp_path / "samples.jsonl", SAMPLE, END).splitlines()

    names = json.loads(header)["rows"]["request"]
    kind, *values = json.loads(request)

    assert kind == "request"
    read_by_hand = dict(zip(names, values, strict=True))
    assert read_by_hand == {**asdict(SAMPLE), "gaps": []}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not begin with a header"),
        (b"{}\n", "does not begin with a header"),
        (b"[]\n", "does not begin with a header"),
        (b"nonsense\n", "line 1 is not JSON"),
        (b'{"record":"samples","schema":99}\n', "schema 99"),
        (b'{"record":"samples","schema":1}\n', "without 'scenario'"),
    ],
)
def test_what_is_no_samples_file_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(RunError, match=message):
        read_samples(content)


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b'["request", 1]',
        b'["else"]',
        b"[[]]",
        b"null",
        b'["end",1,"why",[]]',
        b"{}",
        b"[",
        b"7",
    ],
)
def test_a_damaged_row_in_the_middle_is_refused(tmp_path: Path, line: bytes) -> None:
    content = written(tmp_path / "samples.jsonl", SAMPLE)

    with pytest.raises(RunError, match="line 3"):
        read_samples(content + line + b"\n" + content.splitlines(keepends=True)[1])


def test_a_run_without_an_end_was_killed(tmp_path: Path) -> None:
    content = written(tmp_path / "samples.jsonl", SAMPLE)

    assert read_samples(content).end is None


def test_an_end_keeps_what_the_scenario_raised(tmp_path: Path) -> None:
    end = End(at=1.0, why=Ended.BROKEN, faults=("ZeroDivisionError: division by zero",))

    assert read_samples(written(tmp_path / "samples.jsonl", end)).end == end
