"""
Serves a Python adapter over the protocol: `python -m kimi_conformance.adapters.process.serve`.

    python -m kimi_conformance.adapters.process.serve package.module:open_adapter
    python -m kimi_conformance.adapters.process.serve reference

It shows that the protocol loses nothing: an adapter that is served gets the verdicts that it
gets in process. It is also a complete example of the other end, in some 250 lines.

Messages are read on a thread of their own, so that an adapter that blocks the event loop
while it asks for the time still gets its answer. Standard output belongs to the protocol:
what the adapter prints goes to standard error.
"""

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import aclosing, suppress
from functools import partial
from typing import IO, Any

from kimi_conformance.adapters.process.lines import line_of, message_of
from kimi_conformance.adapters.process.methods import METHODS, PROTOCOL, SESSION_METHODS, Method
from kimi_conformance.adapters.process.shapes import ShapeError
from kimi_conformance.adapters.process.thrown import UnknownMethodError, described, rebuilt
from kimi_conformance.adapters.protocol import Adapter, AdapterFactory, Binding, SystemClock

__all__ = ["main"]

_NOWHERE = Binding(base_url="http://127.0.0.1:9/v1", api_key="sk-none")  # to ask for its claims


class Channel:
    """The two ends of the protocol's pipes; questions to the check are asked here."""

    def __init__(self, into: IO[bytes]) -> None:
        self._into = into
        self._lock = threading.Lock()
        self._asked: dict[int, Future[Any]] = {}
        self._last = 0

    def write(self, message: Mapping[str, Any]) -> None:
        """Write a message at once.

        Raises:
            TypeError: It holds what JSON has no word for.
        """
        line = line_of(message)
        with self._lock:
            self._into.write(line)
            self._into.flush()

    def ask(self, client: int, method: str, **params: Any) -> "Future[Any]":
        """Ask the check something."""
        answer: Future[Any] = Future()
        with self._lock:
            self._last += 1
            number = self._last
            self._asked[number] = answer
        self.write({"ask": number, "client": client, "method": method, "params": params})
        return answer

    def answered(self, message: Mapping[str, Any]) -> None:
        """Hand an answer to whoever asked."""
        answer = self._asked.pop(message["answer"])
        if "error" in message:
            answer.set_exception(rebuilt(message["error"]))
        else:
            answer.set_result(message["result"])


class _CheckClock:
    """The clock of the check."""

    def __init__(self, channel: Channel, client: int) -> None:
        self._channel = channel
        self._client = client

    def now(self) -> float:
        now: float = self._channel.ask(self._client, "clock.now").result()
        return now

    async def sleep(self, seconds: float) -> None:
        await asyncio.wrap_future(self._channel.ask(self._client, "clock.sleep", seconds=seconds))


class _Span:
    """A span of the check's tracer; what else OpenTelemetry has is listened to and dropped."""

    def __init__(self, end: Callable[[], object]) -> None:
        self._end = end

    def end(self, end_time: int | None = None) -> None:  # noqa: ARG002
        self._end()

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: self


class _Tracer:
    """The check's tracer."""

    def __init__(self, ask: Callable[..., "Future[Any]"], number: int) -> None:
        self._ask = ask
        self._number = number

    def start_span(self, name: str, *_: Any, **__: Any) -> _Span:
        span = self._ask("tracer.start_span", tracer=self._number, name=name).result()["span"]
        return _Span(lambda: self._ask("span.end", span=span).result())


class _Client:
    """An open adapter, and the objects that it and the check know each other's by."""

    def __init__(self, channel: Channel, number: int, factory: AdapterFactory, told: Any) -> None:
        self.running: dict[int, asyncio.Task[None]] = {}
        self._channel = channel
        self._number = number
        self._sessions: list[Any] = []
        moved = told.pop("clock", "machine") == "check"
        clock = _CheckClock(channel, number) if moved else SystemClock()
        self.adapter: Adapter = factory(Binding(**told, clock=clock))

    def number(self, kind: str, value: Any) -> int:  # noqa: ARG002
        """The number of a session: the same one for the same object."""
        for number, session in enumerate(self._sessions):
            if session is value:
                return number
        self._sessions.append(value)
        return len(self._sessions) - 1

    def found(self, kind: str, number: int) -> Any:
        """What stands here for an object of the check's, or a session of this side's."""
        if kind == "session":
            return self._sessions[number]
        if kind == "tracer":
            return _Tracer(self._ask, number)
        return lambda name, arguments: self._ask(
            "tool.call", tool=number, name=name, arguments=arguments
        ).result()

    def _ask(self, method: str, **params: Any) -> "Future[Any]":
        return self._channel.ask(self._number, method, **params)


