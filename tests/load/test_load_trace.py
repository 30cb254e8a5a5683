import json
import runpy
from pathlib import Path

import pytest

from kimi_conformance import suite
from kimi_conformance.errors import UsageError
from kimi_conformance.load.users.arrivals import Arrival
from kimi_conformance.load.users.trace import read_trace

TRACES = suite.find().loadtests / "traces"
GOOD = '{"timestamp": 5000, "input_length": 100, "output_length": 8}'


def test_a_trace_is_read_line_by_line_and_begins_at_its_first_request(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    more = '{"timestamp": 5250.5, "input_length": 7, "output_length": 1, "hash_ids": [1, 2]}'
    path.write_text(f"{GOOD}\n\n{more}\n", "utf-8")

    trace = read_trace(path)

    assert list(trace) == [Arrival(0.0, 100, 8), Arrival(0.2505, 7, 1)]
    assert trace.stretched(3) == trace


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nonsense", "line 3 is not JSON"),
        ("[]", "line 3 is no object"),
        ("{}", "line 3: 'timestamp' is None"),
        (GOOD.replace("5000", "true"), "line 3: 'timestamp' is True"),
        (GOOD.replace("5000", "-1"), "not milliseconds from 0 on"),
        (GOOD.replace("5000", "NaN"), "'timestamp' is nan"),
        (GOOD.replace("100", "1.5"), "'input_length' is 1.5, not a number of tokens"),
        (GOOD.replace(', "output_length": 8', ""), "'output_length' is None"),
        (GOOD.replace("5000", "4999"), "line 3 came before the line above it"),
    ],
)
def test_a_line_that_is_no_request_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text(f"{GOOD}\n\n{line}\n", "utf-8")

    with pytest.raises(UsageError, match=message):
        read_trace(path)


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "is empty"), (b"\n \n", "is empty"), (b"\xff", "not UTF-8")]
)
def test_a_file_that_is_no_trace_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_bytes(content)

    with pytest.raises(UsageError, match=message):
        read_trace(path)


def test_a_trace_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.jsonl cannot be read: No such file"):
        read_trace(tmp_path / "none.jsonl")


def test_the_sample_is_what_its_generator_makes() -> None:
    make = runpy.run_path(str(TRACES / "make.py"))

    lines = [json.dumps(each) for each in make["trace"](make["SEED"])]

    assert (TRACES / "sample.jsonl").read_text("utf-8").splitlines() == lines
    assert len(read_trace(TRACES / "sample.jsonl").arrivals) == len(lines) > 500
