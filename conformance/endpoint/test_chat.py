"""
A chat in one piece: what is counted, what bounds an answer, and what is refused.

Long because its checks are known by the name of this module: ids, cassettes and baselines hold it.
"""

import json
from typing import Any

import pytest

from kimi_conformance.checks import GREETING, Endpoint, InconclusiveError, requirement

BAD_REQUEST = (400, "invalid_request_error")
QUESTION = {"role": "user", "content": "Count from one to twenty in words."}
OPENING = 1_696_118_400  # 2023-10-01: no completion is older
FIVE_STOPS = ["~1", "~2", "~3", "~4", "~5"]


COLOUR: dict[str, Any] = {
    "name": "colour",
    "schema": {
        "type": "object",
        "properties": {"colour": {"type": "string"}},
        "required": ["colour"],
    },
}
SVG = "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4="


def answered_by(schema: dict[str, Any]) -> dict[str, Any]:
    """The response_format that asks for this schema."""
    return {"type": "json_schema", "json_schema": schema}


@requirement("EP-CHAT-01")
async def test_a_question_is_answered_and_counted(endpoint: Endpoint) -> None:
    """A user gets an answer and can check the bill."""
    reply = await endpoint.chat(GREETING)

    usage = reply.accepted.usage

    assert reply.choice["finish_reason"] in {"stop", "length"}
    assert usage["prompt_tokens"] > 0
    assert usage["completion_tokens"] > 0


@requirement("EP-CHAT-02")
@pytest.mark.parametrize("limit", [1, 5])
async def test_an_answer_is_cut_at_max_tokens(endpoint: Endpoint, limit: int) -> None:
    """A user who sets a limit never pays for more."""
    reply = await endpoint.chat({"messages": [QUESTION], "max_tokens": limit})

    usage = reply.accepted.usage

    assert reply.choice["finish_reason"] == "length"
    assert usage["completion_tokens"] <= limit


