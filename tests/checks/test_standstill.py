"""A machine that stands still decides no check."""

import socket
import threading
from collections.abc import Sequence
from urllib.parse import urlsplit

import pytest

from kimi_conformance import suite
from kimi_conformance.checks.item import CheckItem, CheckTimeoutError, Phase, outcome_of
from kimi_conformance.checks.standstill import (
    BEAT,
    Loss,
    Moment,
    Standstill,
    Tolerance,
    is_untimely,
    most_lost,
)
from kimi_conformance.stage import Lane, Script, Stage, replies
from kimi_conformance.stage.journal import Journal
from kimi_conformance.verdicts import Outcome, Verdict
from kimi_conformance.wire.exchange import Answer, Ending, Exchange, Request

SHORT = Tolerance(within=0.5, lost=0.25)
FAILURE = AssertionError("assert []")


def moment(at: float = 0.0, worked: float = 0.0, kept: float = 0.0) -> Moment:
    return Moment(at=at, worked=worked, kept=kept)


@pytest.mark.parametrize(
    ("now", "lost"),
    [
        pytest.param(moment(at=BEAT), 0.0, id="in time"),
        pytest.param(moment(at=2.0 + BEAT), 2.0, id="stopped"),
        pytest.param(moment(at=2.0 + BEAT, worked=2.0), 0.0, id="busy"),
        pytest.param(moment(at=2.0 + BEAT, worked=0.5), 1.5, id="busy, then stopped"),
        pytest.param(moment(at=BEAT, kept=0.04), 0.04, id="without a core, but for the beat"),
        pytest.param(moment(at=BEAT, kept=0.08), BEAT, id="two threads without a core"),
        pytest.param(moment(at=2.0 + BEAT, kept=0.5), 2.0, id="both"),
        pytest.param(moment(at=BEAT / 2), 0.0, id="looked at early"),
    ],
)
def test_lost_is_when_nobody_could_work(now: Moment, lost: float) -> None:
    assert now.lost_since(moment()) == pytest.approx(lost)


@pytest.mark.parametrize(
    ("losses", "most"),
    [
        ([], 0.0),
        ([(1.0, 0.1)], 0.1),
        ([(1.0, 0.1), (1.4, 0.1)], 0.2),
        ([(1.0, 0.1), (1.5, 0.1)], 0.1),
        ([(1.0, 0.1), (1.4, 0.1), (1.6, 0.2)], 0.3),
        ([(1.0, 0.2), (1.1, 0.2), (3.0, 0.1)], 0.4),
        ([(9.0, 2.0)], 2.0),
    ],
)
def test_the_worst_half_second_counts(losses: Sequence[tuple[float, float]], most: float) -> None:
    assert most_lost([Loss(*each) for each in losses], 0.5) == pytest.approx(most)


def test_a_check_knows_what_was_lost_since_it_began() -> None:
    looks = iter([moment(), moment(at=1.05), moment(at=1.1, kept=0.02), moment(at=4.15, kept=0.02)])
    standstill = Standstill(lambda: next(looks))

    standstill.begin()

    assert [(each.at, round(each.seconds, 6)) for each in standstill.losses()] == [(1.1, 0.02)]
    assert standstill.lost == pytest.approx(1.0 + 0.02 + 3.0)


def judged(
    error: BaseException | None = None,
    *,
    losses: Sequence[Loss] = (Loss(1.0, 0.3),),
    tolerance: Tolerance | None = SHORT,
    seconds: float = 0.6,
    patience: float | None = None,
    lanes: Sequence[Lane] = (),
    blocked: Sequence[str] = (),
) -> Outcome:
    check = CheckItem(
        id="adapter/errors/silence_is_a_timeout",
        requirement=suite.find().catalogue()["ERR-01"],
        adapter="reference",
        endpoint=None,
        cassette="",
        lanes=list(lanes),
        losses=losses,
        tolerance=tolerance,
        patience=patience,
    )
    phases = [Phase("setup", None, 5.0, ""), Phase("call", error, seconds, "")]
    return outcome_of(check, phases, edition="2025-09", lane="cassette", blocked=blocked)


