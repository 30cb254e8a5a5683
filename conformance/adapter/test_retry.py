"""When a client sends a chat again, and how long it waits before it does."""

from functools import partial
from typing import Any

import pytest

from kimi_conformance.checks import (
    Answer,
    ChatRequest,
    Chats,
    FakeClock,
    OpenAdapter,
    RetryCourse,
    RetryLaw,
    RetryMachine,
    StreamsChat,
    Upstream,
    failing,
    read_examples,
    replies,
    requirement,
    search,
)

GREETING = ChatRequest(model="moonshot-v1-8k", messages=[{"role": "user", "content": "Hello"}])
UNUSABLE = replies.json_reply({**replies.completion_body(), "choices": []})
GOOD = replies.completion()
CHUNKS = replies.text_chunks("One, ", "two.")
WAITS = [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]  # seconds


@requirement("RETRY-01")
async def test_three_unusable_answers_are_enough(
    adapter: Chats, clock: FakeClock, upstream: Upstream
) -> None:
    """A user is told after a moment, not after an hour."""
    upstream.replies(UNUSABLE)

    await failing(adapter.chat(GREETING))

    assert len(upstream.requests) == 3
    assert len(clock.slept) == 2


@requirement("RETRY-02")
async def test_the_first_wait_takes_half_a_second(
    adapter: Chats, clock: FakeClock, upstream: Upstream
) -> None:
    """A hiccup costs a user hardly any time."""
    upstream.replies(UNUSABLE, GOOD)

    await adapter.chat(GREETING)

    assert clock.slept == [0.5]


@requirement("RETRY-03")
async def test_no_wait_takes_longer_than_ten_seconds(
    open_adapter: OpenAdapter, clock: FakeClock, upstream: Upstream
) -> None:
    """A user who allows many attempts does not wait for minutes between two of them."""
    upstream.replies(UNUSABLE)

    await failing(open_adapter(attempts=12).chat(GREETING))

    assert max(clock.slept) == 10.0


@requirement("RETRY-04")
@pytest.mark.parametrize("attempt", range(1, 8))
async def test_the_wait_doubles_up_to_the_cap(
    attempt: int, open_adapter: OpenAdapter, clock: FakeClock, upstream: Upstream
) -> None:
    """An API in trouble is left alone for longer each time."""
    upstream.replies(UNUSABLE)

    await failing(open_adapter(attempts=8).chat(GREETING))

    assert clock.slept[attempt - 1] == min(0.5 * 2 ** (attempt - 1), 10.0)


@requirement("RETRY-05")
@pytest.mark.parametrize(
    ("attempts", "waits"),
    [
        pytest.param(None, WAITS[:2], id="by default"),
        pytest.param(1, [], id="one attempt"),
        pytest.param(8, WAITS, id="eight attempts"),
    ],
)
async def test_the_waits_are_the_documented_ones(
    attempts: int | None,
    waits: list[float],
    open_adapter: OpenAdapter,
    clock: FakeClock,
    upstream: Upstream,
) -> None:
    """Whoever reads the documents knows how long giving up takes."""
    upstream.replies(UNUSABLE)

    await failing(open_adapter(attempts=attempts).chat(GREETING))

    assert len(upstream.requests) == len(waits) + 1
    assert clock.slept == waits


@requirement("RETRY-06")
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(UNUSABLE, id="no choices"),
        pytest.param(replies.json_reply({"choices": None}), id="choices null"),
        pytest.param(replies.json_reply({"choices": [None]}), id="a choice null"),
        pytest.param(replies.json_reply({"choices": [{"index": 0}]}), id="no message"),
        pytest.param(replies.html(), id="a page"),
        pytest.param(replies.not_json(b"", status=204), id="204"),
        pytest.param(replies.not_json(b'{"choices": ['), id="half a body"),
        pytest.param(replies.json_reply([]), id="a list"),
    ],
)
async def test_an_answer_without_a_message_is_asked_for_again(
    answer: Answer, adapter: Chats, upstream: Upstream
) -> None:
    """A user gets the second answer in place of an empty one."""
    upstream.replies(answer, GOOD)

    completion = await adapter.chat(GREETING)

    assert len(upstream.requests) == 2
    assert completion.body == replies.completion_body()


