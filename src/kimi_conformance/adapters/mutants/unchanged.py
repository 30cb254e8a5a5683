"""
A mutant without a fault: it knows what a check made use of, so that others need not be run.

A mutant differs from this one in the hooks that it overrides. A check that called none of
them, or whose requests and answers pass through them unchanged, cannot tell the two apart.

Long because it stands in for every method of the reference adapter.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from kimi_conformance.adapters.mutants.calls import CALLS, Call, Tape, told
from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.protocol import Binding
from kimi_conformance.adapters.reference import LLMError
from kimi_conformance.http import httpx

__all__ = ["Unchanged", "is_unmoved"]

Result = TypeVar("Result")

_HOOKS = frozenset(name for name in vars(Mutant) if not name.startswith("_")) - {
    "begin",
    "breaks",
    "edition",
}
_ALWAYS = frozenset({"__init__", "name", "version", "capabilities"})
_PASSED = frozenset({"outgoing", "incoming", "pause"})  # the ways of what is in `passed`
_ON_THE_WIRE = frozenset({"outgoing", "incoming"})  # what `carry` calls
_REPLAYED = _PASSED | {"carry", "caches"} | CALLS
_OF_THE_TRANSFER = frozenset({"content-length", "transfer-encoding"})  # no client reads them


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
        self.passed: list[_Passed] = []
        self.carried: list[_Carried | None] = []
        self.calls: list[Call] = []
        self._calling: list[Call] = []
        self._under_way = 0
        super().__init__(binding)

    def __getattribute__(self, name: str) -> Any:
        if name in _HOOKS:
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
        begin, given = len(self.passed), _Request(self.doing, request)
        try:
            answer = await super().carry(request)
        finally:
            self._under_way -= 1
        if alone and len(self.passed) == begin + 2:
            received = self.passed[-1]
            assert isinstance(received, _Response)
            self.carried[place] = _Carried(given, received)
        return answer

    def pause(self, attempt: int, error: LLMError) -> float:
        """As long as the sound adapter waits."""
        said = told(error)
        try:
            seconds = super().pause(attempt, error)
        except Exception as raised:  # no pause: it is not asked again
            self.passed.append(_Pause(self.doing, attempt, error, said, told(raised)))
            raise
        self.passed.append(_Pause(self.doing, attempt, error, said, seconds))
        return seconds

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """The request as it is."""
        self.passed.append(_Request(self.doing, request))
        return request

    async def incoming(self, response: httpx.Response) -> httpx.Response:
        """The answer as it is."""
        passed = _Response(self.doing, response)
        self.passed.append(passed)
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_Overheard(response.stream, passed),  # type: ignore[arg-type]
            extensions=response.extensions,
        )


@dataclass(frozen=True, slots=True)
class _Request:
    """A request that went by, while the adapter was doing something."""

    doing: str
    message: httpx.Request
    way = "outgoing"

    def passes(self, faulty: Mutant) -> bool:
        return self.is_like(faulty.outgoing(self.again()))

    def again(self) -> httpx.Request:
        """The same, for somebody else to change."""
        sent = self.message
        return httpx.Request(
            sent.method,
            sent.url,
            headers=sent.headers.multi_items(),
            content=sent.content,
            extensions=sent.extensions,
        )

    def is_like(self, request: httpx.Request) -> bool:
        """Whether a request is the same on the wire."""
        return self._parts(request) == self._parts(self.again())

    def _parts(self, request: httpx.Request) -> tuple[object, ...]:
        return request.method, request.url, request.headers.raw, request.content


@dataclass(slots=True)
class _Response:
    """An answer that went by; its body is known, piece by piece, when it was read to its end.

    Attributes:
        ended: Whether it was.
        error: What it ended in, if not well.
    """

    doing: str
    message: httpx.Response
    pieces: list[bytes] = field(default_factory=list)
    ended: bool = False
    error: Exception | None = None
    way = "incoming"

    def passes(self, faulty: Mutant) -> bool:
        return self.ended and self.is_like(_at_once(faulty.incoming(self.again())))

    def is_like(self, response: httpx.Response) -> bool:
        """Whether an answer is the same to whoever reads it."""
        return self._parts(response) == self._parts(self.again())

    def again(self) -> httpx.Response:
        """The same, for somebody else to read."""
        return httpx.Response(
            self.message.status_code,
            headers=self.message.headers.multi_items(),
            stream=_Pieces(self.pieces, self.error),
        )

    def _parts(self, response: httpx.Response) -> tuple[object, ...]:
        kept = [
            (name.lower(), value)
            for name, value in response.headers.multi_items()
            if name.lower() not in _OF_THE_TRANSFER
        ]
        pieces, error = _at_once(_pieces_of(response))
        streamed = response.headers.get("content-type", "").startswith("text/event-stream")
        return response.status_code, kept, pieces if streamed else b"".join(pieces), error


@dataclass(frozen=True, slots=True)
class _Pause:
    """How long the adapter waited before it asked again, or that it raised instead.

    Attributes:
        said: What the error said before.
        ended: Seconds, or what that said which was raised.
    """

    doing: str
    attempt: int
    error: LLMError
    said: tuple[object, ...]
    ended: float | tuple[object, ...]
    way = "pause"

    def passes(self, faulty: Mutant) -> bool:
        if told(self.error) != self.said:
            return False  # the adapter or the check has changed it since
        before = dict(vars(self.error))
        try:
            ended: float | tuple[object, ...] = faulty.pause(self.attempt, self.error)
        except Exception as raised:  # noqa: BLE001 - whatever it is, it is compared
            ended = told(raised)
        alike = ended == self.ended and told(self.error) == self.said
        vars(self.error).update(before)  # for the next one
        return alike


_Passed = _Request | _Response | _Pause


@dataclass(frozen=True, slots=True)
class _Carried:
    """A request with its answer, which no other came between."""

    request: _Request
    response: _Response

    def passes(self, faulty: Mutant) -> bool:
        """Whether it is sent once, as it was, and its answer handed on as it came."""
        if not self.response.ended:
            return False
        tape, network = Tape(faulty), _Recorded(self)
        tape.network = network
        faulty.sound = tape  # type: ignore[assignment]
        answer = _at_once(faulty.carry(self.request.again()))
        return network.asked == [True] and self.response.is_like(answer) and not tape.refused


class _Recorded:
    """In place of the network: the one answer that was received.

    Attributes:
        asked: Of each request, whether it was that which was sent.
    """

    def __init__(self, carried: _Carried) -> None:
        self._carried = carried
        self.asked: list[bool] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(self._carried.request.is_like(request))
        return self._carried.response.again()


class _Pieces(httpx.AsyncByteStream):
    """A body that is there at once, in the pieces in which it came, and ends as it did."""

    def __init__(self, pieces: Sequence[bytes], error: Exception | None) -> None:
        self._pieces = pieces
        self._error = error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if self._error is not None:
            raise self._error


async def _pieces_of(response: httpx.Response) -> tuple[list[bytes], Exception | None]:
    """What can be read of a body, and what the reading ends in if not well."""
    if response.is_closed:  # it was read
        return [response.content], None
    pieces: list[bytes] = []
    try:
        async for piece in response.aiter_bytes():
            pieces.append(piece)  # noqa: PERF401 - what came before an error is kept
    except httpx.HTTPError as error:
        return pieces, error
    return pieces, None


class _Overheard(httpx.AsyncByteStream):
    """The body of an answer, kept as it is read."""

    def __init__(self, stream: httpx.AsyncByteStream, passed: _Response) -> None:
        self._stream = stream
        self._passed = passed

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                self._passed.pieces.append(chunk)
                yield chunk
        except Exception as error:
            self._passed.error = error
            self._passed.ended = True
            raise
        self._passed.ended = True

    async def aclose(self) -> None:
        await self._stream.aclose()


def is_unmoved(mutant: type[Mutant], runs: Sequence[Unchanged]) -> bool:
    """Whether this mutant would have done in these runs what the sound adapter did.

    False where that cannot be known without running it.
    """
    changed = _overridden(mutant)
    touched = {name for run in runs for name in changed & (run.used | _ALWAYS)}
    if not touched <= _REPLAYED:
        return False
    return not touched or all(_passes_alike(mutant, run, touched) for run in runs)


def _overridden(mutant: type[Mutant]) -> frozenset[str]:
    between = mutant.__mro__[: mutant.__mro__.index(Mutant)]
    return frozenset(name for kind in between for name in vars(kind) if name in _HOOKS | _ALWAYS)


def _passes_alike(mutant: type[Mutant], run: Unchanged, ways: Set[str]) -> bool:
    """Whether all that passed the sound adapter passes a new mutant without a change."""
    try:
        faulty = mutant(run.binding)
        if "caches" in ways and not _caches_alike(faulty, run):
            return False
        if "carry" in ways:
            return ways <= _ON_THE_WIRE | {"carry", "caches"} and _carries_alike(faulty, run)
        return _asked_alike(faulty, run, ways)
    except Exception:  # noqa: BLE001 - whatever it is, it is for a run of its own to say
        return False


def _caches_alike(faulty: Mutant, run: Unchanged) -> bool:
    """Whether sessions make caches in both, as long as the settings stay what they are."""
    if faulty.caches() is run.caches():
        return True
    return "reload" not in run.used and faulty.sound.makes_caches is run.sound.makes_caches


def _asked_alike(faulty: Mutant, run: Unchanged, ways: Set[str]) -> bool:
    """Whether it lets pass what passed, and ends each call as it ended, in their order."""
    tape = Tape(faulty)
    faulty.sound = tape  # type: ignore[assignment]
    place = 0
    for call in run.calls if ways & CALLS else ():
        if not (
            call.alone and call.over and _passes_by(faulty, run.passed[place : call.begin], ways)
        ):
            return False
        meanwhile = run.passed[call.begin : call.end]
        if call.name in ways:
            by = partial(_passes_by, faulty, meanwhile, ways, knows=True)
            if not tape.ends_alike(call, _at_once, by):
                return False
        elif not _passes_by(faulty, meanwhile, ways):
            return False
        place = call.end
    return _passes_by(faulty, run.passed[place:], ways) and not tape.refused


def _passes_by(
    faulty: Mutant, passed: Sequence[_Passed], ways: Set[str], *, knows: bool = False
) -> bool:
    """Whether it lets all this pass; it is told for which call, unless it knows that itself."""
    for each in passed:
        if knows and faulty.doing != each.doing:
            return False
        faulty.doing = each.doing
        if each.way in ways and not each.passes(faulty):
            return False
    return True


def _carries_alike(faulty: Mutant, run: Unchanged) -> bool:
    for carried in run.carried:
        if carried is None:
            return False
        faulty.doing = carried.request.doing
        if not carried.passes(faulty):
            return False
    return True


def _at_once(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """What a coroutine returns that has nothing to wait for.

    Raises:
        RuntimeError: It waits.
    """
    try:
        coroutine.send(None)
    except StopIteration as stop:
        returned: Result = stop.value
        return returned
    coroutine.close()
    raise RuntimeError("it waits")
