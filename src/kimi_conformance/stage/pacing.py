"""
Asks a live endpoint no faster than the account may: waits before it is refused, and after.

    asked for      how many chats at once, chats and tokens a minute: never passed
    learned        from a refusal (429) that names its limit; then kept as if asked for
    others' chats  one that our own chats do not explain: a minute, then theirs are over as well
    otherwise      as long as the refusal says, or until the oldest chat of the minute is over

Only chats count against these limits, as far as is known. A refusal by RPM says to wait one
second whatever the wait is in truth, so a named limit counts more than the time beside it. An
empty account, and tokens of the day that are used up, do not pass by waiting a minute: those
refusals are handed on. Every request that is sent, the repeated ones too, is paid for from the
budget. A chat is sent again only after a refusal, so what is judged is never another answer.

So a client does not see a refusal that was waited out. No check of a live run is about one: what
a client does then is judged by scripted refusals, which never come here. The refusals themselves
are kept in `refusals`, for the laws of the wire. What waiting does not help is handed on.

When the time of the run is over, nothing more is sent, and what is under way is given up: an
endpoint that falls silent holds nobody up.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from kimi_conformance.errors import BudgetError
from kimi_conformance.stage.live import asked_for, is_chat
from kimi_conformance.stage.source import Closable, Source, arrived
from kimi_conformance.wire.exchange import Answer, Exchange, Frame, Headers, Relay, Request, header

__all__ = ["LONGEST", "MINUTE", "Pace", "Paced"]

T = TypeVar("T")

MINUTE = 60.0  # seconds that a limit looks back
MARGIN = 0.5  # seconds more: two requests may come nearer to each other than they were sent
TRIES = 5  # of one chat
LONGEST = 120.0  # seconds that a refusal may ask to wait; more is no matter of pace

_RPM = re.compile(r"max RPM:\s*(\d{1,18})", re.IGNORECASE)
_CONCURRENCY = re.compile(r"concurrency:\s*(\d{1,18})", re.IGNORECASE)
_TPM = re.compile(r"TPM rate limit.*?limit:\s*(\d{1,18})", re.IGNORECASE)
_AGAIN = re.compile(r"try again after (\d{1,18}(?:\.\d+)?) ?s", re.IGNORECASE)
_SECONDS = re.compile(r"[0-9]{1,18}(?:\.[0-9]{0,18})?")
_HOPELESS = re.compile(r"exceeded_current_quota|TPD rate limit", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast may be asked; None: not limited, until a refusal says so.

    Attributes:
        rpm: Chats a minute.
        concurrency: Chats at once.
        tpm: Tokens a minute, as they are asked for.
        completion: Tokens that a chat may take which names no limit of its own.
        until: Clock time after which nothing more is sent, and no answer is waited for.
    """

    rpm: int | None = None
    concurrency: int | None = None
    tpm: int | None = None
    completion: int = 1024
    until: float | None = None


