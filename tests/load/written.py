"""What a load run writes down, for tests of what is made of it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kimi_conformance.load.samples.file import SampleFile, read_samples
from kimi_conformance.load.samples.log import Batch, first_line
from kimi_conformance.load.samples.records import (
    End,
    Ended,
    ErrorClass,
    Header,
    Kind,
    Sample,
    Step,
    Tick,
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
STREAM = Kind("chat/greeting", "kimi-k2.6", True, 200, ErrorClass.OK, "")
PLAIN = STREAM._replace(streamed=False)


def tick(at: float, **changes: Any) -> Tick:
    """A look at processes that have little to do."""
    calm = Tick(
        at=at,
        users=2,
        host_cpu=20.0,
        host_memory=30.0,
        load_cpu=5.0,
        load_memory=1.0,
        target_cpu=None,
        target_memory=None,
        own_core=10.0,
        lags=(0.001, 0.002),
    )
    return replace(calm, **changes)


def ticks(seconds: int, **changes: Any) -> list[Tick]:
    """One at the end of each second."""
    return [tick(float(second), **changes) for second in range(1, seconds + 1)]


TICKS = ticks(10)
END = End(at=10.0, why=Ended.COMPLETE)


def content(
    samples: Sequence[Sample] = (),
    *,
    gaps: tuple[float, ...] = (),
    ticks: Sequence[Tick] = TICKS,
    end: End | None = END,
    header: Header = HEADER,
    steps: Sequence[Step] = (),
    rows: bytes = b"",
) -> bytes:
    """A samples file.

    Args:
        samples: Of the first process; each has these gaps.
        gaps: Seconds between tokens.
        ticks: Each of the process that it names.
        end: None: it was killed.
        header: What was planned.
        steps: The parts of the run.
        rows: A block that stands before all others.
    """
    batches = {source: Batch(header, source) for source in {0, *(noted.source for noted in ticks)}}
    for step in steps:
        batches[0].note(step)
    for sample in samples:
        batches[0].add(sample, gaps)
    for noted in ticks:
        batches[noted.source].note(noted)
    if end:
        batches[0].note(end)
    return first_line(header) + rows + b"".join(batch.take() for batch in batches.values())


def written(samples: Sequence[Sample] = (), **more: Any) -> SampleFile:
    """What is read of such a file; the arguments are those of `content`."""
    return read_samples(content(samples, **more))
