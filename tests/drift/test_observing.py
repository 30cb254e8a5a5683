"""The traits of an answer: what a client may rely on, and nothing that a model made up."""

import json
from typing import Any

import pytest

from kimi_conformance.drift import Dimension, Trait, observe, route_of
from kimi_conformance.stage.replies import (
    completion,
    completion_body,
    events,
    html,
    json_reply,
    not_found,
    refusal,
    split,
    stream_of,
    text_chunks,
)
from kimi_conformance.wire.exchange import Answer, Request


def shape(path: str) -> Trait:
    return Trait(Dimension.SHAPE, path)


def test_what_the_model_said_is_no_trait() -> None:
    assert observe(completion("yes")) == observe(completion("a far longer no"))


def test_fields_are_told_by_their_type_and_elements_are_one() -> None:
    traits = observe(json_reply({"data": [{"a": 1}, {"a": None, "b": True}], "c": 1.5}))

    assert traits[shape("data[].a")] == "null|number"
    assert traits[shape("data[].b")] == "boolean"
    assert traits[shape("c")] == "number"
    assert traits[shape("data")] == "array"


def test_what_is_free_is_not_looked_into() -> None:
    body = {"metadata": {"mine": 1}, "function": {"arguments": {"city": "x"}}}

    found = {trait.path for trait in observe(json_reply(body)) if trait.dimension == "shape"}

    assert found == {"metadata", "function", "function.arguments"}


def test_how_a_stream_is_cut_makes_no_difference() -> None:
    whole = stream_of(text_chunks("a", "b"))

    assert observe(split(whole, 7)) == observe(whole)


def test_how_many_pieces_a_text_comes_in_makes_no_difference() -> None:
    assert observe(stream_of(text_chunks("a"))) == observe(stream_of(text_chunks("a", "b", "c")))


def test_the_order_of_a_stream_is_told_by_what_chunks_bring() -> None:
    chunks = text_chunks("a")
    chunks.insert(1, {"choices": [{"index": 0, "delta": {"reasoning_content": "hm"}}]})

    traits = observe(stream_of(chunks))

    assert traits[Trait(Dimension.ORDER, "")] == "role reasoning_content content finish"
    assert traits[Trait(Dimension.GRAMMAR, "terminator")] == "[DONE]"


@pytest.mark.parametrize(("end", "called"), [("\n\n", "LF"), ("\r\n\r\n", "CRLF"), ("\r\r", "CR")])
def test_line_ends_are_told(end: str, called: str) -> None:
    traits = observe(events(json.dumps({"choices": []}), end=end, done=False))

    assert traits[Trait(Dimension.GRAMMAR, "line end")] == called
    assert traits[Trait(Dimension.GRAMMAR, "terminator")] == "none"


@pytest.mark.parametrize(
    ("id", "form"),
    [
        ("chatcmpl-68c0bf8088f068151459af7b", "chatcmpl-<24>"),
        ("chatcmpl-1b4e28ba-2fa1-11d2-883f-0016d3cca427", "chatcmpl-<8>-<4>-<4>-<4>-<12>"),
        ("get_weather:0", "<name>:<n>"),
        ("functions.get_weather:12", "functions.<name>:<n>"),
        ("get_weather_0", "<name>_<n>"),
    ],
)
def test_an_id_is_told_by_its_form(id: str, form: str) -> None:
    assert observe(json_reply({"id": id}))[Trait(Dimension.FORM, "id")] == form


def test_an_error_is_told_without_what_is_another_each_time() -> None:
    text = "Not found the model kimi-k2.6 or Permission denied, try after 12 seconds"

    traits = observe(refusal(404, "resource_not_found_error", text), ("kimi-k2.6",))

    assert traits[Trait(Dimension.STATUS, "")] == "404 resource_not_found_error"
    assert traits[Trait(Dimension.TEXT, "error.message")] == (
        "Not found the model <model> or Permission denied, try after <n> seconds"
    )


def test_the_other_shape_of_a_404_has_a_text_too() -> None:
    traits = observe(not_found(Request(method="GET", path="/v1/nowhere")))

    assert traits[Trait(Dimension.TEXT, "error.message")] == "没找到对象"


def test_what_is_not_json_is_said_to_be_none() -> None:
    assert observe(html())[shape("body")] == "not JSON"


def test_headers_that_a_recording_keeps_are_told() -> None:
    traits = observe(
        Answer(headers=(("Msh-Request-Id", "a1"), ("Server", "x"), ("Vary", "Origin")))
    )

    headers = {trait.path: value for trait, value in traits.items() if "header" in trait.path}
    assert headers == {"header msh-request-id": "sent", "header vary": "Origin"}


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v1/files/d30bv01kkclptuv48kug", "GET /v1/files/{id}"),
        ("/v1/files/d30bv01kkclptuv48kug/content", "GET /v1/files/{id}/content"),
        ("/v1/caching/refs/tags/my-tag/content", "GET /v1/caching/refs/tags/{tag}/content"),
        ("/v1/chat/completions", "GET /v1/chat/completions"),
        ("/v1/users/me/balance", "GET /v1/users/me/balance"),
    ],
)
def test_a_route_has_names_in_place_of_ids(path: str, route: str) -> None:
    assert route_of(Request(method="GET", path=path), Answer()) == route


def test_counts_of_tokens_are_told_by_where_they_stand() -> None:
    body: dict[str, Any] = completion_body()

    traits = observe(json_reply(body))

    assert traits[Trait(Dimension.QUANTITY, "usage.prompt_tokens")] == "9"
