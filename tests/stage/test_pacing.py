"""A live endpoint is asked as fast as the account may, and no faster."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from kimi_conformance import suite
from kimi_conformance.errors import BudgetError
from kimi_conformance.simulator import Simulator
from kimi_conformance.stage import Budget, Pace, Paced
from kimi_conformance.stage.pacing import MARGIN, MINUTE, TRIES
from kimi_conformance.stage.replies import completion, rate_limited, refusal
from kimi_conformance.wire.exchange import Answer, Broken, Ending, Frame, Relay, Request

KEY = "sk-simulated"


@dataclass
class Time:
    """A clock that moves only when somebody waits."""

    now: float = 0.0
    waits: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += max(seconds, 0.0)


class Counting:
    """Hands on, and counts what is answered by status."""

    kind = "simulator"

    def __init__(self, source: Simulator) -> None:
        self.source = source
        self.statuses: list[int] = []

    async def answer(self, request: Request) -> Answer:
        answer = await self.source.answer(request)
        self.statuses.append(answer.status)
        return answer


def chat(**more: Any) -> Request:
    body = {
        "model": "moonshot-v1-8k",
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 8,
        **more,
    }
    return Request(
        method="POST",
        path="/v1/chat/completions",
        headers=(("Authorization", f"Bearer {KEY}"), ("Content-Type", "application/json")),
        body=json.dumps(body).encode(),
    )


def limited(time: Time, pace: Pace) -> tuple[Paced, Counting]:
    simulator = Simulator(
        suite.find().edition("2025-09"),
        api_key=KEY,
        tier="free",
        clock=lambda: 1_757_462_400.0 + time.now,
    )
    counting = Counting(simulator)
    return Paced(counting, pace, clock=time.clock, sleep=time.sleep), counting


async def test_the_lowest_tier_is_kept_without_a_single_refusal() -> None:
    time = Time()
    paced, counting = limited(time, Pace(rpm=3, concurrency=1, tpm=32_000))

    for _ in range(10):
        assert (await paced.answer(chat())).status == 200

    assert counting.statuses == [200] * 10
    assert time.now == pytest.approx(3 * (MINUTE + MARGIN))
    assert paced.waited == time.now


async def test_tokens_of_the_minute_are_waited_for() -> None:
    time = Time()
    paced, counting = limited(time, Pace(rpm=3, concurrency=1, tpm=32_000))

    for _ in range(3):
        await paced.answer(chat(max_tokens=8000, messages=[{"role": "user", "content": "a" * 30}]))
    for _ in range(2):
        await paced.answer(chat(max_tokens=7900))

    assert set(counting.statuses) == {200}


async def test_a_limit_is_learned_from_the_first_refusal_and_kept_from_then_on() -> None:
    time = Time()
    paced, counting = limited(time, Pace())

    for _ in range(9):
        assert (await paced.answer(chat())).status == 200

    assert paced.pace.rpm == 3
    assert counting.statuses.count(429) == 1
    assert paced.refused == 1


async def test_what_asks_no_model_waits_for_nothing() -> None:
    time = Time()
    paced, _ = limited(time, Pace(rpm=1))
    await paced.answer(chat())
    models = Request(method="GET", path="/v1/models", headers=(("Authorization", f"Bearer {KEY}"),))

    assert (await paced.answer(models)).status == 200
    assert time.waits == []


class Scripted:
    """Answers in order, the last one for ever."""

    kind = "live"

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def answer(self, request: Request) -> Answer:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def test_a_wait_that_is_told_in_words_is_kept() -> None:
    told = refusal(429, "rate_limit_reached_error", "busy, please try again after 7 seconds")
    time = Time()
    source = Scripted(told, completion())
    paced = Paced(source, Pace(), clock=time.clock, sleep=time.sleep)

    assert (await paced.answer(chat())).status == 200
    assert time.waits == [7.0]


@pytest.mark.parametrize(
    ("type", "message"),
    [
        ("exceeded_current_quota_error", "Your account is suspended"),
        ("rate_limit_reached_error", "reached organization TPD rate limit, current: 9, limit: 8"),
    ],
)
async def test_what_waiting_does_not_help_is_handed_on_at_once(type: str, message: str) -> None:
    time = Time()
    source = Scripted(refusal(429, type, message))

    answer = await Paced(source, Pace(), clock=time.clock, sleep=time.sleep).answer(chat())

    assert (answer.status, source.asked, time.waits) == (429, 1, [])


async def test_one_that_refuses_for_ever_is_left_after_some_tries() -> None:
    time = Time()
    source = Scripted(rate_limited(1))

    answer = await Paced(source, Pace(), clock=time.clock, sleep=time.sleep).answer(chat())

    assert (answer.status, source.asked) == (429, TRIES)


async def test_a_refusal_that_breaks_off_gives_its_place_back() -> None:
    """Or no chat more would be sent where one may be under way at once."""
    time = Time()
    told: list[Answer | Relay] = [_refused_by_half(), completion("hi")]

    class Source:
        kind = "live"

        async def answer(self, _: Request) -> Answer | Relay:
            return told.pop(0)

    paced = Paced(Source(), Pace(concurrency=1), clock=time.clock, sleep=time.sleep)

    answer = await paced.answer(chat())

    assert (answer.status, told) == (200, [])
    assert [each.answer.ending for each in paced.refusals] == [Ending.CUT]


def _refused_by_half() -> Relay:
    async def frames() -> AsyncIterator[Frame]:
        yield Frame(0.0, b'{"error": {"type": "rate_lim')
        raise Broken(Ending.CUT)

    return Relay(status=429, headers=(("Retry-After", "1"),), frames=frames())


async def test_every_repeated_request_is_paid_for() -> None:
    budget = Budget(max_requests=3)

    class Paying(Scripted):
        async def answer(self, request: Request) -> Answer:
            budget.spend(request)
            return await super().answer(request)

    time = Time()
    paced = Paced(Paying(rate_limited(1)), Pace(), clock=time.clock, sleep=time.sleep)

    with pytest.raises(BudgetError):
        await paced.answer(chat())
    assert (budget.requests, budget.refused) == (3, 1)


async def test_nothing_is_begun_that_the_time_of_the_run_does_not_cover() -> None:
    time = Time()
    paced, counting = limited(time, Pace(rpm=1, until=30.0))
    await paced.answer(chat())

    with pytest.raises(BudgetError, match="--time-limit-total"):
        await paced.answer(chat())
    assert counting.statuses == [200]
    assert time.now < 30.0


async def test_a_chat_keeps_its_place_until_its_last_frame_or_until_nobody_reads_it() -> None:
    time = Time()

    class Streaming:
        kind = "live"

        async def answer(self, request: Request) -> Relay:
            async def frames() -> AsyncIterator[Frame]:
                yield Frame(0.0, b"a")

            return Relay(status=200, headers=(), frames=frames())

    paced = Paced(Streaming(), Pace(concurrency=1, until=9.0), clock=time.clock, sleep=time.sleep)
    first = await paced.answer(chat())
    with pytest.raises(BudgetError):
        await paced.answer(chat())  # it waits as long as it may
    assert isinstance(first, Relay)

    assert [frame.data async for frame in first.frames] == [b"a"]
    left = await paced.answer(chat())
    del left
    await paced.answer(chat())


def test_room_is_told_for_several_chats_at_once() -> None:
    time = Time(now=100.0)
    paced, _ = limited(time, Pace(rpm=3))
    paced._sent.extend([(60.0, 1), (70.0, 1)])

    assert paced.room_in(1) == 0.0
    assert paced.room_in(2) == pytest.approx(20.0 + MARGIN)
    assert paced.room_in(9) == pytest.approx(30.0 + MARGIN)


async def test_what_is_asked_is_closed_with_it() -> None:
    closed: list[bool] = []

    class Source:
        kind = "live"

        async def answer(self, _: Request) -> Answer:
            return completion("hi")

        async def aclose(self) -> None:
            closed.append(True)

    await Paced(Source(), Pace()).aclose()

    assert closed == [True]


async def test_chats_of_others_are_waited_for_once_until_all_of_theirs_are_over() -> None:
    """A second as told, asked again and again, would only be refused again and again."""
    time = Time()
    paced, counting = limited(time, Pace(rpm=3))
    for _ in range(3):
        await counting.answer(chat())  # by the same account, from elsewhere

    assert (await paced.answer(chat())).status == 200

    assert counting.statuses == [200, 200, 200, 429, 200]
    assert time.waits == [60.5]


async def test_a_refusal_that_is_waited_out_is_kept_for_the_laws() -> None:
    time = Time()
    paced = Paced(
        Scripted(rate_limited(2), completion()), Pace(), clock=time.clock, sleep=time.sleep
    )

    await paced.answer(chat())

    (kept,) = paced.refusals
    assert (kept.answer.status, kept.request.path, kept.source) == (429, chat().path, "live")


async def test_what_was_sent_before_counts_and_is_told_to_whoever_comes_after() -> None:
    time = Time()
    before, counting = limited(time, Pace(rpm=3))
    for _ in range(3):
        await before.answer(chat(max_tokens=10))
    time.now += 20

    after = Paced(counting, Pace(rpm=3), recent=before.recent, clock=time.clock, sleep=time.sleep)
    await after.answer(chat())

    assert set(counting.statuses) == {200}
    assert time.waits == [pytest.approx(40.5)]


class Silent:
    """An endpoint that falls silent: at once, or after the first frame."""

    kind = "live"

    def __init__(self, *, begins: bool) -> None:
        self._begins = begins

    async def answer(self, request: Request) -> Relay:
        if not self._begins:
            await asyncio.sleep(60)
        return Relay(status=200, headers=(), frames=self._frames())

    async def _frames(self) -> AsyncIterator[Frame]:
        yield Frame(0.0, b"a")
        await asyncio.sleep(60)


@pytest.mark.parametrize("begins", [True, False])
@pytest.mark.parametrize("request_", [chat(), Request(method="GET", path="/v1/models")])
async def test_a_silent_endpoint_does_not_outlast_the_time_of_the_run(
    begins: bool, request_: Request
) -> None:
    paced = Paced(Silent(begins=begins), Pace(until=0.02), clock=lambda: 0.0)

    async def read() -> None:
        answer = await paced.answer(request_)
        assert isinstance(answer, Relay)
        [frame async for frame in answer.frames]

    with pytest.raises(BudgetError, match="before the answer was"):
        await read()
