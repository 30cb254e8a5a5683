"""
Endpoints that do nothing, in several ways.

No check may pass with one of them: a check that does has asserted nothing. That nobody
listens at all is one more way, which needs no source.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kimi_conformance.simulator.go_json import go_json
from kimi_conformance.wire.exchange import Answer, Frame, Request

__all__ = ["VACUUMS", "Vacuum", "always"]

COMMENTS = 10_000  # in the endless stream, which does end
AT_ONCE = 100  # of them in one piece: ten thousand pieces would keep a processor busy

_JSON = (("Content-Type", "application/json; charset=utf-8"),)
_HTML = (("Content-Type", "text/html; charset=utf-8"),)
_EVENTS = (("Content-Type", "text/event-stream; charset=utf-8"),)


@dataclass(frozen=True, slots=True)
class Vacuum:
    """A source that gives one answer to everything.

    Attributes:
        always: The answer.
    """

    always: Answer

    @property
    def kind(self) -> str:
        """As exchanges carry it: somebody wrote the answer down."""
        return "script"

    async def answer(self, request: Request) -> Answer:  # noqa: ARG002
        """The one answer."""
        return self.always


def always(status: int) -> Vacuum:
    """Answers everything with this status, and below 400 with an empty body."""
    if status < 400:
        return Vacuum(Answer(status=status))
    kind = "invalid_authentication_error" if status == 401 else "server_error"
    body = go_json({"error": {"message": "nothing is served here", "type": kind}})
    return Vacuum(Answer(status=status, headers=_JSON, frames=(Frame(0.0, body),)))


def _one(headers: tuple[tuple[str, str], ...], *frames: bytes) -> Vacuum:
    return Vacuum(Answer(headers=headers, frames=tuple(Frame(0.0, data) for data in frames)))


VACUUMS: Mapping[str, Vacuum] = {
    "unauthorized": always(401),
    "not_found": always(404),
    "server_error": always(500),
    "no_content": always(204),
    "empty_body": always(200),
    "empty_json": _one(_JSON, b"{}"),
    "empty_list": _one(_JSON, b"[]"),
    "html": _one(_HTML, b"<html><head><title>Kimi</title></head><body></body></html>"),
    "endless_stream": _one(_EVENTS, *[b": still here\n\n" * AT_ONCE] * (COMMENTS // AT_ONCE)),
}
"""By name, as `--kimi-endpoint vacuum:NAME` has it."""
