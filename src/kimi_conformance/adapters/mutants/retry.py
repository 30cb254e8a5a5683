"""Clients that give up too soon or too late, wait for the wrong time, or repeat the wrong thing."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

from kimi_conformance.adapters.mutants.mutant import Mutant, with_body
from kimi_conformance.adapters.protocol import ChatRequest, Chunk, Completion
from kimi_conformance.adapters.reference import (
    LLMConnectionError,
    LLMError,
    LLMRateLimitError,
    LLMServerError,
    LLMTimeoutError,
    LLMUnusableAnswerError,
    RetryPolicy,
)
from kimi_conformance.http import httpx

__all__ = ["MUTANTS", "OtherPolicy"]


class OtherPolicy(Mutant):
    """Retries by what `changed` makes of the sound policy."""

    def pause(self, attempt: int, error: LLMError) -> float:
        """As the other policy."""
        return self._other.pause(attempt, error)

    def begin(self) -> None:
        """Make the other policy, which may count."""
        self._other = self.changed(self.policy)

    def changed(self, sound: RetryPolicy) -> RetryPolicy:
        """Another policy."""
        raise NotImplementedError


class CountsRetriesInPlaceOfAttempts(OtherPolicy):
    """Sends once, and then as often as the limit says."""

    breaks = frozenset({"RETRY-01", "RETRY-05"})

    def changed(self, sound: RetryPolicy) -> RetryPolicy:
        """One attempt more."""
        return replace(sound, attempts=sound.attempts + 1)


class GivesUpOneAttemptEarly(OtherPolicy):
    """Takes the last attempt for one too many."""

    breaks = frozenset({"RETRY-01", "RETRY-04", "RETRY-05", "RETRY-08", "RETRY-10", "RETRY-13"})

    def changed(self, sound: RetryPolicy) -> RetryPolicy:
        """One attempt fewer."""
        return replace(sound, attempts=max(sound.attempts - 1, 1))


class WaitsASecondAtFirst(OtherPolicy):
    """Doubles the factor before the first wait, as 2 ** attempt does."""

    breaks = frozenset({"RETRY-02", "RETRY-04", "RETRY-05", "RETRY-12"})

    def changed(self, sound: RetryPolicy) -> RetryPolicy:
        """Twice the factor."""
        return replace(sound, factor_s=sound.factor_s * 2)


class WaitsWithoutACap(OtherPolicy):
    """Doubles the wait for ever."""

    breaks = frozenset({"RETRY-03", "RETRY-04", "RETRY-05"})

    def changed(self, sound: RetryPolicy) -> RetryPolicy:
        """No cap."""
        return replace(sound, cap_s=float("inf"))


class _Even(RetryPolicy):
    def backoff(self, attempt: int) -> float:
        return RetryPolicy.backoff(self, min(attempt, 1))


class WaitsEquallyLong(OtherPolicy):
    """Never doubles the wait."""

    breaks = frozenset({"RETRY-03", "RETRY-04", "RETRY-05"})

    def changed(self, sound: RetryPolicy) -> RetryPolicy:
        """The first wait, every time."""
        return _Even(attempts=sound.attempts)


class _Blind(RetryPolicy):
    def pause(self, attempt: int, error: LLMError) -> float:
        error.retry_after_s = None
        return RetryPolicy.pause(self, attempt, error)


class IgnoresTheNamedWait(OtherPolicy):
    """Waits for its own time, whatever the API asks for."""

    breaks = frozenset({"RETRY-12"})

    def changed(self, sound: RetryPolicy) -> RetryPolicy:
        """A policy that sees no named wait."""
        return _Blind(attempts=sound.attempts)


class _Stubborn(RetryPolicy):
    def pause(self, attempt: int, error: LLMError) -> float:
        if attempt == self.attempts:
            return RetryPolicy.pause(self, attempt, error)
        return RetryPolicy.pause(self, attempt, LLMServerError(error.message))


class RepeatsEverything(OtherPolicy):
    """Takes every failure for a passing one."""

    breaks = frozenset({"AUTH-14", "RETRY-07", "RETRY-12"})

    def changed(self, sound: RetryPolicy) -> RetryPolicy:
        """A policy to which all failures are the server's."""
        return _Stubborn(attempts=sound.attempts)


class Impatient(Mutant):
    """Raises failures of one kind at once."""

    impatient_with: type[LLMError]

    def pause(self, attempt: int, error: LLMError) -> float:
        """None after such a failure."""
        if isinstance(error, self.impatient_with):
            raise error
        return super().pause(attempt, error)