@requirement("EP-CHAT-03")
@pytest.mark.parametrize("several", [False, True], ids=["text", "list"])
async def test_an_answer_ends_before_a_stop_word(endpoint: Endpoint, several: bool) -> None:
    """A client that parses answers can rely on the mark it chose."""
    whole = (await endpoint.chat(GREETING)).control.message["content"]
    word = whole.split()[len(whole.split()) // 2]
    stopped = await endpoint.chat({**GREETING, "stop": [word] if several else word})

    content = stopped.accepted.message["content"]

    assert word not in content
    assert stopped.choice["finish_reason"] == "stop"


@requirement("EP-CHAT-04")
async def test_a_sixth_stop_word_is_refused(endpoint: Endpoint) -> None:
    """A client learns that its words were too many, before an answer runs past them."""
    granted = await endpoint.chat({**GREETING, "stop": FIVE_STOPS})
    refused = await endpoint.chat({**GREETING, "stop": [*FIVE_STOPS, "~6"]})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST
    assert "stop" in refused.error_message


@requirement("EP-CHAT-05")
async def test_a_stop_word_of_33_bytes_is_refused(endpoint: Endpoint) -> None:
    """A client learns that its word was too long, before an answer runs past it."""
    granted = await endpoint.chat({**GREETING, "stop": ["~" * 32]})
    refused = await endpoint.chat({**GREETING, "stop": ["~" * 33]})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


@requirement("EP-CHAT-06")
async def test_n_asks_for_so_many_choices(endpoint: Endpoint) -> None:
    """A user who wants to choose is given the choice."""
    reply = await endpoint.chat({**GREETING, "n": 2, "temperature": 0.8})

    choices = reply.accepted.json["choices"]
    reasons = {choice["finish_reason"] for choice in choices}

    assert [choice["index"] for choice in choices] == [0, 1]
    assert reasons <= {"stop", "length"}


@requirement("EP-CHAT-07")
async def test_a_sixth_choice_is_refused(endpoint: Endpoint) -> None:
    """A slip in n does not become a bill."""
    granted = await endpoint.chat({**GREETING, "n": 1, "temperature": 1})
    refused = await endpoint.chat({**GREETING, "n": 6, "temperature": 1})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


@requirement("EP-CHAT-08")
async def test_two_choices_at_temperature_zero_are_refused(endpoint: Endpoint) -> None:
    """A user does not pay twice for one and the same answer."""
    granted = await endpoint.chat({**GREETING, "n": 1, "temperature": 0})
    refused = await endpoint.chat({**GREETING, "n": 2, "temperature": 0})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


@requirement("EP-CHAT-09")
@pytest.mark.parametrize("temperature", [-0.5, 1.5])
async def test_a_temperature_beyond_its_range_is_refused(
    endpoint: Endpoint, temperature: float
) -> None:
    """A user who comes from an API with another scale is told, rather than given nonsense."""
    granted = await endpoint.chat({**GREETING, "temperature": 1})
    refused = await endpoint.chat({**GREETING, "temperature": temperature})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


@requirement("EP-CHAT-10")
@pytest.mark.parametrize(
    ("field", "fair", "unfair"),
    [
        ("top_p", 0.95, 1.5),
        ("presence_penalty", 0, 2.5),
        ("frequency_penalty", 0, -2.5),
    ],
    ids=["top_p", "presence_penalty", "frequency_penalty"],
)
async def test_a_sampling_value_beyond_its_range_is_refused(
    endpoint: Endpoint, field: str, fair: float, unfair: float
) -> None:
    """A slip in a setting is found at once, not by strange answers."""
    granted = await endpoint.chat({**GREETING, field: fair})
    refused = await endpoint.chat({**GREETING, field: unfair})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


@requirement("EP-CHAT-11")
async def test_a_chat_without_messages_is_refused(endpoint: Endpoint) -> None:
    """A client that lost its messages does not get an answer to nothing."""
    granted = await endpoint.chat(GREETING)
    refused = await endpoint.chat({**GREETING, "messages": []})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST
    assert "messages" in refused.error_message


@requirement("EP-CHAT-12")
async def test_a_role_that_is_not_documented_is_refused(endpoint: Endpoint) -> None:
    """A message never counts as somebody's who did not say it."""
    granted = await endpoint.chat({**GREETING, "messages": [QUESTION], "max_tokens": 8})
    stranger = {**QUESTION, "role": "moderator"}
    refused = await endpoint.chat({**GREETING, "messages": [stranger], "max_tokens": 8})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


@requirement("EP-CHAT-13")
async def test_an_empty_assistant_message_is_refused(endpoint: Endpoint) -> None:
    """A client that stored a broken-off answer finds it before it spoils the conversation."""
    asked, go_on = QUESTION, {"role": "user", "content": "Go on."}
    said = {"role": "assistant", "content": "One, two."}
    granted = await endpoint.chat({"messages": [asked, said, go_on], "max_tokens": 8})
    said = {"role": "assistant", "content": ""}
    refused = await endpoint.chat({"messages": [asked, said, go_on], "max_tokens": 8})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST
    assert "empty" in refused.error_message


@requirement("EP-CHAT-14")
@pytest.mark.parametrize(
    "model",
    ["kimi-model-that-never-was", "kimi-不存在", "kimi-<none>&co"],
    ids=["plain", "chinese", "escaped"],
)
async def test_an_unknown_model_is_named_in_the_refusal(endpoint: Endpoint, model: str) -> None:
    """A user sees the very name that was sent, and finds the slip in it."""
    granted = await endpoint.chat(GREETING)
    refused = await endpoint.chat({**GREETING, "model": model})

    assert granted.control.status == 200
    assert refused.refusal == (404, "resource_not_found_error")
    assert model in refused.error_message


@requirement("EP-CHAT-15")
async def test_more_than_the_window_is_refused(endpoint: Endpoint) -> None:
    """A client that asks for too much is told, and can shorten its prompt."""
    granted = await endpoint.chat({"messages": [QUESTION], "max_tokens": 8})
    window = endpoint.known_model.context_window
    refused = await endpoint.chat({"messages": [QUESTION], "max_tokens": window})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


@requirement("EP-CHAT-16")
async def test_the_refusal_names_the_window_and_what_was_requested(endpoint: Endpoint) -> None:
    """A client can tell from the message by how much it has to shorten its prompt."""
    granted = await endpoint.chat({"messages": [QUESTION], "max_tokens": 8})
    window = endpoint.known_model.context_window
    refused = await endpoint.chat({"messages": [QUESTION], "max_tokens": window})

    requested = window + granted.control.usage["prompt_tokens"]

    assert refused.refusal == BAD_REQUEST
    assert str(window) in refused.error_message
    assert str(requested) in refused.error_message


@requirement("EP-CHAT-17")
async def test_the_order_of_keys_does_not_matter(endpoint: Endpoint) -> None:
    """A client in a language that sorts its keys is served like any other."""
    body = {"model": endpoint.model, **GREETING}
    backwards = dict(reversed(body.items()))
    one = await endpoint.post("/chat/completions", body)
    other = await endpoint.post("/chat/completions", backwards)

    assert one.control.usage["prompt_tokens"] == other.accepted.usage["prompt_tokens"]


@requirement("EP-CHAT-18")
@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([{**QUESTION, "content": QUESTION["content"] * 2}], id="longer question"),
        pytest.param([{"role": "system", "content": "You are terse."}, QUESTION], id="system"),
        pytest.param(
            [QUESTION, {"role": "assistant", "content": "One, two."}, QUESTION], id="earlier turn"
        ),
    ],
)
async def test_more_of_a_prompt_counts_as_more(
    endpoint: Endpoint, messages: list[dict[str, str]]
) -> None:
    """Whoever checks a bill finds that it follows from what was sent."""
    short = await endpoint.chat({"messages": [QUESTION], "max_tokens": 8})
    long = await endpoint.chat({"messages": messages, "max_tokens": 8})

    assert long.accepted.usage["prompt_tokens"] > short.control.usage["prompt_tokens"]


