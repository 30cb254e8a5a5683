"""Tags of explicit context caches, and what a message of the role cache can ask for."""

from collections.abc import Mapping
from typing import Any

import pytest

from kimi_conformance.checks import (
    WRONG_KEY,
    Endpoint,
    InconclusiveError,
    Reply,
    ready_cache,
    requirement,
)

BAD_REQUEST = (400, "invalid_request_error")
NOT_FOUND = (404, "resource_not_found_error")
ID = "Msh-Context-Cache-Id"
TAGS = "/caching/refs/tags"
TAG = "conformance.porter"  # a tag of ours: giving it takes it from nobody
OTHER_TAG = "conformance.night-porter"
NO_SUCH_TAG = "conformance.never-given"
QUESTION = {"role": "user", "content": "When is breakfast?"}
CACHE: dict[str, Any] = {
    "model": "moonshot-v1",
    "messages": [{"role": "system", "content": "You are the porter of a small hotel by the sea."}],
    "ttl": 300,
}


async def give(endpoint: Endpoint, tag: Any, cache: Mapping[str, Any]) -> Reply:
    """Have a tag stand for a cache."""
    return await endpoint.post(TAGS, {"tag": tag, "cache_id": cache["id"]})


async def tagged_cache(endpoint: Endpoint, tag: str = TAG) -> Mapping[str, Any]:
    """A cache that is ready, and has a tag; where none can be given, a check decides nothing."""
    cache = await ready_cache(endpoint, CACHE)
    given = await give(endpoint, tag, cache)
    if not 200 <= given.status < 300:
        raise InconclusiveError(f"a tag could not be given: {given.status}")
    return cache


async def ask(endpoint: Endpoint, options: str) -> Reply:
    """A chat whose first message names a cache."""
    messages = [{"role": "cache", "content": options}, QUESTION]
    return await endpoint.chat({"model": "moonshot-v1-8k", "messages": messages, "max_tokens": 16})


@requirement("EP-CACHING-30")
async def test_a_tag_says_for_which_cache_it_stands(endpoint: Endpoint) -> None:
    """A client need not keep the ids of its caches."""
    cache = await ready_cache(endpoint, CACHE)
    given = await give(endpoint, TAG, cache)
    read = await endpoint.get(f"{TAGS}/{TAG}")

    tags = [reply.accepted.json for reply in (given, read)]

    assert [tag["tag"] for tag in tags] == [TAG, TAG]
    assert [tag["cache_id"] for tag in tags] == [cache["id"], cache["id"]]
    assert {tag["object"] for tag in tags} == {"cache_object.tag"}


@requirement("EP-CACHING-17")
async def test_a_tag_that_is_given_again_moves_to_the_new_cache(endpoint: Endpoint) -> None:
    """An operator replaces what a service caches while it is running."""
    old = await tagged_cache(endpoint)
    new = await ready_cache(endpoint, CACHE)
    moved = await give(endpoint, TAG, new)
    read = await endpoint.get(f"{TAGS}/{TAG}")

    assert moved.accepted.json["cache_id"] == new["id"]
    assert read.accepted.json["cache_id"] == new["id"] != old["id"]


@requirement("EP-CACHING-17")
async def test_a_message_that_names_a_tag_uses_its_cache(endpoint: Endpoint) -> None:
    """A client names a cache once and for all, whatever becomes of its id."""
    await tagged_cache(endpoint)
    cache = await tagged_cache(endpoint)
    reply = await ask(endpoint, f"tag={TAG}")

    assert reply.accepted.header(ID) == cache["id"]


@requirement("EP-CACHING-31")
async def test_the_content_of_a_tag_is_its_cache(endpoint: Endpoint) -> None:
    """A user looks up in one step what a tag stands for."""
    cache = await tagged_cache(endpoint)
    content = await endpoint.get(f"{TAGS}/{TAG}/content")
    read = await endpoint.get(f"/caching/{cache['id']}")

    assert content.accepted.json == read.accepted.json