@requirement("RETRY-06")
async def test_the_same_request_is_sent_again(adapter: Chats, upstream: Upstream) -> None:
    """The second attempt asks what the user asked."""
    upstream.replies(UNUSABLE, GOOD)

    await adapter.chat(GREETING)

    first, second = upstream.requests
    assert second.json == first.json
    assert second.header("Authorization") == first.header("Authorization")


TOO_LONG = "Invalid request: Your request exceeded model token limit: 8192 (requested: 9001)"
IN_VAIN = [
    pytest.param(replies.refusal(400, "invalid_request_error", "Invalid request: n"), id="400"),
    pytest.param(replies.refusal(400, "invalid_request_error", TOO_LONG), id="too long"),
    pytest.param(replies.invalid_key(), id="401"),
    pytest.param(replies.refusal(403, "permission_denied_error", "not open"), id="403"),
    pytest.param(replies.refusal(404, "resource_not_found_error", "Not found"), id="404"),
    pytest.param(replies.refusal(403, "exceeded_current_quota_error", "empty"), id="quota 403"),
    pytest.param(replies.refusal(429, "exceeded_current_quota_error", "empty"), id="quota 429"),
]


@requirement("RETRY-07")
@pytest.mark.parametrize("answer", IN_VAIN)
async def test_what_no_repetition_heals_is_raised_at_once(
    answer: Answer, adapter: Chats, clock: FakeClock, upstream: Upstream
) -> None:
    """A user who has to change something learns so without delay."""
    upstream.replies(answer)

    await failing(adapter.chat(GREETING))

    assert len(upstream.requests) == 1
    assert clock.slept == []


@requirement("RETRY-08")
async def test_giving_up_says_so_and_tells_of_the_last_failure(
    adapter: Chats, upstream: Upstream
) -> None:
    """Whoever reads the log sees that patience, and not the first hiccup, ended it."""
    last = replies.refusal(503, "server_unavailable", "gone fishing")
    upstream.replies(UNUSABLE, UNUSABLE, last)

    failure = await failing(adapter.chat(GREETING))

    assert failure.message.startswith("Retries exhausted")
    assert "gone fishing" in " ".join([failure.message, *failure.causes])


@requirement("RETRY-09")
async def test_a_success_at_once_waits_for_nothing(
    adapter: Chats, clock: FakeClock, upstream: Upstream
) -> None:
    """The usual case costs nothing extra."""
    upstream.replies(GOOD)

    await adapter.chat(GREETING)

    assert len(upstream.requests) == 1
    assert clock.slept == []


@requirement("RETRY-10")
@pytest.mark.parametrize("attempt", [2, 3])
async def test_a_success_at_a_later_attempt_ends_the_loop(
    attempt: int, adapter: Chats, clock: FakeClock, upstream: Upstream
) -> None:
    """Nobody pays for an answer that is not needed any more."""
    upstream.replies(*[UNUSABLE] * (attempt - 1), GOOD)

    completion = await adapter.chat(GREETING)

    assert completion.body == replies.completion_body()
    assert len(upstream.requests) == attempt
    assert len(clock.slept) == attempt - 1


FAILURES_OF_THE_SERVER = [
    pytest.param(replies.never(), id="silence"),
    pytest.param(replies.server_error(500), id="500"),
    pytest.param(replies.refusal(503, "server_unavailable", "not now"), id="503"),
    pytest.param(replies.html(504), id="504"),
]


@requirement("RETRY-11")
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("failure", FAILURES_OF_THE_SERVER)
async def test_a_failure_of_the_server_is_waited_out(
    failure: Answer, adapter: Chats, upstream: Upstream
) -> None:
    """A deployment on the other side goes unnoticed."""
    upstream.replies(failure, GOOD)

    completion = await adapter.chat(GREETING)

    assert len(upstream.requests) == 2
    assert completion.body == replies.completion_body()


@requirement("RETRY-11")
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("failure", FAILURES_OF_THE_SERVER)
async def test_a_stream_that_has_not_begun_is_asked_for_again(
    failure: Answer, adapter: StreamsChat, upstream: Upstream
) -> None:
    """The same holds for a user who reads along."""
    upstream.replies(failure, replies.stream_of(CHUNKS))

    chunks = [chunk async for chunk in adapter.stream(GREETING)]

    assert len(upstream.requests) == 2
    assert chunks