@requirement("EP-CHAT-19")
@pytest.mark.parametrize(
    "more",
    [{}, {"max_tokens": 2}, {"temperature": 1}, {"stop": ["~"]}],
    ids=["again", "max_tokens", "temperature", "stop"],
)
async def test_the_same_messages_count_the_same(endpoint: Endpoint, more: dict[str, Any]) -> None:
    """Whoever estimates a bill from earlier ones is right."""
    one = await endpoint.chat(GREETING)
    other = await endpoint.chat({**GREETING, **more})

    assert one.control.usage["prompt_tokens"] == other.accepted.usage["prompt_tokens"]


@requirement("EP-CHAT-20")
async def test_a_conversation_goes_on(endpoint: Endpoint) -> None:
    """A user can ask back, and the model has the whole conversation before it."""
    first = await endpoint.chat(GREETING)
    said = {"role": "assistant", "content": first.control.message["content"]}
    turn = {"role": "user", "content": "And once more, please."}
    second = await endpoint.chat({**GREETING, "messages": [*GREETING["messages"], said, turn]})

    assert second.accepted.message["role"] == "assistant"
    assert second.usage["prompt_tokens"] > first.usage["prompt_tokens"]


@requirement("EP-CHAT-21")
async def test_content_may_be_a_list_of_text_parts(endpoint: Endpoint) -> None:
    """A client that sends parts, for the sake of images, sends its texts so too."""
    part = {"type": "text", "text": "Count from one to twenty in words."}
    one = await endpoint.chat({"messages": [{"role": "user", "content": [part]}], "max_tokens": 8})
    more = {"role": "user", "content": [part, part, part]}
    several = await endpoint.chat({"messages": [more], "max_tokens": 8})

    assert several.accepted.usage["prompt_tokens"] > one.accepted.usage["prompt_tokens"]


@requirement("EP-CHAT-22")
async def test_an_unknown_field_is_ignored(endpoint: Endpoint) -> None:
    """A client that was written for a sister API need not strip what is only hers."""
    plain = await endpoint.chat(GREETING)
    decorated = await endpoint.chat({**GREETING, "a_field_that_nobody_knows": {"deep": [1]}})

    assert decorated.accepted.usage["prompt_tokens"] == plain.control.usage["prompt_tokens"]


