"""A mutant without a fault: it keeps what a check made use of, so that others need not be run."""

from collections.abc import Callable
from functools import partial
from typing import Any

from kimi_conformance.adapters.mutants.calls import CALLS, Call, told
from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.mutants.passed import (
    Carried,
    Overheard,
    Passed,
    Pause,
    Request,
    Response,
)
from kimi_conformance.adapters.protocol import Binding
from kimi_conformance.adapters.reference import LLMError
from kimi_conformance.http import httpx

__all__ = ["HOOKS", "Unchanged"]

HOOKS = frozenset(name for name in vars(Mutant) if not name.startswith("_")) - {
    "begin",
    "breaks",
    "edition",
}


class Unchanged(Mutant):
    """Hands every call on to the sound adapter, and keeps a record of it.

    Attributes:
        used: The hooks that were called or read.
        passed: Each request, answer and wait before a repetition that went by.
        carried: Each request with its answer; None for a request that went out while another
            was under way, or that got no answer.
        calls: Those in `CALLS` that were made.
    """

    def __init__(self, binding: Binding) -> None:
        self.used: set[str] = set()
        self.passed: list[Passed] = []
        self.carried: list[Carried | None] = []
        self.calls: list[Call] = []
        self._calling: list[Call] = []
        self._under_way = 0
        super().__init__(binding)

    def __getattribute__(self, name: str) -> Any:
        if name in HOOKS:
            self.used.add(name)
        found = super().__getattribute__(name)
        return partial(self._noted, name, found) if name in CALLS else found

    async def _noted(
        self, name: str, method: Callable[..., Any], *args: Any, **options: Any
    ) -> Any:
        """Make a call, and keep what it was given and what came of it."""
        call = Call.begun(name, args, options, len(self.passed))
        for other in self._calling:
            other.alone = call.alone = False
        self.calls.append(call)
        self._calling.append(call)
        try:
            result = await method(*args, **options)
            call.returned(result)
        except Exception as error:
            call.raised(error)
            raise
        finally:
            self._calling.remove(call)
            call.end = len(self.passed)
        return result

    async def carry(self, request: httpx.Request) -> httpx.Response:
        """The answer as it is."""
        place, alone = len(self.carried), not self._under_way
        self.carried.append(None)
        self._under_way += 1
        begin, given = len(self.passed), Request(self.doing, request)
        try:
            answer = await super().carry(request)
        finally:
            self._under_way -= 1
        if alone and len(self.passed) == begin + 2:
            received = self.passed[-1]
            assert isinstance(received, Response)
            self.carried[place] = Carried(given, received)
        return answer

    def pause(self, attempt: int, error: LLMError) -> float:
        """As long as the sound adapter waits."""
        said = told(error)
        try:
            seconds = super().pause(attempt, error)
        except Exception as raised:  # no pause: it is not asked again
            self.passed.append(Pause(self.doing, attempt, error, said, told(raised)))
            raise
        self.passed.append(Pause(self.doing, attempt, error, said, seconds))
        return seconds

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """The request as it is."""
        self.passed.append(Request(self.doing, request))
        return request

    async def incoming(self, response: httpx.Response) -> httpx.Response:
        """The answer as it is."""
        passed = Response(self.doing, response)
        self.passed.append(passed)
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=Overheard(response.stream, passed),  # type: ignore[arg-type]
            extensions=response.extensions,
        )
