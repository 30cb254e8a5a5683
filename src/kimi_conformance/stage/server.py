"""
The stage: the one HTTP server of this project.

A SUT is given a base URL on it and cannot tell what stands behind. Each check has a lane
of its own, a first path segment, with a source and a journal of its own, so checks do not
disturb each other. The server runs on a thread with its own event loop: an adapter that
blocks the check's thread does not block what answers it.

    http://127.0.0.1:<port>/<lane>/v1/models  ─►  lane.source.answer(GET /v1/models)

An answer may break HTTP on purpose. Its frames then go to the connection as they are, and
its ending decides what happens to it: closed in an orderly way, reset, or left silent until
the client gives up.
"""

import asyncio
import contextlib
import itertools
import socket
import struct
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from types import TracebackType
from typing import Any, TypeVar

from aiohttp import web

from kimi_conformance.errors import KimiConformanceError, UsageError
from kimi_conformance.stage.journal import Journal
from kimi_conformance.stage.source import Closable, Source
from kimi_conformance.wire.exchange import Answer, Broken, Ending, Exchange, Frame, Relay, Request

__all__ = ["Lane", "Stage"]

T = TypeVar("T")

LONGEST_SILENCE = 120.0  # seconds that a stalled connection is held at most
LARGEST_BODY = 64 * 2**20  # bytes of a request
_FRAMING = {"content-length", "transfer-encoding", "connection", "date", "keep-alive"}
_NO_ANSWER = Answer(raw=True, ending=Ending.CUT)
_exchange_numbers = itertools.count(1)


class Lane:
    """One client's way across the stage: a prefix, a source, a journal.

    Attributes:
        base_url: What the SUT is given: "http://127.0.0.1:4010/c7/v1".
        source: What answers; may be exchanged at any time.
        journal: What was seen, or None where nothing is kept.
        troubles: Why a source could not answer at all (no such recording, budget used up,
            nobody reached): a prerequisite of the check did not hold.
    """

    def __init__(self, base_url: str, source: Source, journal: Journal | None) -> None:
        self.base_url = base_url
        self.source = source
        self.journal = journal
        self.troubles: list[KimiConformanceError] = []


