import json
import math

import pytest

from kimi_conformance.load.client.retries import Retries, asked_wait
from kimi_conformance.load.samples.records import ErrorClass

IN_WORDS = "request reached organization max RPM: 3, please try again after 3 seconds"


def refusal(message: str, kind: str = "rate_limit_reached_error") -> bytes:
    return json.dumps({"error": {"message": message, "type": kind}}).encode()


def test_the_wait_doubles_up_to_its_cap() -> None:
    policy = Retries(attempts=6, factor_s=0.5, cap_s=3.0, spread=0.0)

    waits = [policy.pause(attempt, ErrorClass.SERVER, None, 1.0) for attempt in range(1, 7)]

    assert waits == [0.5, 1.0, 2.0, 3.0, 3.0, None]


def test_what_the_api_asks_for_is_kept_and_never_shortened() -> None:
    policy = Retries(longest_s=30.0, spread=0.1, cap_s=1.0)

    assert policy.pause(1, ErrorClass.RATE_LIMIT, 20.0, 0.0) == 20.0
    assert policy.pause(1, ErrorClass.RATE_LIMIT, 20.0, 1.0) == pytest.approx(22.0)
    assert policy.pause(1, ErrorClass.RATE_LIMIT, 31.0, 0.0) is None


@pytest.mark.parametrize("error", [ErrorClass.CLIENT, ErrorClass.UNFINISHED, ErrorClass.OK])
def test_what_would_not_fare_better_is_not_sent_again(error: ErrorClass) -> None:
    assert Retries().pause(1, error, None, 0.0) is None


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({b"retry-after": b"2"}, refusal(IN_WORDS), 2.0),
        ({b"x-retry-after": b" 4 "}, b"", 4.0),
        ({b"msh-cooldown-seconds": b"1"}, b"<html>", 1.0),
        ({b"retry-after": b"soon"}, refusal(IN_WORDS), 3.0),
        ({}, refusal(IN_WORDS), 3.0),
        ({}, refusal("The engine is currently overloaded, please try again later"), None),
        ({}, b"[]", None),
        ({b"retry-after": b"1"}, refusal("no money", "exceeded_current_quota_error"), math.inf),
    ],
)
def test_the_wait_is_in_a_header_or_in_the_words(
    headers: dict[bytes, bytes], body: bytes, seconds: float | None
) -> None:
    assert asked_wait(headers, body) == seconds
