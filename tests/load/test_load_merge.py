"""One samples file from those of several processes, whichever of them was killed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.load.written import HEADER, PLAIN, tick

from kimi_conformance.errors import RunError
from kimi_conformance.load.judging.ending import account_of, words_of
from kimi_conformance.load.samples.file import read_samples
from kimi_conformance.load.samples.log import Batch, first_line
from kimi_conformance.load.samples.merge import collected, part_beside, row_block
from kimi_conformance.load.samples.records import End, Ended, Header, Sample


def blocks(source: int, *moments: float) -> bytes:
    batch = Batch(HEADER, source)
    for at in moments:
        batch.add(Sample(kind=PLAIN, intended=at, start=at, end=at + 0.5))
    return batch.take()


def noted(row: Any, source: int = 0) -> bytes:
    batch = Batch(HEADER, source)
    batch.note(row)
    return batch.take()


def member(number: int, of: int = 2) -> bytes:
    row = {"row": "source", "worker": number, "of": of, "host": "h", "pid": 1, "clock_error_s": 0.0}
    return row_block(row, number)


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    return tmp_path / "steady_chat.samples"


def write(path: Path, *content: bytes, header: Header = HEADER) -> None:
    path.write_bytes(first_line(header) + b"".join(content))


def moments(content: bytes) -> list[float]:
    return [round(sample.intended, 3) for sample in read_samples(content).samples]


def test_the_file_of_one_process_stays_as_it_is(samples: Path) -> None:
    write(samples, blocks(0, 1.0, 2.0), noted(End(at=3.0, why=Ended.COMPLETE)))

    found = collected(samples)

    assert found.content == samples.read_bytes()
    assert (list(found.parts), dict(found.counts), found.until[0]) == ([], {0: 2}, 2.5)


def test_what_the_master_has_not_is_taken_from_the_workers_file(samples: Path) -> None:
    early, late = blocks(1, 1.0), blocks(1, 2.0)
    write(samples, member(1), early, blocks(2, 1.5))
    write(part_beside(samples, 1), early, late)
    write(part_beside(samples, 2), blocks(2, 1.5))

    found = collected(samples)

    assert moments(found.content) == [1.0, 1.5, 2.0]
    assert list(found.parts) == ["steady_chat.worker-1.part"]
    assert found.counts[1] == 2


def test_what_the_master_has_more_of_is_not_taken_away(samples: Path) -> None:
    write(samples, blocks(1, 1.0, 2.0))
    write(part_beside(samples, 1), blocks(1, 1.0))

    assert moments(collected(samples).content) == [1.0, 2.0]


def test_the_file_of_another_run_is_not_taken(samples: Path) -> None:
    write(samples, blocks(1, 1.0))
    other = replace(HEADER, started="2026-09-02T00:00:00+00:00")
    write(part_beside(samples, 1), blocks(1, 1.0, 2.0), header=other)

    assert moments(collected(samples).content) == [1.0]


def test_a_torn_end_loses_its_own_block_only(samples: Path) -> None:
    whole = blocks(1, 1.0)
    write(samples, whole, blocks(2, 1.5)[:-1])
    write(part_beside(samples, 1), whole, blocks(1, 2.0), blocks(1, 3.0)[:-1])

    found = collected(samples)

    assert moments(found.content) == [1.0, 2.0]
    assert read_samples(found.content).torn


def test_a_run_that_wrote_half_a_line_has_nothing_to_be_judged(samples: Path) -> None:
    samples.write_bytes(first_line(HEADER)[:-1])

    with pytest.raises(RunError, match="cut in its first line"):
        read_samples(collected(samples).content)


def test_samples_that_are_not_there_are_said_to_be(samples: Path) -> None:
    with pytest.raises(RunError, match="cannot be read"):
        collected(samples)


def told(samples: Path) -> dict[str, Any]:
    found = collected(samples)
    return account_of(found, read_samples(found.content))


def test_a_lost_worker_is_named_with_what_is_kept_of_it(samples: Path) -> None:
    lost = row_block({"row": "lost", "worker": 2, "at": 12.3}, 2)
    end = noted(End(at=13.0, why=Ended.WORKER_LOST))
    write(
        samples,
        member(1),
        member(2),
        blocks(2, 11.4),
        blocks(1, 1.0),
        noted(tick(9.0), 1),
        lost,
        end,
    )

    account = told(samples)

    assert account["ended_because"] == (
        "worker 2 of 2 (h) was lost at 12.3 s; its samples until 11.9 s are kept"
    )
    assert [worker["lost_at_s"] for worker in account["workers"]] == [None, 12.3]
    assert [worker["until_s"] for worker in account["workers"]] == [9.0, 11.9]


def test_what_workers_spent_is_added_up_as_each_told_it_last(samples: Path) -> None:
    def spent(source: int, requests: int, reached: str = "") -> bytes:
        row = {"row": "spent", "limits": {"--max-requests": 5}, "requests": requests}
        return row_block(
            {**row, "tokens": 10, "dollars": 0.5, "refused": 0, "reached": reached}, source
        )

    end = noted(End(at=3.0, why=Ended.BUDGET))
    write(samples, spent(1, 0), spent(1, 5, "--max-requests"), spent(2, 4), end)

    account = told(samples)

    assert account["spent"]["requests"] == 9
    assert account["spent"]["limits"] == {"--max-requests": 10}
    assert account["ended_because"] == (
        "the budget of --max-requests 10 did not cover another request (9 requests, 20 tokens, $1 "
        "were spent)"
    )


@pytest.mark.parametrize(
    ("end", "because"),
    [
        ((noted(End(at=3.0, why=Ended.COMPLETE)),), ""),
        ((noted(End(at=3.0, why=Ended.INTERRUPTED)),), "it was stopped before its time"),
        ((), "its process was killed"),
    ],
)
def test_why_it_was_over_is_told(samples: Path, end: tuple[bytes, ...], because: str) -> None:
    write(samples, blocks(0, 1.0), *end)

    assert told(samples) == {
        "ended_because": because,
        "workers": [],
        "spent": None,
        "parts": [],
    }


def test_who_put_the_load_on_and_what_it_took_is_said_in_words(samples: Path) -> None:
    spent = {"row": "spent", "limits": {"--max-cost": 0.5}, "requests": 7, "tokens": 1200}
    row = row_block({**spent, "dollars": 0.25, "refused": 0, "reached": ""}, 1)
    lost = row_block({"row": "lost", "worker": 2, "at": 3.25}, 2)
    write(
        samples,
        member(1),
        member(2),
        blocks(1, 1.0),
        row,
        lost,
        noted(End(at=4.0, why=Ended.COMPLETE)),
    )

    words = words_of(told(samples))

    assert words == [
        "The load came from 2 workers: 1 (h), 1 requests; 2 (h), 0 requests, lost at 3.2 s.",
        "Spent: 7 requests, 1,200 tokens and $0.2500, of --max-cost 0.5.",
    ]


def test_of_one_process_without_limits_nothing_is_said(samples: Path) -> None:
    write(samples, blocks(0, 1.0), noted(End(at=3.0, why=Ended.COMPLETE)))

    assert words_of(told(samples)) == []
