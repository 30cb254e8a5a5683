"""
A mutant without a fault: it knows what a check made use of, so that others need not be run.

A mutant differs from this one in the hooks that it overrides. A check that called none of
them, or whose requests and answers pass through them unchanged, cannot tell the two apart.
"""

from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.protocol import Binding
from kimi_conformance.http import httpx

__all__ = ["Unchanged", "is_unmoved"]

Result = TypeVar("Result")

_HOOKS = frozenset(name for name in vars(Mutant) if not name.startswith("_")) - {
    "begin",
    "breaks",
    "edition",
}
_ALWAYS = frozenset({"__init__", "name", "version", "capabilities"})
_ON_THE_WIRE = frozenset({"outgoing", "incoming"})
_OF_THE_TRANSFER = frozenset({"content-length", "transfer-encoding"})  # no client reads them


class Unchanged(Mutant):
    """Hands every call on to the sound adapter, and keeps a record of it.

    Attributes:
        used: The hooks that were called or read.
        passed: Each request and answer that went by.
    """

    def __init__(self, binding: Binding) -> None:
        self.used: set[str] = set()
        self.passed: list[_Request | _Response] = []
        super().__init__(binding)

    def __getattribute__(self, name: str) -> Any:
        if name in _HOOKS:
            self.used.add(name)
        return super().__getattribute__(name)

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
        sent = self.message
        request = httpx.Request(
            sent.method,
            sent.url,
            headers=sent.headers.multi_items(),
            content=sent.content,
            extensions=sent.extensions,
        )
        before = self._parts(request)
        return self._parts(faulty.outgoing(request)) == before

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
        if not self.ended:
            return False
        return self._parts(_at_once(faulty.incoming(self._again()))) == self._parts(self._again())

    def _again(self) -> httpx.Response:
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
    if not touched <= _ON_THE_WIRE:
        return False
    return not touched or all(_passes_alike(mutant, run, touched) for run in runs)


def _overridden(mutant: type[Mutant]) -> frozenset[str]:
    between = mutant.__mro__[: mutant.__mro__.index(Mutant)]
    return frozenset(name for kind in between for name in vars(kind) if name in _HOOKS | _ALWAYS)


def _passes_alike(mutant: type[Mutant], run: Unchanged, ways: set[str]) -> bool:
    """Whether all that passed the sound adapter passes a new mutant without a change."""
    faulty = mutant(run.binding)
    faulty.sound = _Untouchable()  # type: ignore[assignment]
    try:
        for passed in run.passed:
            faulty.doing = passed.doing
            if passed.way in ways and not passed.passes(faulty):
                return False
    except Exception:  # noqa: BLE001 - whatever it is, it is for a run of its own to say
        return False
    return True


class _Untouchable:
    """In place of the sound adapter, whose state a replay does not have."""

    def __getattr__(self, name: str) -> Any:
        raise LookupError(f"a replay knows no '{name}' of the sound adapter")


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
