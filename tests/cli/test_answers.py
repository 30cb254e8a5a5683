"""Several runs answer as one: with the worst verdict, and every check under its edition."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from kimi_conformance.cli.showing import show
from kimi_conformance.cli.showing.show import joined


def answer(edition: str, verdict: str, because: str) -> dict[str, Any]:
    return {
        "verdict": verdict,
        "because": because,
        "edition": edition,
        "source": "recordings",
        "counts": {"passed": 2, "failed": 1},
        "checks": [{"id": "adapter/a/b", "edition": edition}],
        "loads": [],
    }


@pytest.mark.parametrize(
    ("verdicts", "worst", "because"),
    [
        (("CONFORMANT", "CONFORMANT"), "CONFORMANT", "2025-09: first; 2026-09: second"),
        (("CONFORMANT", "INCONCLUSIVE"), "INCONCLUSIVE", "2026-09: second"),
        (("NOT CONFORMANT", "INCONCLUSIVE"), "NOT CONFORMANT", "2025-09: first"),
    ],
)
def test_the_worst_verdict_is_that_of_all(
    verdicts: tuple[str, str], worst: str, because: str
) -> None:
    both = joined(
        [answer("2025-09", verdicts[0], "first"), answer("2026-09", verdicts[1], "second")]
    )

    assert (both["verdict"], both["because"]) == (worst, because)


def test_counts_are_added_and_checks_keep_their_edition() -> None:
    both = joined(
        [answer("2025-09", "CONFORMANT", "first"), answer("2026-09", "CONFORMANT", "second")]
    )

    assert both["counts"] == {"passed": 4, "failed": 2}
    assert [check["edition"] for check in both["checks"]] == ["2025-09", "2026-09"]
    assert (both["edition"], both["source"]) == ("2025-09, 2026-09", "recordings")


def test_a_pipe_is_written_into(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    show.answer({"verdict": "CONFORMANT"}, str(pipe))

    assert json.loads(os.read(reader, 1000)) == {"verdict": "CONFORMANT"}
    assert pipe.is_fifo()
    os.close(reader)


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("there.json")

    show.answer({"verdict": "CONFORMANT"}, str(tmp_path / "link"))

    assert (tmp_path / "link").is_symlink()
    assert json.loads((tmp_path / "there.json").read_text()) == {"verdict": "CONFORMANT"}
