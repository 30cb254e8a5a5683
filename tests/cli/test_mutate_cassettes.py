"""`mutate-cassettes`: what the recordings say is looked at, and what is not is explained."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from kimi_conformance.cli.commands.mutate_cassettes import Judged, report_of

Run = Callable[..., Any]


def judged(noticed: str | None, reason: str = "") -> Judged:
    return Judged(
        name="2025-09/endpoint/chat/any",
        mutation="remove_field",
        request="POST /v1/chat/completions",
        place="id",
        noticed=noticed,
        reason=reason,
    )


@pytest.mark.parametrize(
    ("found", "holds"),
    [
        ([judged("failed")] * 95 + [judged(None, "why")] * 5, True),
        ([judged("failed")] * 94 + [judged(None, "why")] * 6, False),
        ([judged("failed")] * 99 + [judged(None)], False),
        ([judged("inconclusive"), judged("elsewhere")], True),
        ([], False),
    ],
    ids=["enough", "too few", "unexplained", "in other ways", "no mutant"],
)
def test_it_holds_if_enough_is_noticed_and_the_rest_explained(
    found: list[Judged], holds: bool
) -> None:
    assert report_of(found, 1)["holds"] is holds


@pytest.mark.heavy
def test_what_the_committed_recordings_say_is_looked_at(run: Run) -> None:
    said = run("mutate-cassettes", "--json", "-")
    report = json.loads(said.out)

    assert report["unnoticed"] == []
    assert report["share_noticed"] >= 0.95
    assert said.code == 0
    assert report["mutants"] > 2 * report["cassettes"]
    assert min(each["mutants"] for each in report["by_mutation"].values()) > 10
    assert all(each["reason"] for each in (*report["explained"], *report["left_alone"]))