class RaisesAnUnusableAnswerAtOnce(Impatient):
    """Has no loop around its requests."""

    breaks = frozenset(
        {
            "RETRY-01",
            "RETRY-02",
            "RETRY-03",
            "RETRY-04",
            "RETRY-05",
            "RETRY-06",
            "RETRY-08",
            "RETRY-10",
        }
    )
    impatient_with = LLMUnusableAnswerError


class RaisesATimeoutAtOnce(Impatient):
    """Gives up when nothing comes."""

    breaks = frozenset({"RETRY-11"})
    impatient_with = LLMTimeoutError


class RaisesAFailureOfTheServerAtOnce(Impatient):
    """Gives up when the API fails."""

    breaks = frozenset({"RETRY-08", "RETRY-11"})
    impatient_with = LLMServerError


class RaisesARateLimitAtOnce(Impatient):
    """Leaves waiting to its user."""

    breaks = frozenset({"RETRY-12"})
    impatient_with = LLMRateLimitError


class RaisesALostConnectionAtOnce(Impatient):
    """Gives up when the network does."""

    breaks = frozenset({"RETRY-13"})
    impatient_with = LLMConnectionError


class GivesUpWithoutAWord(Mutant):
    """Raises the last failure as if it had been the first."""

    breaks = frozenset({"RETRY-08"})

    async def chat(self, request: ChatRequest) -> Completion:
        """The last failure, bare."""
        try:
            return await super().chat(request)
        except LLMError as error:
            if isinstance(error.__cause__, LLMError):
                raise error.__cause__ from None
            raise


class WaitsBeforeGivingUp(Mutant):
    """Waits once more after the last attempt, for nothing."""

    breaks = frozenset({"RETRY-01", "RETRY-05"})

    async def chat(self, request: ChatRequest) -> Completion:
        """A wait before the end."""
        try:
            return await super().chat(request)
        except LLMError as error:
            if isinstance(error.__cause__, LLMError):
                await self.binding.clock.sleep(self.settings.retry.cap_s)
            raise


class WaitsBeforeItAsks(Mutant):
    """Waits before every chat, to be on the safe side of a limit."""

    breaks = frozenset(
        {
            "RETRY-01",
            "RETRY-02",
            "RETRY-04",
            "RETRY-05",
            "RETRY-07",
            "RETRY-09",
            "RETRY-10",
            "RETRY-12",
        }
    )

    async def chat(self, request: ChatRequest) -> Completion:
        """A wait before the beginning."""
        await self.binding.clock.sleep(self.settings.retry.factor_s)
        return await super().chat(request)


class RepeatsAtAnotherTemperature(Mutant):
    """Hopes that another temperature gives a better answer."""

    breaks = frozenset({"RETRY-06"})

    def begin(self) -> None:
        """Nothing is remembered yet."""
        self._sent = b""

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """The same body at the temperature 1, if it was just sent."""
        again = self.doing == "chat" and request.content == self._sent
        self._sent = request.content
        if not again:
            return request
        return with_body(request, {**json.loads(request.content), "temperature": 1})


class BeginsAStreamAnew(Mutant):
    """Asks again when a stream breaks off, and hands on its beginning twice."""

    breaks = frozenset({"RETRY-11"})

    async def stream(self, request: ChatRequest) -> AsyncIterator[Chunk]:
        """The stream, and after a break all of it once more."""
        try:
            async for chunk in super().stream(request):
                yield chunk
        except LLMError:
            async for chunk in super().stream(request):
                yield chunk


MUTANTS: tuple[type[Mutant], ...] = (
    CountsRetriesInPlaceOfAttempts,
    GivesUpOneAttemptEarly,
    WaitsASecondAtFirst,
    WaitsWithoutACap,
    WaitsEquallyLong,
    IgnoresTheNamedWait,
    RepeatsEverything,
    RaisesAnUnusableAnswerAtOnce,
    RaisesATimeoutAtOnce,
    RaisesAFailureOfTheServerAtOnce,
    RaisesARateLimitAtOnce,
    RaisesALostConnectionAtOnce,
    GivesUpWithoutAWord,
    WaitsBeforeGivingUp,
    WaitsBeforeItAsks,
    RepeatsAtAnotherTemperature,
    BeginsAStreamAnew,
)
