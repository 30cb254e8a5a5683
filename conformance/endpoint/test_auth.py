"""Who may ask."""

from typing import Any

import pytest

from kimi_conformance.checks import GREETING, WRONG_KEY, Endpoint, Reply, needs, requirement

WRONG = (401, "invalid_authentication_error")
ABSENT = (401, "incorrect_api_key_error")
NO_SUCH_MODEL = "kimi-model-that-never-was"

PLACES = [
    pytest.param("GET", "/models", None, id="models", marks=needs("models")),
    pytest.param("POST", "/chat/completions", GREETING, id="chat"),
    pytest.param(
        "POST",
        "/tokenizers/estimate-token-count",
        {"messages": GREETING["messages"]},
        id="estimate",
        marks=needs("token_estimate"),
    ),
    pytest.param("GET", "/users/me/balance", None, id="balance", marks=needs("balance")),
]


async def ask(
    endpoint: Endpoint, method: str, path: str, body: Any, *, key: str | None = ""
) -> Reply:
    """One of `PLACES`, with the model added to its body."""
    whole = None if body is None else {"model": endpoint.model, **body}
    return await endpoint.request(method, path, json=whole, key=key)


@requirement("EP-AUTH-01")
@pytest.mark.parametrize(("method", "path", "body"), PLACES)
async def test_a_key_that_was_never_issued_is_refused(
    endpoint: Endpoint, method: str, path: str, body: Any
) -> None:
    """Nobody uses what somebody else pays for."""
    granted = await ask(endpoint, method, path, body)
    refused = await ask(endpoint, method, path, body, key=WRONG_KEY)

    assert granted.control.status == 200
    assert refused.refusal == WRONG


@requirement("EP-AUTH-02")
@pytest.mark.parametrize(("method", "path", "body"), PLACES)
async def test_a_request_without_a_key_is_refused(
    endpoint: Endpoint, method: str, path: str, body: Any
) -> None:
    """A user who forgot to set a key is told so, and not that it is wrong."""
    granted = await ask(endpoint, method, path, body)
    refused = await ask(endpoint, method, path, body, key=None)

    assert granted.control.status == 200
    assert refused.refusal == ABSENT


@requirement("EP-AUTH-03")
async def test_the_key_is_judged_before_the_model(endpoint: Endpoint) -> None:
    """A stranger cannot find out which models there are."""
    granted = await endpoint.chat(GREETING)
    refused = await endpoint.chat({**GREETING, "model": NO_SUCH_MODEL}, key=WRONG_KEY)

    assert granted.control.status == 200
    assert refused.refusal == WRONG


@requirement("EP-AUTH-04")
async def test_a_wrong_key_is_refused_before_a_stream_begins(endpoint: Endpoint) -> None:
    """A client that streams sees the status, and need not read a stream to learn of it."""
    granted = await endpoint.chat({**GREETING, "stream": True})
    refused = await endpoint.chat({**GREETING, "stream": True}, key=WRONG_KEY)

    assert granted.control.status == 200
    assert refused.refusal == WRONG


@requirement("EP-AUTH-05")
async def test_the_refusal_does_not_repeat_the_key(endpoint: Endpoint) -> None:
    """A mistyped key does not end up in somebody's log of errors."""
    granted = await endpoint.knock()
    refused = await endpoint.knock(key=WRONG_KEY)

    assert granted.control.status == 200
    assert refused.refusal[0] == 401
    assert WRONG_KEY.encode() not in refused.body


@requirement("EP-AUTH-06")
async def test_the_balance_is_told_in_numbers(endpoint: Endpoint) -> None:
    """A user sees what is left before the service stops."""
    reply = await endpoint.get("/users/me/balance")

    balance = reply.accepted.json["data"]
    kinds = {type(balance[f"{name}_balance"]) for name in ("available", "voucher", "cash")}

    assert kinds <= {int, float}


@requirement("EP-AUTH-07")
async def test_the_available_balance_is_voucher_and_cash(endpoint: Endpoint) -> None:
    """A user in debt can still spend a voucher, and the sum says so."""
    reply = await endpoint.get("/users/me/balance")

    balance = reply.accepted.json["data"]
    cash = max(balance["cash_balance"], 0)

    assert balance["available_balance"] == pytest.approx(balance["voucher_balance"] + cash)
