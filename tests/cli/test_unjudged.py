"""Samples that nobody has judged yet, in the folder of a run that was killed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.load.written import HEADER, PLAIN

from kimi_conformance.cli.keeping.unjudged import with_unjudged
from kimi_conformance.load.running.launch import judge_samples, objectives_of
from kimi_conformance.load.samples.log import SampleLog
from kimi_conformance.load.samples.records import Sample
from kimi_conformance.runs import Run, encode, parse

SLO = '[all.success_rate]\nmetric = "success"\nobjective = 0.9\n'
UNWARMED = replace(HEADER, warm_up_s=0.0)


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    path = tmp_path / "steady_chat.samples"
    with SampleLog(path, UNWARMED) as log:
        for at in range(5):
            log.add(Sample(kind=PLAIN, intended=at, start=at, end=at + 0.5))
    objectives_of(path).write_text(SLO, "utf-8")
    return path


def run(*records: dict[str, object]) -> Run:
    header = {"record": "header", "schema": 1, "job": "load"}
    return parse([encode(record) for record in (header, *records)])


def test_they_are_judged_by_what_was_promised_when_the_load_began(samples: Path) -> None:
    (load,) = with_unjudged(run(), samples.parent).loads

    assert (load["requests"], load["complete"], load["ended"]) == (5, False, "killed")
    assert [each["name"] for each in load["objectives"]] == ["success_rate"]
    assert load["objectives"][0]["verdict"] == "undecided"
    assert load["ended_because"] == "its process was killed"


def test_what_was_judged_is_not_judged_again(samples: Path) -> None:
    record = judge_samples(samples)

    assert with_unjudged(run(record), samples.parent).loads == [json.loads(json.dumps(record))]


def test_what_cannot_be_read_is_told_of_and_left_out(
    samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    samples.with_name("broken.samples").write_bytes(b"\0\n")
    samples.with_name("unpromised.samples").write_bytes(samples.read_bytes())

    found = with_unjudged(run(), samples.parent)

    assert [load["samples"]["file"] for load in found.loads] == ["steady_chat.samples"]
    said = capsys.readouterr().err
    assert "broken.samples is left out" in said
    assert "unpromised.samples is left out" in said
