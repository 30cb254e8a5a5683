"""What an adapter check controls besides the adapter: what answers it, and the time."""

import asyncio
from collections.abc import Sequence

from kimi_conformance.stage import Lane, Script
from kimi_conformance.stage.journal import Journal
from kimi_conformance.stage.script import Scripted
from kimi_conformance.wire.exchange import Exchange, Request

__all__ = ["FakeClock", "Service", "Upstream"]


class Service:
    """The API as the lane of this run provides it, seen from the check's side.

    Attributes:
        base_url: What the adapter is given.
    """

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self.base_url = lane.base_url

    @property
    def requests(self) -> Sequence[Request]:
        """What the adapter has sent, in order of arrival."""
        assert self._lane.journal is not None
        return self._lane.journal.requests

    @property
    def connections(self) -> Sequence[object]:
        """On which connection each of `requests` came: equal for those that came on the same."""
        assert self._lane.journal is not None
        return self._lane.journal.connections

    @property
    def exchanges(self) -> Sequence[Exchange]:
        """What was sent and answered, in order of arrival; waits for what is under way."""
        assert self._lane.journal is not None
        return self._lane.journal.exchanges

    def forget(self) -> None:
        """Let go of what was exchanged so far, so that a long search keeps its end only."""
        self._lane.journal = Journal()

    def sent(self, line: str) -> list[Request]:
        """The requests with this method and path: `sent("POST /v1/chat/completions")`.

        A line that ends with "*" fits whatever begins so.
        """
        return [request for request in self.requests if _fits(line, request)]


class Upstream(Service):
    """An API whose answers this check writes itself."""

    def __init__(self, lane: Lane, script: Script) -> None:
        super().__init__(lane)
        self._script = script

    def replies(self, *answers: Scripted) -> None:
        """Answer with these, in order, the last one for ever."""
        self._script.answers[:] = answers

    def answers(self, line: str, *answers: Scripted) -> None:
        """The same for one method and path: `answers("POST /v1/caching", cache_created())`."""
        self._script.rules[line] = list(answers)


def _fits(line: str, request: Request) -> bool:
    own = f"{request.method} {request.path}"
    return own.startswith(line[:-1]) if line.endswith("*") else own == line


class FakeClock:
    """Time that only moves when told to, or when somebody sleeps.

    Attributes:
        slept: The lengths of all sleeps, in seconds.
    """

    def __init__(self, now: float = 1_757_462_400.0) -> None:
        self._now = now
        self.slept: list[float] = []

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        return self._now

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds

    async def sleep(self, seconds: float) -> None:
        """Let time pass at once, and other tasks run."""
        self.slept.append(seconds)
        self.move(seconds)
        await asyncio.sleep(0)
