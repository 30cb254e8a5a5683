"""
When each frame was due and when it was sent: what a load generator can be checked against.

One JSON object a line, one line an answer, written when the answer is over:

    {"pid": 4711, "method": "POST", "path": "/v1/chat/completions", "status": 200,
     "received_monotonic_s": 8123.02, "received_epoch_s": 1789000000.25, "ending": "complete",
     "frames": [[0.2, 0.2004, 161], …]}

A frame is [due, sent, bytes]; due and sent are seconds since the request was there in whole.
Add them to `received_monotonic_s`, the system's monotonic clock, which other processes on the
machine share, or to `received_epoch_s`. Sent is when the bytes were handed to the event loop,
which gives them to the kernel in the same round. An answer that was still arriving from
elsewhere has no plan: its frames are due when they were sent.
"""

import json
import os
import time
from pathlib import Path

from kimi_conformance.errors import UsageError
from kimi_conformance.stage.delivery import Delivery
from kimi_conformance.wire.exchange import Request

__all__ = ["SendLog"]


class SendLog:
    """A file that stages append to; several processes may, each line is written at once.

    Raises:
        UsageError: The file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise UsageError(
                f"The send log {path} cannot be written: {error.strerror}. Name another file."
            ) from error
        self._pid = os.getpid()

    def add(self, request: Request, delivery: Delivery) -> None:
        """Note an answer that is over."""
        sent = delivery.frames
        planned = delivery.answer.frames if delivery.answer else sent
        line = {
            "pid": self._pid,
            "method": request.method,
            "path": request.path,
            "status": delivery.sent().status,
            "received_monotonic_s": delivery.started,
            "received_epoch_s": time.time() - delivery.passed,
            "ending": str(delivery.ending),
            "frames": [
                [plan.at, frame.at, len(frame.data)]
                for plan, frame in zip(planned, sent, strict=False)
            ],
        }
        os.write(self._file, json.dumps(line, separators=(",", ":")).encode() + b"\n")

    def close(self) -> None:
        """Nothing more will come."""
        os.close(self._file)
