"""Faults of the model list."""

from collections.abc import Callable
from typing import Any

from kimi_conformance.simulator.faults.change import as_json
from kimi_conformance.simulator.faults.fault import (
    Change,
    Fault,
    Parameters,
    Sound,
    chats,
    models,
    sent,
    with_sent,
)
from kimi_conformance.simulator.faults.rows import Rows
from kimi_conformance.wire.exchange import Answer, Request

__all__ = ["MODELS"]

Item = dict[str, Any]


def _lists(make: Callable[[dict[str, Any]], object]) -> Change:
    """Put something else in the place of the list, and leave all other answers."""
    made = as_json(make)

    def change(request: Request, sound: Sound, parameters: Parameters) -> Answer:
        if not models(request):
            return sound.reply(request)
        return made(request, sound, parameters)

    return change


def _each(edit: Callable[[Item], object]) -> Change:
    def edited(body: dict[str, Any]) -> dict[str, Any]:
        for item in body["data"]:
            edit(item)
        return body

    return _lists(edited)


def _sets(name: str, value: object) -> Change:
    return _each(lambda item: item.update({name: value}))


def _drop_documented(request: Request, sound: Sound, parameters: Parameters) -> Answer:
    """Leave out a model, named by the parameter `model`; else the last documented one."""
    model = parameters["model"] or sound.world.edition.documented_models[-1]

    def shorter(body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "data": [item for item in body["data"] if item["id"] != model]}

    return _lists(shorter)(request, sound, parameters)


def _doubled(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "data": [*body["data"], body["data"][0]]}


def _foreign(item: Item) -> None:
    item["id"] = f"gpt-{item['id']}"


def _served_anyway(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Have the default model answer for a retired one."""
    edition, body = sound.world.edition, sent(request)
    if edition.successor(str(body.get("model"))) is None:
        return sound.reply(request)
    return sound.reply(with_sent(request, {**body, "model": edition.default_model}))


def _listed_anyway(request: Request, sound: Sound, parameters: Parameters) -> Answer:
    """List the models that were retired after those that were not."""
    gone = [model.id for model in sound.world.edition.retired]

    def longer(body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "data": [*body["data"], *({**body["data"][0], "id": id} for id in gone)]}

    return _lists(longer)(request, sound, parameters)


def _mute(item: Item) -> None:
    for name in [name for name in item if name.startswith("supports_")]:
        del item[name]


_row = Rows(models)

MODELS = (
    _row(
        "models_without_data",
        "Lists no data.",
        _lists(lambda body: {"object": body["object"]}),
        "MODELS-001",
    ),
    _row(
        "models_bare",
        "Lists the models without an envelope.",
        _lists(lambda body: body["data"]),
        "MODELS-001",
    ),
    _row(
        "models_by_id",
        "Lists the models as an object by id, not as an array.",
        _lists(lambda body: {**body, "data": {item["id"]: item for item in body["data"]}}),
        "MODELS-001",
    ),
    _row("models_empty", "Lists no model.", _lists(lambda body: {**body, "data": []})),
    _row("models_double", "Lists a model twice.", _lists(_doubled), "MODELS-003"),
    _row(
        "models_object_wrong",
        "Calls the list something else.",
        _lists(lambda body: {**body, "object": "models"}),
        "MODELS-005",
    ),
    _row(
        "model_object_wrong",
        "Calls each model something else.",
        _sets("object", "engine"),
        "MODELS-004",
    ),
    _row(
        "model_without_id",
        "Lists models without an id.",
        _each(lambda item: item.pop("id")),
        "MODELS-002",
    ),
    _row("model_id_number", "Numbers the models.", _sets("id", 7), "MODELS-002"),
    _row("models_foreign", "Lists only models of another vendor.", _each(_foreign)),
    _row(
        "model_owner_foreign",
        "Says that the models belong to somebody else.",
        _sets("owned_by", "openai"),
    ),
    _row(
        "model_owner_number",
        "Says a number as the models' owner.",
        _sets("owned_by", 7),
        "MODELS-006",
    ),
    _row(
        "window_missing",
        "Lists models without context_length.",
        _each(lambda item: item.pop("context_length")),
    ),
    _row(
        "window_text",
        "Says context_length as a text.",
        _each(lambda item: item.update(context_length=str(item["context_length"]))),
        "MODELS-006",
    ),
    _row("window_zero", "Says that every window is 0.", _sets("context_length", 0), "MODELS-006"),
    _row(
        "window_small",
        "Says that every window is 8192.",
        _sets("context_length", 8192),
    ),
    _row(
        "window_decimal",
        "Counts windows in thousands: 262000 in place of 262144.",
        _each(lambda item: item.update(context_length=item["context_length"] // 1024 * 1000)),
    ),
    _row(
        "created_text",
        "Says created as a text.",
        _each(lambda item: item.update(created=str(item["created"]))),
        "MODELS-006",
    ),
    Fault(
        name="model_dropped",
        text="Does not list one of the documented models.",
        change=_drop_documented,
        touches=models,
        defaults={"model": ""},
    ),
    Fault(
        name="retired_served",
        text="Answers for a retired model with another.",
        change=_served_anyway,
        touches=chats,
        breaks=frozenset({"CHAT-008"}),
        edition="2026-09",
    ),
    Fault(
        name="retired_listed",
        text="Lists models that are retired.",
        change=_listed_anyway,
        touches=models,
        edition="2026-09",
    ),
    Fault(
        name="capabilities_missing",
        text="Does not say what models can do.",
        change=_each(_mute),
        touches=models,
        edition="2026-09",
    ),
)
