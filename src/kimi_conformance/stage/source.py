"""What stands behind the stage: anything that turns a request into an answer."""

from typing import Protocol, runtime_checkable

from kimi_conformance.wire.exchange import Answer, Broken, Ending, Frame, Relay, Request

__all__ = ["Closable", "Immediate", "Source", "arrived"]


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


async def arrived(answer: Answer | Relay) -> Answer:
    """The answer as far as it arrives, and how it ended."""
    if isinstance(answer, Answer):
        return answer
    frames: list[Frame] = []
    ending = Ending.COMPLETE
    try:
        async for frame in answer.frames:
            frames.append(frame)  # noqa: PERF401 - what came before it broke off is kept
    except Broken as broken:
        ending = broken.ending
    return Answer(status=answer.status, headers=answer.headers, frames=frames, ending=ending)
