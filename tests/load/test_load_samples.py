import json
import math
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.load.written import HEADER
from tests.load.written import STREAM as KIND

from kimi_conformance.errors import RunError
from kimi_conformance.load.samples.file import SampleFile, read_samples
from kimi_conformance.load.samples.format import FIELDS, RECORD, REQUESTS, ROWS, Block
from kimi_conformance.load.samples.log import Batch, SampleLog, first_line
from kimi_conformance.load.samples.records import End, Ended, ErrorClass, Kind, Sample, Tick

SAMPLE = Sample(
    kind=KIND,
    intended=1.5,
    start=1.5,
    end=2.0,
    connect_s=0.125,
    first_byte=1.625,
    first_event=1.75,
    first_reasoning=1.75,
    first_answer=1.875,
    stall_s=0.0625,
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
    reads=7,
)
END = End(at=10.2, why=Ended.COMPLETE)
SECONDS = st.floats(0, 1000)
COUNTS = st.none() | st.integers(0, 2_000_000)
KINDS = st.builds(
    Kind,
    name=st.text(),
    model=st.text(),
    streamed=st.booleans(),
    status=st.none() | st.integers(100, 599),
    error=st.sampled_from(ErrorClass),
    detail=st.text(),
)


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    intended = draw(SECONDS)
    start = intended + draw(SECONDS)

    def later() -> float | None:
        return draw(st.none() | SECONDS.map(lambda seconds: start + seconds))

    return Sample(
        kind=draw(KINDS),
        intended=intended,
        start=start,
        end=start + draw(SECONDS),
        connect_s=draw(st.none() | SECONDS),
        first_byte=later(),
        first_event=later(),
        first_reasoning=later(),
        first_answer=later(),
        stall_s=draw(st.none() | SECONDS),
        prompt_tokens=draw(COUNTS),
        completion_tokens=draw(COUNTS),
    )


def written(*rows: Sample | Tick | End) -> bytes:
    """A file into which each row was written by itself."""
    batch = Batch(HEADER)
    content = first_line(HEADER)
    for row in rows:
        if isinstance(row, Sample):
            batch.add(row)
        else:
            batch.note(row)
        content += batch.take()
    return content


def numbers(sample: Sample) -> list[float | None]:
    first = sample.first
    return [
        *(sample.intended, sample.end - sample.intended, sample.start - sample.intended),
        *(sample.connect_s, sample.stall_s, sample.prompt_tokens, sample.completion_tokens),
        *(None if first is None else first - sample.intended,),
        *(
            None if at is None else at - sample.start
            for at in (sample.first_byte, sample.first_event)
        ),
        *(sample.first_reasoning, sample.first_answer),
    ]


def close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=0.0006, abs_tol=0.0001)


@given(every=st.lists(samples(), max_size=5))
def test_what_was_written_is_read_within_the_stated_error(every: list[Sample]) -> None:
    file = read_samples(written(*every, END))

    read = sorted(file.samples, key=lambda sample: (sample.intended, str(sample.kind)))
    every = sorted(every, key=lambda sample: (sample.intended, str(sample.kind)))
    assert (file.header, file.end, file.torn, file.count) == (HEADER, END, False, len(every))
    assert [one.kind for one in read] == [one.kind for one in every]
    for one, other in zip(read, every, strict=True):
        assert all(map(close, numbers(one), numbers(other)))


def test_a_sample_whose_numbers_are_short_is_read_exactly() -> None:
    assert read_samples(written(SAMPLE)).samples == [SAMPLE]


def test_many_samples_taken_together_keep_their_order() -> None:
    batch = Batch(HEADER)
    for number in range(1000):
        batch.add(replace(SAMPLE, intended=float(number), prompt_tokens=number))

    (group,) = read_samples(first_line(HEADER) + batch.take()).groups

    assert list(group.column("prompt_tokens")) == list(range(1000))
    assert list(group.intended) == list(range(1000))


