"""
Batches: `/v1/batches`, many chats in one file.

    created ─► validating ─► in_progress ─► finalizing ─► completed
                   │              └── cancel ──┴─► cancelling ─► cancelled
                   └► failed: its file is no good

A batch moves on when somebody looks at it, as far as the clock allows: its creator is told
`validating`, and can cancel before the first look. Half of the world's `batch_seconds` after
its creation it is in progress, after nine tenths finalizing, after all of them completed; a
cancelled one is so at the next look. Its chats are answered when it completes.

Source: API reference and Batch guide of 2026. Nothing of it was recorded: the form of the
result lines is assumed to be that of OpenAI, whose client reads them.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from kimi_conformance.simulator import files
from kimi_conformance.simulator.chat import chat
from kimi_conformance.simulator.go_json import go_json
from kimi_conformance.simulator.rules import Case, Fills, Rule, RuleTable, typed
from kimi_conformance.simulator.stored import Batch
from kimi_conformance.simulator.world import World
from kimi_conformance.wire.exchange import Answer, Request

__all__ = ["CREATE_BATCH_RULES", "cancel", "create", "listing", "show"]

PAGE = 20  # batches in a list, unless `limit` says otherwise
CAN_BE_CANCELLED = ("validating", "in_progress", "finalizing")
STEPS = ((0.5, "in_progress"), (0.9, "finalizing"), (1.0, "completed"))  # share of the time
_WINDOW = re.compile(r"([0-9]{1,6})([hd])")
_SECONDS = {"h": 3600, "d": 86400}
_LINE_FIELDS = ("custom_id", "method", "url", "body")


def _seconds(window: Any) -> int | None:
    found = _WINDOW.fullmatch(window) if isinstance(window, str) else None
    return int(found[1]) * _SECONDS[found[2]] if found else None


def _unknown_endpoint(case: Case) -> Iterator[Fills]:
    rules, endpoint = case.edition.batches, case.body.get("endpoint")
    if rules is not None and endpoint not in rules.endpoints:
        yield {"endpoint": endpoint or "", "allowed": ", ".join(rules.endpoints)}


def _bad_window(case: Case) -> Iterator[Fills]:
    rules, window = case.edition.batches, case.body.get("completion_window")
    seconds = _seconds(window)
    if rules is not None and not (
        seconds is not None and rules.shortest_window <= seconds <= rules.longest_window
    ):
        yield {"window": window or ""}


def _too_much_metadata(case: Case) -> Iterator[Fills]:
    rules, metadata = case.edition.batches, case.body.get("metadata")
    if rules is not None and isinstance(metadata, dict) and len(metadata) > rules.metadata_pairs:
        yield {"limit": rules.metadata_pairs}


def _bad_metadata(case: Case) -> Iterator[Fills]:
    rules, metadata = case.edition.batches, case.body.get("metadata")
    if rules is None or not isinstance(metadata, dict):
        return
    for key, value in metadata.items():
        too_long = len(key) > rules.metadata_key
        if too_long or not isinstance(value, str) or len(value) > rules.metadata_value:
            yield {"key": rules.metadata_key, "value": rules.metadata_value}


CREATE_BATCH_RULES = RuleTable(
    (
        Rule("batch_endpoint", "batch_endpoint", _unknown_endpoint),
        Rule("batch_window", "batch_window", _bad_window),
        typed("metadata", "object"),
        Rule("batch_metadata_too_many", "batch_metadata_too_many", _too_much_metadata),
        Rule("batch_metadata_pair", "batch_metadata_pair", _bad_metadata),
    )
)


def create(world: World, now: float, case: Case) -> Answer:
    """POST /v1/batches, of a body that broke no rule."""
    body = case.body
    file = world.files.get(str(body.get("input_file_id")))
    if file is None or file.purpose != files.BATCH:
        return world.refuse(now, "batch_input", {"id": body.get("input_file_id") or ""})
    lines = _lines(file.content)
    made = int(now)
    batch = Batch(
        id=f"batch-{world.digest('batch', 12)}",
        endpoint=str(body.get("endpoint")),
        input_file_id=file.id,
        completion_window=str(body.get("completion_window")),
        metadata=body.get("metadata"),
        created_at=made,
        expires_at=made + (_seconds(body.get("completion_window")) or 0),
        ready_at=now + world.batch_seconds,
        status="validating",
        lines=lines if _is_sound(lines, world) else (),
        times={},
    )
    world.batches[batch.id] = batch
    return world.reply(now, _shown(batch))


def show(world: World, now: float, batch: Batch) -> Answer:
    """GET /v1/batches/{id}."""
    return world.reply(now, _shown(_look(world, now, batch)))


def cancel(world: World, now: float, batch: Batch) -> Answer:
    """POST /v1/batches/{id}/cancel: of one that was not over when somebody looked last."""
    if batch.status not in CAN_BE_CANCELLED:
        return world.refuse(now, "batch_over", {"id": batch.id, "status": batch.status})
    return world.reply(now, _shown(_enter(world, now, batch, "cancelling")))


def listing(world: World, now: float, query: str) -> Answer:
    """GET /v1/batches: `limit`, and `after` (exclusive); the newest first."""
    asked = dict(parse_qsl(query, keep_blank_values=True))
    batches = [_look(world, now, batch) for batch in reversed(list(world.batches.values()))]
    ids = [batch.id for batch in batches]
    start = ids.index(asked["after"]) + 1 if asked.get("after") in ids else 0
    limit = asked.get("limit", "")
    size = int(limit) if limit.isascii() and limit.isdecimal() and len(limit) < 10 else PAGE
    data = [_shown(batch) for batch in batches[start:][:size]]
    more = len(batches) > start + len(data)
    return world.reply(now, {"object": "list", "data": data, "has_more": more})


def _look(world: World, now: float, batch: Batch) -> Batch:
    """Move a batch on, as far as the clock allows."""
    if batch.status == "cancelling":
        return _enter(world, now, batch, "cancelled")
    if batch.status not in CAN_BE_CANCELLED:
        return batch
    if not batch.lines:
        return _enter(world, now, batch, "failed")
    if now >= batch.expires_at and now < batch.ready_at:
        return _enter(world, now, batch, "expired")
    took = batch.ready_at - batch.created_at
    share = (now - batch.created_at) / took if took > 0 else 1.0
    for at, status in STEPS:
        if share >= at and f"{status}_at" not in batch.times:
            batch = _enter(world, now, batch, status)
    return batch


def _enter(world: World, now: float, batch: Batch, status: str) -> Batch:
    changed = replace(batch, status=status, times={**batch.times, f"{status}_at": int(now)})
    if status == "completed":
        changed = _answered(world, now, changed)
    world.batches[batch.id] = changed
    return changed


def _answered(world: World, now: float, batch: Batch) -> Batch:
    """Answer every line; what was refused goes into a file of its own."""
    results = [_result(world, now, batch, at, line) for at, line in enumerate(batch.lines)]
    good = [line for status, line in results if status == 200]
    bad = [line for status, line in results if status != 200]
    return replace(
        batch,
        completed=len(good),
        failed=len(bad),
        output_file_id=_kept(world, now, f"{batch.id}_output.jsonl", good),
        error_file_id=_kept(world, now, f"{batch.id}_error.jsonl", bad),
    )


def _kept(world: World, now: float, name: str, lines: Sequence[bytes]) -> str | None:
    if not lines:
        return None
    return files.keep(world, now, name, files.RESULT, b"".join(lines)).id


def _result(
    world: World, now: float, batch: Batch, at: int, line: Mapping[str, Any]
) -> tuple[int, bytes]:
    world.number += 1  # a call of its own
    body = {**line["body"], "stream": False}
    request = Request(method="POST", path=batch.endpoint)
    with world.account.unlimited():
        answer = chat(world, now, request, body, frozenset())
    result = {
        "id": f"batch_req-{batch.id.removeprefix('batch-')}-{at}",
        "custom_id": line["custom_id"],
        "response": {
            "status_code": answer.status,
            "request_id": answer.header("Msh-Request-Id"),
            "body": answer.json,
        },
        "error": None,
    }
    return answer.status, go_json(result) + b"\n"


def _lines(content: bytes) -> list[Any]:
    """The JSON of each line; None for one that is none."""
    lines: list[Any] = []
    for line in content.splitlines():
        if line.strip():
            try:
                lines.append(json.loads(line))
            except (ValueError, RecursionError):
                lines.append(None)
    return lines


def _is_sound(lines: Sequence[Any], world: World) -> bool:
    """Whether every line is a chat with an id of its own, and all ask one model there is."""
    rules = world.edition.batches
    for line in lines:
        if not isinstance(line, dict) or not all(field in line for field in _LINE_FIELDS):
            return False
        if line["method"] != "POST" or rules is None or line["url"] not in rules.endpoints:
            return False
        if not isinstance(line["custom_id"], str) or not isinstance(line["body"], dict):
            return False
    models = {str(line["body"].get("model")) for line in lines}
    ids = {line["custom_id"] for line in lines}
    one = len(models) == 1 and world.edition.find(next(iter(models))) is not None
    return one and len(ids) == len(lines)


def _shown(batch: Batch) -> dict[str, Any]:
    times = ("in_progress", "finalizing", "completed", "failed", "cancelling", "cancelled")
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": batch.endpoint,
        "input_file_id": batch.input_file_id,
        "completion_window": batch.completion_window,
        "status": batch.status,
        "output_file_id": batch.output_file_id,
        "error_file_id": batch.error_file_id,
        "created_at": batch.created_at,
        **{f"{name}_at": batch.times.get(f"{name}_at") for name in times},
        "expires_at": batch.expires_at,
        "request_counts": {
            "completed": batch.completed,
            "failed": batch.failed,
            "total": len(batch.lines),
        },
        "metadata": batch.metadata,
    }
