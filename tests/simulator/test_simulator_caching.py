"""Explicit context caching: the life of a cache, and which chats it serves."""

from typing import Any

import pytest
from tests.simulator.scene import (
    HELLO,
    K2,
    NOW,
    SYSTEM,
    WEATHER,
    Clock,
    chat,
    request,
    simulator,
)

from kimi_conformance.simulator import Simulator
from kimi_conformance.wire.exchange import Answer

HEADERS = ("Msh-Context-Cache-Id", "Msh-Context-Cache-Token-Saved", "Msh-Context-Cache-Token-Exp")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kimi(clock: Clock) -> Simulator:
    return simulator(clock=clock)


def create(kimi: Simulator, **body: Any) -> dict[str, Any]:
    sent = {"model": "moonshot-v1", "messages": SYSTEM, **body}
    answer = kimi.reply(request("POST", "/v1/caching", sent))
    assert answer.status == 200, answer.body
    created: dict[str, Any] = answer.json
    return created


def ask(kimi: Simulator, id: str, messages: Any = None, **body: Any) -> Answer:
    reset = body.pop("reset_ttl", None)
    headers = {"x_msh_context_cache": id}
    if reset is not None:
        headers["x_msh_context_cache_reset_ttl"] = str(reset)
    if body.pop("dry_run", False):
        headers["x_msh_context_cache_dryrun"] = "1"
    answer = kimi.reply(chat(messages or [*SYSTEM, *HELLO], headers=headers, **body))
    assert answer.status == 200, answer.body
    return answer


def hit(answer: Answer) -> bool:
    present = [answer.header(name) is not None for name in HEADERS]
    assert len(set(present)) == 1
    return present[0]


def get(kimi: Simulator, id: str) -> Answer:
    return kimi.reply(request("GET", f"/v1/caching/{id}"))


def test_a_new_cache_shows_what_was_sent(kimi: Simulator) -> None:
    created = create(kimi, tools=[WEATHER], name="n", description="d", metadata={"a": "b"}, ttl=60)

    assert created["id"].startswith("cache-")
    assert created["status"] == "ready"
    assert created["object"] == "context-cache"
    assert created["created_at"] == int(NOW)
    assert created["expired_at"] == int(NOW) + 60
    assert created["tokens"] > 0
    assert created["model"] == "moonshot-v1"
    assert created["messages"] == SYSTEM
    assert created["tools"] == [WEATHER]
    assert (created["name"], created["description"]) == ("n", "d")
    assert created["metadata"] == {"a": "b"}
    assert "error" not in created
    assert get(kimi, created["id"]).json == created


@pytest.mark.parametrize(
    ("body", "lives"),
    [({}, 3600), ({"ttl": 5}, 5), ({"expired_at": int(NOW) + 9}, 9), ({"expired_at": 0}, 3600)],
)
def test_how_long_a_cache_lives(kimi: Simulator, body: dict[str, Any], lives: int) -> None:
    assert create(kimi, **body)["expired_at"] == int(NOW) + lives


def test_a_hit_is_told_in_headers_and_usage(kimi: Simulator) -> None:
    cache = create(kimi)
    plain = kimi.reply(chat([*SYSTEM, *HELLO])).json["usage"]

    answer = ask(kimi, cache["id"])

    assert [answer.header(name) for name in HEADERS] == [
        cache["id"],
        str(cache["tokens"]),
        str(cache["expired_at"]),
    ]
    assert answer.json["usage"] == {**plain, "cached_tokens": cache["tokens"]}
    assert cache["tokens"] < plain["prompt_tokens"]


def test_a_stream_is_served_from_a_cache_as_well(kimi: Simulator) -> None:
    assert hit(ask(kimi, create(kimi)["id"], stream=True))


@pytest.mark.parametrize(
    ("messages", "body", "served"),
    [
        ([*SYSTEM, *HELLO], {}, True),
        (SYSTEM, {}, True),
        ([{"content": SYSTEM[0]["content"], "role": "system"}, *HELLO], {}, True),
        ([*HELLO, *SYSTEM], {}, False),
        (HELLO, {}, False),
        ([{**SYSTEM[0], "name": "kimi"}, *HELLO], {}, False),
        ([{**SYSTEM[0], "content": SYSTEM[0]["content"] + " "}, *HELLO], {}, False),
        ([*SYSTEM, *HELLO], {"model": "moonshot-v1-32k"}, True),
        ([*SYSTEM, *HELLO], {"model": K2}, False),
        ([*SYSTEM, *HELLO], {"tools": []}, True),
        ([*SYSTEM, *HELLO], {"tools": None}, True),
        ([*SYSTEM, *HELLO], {"tools": [WEATHER]}, False),
    ],
)
def test_a_chat_that_does_not_fit_runs_without_the_cache(
    kimi: Simulator, messages: Any, body: dict[str, Any], served: bool
) -> None:
    cache = create(kimi)

    assert hit(ask(kimi, cache["id"], messages, **body)) is served


