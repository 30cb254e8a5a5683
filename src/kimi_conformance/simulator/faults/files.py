"""Faults of uploaded files."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kimi_conformance.simulator.faults.change import (
    json_of,
    on_exchange,
    on_json,
    with_header,
    with_json,
)
from kimi_conformance.simulator.faults.fault import (
    Change,
    Parameters,
    Sound,
    chats,
    files,
    sent,
    with_sent,
)
from kimi_conformance.simulator.faults.rows import Rows
from kimi_conformance.simulator.routes import FILES as PATH
from kimi_conformance.simulator.world import World
from kimi_conformance.wire.exchange import Answer, Frame, Request

__all__ = ["FILES"]

_FORM = "multipart/form-data; boundary=json"


def _uploads(request: Request) -> bool:
    return request.method == "POST" and request.path == PATH


def _lists(request: Request) -> bool:
    return request.method == "GET" and request.path == PATH


def _reads(request: Request) -> bool:
    return request.method == "GET" and files(request) and request.path.count("/") == 3


def _contents(request: Request) -> bool:
    return request.method == "GET" and files(request) and request.path.endswith("/content")


def _deletes(request: Request) -> bool:
    return request.method == "DELETE" and files(request)


def _others(request: Request) -> bool:
    return files(request) and not _uploads(request)


def _with_content(edit: Callable[[Answer], Answer]) -> Change:
    def edited(request: Request, answer: Answer, _: World) -> Answer | None:
        return edit(answer) if _contents(request) and answer.status == 200 else None

    return on_exchange(edited)


def _raw(answer: Answer) -> Answer:
    """Give the words alone, not the JSON that holds them."""
    text = json_of(answer)["content"].encode()
    return replace(answer, frames=(Frame(0.0, text),))


def _empty(answer: Answer) -> Answer:
    return with_json(answer, {**json_of(answer), "content": ""})


def _keeps_deleted(request: Request, sound: Sound, _: Parameters) -> Answer:
    kept = dict(sound.world.files)
    answer = sound.reply(request)
    sound.world.files.update(kept)
    return answer


def _unknown_is_empty(request: Request, answer: Answer, _: World) -> Answer | None:
    """Show files that are not there."""
    if request.method != "GET" or answer.status != 404:
        return None
    id = request.path.split("/")[3]
    return with_json(answer, {"id": id, "object": "file", "bytes": 0}, status=200)


def _deletes_unknown(request: Request, answer: Answer, _: World) -> Answer | None:
    if not _deletes(request) or answer.status != 404:
        return None
    id = request.path.split("/")[3]
    return with_json(answer, {"deleted": True, "id": id, "object": "file"}, status=200)


def _takes_json(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Take an upload in JSON for a form."""
    body = sent(request)
    if not body:
        return sound.reply(request)
    parts = [
        '--json\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n',
        f"{body.get('purpose')}\r\n",
        '--json\r\nContent-Disposition: form-data; name="file"; filename="file.txt"\r\n\r\n',
        f"{body.get('file')}\r\n--json--\r\n",
    ]
    kept = tuple(pair for pair in request.headers if pair[0].lower() != "content-type")
    headers = (*kept, ("Content-Type", _FORM))
    return sound.reply(replace(request, headers=headers, body="".join(parts).encode()))


def _for_anybody(request: Request, sound: Sound, _: Parameters) -> Answer:
    return sound.reply(request, "wrong_key", "no_key")


def _same_again(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Give the same document the same id."""
    before = dict(sound.world.files)
    answer = sound.reply(request)
    made = sound.world.files.get(json_of(answer).get("id", ""))
    twin = next((file for file in before.values() if made and file.content == made.content), None)
    if made is None or twin is None:
        return answer
    del sound.world.files[made.id]
    return with_json(answer, {**json_of(answer), "id": twin.id})


def _unread(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Leave out the messages that hold the content of a file."""
    body = sent(request)
    messages = body.get("messages")
    if not isinstance(messages, list):
        return sound.reply(request)
    kept = [message for message in messages if not _holds_file(message)]
    if len(kept) == len(messages):
        return sound.reply(request)
    return sound.reply(with_sent(request, {**body, "messages": kept}))


def _holds_file(message: Any) -> bool:
    try:
        return bool(json.loads(message["content"])["type"] == "file")
    except (KeyError, TypeError, ValueError):
        return False


def _only_texts(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Take no pictures and no films."""
    if b"\r\n\r\nimage\r\n" in request.body or b"\r\n\r\nvideo\r\n" in request.body:
        return sound.world.refuse(sound.now, "file_purpose", {"purposes": "'file-extract'"})
    return sound.reply(request)


_row = Rows(files)

FILES = (
    _row(
        "file_bytes_wrong",
        "Counts one byte more than was uploaded.",
        on_json(lambda body: body.update(bytes=body["bytes"] + 1)),
        touches=_uploads,
    ),
    _row(
        "file_without_id",
        "Does not say how to call a file.",
        on_json(lambda body: body.pop("id")),
        "FILES-001",
        touches=_uploads,
    ),
    _row(
        "file_status_pending",
        "Says that a file is not ready, for ever.",
        on_json(lambda body: body.update(status="pending")),
    ),
    _row(
        "file_name_lost",
        "Forgets the name of a file.",
        on_json(lambda body: body.update(filename="")),
        touches=_reads,
    ),
    _row(
        "file_unlisted",
        "Lists no files.",
        on_json(lambda body: body.update(data=[])),
        touches=_lists,
    ),
    _row(
        "file_content_raw", "Gives words without the JSON.", _with_content(_raw), touches=_contents
    ),
    _row(
        "file_content_empty", "Reads nothing in a file.", _with_content(_empty), touches=_contents
    ),
    _row(
        "file_deletion_mute",
        "Does not say that a file was deleted.",
        on_json(lambda body: body.clear()),
        "FILES-002",
        touches=_deletes,
    ),
    _row("file_keeps_deleted", "Deletes files in words only.", _keeps_deleted, touches=_deletes),
    _row(
        "file_unknown_is_empty",
        "Shows missing files.",
        on_exchange(_unknown_is_empty),
        "FILES-001",
    ),
    _row(
        "file_deletes_unknown",
        "Deletes files that are not there.",
        on_exchange(_deletes_unknown),
        touches=_deletes,
    ),
    _row("file_takes_json", "Takes an upload that is no form.", _takes_json, touches=_uploads),
    _row("file_for_anybody", "Shows files to anybody.", _for_anybody, touches=_others),
    _row("file_from_anybody", "Takes files from anybody.", _for_anybody, touches=_uploads),
    _row("file_same_again", "Gives one document one id.", _same_again, touches=_uploads),
    _row("file_unread", "Does not read a file that is sent to a model.", _unread, touches=chats),
    _row("file_only_texts", "Takes no pictures.", _only_texts, touches=_uploads, edition="2026-09"),
    _row(
        "file_list_reversed",
        "Lists the newest file first.",
        on_json(lambda body: body["data"].reverse()),
        touches=_lists,
        benign=True,
    ),
    _row(
        "file_bare",
        "Leaves out optional fields of a file.",
        on_json(lambda body: body.pop("status_details", None)),
        benign=True,
    ),
    _row(
        "file_content_json",
        "Says of the content that it is JSON.",
        _with_content(lambda answer: with_header(answer, "Content-Type", "application/json")),
        touches=_contents,
        benign=True,
    ),
)