class _Server:
    """Answers messages, in one event loop."""

    def __init__(self, channel: Channel, factory: AdapterFactory) -> None:
        self._channel = channel
        self._factory = factory
        self._clients: dict[int, _Client] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, message: Mapping[str, Any]) -> None:
        """Begin what a message asks for."""
        if "cancel" in message:
            for each in self._clients.values():
                if message["cancel"] in each.running:
                    each.running[message["cancel"]].cancel()
            return
        task = asyncio.get_running_loop().create_task(self._serve(message))
        self._tasks.add(task)
        client = self._clients.get(message.get("client", 0))
        if client is not None:
            client.running[message["id"]] = task
        task.add_done_callback(partial(self._done, message["id"], client))

    def _done(self, id: int, client: _Client | None, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if client is not None:
            client.running.pop(id, None)
        if task.cancelled():  # perhaps before its first step, which it then never takes
            self._channel.write({"id": id, "error": described(asyncio.CancelledError("cancelled"))})

    async def _serve(self, message: Mapping[str, Any]) -> None:
        try:
            self._channel.write({"id": message["id"], "result": await self._result(message)})
        except Exception as error:  # noqa: BLE001 - whatever it is, the check is to hear of it
            self._channel.write({"id": message["id"], "error": described(error)})

    async def _result(self, message: Mapping[str, Any]) -> Any:
        name, params = message["method"], message.get("params") or {}
        if name == "hello":
            return await self._hello()
        if name == "open":
            number = message["client"]
            self._clients[number] = _Client(self._channel, number, self._factory, params)
            return None
        client = self._clients[message["client"]]
        if name == "close":
            return await self._close(message)
        method = METHODS.get(name) or SESSION_METHODS.get(name)
        if method is None:
            raise UnknownMethodError(f"there is no method '{name}'")
        return await self._call(message["id"], client, method, params)

    async def _hello(self) -> Mapping[str, Any]:
        adapter = self._factory(_NOWHERE)
        try:
            return {
                "protocol": PROTOCOL,
                "name": adapter.name,
                "version": adapter.version,
                "capabilities": sorted(set(adapter.capabilities) - {"in_process"}),
                "features": ["clock"],
            }
        finally:
            await adapter.aclose()

    async def _close(self, message: Mapping[str, Any]) -> None:
        client = self._clients[message["client"]]
        others = [task for id, task in client.running.items() if id != message["id"]]
        try:
            await client.adapter.aclose()
        finally:
            for task in others:
                task.cancel()
            if others:
                await asyncio.wait(others)
            del self._clients[message["client"]]

    async def _call(self, id: int, client: _Client, method: Method, params: Any) -> Any:
        target: Any = client.adapter
        if method.name in SESSION_METHODS:
            target = client.found("session", params.pop("session"))
        given = {
            name: method.parameters[name].decode(value, client, name)
            for name, value in params.items()
        }
        if missing := [name for name in method.required if name not in given]:
            raise ShapeError(f"'{method.name}' lacks {', '.join(missing)}")
        called = getattr(target, method.attribute)
        if method.kind == "read":
            return method.result.encode(called, client)
        # As a check calls it: what is required by its place, the rest by name.
        required = [given.pop(name) for name in method.required]
        running = called(*required, **given)
        if method.kind == "stream":
            async with aclosing(running) as chunks:
                async for chunk in chunks:
                    self._channel.write({"id": id, "chunk": method.result.encode(chunk, client)})
            return None
        result = await running if method.kind == "call" else running
        return method.result.encode(result, client)


class _Telling(logging.Handler):
    """Sends what is logged to the check."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        said = {"level": record.levelname, "logger": record.name, "text": record.getMessage()}
        self._channel.write({"log": said})


async def _serve(out: IO[bytes], messages: IO[bytes], factory: AdapterFactory) -> None:
    channel = Channel(out)
    logging.basicConfig(handlers=[_Telling(channel)], level=logging.DEBUG)
    logging.getLogger("asyncio").setLevel(logging.INFO)
    logging.captureWarnings(True)
    server = _Server(channel, factory)
    loop = asyncio.get_running_loop()
    over = asyncio.Event()

    def read() -> None:
        for line in messages:
            message = message_of(line)
            if "answer" in message:
                channel.answered(message)
            else:
                loop.call_soon_threadsafe(server.take, message)
        loop.call_soon_threadsafe(over.set)

    threading.Thread(target=read, name="messages", daemon=True).start()
    await over.wait()


def main(factory: AdapterFactory) -> None:
    """Serve the adapters of this factory until standard input ends."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with out, suppress(BrokenPipeError):
        asyncio.run(_serve(out, sys.stdin.buffer, factory))


if __name__ == "__main__":
    from kimi_conformance.adapters.registry import factory_of

    main(factory_of(sys.argv[1]))
