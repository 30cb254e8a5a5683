"""Faults that need no client's mistake: the service is down, full, slow, or declines."""

from dataclasses import replace

from kimi_conformance.simulator.faults.change import with_header
from kimi_conformance.simulator.faults.fault import Change, Fault, Parameters, Sound, chats
from kimi_conformance.wire.exchange import Answer, Frame, Headers, Request

__all__ = ["OUTAGES"]

_PAGE = (
    b"<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n<body>\r\n"
    b"<center><h1>504 Gateway Time-out</h1></center>\r\n</body>\r\n</html>\r\n"
)


def _refuses(key: str, *wait_headers: str) -> Change:
    """Refuse with the edition's words; the headers carry the parameter `seconds`."""

    def change(_: Request, sound: Sound, parameters: Parameters) -> Answer:
        sound.world.number += 1
        wait = str(parameters.get("seconds"))
        more: Headers = tuple((name, wait) for name in wait_headers)
        return sound.world.refuse(sound.now, key, parameters, more)

    return change


def _server_error(_: Request, sound: Sound, parameters: Parameters) -> Answer:
    sound.world.number += 1
    answer = sound.world.refuse(sound.now, "server_error")
    return replace(answer, status=parameters["status"])


def _unavailable(_: Request, sound: Sound, __: Parameters) -> Answer:
    sound.world.number += 1
    error = {"message": "the service is not available", "type": "server_unavailable"}
    return sound.world.reply(sound.now, {"error": error}, status=503)


def _gateway_timeout(_: Request, __: Sound, ___: Parameters) -> Answer:
    headers = (("Content-Type", "text/html"), ("Server", "nginx"))
    return Answer(status=504, headers=headers, frames=(Frame(0.0, _PAGE),))


def _later(request: Request, sound: Sound, parameters: Parameters) -> Answer:
    answer = sound.reply(request)
    wait = parameters["seconds"]
    frames = tuple(Frame(frame.at + wait, frame.data) for frame in answer.frames)
    return replace(answer, frames=frames)


_WAIT = ("Retry-After", "X-Retry-After", "Msh-Cooldown-Seconds")


def _waits_at_odds(request: Request, sound: Sound, parameters: Parameters) -> Answer:
    """Name a wait of its own that is longer than that of the standard."""
    answer = _refuses("max_rpm", *_WAIT)(request, sound, parameters)
    return with_header(answer, _WAIT[-1], str(parameters["seconds"] + 59))


OUTAGES = (
    Fault(
        name="server_error",
        text="Fails with a 5xx in Kimi's envelope.",
        change=_server_error,
        defaults={"status": 500},
    ),
    Fault(
        name="server_unavailable",
        text="Is not available: 503.",
        change=_unavailable,
    ),
    Fault(
        name="gateway_timeout",
        text="The gateway gives up: 504 with a page of HTML.",
        change=_gateway_timeout,
    ),
    Fault(
        name="engine_overloaded",
        text="The engine is overloaded: 429 without Retry-After.",
        change=_refuses("overloaded"),
        touches=chats,
    ),
    Fault(
        name="rate_limited",
        text="Too many requests a minute: 429 that says how long to wait.",
        change=_refuses("max_rpm", *_WAIT),
        defaults={"limit": 3, "seconds": 1},
    ),
    Fault(
        name="rate_limited_in_words",
        text="Too many requests a minute: 429 that says how long to wait in its text only.",
        change=_refuses("max_rpm"),
        defaults={"limit": 3, "seconds": 1},
    ),
    Fault(
        name="rate_limited_unreadably",
        text="Too many requests a minute: 429 whose Retry-After is no number and no date.",
        change=_refuses("max_rpm", "Retry-After"),
        defaults={"limit": 3, "seconds": "soon"},
        breaks=frozenset({"WIRE-010"}),
    ),
    Fault(
        name="rate_limited_at_odds",
        text="Too many requests a minute: 429 whose headers name different waits.",
        change=_waits_at_odds,
        defaults={"limit": 3, "seconds": 1},
        breaks=frozenset({"WIRE-011"}),
    ),
    Fault(
        name="quota_exceeded",
        text="The account has no balance left.",
        change=_refuses("no_balance"),
        touches=chats,
    ),
    Fault(
        name="content_filter",
        text="Refuses every chat as high risk.",
        change=_refuses("content_filter"),
        touches=chats,
    ),
    Fault(
        name="slow",
        text="Answers everything some seconds later.",
        change=_later,
        defaults={"seconds": 2.1},
    ),
)