class Stage:
    """The loopback server, usable as a context manager.

    Args:
        host: The address to listen on.
        port: 0 takes a free one.
        clock: Monotonic seconds.

    Raises:
        UsageError: On entering, when the address cannot be listened on.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host = host
        self._asked_port = port
        self._clock = clock
        self._lanes: dict[str, Lane] = {}
        self._to_close: dict[int, Closable] = {}
        self._names = itertools.count(1)
        self._loop = _new_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stage", daemon=True)
        self._runner: web.ServerRunner | None = None
        self.port = 0

    def __enter__(self) -> "Stage":
        self._thread.start()
        try:
            self.call(self._listen())
        except OSError as error:
            self._stop_loop()
            raise UsageError(
                f"Cannot listen on {self._host}:{self._asked_port}: {error.strerror or error}. "
                "Choose another port, or 0 for any free one."
            ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.call(self._close())
        self._stop_loop()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the stage's loop and wait for it; from any other thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def open_lane(self, source: Source, *, name: str | None = None, journal: bool = True) -> Lane:
        """A new lane; `name=""` puts it at the root: "http://127.0.0.1:4010/v1"."""
        name = f"c{next(self._names)}" if name is None else name
        prefix = f"/{name}" if name else ""
        url = f"http://{self._host}:{self.port}{prefix}/v1"
        lane = Lane(url, source, Journal() if journal else None)
        self._lanes[name] = lane
        if isinstance(source, Closable):
            self._to_close[id(source)] = source
        return lane

    def close_lane(self, lane: Lane) -> None:
        """Forget the lane; later requests to it are answered 404."""
        self._lanes = {name: kept for name, kept in self._lanes.items() if kept is not lane}

    async def _listen(self) -> None:
        server = web.Server(self._serve, handler_cancellation=True)
        self._runner = web.ServerRunner(server, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._asked_port, backlog=1024)
        await site.start()
        self.port = int(self._runner.addresses[0][1])

    async def _close(self) -> None:
        for source in self._to_close.values():
            await source.aclose()
        if self._runner is not None:
            await self._runner.cleanup()

    def _stop_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _serve(self, incoming: web.BaseRequest) -> web.StreamResponse:
        found = self._find(incoming.raw_path.partition("?")[0])
        if found is None:
            return web.Response(status=404, text="This stage has no such lane.\n")
        lane, path = found
        body = await incoming.content.read(LARGEST_BODY + 1)
        while not incoming.content.at_eof() and len(body) <= LARGEST_BODY:
            body += await incoming.content.read(LARGEST_BODY + 1 - len(body))
        if len(body) > LARGEST_BODY:
            return web.Response(status=413, text="The stage takes up to 64 MiB.\n")
        request = Request(
            method=incoming.method,
            path=path,
            query=incoming.raw_path.partition("?")[2],
            headers=tuple(
                (k.decode("latin-1"), v.decode("latin-1")) for k, v in incoming.raw_headers
            ),
            body=body,
        )
        return await self._perform(incoming, lane, request)

    def _find(self, path: str) -> tuple[Lane, str] | None:
        _, _, rest = path.partition("/")
        name, _, tail = rest.partition("/")
        if name in self._lanes:
            return self._lanes[name], f"/{tail}"
        root = self._lanes.get("")
        return (root, path) if root else None

    async def _perform(
        self, incoming: web.BaseRequest, lane: Lane, request: Request
    ) -> web.StreamResponse:
        started = self._clock()
        source = lane.source
        number = f"x{next(_exchange_numbers)}"
        if lane.journal is not None:
            lane.journal.begin(number, request)
        delivery = _Delivery(incoming, self._clock, started)
        try:
            await delivery.send(await source.answer(request))
        except KimiConformanceError as error:
            lane.troubles.append(error)
            if lane.journal is not None:
                lane.journal.drop(number)
            await delivery.send(_NO_ANSWER)
        except ConnectionError:  # the client has left; the journal keeps what it was sent
            delivery.response = _AlreadySent()
        finally:
            if lane.journal is not None:
                exchange = Exchange(
                    id=number,
                    request=request,
                    answer=delivery.sent(),
                    started=started,
                    source=source.kind,
                )
                lane.journal.end(exchange)
        return delivery.response


class _Delivery:
    """Sends one answer and remembers what really went out, and when."""

    def __init__(
        self, incoming: web.BaseRequest, clock: Callable[[], float], started: float
    ) -> None:
        self._incoming = incoming
        self._clock = clock
        self._started = started
        self._frames: list[Frame] = []
        self._ending = Ending.ABANDONED
        self._status = 0
        self._headers: tuple[tuple[str, str], ...] = ()
        self._raw = False
        self.response: web.StreamResponse = _AlreadySent()

    def sent(self) -> Answer:
        """What the client was sent so far."""
        return Answer(
            status=self._status,
            headers=self._headers,
            frames=tuple(self._frames),
            ending=self._ending,
            raw=self._raw,
        )

    async def send(self, answer: Answer | Relay) -> None:
        self._status, self._headers = answer.status, answer.headers
        if isinstance(answer, Relay):
            await self._send_relay(answer)
        elif answer.raw:
            self._raw = True
            await self._send_raw(answer)
        elif answer.ending is Ending.COMPLETE and all(frame.at <= 0 for frame in answer.frames):
            await self._send_at_once(answer)
        else:
            await self._send_frames(answer)

    async def _send_at_once(self, answer: Answer) -> None:
        """The short way: nothing to wait for, so one write does."""
        if len(answer.frames) > 1:
            await self._send_frames(answer)
            return
        response = web.Response(status=answer.status, body=answer.body or None)
        _set_headers(response, answer.headers)
        self._remember(answer.frames)
        self._ending = Ending.COMPLETE
        self.response = response

    async def _send_frames(self, answer: Answer) -> None:
        response = await self._start(answer.status, answer.headers)
        for frame in answer.frames:
            await self._wait_until(frame.at)
            self._remember((frame,))
            await response.write(frame.data)
        await self._finish(response, answer.ending)

    async def _send_relay(self, relay: Relay) -> None:
        response = await self._start(relay.status, relay.headers)
        ending = Ending.COMPLETE
        try:
            async for frame in relay.frames:
                self._remember((frame,))
                await response.write(frame.data)
        except Broken as broken:
            ending = broken.ending
        await self._finish(response, ending)

    async def _send_raw(self, answer: Answer) -> None:
        transport = self._transport()
        for frame in answer.frames:
            await self._wait_until(frame.at)
            self._remember((frame,))
            transport.write(frame.data)
        ending = Ending.CUT if answer.ending is Ending.COMPLETE else answer.ending
        await self._break_off(ending)

    async def _start(self, status: int, headers: Sequence[tuple[str, str]]) -> web.StreamResponse:
        response = web.StreamResponse(status=status)
        _set_headers(response, headers)
        if response.content_length is None:
            response.enable_chunked_encoding()
        await response.prepare(self._incoming)
        return response

    async def _finish(self, response: web.StreamResponse, ending: Ending) -> None:
        if ending is Ending.COMPLETE:
            self._ending = ending
            await response.write_eof()
            self.response = response
        else:
            await self._break_off(ending)

    async def _break_off(self, ending: Ending) -> None:
        """End the connection in a way that HTTP does not foresee."""
        transport = self._transport()
        self._incoming.protocol.keep_alive(False)
        self._ending = ending
        if ending is Ending.STALLED:
            await asyncio.sleep(LONGEST_SILENCE)  # cancelled when the client leaves
            transport.close()
        elif ending is Ending.RESET:
            wire: socket.socket = transport.get_extra_info("socket")
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        else:
            transport.close()

    def _transport(self) -> asyncio.Transport:
        transport = self._incoming.transport
        if transport is None:
            raise ConnectionResetError("the client has left")
        return transport

    def _remember(self, frames: Sequence[Frame]) -> None:
        at = self._clock() - self._started
        self._frames.extend(Frame(at, frame.data) for frame in frames)

    async def _wait_until(self, at: float) -> None:
        remaining = self._started + at - self._clock()
        if remaining > 0:
            await asyncio.sleep(remaining)


class _AlreadySent(web.StreamResponse):
    """Tells aiohttp that there is nothing left to send."""

    async def prepare(self, request: web.BaseRequest) -> None:  # noqa: ARG002
        return None

    async def write_eof(self, data: bytes = b"") -> None:  # noqa: ARG002
        return None


def _set_headers(response: web.StreamResponse, headers: Sequence[tuple[str, str]]) -> None:
    for name, value in headers:
        if name.lower() == "content-length":
            response.headers[name] = value
        elif name.lower() not in _FRAMING:
            response.headers.add(name, value)


def _new_loop() -> asyncio.AbstractEventLoop:
    with contextlib.suppress(ImportError):  # uvloop does not install everywhere
        import uvloop

        return uvloop.new_event_loop()
    return asyncio.new_event_loop()