def test_tools_must_equal_the_cached_ones_to_the_order_of_lists(kimi: Simulator) -> None:
    other = {"type": "function", "function": {"name": "other", "parameters": {"type": "object"}}}
    cache = create(kimi, tools=[WEATHER, other])
    turned = {"function": dict(reversed(WEATHER["function"].items())), "type": "function"}  # type: ignore[attr-defined]

    assert hit(ask(kimi, cache["id"], tools=[WEATHER, other]))
    assert hit(ask(kimi, cache["id"], tools=[turned, other]))
    assert not hit(ask(kimi, cache["id"], tools=[other, WEATHER]))
    assert not hit(ask(kimi, cache["id"], tools=[WEATHER]))


def test_the_form_of_unicode_counts(kimi: Simulator) -> None:
    composed, decomposed = ([{"role": "system", "content": text}] for text in ("é", "e\u0301"))
    cache = create(kimi, messages=composed)

    assert hit(ask(kimi, cache["id"], composed))
    assert not hit(ask(kimi, cache["id"], decomposed))


@pytest.mark.parametrize("id", ["cache-unknown", ""])
def test_an_unknown_cache_is_a_miss(kimi: Simulator, id: str) -> None:
    assert not hit(ask(kimi, id))


def test_an_expired_cache_is_inactive_and_serves_nobody(kimi: Simulator, clock: Clock) -> None:
    id = create(kimi, ttl=60)["id"]

    clock.now += 59
    assert hit(ask(kimi, id))
    clock.now += 1
    assert not hit(ask(kimi, id))
    assert get(kimi, id).json["status"] == "inactive"


def test_a_new_ttl_counts_from_now(kimi: Simulator, clock: Clock) -> None:
    id = create(kimi, ttl=60)["id"]
    clock.now += 30

    answer = ask(kimi, id, reset_ttl=45)

    assert answer.header("Msh-Context-Cache-Token-Exp") == str(int(NOW) + 75)
    assert get(kimi, id).json["expired_at"] == int(NOW) + 75


def test_a_new_ttl_revives_an_expired_cache(kimi: Simulator, clock: Clock) -> None:
    id = create(kimi, ttl=60)["id"]
    clock.now += 600

    assert hit(ask(kimi, id, reset_ttl=60))
    assert get(kimi, id).json["status"] == "ready"


@pytest.mark.parametrize("ttl", ["0", "-5", "soon", "1.5", "²"])
def test_a_ttl_that_is_no_number_of_seconds_is_not_looked_at(kimi: Simulator, ttl: str) -> None:
    cache = create(kimi)

    assert hit(ask(kimi, cache["id"], reset_ttl=ttl))
    assert get(kimi, cache["id"]).json["expired_at"] == cache["expired_at"]


def test_a_mismatch_does_not_reset_the_expiry(kimi: Simulator) -> None:
    cache = create(kimi)

    ask(kimi, cache["id"], HELLO, reset_ttl=5)

    assert get(kimi, cache["id"]).json["expired_at"] == cache["expired_at"]


def test_a_cache_is_pending_before_it_is_ready(clock: Clock) -> None:
    kimi = simulator(clock=clock, cache_pending=40)
    cache = create(kimi, ttl=60)

    assert cache["status"] == "pending"
    assert not hit(ask(kimi, cache["id"]))
    clock.now += 40
    assert get(kimi, cache["id"]).json["status"] == "ready"
    assert hit(ask(kimi, cache["id"]))
    clock.now += 40
    assert not hit(ask(kimi, cache["id"], reset_ttl=600)), "revived, so pending anew"
    clock.now += 40
    assert hit(ask(kimi, cache["id"]))


def test_an_update_revives_and_renames(kimi: Simulator, clock: Clock) -> None:
    id = create(kimi, ttl=60, metadata={"a": "b"})["id"]
    clock.now += 600

    changed = kimi.reply(request("PUT", f"/v1/caching/{id}", {"ttl": 30, "metadata": {"c": "d"}}))

    assert changed.json["status"] == "ready"
    assert changed.json["expired_at"] == int(NOW) + 630
    assert changed.json["metadata"] == {"c": "d"}
    assert get(kimi, id).json == changed.json