@requirement("EP-CACHING-32")
async def test_the_list_holds_the_tags_with_their_caches(endpoint: Endpoint) -> None:
    """An operator sees which names are taken, and by what."""
    day = await tagged_cache(endpoint, TAG)
    night = await tagged_cache(endpoint, OTHER_TAG)
    tags = await endpoint.get(TAGS)

    listed = {tag["tag"]: tag["cache_id"] for tag in tags.accepted.json["data"]}

    assert (listed.get(TAG), listed.get(OTHER_TAG)) == (day["id"], night["id"])


@requirement("EP-CACHING-33")
async def test_a_page_of_tags_begins_after_the_one_that_is_named(endpoint: Endpoint) -> None:
    """A client with many tags reads each of them once."""
    await tagged_cache(endpoint, TAG)
    await tagged_cache(endpoint, OTHER_TAG)
    first = await endpoint.get(f"{TAGS}?limit=1")
    tags = [tag["tag"] for tag in first.accepted.json["data"]]
    second = await endpoint.get(f"{TAGS}?limit=1&after={tags[0]}")

    more = [tag["tag"] for tag in second.accepted.json["data"]]

    assert (len(tags), len(more)) == (1, 1)
    assert more != tags


@requirement("EP-CACHING-34")
async def test_a_deleted_tag_is_gone_and_its_cache_is_not(endpoint: Endpoint) -> None:
    """A user who gives up a name does not lose what was paid for."""
    cache = await tagged_cache(endpoint)
    before = await endpoint.get(f"{TAGS}/{TAG}")
    deleted = await endpoint.request("DELETE", f"{TAGS}/{TAG}")
    after = await endpoint.get(f"{TAGS}/{TAG}")
    kept = await endpoint.get(f"/caching/{cache['id']}")

    assert before.control.status == 200
    assert deleted.control.status == 200
    assert after.settled.status == 404
    assert kept.accepted.json["id"] == cache["id"]


@requirement("EP-CACHING-35")
@pytest.mark.parametrize("tag", [TAG, NO_SUCH_TAG], ids=["given", "never given"])
async def test_deleting_a_tag_succeeds_in_any_case(endpoint: Endpoint, tag: str) -> None:
    """A client that tidies up need not know whether somebody else did."""
    await tagged_cache(endpoint)
    deleted = await endpoint.request("DELETE", f"{TAGS}/{tag}")

    said = deleted.accepted.json

    assert (said["deleted"], said["tag"]) == (True, tag)


@requirement("EP-CACHING-36")
@pytest.mark.parametrize("path", ["", "/content"], ids=["tag", "content"])
async def test_a_tag_that_was_never_given_is_not_found(endpoint: Endpoint, path: str) -> None:
    """A client learns that it has to make the cache first."""
    await tagged_cache(endpoint)
    found = await endpoint.get(f"{TAGS}/{TAG}{path}")
    missing = await endpoint.get(f"{TAGS}/{NO_SUCH_TAG}{path}")

    assert found.control.status == 200
    assert missing.refusal == NOT_FOUND


@requirement("EP-CACHING-37")
@pytest.mark.parametrize(
    ("fair", "unfair"),
    [
        ("n" * 128, "n" * 129),
        ("conformance", ""),
        ("conformance-1", "1-conformance"),
        ("conformance_a-b.c", "conformance a"),
        ("conformance.a", "conformance/a"),
    ],
    ids=["longest", "empty", "first", "space", "slash"],
)
async def test_a_tag_of_another_form_is_refused(endpoint: Endpoint, fair: str, unfair: str) -> None:
    """What is taken as a tag can be named in a path and in a message."""
    cache = await ready_cache(endpoint, CACHE)
    granted = await give(endpoint, fair, cache)
    refused = await give(endpoint, unfair, cache)

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


@requirement("EP-CACHING-37")
async def test_a_creation_with_a_tag_of_another_form_is_refused(endpoint: Endpoint) -> None:
    """A client does not pay for a cache that it cannot name."""
    granted = await endpoint.post("/caching", {**CACHE, "tags": [TAG]})
    refused = await endpoint.post("/caching", {**CACHE, "tags": [TAG, "1-conformance"]})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


@requirement("EP-CACHING-38")
async def test_a_tag_for_a_missing_cache_is_refused(endpoint: Endpoint) -> None:
    """A tag always leads somewhere."""
    cache = await ready_cache(endpoint, CACHE)
    granted = await give(endpoint, TAG, cache)
    refused = await give(endpoint, TAG, {"id": "cache-that-was-never-made"})

    assert granted.control.status == 200
    assert refused.refusal[0] in {400, 404}