def test_a_tick_is_read_exactly() -> None:
    assert read_samples(written(TICK)).ticks == [TICK]


@given(every=st.lists(samples(), max_size=4), part=st.floats(0, 1))
def test_whatever_is_written_is_kept_up_to_the_cut(every: list[Sample], part: float) -> None:
    """A killed writer loses the block that it was writing, and no other."""
    content = written(*every, TICK, END)
    begin = len(first_line(HEADER))
    cut = begin + round(part * (len(content) - begin))
    lengths = [len(written(*every[:count])) for count in range(len(every) + 1)]

    file = read_samples(content[:cut])

    assert file.count == sum(length <= cut for length in lengths) - 1
    assert file.ticks == ([TICK] if cut >= len(written(*every, TICK)) else [])
    assert file.end == (END if cut == len(content) else None)


def test_a_file_of_the_version_before_is_still_read() -> None:
    old = {"name": "chat/greeting", "model": "kimi-k2.6", "streamed": True, "status": 200}
    row = {"row": "kind", "source": 0, "key": 0, **old, "error": "ok", "detail": ""}
    payload = json.dumps(row).encode() + b"\n"
    header = first_line(HEADER).replace(b'"schema":3', b'"schema":2')
    record = Block(REQUESTS, struct.pack("<fff6eII", 1.5, *[0.5] * 8, 7, 3))

    (sample,) = read_samples(header + Block(ROWS, payload).encode() + record.encode()).samples

    assert (sample.kind, sample.kind.attempts, sample.kind.held) == (KIND, 1, None)


@pytest.mark.parametrize("held", [None, False, True])
def test_a_kind_says_how_a_call_came_about(held: bool | None) -> None:
    kind = KIND._replace(error=ErrorClass.RATE_LIMIT, attempts=3, expected=True, held=held)

    (sample,) = read_samples(written(replace(SAMPLE, kind=kind))).samples

    assert sample.kind == kind
    assert not sample.kind.counts


def test_a_tick_names_the_process_that_noted_it() -> None:
    batch = Batch(HEADER, 7)
    batch.note(TICK)

    (tick,) = read_samples(first_line(HEADER) + batch.take()).ticks

    assert tick == replace(TICK, source=7)


def test_a_file_cut_anywhere_keeps_every_block_before_the_cut() -> None:
    rows = (SAMPLE, replace(SAMPLE, kind=KIND._replace(status=None)), END)
    content = written(*rows)
    whole = [len(written(*rows[:count])) for count in range(len(rows) + 1)]

    for cut in range(whole[0], len(content)):
        file = read_samples(content[:cut])
        blocks = sum(end <= cut for end in whole) - 1

        assert file.count + bool(file.end) == blocks
        assert file.torn or cut in whole or _at_a_kind(content, cut)


def _at_a_kind(content: bytes, cut: int) -> bool:
    """Whether the cut is between the row that names a kind and its first request."""
    return content[:cut].endswith(b"}\n")


def test_a_last_block_of_which_bytes_are_missing_in_its_midst_is_torn() -> None:
    content = bytearray(written(SAMPLE))
    content[-5] ^= 0xFF

    file = read_samples(bytes(content))

    assert (file.count, file.torn) == (0, True)


def test_a_damaged_block_in_the_middle_is_refused() -> None:
    content = bytearray(written(SAMPLE, END))
    content[len(written(SAMPLE)) - 5] ^= 0xFF

    with pytest.raises(RunError, match="is damaged"):
        read_samples(bytes(content))


def test_a_block_of_another_writer_is_refused() -> None:
    payload = b'{"row": "kind", "source": 0}\n'
    head = struct.pack("<BBHHHIId", 1, 0, 0, 0, 0, len(payload), 0, 0.0)
    checksum = zlib.crc32(payload, zlib.crc32(head))
    block = struct.pack("<BBHHHIId", 1, 0, 0, 0, 0, len(payload), checksum, 0.0) + payload

    with pytest.raises(RunError, match="none of ours"):
        read_samples(written() + block)


