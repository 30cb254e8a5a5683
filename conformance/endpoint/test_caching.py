"""
Explicit context caching, from a cache's creation to its deletion; and the automatic one.

Long because its checks are known by the name of this module: ids, cassettes and baselines hold it.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from kimi_conformance.checks import (
    GREETING,
    WRONG_KEY,
    Endpoint,
    InconclusiveError,
    Reply,
    read_input,
    ready_cache,
    requirement,
)

BAD_REQUEST = (400, "invalid_request_error")
CACHED_MODEL = "moonshot-v1-8k"  # of the only family that caches
FOREIGN_MODEL = "kimi-k2-0905-preview"
NO_SUCH_CACHE = "cache-that-was-never-made"
ID, SAVED = "Msh-Context-Cache-Id", "Msh-Context-Cache-Token-Saved"
RULES = {"role": "system", "content": "You are the porter of a small hotel by the sea."}
EXAMPLE = {"role": "user", "content": "A guest asks when breakfast is. It is from seven to ten."}
QUESTION = {"role": "user", "content": "When is breakfast?"}
WEATHER = read_input("tools/weather")
CLOCK = read_input("tools/clock")
MESSAGES = [RULES, EXAMPLE]
CACHE: dict[str, Any] = {
    "model": "moonshot-v1",
    "messages": MESSAGES,
    "tools": [WEATHER],
    "ttl": 300,
}
CHAT: dict[str, Any] = {
    "model": CACHED_MODEL,
    "messages": [*MESSAGES, QUESTION],
    "tools": [WEATHER],
    "max_tokens": 16,
}
LONG_AGO = 1_000_000_000  # in 2001
FAR_AWAY = 4_102_444_800  # in 2100


async def ask(
    endpoint: Endpoint, cache: Mapping[str, Any], body: Mapping[str, Any] = CHAT, **headers: str
) -> Reply:
    """A chat that names a cache; further headers with underscores for dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await endpoint.chat(body, headers={"X-Msh-Context-Cache": cache["id"], **named})


def hit(reply: Reply) -> Reply:
    """The reply, if it used a cache; where none is ever used, a miss would prove nothing."""
    if reply.control.header(ID) is None:
        raise InconclusiveError("a chat that repeats the cached messages did not use the cache")
    return reply


def cache_headers(reply: Reply) -> set[str]:
    """Which headers say that a cache was used."""
    return {name for name in (ID, SAVED) if reply.header(name) is not None}


@requirement("EP-CACHING-01")
async def test_a_cache_is_created(endpoint: Endpoint) -> None:
    """A client gets something to name in its next requests."""
    reply = await endpoint.post("/caching", CACHE)

    cache = reply.accepted.json

    assert cache["status"] in {"pending", "ready"}
    assert cache["model"] == "moonshot-v1"
    assert cache["tokens"] > 0


@requirement("EP-CACHING-02")
@pytest.mark.parametrize("ttl", [300, 7200])
async def test_a_cache_lives_as_long_as_its_ttl(endpoint: Endpoint, ttl: int) -> None:
    """A user pays for the minutes that were ordered."""
    reply = await endpoint.post("/caching", {**CACHE, "ttl": ttl})

    cache = reply.accepted.json

    assert cache["expired_at"] - cache["created_at"] == pytest.approx(ttl, abs=2)


@requirement("EP-CACHING-03")
async def test_a_cache_holds_what_it_was_created_with(endpoint: Endpoint) -> None:
    """A client that lost its copy can find out what the cache begins with."""
    created = await endpoint.post("/caching", CACHE)
    read = await endpoint.get(f"/caching/{created.control.json['id']}")

    cache = read.accepted.json

    assert cache["id"] == created.json["id"]
    assert cache["messages"] == MESSAGES
    assert cache["tools"] == [WEATHER]


@requirement("EP-CACHING-04")
async def test_a_chat_that_repeats_the_cache_uses_it(endpoint: Endpoint) -> None:
    """A user saves what the cache was paid for, and sees how much."""
    cache = await ready_cache(endpoint, CACHE)
    reply = await ask(endpoint, cache)

    saved = reply.accepted.header(SAVED)

    assert reply.header(ID) == cache["id"]
    assert 0 < int(saved or 0) <= reply.usage["prompt_tokens"]


