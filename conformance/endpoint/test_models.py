"""What the model list promises beyond its shape."""

import pytest

from kimi_conformance.checks import GREETING, Edition, Endpoint, Reply, requirement

CAPABILITIES = ("supports_image_in", "supports_video_in", "supports_reasoning")


def ids(models: Reply) -> list[str]:
    """The ids in a model list."""
    return [model["id"] for model in models.accepted.json["data"]]


@requirement("EP-MODELS-01")
async def test_the_model_that_answers_is_listed(endpoint: Endpoint) -> None:
    """A user finds in the menu what can be asked."""
    answer = await endpoint.chat(GREETING)
    models = await endpoint.get("/models")

    assert answer.control.json["model"] in ids(models)


@requirement("EP-MODELS-02")
async def test_two_lists_hold_the_same_models(endpoint: Endpoint) -> None:
    """A client may keep the list for a while, and need not ask twice to be sure."""
    first = await endpoint.get("/models")
    second = await endpoint.get("/models")

    assert sorted(ids(first)) == sorted(ids(second)) != []


@requirement("EP-MODELS-03")
async def test_each_model_tells_its_window(endpoint: Endpoint) -> None:
    """A client knows how much it may send without a table of its own."""
    models = await endpoint.get("/models")

    silent = [m["id"] for m in models.accepted.json["data"] if "context_length" not in m]

    assert silent == []


@requirement("EP-MODELS-04")
async def test_a_window_that_is_told_is_the_documented_one(
    endpoint: Endpoint, edition: Edition
) -> None:
    """A client neither sends too much nor wastes room."""
    models = await endpoint.get("/models")

    listed = {m["id"]: m for m in models.accepted.json["data"]}
    documented = {model.id: model.context_window for model in edition.models if model.id in listed}
    told = {id: listed[id].get("context_length", window) for id, window in documented.items()}

    assert told == documented != {}


@requirement("EP-MODELS-05")
async def test_the_documented_models_are_listed(endpoint: Endpoint, edition: Edition) -> None:
    """A reader of the documents finds what they name."""
    models = await endpoint.get("/models")

    missing = set(edition.documented_models) - set(ids(models))

    assert missing == set()


@requirement("EP-MODELS-06")
async def test_each_model_is_owned_by_moonshot(endpoint: Endpoint) -> None:
    """A client that shows several providers can tell whose a model is."""
    models = await endpoint.get("/models")

    owners = {model["owned_by"] for model in models.accepted.json["data"]}

    assert owners == {"moonshot"}


@requirement("EP-MODELS-07")
@pytest.mark.parametrize("model", ["moonshot-v1-8k", "kimi-k2-0905-preview", "kimi-latest"])
async def test_a_retired_model_is_not_found(endpoint: Endpoint, model: str) -> None:
    """A user with an old setting is told which model is gone, not answered by another."""
    granted = await endpoint.chat(GREETING)
    refused = await endpoint.chat({**GREETING, "model": model})

    assert granted.control.status == 200
    assert refused.refusal == (404, "resource_not_found_error")
    assert model in refused.error_message


@requirement("EP-MODELS-08")
async def test_no_retired_model_is_listed(endpoint: Endpoint, edition: Edition) -> None:
    """A user is not offered in the menu what nobody answers for."""
    models = await endpoint.get("/models")

    gone = {model.id for model in edition.retired}

    assert gone & set(ids(models)) == set()
    assert ids(models) != []


@requirement("EP-MODELS-09")
async def test_each_model_tells_what_it_can(endpoint: Endpoint) -> None:
    """A client knows without a table of its own what it may send to whom."""
    models = await endpoint.get("/models")

    told = [m.get(name) for m in models.accepted.json["data"] for name in CAPABILITIES]

    assert {type(each) for each in told} == {bool}
