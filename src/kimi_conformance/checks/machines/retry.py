"""
Chats with an API that fails now and then, and what the documented loop makes of each.

The loop repeats an answer that cannot be used, after 0.5, 1, 2, 4, 8 and then 10 seconds, up
to three times in all or as often as the user allows; a failure that stays is raised at once.
One chat leaves nothing behind for the next. The laws, by how a chat ends:

    succeeding   a good answer at attempt k took k requests and k-1 waits
    giving up    as many requests as are allowed, a wait between any two, then an error
    raising      nothing is sent after a failure that stays, and nobody waits
    waits        they have the documented lengths

Every answer is sent at once, so the client keeps its own patience: with the short one of other
checks, a machine that stood still for a moment would make it send again.

Source: Letta processing flow, section 3.4.2.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from hypothesis import strategies as st
from hypothesis.stateful import rule

from kimi_conformance.adapters.protocol import ChatRequest, Chats
from kimi_conformance.checks.machines.machine import Course, Machine
from kimi_conformance.checks.opening import OpenAdapter
from kimi_conformance.checks.upstream import FakeClock, Upstream
from kimi_conformance.stage import replies
from kimi_conformance.wire.exchange import Answer, Request

__all__ = ["RetryCourse", "RetryLaw", "RetryMachine"]

GREETING = ChatRequest(model="moonshot-v1-8k", messages=[{"role": "user", "content": "Hello"}])
USUAL = 3  # attempts

GOOD = "good"
UNUSABLE: Mapping[str, Answer] = {
    "no choices": replies.json_reply({**replies.completion_body(), "choices": []}),
    "choices null": replies.json_reply({"choices": None}),
    "no message": replies.json_reply({"choices": [{"index": 0}]}),
}
STAYING: Mapping[str, Answer] = {
    "400": replies.refusal(400, "invalid_request_error", "Invalid request: no"),
    "401": replies.invalid_key(),
    "404": replies.refusal(404, "resource_not_found_error", "Not found the model"),
    "quota": replies.refusal(429, "exceeded_current_quota_error", "empty"),
}
ANSWERS = {GOOD: replies.completion(), **UNUSABLE, **STAYING}


class RetryLaw(StrEnum):
    """What a course looks at; see the module."""

    SUCCEEDING = "succeeding"
    GIVING_UP = "giving up"
    RAISING = "raising"
    WAITS = "waits"


class RetryCourse(Course):
    """One client that chats again and again.

    Args:
        open_adapter: Opens the client.
        upstream: Answers it.
        clock: Its time.
        law: What is looked at. Other faults than this one are passed over.
    """

    def __init__(
        self, open_adapter: OpenAdapter, upstream: Upstream, clock: FakeClock, law: RetryLaw
    ) -> None:
        super().__init__()
        self.law = law
        self._open_adapter = open_adapter
        self._client: Chats | None = None
        self._clock = clock
        self._attempts: int | None = None
        self._coming: list[str] = []
        self._given: list[str] = []
        upstream.forget()
        upstream.replies(self._answer)

    async def chat(self, outcomes: Sequence[str]) -> None:
        """Ask; the API answers in these ways, one after the other, and then well."""
        self._coming, self._given = list(outcomes), []
        waited = len(self._clock.slept)
        succeeded = await self._ask()
        self.arrived += len(self._given)
        self._judge(outcomes, succeeded, self._clock.slept[waited:])

    async def allow(self, attempts: int | None) -> None:
        """Begin anew, with so many attempts; None are the usual ones."""
        await self.leave()
        self._attempts = attempts

    async def leave(self) -> None:
        """Exit."""
        client, self._client = self._client, None
        if client is not None:
            await self._open_adapter.close(client)

    def _answer(self, _: Request) -> Answer:
        self._given.append(self._coming.pop(0) if self._coming else GOOD)
        return ANSWERS[self._given[-1]]

    async def _ask(self) -> bool:
        try:
            if self._client is None:
                self._client = self._open_adapter(attempts=self._attempts, patience=None)
            await self._client.chat(GREETING)
        except Exception:  # noqa: BLE001 - only whether it raises is of interest
            return False
        return True

    def _judge(self, outcomes: Sequence[str], succeeded: bool, slept: Sequence[float]) -> None:
        allowed = self._attempts or USUAL
        expected = _given(outcomes, allowed)
        waits = [min(0.5 * 2**number, 10.0) for number in range(len(expected) - 1)]
        counts = (len(self._given), len(slept))
        last = expected[-1]
        if last == GOOD and (counts, succeeded) != ((len(expected), len(waits)), True):
            self._break(RetryLaw.SUCCEEDING, f"{expected} took (requests, waits) {counts}")
        if last in UNUSABLE and (counts, succeeded) != ((allowed, allowed - 1), False):
            self._break(RetryLaw.GIVING_UP, f"{allowed} attempts took (requests, waits) {counts}")
        if last not in STAYING and list(slept) != waits:
            self._break(RetryLaw.WAITS, f"{expected} was waited for {slept}, not {waits}")
        stays = next((n for n, each in enumerate(self._given, start=1) if each in STAYING), None)
        if stays is not None and counts != (stays, stays - 1):
            self._break(RetryLaw.RAISING, f"{self._given} took (requests, waits) {counts}")

    def _break(self, law: RetryLaw, what: str) -> None:
        if law is self.law:
            raise AssertionError(f"{law}: {what}")


def _given(outcomes: Sequence[str], allowed: int) -> Sequence[str]:
    """The answers that the documented loop asks for, `len(...) >= 1`."""
    coming = [*outcomes, GOOD]
    last = next(number for number, each in enumerate(coming) if each not in UNUSABLE)
    return coming[: min(last + 1, allowed)]


class RetryMachine(Machine):
    """Any number of chats."""

    course: RetryCourse

    @rule(outcomes=st.lists(st.sampled_from([*UNUSABLE, *STAYING]), max_size=3))
    def chat(self, outcomes: list[str]) -> None:
        """Ask, and be answered in these ways."""
        self.take("chat", outcomes=outcomes)

    @rule(times=st.integers(1, 8), how=st.sampled_from(sorted(UNUSABLE)))
    def chat_in_vain(self, times: int, how: str) -> None:
        """Ask, and be answered so often in a way that cannot be used."""
        self.take("chat", outcomes=[how] * times)

    @rule(attempts=st.sampled_from([None, 1, 2, 5, 8]))
    def allow(self, attempts: int | None) -> None:
        """Allow other attempts."""
        self.take("allow", attempts=attempts)
