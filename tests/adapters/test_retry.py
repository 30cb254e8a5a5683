"""When a chat is sent again: the policy, and the loop that goes by it."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kimi_conformance.adapters.protocol import ChatRequest
from kimi_conformance.adapters.reference import (
    KimiSettings,
    LLMAuthenticationError,
    LLMBadRequestError,
    LLMConnectionError,
    LLMError,
    LLMNotFoundError,
    LLMPermissionDeniedError,
    LLMQuotaError,
    LLMRateLimitError,
    LLMServerError,
    LLMTimeoutError,
    LLMUnusableAnswerError,
    RetryPolicy,
    SyncKimiClient,
)
from kimi_conformance.adapters.reference.effects import Answer, Operation, Send, Wait
from kimi_conformance.adapters.reference.refusals import reading
from kimi_conformance.adapters.reference.retry import retrying
from kimi_conformance.http import httpx
from kimi_conformance.stage import replies

PASSING = (
    LLMUnusableAnswerError,
    LLMRateLimitError,
    LLMServerError,
    LLMTimeoutError,
    LLMConnectionError,
)
STAYING = (
    LLMAuthenticationError,
    LLMBadRequestError,
    LLMError,
    LLMNotFoundError,
    LLMPermissionDeniedError,
    LLMQuotaError,
)
SEND = Send(method="GET", url=httpx.URL("http://kimi.invalid"), headers={}, silence_s=1.0)
GREETING = ChatRequest(model="m", messages=[{"role": "user", "content": "Hi"}])


def raised(policy: RetryPolicy, attempt: int, error: LLMError) -> LLMError:
    with pytest.raises(LLMError) as caught:
        policy.pause(attempt, error)
    return caught.value


@given(
    factor_s=st.floats(0, 1e9),
    cap_s=st.floats(0, 1e9, exclude_min=True),
    attempts=st.integers(1, 12),
)
def test_waits_grow_up_to_the_cap_and_are_one_fewer_than_attempts(
    factor_s: float, cap_s: float, attempts: int
) -> None:
    policy = RetryPolicy(attempts=attempts, factor_s=factor_s, cap_s=cap_s)
    error = LLMServerError("no")

    waits = [policy.pause(attempt, error) for attempt in range(1, attempts)]

    assert waits == sorted(waits)
    assert all(0 <= wait <= cap_s for wait in waits)
    assert waits == [min(factor_s * 2**power, cap_s) for power in range(attempts - 1)]
    assert str(raised(policy, attempts, error)) == "Retries exhausted: no"


def test_a_wait_is_finite_however_often_it_has_doubled() -> None:
    assert RetryPolicy().backoff(10**9) == 10.0


@pytest.mark.parametrize("kind", STAYING)
def test_what_stays_is_raised_as_it_is(kind: type[LLMError]) -> None:
    error = kind("no")

    assert raised(RetryPolicy(), 1, error) is error


@pytest.mark.parametrize("kind", PASSING)
def test_giving_up_keeps_class_code_status_and_cause(kind: type[LLMError]) -> None:
    error = kind("no", status=503)

    given_up = raised(RetryPolicy(), 3, error)

    assert type(given_up) is kind
    assert (given_up.code, given_up.status, given_up.__cause__) == (error.code, 503, error)


def test_a_wait_that_is_longer_than_anybody_waits_is_told_at_once() -> None:
    error = LLMRateLimitError("come back tomorrow", retry_after_s=86400.0)

    assert raised(RetryPolicy(), 1, error) is error


@pytest.mark.parametrize(
    "wrong", [{"attempts": 0}, {"factor_s": -1.0}, {"cap_s": math.nan}, {"longest_s": -0.1}]
)
def test_a_policy_that_cannot_be_meant_is_refused(wrong: dict[str, float]) -> None:
    [name] = wrong

    with pytest.raises(ValueError, match=name):
        RetryPolicy(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("headers", "text", "seconds"),
    [
        ({"retry-after": "7"}, "", 7.0),
        ({"retry-after": " 0 "}, "", 0.0),
        ({"retry-after": "7"}, "try again after 4 seconds", 7.0),
        ({}, "max RPM: 3, please try again after 4 seconds", 4.0),
        ({"retry-after": "soon"}, "please Try again after 1.5s", 1.5),
        ({"retry-after": "-1"}, "", None),
        ({"retry-after": "7 s"}, "", None),
        (
            {
                "retry-after": "Wed, 10 Sep 2025 00:00:09 GMT",
                "date": "Wed, 10 Sep 2025 00:00:01 GMT",
            },
            "",
            8.0,
        ),
        (
            {
                "retry-after": "Wed, 10 Sep 2025 00:00:01 GMT",
                "date": "Wed, 10 Sep 2025 00:00:09 GMT",
            },
            "",
            0.0,
        ),
        ({"retry-after": "Wed, 10 Sep 2025 00:00:09 GMT"}, "", None),
        ({}, "please try again later", None),
    ],
)
def test_the_wait_that_the_api_asks_for_is_found(
    headers: dict[str, str], text: str, seconds: float | None
) -> None:
    body = replies.refusal(429, "rate_limit_reached_error", text).body

    with pytest.raises(LLMRateLimitError) as caught:
        reading(Answer(status=429, headers=httpx.Headers(headers), body=body), "")

    assert caught.value.retry_after_s == seconds


def test_a_synchronous_client_waits_with_what_it_was_given() -> None:
    answers = iter([httpx.Response(500), httpx.Response(200, json=replies.completion_body())])
    slept: list[float] = []
    settings = KimiSettings(base_url="https://api.example/v1", api_key="sk-0")

    with SyncKimiClient(
        settings,
        transport=httpx.MockTransport(lambda _: next(answers)),
        sleep=slept.append,
    ) as client:
        completion = client.chat(GREETING)

    assert completion.body == replies.completion_body()
    assert slept == [0.5]


def test_a_synchronous_stream_is_asked_for_again_before_its_first_chunk() -> None:
    chunks = replies.text_chunks("One.")
    stream = httpx.Response(
        200,
        content=replies.stream_of(chunks).body,
        headers={"content-type": "text/event-stream"},
    )
    answers = iter([httpx.Response(503), stream])
    slept: list[float] = []
    settings = KimiSettings(base_url="https://api.example/v1", api_key="sk-0")

    with SyncKimiClient(
        settings,
        transport=httpx.MockTransport(lambda _: next(answers)),
        sleep=slept.append,
    ) as client:
        bodies = [chunk.body for chunk in client.stream(GREETING)]

    assert bodies == chunks
    assert slept == [0.5]


class Attempts(RuleBasedStateMachine):
    """Whatever the API does, calls and waits are those of the documented loop."""

    @initialize(attempts=st.integers(1, 6))
    def begin(self, attempts: int) -> None:
        self.policy = RetryPolicy(attempts=attempts)
        self.ask()

    def ask(self) -> None:
        self.failed = 0
        self.sent = 0
        self.waits: list[float] = []
        self.result: object = None
        self.error: LLMError | None = None
        self.operation = retrying(self.once, self.policy)
        next(self.operation)

    def once(self) -> Operation[str]:
        self.sent += 1
        yield SEND
        return "good"

    @property
    def open(self) -> bool:
        return self.result is None and self.error is None

    def go_on(self, step: object) -> None:
        if isinstance(step, Wait):
            self.waits.append(step.seconds)
            assert next(self.operation) is SEND

    @precondition(lambda self: self.open)
    @rule(kind=st.sampled_from(PASSING), asked=st.sampled_from([None, 0.0, 3.0]))
    def fails_for_now(self, kind: type[LLMError], asked: float | None) -> None:
        self.failed += 1
        error = kind("no", retry_after_s=asked)
        if self.failed < self.policy.attempts:
            self.go_on(self.operation.throw(error))
            assert self.waits[-1] == (asked or min(0.5 * 2 ** (self.failed - 1), 10.0))
            return
        with pytest.raises(kind, match=r"^Retries exhausted: no$") as caught:
            self.operation.throw(error)
        assert caught.value.__cause__ is error
        self.error = caught.value

    @precondition(lambda self: self.open)
    @rule(kind=st.sampled_from(STAYING))
    def fails_for_good(self, kind: type[LLMError]) -> None:
        error = kind("no")
        with pytest.raises(kind) as caught:
            self.operation.throw(error)
        assert caught.value is error
        self.error = error

    @precondition(lambda self: self.open)
    @rule()
    def succeeds(self) -> None:
        answer = Answer(status=200, headers=httpx.Headers(), body=b"")
        with pytest.raises(StopIteration) as caught:
            self.operation.send(answer)
        self.result = caught.value.value
        assert self.result == "good"

    @precondition(lambda self: not self.open)
    @rule()
    def is_asked_anew(self) -> None:
        self.ask()

    @invariant()
    def there_is_a_wait_between_any_two_calls_and_nowhere_else(self) -> None:
        assert self.sent == len(self.waits) + 1
        assert self.sent <= self.policy.attempts


TestAttempts = Attempts.TestCase
TestAttempts.settings = settings(max_examples=settings().max_examples // 2, stateful_step_count=10)
