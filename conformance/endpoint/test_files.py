"""Uploaded files: from the upload to the deletion."""

from typing import Any

import pytest

from kimi_conformance.checks import (
    EXTRACT,
    WRONG_KEY,
    Endpoint,
    form,
    needs,
    read_input,
    requirement,
    upload,
    uploaded,
)

BAD_REQUEST = (400, "invalid_request_error")
WRONG = (401, "invalid_authentication_error")
ABSENT = (401, "incorrect_api_key_error")
NAME = "porter.txt"
RULES = "Breakfast is from seven to ten. 早餐在一楼。The <sauna> & the pool close at nine.\n"
CONTENT = RULES.encode()
NO_SUCH_FILE = "d0000000000000000000"
DOT = bytes.fromhex(read_input("files/dot")["png"])
LINE = b'{"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {}}\n'

PLACES = [
    pytest.param("GET", "/files", id="list"),
    pytest.param("GET", "/files/{id}", id="read"),
    pytest.param("GET", "/files/{id}/content", id="content"),
    pytest.param("DELETE", "/files/{id}", id="delete"),
]
ON_ONE = PLACES[1:]


@requirement("EP-FILES-01")
async def test_an_upload_is_described(endpoint: Endpoint) -> None:
    """A client learns what to call its file from now on, and that all of it arrived."""
    reply = await upload(endpoint, NAME, CONTENT)
    file = reply.accepted.json
    deleted = await endpoint.request("DELETE", f"/files/{file['id']}")

    described = {name: file[name] for name in ("object", "bytes", "filename", "purpose")}

    assert described == {
        "object": "file",
        "bytes": len(CONTENT),
        "filename": NAME,
        "purpose": EXTRACT,
    }
    assert type(file["created_at"]) is int
    assert deleted.settled.status == 200


@requirement("EP-FILES-02")
async def test_an_upload_can_be_used_at_once(endpoint: Endpoint) -> None:
    """A client need not ask again whether its file was understood."""
    async with uploaded(endpoint, NAME, CONTENT) as file:
        status = file["status"]

    assert status in {"ok", "ready"}


@requirement("EP-FILES-03")
async def test_a_file_can_be_read_by_its_id(endpoint: Endpoint) -> None:
    """A client that kept the id alone finds out what it stands for."""
    async with uploaded(endpoint, NAME, CONTENT) as file:
        read = await endpoint.get(f"/files/{file['id']}")

    kept = {name: read.accepted.json[name] for name in ("id", "filename", "purpose")}

    assert kept == {name: file[name] for name in kept}


@requirement("EP-FILES-04")
async def test_the_list_holds_every_file(endpoint: Endpoint) -> None:
    """A user sees what is kept, and what may be deleted to make room."""
    async with (
        uploaded(endpoint, NAME, CONTENT) as one,
        uploaded(endpoint, "guests.txt", b"Nobody is here.\n") as other,
    ):
        files = await endpoint.get("/files")

    listed = {file["id"] for file in files.accepted.json["data"]}

    assert files.json["object"] == "list"
    assert {one["id"], other["id"]} <= listed


@requirement("EP-FILES-05")
async def test_the_content_of_a_file_is_its_words_in_json(endpoint: Endpoint) -> None:
    """A client gets a text to put into a message, whatever kind of document it uploaded."""
    async with uploaded(endpoint, NAME, CONTENT) as file:
        reply = await endpoint.get(f"/files/{file['id']}/content")

    content = reply.accepted.json

    assert RULES.strip() in content["content"]
    assert (content["type"], content["filename"]) == ("file", NAME)


@requirement("EP-FILES-06")
async def test_a_deletion_says_what_was_deleted(endpoint: Endpoint) -> None:
    """A client that cleans up knows that it has."""
    async with uploaded(endpoint, NAME, CONTENT) as file:
        reply = await endpoint.request("DELETE", f"/files/{file['id']}")

    deleted = reply.accepted.json

    assert reply.status == 200
    assert (deleted["deleted"], deleted["id"]) == (True, file["id"])


