"""
Batches of chats: from their creation to their results.

A batch may take the live API hours: what is still under way when a check's patience is used
up decides nothing.
"""

from typing import Any

import pytest

from kimi_conformance.checks import (
    WRONG_KEY,
    Endpoint,
    as_lines,
    create_batch,
    ended_batch,
    requirement,
    result_lines,
    uploaded,
)

BAD_REQUEST = (400, "invalid_request_error")
WRONG = (401, "invalid_authentication_error")
ABSENT = (401, "incorrect_api_key_error")
NAME, BATCH = "requests.jsonl", "batch"
CHAT = "/v1/chat/completions"
NO_SUCH_BATCH = "batch-000000000000000000000000"
NO_SUCH_FILE = "d0000000000000000000"
STATUSES = {"validating", "in_progress", "finalizing", "completed"}

PLACES = [
    pytest.param("GET", "/batches", id="list"),
    pytest.param("GET", "/batches/{id}", id="read"),
    pytest.param("POST", "/batches/{id}/cancel", id="cancel"),
]
ON_ONE = PLACES[1:]


def line(endpoint: Endpoint, id: str, **body: Any) -> dict[str, Any]:
    """One request of a batch."""
    message = {"role": "user", "content": f"Say hello to guest {id}."}
    chat = {"model": endpoint.model, "messages": [message], "max_tokens": 32, **body}
    return {"custom_id": id, "method": "POST", "url": CHAT, "body": chat}


def two(endpoint: Endpoint) -> bytes:
    """The requests of a batch that is in order."""
    return as_lines([line(endpoint, "one"), line(endpoint, "two")])


def body_of(file: str, **changes: Any) -> dict[str, Any]:
    """The body of a creation."""
    return {
        "input_file_id": file,
        "endpoint": CHAT,
        "completion_window": "24h",
        **changes,
    }


@requirement("EP-BATCHES-01")
async def test_a_batch_is_created(endpoint: Endpoint) -> None:
    """A client hands over its work, and gets something to ask for it by."""
    async with uploaded(endpoint, NAME, two(endpoint), BATCH) as file:
        reply = await endpoint.post("/batches", body_of(file["id"]))
        cancelled = await endpoint.request("POST", f"/batches/{reply.accepted.json['id']}/cancel")

    batch = reply.json

    assert (batch["object"], batch["endpoint"]) == ("batch", CHAT)
    assert (batch["input_file_id"], batch["completion_window"]) == (file["id"], "24h")
    assert batch["status"] in STATUSES
    assert type(batch["created_at"]) is int
    assert set(batch["request_counts"]) >= {"completed", "failed", "total"}
    assert cancelled.settled.status in {200, 400}  # 400: it was over already


@requirement("EP-BATCHES-02")
async def test_a_batch_can_be_read_by_its_id(endpoint: Endpoint) -> None:
    """A client that was restarted finds its work again."""
    async with uploaded(endpoint, NAME, two(endpoint), BATCH) as file:
        batch = await create_batch(endpoint, file["id"], metadata={"hotel": "Seaview"})
        read = await endpoint.get(f"/batches/{batch['id']}")

    found = read.accepted.json

    assert (found["id"], found["input_file_id"]) == (batch["id"], file["id"])
    assert found["metadata"] == {"hotel": "Seaview"}


@requirement("EP-BATCHES-03")
async def test_the_list_goes_on_after_a_page(endpoint: Endpoint) -> None:
    """A user with many batches sees them page by page, and none twice."""
    async with uploaded(endpoint, NAME, two(endpoint), BATCH) as file:
        made = [(await create_batch(endpoint, file["id"]))["id"] for _ in range(2)]
        first = await endpoint.get("/batches?limit=1")
        second = await endpoint.get(
            f"/batches?limit=1&after={first.accepted.json['data'][0]['id']}"
        )

    pages = [reply.accepted.json for reply in (first, second)]
    ids = [batch["id"] for page in pages for batch in page["data"]]

    assert sorted(ids) == sorted(made)
    assert (pages[0]["object"], pages[0]["has_more"]) == ("list", True)


