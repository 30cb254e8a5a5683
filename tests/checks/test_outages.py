"""A client is not blamed for an API that was busy or broken."""

from collections.abc import Iterator

import pytest

from kimi_conformance import suite
from kimi_conformance.checks.item import CheckItem, Phase, outcome_of
from kimi_conformance.http import httpx
from kimi_conformance.stage import Lane, Script, Stage, replies
from kimi_conformance.verdicts import Verdict
from kimi_conformance.wire.exchange import Answer

QUOTA = "exceeded_current_quota_error"


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def lane(stage: Stage, script: Script) -> Iterator[Lane]:
    lane = stage.open_lane(script)
    yield lane
    stage.close_lane(lane)


def verdict_on(answer: Answer, lane: Lane, script: Script, *, recorded: bool) -> Verdict:
    """What is said of a client whose check failed when the API gave this answer."""
    script.answers[:] = [answer]
    httpx.get(f"{lane.base_url}/models")
    check = CheckItem(
        id="adapter/listing/shows_the_models",
        requirement=suite.find().catalogue()["LIST-01"],
        adapter="reference",
        endpoint=None,
        cassette="",
        lanes=[lane],
        recorded=lane if recorded else None,
    )
    failure = Phase("call", AssertionError("assert []"), 0.1, "")
    return outcome_of(check, [failure], edition="2025-09", lane="live", blocked=()).verdict


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(replies.rate_limited(), id="429"),
        pytest.param(replies.server_error(), id="500"),
        pytest.param(replies.html(504), id="504"),
        pytest.param(replies.refusal(429, QUOTA, "empty"), id="empty account, 429"),
        pytest.param(replies.refusal(403, QUOTA, "empty"), id="empty account, 403"),
    ],
)
def test_an_outage_of_the_api_decides_nothing(answer: Answer, lane: Lane, script: Script) -> None:
    assert verdict_on(answer, lane, script, recorded=True) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(replies.invalid_key(), id="401"),
        pytest.param(replies.refusal(403, "permission_denied_error", "not open"), id="403"),
    ],
)
def test_a_refusal_of_the_api_is_no_outage(answer: Answer, lane: Lane, script: Script) -> None:
    assert verdict_on(answer, lane, script, recorded=True) is Verdict.FAILED


def test_an_outage_that_the_check_wrote_itself_is_its_subject(lane: Lane, script: Script) -> None:
    assert verdict_on(replies.server_error(), lane, script, recorded=False) is Verdict.FAILED
