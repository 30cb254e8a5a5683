"""Tags of context caches: names that stand for whatever they were given to last."""

from typing import Any

import pytest
from tests.simulator.scene import HELLO, NOW, SYSTEM, Clock, chat, request, simulator

from kimi_conformance.simulator import Simulator
from kimi_conformance.wire.exchange import Answer

TAGS = "/v1/caching/refs/tags"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kimi(clock: Clock) -> Simulator:
    return simulator(clock=clock)


def create(kimi: Simulator, **body: Any) -> str:
    sent = {"model": "moonshot-v1", "messages": SYSTEM, **body}
    return str(kimi.reply(request("POST", "/v1/caching", sent)).json["id"])


def give(kimi: Simulator, tag: Any, cache_id: Any) -> Answer:
    return kimi.reply(request("POST", TAGS, {"tag": tag, "cache_id": cache_id}))


def get(kimi: Simulator, path: str) -> Answer:
    return kimi.reply(request("GET", f"{TAGS}{path}"))


def listed(kimi: Simulator, query: str = "") -> list[str]:
    return [tag["tag"] for tag in get(kimi, query).json["data"]]


def test_a_tag_shows_what_it_stands_for(kimi: Simulator) -> None:
    id = create(kimi)

    given = give(kimi, "porter", id)

    assert given.json == {
        "cache_id": id,
        "created_at": int(NOW),
        "object": "cache_object.tag",
        "owned_by": "0" * 20,
        "tag": "porter",
    }
    assert get(kimi, "/porter").json == given.json
    assert get(kimi, "/porter/content").json == kimi.reply(request("GET", f"/v1/caching/{id}")).json


def test_a_tag_that_is_given_again_stands_for_the_other_cache(
    kimi: Simulator, clock: Clock
) -> None:
    old, new = create(kimi), create(kimi)
    give(kimi, "porter", old)
    clock.now += 5
    give(kimi, "porter", new)

    tag = get(kimi, "/porter").json

    assert (tag["cache_id"], tag["created_at"]) == (new, int(NOW) + 5)
    assert listed(kimi) == ["porter"]


def test_a_cache_can_be_created_with_tags(kimi: Simulator) -> None:
    old = create(kimi, tags=["porter", "night"])
    new = create(kimi, tags=["porter"])

    assert get(kimi, "/porter").json["cache_id"] == new
    assert get(kimi, "/night").json["cache_id"] == old


def test_the_list_of_tags_is_paged(kimi: Simulator) -> None:
    id = create(kimi)
    for name in "abcd":
        give(kimi, name, id)

    assert listed(kimi) == ["d", "c", "b", "a"]
    assert listed(kimi, "?order=asc&limit=2") == ["a", "b"]
    assert listed(kimi, "?after=c") == ["b", "a"]
    assert listed(kimi, "?before=c&after=nobody") == ["d"]
    assert listed(kimi, f"?limit={'9' * 5000}") == ["d", "c", "b", "a"]


@pytest.mark.parametrize("name", ["porter", "nobody", "1st"])
def test_deleting_a_tag_succeeds_and_leaves_the_cache(kimi: Simulator, name: str) -> None:
    id = create(kimi, tags=["porter"])

    deleted = kimi.reply(request("DELETE", f"{TAGS}/{name}"))

    assert deleted.status == 200
    assert deleted.json == {"deleted": True, "object": "cache_object.tag.deleted", "tag": name}
    assert get(kimi, f"/{name}").status == 404
    assert kimi.reply(request("GET", f"/v1/caching/{id}")).status == 200


def test_a_tag_goes_with_its_cache(kimi: Simulator) -> None:
    id = create(kimi, tags=["porter", "night"])
    other = create(kimi, tags=["day"])

    kimi.reply(request("DELETE", f"/v1/caching/{id}"))

    assert listed(kimi) == ["day"]
    assert get(kimi, "/porter/content").json["error"]["type"] == "resource_not_found_error"
    assert get(kimi, "/day").json["cache_id"] == other


@pytest.mark.parametrize("name", ["a", "Z9", "a_b-c.d", "a" * 128])
def test_a_good_name_is_taken(kimi: Simulator, name: str) -> None:
    assert give(kimi, name, create(kimi)).status == 200
    assert get(kimi, f"/{name}").json["tag"] == name


@pytest.mark.parametrize("name", ["", "1a", "-a", "a b", "a/b", "a\n", "ä", "a" * 129, None, 7, []])
def test_a_bad_name_is_refused(kimi: Simulator, name: Any) -> None:
    assert give(kimi, name, create(kimi)).status == 400
    assert listed(kimi) == []


@pytest.mark.parametrize(
    ("cache_id", "status"), [("cache-unknown", 404), ("", 404), (None, 404), (7, 400), ({}, 400)]
)
def test_a_tag_needs_a_cache(kimi: Simulator, cache_id: Any, status: int) -> None:
    assert give(kimi, "porter", cache_id).status == status


def test_a_message_names_the_cache_by_its_tag(kimi: Simulator) -> None:
    id = create(kimi, tags=["porter"])
    message = {"role": "cache", "content": "tag=porter;reset_ttl=100"}

    answer = kimi.reply(chat([message, *HELLO]))

    assert answer.header("Msh-Context-Cache-Id") == id
    assert answer.header("Msh-Context-Cache-Token-Exp") == str(int(NOW) + 100)


def test_a_dry_run_by_tag_infers_nothing(kimi: Simulator) -> None:
    id = create(kimi, tags=["porter"])

    answer = kimi.reply(chat([{"role": "cache", "content": "tag=porter;dry_run=1"}, *HELLO]))

    assert answer.header("Msh-Context-Cache-Id") == id
    assert answer.json["usage"]["total_tokens"] == 0


def test_a_message_with_an_unknown_tag_is_refused(kimi: Simulator) -> None:
    create(kimi, tags=["porter"])

    assert kimi.reply(chat([{"role": "cache", "content": "tag=nobody"}, *HELLO])).status == 404
