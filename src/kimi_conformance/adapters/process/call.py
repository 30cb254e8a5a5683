"""A message that awaits its replies, for whoever asks: any thread, any event loop."""

import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

__all__ = ["Call", "Reply"]


@dataclass(frozen=True, slots=True)
class Reply:
    """One message to a call.

    Attributes:
        kind: "chunk", "result", "error", or "broken": there will be no other.
        value: What it says; where it is broken, the AdapterError.
        size: Of the message, in bytes.
    """

    kind: str
    value: Any
    size: int = 0


class Call:
    """A message that was sent, and what has come for it so far.

    Attributes:
        id: Of the message.
        method: Its name.
        ended: Whether the last reply was taken.
    """

    def __init__(self, id: int, method: str) -> None:
        self.id = id
        self.method = method
        self.ended = False
        self._lock = threading.Lock()
        self._replies: deque[Reply] = deque()
        self._waiting: Future[Reply] | None = None
        self._unread = 0

    def put(self, reply: Reply) -> int:
        """Keep a reply for whoever asks next; how many bytes nobody has taken so far."""
        with self._lock:
            waiting, self._waiting = self._waiting, None
            if waiting is not None and waiting.set_running_or_notify_cancel():
                waiting.set_result(reply)
            else:
                self._replies.append(reply)
                self._unread += reply.size
            return self._unread

    def next(self) -> "Future[Reply]":
        """The next reply, as soon as there is one."""
        future: Future[Reply] = Future()
        with self._lock:
            if self._replies:
                reply = self._replies.popleft()
                self._unread -= reply.size
                future.set_result(reply)
            else:
                self._waiting = future
        return future