class Paced:
    """A source that waits for its turn.

    Args:
        source: What is asked.
        pace: How fast.
        recent: Chats that count already: how many seconds ago, and the tokens of each.
        clock: Seconds, monotonic.
        sleep: Waits so many of them.
    """

    def __init__(
        self,
        source: Source,
        pace: Pace,
        *,
        recent: Iterable[tuple[float, int]] = (),
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._source = source
        self.pace = pace
        self._clock = clock
        self._sleep = sleep
        now = clock()
        self._sent = deque(sorted((now - ago, tokens) for ago, tokens in recent))
        self._open = 0
        self._turn: asyncio.Lock | None = None
        self._waited = 0.0
        self._since: float | None = None
        self.refusals: list[Exchange] = []
        self.refused = 0

    @property
    def kind(self) -> str:
        """That of what is asked."""
        return self._source.kind

    @property
    def waited(self) -> float:
        """Seconds in which some chat waited for its turn, the wait under way included."""
        since = self._since
        return self._waited + (self._clock() - since if since is not None else 0.0)

    @property
    def recent(self) -> Sequence[tuple[float, int]]:
        """How many seconds ago each chat of the last minute was sent, and its tokens."""
        now = self._clock()
        return [(now - at, tokens) for at, tokens in self._sent if at > now - MINUTE - MARGIN]

    def room_in(self, chats: int) -> float:
        """Seconds until so many chats fit into the minute, or as many as the limit is."""
        if self.pace.rpm is None:
            return 0.0
        wanted = min(chats, self.pace.rpm)
        now = self._clock()
        recent = [at for at, _ in list(self._sent) if at > now - MINUTE - MARGIN]
        too_many = len(recent) + wanted - self.pace.rpm
        return recent[too_many - 1] + MINUTE + MARGIN - now if too_many > 0 else 0.0

    async def answer(self, request: Request) -> Answer | Relay:
        """The answer, once it was this request's turn.

        Raises:
            BudgetError: The budget does not cover it, or the time of the run is over.
        """
        self._refuse_late(0.0)
        if not is_chat(request):
            answer = await self._in_time(self._source.answer(request))
            if isinstance(answer, Answer):
                return answer
            return replace(answer, frames=_Held(answer.frames, self._in_time))
        for attempt in range(1, TRIES + 1):
            await self._await_turn(asked_for(request, self.pace.completion, bytes_a_token=2))
            try:
                answer = await self._in_time(self._source.answer(request))
                if answer.status != 429:
                    break
                refusal = await self._in_time(arrived(answer))
            except BaseException:
                self._leave()
                raise
            self.refused += 1
            self._learn(refusal)
            wait = self._wait_after(refusal)
            if wait is None or attempt == TRIES:
                self._leave()
                return refusal
            self._keep(request, refusal)
            self._leave()
            await self._rest(wait)
        if isinstance(answer, Answer):
            self._leave()
            return answer
        return replace(answer, frames=_Held(answer.frames, self._in_time, self._leave))

    async def aclose(self) -> None:
        """Close what is asked."""
        if isinstance(self._source, Closable):
            await self._source.aclose()

    async def _await_turn(self, tokens: int) -> None:
        """Wait in line, then until the chat fits; it counts from then on."""
        self._turn = self._turn or asyncio.Lock()  # of the loop that asks
        async with self._turn:
            while (wait := self._wait_before(tokens)) > 0:
                await self._rest(wait)
            self._open += 1
            self._sent.append((self._clock(), tokens))

    def _wait_before(self, tokens: int) -> float:
        pace, now = self.pace, self._clock()
        while self._sent and self._sent[0][0] <= now - MINUTE - MARGIN:
            self._sent.popleft()
        if pace.concurrency is not None and self._open >= pace.concurrency:
            return 0.02  # until one is over
        oldest = self._sent[0][0] + MINUTE + MARGIN - now if self._sent else 0.0
        if pace.rpm is not None and len(self._sent) >= pace.rpm:
            return oldest
        spent = sum(each for _, each in self._sent)
        if pace.tpm is not None and self._sent and spent + tokens > pace.tpm:
            return oldest
        return 0.0

    async def _rest(self, seconds: float) -> None:
        self._refuse_late(seconds)
        began = self._clock()
        outermost = self._since is None
        if outermost:
            self._since = began
        try:
            await self._sleep(seconds)
        finally:
            if outermost:
                self._since = None
                self._waited += self._clock() - began

    def _refuse_late(self, seconds: float) -> None:
        """Do not begin what the run's time does not cover.

        Raises:
            BudgetError: It is over, or would be after so many seconds.
        """
        until = self.pace.until
        if until is not None and self._clock() + seconds >= until:
            raise BudgetError("The time of the run is over. Allow more with --time-limit-total.")

    def _keep(self, request: Request, refusal: Answer) -> None:
        self.refusals.append(
            Exchange(
                id=f"waited{self.refused}",
                request=request,
                answer=refusal,
                started=self._clock(),
                source=self.kind,
            )
        )

    async def _in_time(self, work: Awaitable[T]) -> T:
        """What the work gives, if it does so before the time of the run is over.

        Raises:
            BudgetError: It does not.
        """
        if self.pace.until is None:
            return await work
        try:
            async with asyncio.timeout(max(self.pace.until - self._clock(), 0.0)) as limit:
                return await work
        except TimeoutError:
            if not limit.expired():
                raise
            raise BudgetError(
                "The time of the run was over before the answer was. Allow more with "
                "--time-limit-total."
            ) from None

    def _learn(self, refusal: Answer) -> None:
        text = refusal.body.decode("utf-8", "replace")
        found = {
            name: int(match[1])
            for name, pattern in (("rpm", _RPM), ("concurrency", _CONCURRENCY), ("tpm", _TPM))
            if (match := pattern.search(text))
        }
        lower = {
            name: limit
            for name, limit in found.items()
            if limit > 0 and ((known := getattr(self.pace, name)) is None or limit < known)
        }
        self.pace = replace(self.pace, **lower)

    def _wait_after(self, refusal: Answer) -> float | None:
        """Seconds after which to send it again, or None: waiting does not help.

        The refused chat itself was counted when it was sent, so a limit that is known by now
        makes it wait for its turn as well.
        """
        text = refusal.body.decode("utf-8", "replace")
        if _HOPELESS.search(text):
            return None
        if _RPM.search(text) and self.pace.rpm is not None and len(self._sent) <= self.pace.rpm:
            return MINUTE + MARGIN
        told = _told(refusal.headers, text)
        if told is None or (_TPM.search(text) and len(self._sent) > 1):
            told = self._sent[0][0] + MINUTE + MARGIN - self._clock() if self._sent else 1.0
        return max(told, 0.0) if told <= LONGEST else None

    def _leave(self) -> None:
        self._open -= 1


class _Held:
    """Frames that come in time, or end; a chat keeps its place until then, or nobody reads them."""

    def __init__(
        self,
        frames: AsyncIterator[Frame],
        in_time: Callable[[Awaitable[Frame]], Awaitable[Frame]],
        leave: Callable[[], None] | None = None,
    ) -> None:
        self._frames = frames
        self._in_time = in_time
        self._leave = leave

    def __aiter__(self) -> AsyncIterator[Frame]:
        return self

    async def __anext__(self) -> Frame:
        try:
            return await self._in_time(self._frames.__anext__())
        except BaseException:  # its end, how ever
            self._give_back()
            raise

    def __del__(self) -> None:
        self._give_back()

    def _give_back(self) -> None:
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()


def _told(headers: Headers, text: str) -> float | None:
    for name in ("retry-after", "x-retry-after", "msh-cooldown-seconds"):
        value = header(headers, name)
        if value is not None and _SECONDS.fullmatch(value):
            return float(value)
    match = _AGAIN.search(text)
    return float(match[1]) if match else None