@requirement("EP-CACHING-39")
async def test_a_cache_is_created_with_its_tags(endpoint: Endpoint) -> None:
    """A service that begins anew makes its cache and names it in one step."""
    cache = await ready_cache(endpoint, {**CACHE, "tags": [TAG, OTHER_TAG]})
    tags = [await endpoint.get(f"{TAGS}/{tag}") for tag in (TAG, OTHER_TAG)]

    assert [tag.accepted.json["cache_id"] for tag in tags] == [cache["id"], cache["id"]]


@requirement("EP-CACHING-40")
async def test_a_tag_goes_with_its_cache(endpoint: Endpoint) -> None:
    """A client that asks for the tag learns that the cache has to be made again."""
    cache = await tagged_cache(endpoint)
    before = await endpoint.get(f"{TAGS}/{TAG}")
    deleted = await endpoint.request("DELETE", f"/caching/{cache['id']}")
    after = await endpoint.get(f"{TAGS}/{TAG}")

    assert before.control.status == 200
    assert deleted.control.status == 200
    assert after.settled.status == 404


@requirement("EP-CACHING-41")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", ""),
        ("GET", ""),
        ("GET", f"/{TAG}"),
        ("GET", f"/{TAG}/content"),
        ("DELETE", f"/{TAG}"),
    ],
    ids=["give", "list", "read", "content", "delete"],
)
async def test_a_tag_is_its_owners_only(endpoint: Endpoint, method: str, path: str) -> None:
    """Nobody turns somebody else's service to another cache."""
    cache = await tagged_cache(endpoint)
    body = {"tag": TAG, "cache_id": cache["id"]} if method == "POST" else None
    wrong = await endpoint.request(method, f"{TAGS}{path}", json=body, key=WRONG_KEY)
    absent = await endpoint.request(method, f"{TAGS}{path}", json=body, key=None)
    granted = await endpoint.request(method, f"{TAGS}{path}", json=body)

    assert granted.control.status == 200
    assert wrong.refusal == (401, "invalid_authentication_error")
    assert absent.refusal == (401, "incorrect_api_key_error")


@requirement("EP-CACHING-42")
@pytest.mark.parametrize("name", ["cache_id", "tag"])
async def test_a_message_resets_the_time_to_live(endpoint: Endpoint, name: str) -> None:
    """A session that goes on keeps its cache, however it names it."""
    cache = await tagged_cache(endpoint)
    named = {"cache_id": cache["id"], "tag": TAG}[name]
    used = await ask(endpoint, f"{name}={named};reset_ttl=3600")
    later = await endpoint.get(f"/caching/{cache['id']}")

    moved = later.accepted.json["expired_at"] - cache["expired_at"]

    assert used.accepted.header(ID) == cache["id"]
    assert moved == pytest.approx(3600 - 300, abs=60)  # from the use on, not from the old end


@requirement("EP-CACHING-43")
@pytest.mark.parametrize("name", ["cache_id", "tag"])
async def test_a_dry_run_says_that_a_cache_can_be_used_and_costs_nothing(
    endpoint: Endpoint, name: str
) -> None:
    """A user finds out for nothing whether the cache is still there."""
    cache = await tagged_cache(endpoint)
    named = {"cache_id": cache["id"], "tag": TAG}[name]
    tried = await ask(endpoint, f"{name}={named};reset_ttl=3600;dry_run=1")

    usage = tried.accepted.json.get("usage") or {}

    assert tried.header(ID) == cache["id"]
    assert usage.get("total_tokens", 0) == 0


@requirement("EP-CACHING-44")
@pytest.mark.parametrize("field", ["tag", "cache_id"])
async def test_a_tag_with_a_field_of_another_type_is_refused(
    endpoint: Endpoint, field: str
) -> None:
    """A client that mixes up types learns it before it relies on the tag."""
    cache = await ready_cache(endpoint, CACHE)
    body = {"tag": TAG, "cache_id": cache["id"]}
    granted = await endpoint.post(TAGS, body)
    refused = await endpoint.post(TAGS, {**body, field: 7})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST
