"""What passes between the adapter and its network, and whether a mutant lets it pass unchanged."""

from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from kimi_conformance.adapters.mutants.calls import StandIn, told
from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.reference import LLMError
from kimi_conformance.http import httpx

__all__ = ["Carried", "Overheard", "Passed", "Pause", "Request", "Response", "at_once"]

Result = TypeVar("Result")

_OF_THE_TRANSFER = frozenset({"content-length", "transfer-encoding"})  # no client reads them


@dataclass(frozen=True, slots=True)
class Request:
    """A request that went by, while the adapter was doing something."""

    doing: str
    message: httpx.Request
    way = "outgoing"

    def passes(self, faulty: Mutant) -> bool:
        """Whether a mutant lets it pass as it is."""
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
class Response:
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
        """Whether a mutant lets it pass as it is."""
        return self.ended and self.is_like(at_once(faulty.incoming(self.again())))

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
        pieces, error = at_once(_pieces_of(response))
        streamed = response.headers.get("content-type", "").startswith("text/event-stream")
        return response.status_code, kept, pieces if streamed else b"".join(pieces), error


@dataclass(frozen=True, slots=True)
class Pause:
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
        """Whether a mutant waits as long, or raises the same."""
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


Passed = Request | Response | Pause


@dataclass(frozen=True, slots=True)
class Carried:
    """A request with its answer, which no other came between."""

    request: Request
    response: Response

    def passes(self, faulty: Mutant) -> bool:
        """Whether it is sent once, as it was, and its answer handed on as it came."""
        if not self.response.ended:
            return False
        stand_in, network = StandIn(faulty), _Recorded(self)
        stand_in.network = network
        faulty.sound = stand_in  # type: ignore[assignment]
        answer = at_once(faulty.carry(self.request.again()))
        return network.asked == [True] and self.response.is_like(answer) and not stand_in.refused


class _Recorded:
    """In place of the network: the one answer that was received.

    Attributes:
        asked: Of each request, whether it was that which was sent.
    """

    def __init__(self, carried: Carried) -> None:
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


class Overheard(httpx.AsyncByteStream):
    """The body of an answer, kept as it is read."""

    def __init__(self, stream: httpx.AsyncByteStream, passed: Response) -> None:
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
        """Close what is read."""
        await self._stream.aclose()


def at_once(coroutine: Coroutine[Any, Any, Result]) -> Result:
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
