"""
Performs operations: sends what they yield, once, and gives them the answer.

One driver serves callers that are asynchronous and one callers that are not. Whatever the
client library or the network raises becomes an error of ours here, and nowhere else.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncGenerator, Generator, Iterator
from typing import Any, TypeVar

from kimi_conformance.adapters.protocol import Chunk
from kimi_conformance.adapters.reference.effects import Answer, Operation, Send
from kimi_conformance.adapters.reference.errors import (
    LLMConnectionError,
    LLMError,
    LLMTimeoutError,
)
from kimi_conformance.adapters.reference.streaming import ChunkReader, is_event_stream
from kimi_conformance.http import httpx, ssl_context

__all__ = ["AsyncDriver", "SyncDriver"]

LONGEST_ANSWER = 32 * 1024 * 1024  # bytes; an endless body must not fill the memory
DRAIN_S = 0.25  # for what follows [DONE], so that the connection can be used again
DRAIN_BYTES = 65_536


T = TypeVar("T")

_OPTIONS: dict[str, Any] = {
    # Proxies and the like from the process's environment are not among the settings.
    "trust_env": False,
    # A redirection could lead anywhere, and the key would go along.
    "follow_redirects": False,
}


class AsyncDriver:
    """Performs operations on httpx.AsyncClient."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._http = httpx.AsyncClient(verify=ssl_context(), transport=transport, **_OPTIONS)

    async def run(self, operation: Operation[T]) -> T:
        """Perform an operation to its end, and give its result."""
        try:
            send = next(operation)
            while True:
                try:
                    answer = await self._send(send)
                except LLMError as error:
                    send = operation.throw(error)
                else:
                    send = operation.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            operation.close()

    async def stream(self, send: Send, reader: ChunkReader) -> AsyncGenerator[Chunk, None]:
        """Send a request and give each chunk of its answer as it arrives."""
        started = time.perf_counter()
        with _translated(send):
            async with self._http.stream(**send.arguments()) as response:
                if not is_event_stream(response.status_code, response.headers):
                    raise reader.no_stream(await _whole(response))
                arriving = response.aiter_bytes()
                async for data in arriving:
                    at = time.perf_counter() - started
                    for body in reader.feed(data):
                        yield Chunk(at=at, body=body)
                    if reader.done:
                        await _drain(arriving)
                        return
        reader.end()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _send(self, send: Send) -> Answer:
        budget = send.budget_s if math.isfinite(send.budget_s) else None
        with _translated(send):
            async with (
                asyncio.timeout(budget),
                self._http.stream(**send.arguments()) as response,
            ):
                return await _whole(response)


class SyncDriver:
    """Performs the same operations on httpx.Client.

    The whole budget is looked at whenever something arrives, so an answer can exceed it by
    one silence; and the connection of a stream is closed at its end, not used again.
    """

    def __init__(self, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(verify=ssl_context(), transport=transport, **_OPTIONS)

    def run(self, operation: Operation[T]) -> T:
        """Perform an operation to its end, and give its result."""
        try:
            send = next(operation)
            while True:
                try:
                    answer = self._send(send)
                except LLMError as error:
                    send = operation.throw(error)
                else:
                    send = operation.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            operation.close()

    def stream(self, send: Send, reader: ChunkReader) -> Generator[Chunk, None, None]:
        """Send a request and give each chunk of its answer as it arrives."""
        started = time.perf_counter()
        with _translated(send), self._http.stream(**send.arguments()) as response:
            if not is_event_stream(response.status_code, response.headers):
                raise reader.no_stream(_whole_sync(response, math.inf))
            for data in response.iter_bytes():
                at = time.perf_counter() - started
                for body in reader.feed(data):
                    yield Chunk(at=at, body=body)
                if reader.done:
                    return
        reader.end()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _send(self, send: Send) -> Answer:
        deadline = time.monotonic() + send.budget_s
        with _translated(send), self._http.stream(**send.arguments()) as response:
            return _whole_sync(response, deadline)


class _Body:
    """Collects a body, up to the longest one."""

    def __init__(self) -> None:
        self._data = bytearray()

    def add(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > LONGEST_ANSWER:
            raise LLMError(f"Error: the answer is longer than {LONGEST_ANSWER} bytes")

    def answer(self, response: httpx.Response) -> Answer:
        return Answer(status=response.status_code, headers=response.headers, body=bytes(self._data))


async def _whole(response: httpx.Response) -> Answer:
    body = _Body()
    async for data in response.aiter_bytes():
        body.add(data)
    return body.answer(response)


def _whole_sync(response: httpx.Response, deadline: float) -> Answer:
    body = _Body()
    for data in response.iter_bytes():
        body.add(data)
        if time.monotonic() > deadline:
            raise TimeoutError("the answer did not end")
    return body.answer(response)


async def _drain(arriving: Any) -> None:
    """Read what is left, which is nobody's business, but only if it comes at once."""
    left = DRAIN_BYTES
    with contextlib.suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(DRAIN_S):
            async for data in arriving:
                left -= len(data)
                if left < 0:
                    return


_FAILURES: tuple[tuple[tuple[type[Exception], ...], type[LLMError], str], ...] = (
    # The documents ask that a timeout is looked for first: it is a connection error too.
    ((httpx.TimeoutException, TimeoutError), LLMTimeoutError, "no answer came in time"),
    ((httpx.TransportError, OSError, UnicodeError), LLMConnectionError, "the connection failed"),
    ((httpx.HTTPError, httpx.InvalidURL), LLMError, "the answer cannot be read"),
)


@contextlib.contextmanager
def _translated(send: Send) -> Iterator[None]:
    """Turn the errors of the client library and of the network into ours."""
    try:
        yield
    except tuple(kind for kinds, _, _ in _FAILURES for kind in kinds) as error:
        ours, what = next(
            (ours, what) for kinds, ours, what in _FAILURES if isinstance(error, kinds)
        )
        why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise ours(f"Error: {what} at {send.method} {send.url.path} ({why})") from error
