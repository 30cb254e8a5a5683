"""
Files: `/v1/files`, from the upload to the deletion.

A file for extraction can be read as a JSON text that holds its words, to be put into a
system message; a file for a batch, and the results of one, are read as they are. What a file
is made of is not looked at: its bytes are taken for UTF-8.

Source: API reference of 2024 and of 2026 ("Files"). What a missing file is answered with is
documented by its status only; the edition's texts say which words are assumed.
"""

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from kimi_conformance.simulator.go_json import go_json
from kimi_conformance.simulator.multipart import Part, parts_of
from kimi_conformance.simulator.rules import Case, Fills, Rule, RuleTable
from kimi_conformance.simulator.stored import StoredFile
from kimi_conformance.simulator.world import World
from kimi_conformance.wire.exchange import Answer, Frame, Request

__all__ = ["RESULT", "UPLOAD_RULES", "content", "delete", "keep", "listing", "show", "upload"]

MEGABYTE = 1024 * 1024
EXTRACT = "file-extract"
BATCH = "batch"
RESULT = "batch_output"  # what a batch leaves: nobody uploads for this
_TEXT = "text/plain; charset=utf-8"
_FILE_TYPES = {
    "csv": "text/csv",
    "json": "application/json",
    "md": "text/markdown",
    "pdf": "application/pdf",
    "txt": "text/plain",
}


def _no_file(case: Case) -> Iterator[Fills]:
    if case.body["bytes"] is None:
        yield {}


def _unknown_purpose(case: Case) -> Iterator[Fills]:
    rules = case.edition.files
    if rules is not None and case.body["purpose"] not in rules.purposes:
        yield {"purposes": ", ".join(f"'{purpose}'" for purpose in rules.purposes)}


def _no_bytes(case: Case) -> Iterator[Fills]:
    if case.body["bytes"] == 0:
        yield {}


def _too_large(case: Case) -> Iterator[Fills]:
    rules, size = case.edition.files, case.body["bytes"]
    if rules is not None and size is not None and size > rules.file_bytes:
        yield {"megabytes": rules.file_bytes // MEGABYTE}


def _too_many(case: Case) -> Iterator[Fills]:
    rules = case.edition.files
    if rules is not None and case.body["kept"] >= rules.files:
        yield {"limit": rules.files}


def _no_jsonl(case: Case) -> Iterator[Fills]:
    if case.body["purpose"] == BATCH and not case.body["name"].lower().endswith(".jsonl"):
        yield {}


UPLOAD_RULES = RuleTable(
    (
        Rule("file_missing", "file_missing", _no_file),
        Rule("file_purpose", "file_purpose", _unknown_purpose),
        Rule("file_empty", "file_empty", _no_bytes),
        Rule("file_too_large", "file_too_large", _too_large),
        Rule("file_too_many", "file_too_many", _too_many),
        Rule("file_no_jsonl", "file_no_jsonl", _no_jsonl),
    )
)


def upload(world: World, now: float, request: Request, waived: frozenset[str]) -> Answer:
    """POST /v1/files: a form with `file` and `purpose`."""
    parts = parts_of(request.header("Content-Type") or "", request.body)
    if parts is None:
        return world.refuse(now, "malformed_form")
    file = parts.get("file")
    purpose = parts.get("purpose", Part(None, b"")).text
    name = (file.filename or "") if file else ""
    form = {
        "purpose": purpose,
        "name": name,
        "bytes": len(file.content) if file else None,
        "kept": len(world.files),
    }
    wrong = UPLOAD_RULES.broken(Case(form, world.edition, now), waived)
    if wrong is not None:
        return world.refuse(now, *wrong)
    kept = keep(world, now, name, purpose, file.content if file else b"")
    return world.reply(now, _shown(world, kept))


def keep(world: World, now: float, name: str, purpose: str, data: bytes) -> StoredFile:
    """Store a file under an id of its own."""
    id = _xid(int(now), world.digest(f"file {len(world.files)}", 8))
    file = StoredFile(id=id, name=name, purpose=purpose, content=data, created_at=int(now))
    world.files[id] = file
    return file


def _xid(second: int, chance: str) -> str:
    raw = (second & 0xFFFFFFFF).to_bytes(4, "big") + bytes.fromhex(chance)
    return base64.b32hexencode(raw).decode().rstrip("=").lower()


def listing(world: World, now: float) -> Answer:
    """GET /v1/files: every file, the oldest first."""
    files = [_shown(world, file) for file in world.files.values()]
    return world.reply(now, {"object": "list", "data": files})


def show(world: World, now: float, file: StoredFile) -> Answer:
    """GET /v1/files/{id}."""
    return world.reply(now, _shown(world, file))


def delete(world: World, now: float, file: StoredFile) -> Answer:
    """DELETE /v1/files/{id}."""
    world.files.pop(file.id, None)
    return world.reply(now, {"deleted": True, "id": file.id, "object": "file"})


def content(world: World, now: float, file: StoredFile) -> Answer:
    """GET /v1/files/{id}/content: text, whatever it is."""
    data = go_json(_extract(file)) if file.purpose == EXTRACT else file.content
    answer = world.reply(now, None)
    headers = (("Content-Type", _TEXT), *answer.headers[1:])
    return replace(answer, headers=headers, frames=(Frame(0.0, data),) if data else ())


def _extract(file: StoredFile) -> dict[str, Any]:
    ending = file.name.rpartition(".")[2].lower()
    return {
        "content": file.content.decode("utf-8", "replace"),
        "file_type": _FILE_TYPES.get(ending, "application/octet-stream"),
        "filename": file.name,
        "title": "",
        "type": "file",
    }


def _shown(world: World, file: StoredFile) -> dict[str, Any]:
    rules = world.edition.files
    return {
        "id": file.id,
        "object": "file",
        "bytes": len(file.content),
        "created_at": file.created_at,
        "filename": file.name,
        "purpose": file.purpose,
        "status": rules.status if rules else "",
        "status_details": "",
    }