@requirement("EP-BATCHES-04")
async def test_a_batch_answers_every_request(endpoint: Endpoint) -> None:
    """A client finds an answer to each of its requests, by the name it gave it."""
    async with uploaded(endpoint, NAME, two(endpoint), BATCH) as file:
        made = await create_batch(endpoint, file["id"])
        batch = await ended_batch(endpoint, made["id"])
        results = await result_lines(endpoint, batch["output_file_id"])

    answers = {result["custom_id"]: result["response"]["body"] for result in results}

    assert batch["status"] == "completed"
    assert batch["request_counts"] == {"completed": 2, "failed": 0, "total": 2}
    assert set(answers) == {"one", "two"}
    assert {body["object"] for body in answers.values()} == {"chat.completion"}


@requirement("EP-BATCHES-05")
async def test_what_a_batch_could_not_answer_is_told_apart(endpoint: Endpoint) -> None:
    """One bad request of a thousand costs its author that one, and is named."""
    lines = as_lines([line(endpoint, "good"), line(endpoint, "bad", messages=[])])
    async with uploaded(endpoint, NAME, lines, BATCH) as file:
        made = await create_batch(endpoint, file["id"])
        batch = await ended_batch(endpoint, made["id"])
        errors = await result_lines(endpoint, batch["error_file_id"])
        results = await result_lines(endpoint, batch["output_file_id"])

    counts = batch["request_counts"]

    assert (counts["completed"], counts["failed"], counts["total"]) == (1, 1, 2)
    assert [error["custom_id"] for error in errors] == ["bad"]
    assert [result["custom_id"] for result in results] == ["good"]


@requirement("EP-BATCHES-06")
async def test_a_batch_under_way_can_be_cancelled(endpoint: Endpoint) -> None:
    """A user who sees a mistake stops paying for it."""
    async with uploaded(endpoint, NAME, two(endpoint), BATCH) as file:
        made = await create_batch(endpoint, file["id"])
        cancelled = await endpoint.request("POST", f"/batches/{made['id']}/cancel")
        batch = await ended_batch(endpoint, made["id"])

    assert cancelled.accepted.json["id"] == made["id"]
    assert cancelled.json["status"] in {"cancelling", "cancelled"}
    assert batch["status"] == "cancelled"


@requirement("EP-BATCHES-07")
async def test_a_batch_that_is_over_cannot_be_cancelled(endpoint: Endpoint) -> None:
    """A client learns that its results are there, and what they cost."""
    async with uploaded(endpoint, NAME, two(endpoint), BATCH) as file:
        made = await create_batch(endpoint, file["id"])
        granted = await endpoint.request("POST", f"/batches/{made['id']}/cancel")
        batch = await ended_batch(endpoint, made["id"])
        refused = await endpoint.request("POST", f"/batches/{made['id']}/cancel")

    assert (granted.control.status, batch["status"]) == (200, "cancelled")
    assert refused.refusal == BAD_REQUEST


@requirement("EP-BATCHES-08")
@pytest.mark.parametrize(("method", "path"), ON_ONE)
async def test_a_batch_that_does_not_exist_is_not_found(
    endpoint: Endpoint, method: str, path: str
) -> None:
    """A client with a stale id is told, and does not wait for ever."""
    async with uploaded(endpoint, NAME, two(endpoint), BATCH) as file:
        made = await create_batch(endpoint, file["id"])
        found = await endpoint.request(method, path.format(id=made["id"]))
    missing = await endpoint.request(method, path.format(id=NO_SUCH_BATCH))

    assert found.control.status == 200
    assert missing.refusal[0] == 404


