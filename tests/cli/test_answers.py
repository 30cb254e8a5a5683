"""Several runs answer as one: with the worst verdict, and every check under its edition."""

from typing import Any

import pytest

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