@requirement("EP-CACHING-05")
@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(
            {"messages": [{**RULES, "content": "You are a porter."}, EXAMPLE, QUESTION]},
            id="other content",
        ),
        pytest.param(
            {"messages": [RULES, {**EXAMPLE, "name": "guest"}, QUESTION]}, id="another field"
        ),
        pytest.param(
            {"messages": [{**RULES, "content": f"{RULES['content']} "}, EXAMPLE, QUESTION]},
            id="one more space",
        ),
        pytest.param({"messages": [EXAMPLE, RULES, QUESTION]}, id="other order"),
        pytest.param({"messages": [RULES, QUESTION]}, id="a message less"),
        pytest.param({"tools": [CLOCK]}, id="other tool"),
        pytest.param({"tools": [WEATHER, CLOCK]}, id="one more tool"),
        pytest.param({"tools": []}, id="no tool"),
        pytest.param({"model": FOREIGN_MODEL}, id="model of another family"),
    ],
)
async def test_a_chat_that_differs_from_the_cache_does_without(
    endpoint: Endpoint, changed: Mapping[str, Any]
) -> None:
    """A conversation that moved on is answered, at the ordinary price."""
    cache = await ready_cache(endpoint, CACHE)
    same = await ask(endpoint, cache)
    other = await ask(endpoint, cache, {**CHAT, **changed})

    assert hit(same).header(ID) == cache["id"]
    assert cache_headers(other.accepted) == set()


@requirement("EP-CACHING-06")
async def test_a_use_resets_the_time_to_live(endpoint: Endpoint) -> None:
    """A session that goes on keeps its cache, and an idle one does not."""
    cache = await ready_cache(endpoint, CACHE)
    used = await ask(endpoint, cache, X_Msh_Context_Cache_Reset_TTL="3600")
    later = await endpoint.get(f"/caching/{cache['id']}")

    moved = later.accepted.json["expired_at"] - cache["expired_at"]

    assert hit(used).header(ID) == cache["id"]
    assert moved == pytest.approx(3600 - 300, abs=60)  # from the use on, not from the old end


@requirement("EP-CACHING-07")
async def test_a_use_alone_does_not_prolong_a_cache(endpoint: Endpoint) -> None:
    """A user who ordered five minutes is not charged for an hour."""
    cache = await ready_cache(endpoint, CACHE)
    used = await ask(endpoint, cache)
    later = await endpoint.get(f"/caching/{cache['id']}")

    assert hit(used).header(ID) == cache["id"]
    assert later.accepted.json["expired_at"] == cache["expired_at"]


@requirement("EP-CACHING-08")
async def test_a_deleted_cache_cannot_be_read(endpoint: Endpoint) -> None:
    """A user who deleted a cache no longer pays for it."""
    cache = await ready_cache(endpoint, CACHE)
    path = f"/caching/{cache['id']}"
    deleted = await endpoint.request("DELETE", path)
    read = await endpoint.get(path)

    assert deleted.accepted.json["deleted"] is True
    assert read.settled.status == 404


@requirement("EP-CACHING-09")
async def test_a_deleted_cache_is_no_longer_used(endpoint: Endpoint) -> None:
    """A client whose cache was deleted elsewhere still gets its answer."""
    cache = await ready_cache(endpoint, CACHE)
    before = await ask(endpoint, cache)
    deleted = await endpoint.request("DELETE", f"/caching/{cache['id']}")
    after = await ask(endpoint, cache)

    assert hit(before).header(ID) == cache["id"]
    assert deleted.control.status == 200
    assert cache_headers(after.accepted) == set()


@requirement("EP-CACHING-10")
@pytest.mark.parametrize(
    ("method", "body"),
    [("GET", None), ("PUT", {"ttl": 600}), ("DELETE", None)],
    ids=["read", "change", "delete"],
)
async def test_a_cache_that_does_not_exist_is_not_found(
    endpoint: Endpoint, method: str, body: Any
) -> None:
    """A client with a stale id is told, and makes a new cache."""
    cache = await ready_cache(endpoint, CACHE)
    found = await endpoint.request(method, f"/caching/{cache['id']}", json=body)
    missing = await endpoint.request(method, f"/caching/{NO_SUCH_CACHE}", json=body)

    assert found.control.status == 200
    assert missing.settled.status == 404