@requirement("EP-BATCHES-09")
@pytest.mark.parametrize(
    "changes",
    [
        {"input_file_id": NO_SUCH_FILE},
        {"input_file_id": None},
        {"endpoint": "/v1/embeddings"},
        {"completion_window": "1h"},
        {"completion_window": "8d"},
        {"completion_window": "soon"},
    ],
    ids=["unknown file", "no file", "other endpoint", "too short", "too long", "no window"],
)
async def test_a_creation_beyond_what_is_offered_is_refused(
    endpoint: Endpoint, changes: dict[str, Any]
) -> None:
    """A client learns it now, and not when its window is over."""
    async with uploaded(endpoint, NAME, two(endpoint), BATCH) as file:
        granted = await create_batch(endpoint, file["id"])
        refused = await endpoint.post("/batches", body_of(file["id"], **changes))

    assert granted["input_file_id"] == file["id"]
    assert refused.refusal == BAD_REQUEST


@requirement("EP-BATCHES-10")
@pytest.mark.parametrize(
    ("fair", "unfair"),
    [
        ({f"key{i}": "v" for i in range(16)}, {f"key{i}": "v" for i in range(17)}),
        ({"k" * 64: "v"}, {"k" * 65: "v"}),
        ({"k": "v" * 512}, {"k": "v" * 513}),
    ],
    ids=["pairs", "key", "value"],
)
async def test_a_label_of_a_batch_beyond_its_limit_is_refused(
    endpoint: Endpoint, fair: dict[str, str], unfair: dict[str, str]
) -> None:
    """A label is kept in whole or not at all."""
    async with uploaded(endpoint, NAME, two(endpoint), BATCH) as file:
        granted = await create_batch(endpoint, file["id"], metadata=fair)
        refused = await endpoint.post("/batches", body_of(file["id"], metadata=unfair))

    assert granted["metadata"] == fair
    assert refused.refusal == BAD_REQUEST


@requirement("EP-BATCHES-11")
@pytest.mark.parametrize("defect", ["twice", "models", "text"])
async def test_a_file_that_is_no_batch_comes_to_nothing(endpoint: Endpoint, defect: str) -> None:
    """A client whose answers could not be told apart pays for none of them."""
    lines = {
        "twice": as_lines([line(endpoint, "one"), line(endpoint, "one")]),
        "models": as_lines([line(endpoint, "one"), line(endpoint, "two", model="kimi-other")]),
        "text": b"Say hello to guest one.\n",
    }
    async with (
        uploaded(endpoint, NAME, two(endpoint), BATCH) as good,
        uploaded(endpoint, NAME, lines[defect], BATCH) as bad,
    ):
        granted = await ended_batch(endpoint, (await create_batch(endpoint, good["id"]))["id"])
        failed = await ended_batch(endpoint, (await create_batch(endpoint, bad["id"]))["id"])

    assert granted["status"] == "completed"
    assert (failed["status"], failed.get("output_file_id")) == ("failed", None)


@requirement("EP-BATCHES-12")
@pytest.mark.parametrize(("method", "path"), PLACES)
async def test_batches_are_for_their_owner(endpoint: Endpoint, method: str, path: str) -> None:
    """Nobody sees or stops what somebody else has ordered."""
    async with uploaded(endpoint, NAME, two(endpoint), BATCH) as file:
        made = await create_batch(endpoint, file["id"])
        wrong = await endpoint.request(method, path.format(id=made["id"]), key=WRONG_KEY)
        absent = await endpoint.request(method, path.format(id=made["id"]), key=None)
        granted = await endpoint.request(method, path.format(id=made["id"]))

    assert (wrong.refusal, absent.refusal) == (WRONG, ABSENT)
    assert granted.control.status == 200  # last: a batch that a stranger stopped cannot be stopped


@requirement("EP-BATCHES-13")
async def test_a_creation_asks_for_the_key(endpoint: Endpoint) -> None:
    """Nobody orders what somebody else pays for."""
    async with uploaded(endpoint, NAME, two(endpoint), BATCH) as file:
        granted = await create_batch(endpoint, file["id"])
        wrong = await endpoint.post("/batches", body_of(file["id"]), key=WRONG_KEY)
        absent = await endpoint.post("/batches", body_of(file["id"]), key=None)

    assert granted["input_file_id"] == file["id"]
    assert (wrong.refusal, absent.refusal) == (WRONG, ABSENT)
