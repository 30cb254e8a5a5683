"""How a gate deals its checks to processes, and that they write one evidence."""

import json
from pathlib import Path

import pytest

from kimi_conformance.checks.bench import Bench
from kimi_conformance.checks.options import Options
from kimi_conformance.cli.checking.pytest_child import CheckRun, files_of, paths_of
from kimi_conformance.cli.checking.shares import in_shares
from kimi_conformance.http import httpx
from kimi_conformance.stage import Script, replies
from kimi_conformance.suite import find

SUITE = find()
RUN = CheckRun(lane="cassette", edition="2025-09", adapters=("reference",))
FILE, OTHER = Path("run.jsonl"), Path("other.jsonl")


@pytest.mark.parametrize(
    ("runs", "processors", "shares"), [(1, 1, 2), (1, 2, 3), (2, 2, 2), (2, 1, 1), (1, 64, 4)]
)
def test_there_are_more_shares_than_processors_but_no_more_than_are_worth_it(
    runs: int, processors: int, shares: int
) -> None:
    files = [FILE, OTHER][:runs]

    dealt = in_shares([(RUN, file) for file in files], SUITE, processors)

    assert [file for _, file in dealt] == [file for file in files for _ in range(shares)]
    assert [run.share for run, _ in dealt] == [*range(1, shares + 1)] * runs


def test_each_file_is_in_one_share_and_a_topic_in_one_process() -> None:
    shares = [run for run, _ in in_shares([(RUN, FILE)], SUITE, 2)]

    dealt = [path for run in shares for path in paths_of(run, SUITE)]
    assert sorted(dealt) == sorted(str(file) for file in files_of(RUN, SUITE))
    topics = [topic for run in shares for topic in run.topics]
    assert len(topics) == len(set(topics))


def test_the_shares_are_about_equally_large() -> None:
    shares = [run for run, _ in in_shares([(RUN, FILE)], SUITE, 2)]

    sizes = [sum(Path(path).stat().st_size for path in paths_of(run, SUITE)) for run in shares]
    assert max(sizes) < 1.2 * min(sizes)


def test_what_holds_for_all_shares_is_said_by_the_first(tmp_path: Path) -> None:
    said = {}
    for share in (1, 2):
        file = tmp_path / f"{share}.jsonl"
        bench = Bench(Options(evidence=file, share=share))
        bench.announce(7)
        bench.close()
        said[share] = [json.loads(line)["record"] for line in file.read_text().splitlines()]

    assert said == {1: ["plan", "sut", "sut"], 2: ["plan"]}


def test_no_two_shares_name_their_exchanges_alike() -> None:
    ids = []
    for share in (1, 2):
        bench = Bench(Options(share=share))
        lane = bench.stage.open_lane(Script([replies.completion()]))
        with httpx.Client(trust_env=False) as client:
            client.get(f"{lane.base_url}/models")
        assert lane.journal is not None
        [exchange] = lane.journal.exchanges
        ids.append(exchange.id)
        bench.close()

    assert [id.rstrip("0123456789") for id in ids] == ["x", "x2-"]