@requirement("EP-CACHING-11")
async def test_the_list_holds_the_newest_cache_first(endpoint: Endpoint) -> None:
    """A user sees what is being paid for, beginning with what was made last."""
    older = await endpoint.post("/caching", CACHE)
    newer = await endpoint.post("/caching", CACHE)
    caches = await endpoint.get("/caching")

    made = [newer.control.json["id"], older.control.json["id"]]
    listed = [cache["id"] for cache in caches.accepted.json["data"]]

    assert [id for id in listed if id in made] == made


@requirement("EP-CACHING-12")
async def test_metadata_and_life_of_a_cache_can_be_changed(endpoint: Endpoint) -> None:
    """An operator who keeps many caches can note whose they are, and prolong them."""
    cache = await ready_cache(endpoint, {**CACHE, "name": "porter"})
    path = f"/caching/{cache['id']}"
    change = {"metadata": {"hotel": "Seaview"}, "ttl": 7200}
    changed = await endpoint.request("PUT", path, json=change)
    read = (await endpoint.get(path)).accepted.json

    moved = read["expired_at"] - cache["expired_at"]

    assert changed.accepted.json["id"] == cache["id"]
    assert (read["metadata"], read["name"]) == ({"hotel": "Seaview"}, "porter")
    assert moved == pytest.approx(7200 - 300, abs=60)


@requirement("EP-CACHING-13")
async def test_a_ttl_beside_an_expiry_is_refused(endpoint: Endpoint) -> None:
    """No client has to find out later which of the two counted."""
    granted = await endpoint.post("/caching", CACHE)
    refused = await endpoint.post("/caching", {**CACHE, "expired_at": FAR_AWAY})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


@requirement("EP-CACHING-14")
@pytest.mark.parametrize("expiry", [{"expired_at": LONG_AGO}, {"ttl": -1}], ids=["at", "ttl"])
async def test_an_expiry_in_the_past_is_refused(endpoint: Endpoint, expiry: dict[str, int]) -> None:
    """A client whose clock is wrong does not pay for a cache that is over already."""
    lasting = {name: value for name, value in CACHE.items() if name != "ttl"}
    granted = await endpoint.post("/caching", CACHE)
    refused = await endpoint.post("/caching", {**lasting, **expiry})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


@requirement("EP-CACHING-15")
@pytest.mark.parametrize(
    ("fair", "unfair"),
    [
        ({"name": "n" * 256}, {"name": "n" * 257}),
        ({"description": "d" * 512}, {"description": "d" * 513}),
        (
            {"metadata": {f"key{i}": "v" for i in range(16)}},
            {"metadata": {f"key{i}": "v" for i in range(17)}},
        ),
        ({"metadata": {"k" * 64: "v"}}, {"metadata": {"k" * 65: "v"}}),
        ({"metadata": {"k": "v" * 512}}, {"metadata": {"k": "v" * 513}}),
    ],
    ids=["name", "description", "metadata", "key of metadata", "value of metadata"],
)
async def test_a_label_beyond_its_limit_is_refused(
    endpoint: Endpoint, fair: dict[str, Any], unfair: dict[str, Any]
) -> None:
    """A label is kept in whole or not at all."""
    granted = await endpoint.post("/caching", {**CACHE, **fair})
    refused = await endpoint.post("/caching", {**CACHE, **unfair})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


def by_reference(content: str) -> dict[str, Any]:
    """A chat whose first message stands for cached ones."""
    reference = {"role": "cache", "content": content}
    return {"model": CACHED_MODEL, "messages": [reference, QUESTION], "max_tokens": 16}


@requirement("EP-CACHING-16")
async def test_a_message_of_the_role_cache_stands_for_the_cached_ones(endpoint: Endpoint) -> None:
    """A client need not send again what the endpoint has already."""
    cache = await ready_cache(endpoint, CACHE)
    reply = await endpoint.chat(by_reference(f"cache_id={cache['id']};reset_ttl=600"))

    saved = reply.accepted.header(SAVED)

    assert reply.header(ID) == cache["id"]
    assert int(saved or 0) > 0