@requirement("EP-FILES-07")
async def test_a_deleted_file_is_gone(endpoint: Endpoint) -> None:
    """A user who deleted a document can rely on nobody reading it."""
    async with uploaded(endpoint, NAME, CONTENT) as file:
        before = await endpoint.get(f"/files/{file['id']}")
        deleted = await endpoint.request("DELETE", f"/files/{file['id']}")
        read = await endpoint.get(f"/files/{file['id']}")
        content = await endpoint.get(f"/files/{file['id']}/content")
        files = await endpoint.get("/files")

    assert (before.control.status, deleted.control.status) == (200, 200)
    assert (read.settled.status, content.settled.status) == (404, 404)
    assert file["id"] not in {each["id"] for each in files.accepted.json["data"]}


@requirement("EP-FILES-08")
@pytest.mark.parametrize(("method", "path"), ON_ONE)
async def test_a_file_that_does_not_exist_is_not_found(
    endpoint: Endpoint, method: str, path: str
) -> None:
    """A client with a stale id is told, and uploads its file anew."""
    async with uploaded(endpoint, NAME, CONTENT) as file:
        found = await endpoint.request(method, path.format(id=file["id"]))
    missing = await endpoint.request(method, path.format(id=NO_SUCH_FILE))

    assert found.control.status == 200
    assert missing.refusal[0] == 404


@requirement("EP-FILES-09")
async def test_an_unknown_purpose_is_refused(endpoint: Endpoint) -> None:
    """A client written for another API learns which purposes there are."""
    async with uploaded(endpoint, NAME, CONTENT) as granted:
        refused = await upload(endpoint, NAME, CONTENT, "fine-tune")

    assert granted["purpose"] == EXTRACT
    assert refused.refusal == BAD_REQUEST
    assert "purpose" in refused.error_message


@requirement("EP-FILES-10")
async def test_an_empty_file_is_refused(endpoint: Endpoint) -> None:
    """A user whose export went wrong learns it here, not from a model that knows nothing."""
    async with uploaded(endpoint, NAME, CONTENT) as granted:
        refused = await upload(endpoint, NAME, b"")

    assert granted["bytes"] > 0
    assert refused.refusal == BAD_REQUEST


@requirement("EP-FILES-11")
async def test_an_upload_without_a_file_is_refused(endpoint: Endpoint) -> None:
    """A client that forgot the file is told so."""
    body, headers = form({"purpose": EXTRACT})
    async with uploaded(endpoint, NAME, CONTENT) as granted:
        refused = await endpoint.request("POST", "/files", content=body, headers=headers)

    assert granted["bytes"] > 0
    assert refused.refusal == BAD_REQUEST


@requirement("EP-FILES-12")
async def test_an_upload_that_is_no_form_is_refused(endpoint: Endpoint) -> None:
    """A client that sends JSON in place of a form learns what is wrong."""
    body = {"purpose": EXTRACT, "file": RULES}
    async with uploaded(endpoint, NAME, CONTENT) as granted:
        refused = await endpoint.post("/files", body)

    assert granted["bytes"] > 0
    assert refused.refusal == BAD_REQUEST


@requirement("EP-FILES-13")
@pytest.mark.parametrize(("method", "path"), PLACES)
async def test_files_are_for_their_owner(endpoint: Endpoint, method: str, path: str) -> None:
    """Nobody reads, lists or deletes what somebody else uploaded."""
    async with uploaded(endpoint, NAME, CONTENT) as file:
        wrong = await endpoint.request(method, path.format(id=file["id"]), key=WRONG_KEY)
        absent = await endpoint.request(method, path.format(id=file["id"]), key=None)
        granted = await endpoint.request(method, path.format(id=file["id"]))

    assert granted.control.status == 200
    assert (wrong.refusal, absent.refusal) == (WRONG, ABSENT)


