"""Faults of batches."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kimi_conformance.simulator.faults.change import (
    json_of,
    on_answer,
    on_exchange,
    on_json,
    with_json,
)
from kimi_conformance.simulator.faults.fault import (
    Change,
    Parameters,
    Sound,
    batches,
    files,
    sent,
    with_sent,
)
from kimi_conformance.simulator.faults.rows import Rows
from kimi_conformance.simulator.files import RESULT
from kimi_conformance.simulator.go_json import go_json
from kimi_conformance.simulator.routes import BATCHES as PATH
from kimi_conformance.simulator.stored import StoredFile
from kimi_conformance.simulator.world import World
from kimi_conformance.wire.exchange import Answer, Request

__all__ = ["BATCHES"]


def _creates(request: Request) -> bool:
    return request.method == "POST" and request.path == PATH


def _lists(request: Request) -> bool:
    return request.method == "GET" and request.path == PATH


def _reads(request: Request) -> bool:
    return request.method == "GET" and request.path.startswith(f"{PATH}/")


def _cancels(request: Request) -> bool:
    return request.method == "POST" and batches(request) and request.path.endswith("/cancel")


def _others(request: Request) -> bool:
    return batches(request) and not _creates(request)


def _from_the_start(request: Request, sound: Sound, _: Parameters) -> Answer:
    """List the first page whatever was asked for."""
    return sound.reply(replace(request, query="limit=1"))


def _results(edit: Callable[[dict[str, Any]], object]) -> Change:
    """Edit each line of the results, when they are fetched."""

    def change(request: Request, sound: Sound, _: Parameters) -> Answer:
        for id, file in list(sound.world.files.items()):
            if file.purpose == RESULT:
                sound.world.files[id] = _edited(file, edit)
        return sound.reply(request)

    return change


def _edited(file: StoredFile, edit: Callable[[dict[str, Any]], object]) -> StoredFile:
    lines = [json.loads(line) for line in file.content.splitlines()]
    for line in lines:
        edit(line)
    return replace(file, content=b"".join(go_json(line) + b"\n" for line in lines))


def _errors_are_lost(body: dict[str, Any]) -> None:
    counts = body["request_counts"]
    counts.update(failed=0, total=counts["completed"])
    body["error_file_id"] = None


def _unstoppable(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Say that a batch is cancelled, and go on with it."""
    before = dict(sound.world.batches)
    answer = sound.reply(request)
    sound.world.batches.update(before)
    return answer


def _cancelled_again(request: Request, answer: Answer, world: World) -> Answer | None:
    """Cancel what is over."""
    batch = world.batches.get(request.path.split("/")[3])
    if answer.status != 400 or batch is None:
        return None
    body = {"id": batch.id, "object": "batch", "status": "cancelled"}
    return with_json(answer, body, status=200)


def _unknown_is_empty(request: Request, answer: Answer, _: World) -> Answer | None:
    if answer.status != 404 or not batches(request):
        return None
    body = {"id": request.path.split("/")[3], "object": "batch", "status": "cancelled"}
    return with_json(answer, body, status=200)


def _takes_any_file(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Make a batch of a file that is not there, from one that is."""
    body = sent(request)
    known = next(iter(sound.world.files), None)
    if body.get("input_file_id") in sound.world.files or known is None:
        return sound.reply(request)
    return sound.reply(with_sent(request, {**body, "input_file_id": known}))


def _half_sound(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Answer as much of a file as can be read."""
    answer = sound.reply(request)
    for id, batch in list(sound.world.batches.items()):
        if not batch.lines and batch.status == "validating":
            line = {"custom_id": "one", "method": "POST", "url": batch.endpoint, "body": {}}
            sound.world.batches[id] = replace(batch, lines=(line,))
    return answer


def _for_anybody(request: Request, sound: Sound, _: Parameters) -> Answer:
    return sound.reply(request, "wrong_key", "no_key")


def _stays_cancelling(answer: Answer) -> Answer | None:
    """Say at once that a batch is cancelled."""
    body = json_of(answer)
    if body.get("status") != "cancelling":
        return None
    return with_json(answer, {**body, "status": "cancelled"})


def _counts_in_texts(body: dict[str, Any]) -> None:
    counts = body["request_counts"]
    body["request_counts"] = {name: str(count) for name, count in counts.items()}


_row = Rows(batches, edition="2026-09")

BATCHES = (
    _row(
        "batch_without_counts",
        "Does not count the requests of a batch.",
        on_json(lambda body: body.pop("request_counts")),
        touches=_creates,
    ),
    _row(
        "batch_metadata_lost",
        "Forgets the metadata of a batch.",
        on_json(lambda body: body.update(metadata=None)),
        touches=_reads,
    ),
    _row("batch_pages_repeat", "Lists the same page again.", _from_the_start, touches=_lists),
    _row(
        "batch_results_nameless",
        "Does not say which request a result belongs to.",
        _results(lambda line: line.update(custom_id="")),
        touches=files,
    ),
    _row("batch_errors_lost", "Hides failures.", on_json(_errors_are_lost), touches=_reads),
    _row("batch_unstoppable", "Cancels batches in words only.", _unstoppable, touches=_cancels),
    _row(
        "batch_cancels_ended",
        "Cancels what is over.",
        on_exchange(_cancelled_again),
        "BATCHES-001",
        touches=_cancels,
    ),
    _row(
        "batch_unknown_is_empty",
        "Shows missing batches.",
        on_exchange(_unknown_is_empty),
        "BATCHES-001",
    ),
    _row(
        "batch_counts_text",
        "Counts the requests of a batch in texts.",
        on_json(_counts_in_texts),
        "BATCHES-002",
        touches=_creates,
    ),
    _row(
        "batch_list_untyped",
        "Does not say that a list of batches is one.",
        on_json(lambda body: body.pop("object")),
        "BATCHES-003",
        touches=_lists,
    ),
    _row("batch_takes_any_file", "Takes a missing file.", _takes_any_file, touches=_creates),
    _row("batch_half_sound", "Answers half of a broken file.", _half_sound, touches=_creates),
    _row("batch_for_anybody", "Shows batches to anybody.", _for_anybody, touches=_others),
    _row("batch_from_anybody", "Takes batches from anybody.", _for_anybody, touches=_creates),
    _row(
        "batch_cancelled_at_once",
        "Needs no time to cancel a batch.",
        on_answer(_stays_cancelling),
        touches=_cancels,
        benign=True,
    ),
)
