"""
Performs operations: sends what they yield, once, and gives them the answer.

One driver serves callers that are asynchronous and one callers that are not; how each of them
waits is given to it. Whatever the client library or the network raises becomes an error of
ours here, by `handling`, and nowhere else.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from typing import Any, TypeVar

from kimi_conformance.adapters.protocol import Chunk
from kimi_conformance.adapters.reference.effects import Answer, Operation, Send, Wait
from kimi_conformance.adapters.reference.errors import LLMError
from kimi_conformance.adapters.reference.handling import handle_llm_error
from kimi_conformance.adapters.reference.retry import RetryPolicy
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

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = httpx.AsyncClient(verify=ssl_context(), transport=transport, **_OPTIONS)
        self._sleep = sleep

    async def run(self, operation: Operation[T]) -> T:
        """Perform an operation to its end, and give its result."""
        try:
            step = next(operation)
            while True:
                try:
                    answer = await self._perform(step)
                except LLMError as error:
                    step = operation.throw(error)
                else:
                    step = operation.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            operation.close()

    async def stream(
        self, send: Send, new_reader: Callable[[], ChunkReader], policy: RetryPolicy
    ) -> AsyncGenerator[Chunk, None]:
        """Send a request and give each chunk of its answer as it arrives.

        Until the first chunk is there, it is sent anew where the policy allows it.
        """
        started = time.perf_counter()
        attempt = 1
        while True:
            reader = new_reader()
            try:
                async with contextlib.aclosing(self._stream(send, reader, started)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except LLMError as error:
                if reader.begun:
                    raise
                pause = policy.pause(attempt, error)
            else:
                return
            await self._sleep(pause)
            attempt += 1

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _stream(
        self, send: Send, reader: ChunkReader, started: float
    ) -> AsyncGenerator[Chunk, None]:
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

    async def _perform(self, step: Send | Wait) -> Any:
        """The answer to a request; nothing after a wait."""
        if isinstance(step, Wait):
            return await self._sleep(step.seconds)
        return await self._send(step)

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

    def __init__(
        self,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = httpx.Client(verify=ssl_context(), transport=transport, **_OPTIONS)
        self._sleep = sleep

    def run(self, operation: Operation[T]) -> T:
        """Perform an operation to its end, and give its result."""
        try:
            step = next(operation)
            while True:
                try:
                    answer = self._perform(step)
                except LLMError as error:
                    step = operation.throw(error)
                else:
                    step = operation.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            operation.close()

    def stream(
        self, send: Send, new_reader: Callable[[], ChunkReader], policy: RetryPolicy
    ) -> Generator[Chunk, None, None]:
        """Send a request and give each chunk of its answer as it arrives.

        Until the first chunk is there, it is sent anew where the policy allows it.
        """
        started = time.perf_counter()
        attempt = 1
        while True:
            reader = new_reader()
            try:
                yield from self._stream(send, reader, started)
            except LLMError as error:
                if reader.begun:
                    raise
                pause = policy.pause(attempt, error)
            else:
                return
            self._sleep(pause)
            attempt += 1

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _stream(
        self, send: Send, reader: ChunkReader, started: float
    ) -> Generator[Chunk, None, None]:
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

    def _perform(self, step: Send | Wait) -> Any:
        """The answer to a request; nothing after a wait."""
        return self._sleep(step.seconds) if isinstance(step, Wait) else self._send(step)

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


@contextlib.contextmanager
def _translated(send: Send) -> Iterator[None]:
    """Turn the errors of the client library and of the network into ours."""
    try:
        yield
    except Exception as error:
        handled = handle_llm_error(error, send.secret, f"{send.method} {send.url.path}")
        if handled is error:
            raise
        raise handled from error