@requirement("RETRY-11")
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(replies.cut(replies.stream_of(CHUNKS), 1), id="cut"),
        pytest.param(replies.stalled(replies.stream_of(CHUNKS), 1), id="stalled"),
    ],
)
async def test_a_stream_that_has_begun_is_not_begun_again(
    broken: Answer, adapter: StreamsChat, clock: FakeClock, upstream: Upstream
) -> None:
    """Nobody reads the same words twice."""
    upstream.replies(broken, replies.stream_of(CHUNKS))
    chunks: list[Any] = []

    await failing(_read_into(chunks, adapter))

    assert len(chunks) == 1
    assert len(upstream.requests) == 1
    assert clock.slept == []


async def _read_into(chunks: list[Any], adapter: StreamsChat) -> None:
    async for chunk in adapter.stream(GREETING):
        chunks.append(chunk)  # noqa: PERF401 - what came before a failure must be there


RPM = (
    "Your account org-0<ak-0> request reached organization max RPM: 3, "
    "please try again after 4 seconds"
)
BUSY = "The engine is currently overloaded, please try again later"


@requirement("RETRY-12")
@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        pytest.param(replies.rate_limited(retry_after=7), 7.0, id="Retry-After"),
        pytest.param(
            replies.refusal(429, "rate_limit_reached_error", RPM, retry_after="7"),
            7.0,
            id="Retry-After against the text",
        ),
        pytest.param(replies.refusal(429, "rate_limit_reached_error", RPM), 4.0, id="the text"),
        pytest.param(replies.refusal(429, "engine_overloaded_error", BUSY), 0.5, id="neither"),
    ],
)
async def test_a_rate_limit_is_waited_out_for_as_long_as_the_api_says(
    answer: Answer, wait: float, adapter: Chats, clock: FakeClock, upstream: Upstream
) -> None:
    """A user over the limit is served as soon as possible, and does not prolong it."""
    upstream.replies(answer, GOOD)

    completion = await adapter.chat(GREETING)

    assert len(upstream.requests) == 2
    assert clock.slept == [wait]
    assert completion.body == replies.completion_body()


@requirement("RETRY-13")
@pytest.mark.parametrize("lost", [1, 2])
async def test_a_lost_connection_is_made_anew(
    lost: int, adapter: Chats, upstream: Upstream
) -> None:
    """A user on a train gets an answer."""
    upstream.replies(*[replies.reset(GOOD, frames=0)] * lost, GOOD)

    completion = await adapter.chat(GREETING)

    assert len(upstream.requests) == lost + 1
    assert completion.body == replies.completion_body()


@requirement("RETRY-13")
async def test_a_stream_lost_before_its_first_chunk_is_asked_for_again(
    adapter: StreamsChat, upstream: Upstream
) -> None:
    """The same holds for a user who reads along."""
    stream = replies.stream_of(CHUNKS)
    upstream.replies(replies.reset(stream, frames=0), stream)

    chunks = [chunk async for chunk in adapter.stream(GREETING)]

    assert len(upstream.requests) == 2
    assert chunks


@pytest.mark.parametrize(
    "law",
    [
        pytest.param(RetryLaw.SUCCEEDING, marks=requirement("RETRY-10"), id="succeeding"),
        pytest.param(RetryLaw.GIVING_UP, marks=requirement("RETRY-01"), id="giving up"),
        pytest.param(RetryLaw.RAISING, marks=requirement("RETRY-07"), id="raising"),
        pytest.param(RetryLaw.WAITS, marks=requirement("RETRY-05"), id="waits"),
    ],
)
def test_every_chat_of_many_is_repeated_by_the_documented_loop(
    law: RetryLaw, open_adapter: OpenAdapter, clock: FakeClock, upstream: Upstream
) -> None:
    """A bad morning does not make a client impatient, or slow, for the rest of the day."""
    new_course = partial(RetryCourse, open_adapter, upstream, clock, law)
    kept = read_examples(f"retry/{law.name.lower()}")

    courses = search(RetryMachine, new_course, kept)

    assert sum(course.arrived for course in courses)