def test_all_that_was_flushed_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "one.samples"
    log = SampleLog(path, HEADER)

    log.add(SAMPLE)
    log.flush()
    log.add(SAMPLE)

    assert read_samples(path.read_bytes()).count == 1
    log.close()
    assert read_samples(path.read_bytes()).count == 2


def test_an_earlier_run_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "one.samples"
    path.write_bytes(b"before")

    with pytest.raises(RunError, match="File exists"):
        SampleLog(path, HEADER)
    assert path.read_bytes() == b"before"


def test_a_full_disk_leaves_what_was_written_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one.samples"
    log = SampleLog(path, HEADER)
    log.add(SAMPLE)
    log.flush()

    def half(descriptor: int, data: bytes) -> int:
        if len(data) < 60:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[:40])

    import os

    write = os.write
    log.add(SAMPLE)
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", half)
        with pytest.raises(RunError, match="No space left"):
            log.flush()

    file = read_samples(path.read_bytes())
    assert (file.count, file.torn) == (1, False)
    log.close()


def test_the_first_line_describes_the_records() -> None:
    line, _, rest = written(SAMPLE).partition(b"\n")
    described = json.loads(line)["requests"]
    layout = "<" + "".join(field["type"] for field in described["fields"])

    names = [field["name"] for field in described["fields"]]
    by_hand: dict[str, Any] = dict(zip(names, struct.unpack(layout, rest[-32:]), strict=True))

    assert described["size"] == struct.calcsize(layout) == RECORD.size == 32
    assert by_hand["response"] == 0.5
    assert by_hand["thinking"] == 0.125
    assert by_hand["completion_tokens"] == 3
    assert names == [name for name, _, _ in FIELDS]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cut in its first line"),
        (first_line(HEADER)[:-1], "cut in its first line"),
        (b"{}\n", "does not begin with a header"),
        (b"[]\n", "does not begin with a header"),
        (b"nonsense\n", "line 1 is not JSON"),
        (b'{"record":"samples","schema":99}\n', "schema 99, this suite reads 2 and 3"),
        (b'{"record":"samples","schema":2}\n', "without 'scenario'"),
    ],
)
def test_what_is_no_samples_file_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(RunError, match=message):
        read_samples(content)


def test_a_run_without_an_end_was_killed() -> None:
    assert read_samples(written(SAMPLE)).end is None


def test_an_end_keeps_what_the_scenario_raised() -> None:
    end = End(at=1.0, why=Ended.BROKEN, faults=("ZeroDivisionError: division by zero",))

    assert read_samples(written(end)).end == end


def pooled(*gaps: float, end: float = 3.0) -> SampleFile:
    batch = Batch(HEADER)
    batch.add(replace(SAMPLE, end=end), gaps)
    return read_samples(first_line(HEADER) + batch.take())


@given(st.lists(st.floats(0.0001, 3600), min_size=1))
def test_gaps_are_pooled_within_a_twentieth_of_a_percent(gaps: list[float]) -> None:
    (group,) = pooled(*gaps).groups

    read = sorted(gap for gap, count in group.gaps.items() for _ in range(count))
    assert len(read) == len(gaps)
    assert read == pytest.approx(sorted(gaps), rel=0.0005)


def test_gaps_of_the_warm_up_are_not_among_them() -> None:
    (group,) = pooled(0.5, end=1.9).groups

    assert group.gaps == {}


def test_times_beyond_all_measure_are_cut_and_not_lost() -> None:
    endless = replace(SAMPLE, start=1e6, end=2e6, stall_s=1e6)
    batch = Batch(HEADER)
    batch.add(endless, (1e6,))

    (group,) = read_samples(first_line(HEADER) + batch.take()).groups

    assert list(group.column("stall")) == [65_504.0]
    assert group.gaps == {65_504.0: 1}
    assert group.column("response")[0] == pytest.approx(2e6)