@pytest.mark.parametrize("error", [None, FAILURE])
def test_where_too_much_was_lost_nothing_is_decided(error: BaseException | None) -> None:
    found = judged(error)

    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.reason.startswith("the check could not run for 0.30 s, and 0.25 s of 0.5 s")
    assert is_untimely(found.verdict, found.reason)


@pytest.mark.parametrize("error", [None, FAILURE])
@pytest.mark.parametrize(
    "else_",
    [
        pytest.param({"losses": [Loss(1.0, 0.2)]}, id="little was lost"),
        pytest.param({"losses": [Loss(1.0, 0.2), Loss(2.0, 0.2)]}, id="little at a time"),
        pytest.param({"tolerance": None}, id="no script"),
        pytest.param({"seconds": 0.4}, id="nobody can have given up"),
    ],
)
def test_else_it_is_decided(error: BaseException | None, else_: dict[str, object]) -> None:
    found = judged(error, **else_)  # type: ignore[arg-type]

    assert found.verdict is (Verdict.FAILED if error else Verdict.PASSED)
    assert not is_untimely(found.verdict, found.reason)


def test_what_no_machine_can_be_blamed_for_stays_a_failure() -> None:
    late = judged(CheckTimeoutError("the check took longer than its limit"))
    left = judged(FAILURE, blocked=["192.0.2.1"])

    assert (late.verdict, left.verdict) == (Verdict.FAILED, Verdict.FAILED)


def lane_with(*answers: Answer) -> Lane:
    """A lane on which these were sent."""
    journal = Journal()
    for number, answer in enumerate(answers):
        request = Request(method="POST", path="/v1/chat/completions")
        journal.begin(str(number), request)
        journal.end(
            Exchange(id=str(number), request=request, answer=answer, started=0.0, source="script")
        )
    return Lane("http://127.0.0.1:9/v1", Script(), journal)


@pytest.mark.parametrize("error", [None, FAILURE])
@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([], "the client gave up before its request had arrived"),
        (
            [Answer(ending=Ending.ABANDONED, status=0)],
            "the client gave up before it was sent what it is judged by",
        ),
    ],
)
def test_a_client_that_gave_up_too_early_for_the_stage_is_not_judged(
    error: BaseException | None, answers: Sequence[Answer], reason: str
) -> None:
    found = judged(error, losses=(), patience=0.5, lanes=[lane_with(*answers)])

    assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, reason)
    assert is_untimely(found.verdict, found.reason)


@pytest.mark.parametrize(
    ("answers", "seconds"),
    [
        pytest.param([], 0.1, id="it did not even ask"),
        pytest.param([Answer(ending=Ending.ABANDONED)], 0.1, id="it left at once"),
        pytest.param([Answer(ending=Ending.STALLED)], 0.6, id="it heard the silence"),
        pytest.param([Answer()], 0.6, id="it was answered"),
    ],
)
def test_a_client_that_had_its_time_is_judged(answers: Sequence[Answer], seconds: float) -> None:
    found = judged(FAILURE, losses=(), seconds=seconds, patience=0.5, lanes=[lane_with(*answers)])

    assert found.verdict is Verdict.FAILED


def test_the_stage_notes_a_client_that_leaves_before_it_is_answered(stage: Stage) -> None:
    asked = threading.Event()

    def late(_: Request) -> Answer:
        asked.set()
        return replies.later(replies.completion(), 60.0)

    lane = stage.open_lane(Script([late]))
    parts = urlsplit(lane.base_url)

    with socket.create_connection((parts.hostname, parts.port)) as client:
        client.sendall(f"GET {parts.path}/models HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert asked.wait(20)

    found = judged(FAILURE, losses=(), patience=0.5, lanes=[lane])
    assert found.reason == "the client gave up before it was sent what it is judged by"
