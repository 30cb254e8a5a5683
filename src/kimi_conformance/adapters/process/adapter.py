"""
A client in another process as an adapter.

Every method of a capability that the client claims is there and sends one message; the reply
is read by the shape of what the method returns. Nothing is put right on the way. A process
that breaks off while a client is open is told of twice: by the call, where a check may take
it for an error of the client, and at the client's end, where nothing can hide it.
"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncGenerator, Mapping
from functools import cache, partial
from typing import Any

from kimi_conformance.adapters.process.answering import Answering, Bound
from kimi_conformance.adapters.process.call import Call, Reply
from kimi_conformance.adapters.process.command import Command, Hello
from kimi_conformance.adapters.process.connection import Connection
from kimi_conformance.adapters.process.methods import METHODS, SESSION_METHODS, Method
from kimi_conformance.adapters.process.shapes import Shape, ShapeError
from kimi_conformance.adapters.process.thrown import UNKNOWN_METHOD, rebuilt
from kimi_conformance.adapters.protocol import Adapter, AdapterFactory, Binding, SystemClock
from kimi_conformance.errors import AdapterError

__all__ = ["ProcessAdapter", "process_factory"]

OPEN_LIMIT = 10.0  # seconds to open or close a client, and for what sends no request
MARGIN = 20.0  # seconds beyond the silence that a client is asked to bear, for retries
CANCEL_LIMIT = 2.0  # seconds to stop a call

_numbers = itertools.count(1)


class ProcessAdapter:
    """A client that is open in a process.

    Attributes:
        follows_clock: Whether its time is the check's.
    """

    def __init__(
        self, connection: Connection, hello: Hello, answering: Answering, binding: Binding
    ) -> None:
        self.name = hello.name
        self.version = hello.version
        self.capabilities = hello.capabilities
        self.follows_clock = "clock" in hello.features
        self._connection = connection
        self._answering = answering
        self._patience = binding.patience
        self._sessions: dict[int, _Session] = {}
        self._number = next(_numbers)
        self._objects = _Objects(Bound(binding.clock), self)
        answering.bound[self._number] = self._objects.own
        connection.secrets.update(_secrets_of(binding))
        self._finish_open(connection.begin("open", self._told(binding), self._number))

    def _told(self, binding: Binding) -> dict[str, Any]:
        """The binding as the process is told of it."""
        moved = self.follows_clock and not isinstance(binding.clock, SystemClock)
        return {
            "base_url": binding.base_url,
            "api_key": binding.api_key,
            "environment": dict(binding.environment),
            "context_cache": binding.context_cache,
            "patience": binding.patience,
            "attempts": binding.attempts,
            "edition": binding.edition,
            "clock": "check" if moved else "machine",
        }

    def _finish_open(self, call: Call) -> None:
        try:
            error = self._error_of(self._connection.reply_now(call, OPEN_LIMIT), "open")
        except AdapterError:
            self._forget()
            raise
        if error is not None:
            self._forget()
            raise error

    def __getattr__(self, name: str) -> Any:
        """A method of a capability that the client claims; others it does not have."""
        method = METHODS.get(name)
        if method is None or method.capability not in self.capabilities:
            raise AttributeError(f"{self.name} does not claim what '{name}' belongs to", name=name)
        return self.method(method)

    def method(self, method: Method, **beside: Any) -> Any:
        """What stands for a method: itself to be called, or the value of a property.

        Args:
            method: Which.
            beside: Further parameters of its message.
        """
        if method.kind == "read":
            return self._ask_now(method, beside)
        return partial(_ASKING[method.kind], self, method, beside)

    def session_of(self, number: int) -> "_Session":
        """The session of this number, the same one at every call."""
        return self._sessions.setdefault(number, _Session(self, number))

    async def aclose(self) -> None:
        """Let the client close.

        Raises:
            AdapterError: The process broke off since the client was opened.
        """
        try:
            call = self._connection.begin("close", client=self._number)
            reply = await self._connection.reply(call, OPEN_LIMIT)
            error = self._error_of(reply, "close")
        finally:
            self._forget()
        if error is not None:
            raise error

    def _forget(self) -> None:
        self._answering.bound.pop(self._number, None)

    # ------------------------------------------------------------ one call

    async def _ask(
        self, method: Method, beside: Mapping[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        call = self._begin(method, beside, args, kwargs)
        try:
            reply = await self._connection.reply(call, self._limit(method))
        except asyncio.CancelledError:
            await self._cancel(call)
            raise
        return self._result(reply, method)

    def _ask_now(self, method: Method, beside: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        call = self._begin(method, beside, args, kwargs)
        return self._result(self._connection.reply_now(call, self._limit(method)), method)

    async def _stream(
        self, method: Method, beside: Mapping[str, Any], *args: Any, **kwargs: Any
    ) -> AsyncGenerator[Any, None]:
        call = self._begin(method, beside, args, kwargs)
        try:
            while (
                reply := await self._connection.reply(call, self._limit(method))
            ).kind == "chunk":
                yield self._decoded(method.result, reply.value, method.name)
        finally:
            if not call.ended:
                await self._cancel(call)
        error = self._error_of(reply, method.name)
        if error is not None:
            raise error

    async def _cancel(self, call: Call) -> None:
        """Have a call stopped, and wait until it is."""
        if self._connection.trouble is not None:
            return
        self._connection.send({"cancel": call.id})
        until = time.monotonic() + CANCEL_LIMIT
        with contextlib.suppress(AdapterError):  # the client's end will say so
            while not call.ended:
                if time.monotonic() > until:
                    self._connection.break_off(f"goes on with '{call.method}', which was cancelled")
                await self._connection.reply(call, CANCEL_LIMIT)

    def _begin(self, method: Method, beside: Mapping[str, Any], args: Any, kwargs: Any) -> Call:
        given = method.signature.bind(*args, **kwargs).arguments
        params = {
            name: method.parameters[name].encode(value, self._objects)
            for name, value in given.items()
        }
        return self._connection.begin(method.name, {**beside, **params}, self._number)

    def _limit(self, method: Method) -> float | None:
        """How long a reply may take; None: as long as the check may."""
        if not method.is_slow:
            return OPEN_LIMIT
        return None if self._patience is None else self._patience + MARGIN

    def _result(self, reply: Reply, method: Method) -> Any:
        error = self._error_of(reply, method.name)
        if error is not None:
            raise error
        return self._decoded(method.result, reply.value, method.name)

    def _error_of(self, reply: Reply, method: str) -> Exception | None:
        """What a reply says was raised; an AdapterError where it is no reply to that."""
        if reply.kind == "result":
            return None
        if reply.kind == "chunk":
            return self._broken(f"answered '{method}' with a chunk, which is for streams")
        try:
            error = rebuilt(reply.value)
        except ValueError as wrong:
            return self._broken(f"answered '{method}' with what is no error: {wrong}")
        if type(error).__name__ == UNKNOWN_METHOD:
            return self._broken(f"does not know the method '{method}' of what it claims")
        return error

    def _decoded(self, shape: Shape, value: Any, where: str) -> Any:
        try:
            return shape.decode(value, self._objects, "the result")
        except ShapeError as wrong:
            error = self._broken(f"answered '{where}' with another shape: {wrong}")
        raise error

    def _broken(self, what: str) -> AdapterError:
        self._connection.break_off(what)
        return self._connection.again()


_ASKING = {
    "call": ProcessAdapter._ask,
    "sync": ProcessAdapter._ask_now,
    "stream": ProcessAdapter._stream,
}


class _Session:
    """A caching session that is kept in the process."""

    def __init__(self, adapter: ProcessAdapter, number: int) -> None:
        self._adapter = adapter
        self._number = number

    def __getattr__(self, name: str) -> Any:
        method = SESSION_METHODS.get(f"session.{name}")
        if method is None:
            raise AttributeError(f"a session has no '{name}'", name=name)
        return self._adapter.method(method, session=self._number)


class _Objects:
    """What a client was given by its check, and the sessions that it keeps."""

    def __init__(self, own: Bound, adapter: ProcessAdapter) -> None:
        self.own = own
        self._adapter = adapter

    def number(self, kind: str, value: Any) -> int:
        return self.own.number(kind, value)

    def found(self, kind: str, number: int) -> Any:
        return (
            self._adapter.session_of(number) if kind == "session" else self.own.found(kind, number)
        )


@cache
def process_factory(text: str) -> AdapterFactory:
    """Opens clients in a process of this command, the same one for all; see `Command`.

    Raises:
        UsageError: The text is no command.
    """
    answering = Answering()
    command = Command(text, answering)

    def open_adapter(binding: Binding) -> Adapter:
        return ProcessAdapter(*command.running(), answering, binding)

    return open_adapter


def _secrets_of(binding: Binding) -> set[str]:
    """What no message may show of it; a variable of few characters hides nothing."""
    values = {binding.api_key or "", *binding.environment.values()}
    return {value for value in values if len(value) >= 8}
