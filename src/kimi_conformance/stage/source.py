"""What stands behind the stage: anything that turns a request into an answer."""

from typing import Protocol, runtime_checkable

from kimi_conformance.wire.exchange import Answer, Relay, Request

__all__ = ["Closable", "Immediate", "Source"]


class Source(Protocol):
    """One of cassette, script, simulator, live; each knows its own `kind`."""

    @property
    def kind(self) -> str:
        """One of "cassette", "script", "simulator", "live": exchanges carry it."""
        ...

    async def answer(self, request: Request) -> Answer | Relay:
        """What the client is to receive for this request.

        Called on the stage's event loop; it must not block it.
        """
        ...


@runtime_checkable
class Immediate(Source, Protocol):
    """A source that has nothing to wait for, so it can be asked without a task: for speed."""

    def reply(self, request: Request) -> Answer:
        """The same answer as `answer` gives."""
        ...


@runtime_checkable
class Closable(Protocol):
    """A source that holds connections of its own; the stage closes it when it stops."""

    async def aclose(self) -> None:
        """Release them; called once, on the stage's event loop."""
        ...