@requirement("EP-CHAT-23")
async def test_an_estimate_grows_with_the_messages(endpoint: Endpoint) -> None:
    """A client learns beforehand whether a prompt fits."""
    path, model = "/tokenizers/estimate-token-count", endpoint.model
    short = await endpoint.post(path, {"model": model, "messages": [QUESTION]})
    long = await endpoint.post(path, {"model": model, "messages": [QUESTION] * 3})

    one, three = (reply.accepted.json["data"]["total_tokens"] for reply in (short, long))

    assert 0 < one < three


@requirement("EP-CHAT-24")
async def test_partial_mode_does_not_repeat_the_beginning(endpoint: Endpoint) -> None:
    """A client puts its beginning and the answer together, and has no word twice."""
    beginning = "The first three planets are Mercury,"
    given = {"role": "assistant", "content": beginning, "partial": True}
    asked = {"role": "user", "content": "Name the first three planets in one sentence."}
    reply = await endpoint.chat({"messages": [asked, given], "max_tokens": 64})

    content = reply.accepted.message["content"]

    assert beginning not in content
    assert reply.usage["completion_tokens"] > 0


@requirement("EP-CHAT-25")
async def test_json_mode_answers_with_an_object(endpoint: Endpoint) -> None:
    """A program reads the answer without looking for the JSON in it."""
    wish = "Answer with a JSON object that has one key, 'colour', for the sky by day."
    asked = {"role": "user", "content": wish}
    form = {"type": "json_object"}
    reply = await endpoint.chat({"messages": [asked], "response_format": form, "max_tokens": 64})

    content = json.loads(reply.accepted.message["content"])

    assert isinstance(content, dict)


@requirement("EP-CHAT-26")
@pytest.mark.parametrize("content", [7, {"text": "hi"}, True], ids=["number", "object", "boolean"])
async def test_content_of_another_type_is_refused(endpoint: Endpoint, content: Any) -> None:
    """A client that builds its messages wrongly learns it before the model guesses."""
    granted = await endpoint.chat({"messages": [QUESTION], "max_tokens": 8})
    refused = await endpoint.chat({"messages": [{**QUESTION, "content": content}], "max_tokens": 8})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


@requirement("EP-CHAT-29")
async def test_a_part_that_the_model_cannot_take_is_refused(endpoint: Endpoint) -> None:
    """A user is told, rather than answered by a model that did not see what was sent."""
    text = {"type": "text", "text": "What is this?"}
    video = {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AAAA"}}
    granted = await endpoint.chat({"messages": [{**QUESTION, "content": [text]}], "max_tokens": 8})
    shown = {**QUESTION, "content": [text, video]}
    refused = await endpoint.chat({"messages": [shown], "max_tokens": 8})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST
    assert "part type" in refused.error_message


@requirement("EP-CHAT-30")
async def test_an_unknown_response_format_is_refused(endpoint: Endpoint) -> None:
    """A program that counts on a format is told when it cannot have it."""
    granted = await endpoint.chat({**GREETING, "response_format": {"type": "text"}})
    refused = await endpoint.chat({**GREETING, "response_format": {"type": "haiku"}})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


@requirement("EP-CHAT-31")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", 0.5),
        ("top_p", 0.9),
        ("n", 1),
        ("max_tokens", 8),
        ("presence_penalty", 0.5),
        ("frequency_penalty", -0.5),
        ("stop", ["~"]),
        ("response_format", {"type": "text"}),
    ],
    ids=[
        "temperature",
        "top_p",
        "n",
        "max_tokens",
        "presence_penalty",
        "frequency_penalty",
        "stop",
        "response_format",
    ],
)
async def test_a_documented_field_is_taken(endpoint: Endpoint, field: str, value: Any) -> None:
    """A user can set what the reference offers."""
    reply = await endpoint.chat({**GREETING, field: value})

    assert reply.accepted.message["role"] == "assistant"


@requirement("EP-CHAT-32")
async def test_each_completion_has_an_id_of_its_own(endpoint: Endpoint) -> None:
    """A client that stores answers by their ids loses none."""
    first = await endpoint.chat(GREETING)
    second = await endpoint.chat(GREETING)

    assert first.control.json["id"] != second.accepted.json["id"]