@requirement("EP-CACHING-20")
@pytest.mark.parametrize(
    "mistyped",
    [
        {"name": 7},
        {"description": 7},
        {"metadata": "porter"},
        {"ttl": "long"},
        {"ttl": None, "expired_at": "tomorrow"},
        {"tags": "porter"},
    ],
    ids=["name", "description", "metadata", "ttl", "expired_at", "tags"],
)
async def test_a_creation_with_a_field_of_another_type_is_refused(
    endpoint: Endpoint, mistyped: dict[str, Any]
) -> None:
    """A client that mixes up types learns it before it pays for a cache."""
    granted = await endpoint.post("/caching", CACHE)
    refused = await endpoint.post("/caching", {**CACHE, **mistyped})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


@requirement("EP-CACHING-21")
async def test_a_cache_for_another_family_is_refused(endpoint: Endpoint) -> None:
    """A user does not pay for a cache that no model will use."""
    granted = await endpoint.post("/caching", CACHE)
    refused = await endpoint.post("/caching", {**CACHE, "model": "kimi-k9"})

    assert granted.control.status == 200
    assert refused.refusal[0] in {400, 404}


@requirement("EP-CACHING-22")
async def test_a_partial_message_cannot_be_cached(endpoint: Endpoint) -> None:
    """A client learns that what is to be continued cannot be a beginning."""
    granted = await endpoint.post("/caching", CACHE)
    begun = {"role": "assistant", "content": "Breakfast is", "partial": True}
    refused = await endpoint.post("/caching", {**CACHE, "messages": [*MESSAGES, begun]})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


@requirement("EP-CACHING-23")
@pytest.mark.parametrize("tools", [[WEATHER], []], ids=["tools", "empty list"])
async def test_a_message_of_the_role_cache_forbids_tools(endpoint: Endpoint, tools: Any) -> None:
    """A client does not come to believe that it changed the tools of a cache."""
    cache = await ready_cache(endpoint, CACHE)
    reference = by_reference(f"cache_id={cache['id']}")
    granted = await endpoint.chat(reference)
    refused = await endpoint.chat({**reference, "tools": tools})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


@requirement("EP-CACHING-24")
async def test_a_use_saves_what_the_cache_counts(endpoint: Endpoint) -> None:
    """A user can compare what a cache cost with what it saved."""
    cache = await ready_cache(endpoint, CACHE)
    used = await ask(endpoint, cache)

    assert hit(used).header(SAVED) == str(cache["tokens"])


@requirement("EP-CACHING-25")
async def test_the_order_of_keys_does_not_matter_to_a_cache(endpoint: Endpoint) -> None:
    """A client that sorts its keys uses the cache of one that does not."""
    cache = await ready_cache(endpoint, CACHE)
    backwards = [dict(reversed(message.items())) for message in CHAT["messages"]]
    same = await ask(endpoint, cache)
    sorted_otherwise = await ask(endpoint, cache, {**CHAT, "messages": backwards})

    assert hit(same).header(ID) == cache["id"]
    assert sorted_otherwise.accepted.header(ID) == cache["id"]


@requirement("EP-CACHING-26")
async def test_a_prompt_that_was_read_before_counts_in_full(endpoint: Endpoint) -> None:
    """Whoever estimates a bill from earlier ones is right, whatever the cache did."""
    first = await endpoint.chat(GREETING)
    again = await endpoint.chat(GREETING)

    assert again.accepted.usage["prompt_tokens"] == first.control.usage["prompt_tokens"]


@requirement("EP-CACHING-29")
@pytest.mark.parametrize(
    ("method", "body"),
    [("POST", CACHE), ("GET", None), ("PUT", {"ttl": 600}), ("DELETE", None)],
    ids=["create", "read", "change", "delete"],
)
async def test_a_cache_is_its_owners_only(endpoint: Endpoint, method: str, body: Any) -> None:
    """Nobody reads what somebody else cached, nor makes them pay for more."""
    own, other = await ready_cache(endpoint, CACHE), await ready_cache(endpoint, CACHE)
    mine, theirs = (
        "/caching" if method == "POST" else f"/caching/{cache['id']}" for cache in (own, other)
    )
    granted = await endpoint.request(method, mine, json=body)
    wrong = await endpoint.request(method, theirs, json=body, key=WRONG_KEY)
    absent = await endpoint.request(method, theirs, json=body, key=None)

    assert granted.control.status == 200
    assert wrong.refusal == (401, "invalid_authentication_error")
    assert absent.refusal == (401, "incorrect_api_key_error")
