"""Faults of the smaller services, and of what every answer carries."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kimi_conformance.simulator.faults.change import (
    json_of,
    on_answer,
    on_exchange,
    on_json,
    with_header,
    with_json,
)
from kimi_conformance.simulator.faults.fault import (
    Change,
    Parameters,
    Sound,
    anything,
    files,
    models,
    sent,
    streams,
)
from kimi_conformance.simulator.faults.rows import Rows
from kimi_conformance.simulator.go_json import go_json
from kimi_conformance.simulator.streaming import DONE
from kimi_conformance.simulator.world import World
from kimi_conformance.wire.exchange import Answer, Frame, Request

__all__ = ["SERVICES"]

BALANCE = "/v1/users/me/balance"
ESTIMATE = "/v1/tokenizers/estimate-token-count"
EMBEDDINGS = "/v1/embeddings"
DEBT = 31.25  # of the account in debt, beside a voucher of 5
GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"  # and then nothing that can be unpacked


def _at(path: str) -> Callable[[Request], bool]:
    return lambda request: request.path == path


def _only(path: str, edit: Callable[[dict[str, Any]], object]) -> Change:
    """Edit the JSON of one service."""
    edited = on_json(edit)

    def change(request: Request, sound: Sound, parameters: Parameters) -> Answer:
        if request.path != path:
            return sound.reply(request)
        return edited(request, sound, parameters)

    return change


def _in_texts(body: dict[str, Any]) -> None:
    body["data"] = {name: str(value) for name, value in body["data"].items()}


def _debt_eats_voucher(body: dict[str, Any]) -> None:
    body["data"].update(cash_balance=-DEBT, voucher_balance=5, available_balance=5 - DEBT)


def _repeats_key(request: Request, answer: Answer, _: World) -> Answer | None:
    if answer.status != 401:
        return None
    body = json_of(answer)
    body["error"]["message"] += f": {request.header('Authorization')}"
    return with_json(answer, body)


def _inside_stream(request: Request, answer: Answer, _: World) -> Answer | None:
    """Begin the stream before looking at what is asked, and say the refusal in it."""
    if not streams(request) or answer.status < 400:
        return None
    frames = (Frame(0.0, b"data: " + answer.body + b"\n\n"), Frame(0.0, DONE))
    events = with_header(answer, "Content-Type", "text/event-stream; charset=utf-8")
    return replace(events, status=200, frames=frames)


def _flapping(request: Request, answer: Answer, world: World) -> Answer | None:
    if not models(request) or answer.status != 200 or world.number % 2:
        return None
    body = json_of(answer)
    body["data"].pop()
    return with_json(answer, body)


def _embeds(request: Request, answer: Answer, _: World) -> Answer | None:
    if request.path != EMBEDDINGS or answer.status != 403:
        return None
    vector = {"object": "embedding", "index": 0, "embedding": [0.0, 1.0]}
    return with_json(answer, {"object": "list", "data": [vector]}, status=200)


def _unprocessable(request: Request, answer: Answer, _: World) -> Answer | None:
    """Answer a body that is no JSON object with 422; a form is none, and need not be."""
    if request.method != "POST" or answer.status != 400 or sent(request) or files(request):
        return None
    return replace(answer, status=422)


def _method_not_allowed(request: Request, answer: Answer, _: World) -> Answer | None:
    """Answer a known path under a method that it does not have with 405."""
    if answer.status != 404 or request.path not in {"/v1/models", "/v1/chat/completions"}:
        return None
    body = json_of(answer)
    if body.get("error") != "url.not_found":
        return None
    error = {"message": "Method Not Allowed", "type": "invalid_request_error"}
    return with_json(answer, {"error": error}, status=405)


def _packs_badly(answer: Answer) -> Answer | None:
    if not answer.frames or (answer.header("Content-Type") or "").startswith("text/event-stream"):
        return None
    packed = with_header(answer, "Content-Encoding", "gzip")
    return replace(packed, frames=(Frame(0.0, GZIP_HEAD + go_json("not packed")),))


_row = Rows()

SERVICES = (
    _row(
        "balance_text",
        "Says the balance in texts.",
        _only(BALANCE, _in_texts),
        touches=_at(BALANCE),
    ),
    _row(
        "balance_debt_eats_voucher",
        "Takes a debt off the voucher.",
        _only(BALANCE, _debt_eats_voucher),
        touches=_at(BALANCE),
    ),
    _row(
        "estimate_constant",
        "Estimates every prompt alike.",
        _only(ESTIMATE, lambda body: body["data"].update(total_tokens=80)),
        touches=_at(ESTIMATE),
    ),
    _row("embeddings_open", "Offers embeddings.", on_exchange(_embeds), touches=_at(EMBEDDINGS)),
    _row(
        "models_flap",
        "Lists a model less at every second call.",
        on_exchange(_flapping),
        touches=models,
    ),
    _row(
        "key_repeated",
        "Repeats the key that it refuses.",
        on_exchange(_repeats_key),
        touches=anything,
    ),
    _row(
        "refusal_in_stream",
        "Says a refusal inside the stream.",
        on_exchange(_inside_stream),
        *("CHAT-008", "CHAT-009", "SSE-004", "SSE-009", "SSE-010", "SSE-011", "SSE-012", "SSE-013"),
        touches=streams,
    ),
    _row(
        "malformed_is_422",
        "Answers broken JSON with 422.",
        on_exchange(_unprocessable),
        "WIRE-007",
        touches=anything,
    ),
    _row(
        "method_is_405",
        "Answers a wrong method with 405.",
        on_exchange(_method_not_allowed),
        "WIRE-007",
        touches=anything,
    ),
    _row(
        "request_id_missing",
        "Gives answers no id.",
        on_answer(lambda answer: with_header(answer, "Msh-Request-Id", None)),
        touches=anything,
    ),
    _row(
        "request_id_constant",
        "Gives all answers one id.",
        on_answer(lambda answer: with_header(answer, "Msh-Request-Id", "0" * 32)),
        touches=anything,
    ),
    _row(
        "gzip_broken",
        "Sends gzip that no one can unpack.",
        on_answer(_packs_badly),
        "WIRE-009",
        touches=anything,
    ),
)