@requirement("EP-CHAT-33")
async def test_created_tells_unix_seconds(endpoint: Endpoint) -> None:
    """A client that sorts answers by their age sorts them rightly."""
    reply = await endpoint.chat(GREETING)

    assert reply.accepted.json["created"] > OPENING


@requirement("EP-CHAT-35")
async def test_logit_bias_is_refused(endpoint: Endpoint) -> None:
    """A user who steers by single tokens learns that it would have no effect."""
    granted = await endpoint.chat(GREETING)
    refused = await endpoint.chat({**GREETING, "logit_bias": {"100": -100}})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST
    assert "logit_bias" in refused.error_message


@requirement("EP-CHAT-36")
async def test_top_logprobs_without_logprobs_is_refused(endpoint: Endpoint) -> None:
    """A user who forgot one of two fields is told which."""
    granted = await endpoint.chat(GREETING)
    refused = await endpoint.chat({**GREETING, "top_logprobs": 2})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST
    assert "logprobs" in refused.error_message


@requirement("EP-CHAT-37")
@pytest.mark.parametrize("missing", ["name", "schema"])
async def test_an_incomplete_response_schema_is_refused(endpoint: Endpoint, missing: str) -> None:
    """A program that counts on a schema is told that it gave none."""
    part = {key: value for key, value in COLOUR.items() if key != missing}
    granted = await endpoint.chat({**GREETING, "response_format": answered_by(COLOUR)})
    refused = await endpoint.chat({**GREETING, "response_format": answered_by(part)})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST


@requirement("EP-CHAT-40")
async def test_an_answer_keeps_to_the_schema_that_was_given(endpoint: Endpoint) -> None:
    """A program reads the answer by the schema it asked for, without a second try."""
    asked = {**GREETING, "max_tokens": 1024, "response_format": answered_by(COLOUR)}
    reply = await endpoint.chat(asked)

    if_whole(reply.accepted.choice)
    answer = json.loads(reply.message["content"])

    assert isinstance(answer["colour"], str)


def if_whole(choice: dict[str, Any]) -> None:
    """Return if an answer came to its own end; one that was cut keeps to no schema."""
    if choice["finish_reason"] == "length":
        raise InconclusiveError("the answer did not come to its end within its limit")


@requirement("EP-CHAT-38")
async def test_an_image_that_is_none_is_refused(endpoint: Endpoint) -> None:
    """A user who sends a drawing in a form that is not read is told so."""
    text = {"type": "text", "text": "What is this?"}
    drawing = {"type": "image_url", "image_url": {"url": SVG}}
    granted = await endpoint.chat({"messages": [{**QUESTION, "content": [text]}], "max_tokens": 8})
    shown = {**QUESTION, "content": [text, drawing]}
    refused = await endpoint.chat({"messages": [shown], "max_tokens": 8})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST
    assert "image format" in refused.error_message


@requirement("EP-CHAT-41")
async def test_partial_mode_without_thinking_goes_on_from_the_beginning(
    endpoint: Endpoint,
) -> None:
    """A client that fixes how an answer begins puts the two together, and has no word twice."""
    beginning = "The first three planets are Mercury,"
    given = {"role": "assistant", "content": beginning, "partial": True}
    asked = {"role": "user", "content": "Name the first three planets in one sentence."}
    plain = {"thinking": {"type": "disabled"}, "max_tokens": 64}
    free = (await endpoint.chat({**plain, "messages": [asked]})).control
    bound = await endpoint.chat({**plain, "messages": [asked, given]})

    content = bound.accepted.message["content"]

    assert free.status == 200
    assert content != ""
    assert beginning not in content


@requirement("EP-CHAT-39")
async def test_a_response_schema_of_another_flavour_is_refused(endpoint: Endpoint) -> None:
    """A program learns that its schema cannot be kept to, before an answer breaks it."""
    loose = {**COLOUR, "schema": {**COLOUR["schema"], "required": ["colour", "shade"]}}
    granted = await endpoint.chat({**GREETING, "response_format": answered_by(COLOUR)})
    refused = await endpoint.chat({**GREETING, "response_format": answered_by(loose)})

    assert granted.control.status == 200
    assert refused.refusal == BAD_REQUEST
    assert "moonshot flavored json schema" in refused.error_message