@requirement("EP-FILES-14")
async def test_an_upload_asks_for_the_key(endpoint: Endpoint) -> None:
    """Nobody fills the store of somebody else."""
    async with uploaded(endpoint, NAME, CONTENT) as granted:
        wrong = await upload(endpoint, NAME, CONTENT, key=WRONG_KEY)
        absent = await upload(endpoint, NAME, CONTENT, key=None)

    assert granted["bytes"] > 0
    assert (wrong.refusal, absent.refusal) == (WRONG, ABSENT)


@requirement("EP-FILES-15")
async def test_a_chat_reads_a_file_as_a_system_message(endpoint: Endpoint) -> None:
    """A user asks about a document, and the model has read it."""
    question = {"role": "user", "content": "When does the pool close?"}
    async with uploaded(endpoint, NAME, CONTENT) as file:
        content = await endpoint.get(f"/files/{file['id']}/content")
    document = {"role": "system", "content": content.control.body.decode()}
    alone = await endpoint.chat({"messages": [question], "max_tokens": 16})
    informed = await endpoint.chat({"messages": [document, question], "max_tokens": 16})

    read = informed.accepted.usage["prompt_tokens"] - alone.control.usage["prompt_tokens"]

    assert read > len(RULES) // 8  # no tokenizer makes less of it


@requirement("EP-FILES-16")
async def test_each_upload_is_a_file_of_its_own(endpoint: Endpoint) -> None:
    """Two users of one account upload the same document, and one deletes it."""
    async with uploaded(endpoint, NAME, CONTENT) as kept:
        async with uploaded(endpoint, NAME, CONTENT) as dropped:
            deleted = await endpoint.request("DELETE", f"/files/{dropped['id']}")
        read = await endpoint.get(f"/files/{kept['id']}")

    assert kept["id"] != dropped["id"]
    assert deleted.control.status == 200
    assert read.settled.status == 200


@requirement("EP-FILES-17")
@pytest.mark.parametrize("purpose", ["image", "video"])
async def test_a_file_can_be_uploaded_to_be_seen(endpoint: Endpoint, purpose: str) -> None:
    """A user shows a model what is too large for a message."""
    reply = await upload(endpoint, "dot.png", DOT, purpose)
    deleted = await endpoint.request("DELETE", f"/files/{reply.accepted.json['id']}")

    assert reply.json["purpose"] == purpose
    assert deleted.accepted.status == 200


def seeing(id: str) -> dict[str, Any]:
    """A chat that shows the model a file."""
    text = {"type": "text", "text": "What colour is the dot?"}
    image = {"type": "image_url", "image_url": {"url": f"ms://{id}"}}
    return {"messages": [{"role": "user", "content": [text, image]}], "max_tokens": 8}


@requirement("EP-FILES-21")
@needs("images")
async def test_a_message_refers_to_an_uploaded_image(endpoint: Endpoint) -> None:
    """A user uploads a picture once, and speaks about it in as many chats as needed."""
    async with uploaded(endpoint, "dot.png", DOT, "image") as file:
        reply = await endpoint.chat(seeing(file["id"]))

    assert reply.accepted.message["role"] == "assistant"


@requirement("EP-FILES-22")
@needs("images")
async def test_a_reference_to_a_missing_file_is_refused(endpoint: Endpoint) -> None:
    """A client whose file was deleted elsewhere learns it, and uploads it again."""
    async with uploaded(endpoint, "dot.png", DOT, "image") as file:
        granted = await endpoint.chat(seeing(file["id"]))
    refused = await endpoint.chat(seeing(NO_SUCH_FILE))

    assert granted.control.status == 200
    assert refused.refusal[0] in {400, 404}


@requirement("EP-FILES-18")
async def test_requests_of_a_batch_come_in_lines(endpoint: Endpoint) -> None:
    """A client that uploads a document for a batch learns at once that it cannot be one."""
    async with uploaded(endpoint, "requests.jsonl", LINE, "batch") as granted:
        refused = await upload(endpoint, "requests.txt", LINE, "batch")

    assert granted["purpose"] == "batch"
    assert refused.refusal == BAD_REQUEST
