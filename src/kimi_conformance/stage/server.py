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
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar

from kimi_conformance.errors import KimiConformanceError, UsageError
from kimi_conformance.stage.connection import Arrivals, Connection
from kimi_conformance.stage.delivery import Delivery
from kimi_conformance.stage.http1 import Received
from kimi_conformance.stage.journal import Journal
from kimi_conformance.stage.send_log import SendLog
from kimi_conformance.stage.source import Closable, Source
from kimi_conformance.wire.exchange import Answer, Ending, Exchange, Frame, Relay, Request

__all__ = ["Lane", "Stage"]

T = TypeVar("T")

_NO_ANSWER = Answer(raw=True, ending=Ending.CUT)
_TEXT = (("Content-Type", "text/plain; charset=utf-8"),)
_NO_LANE = Answer(
    status=404, headers=_TEXT, frames=(Frame(0.0, b"This stage has no such lane.\n"),)
)
_BUG = Answer(status=500, headers=_TEXT, frames=(Frame(0.0, b"What stands behind has failed.\n"),))
_log = logging.getLogger(__name__)
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
        shares_port: Whether other processes listen on the same port; the system then gives
            each connection to one of them.
        send_log: Where it is written when each frame was due, and when it was sent.
        exchanges: What their ids begin with, before a number.

    Attributes:
        thread: On which it works.

    Raises:
        UsageError: On entering, when the address cannot be listened on.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = time.monotonic,
        *,
        shares_port: bool = False,
        send_log: SendLog | None = None,
        exchanges: str = "x",
    ) -> None:
        self._host = host
        self._asked_port = port
        self._shares_port = shares_port
        self._send_log = send_log
        self._exchanges = exchanges
        self._clock = clock
        self._lanes: dict[str, Lane] = {}
        self._to_close: dict[int, Closable] = {}
        self._names = itertools.count(1)
        self._arrivals = Arrivals(self._serve, clock)
        self._loop = _new_loop()
        self.thread = threading.Thread(target=self._loop.run_forever, name="stage", daemon=True)
        self._server: asyncio.Server | None = None
        self.port = 0

    def __enter__(self) -> "Stage":
        self.thread.start()
        try:
            self.call(self._listen())
        except (OSError, UnicodeError) as error:  # the latter of a name that is none
            self._stop_loop()
            why = getattr(error, "strerror", None) or error
            raise UsageError(
                f"Cannot listen on {self._host}:{self._asked_port}: {why}. "
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
        self._server = await self._loop.create_server(
            lambda: Connection(self._arrivals),
            self._host,
            self._asked_port,
            backlog=4096,
            reuse_port=self._shares_port or None,
        )
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._arrivals.close()
        for source in self._to_close.values():
            await source.aclose()

    def _stop_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self.thread.join()
        self._loop.close()

    def _serve(self, connection: Connection, received: Received, started: float) -> None:
        target, _, query = received.target.partition("?")
        lane, path = self._find(target)
        request = Request(
            method=received.method,
            path=path,
            query=query,
            headers=received.headers,
            body=received.body,
        )
        turn = _Turn(lane, request, self._send_log, self._exchanges)
        remembers = lane.journal is not None or self._send_log is not None
        delivery = Delivery(
            connection, received, started, self._clock, turn.end, remembers=remembers
        )
        turn.begin(delivery, connection)

    def _find(self, path: str) -> tuple[Lane, str]:
        _, _, rest = path.partition("/")
        name, _, tail = rest.partition("/")
        if name in self._lanes:
            return self._lanes[name], f"/{tail}"
        return self._lanes.get("", _NOWHERE), path


class _Turn:
    """One request on its lane: its source is asked, its exchange is journaled."""

    __slots__ = ("_lane", "_number", "_request", "_send_log", "_source")

    def __init__(
        self, lane: Lane, request: Request, send_log: SendLog | None, exchanges: str
    ) -> None:
        self._lane = lane
        self._request = request
        self._send_log = send_log
        self._source = lane.source
        named = lane.journal is not None
        self._number = f"{exchanges}{next(_exchange_numbers)}" if named else ""

    def begin(self, delivery: Delivery, connection: Connection) -> None:
        """Ask the source, and have its answer sent."""
        if self._lane.journal is not None:
            self._lane.journal.begin(self._number, self._request, connection.peer)
        if connection.lost:
            delivery.abandon()
            return
        reply = getattr(self._source, "reply", None)  # that of an Immediate source: for speed
        if reply is None:
            delivery.asking = connection.loop.create_task(self._ask(delivery))
            return
        try:
            delivery.send(reply(self._request))
        except Exception as error:  # noqa: BLE001 - whatever it is, the client must not hang
            self._fail(delivery, error)

    async def _ask(self, delivery: Delivery) -> None:
        try:
            answer = await self._source.answer(self._request)
            if isinstance(answer, Relay):
                await delivery.relay(answer)
            else:
                delivery.send(answer)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(delivery, error)

    def _fail(self, delivery: Delivery, error: Exception) -> None:
        """Nothing was answered: a prerequisite did not hold, or there is a bug of ours."""
        if isinstance(error, KimiConformanceError):
            # Where it came from leads back here: a circle, with the answer in it, is kept long.
            self._lane.troubles.append(error.with_traceback(None))
            if self._lane.journal is not None:
                self._lane.journal.drop(self._number)
            delivery.send(_NO_ANSWER)
        else:
            _log.error("The source has failed", exc_info=error)
            delivery.send(_BUG)

    def end(self, delivery: Delivery) -> None:
        """Nothing more will be sent."""
        if self._lane.journal is not None:
            exchange = Exchange(
                id=self._number,
                request=self._request,
                answer=delivery.sent(),
                started=delivery.started,
                source=self._source.kind,
            )
            self._lane.journal.end(exchange)
        if self._send_log is not None:
            self._send_log.add(self._request, delivery)


class _Nowhere:
    """Answers what no lane fits."""

    kind = "script"

    def reply(self, _: Request) -> Answer:
        return _NO_LANE

    async def answer(self, request: Request) -> Answer:
        return self.reply(request)


_NOWHERE = Lane("", _Nowhere(), None)


def _new_loop() -> asyncio.AbstractEventLoop:
    with contextlib.suppress(ImportError):  # uvloop does not install everywhere
        import uvloop

        return uvloop.new_event_loop()
    return asyncio.new_event_loop()
