"""What a stage saw in one check."""

import threading
from collections.abc import Sequence

from kimi_conformance.wire.exchange import Exchange, Request

__all__ = ["Journal"]

SETTLING = 2.0  # seconds that a reader waits for exchanges under way; a stall takes no longer
SLICE = 0.05  # of these: one in which this process stood still for longer counts as one


class Journal:
    """The exchanges of one lane, written by the stage's thread, read by the check's.

    A client may be done before the stage has closed the exchange, so `exchanges` first waits
    until nothing is under way any more.
    """

    def __init__(self) -> None:
        self._requests: list[Request] = []
        self._connections: list[object] = []
        self._exchanges: dict[str, Exchange] = {}
        self._open: dict[str, None] = {}
        self._order: list[str] = []
        self._changed = threading.Condition()

    @property
    def requests(self) -> Sequence[Request]:
        """What the client has sent, in order of arrival; never waits."""
        with self._changed:
            return tuple(self._requests)

    @property
    def exchanges(self) -> Sequence[Exchange]:
        """What was sent and answered, in order of arrival."""
        with self._changed:
            for _ in range(round(SETTLING / SLICE)):
                if self._changed.wait_for(lambda: not self._open, timeout=SLICE):
                    break
            return tuple(self._exchanges[id] for id in self._order if id in self._exchanges)

    @property
    def connections(self) -> Sequence[object]:
        """On which connection each of `requests` came: equal for those that came on the same."""
        with self._changed:
            return tuple(self._connections)

    def begin(self, id: str, request: Request, connection: object = None) -> None:
        """A request has come in whole, on this connection."""
        with self._changed:
            self._requests.append(request)
            self._connections.append(connection)
            self._order.append(id)
            self._open[id] = None

    def drop(self, id: str) -> None:
        """There is nobody whose answer it would be: no exchange will come of this request."""
        with self._changed:
            self._order.remove(id)

    def end(self, exchange: Exchange) -> None:
        """Its answer has come to its end, whichever."""
        with self._changed:
            self._exchanges[exchange.id] = exchange
            self._open.pop(exchange.id, None)
            self._changed.notify_all()