def test_an_update_is_judged_by_the_same_rules(kimi: Simulator) -> None:
    id = create(kimi)["id"]

    refused = kimi.reply(request("PUT", f"/v1/caching/{id}", {"ttl": 0}))

    assert refused.status == 400


def test_a_deleted_cache_is_gone(kimi: Simulator) -> None:
    id = create(kimi)["id"]

    deleted = kimi.reply(request("DELETE", f"/v1/caching/{id}"))

    assert deleted.json == {"deleted": True, "id": id, "object": "context_cache_object.deleted"}
    assert not hit(ask(kimi, id))
    for method in ("GET", "DELETE"):
        gone = kimi.reply(request(method, f"/v1/caching/{id}"))
        assert gone.status == 404
        assert gone.json["error"]["type"] == "resource_not_found_error"
    assert kimi.reply(request("PUT", f"/v1/caching/{id}", {"ttl": 5})).status == 404


def test_the_list_is_paged(kimi: Simulator) -> None:
    ids = [create(kimi, metadata={"even": str(n % 2 == 0)})["id"] for n in range(23)]

    def listed(query: str = "") -> list[str]:
        body = kimi.reply(request("GET", f"/v1/caching{query}")).json
        assert body["object"] == "list"
        return [cache["id"] for cache in body["data"]]

    assert listed() == ids[:2:-1]
    assert listed("?order=asc&limit=3") == ids[:3]
    assert listed(f"?order=asc&after={ids[19]}") == ids[20:]
    assert listed(f"?order=asc&before={ids[2]}") == ids[:2]
    assert listed(f"?order=asc&after={ids[4]}&before={ids[8]}") == ids[5:8]
    assert listed("?order=asc&limit=2&metadata[even]=False") == [ids[1], ids[3]]
    assert listed("?limit=many&after=unknown") == ids[:2:-1]


def test_a_cache_that_is_too_large_says_so(kimi: Simulator) -> None:
    large = [{"role": "system", "content": "m" * 4 * 131_073}]

    created = create(kimi, messages=large)

    assert created["status"] == "error"
    assert set(created["error"]) == {"type", "message"}
    refused = chat([*large, *HELLO], model="moonshot-v1-128k").body
    assert refused  # such a chat is above every window, so no chat can use it


def test_a_dry_run_infers_nothing(kimi: Simulator) -> None:
    id = create(kimi)["id"]

    answer = ask(kimi, id, dry_run=True)

    assert hit(answer)
    assert answer.json["usage"] == {
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "total_tokens": 0,
    }


# ---------------------------------------------------------------- by a message of the role cache


def test_a_message_of_the_role_cache_stands_for_the_cached_ones(kimi: Simulator) -> None:
    cache = create(kimi, ttl=60)
    message = {"role": "cache", "content": f"cache_id={cache['id']};reset_ttl=100"}

    answer = kimi.reply(chat([message, *HELLO]))

    assert hit(answer)
    assert get(kimi, cache["id"]).json["expired_at"] == int(NOW) + 100
    whole = kimi.reply(chat([*SYSTEM, *HELLO])).json["usage"]
    assert answer.json["usage"] == {**whole, "cached_tokens": cache["tokens"]}


def test_a_message_of_the_role_cache_brings_the_cached_tools(kimi: Simulator) -> None:
    id = create(kimi, tools=[WEATHER])["id"]
    asks = [{"role": "cache", "content": f"cache_id={id}"}, {"role": "user", "content": "weather?"}]

    answer = kimi.reply(chat(asks))

    assert answer.json["choices"][0]["finish_reason"] == "tool_calls"


def test_beside_a_message_of_the_role_cache_tools_must_be_null(kimi: Simulator) -> None:
    message = {"role": "cache", "content": f"cache_id={create(kimi)['id']}"}

    assert kimi.reply(chat([message, *HELLO], tools=None)).status == 200
    assert kimi.reply(chat([message, *HELLO], tools=[])).status == 400


@pytest.mark.parametrize("content", ["cache_id=unknown", "", None, "tag=x", "cache_id"])
def test_a_message_that_names_no_cache_is_refused(kimi: Simulator, content: Any) -> None:
    assert kimi.reply(chat([{"role": "cache", "content": content}, *HELLO])).status == 404


def test_only_the_first_message_can_have_the_role_cache(kimi: Simulator) -> None:
    late = [*HELLO, {"role": "cache", "content": f"cache_id={create(kimi)['id']}"}]

    assert kimi.reply(chat(late)).status == 400
