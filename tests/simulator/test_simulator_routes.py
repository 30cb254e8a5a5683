"""The routes beside chat, and what every answer carries."""

import re
import uuid

import pytest
from tests.simulator.scene import CHAT, EDITION, K2, NOW, PROBES, chat, request, simulator

from kimi_conformance.wire.exchange import Request


def test_the_list_has_every_model_with_the_recorded_keys() -> None:
    body = simulator().reply(request("GET", "/v1/models")).json

    assert list(body) == ["object", "data"]
    assert body["object"] == "list"
    listed = [(item["id"], item["context_length"]) for item in body["data"]]
    assert listed == [(model.id, model.context_window) for model in EDITION.models]
    assert list(body["data"][0]) == list(EDITION.item.fields)
    assert {item["created"] for item in body["data"]} == {int(NOW)}
    assert body["data"][0]["permission"][0]["organization"] == "public"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/nowhere"),
        ("GET", CHAT),
        ("POST", "/v1/models"),
        ("GET", "/v1/models/"),
        ("GET", f"/v1/models/{K2}"),
        ("PATCH", "/v1/caching"),
        ("POST", "/v1/caching/cache-1"),
        ("GET", "/v1/caching/"),
        ("GET", "/v1/caching/a/b"),
        ("PUT", "/v1/caching/refs/tags/a"),
        ("GET", "/v1/caching/refs/tags/a/b"),
        ("GET", "/"),
    ],
)
def test_an_unknown_path_and_a_wrong_method_get_the_other_shape(method: str, path: str) -> None:
    answer = simulator().reply(request(method, path, user_agent="probe/1"))

    assert answer.status == 404
    assert answer.json == {
        "code": 5,
        "error": "url.not_found",
        "message": "没找到对象",
        "method": method,
        "scode": "0x5",
        "status": False,
        "ua": "probe/1",
        "url": path,
    }


def test_embeddings_are_not_open() -> None:
    answer = simulator().reply(request("POST", "/v1/embeddings", {"model": K2, "input": "a"}))

    assert answer.status == 403
    assert answer.json["error"] == {
        "message": "The API you are accessing is not open",
        "type": "permission_denied_error",
    }


@pytest.mark.parametrize(("balance", "available"), [(12.5, 12.5), (0, 0), (-31.14918, 0)])
def test_the_balance_shows_a_debt_as_negative_cash(balance: float, available: float) -> None:
    body = simulator(balance=balance).reply(request("GET", "/v1/users/me/balance")).json

    assert body == {
        "code": 0,
        "data": {"available_balance": available, "voucher_balance": 0, "cash_balance": balance},
        "scode": "0x0",
        "status": True,
    }


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: f"{probe.method} {probe.path}")
def test_every_answer_carries_an_id_of_its_own(probe: Request) -> None:
    simulated = simulator()

    first, second = (simulated.reply(probe).header("Msh-Request-Id") for _ in range(2))

    assert first != second
    assert uuid.UUID(first).version == 1
    assert simulated.reply(probe).header("Msh-Trace-Mode") == "on"


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: f"{probe.method} {probe.path}")
def test_json_is_compact_and_ends_without_a_line_end(probe: Request) -> None:
    answer = simulator().reply(probe)

    if answer.header("Content-Type") == "application/json; charset=utf-8":
        assert not re.search(rb'": |", "|\n$', answer.body)
    else:
        assert answer.header("Content-Type") == "text/event-stream; charset=utf-8"


def test_the_same_seed_and_requests_give_the_same_bytes() -> None:
    one, other = simulator(seed=7), simulator(seed=7)

    assert [one.reply(each) for each in PROBES] == [other.reply(each) for each in PROBES]


async def test_a_source_answers_as_the_core_does() -> None:
    simulated = simulator()

    answer = await simulated.answer(chat())

    assert simulated.kind == "simulator"
    assert answer == simulator().reply(chat())


def test_half_a_surrogate_pair_is_answered_in_utf8() -> None:
    answer = simulator().reply(chat(model="\ud800"))

    assert "Not found the model \ufffd" in answer.json["error"]["message"]
